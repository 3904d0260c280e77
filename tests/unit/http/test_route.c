#include "http/route.h"

#include <string.h>

#include "harness.h"
#include "http/faults.h"

/** A call that only needs to be refused. */
struct desk {
    struct ct_arena *arena;
    struct ct_faults faults;
    struct ct_call call;
};

static enum ct_result desk_open(struct desk *desk)
{
    *desk = (struct desk){.arena = ct_arena_new()};
    desk->faults.arena = desk->call.arena = desk->arena;
    desk->call.faults = &desk->faults;
    return desk->arena == NULL ? CT_NOMEM : CT_OK;
}

/* A fault that there was no memory for is no 422 without a word: the handler answers CT_NOMEM. */
static enum ct_result test_refusing(void)
{
    enum ct_result result = CT_OK;
    struct desk desk;

    TRY(desk_open(&desk));
    EXPECT_RESULT(CT_INVALID, ct_call_refuse(&desk.call, "body", "name", "value_error", "No"));
    EXPECT_RESULT(CT_INVALID, ct_call_refuse(&desk.call, "query", NULL, "missing", "Where?"));
    const struct ct_fault *first = desk.faults.first;
    EXPECT(first != NULL && strcmp(first->type, "value_error") == 0);
    EXPECT(strcmp(first->place, "body") == 0 && strcmp(first->field, "name") == 0);
    EXPECT(strcmp(first->message, "No") == 0 && first->ctx_name == NULL);
    EXPECT(first->next == desk.faults.last && first->next->position == -1);
out:
    ct_arena_free(desk.arena);
    return result;
}

static enum ct_result test_cursors(void)
{
    static const int64_t ids[] = {1, 9, 10, 4711, INT64_MAX};
    enum ct_result result = CT_OK;
    struct desk desk;
    struct ct_str cursor;
    int64_t after;

    TRY(desk_open(&desk));
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        TRY(ct_cursor_make(desk.arena, ids[i], &cursor));
        EXPECT(
            strspn(cursor.at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
            cursor.len);
        after = -1;
        TRY(ct_cursor_read(&desk.call, cursor, &after));
        EXPECT(after == ids[i]);
    }
    after = -1;
    TRY(ct_cursor_read(&desk.call, (struct ct_str){0}, &after));
    EXPECT(after == 0 && desk.faults.first == NULL);
out:
    ct_arena_free(desk.arena);
    return result;
}

static enum ct_result test_what_is_no_cursor(void)
{
    /* of 0, -1, "", 1x, more than an int64_t holds; then what is no base64url */
    static const char *const texts[] = {
        "MA", "LTE", "MXg", "OTIyMzM3MjAzNjg1NDc3NTgwOA", "M", "M!", "MQ==", "MR", "5", "\xFF"};
    enum ct_result result = CT_OK;
    struct desk desk;
    int64_t after;

    TRY(desk_open(&desk));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        desk.faults.first = desk.faults.last = NULL;
        EXPECT_RESULT(CT_INVALID, ct_cursor_read(&desk.call, ct_str_of(texts[i]), &after));
        EXPECT(desk.faults.first != NULL && desk.faults.first == desk.faults.last);
        EXPECT(strcmp(desk.faults.first->place, "query") == 0);
        EXPECT(strcmp(desk.faults.first->field, "after") == 0);
    }
out:
    ct_arena_free(desk.arena);
    return result;
}

static enum ct_result test_saying(void)
{
    enum ct_result result = CT_OK;
    struct desk desk;

    TRY(desk_open(&desk));
    EXPECT_RESULT(CT_FORBIDDEN, ct_call_say(&desk.call, CT_FORBIDDEN, "No."));
    EXPECT(desk.call.said == CT_FORBIDDEN && strcmp(desk.call.detail, "No.") == 0);
    EXPECT(ct_call_say(&desk.call, CT_CONFLICT, NULL) == CT_NOMEM);
    EXPECT(desk.call.said == CT_FORBIDDEN);
out:
    ct_arena_free(desk.arena);
    return result;
}

static enum ct_result test_scopes(void)
{
    static const struct {
        const char *scopes; /* of a key */
        const char *scope;
        bool has;
    } cases[] = {
        {"numbers:read", "numbers:read", true},
        {"numbers:read", "numbers:write", false},
        {"numbers:read", "numbers:rea", false},
        {"numbers:read", "numbers:read ", false},
        {"a b c", "a", true},
        {"a b c", "b", true},
        {"a b c", "c", true},
        {"a b c", "a b", false},
        {"a b c", "", false},
        {"", "a", false},
        {"*", "a", true},
        {"x *", "a", true},
        {"x*", "a", false},
    };
    enum ct_result result = CT_OK;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_caller caller = {.key_id = 1, .scopes = ct_str_of(cases[i].scopes)};
        EXPECT(ct_caller_has_scope(&caller, ct_str_of(cases[i].scope)) == cases[i].has);
        caller.key_id = 0;
        EXPECT(ct_caller_has_scope(&caller, ct_str_of(cases[i].scope)));
    }
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_refusing), CT_UNIT(test_cursors),           CT_UNIT(test_saying),
        CT_UNIT(test_scopes),   CT_UNIT(test_what_is_no_cursor),
    };
    return ct_unit_main("http/route", units, sizeof(units) / sizeof(units[0]));
}
