#include <string.h>

#include "databases.h"
#include "harness.h"
#include "store/migrations.h"

/* Version 3, as the program made it, with rows in it. */
static const char *const version_3[] = {
    "CREATE TABLE schema_migrations (number INTEGER PRIMARY KEY, what TEXT NOT NULL, "
    "applied_at BIGINT NOT NULL)",
    "CREATE TABLE users (id INTEGER NOT NULL, username VARCHAR, hashed_password VARCHAR, "
    "PRIMARY KEY (id))",
    "CREATE UNIQUE INDEX ix_users_username ON users (username)",
    "CREATE TABLE virtual_phone_numbers (id INTEGER NOT NULL, phone_number VARCHAR, "
    "user_id INTEGER, PRIMARY KEY (id), FOREIGN KEY(user_id) REFERENCES users (id))",
    "CREATE UNIQUE INDEX ix_virtual_phone_numbers_phone_number "
    "ON virtual_phone_numbers (phone_number)",
    "ALTER TABLE users ADD COLUMN username_key VARCHAR",
    "ALTER TABLE users ADD COLUMN created_at BIGINT",
    "ALTER TABLE users ADD COLUMN last_login_at BIGINT",
    "CREATE UNIQUE INDEX ix_users_username_key ON users (username_key)",
    "ALTER TABLE virtual_phone_numbers ADD COLUMN created_at BIGINT",
    "CREATE INDEX ix_virtual_phone_numbers_user_id ON virtual_phone_numbers (user_id, id)",
    "CREATE TABLE last_ids (table_name VARCHAR NOT NULL PRIMARY KEY, last_id BIGINT NOT NULL)",
    "INSERT INTO last_ids (table_name, last_id) VALUES ('users', 0), ('virtual_phone_numbers', 0)",
    "CREATE TRIGGER tr_users_last_id AFTER DELETE ON users BEGIN UPDATE last_ids "
    "SET last_id = old.id WHERE table_name = 'users' AND last_id < old.id; END",
    "CREATE TRIGGER tr_virtual_phone_numbers_last_id AFTER DELETE ON virtual_phone_numbers BEGIN "
    "UPDATE last_ids SET last_id = old.id WHERE table_name = 'virtual_phone_numbers' "
    "AND last_id < old.id; END",
    "INSERT INTO schema_migrations VALUES (1, 'the original tables', 1), "
    "(2, 'usernames without regard to case, times', 2), (3, 'ids that are never used again', 3)",
    "INSERT INTO users VALUES (1, 'Ada', 'a', 'ada', 100, 200), (2, 'Grace', 'g', 'grace', 101, "
    "NULL), (9, 'Linus', 'l', 'linus', 102, NULL)",
    "INSERT INTO virtual_phone_numbers VALUES (1, '+1234567890', 1, 300), (2, '+4930123', 2, 301), "
    "(5, '+4930124', 2, NULL)",
    "DELETE FROM users WHERE id = 9",
    NULL,
};

static enum ct_result test_from_version_3(void)
{
    /* what the older program still writes */
    static const char *const later[] = {
        "INSERT INTO users (id, username, hashed_password, username_key, created_at) "
        "VALUES (10, 'Alan', 'x', 'alan', 1)",
        "INSERT INTO virtual_phone_numbers (id, phone_number, user_id, created_at) "
        "VALUES (6, '+4930125', 10, 1)",
        NULL,
    };
    enum ct_result result;
    struct scratch scratch;

