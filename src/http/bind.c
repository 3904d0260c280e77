#include "http/bind.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"

/* The most fields of one schema. */
#define MAX_FIELDS 32

/** What the functions of one binding share. */
struct binding {
    struct ct_arena *arena;
    const struct ct_config *config;
    const char *place;
    struct ct_faults *faults;
    char *out;
};

static void refuse(const struct binding *b, const struct ct_field *field, const char *type,
                   const char *message)
{
    ct_fault_add(b->faults,
                 &(struct ct_fault){
                     .type = type, .place = b->place, .field = field->name, .message = message});
}

/* A fault whose message is a sentence around a number: "… at least 8 characters". */
static void refuse_limit(const struct binding *b, const struct ct_field *field, const char *type,
                         const char *before, const char *after, const char *ctx_name, int64_t limit)
{
    const char *plural = limit == 1 || after[0] == '\0' ? "" : "s";
    const char *message =
        ct_arena_printf(b->arena, "%s%lld%s%s", before, (long long)limit, after, plural);
    if (message == NULL) {
        b->faults->failed = true;
        return;
    }
    ct_fault_add(b->faults, &(struct ct_fault){.type = type,
                                               .place = b->place,
                                               .field = field->name,
                                               .message = message,
                                               .ctx_name = ctx_name,
                                               .ctx_number = limit});
}

static void refuse_pattern(const struct binding *b, const struct ct_field *field)
{
    const char *message =
        ct_arena_printf(b->arena, "String should match pattern '%s'", field->pattern);
    if (message == NULL) {
        b->faults->failed = true;
        return;
    }
    ct_fault_add(b->faults, &(struct ct_fault){.type = "string_pattern_mismatch",
                                               .place = b->place,
                                               .field = field->name,
                                               .message = message,
                                               .ctx_name = "pattern",
                                               .ctx_text = field->pattern});
}

static int64_t minimum_of(const struct binding *b, const struct ct_field *field)
{
    if (field->min_setting == 0)
        return field->min;
    int64_t setting;
    memcpy(&setting, (const char *)b->config + field->min_setting, sizeof(setting));
    return setting;
}

static enum ct_result put_string(const struct binding *b, const struct ct_field *field,
                                 struct ct_str text)
{
    int64_t length =
        (int64_t)((field->flags & CT_FIELD_BYTES) != 0 ? text.len : ct_utf8_length(text));
    const char *unit = (field->flags & CT_FIELD_BYTES) != 0 ? " byte" : " character";
    int64_t min = minimum_of(b, field);
    if (length < min) {
        refuse_limit(b, field, "string_too_short", "String should have at least ", " character",
                     "min_length", min);
        return CT_OK;
    }
    if (field->max > 0 && length > field->max) {
        refuse_limit(b, field, "string_too_long", "String should have at most ", unit, "max_length",
                     field->max);
        return CT_OK;
    }
    struct ct_str stored = text;
    if (field->normalize != NULL) {
        enum ct_result result = field->normalize(b->arena, text, &stored);
        if (result == CT_INVALID) {
            refuse_pattern(b, field);
            return CT_OK;
        }
        if (result != CT_OK)
            return result;
    }
    memcpy(b->out + field->offset, &stored, sizeof(stored));
    return CT_OK;
}

static void put_int(const struct binding *b, const struct ct_field *field, int64_t value)
{
    bool limited = field->min != 0 || field->max != 0;
    if (limited && value < field->min) {
        refuse_limit(b, field, "greater_than_equal", "Input should be greater than or equal to ",
                     "", "ge", field->min);
    } else if (limited && value > field->max) {
        refuse_limit(b, field, "less_than_equal", "Input should be less than or equal to ", "",
                     "le", field->max);
    } else {
        memcpy(b->out + field->offset, &value, sizeof(value));
    }
}

static void put_missing(const struct binding *b, const struct ct_field *field)
{
    if ((field->flags & CT_FIELD_OPTIONAL) == 0)
        refuse(b, field, "missing", "Field required");
    else if (field->type == CT_FIELD_INT)
        memcpy(b->out + field->offset, &field->fallback, sizeof(field->fallback));
}

