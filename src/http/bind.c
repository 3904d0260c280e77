#include "http/bind.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "http/bind_value.h"

/* The most fields of one schema. */
#define MAX_FIELDS 32

static bool is_blank(struct ct_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr(" \t\r\n", text.at[i]) == NULL || text.at[i] == '\0')
            return false;
    }
    return true;
}

static void refuse_json(const struct ct_binding *b, struct ct_str body, struct ct_json_fault fault)
{
    struct ct_str before = {body.at, fault.at};
    ct_fault_add(b->faults, &(struct ct_fault){.type = "json_invalid",
                                               .place = b->place,
                                               .position = (int64_t)ct_utf8_length(before),
                                               .message = "JSON decode error",
                                               .ctx_name = "error",
                                               .ctx_text = fault.why});
}

static void refuse_body(const struct ct_binding *b, const char *type, const char *message)
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
    const struct ct_binding b = {arena, config, "body", faults, out};
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
        result = ct_bind_member(&b, &schema->fields[i], there[i] ? &found[i] : NULL);
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

static enum ct_result put_encoded(const struct ct_binding *b, const struct ct_field *field,
                                  struct ct_str encoded, bool plus)
{
    struct ct_str text;
    enum ct_result result = ct_percent_decode(b->arena, encoded, plus, &text);
    if (result == CT_INVALID) {
        ct_bind_refuse(
            b, field, "string_unicode",
            "Input should be a valid string, unable to parse raw data as a unicode string");
        return CT_OK;
    }
    return result == CT_OK ? ct_bind_text(b, field, text) : result;
}

enum ct_result ct_bind_pairs(struct ct_arena *arena, const struct ct_config *config,
                             const struct ct_schema *schema, const char *place, struct ct_str pairs,
                             struct ct_faults *faults, void *out)
{
    const struct ct_binding b = {arena, config, place, faults, out};
    for (size_t i = 0; i < schema->count; i++) {
        const struct ct_field *field = &schema->fields[i];
        struct ct_str value;
        enum ct_result result = find_pair(arena, pairs, field->name, &value);
        if (result == CT_OK)
            result = put_encoded(&b, field, value, true);
        else if (result == CT_NOT_FOUND) {
            ct_bind_missing(&b, field);
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
    const struct ct_binding b = {arena, config, "path", faults, out};
    for (size_t i = 0; i < schema->count; i++) {
        enum ct_result result = put_encoded(&b, &schema->fields[i], segments[i], false);
        if (result != CT_OK)
            return result;
    }
    return CT_OK;
}
