#include "store/migrations.h"

#include "base/text.h"

/* Rows are read some hundred at a time and then changed: fast, and never much memory. */
#define PAGE_ROWS 500
#define PAGE_BYTES (256 * 1024)

struct named_row {
    int64_t id;
    struct ct_str username;
};

/* Reads the next rows that have a name and no key, in the order of their ids. */
static enum ct_result read_page(struct ct_db *db, struct ct_arena *arena, int64_t after,
                                struct named_row *rows, size_t *out_count)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db,
                                        "SELECT id, username FROM users WHERE username_key IS NULL "
                                        "AND username IS NOT NULL AND id > $1 ORDER BY id LIMIT $2",
                                        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, after);
    ct_bind_int(stmt, 2, PAGE_ROWS);
    size_t count = 0;
    size_t bytes = 0;
    while (bytes < PAGE_BYTES && (result = ct_step(stmt)) == CT_ROW) {
        rows[count].id = ct_column_int(stmt, 0);
        result = ct_column_str(stmt, 1, arena, &rows[count].username);
        if (result != CT_OK)
            return result;
        bytes += rows[count++].username.len;
    }
    *out_count = count;
    return result == CT_ROW ? CT_OK : result;
}

/* A name that is no text, or that an earlier row has in another case, stays without a key. */
static enum ct_result set_key(struct ct_db *db, struct ct_arena *arena, const struct named_row *row)
{
    struct ct_str key;
    enum ct_result result = ct_utf8_casefold(arena, row->username, &key);
    if (result != CT_OK)
        return result == CT_INVALID ? CT_OK : result;
    struct ct_stmt *stmt;
    result = ct_db_query(db,
                         "UPDATE users SET username_key = $1 WHERE id = $2 "
                         "AND NOT EXISTS (SELECT 1 FROM users WHERE username_key = $1)",
                         &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, key);
    ct_bind_int(stmt, 2, row->id);
    return ct_run(stmt);
}

static enum ct_result fill_username_keys(struct ct_db *db)
{
    struct named_row rows[PAGE_ROWS];
    int64_t after = INT64_MIN;
    for (;;) {
        struct ct_arena *arena = ct_arena_new();
        if (arena == NULL)
            return CT_NOMEM;
        size_t count;
        enum ct_result result = read_page(db, arena, after, rows, &count);
        for (size_t i = 0; result == CT_OK && i < count; i++)
            result = set_key(db, arena, &rows[i]);
        ct_arena_free(arena);
        if (result != CT_OK || count == 0)
            return result;
        after = rows[count - 1].id;
    }
}

static const char *const original_tables[] = {
    "CREATE TABLE IF NOT EXISTS users (id INTEGER NOT NULL, username VARCHAR, "
    "hashed_password VARCHAR, PRIMARY KEY (id))",
    "CREATE UNIQUE INDEX IF NOT EXISTS ix_users_username ON users (username)",
    "CREATE TABLE IF NOT EXISTS virtual_phone_numbers (id INTEGER NOT NULL, phone_number VARCHAR, "
    "user_id INTEGER, PRIMARY KEY (id), FOREIGN KEY(user_id) REFERENCES users (id))",
    "CREATE UNIQUE INDEX IF NOT EXISTS ix_virtual_phone_numbers_phone_number "
    "ON virtual_phone_numbers (phone_number)",
    NULL,
};

/* No column may be NOT NULL: the program that made the original tables may go on writing them. */
static const char *const keys_and_times[] = {
    "ALTER TABLE users ADD COLUMN username_key VARCHAR",
    "ALTER TABLE users ADD COLUMN created_at BIGINT",
    "ALTER TABLE users ADD COLUMN last_login_at BIGINT",
    "CREATE UNIQUE INDEX ix_users_username_key ON users (username_key)",
    "ALTER TABLE virtual_phone_numbers ADD COLUMN created_at BIGINT",
    "CREATE INDEX ix_virtual_phone_numbers_user_id ON virtual_phone_numbers (user_id, id)",
    NULL,
};

/* SQLite gives the id of the last row to the next one once that row is deleted. An id that has been
 * somebody's stays theirs: a token or a cursor with it must never fit somebody else's row. */
static const char *const ids_for_good[] = {
    "CREATE TABLE last_ids (table_name VARCHAR NOT NULL PRIMARY KEY, last_id BIGINT NOT NULL)",
    "INSERT INTO last_ids (table_name, last_id) VALUES ('users', 0), ('virtual_phone_numbers', 0)",
    "CREATE TRIGGER tr_users_last_id AFTER DELETE ON users BEGIN UPDATE last_ids "
    "SET last_id = old.id WHERE table_name = 'users' AND last_id < old.id; END",
    "CREATE TRIGGER tr_virtual_phone_numbers_last_id AFTER DELETE ON virtual_phone_numbers BEGIN "
    "UPDATE last_ids SET last_id = old.id "
    "WHERE table_name = 'virtual_phone_numbers' AND last_id < old.id; END",
    NULL,
};

const struct ct_migration ct_migrations[] = {
    {1, "the original tables", original_tables, NULL},
    {2, "usernames without regard to case, times", keys_and_times, fill_username_keys},
    {3, "ids that are never used again", ids_for_good, NULL},
};
const size_t ct_migration_count = sizeof(ct_migrations) / sizeof(ct_migrations[0]);
