#include "http/openapi_schema.h"

#include <string.h>

void ct_openapi_reference(struct ct_json_out *out, const char *name, const char *section,
                          const char *target, const char *suffix)
{
    ct_json_open(out, name, '{');
    ct_json_begin(out, "$ref");
    ct_buf_printf(&out->text, "\"#/components/%s/%s%s\"", section, target, suffix);
    ct_json_close(out, '}');
}

static bool is_nullable(const struct ct_field *field, enum ct_value_place place)
{
    const unsigned both = CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE;
    return (place == CT_IN_REPLY && (field->flags & CT_FIELD_NULLABLE) != 0) ||
           (place == CT_IN_BODY && (field->flags & both) == both);
}

static const char *type_of(enum ct_field_type type)
{
    switch (type) {
    case CT_FIELD_INT:
        return "integer";
    case CT_FIELD_BOOL:
        return "boolean";
    case CT_FIELD_TEXTS:
    case CT_FIELD_INTS:
    case CT_FIELD_OBJECTS:
        return "array";
    case CT_FIELD_JSON:
    case CT_FIELD_OBJECT:
        return "object";
    case CT_FIELD_SECONDS:
        return "number";
    default:
        return "string";
    }
}

static void put_type(struct ct_json_out *out, const char *type, bool nullable)
{
    if (!nullable) {
        ct_json_text(out, "type", type);
        return;
    }
    ct_json_open(out, "type", '[');
    ct_json_text(out, NULL, type);
    ct_json_text(out, NULL, "null");
    ct_json_close(out, ']');
}

static void put_words(struct ct_json_out *out, const char *const *words, bool nullable)
{
    ct_json_open(out, "enum", '[');
    for (; *words != NULL; words++)
        ct_json_text(out, NULL, *words);
    if (nullable)
        ct_json_raw(out, NULL, "null");
    ct_json_close(out, ']');
}

/* What a text may be: a field of its own, or one of a list. */
static void put_text_limits(struct ct_json_out *out, const struct ct_config *config,
                            const struct ct_field *field, bool nullable, bool is_input)
{
    int64_t min = field->min;
    if (field->min_setting != 0)
        memcpy(&min, (const char *)config + field->min_setting, sizeof(min));
    /* JSON Schema counts characters; an upper limit in bytes is said in the description. */
    if (is_input && min > 0)
        ct_json_int(out, "minLength", min);
    if (is_input && field->max > 0 && (field->flags & CT_FIELD_BYTES) == 0)
        ct_json_int(out, "maxLength", field->max);
    /* A field that is normalized takes more than the pattern, which describes the result. */
    if (field->pattern != NULL && (!is_input || field->normalize == NULL))
        ct_json_text(out, "pattern", field->pattern);
    if (field->words != NULL)
        put_words(out, field->words, nullable);
}

static void put_int_limits(struct ct_json_out *out, const struct ct_field *field, bool is_input)
{
    if (!is_input || (field->min == 0 && field->max == 0))
        return;
    ct_json_int(out, "minimum", field->min);
    ct_json_int(out, "maximum", field->max);
}

static void put_list_limits(struct ct_json_out *out, const struct ct_config *config,
                            const struct ct_field *field, bool is_input)
{
    ct_json_open(out, "items", '{');
    ct_json_text(out, "type", field->type == CT_FIELD_INTS ? "integer" : "string");
    if (field->type == CT_FIELD_INTS)
        put_int_limits(out, field, is_input);
    else
        put_text_limits(out, config, field, false, is_input);
    ct_json_close(out, '}');
    if (is_input && field->max_count > 0)
        ct_json_int(out, "maxItems", field->max_count);
}

/* What an optional member is when it is missing, unless that is nothing. */
static void put_default(struct ct_json_out *out, const struct ct_field *field)
{
    if ((field->flags & CT_FIELD_OPTIONAL) == 0)
        return;
    if (field->type == CT_FIELD_INT && field->fallback != INT64_MIN)
        ct_json_int(out, "default", field->fallback);
    else if (field->type == CT_FIELD_BOOL)
        ct_json_raw(out, "default", field->fallback != 0 ? "true" : "false");
}

static void put_members(struct ct_json_out *out, const struct ct_config *config,
                        const struct ct_schema *schema, enum ct_value_place place);