    TRY(scratch_folder(&scratch));
    TRY(as_another_program(&scratch, version_3));
    TRY(scratch_open_store(&scratch));
    EXPECT_VALUE("7", "SELECT MAX(number) FROM schema_migrations WHERE number <= 7");
    EXPECT_VALUE("3", "SELECT applied_at FROM schema_migrations WHERE number = 3");
    /* everything is still there */
    EXPECT_VALUE("2", "SELECT COUNT(*) FROM users");
    EXPECT_VALUE("ada", "SELECT username_key FROM users WHERE id = 1 AND hashed_password = 'a' "
                        "AND created_at = 100 AND last_login_at = 200");
    EXPECT_VALUE("3", "SELECT COUNT(*) FROM virtual_phone_numbers");
    EXPECT_VALUE("301", "SELECT created_at FROM virtual_phone_numbers WHERE id = 2 "
                        "AND phone_number = '+4930123' AND user_id = 2");
    /* and means the same: an ordinary user without sessions to refuse, a number that is assigned */
    EXPECT_VALUE("2", "SELECT COUNT(*) FROM users WHERE role IS NULL AND token_epoch IS NULL "
                      "AND kept_token IS NULL AND revoked_until IS NULL");
    EXPECT_VALUE("3", "SELECT COUNT(*) FROM virtual_phone_numbers WHERE status IS NULL "
                      "AND status_until IS NULL AND last_owner_id IS NULL AND transfer_to IS NULL "
                      "AND version IS NULL AND tags IS NULL AND friendly_name IS NULL");
    EXPECT_VALUE("0", "SELECT (SELECT COUNT(*) FROM api_keys) + (SELECT COUNT(*) FROM audit) "
                      "+ (SELECT COUNT(*) FROM revoked_tokens) "
                      "+ (SELECT COUNT(*) FROM idempotency_keys) "
                      "+ (SELECT COUNT(*) FROM number_pools) "
                      "+ (SELECT COUNT(*) FROM number_claims)");
    /* ids that were are not used again, in the new tables neither */
    EXPECT_VALUE("10", "SELECT " CT_NEXT_ID("users"));
    EXPECT_VALUE("1", "SELECT " CT_NEXT_ID("api_keys"));
    EXPECT_VALUE("1", "SELECT " CT_NEXT_ID("number_pools"));
    scratch_close_store(&scratch);
    TRY(as_another_program(&scratch, later));
    TRY(scratch_open_store(&scratch));
    EXPECT_VALUE("+4930125", "SELECT phone_number FROM virtual_phone_numbers WHERE user_id = 10");
out:
    scratch_close(&scratch);
    return result;
}

/* What is asked at every request is found by an index. */
static enum ct_result test_indexes(void)
{
    static const char *const questions[] = {
        "SELECT 1 FROM revoked_tokens WHERE user_id = 1 AND token_id = 'x'",
        "SELECT 1 FROM revoked_tokens WHERE expires_at < 1",
        "SELECT 1 FROM api_keys WHERE key_hash = 'x'",
        "SELECT 1 FROM api_keys WHERE user_id = 1 AND id > 5",
        "SELECT 1 FROM audit WHERE user_id = 1 AND id < 5 ORDER BY id DESC",
        "SELECT 1 FROM idempotency_keys WHERE owner = 1 AND key_hash = 'x' AND created_at > 1",
        "SELECT 1 FROM idempotency_keys WHERE created_at <= 1 ORDER BY created_at",
        "SELECT 1 FROM virtual_phone_numbers WHERE status_until <= 1 AND status_until IS NOT NULL",
        "SELECT 1 FROM virtual_phone_numbers WHERE transfer_to = 1",
        "SELECT 1 FROM virtual_phone_numbers WHERE status = 'reserved' AND id > 5",
        "SELECT 1 FROM number_claims WHERE user_id = 1 AND day = 2",
    };
    enum ct_result result;
    struct scratch scratch;

    TRY(scratch_open(&scratch));
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        struct ct_db *db;
        struct ct_stmt *stmt;
        struct ct_str plan;
        const char *sql = ct_arena_printf(scratch.arena, "EXPLAIN QUERY PLAN %s", questions[i]);
        TRY_MEMORY(sql);
        TRY(ct_store_read_begin(scratch.store, &db));
        result = ct_db_query(db, sql, &stmt);
        if (result == CT_OK)
            result = ct_step(stmt);
        if (result == CT_ROW)
            result = ct_column_str(stmt, 3, scratch.arena, &plan);
        ct_store_read_end(db);
        TRY(result);
        EXPECT(strncmp(plan.at, "SEARCH ", 7) == 0);
    }
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_from_version_3),
        CT_UNIT(test_indexes),
    };
    return ct_unit_main("store/upgrade", units, sizeof(units) / sizeof(units[0]));
}
