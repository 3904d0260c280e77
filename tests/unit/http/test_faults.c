#include "http/faults.h"

#include <string.h>

#include "harness.h"

static enum ct_result printed(struct ct_arena *arena, const struct ct_faults *faults,
                              const char **out)
{
    struct ct_buf text = ct_buf_in(arena);
    ct_faults_print(faults, &text);
    *out = ct_buf_done(&text).at;
    return text.failed ? CT_NOMEM : CT_OK;
}

static enum ct_result test_none(void)
{
    enum ct_result result = CT_OK;
    const char *text;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    struct ct_faults faults = {.arena = arena};

    TRY(printed(arena, &faults, &text));
    EXPECT(strcmp(text, "{\"detail\":[]}") == 0);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_every_form(void)
{
    static const struct ct_fault given[] = {
        {.type = "missing", .place = "body", .field = "password", .message = "Field required"},
        {.type = "missing", .place = "body", .position = -1, .message = "Field required"},
        {.type = "json_invalid",
         .place = "body",
         .position = 17,
         .message = "JSON decode error",
         .ctx_name = "error",
         .ctx_text = "Extra data"},
        {.type = "json_invalid", .place = "body", .position = 0, .message = "JSON decode error"},
        {.type = "string_too_short",
         .place = "body",
         .field = "password",
         .position = 3, /* a field says where already */
         .message = "String should have at least 8 characters",
         .ctx_name = "min_length",
         .ctx_number = 8},
        {.type = "string_pattern_mismatch",
         .place = "query",
         .field = "a\"b",
         .message = "String should match pattern '^\\+'",
         .ctx_name = "pattern",
         .ctx_text = "^\\+"},
        {.type = "t", .place = "body", .field = "tags", .item = 1, .message = "m"},
        {.type = "t", .place = "body", .field = "tags", .item = 12, .message = "m"},
    };
    enum ct_result result = CT_OK;
    const char *text;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    struct ct_faults faults = {.arena = arena};

    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        ct_fault_add(&faults, &given[i]);
    if (faults.failed) {
        result = CT_NOMEM;
        goto out;
    }
    TRY(printed(arena, &faults, &text));
    EXPECT(strcmp(text,
                  "{\"detail\":["
                  "{\"type\":\"missing\",\"loc\":[\"body\",\"password\"],"
                  "\"msg\":\"Field required\"},"
                  "{\"type\":\"missing\",\"loc\":[\"body\"],\"msg\":\"Field required\"},"
                  "{\"type\":\"json_invalid\",\"loc\":[\"body\",17],\"msg\":\"JSON decode error\","
                  "\"ctx\":{\"error\":\"Extra data\"}},"
                  "{\"type\":\"json_invalid\",\"loc\":[\"body\",0],\"msg\":\"JSON decode error\"},"
                  "{\"type\":\"string_too_short\",\"loc\":[\"body\",\"password\"],"
                  "\"msg\":\"String should have at least 8 characters\","
                  "\"ctx\":{\"min_length\":8}},"
                  "{\"type\":\"string_pattern_mismatch\",\"loc\":[\"query\",\"a\\\"b\"],"
                  "\"msg\":\"String should match pattern '^\\\\+'\","
                  "\"ctx\":{\"pattern\":\"^\\\\+\"}},"
                  "{\"type\":\"t\",\"loc\":[\"body\",\"tags\",0],\"msg\":\"m\"},"
                  "{\"type\":\"t\",\"loc\":[\"body\",\"tags\",11],\"msg\":\"m\"}]}") == 0);
out:
    ct_arena_free(arena);
    return result;
}

/* A list copies what it is given, except for the texts. */
static enum ct_result test_a_fault_is_copied(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    struct ct_faults faults = {.arena = arena};
    struct ct_fault fault = {.type = "missing", .place = "path", .next = &fault};

    ct_fault_add(&faults, &fault);
    fault.type = "changed";
    ct_fault_add(&faults, &fault);
    if (faults.failed) {
        result = CT_NOMEM;
        goto out;
    }
    EXPECT(faults.first != &fault && strcmp(faults.first->type, "missing") == 0);
    EXPECT(faults.first->next == faults.last && strcmp(faults.last->type, "changed") == 0);
    EXPECT(faults.last->next == NULL);
out:
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_none),
        CT_UNIT(test_every_form),
        CT_UNIT(test_a_fault_is_copied),
    };
    return ct_unit_main("http/faults", units, sizeof(units) / sizeof(units[0]));
}