/* A value that came as text: a path segment, a query or form value. */
static enum ct_result put_text(const struct binding *b, const struct ct_field *field,
                               struct ct_str text)
{
    if (field->type == CT_FIELD_STRING)
        return put_string(b, field, text);
    int64_t value;
    switch (ct_int_parse(text, &value)) {
    case CT_OK:
        put_int(b, field, value);
        return CT_OK;
    case CT_NOT_FOUND:
        refuse(b, field, "int_parsing_size",
               "Unable to parse input string as an integer, exceeded maximum size");
        return CT_OK;
    default:
        refuse(b, field, "int_parsing",
               "Input should be a valid integer, unable to parse string as an integer");
        return CT_OK;
    }
}

/* NULL: the field is missing. */
static enum ct_result put_json(const struct binding *b, const struct ct_field *field,
                               const struct ct_json *value)
{
    const unsigned none = CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE;
    if (value == NULL || (value->kind == CT_JSON_NULL && (field->flags & none) == none)) {
        put_missing(b, field);
        return CT_OK;
    }
    if (field->type == CT_FIELD_STRING) {
        struct ct_str text;
        if (value->kind != CT_JSON_STRING) {
            refuse(b, field, "string_type", "Input should be a valid string");
            return CT_OK;
        }
        enum ct_result result = ct_json_string(b->arena, *value, &text);
        return result == CT_OK ? put_string(b, field, text) : result;
    }
    if (value->kind != CT_JSON_INTEGER) {
        refuse(b, field, "int_type", "Input should be a valid integer");
        return CT_OK;
    }
    return put_text(b, field, value->text);
}

static bool is_blank(struct ct_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr(" \t\r\n", text.at[i]) == NULL || text.at[i] == '\0')
            return false;
    }
    return true;
}

static void refuse_json(const struct binding *b, struct ct_str body, struct ct_json_fault fault)
{
    struct ct_str before = {body.at, fault.at};
    ct_fault_add(b->faults, &(struct ct_fault){.type = "json_invalid",
                                               .place = b->place,
                                               .position = (int64_t)ct_utf8_length(before),
                                               .message = "JSON decode error",
                                               .ctx_name = "error",
                                               .ctx_text = fault.why});
}

static void refuse_body(const struct binding *b, const char *type, const char *message)
{
    ct_fault_add(
        b->faults,
        &(struct ct_fault){.type = type, .place = b->place, .position = -1, .message = message});
}

/* The member of each field; of a name that comes twice, the last. */
static enum ct_result find_members(struct ct_arena *arena, const struct ct_schema *schema,
                                   struct ct_json object, struct ct_json *found, bool *there)
{
    struct ct_json name;
    struct ct_json value;
    assert(schema->count <= MAX_FIELDS);
    for (size_t at = 0; ct_json_next_member(object, &at, &name, &value);) {
        struct ct_str text = {name.text.at + 1, name.text.len - 2};
        enum ct_result result =
            memchr(text.at, '\\', text.len) == NULL ? CT_OK : ct_json_string(arena, name, &text);
        if (result != CT_OK)
            return result;
        for (size_t i = 0; i < schema->count; i++) {
            if (ct_str_equal(text, ct_str_of(schema->fields[i].name))) {
                found[i] = value;
                there[i] = true;
            }
        }
    }
    return CT_OK;
}

enum ct_result ct_bind_json(struct ct_arena *arena, const struct ct_config *config,
                            const struct ct_schema *schema, struct ct_str body,
                            struct ct_faults *faults, void *out)
{
    const struct binding b = {arena, config, "body", faults, out};
    if (is_blank(body)) {
        refuse_body(&b, "missing", "Field required");
        return CT_OK;
    }
    struct ct_json value;
    struct ct_json_fault fault;
    if (!ct_json_read(body, &value, &fault)) {
        refuse_json(&b, body, fault);
        return CT_OK;
    }
    if (value.kind != CT_JSON_OBJECT) {
        refuse_body(&b, "model_attributes_type",
                    "Input should be a valid dictionary or object to extract fields from");
        return CT_OK;
    }
    struct ct_json found[MAX_FIELDS];
    bool there[MAX_FIELDS] = {false};
    enum ct_result result = find_members(arena, schema, value, found, there);
    for (size_t i = 0; i < schema->count && result == CT_OK; i++)
        result = put_json(&b, &schema->fields[i], there[i] ? &found[i] : NULL);
    return result;
}

