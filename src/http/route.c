#include "http/route.h"

#include <string.h>

#include "http/faults.h"
#include "http/headers.h"

enum ct_result ct_call_refuse(struct ct_call *call, const char *place, const char *field,
                              const char *type, const char *message)
{
    ct_fault_add(
        call->faults,
        &(struct ct_fault){
            .type = type, .place = place, .field = field, .position = -1, .message = message});
    return call->faults->failed ? CT_NOMEM : CT_INVALID;
}

enum ct_result ct_call_say(struct ct_call *call, enum ct_result result, const char *detail)
{
    if (detail == NULL)
        return CT_NOMEM;
    call->detail = detail;
    call->said = result;
    return result;
}

enum ct_result ct_call_if_match(const struct ct_call *call, const char *etag)
{
    struct ct_str list = call->if_match;
    if (list.at == NULL)
        return CT_OK;
    while (list.len > 0) {
        struct ct_str tag = ct_list_next(&list);
        if (ct_str_equal(tag, CT_STR("*")) ||
            (ct_str_equal(tag, ct_str_of(etag)) && tag.at[0] == '"'))
            return CT_OK;
    }
    return CT_STALE;
}

bool ct_caller_has_scope(const struct ct_caller *caller, struct ct_str scope)
{
    struct ct_str rest = caller->scopes;
    if (caller->key_id == 0)
        return true;
    while (rest.len > 0) {
        const char *space = memchr(rest.at, ' ', rest.len);
        size_t size = space == NULL ? rest.len : (size_t)(space - rest.at);
        struct ct_str word = {rest.at, size};
        if (ct_str_equal(word, scope) || ct_str_equal(word, CT_STR("*")))
            return true;
        size_t used = space == NULL ? size : size + 1;
        rest = (struct ct_str){rest.at + used, rest.len - used};
    }
    return false;
}

void ct_call_end_read(struct ct_call *call)
{
    ct_store_read_end(call->db);
    call->db = NULL;
}

enum ct_result ct_cursor_make(struct ct_arena *arena, int64_t id, struct ct_str *out)
{
    char *digits = ct_arena_printf(arena, "%lld", (long long)id);
    if (digits == NULL)
        return CT_NOMEM;
    char *text = ct_base64url(arena, digits, strlen(digits));
    if (text == NULL)
        return CT_NOMEM;
    *out = ct_str_of(text);
    return CT_OK;
}

enum ct_result ct_cursor_read(struct ct_call *call, struct ct_str after, int64_t *out)
{
    *out = 0;
    if (after.len == 0)
        return CT_OK;
    struct ct_str digits;
    enum ct_result result = ct_base64url_decode(call->arena, after, &digits);
    if (result == CT_NOMEM)
        return result;
    if (result != CT_OK || ct_int_parse(digits, out) != CT_OK || *out <= 0)
        return ct_call_refuse(call, "query", "after", "value_error",
                              "Value error, this is not a cursor that a list has answered");
    return CT_OK;
}

static const struct ct_field list_query_fields[] = {
    CT_LIST_QUERY_FIELDS(struct ct_list_query),
};

const struct ct_schema ct_list_query_schema =
    CT_SCHEMA("ListQuery", NULL, struct ct_list_query, list_query_fields);