/* What a field of that type may be, apart from its type. */
static void put_limits(struct ct_json_out *out, const struct ct_config *config,
                       const struct ct_field *field, enum ct_value_place place)
{
    bool is_input = place != CT_IN_REPLY;
    switch (field->type) {
    case CT_FIELD_STRING:
        put_text_limits(out, config, field, is_nullable(field, place), is_input);
        break;
    case CT_FIELD_TEXTS:
    case CT_FIELD_INTS:
        put_list_limits(out, config, field, is_input);
        break;
    case CT_FIELD_INT:
        put_int_limits(out, field, is_input);
        break;
    case CT_FIELD_OBJECT:
        put_members(out, config, field->of, place);
        break;
    case CT_FIELD_OBJECTS:
        ct_json_open(out, "items", '{');
        ct_json_text(out, "type", "object");
        put_members(out, config, field->of, place);
        ct_json_close(out, '}');
        break;
    case CT_FIELD_TIME:
    case CT_FIELD_BOOL:
    case CT_FIELD_JSON:
    case CT_FIELD_SECONDS:
        break;
    }
}

void ct_openapi_field(struct ct_json_out *out, const struct ct_config *config, const char *name,
                      const struct ct_field *field, enum ct_value_place place)
{
    bool is_input = place != CT_IN_REPLY;
    bool nullable = is_nullable(field, place);
    ct_json_open(out, name, '{');
    put_type(out, type_of(field->type), nullable);
    const char *format = field->format;
    if (field->type == CT_FIELD_TIME)
        format = "date-time";
    if ((field->flags & CT_FIELD_SECRET) != 0 && is_input)
        format = "password";
    if (format != NULL)
        ct_json_text(out, "format", format);
    put_limits(out, config, field, place);
    if (is_input)
        put_default(out, field);
    if (field->doc != NULL)
        ct_json_text(out, "description", field->doc);
    if (field->example != NULL) {
        ct_json_open(out, "examples", '[');
        ct_json_raw(out, NULL, field->example);
        ct_json_close(out, ']');
    }
    ct_json_close(out, '}');
}

static bool is_required(const struct ct_field *field, enum ct_value_place place)
{
    return (field->flags & (place == CT_IN_REPLY ? CT_FIELD_OMITTED : CT_FIELD_OPTIONAL)) == 0;
}

static void put_members(struct ct_json_out *out, const struct ct_config *config,
                        const struct ct_schema *schema, enum ct_value_place place)
{
    size_t required = 0;
    ct_json_open(out, "properties", '{');
    for (size_t i = 0; i < schema->count; i++) {
        ct_openapi_field(out, config, schema->fields[i].name, &schema->fields[i], place);
        required += is_required(&schema->fields[i], place);
    }
    ct_json_close(out, '}');
    if (required > 0) {
        ct_json_open(out, "required", '[');
        for (size_t i = 0; i < schema->count; i++) {
            if (is_required(&schema->fields[i], place))
                ct_json_text(out, NULL, schema->fields[i].name);
        }
        ct_json_close(out, ']');
    }
}

void ct_openapi_schema(struct ct_json_out *out, const struct ct_config *config,
                       const struct ct_schema *schema, enum ct_value_place place)
{
    ct_json_open(out, schema->name, '{');
    ct_json_text(out, "type", "object");
    ct_json_text(out, "title", schema->name);
    if (schema->doc != NULL)
        ct_json_text(out, "description", schema->doc);
    put_members(out, config, schema, place);
    ct_json_close(out, '}');
}

void ct_openapi_page(struct ct_json_out *out, const struct ct_schema *item)
{
    ct_json_begin(out, NULL);
    out->comma = false;
    ct_buf_printf(&out->text,
                  "\"%sPage\":{\"type\":\"object\",\"title\":\"%sPage\",\"properties\":",
                  item->name, item->name);
    ct_json_open(out, NULL, '{');
    ct_json_open(out, "items", '{');
    ct_json_text(out, "type", "array");
    ct_openapi_reference(out, "items", "schemas", item->name, "");
    ct_json_close(out, '}');
    ct_json_raw(out, "next",
                "{\"type\":[\"string\",\"null\"],\"description\":"
                "\"What to send as `after` to get the next page; null at the end.\"}");
    ct_json_close(out, '}');
    ct_json_raw(out, "required", "[\"items\",\"next\"]");
    ct_json_close(out, '}');
}