enum ct_result ct_percent_decode(struct ct_arena *arena, struct ct_str text, bool plus,
                                 struct ct_str *out)
{
    char *copy = ct_arena_copy(arena, text.at, text.len);
    if (copy == NULL)
        return CT_NOMEM;
    size_t size = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%') {
            if (text.len - i < 3)
                return CT_INVALID;
            int high = ct_hex_value(text.at[i + 1]);
            int low = ct_hex_value(text.at[i + 2]);
            if (high < 0 || low < 0)
                return CT_INVALID;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        copy[size++] = c;
    }
    copy[size] = '\0';
    *out = (struct ct_str){copy, size};
    return ct_utf8_valid(*out) ? CT_OK : CT_INVALID;
}

/* Finds the last pair of this name. CT_NOT_FOUND without one. */
static enum ct_result find_pair(struct ct_arena *arena, struct ct_str pairs, const char *name,
                                struct ct_str *out)
{
    enum ct_result found = CT_NOT_FOUND;
    size_t at = 0;
    while (at < pairs.len) {
        const char *start = pairs.at + at;
        const char *end = memchr(start, '&', pairs.len - at);
        size_t size = end == NULL ? pairs.len - at : (size_t)(end - start);
        at += size + 1;
        const char *equals = memchr(start, '=', size);
        struct ct_str key = {start, equals == NULL ? size : (size_t)(equals - start)};
        struct ct_str decoded;
        enum ct_result result = ct_percent_decode(arena, key, true, &decoded);
        if (result == CT_NOMEM)
            return result;
        if (result != CT_OK || !ct_str_equal(decoded, ct_str_of(name)))
            continue;
        *out = equals == NULL ? (struct ct_str){"", 0}
                              : (struct ct_str){equals + 1, size - key.len - 1};
        found = CT_OK;
    }
    return found;
}

static enum ct_result put_encoded(const struct binding *b, const struct ct_field *field,
                                  struct ct_str encoded, bool plus)
{
    struct ct_str text;
    enum ct_result result = ct_percent_decode(b->arena, encoded, plus, &text);
    if (result == CT_INVALID) {
        refuse(b, field, "string_unicode",
               "Input should be a valid string, unable to parse raw data as a unicode string");
        return CT_OK;
    }
    return result == CT_OK ? put_text(b, field, text) : result;
}

enum ct_result ct_bind_pairs(struct ct_arena *arena, const struct ct_config *config,
                             const struct ct_schema *schema, const char *place, struct ct_str pairs,
                             struct ct_faults *faults, void *out)
{
    const struct binding b = {arena, config, place, faults, out};
    for (size_t i = 0; i < schema->count; i++) {
        const struct ct_field *field = &schema->fields[i];
        struct ct_str value;
        enum ct_result result = find_pair(arena, pairs, field->name, &value);
        if (result == CT_OK)
            result = put_encoded(&b, field, value, true);
        else if (result == CT_NOT_FOUND) {
            put_missing(&b, field);
            result = CT_OK;
        }
        if (result != CT_OK)
            return result;
    }
    return CT_OK;
}

enum ct_result ct_bind_path(struct ct_arena *arena, const struct ct_config *config,
                            const struct ct_schema *schema, const struct ct_str *segments,
                            struct ct_faults *faults, void *out)
{
    const struct binding b = {arena, config, "path", faults, out};
    for (size_t i = 0; i < schema->count; i++) {
        enum ct_result result = put_encoded(&b, &schema->fields[i], segments[i], false);
        if (result != CT_OK)
            return result;
    }
    return CT_OK;
}
