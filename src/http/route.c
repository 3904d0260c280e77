#include "http/route.h"

#include <string.h>

#include "http/faults.h"

enum ct_result ct_call_refuse(struct ct_call *call, const char *place, const char *field,
                              const char *type, const char *message)
{
    ct_fault_add(
        call->faults,
        &(struct ct_fault){
            .type = type, .place = place, .field = field, .position = -1, .message = message});
    return call->faults->failed ? CT_NOMEM : CT_INVALID;
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
    CT_FIELD(struct ct_list_query, limit, CT_FIELD_INT, .flags = CT_FIELD_OPTIONAL, .min = 1,
             .max = 100, .fallback = 50, .doc = "How many to answer at most.", .example = "50"),
    CT_FIELD(struct ct_list_query, after, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL,
             .doc = "The `next` of the page before; without it the list begins."),
};

const struct ct_schema ct_list_query_schema =
    CT_SCHEMA("ListQuery", NULL, struct ct_list_query, list_query_fields);
