#include "accounts/audit.h"

#include "room.h"

#define NOW INT64_C(1769860800123)

static const struct ct_config config = {.secret_key = "0123456789abcdef0123456789abcdef",
                                        .login_failures_max = 10,
                                        .login_failures_minutes = 15};

static enum ct_result run_write(void *ctx, struct ct_db *db)
{
    return ct_audit_write(db, NOW, ctx);
}

static enum ct_result run_and_fail(void *ctx, struct ct_db *db)
{
    enum ct_result result = ct_audit_write(db, NOW, ctx);
    return result == CT_OK ? CT_CONFLICT : result;
}

static enum ct_result run_call(void *ctx, struct ct_db *db)
{
    struct ct_call *call = ctx;
    call->db = db;
    return ct_audit_call(call, 7, CT_AUDIT_NUMBER_CREATED, 12, CT_STR("+4930123456"));
}

static enum ct_result test_a_row(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_audit entry = {.user_id = 3, .action = CT_AUDIT_NUMBER_FREED};
    struct ct_call call = {.caller = {.user_id = 5, .key_id = 6}, .address = CT_STR("192.0.2.1")};

    TRY(scratch_open(&scratch));
    TRY(ct_store_write(scratch.store, run_write, &entry));
    EXPECT_NUMBER(1, &scratch,
                  "SELECT id FROM audit WHERE at = 1769860800123 AND user_id = 3 AND "
                  "action = 'number.freed' AND actor_id IS NULL AND key_id IS NULL AND "
                  "target_id IS NULL AND detail IS NULL AND address IS NULL");
    TRY(ct_store_write(scratch.store, run_call, &call));
    EXPECT_NUMBER(2, &scratch,
                  "SELECT id FROM audit WHERE user_id = 7 AND actor_id = 5 AND key_id = 6 AND "
                  "action = 'number.created' AND target_id = 12 AND detail = '+4930123456' AND "
                  "address = '192.0.2.1' AND at > 1700000000000");
out:
    scratch_close(&scratch);
    return result;
}

/* It is of the same transaction as what it tells of. */
static enum ct_result test_what_fails_leaves_no_row(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_audit entry = {.user_id = 3, .action = CT_AUDIT_ACCOUNT_DELETED};

    TRY(scratch_open(&scratch));
    EXPECT_RESULT(CT_CONFLICT, ct_store_write(scratch.store, run_and_fail, &entry));
    EXPECT_NUMBER(0, &scratch, "SELECT count(*) FROM audit");
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_words(void)
{
    static const enum ct_audit_action all[] = {
#define CT_AUDIT_ACTION(name, ...) CT_AUDIT_##name,
#include "accounts/audit_actions.def"
    };
    enum ct_result result = CT_OK;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        EXPECT(strchr(ct_audit_word(all[i]), '.') != NULL && ct_audit_target(all[i])[0] != '\0');
        for (size_t j = 0; j < i; j++)
            EXPECT(strcmp(ct_audit_word(all[i]), ct_audit_word(all[j])) != 0);
    }
    EXPECT(strcmp(ct_audit_word(CT_AUDIT_KEY_DELETED), "api_key.deleted") == 0);
    EXPECT(strcmp(ct_audit_target(CT_AUDIT_KEY_DELETED), "api_key") == 0);
out:
    return result;
}

static enum ct_result read_page(struct scratch *scratch, struct ct_accounts *accounts,
                                const char *query, struct ct_page *out)
{
    struct trial trial;
    const struct ct_call call = {.caller = {.user_id = 3}};
    enum ct_result result =
        try_route(scratch, accounts, route_of(CT_GET, "/audit"), call, query, &trial);
    if (result == CT_OK)
        *out = *(const struct ct_page *)trial.call.reply;
    return result;
}

/* How the handler's items begin. */
struct item {
    int64_t id;
    int64_t at;
    struct ct_str action;
    struct ct_str target;
};

static const struct item *item_at(const struct ct_page *page, size_t i)
{
    return (const void *)((const char *)page->items + i * route_of(CT_GET, "/audit")->reply->size);
}

static enum ct_result test_reading(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_accounts accounts = {.config = &config};
    struct ct_page page;

    TRY(scratch_open(&scratch));
    TRY(execute(&scratch, "INSERT INTO audit (id, at, user_id, action) VALUES "
                          "(1, 1, 3, 'account.registered'), (2, 2, 4, 'account.registered'), "
                          "(3, 3, 3, 'api_key.created'), (4, 4, 3, 'of.tomorrow'), "
                          "(5, 5, 3, 'api_key.created')"));
    TRY(read_page(&scratch, &accounts, "limit=3", &page));
    EXPECT(page.count == 3 && item_at(&page, 0)->id == 5 && item_at(&page, 1)->id == 4 &&
           item_at(&page, 2)->id == 3);
    EXPECT(ct_str_equal(item_at(&page, 0)->target, CT_STR("api_key")));
    /* what a newer program has written has no kind here */
    EXPECT(ct_str_equal(item_at(&page, 1)->action, CT_STR("of.tomorrow")) &&
           item_at(&page, 1)->target.at == NULL);
    EXPECT(ct_str_equal(page.next, CT_STR("Mw")));
    TRY(read_page(&scratch, &accounts, "limit=3&after=Mw", &page));
    EXPECT(page.count == 1 && item_at(&page, 0)->id == 1 && page.next.len == 0);
    TRY(read_page(&scratch, &accounts, "limit=1&action=api_key.created", &page));
    EXPECT(page.count == 1 && item_at(&page, 0)->id == 5 && page.next.len > 0);
    TRY(read_page(&scratch, &accounts, "action=account.registered", &page));
    EXPECT(page.count == 1 && item_at(&page, 0)->id == 1 && page.next.len == 0);
    TRY(read_page(&scratch, &accounts, "action=pool.created", &page));
    EXPECT(page.count == 0 && page.next.len == 0);
    EXPECT_RESULT(CT_INVALID, read_page(&scratch, &accounts, "after=!", &page));
    EXPECT_RESULT(CT_INVALID, read_page(&scratch, &accounts, "action=x", &page));
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_a_row),
        CT_UNIT(test_what_fails_leaves_no_row),
        CT_UNIT(test_words),
        CT_UNIT(test_reading),
    };
    return ct_unit_main("accounts/audit", units, sizeof(units) / sizeof(units[0]));
}
