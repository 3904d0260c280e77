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

/* An id that has been somebody's is noted when its row goes: for each row, or for all rows at once. */
#define KEEP_LAST_ID(table)                                                                   \
    "sqlite:CREATE TRIGGER tr_" table "_last_id AFTER DELETE ON " table " BEGIN UPDATE "      \
    "last_ids SET last_id = old.id WHERE table_name = '" table "' AND last_id < old.id; END", \
        "postgresql:CREATE TRIGGER tr_" table "_last_id AFTER DELETE ON " table               \
        " REFERENCING OLD "                                                                   \
        "TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION ct_keep_last_id()"

static const char *const original_tables[] = {
    "CREATE TABLE IF NOT EXISTS users (id INTEGER NOT NULL, username VARCHAR, "
    "hashed_password VARCHAR, PRIMARY KEY (id))",
    "CREATE UNIQUE INDEX IF NOT EXISTS ix_users_username ON users (username)",
    "CREATE TABLE IF NOT EXISTS virtual_phone_numbers (id INTEGER NOT NULL, phone_number VARCHAR, "
    "user_id INTEGER, PRIMARY KEY (id), FOREIGN KEY(user_id) REFERENCES users (id))",
    "CREATE UNIQUE INDEX IF NOT EXISTS ix_virtual_phone_numbers_phone_number "
    "ON virtual_phone_numbers (phone_number)",
    /* The last batch of writes that a process has committed there: see postgres_commit.c. */
    "postgresql:CREATE TABLE writer_batches (node_id VARCHAR NOT NULL PRIMARY KEY, "
    "token VARCHAR NOT NULL, committed_at BIGINT NOT NULL)",
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
    "postgresql:CREATE FUNCTION ct_keep_last_id() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "UPDATE last_ids SET last_id = (SELECT max(id) FROM gone) WHERE table_name = TG_TABLE_NAME "
    "AND last_id < (SELECT max(id) FROM gone); RETURN NULL; END $$",
    KEEP_LAST_ID("users"),
    KEEP_LAST_ID("virtual_phone_numbers"),
    NULL,
};

/* Sessions that can be ended, keys for machines, and the record of who did what. `role` is 'admin' or
 * NULL. `token_epoch` counts "log out everywhere": a token of an earlier epoch is refused, but for
 * `kept_token`, the one that changed the password. Times are milliseconds, but for those of tokens,
 * which are seconds. */
static const char *const sessions_keys_audit[] = {
    "ALTER TABLE users ADD COLUMN role VARCHAR",
    "ALTER TABLE users ADD COLUMN token_epoch BIGINT",
    "ALTER TABLE users ADD COLUMN kept_token VARCHAR",
    "ALTER TABLE users ADD COLUMN revoked_until BIGINT",
    "ALTER TABLE users ADD COLUMN last_login_address VARCHAR",
    "CREATE TABLE revoked_tokens (user_id BIGINT NOT NULL, token_id VARCHAR NOT NULL, "
    "expires_at BIGINT NOT NULL, PRIMARY KEY (user_id, token_id))",
    "CREATE INDEX ix_revoked_tokens_expires_at ON revoked_tokens (expires_at)",
    "CREATE TABLE api_keys (id INTEGER NOT NULL PRIMARY KEY, user_id INTEGER NOT NULL, "
    "name VARCHAR NOT NULL, key_hash VARCHAR NOT NULL, hint VARCHAR NOT NULL, "
    "scopes VARCHAR NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT, last_used_at BIGINT, "
    "last_used_address VARCHAR, FOREIGN KEY(user_id) REFERENCES users (id))",
    "CREATE UNIQUE INDEX ix_api_keys_key_hash ON api_keys (key_hash)",
    "CREATE INDEX ix_api_keys_user_id ON api_keys (user_id, id)",
    "INSERT INTO last_ids (table_name, last_id) VALUES ('api_keys', 0)",
    KEEP_LAST_ID("api_keys"),
    /* No foreign key: the record outlives the account. */
    "CREATE TABLE audit (id INTEGER NOT NULL PRIMARY KEY, at BIGINT NOT NULL, "
    "user_id BIGINT NOT NULL, actor_id BIGINT, key_id BIGINT, action VARCHAR NOT NULL, "
    "target_id BIGINT, detail VARCHAR, address VARCHAR)",
    "CREATE INDEX ix_audit_user_id ON audit (user_id, id)",
    NULL,
};

/* The answers that an Idempotency-Key gets again. `owner` is the account, 0 for nobody's. */
static const char *const idempotency[] = {
    "CREATE TABLE idempotency_keys (owner BIGINT NOT NULL, key_hash VARCHAR NOT NULL, "
    "created_at BIGINT NOT NULL, request_hash VARCHAR NOT NULL, status INTEGER NOT NULL, "
    "reply VARCHAR NOT NULL, PRIMARY KEY (owner, key_hash))",
    "CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at)",
    NULL,
};

/* The life of a number. `status` NULL is 'assigned'; `status_until` is when a quarantine or an offer
 * ends, in milliseconds. A quarantined number has no user_id, but a last_owner_id, which is no
 * foreign key: accounts end. `version` NULL is 0. */
static const char *const life_of_numbers[] = {
    "ALTER TABLE virtual_phone_numbers ADD COLUMN friendly_name VARCHAR",
    "ALTER TABLE virtual_phone_numbers ADD COLUMN tags VARCHAR",
    "ALTER TABLE virtual_phone_numbers ADD COLUMN status VARCHAR",
    "ALTER TABLE virtual_phone_numbers ADD COLUMN status_until BIGINT",
    "ALTER TABLE virtual_phone_numbers ADD COLUMN last_owner_id BIGINT",
    "ALTER TABLE virtual_phone_numbers ADD COLUMN transfer_to BIGINT",
    "ALTER TABLE virtual_phone_numbers ADD COLUMN version BIGINT",
    "CREATE INDEX ix_virtual_phone_numbers_status_until ON virtual_phone_numbers (status_until) "
    "WHERE status_until IS NOT NULL",
    "CREATE INDEX ix_virtual_phone_numbers_transfer_to ON virtual_phone_numbers (transfer_to, id) "
    "WHERE transfer_to IS NOT NULL",
    "CREATE INDEX ix_virtual_phone_numbers_offers ON virtual_phone_numbers (user_id, id) "
    "WHERE transfer_to IS NOT NULL",
    "CREATE INDEX ix_virtual_phone_numbers_last_owner_id ON virtual_phone_numbers "
    "(last_owner_id, id) WHERE last_owner_id IS NOT NULL",
    "CREATE INDEX ix_virtual_phone_numbers_reserved ON virtual_phone_numbers (id) "
    "WHERE status = 'reserved'",
    NULL,
};

/* What the pools hold. A number is written as the integer of its digits. `pool_ranges` says which numbers
 * belong to which pool; no two ranges overlap. `pool_blocks` has a row for each thousand of which a
 * pool holds any: how many of these are free and which (`bits`, see numbers/number_set.h; NULL where
 * none or all thousand are), and when the first of its quarantines ends. `pool_quarantine` has the
 * numbers that are not free before a time. A pool with an import_id is not complete yet: nobody
 * sees it. */
static const char *const pools[] = {
    "CREATE TABLE number_pools (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR NOT NULL, "
    "size BIGINT NOT NULL, ranges BIGINT NOT NULL, first BIGINT NOT NULL, last BIGINT NOT NULL, "
    "country VARCHAR, created_at BIGINT NOT NULL, import_id BIGINT)",
    "CREATE UNIQUE INDEX ix_number_pools_name ON number_pools (name)",
    "CREATE INDEX ix_number_pools_import_id ON number_pools (import_id) "
    "WHERE import_id IS NOT NULL",
    "INSERT INTO last_ids (table_name, last_id) VALUES ('number_pools', 0)",
    KEEP_LAST_ID("number_pools"),
    "CREATE TABLE pool_ranges (first BIGINT NOT NULL PRIMARY KEY, last BIGINT NOT NULL, "
    "pool_id INTEGER NOT NULL, FOREIGN KEY(pool_id) REFERENCES number_pools (id))",
    "CREATE INDEX ix_pool_ranges_pool_id ON pool_ranges (pool_id, first)",
    "CREATE TABLE pool_blocks (block BIGINT NOT NULL, pool_id INTEGER NOT NULL, "
    "free BIGINT NOT NULL, next_free_at BIGINT, country VARCHAR, bits VARCHAR, "
    "PRIMARY KEY (pool_id, block), FOREIGN KEY(pool_id) REFERENCES number_pools (id))",
    "CREATE INDEX ix_pool_blocks_pool_id ON pool_blocks (pool_id, free)",
    "CREATE INDEX ix_pool_blocks_open ON pool_blocks (block, pool_id) "
    "WHERE free > 0 OR next_free_at IS NOT NULL",
    "CREATE TABLE pool_quarantine (pool_id INTEGER NOT NULL, number BIGINT NOT NULL, "
    "block BIGINT NOT NULL, free_at BIGINT NOT NULL, PRIMARY KEY (pool_id, number), "
    "FOREIGN KEY(pool_id) REFERENCES number_pools (id))",
    "CREATE INDEX ix_pool_quarantine_block ON pool_quarantine (pool_id, block, free_at)",
    "CREATE INDEX ix_pool_quarantine_free_at ON pool_quarantine (pool_id, free_at)",
    /* `sha256` is that of the file; each step adds some of its numbers to pools that nobody sees. */
    "CREATE TABLE pool_imports (id INTEGER NOT NULL PRIMARY KEY, sha256 VARCHAR NOT NULL, "
    "steps BIGINT NOT NULL, touched_at BIGINT NOT NULL)",
    "CREATE UNIQUE INDEX ix_pool_imports_sha256 ON pool_imports (sha256)",
    "CREATE TABLE number_claims (user_id BIGINT NOT NULL, day BIGINT NOT NULL, "
    "claimed BIGINT NOT NULL, PRIMARY KEY (user_id, day))",
    NULL,
};

/* What happened, and who is told of it. `subject_id` 0 is none. A webhook gets the events behind
 * `since_event_id`; `events` are patterns with single spaces between. A delivery that is not over has a
 * `due_at`: when it is to be sent next or, while it is being sent, when that is taken to have failed. Those
 * with the same `subject` are sent in the order of their ids; NULL is none. No delivery has a foreign key:
 * what is left of a webhook is deleted some rows at a time. */
static const char *const events[] = {
    "CREATE TABLE events (id INTEGER NOT NULL PRIMARY KEY, user_id BIGINT NOT NULL, "
    "type VARCHAR NOT NULL, created_at BIGINT NOT NULL, subject_id BIGINT NOT NULL, "
    "data VARCHAR NOT NULL)",
    "CREATE INDEX ix_events_user_id ON events (user_id, id)",
    "CREATE TABLE webhooks (id INTEGER NOT NULL PRIMARY KEY, user_id INTEGER NOT NULL, "
    "url VARCHAR NOT NULL, events VARCHAR NOT NULL, secret VARCHAR NOT NULL, "
    "since_event_id BIGINT NOT NULL, created_at BIGINT NOT NULL, "
    "FOREIGN KEY(user_id) REFERENCES users (id))",
    "CREATE INDEX ix_webhooks_user_id ON webhooks (user_id, id)",
    "CREATE TABLE webhook_deliveries (id INTEGER NOT NULL PRIMARY KEY, "
    "webhook_id BIGINT NOT NULL, event_id BIGINT NOT NULL, type VARCHAR NOT NULL, "
    "subject VARCHAR, status VARCHAR NOT NULL, attempts BIGINT NOT NULL, "
    "created_at BIGINT NOT NULL, due_at BIGINT, give_up_at BIGINT NOT NULL, "
    "body VARCHAR NOT NULL, sent_at BIGINT, request_headers VARCHAR, duration_ms BIGINT, "
    "reply_status BIGINT, reply_headers VARCHAR, reply_body VARCHAR, error VARCHAR)",
    "CREATE UNIQUE INDEX ix_webhook_deliveries_event_id ON webhook_deliveries "
    "(event_id, webhook_id)",
    "CREATE INDEX ix_webhook_deliveries_webhook_id ON webhook_deliveries (webhook_id, id)",
    "CREATE INDEX ix_webhook_deliveries_due_at ON webhook_deliveries (webhook_id, due_at) "
    "WHERE due_at IS NOT NULL",
    "CREATE INDEX ix_webhook_deliveries_subject ON webhook_deliveries (webhook_id, subject, id) "
    "WHERE due_at IS NOT NULL",
    "INSERT INTO last_ids (table_name, last_id) VALUES ('events', 0), ('webhooks', 0), "
    "('webhook_deliveries', 0)",
    KEEP_LAST_ID("events"),
    KEEP_LAST_ID("webhooks"),
    KEEP_LAST_ID("webhook_deliveries"),
    NULL,
};

/* Numbers that ring. `voice` of a number is the JSON object that replies show (voice/number_voice.h); NULL is
 * that it was never set. The realm is in every digest of a device's password, and has at most one row.
 * Lists of a trunk are words separated by single spaces; what is true is 1; `password` is sealed. What is known of a
 * trunk outlives a change of its row, which is put in its place. */
static const char *const devices_and_trunks[] = {
    "ALTER TABLE virtual_phone_numbers ADD COLUMN voice VARCHAR",
    "CREATE INDEX ix_virtual_phone_numbers_voice ON virtual_phone_numbers (user_id, id) "
    "WHERE voice IS NOT NULL",
    "CREATE TABLE sip_realm (id INTEGER NOT NULL PRIMARY KEY, realm VARCHAR NOT NULL)",
    "CREATE TABLE devices (id INTEGER NOT NULL PRIMARY KEY, user_id INTEGER NOT NULL, "
    "name VARCHAR NOT NULL, caller_number_id BIGINT, username VARCHAR NOT NULL, "
    "ha1_md5 VARCHAR NOT NULL, ha1_sha256 VARCHAR NOT NULL, created_at BIGINT NOT NULL, "
    "FOREIGN KEY(user_id) REFERENCES users (id))",
    "CREATE UNIQUE INDEX ix_devices_username ON devices (username)",
    "CREATE INDEX ix_devices_user_id ON devices (user_id, id)",
    "INSERT INTO last_ids (table_name, last_id) VALUES ('devices', 0)",
    KEEP_LAST_ID("devices"),
    "CREATE TABLE trunks (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR NOT NULL, "
    "enabled BIGINT NOT NULL, hosts VARCHAR NOT NULL, transport VARCHAR NOT NULL, "
    "tls_verify BIGINT NOT NULL, "
    "username VARCHAR, password VARCHAR, register BIGINT NOT NULL, prefixes VARCHAR NOT NULL, "
    "allow_from VARCHAR NOT NULL, trusted BIGINT NOT NULL, channels BIGINT NOT NULL, "
    "out_strip BIGINT NOT NULL, out_prepend VARCHAR NOT NULL, in_strip BIGINT NOT NULL, "
    "in_prepend VARCHAR NOT NULL, inbound_username VARCHAR, inbound_ha1_md5 VARCHAR, "
    "inbound_ha1_sha256 VARCHAR, created_at BIGINT NOT NULL)",
    "CREATE UNIQUE INDEX ix_trunks_name ON trunks (name)",
    "CREATE UNIQUE INDEX ix_trunks_inbound_username ON trunks (inbound_username)",
    "INSERT INTO last_ids (table_name, last_id) VALUES ('trunks', 0)",
    KEEP_LAST_ID("trunks"),
    "CREATE TABLE trunk_states (trunk_id INTEGER NOT NULL PRIMARY KEY, node VARCHAR NOT NULL, "
    "lease_until BIGINT NOT NULL, contact VARCHAR NOT NULL, registration VARCHAR NOT NULL, "
    "until_at BIGINT, status BIGINT, reason VARCHAR, changed_at BIGINT NOT NULL, "
    "hosts VARCHAR NOT NULL)",
    "CREATE TABLE call_caps (user_id INTEGER NOT NULL PRIMARY KEY, trunks BIGINT NOT NULL, "
    "prefixes VARCHAR NOT NULL, concurrent_calls BIGINT NOT NULL, calls_per_minute BIGINT NOT "
    "NULL, "
    "longest_call_s BIGINT NOT NULL, minutes_per_day BIGINT NOT NULL, "
    "FOREIGN KEY(user_id) REFERENCES users (id))",
    "CREATE TABLE call_usage (user_id BIGINT NOT NULL, day BIGINT NOT NULL, ms BIGINT NOT NULL, "
    "PRIMARY KEY (user_id, day))",
    NULL,
};

/* No foreign key: records outlive accounts, devices, trunks and numbers. What is no longer changed once a
 * call has begun is in the indexes, so that its later steps touch none but the last two. */
#define CALLS_TABLE(id)                                                                            \
    "CREATE TABLE calls (id " id " NOT NULL PRIMARY KEY, call_key VARCHAR NOT NULL, "              \
    "node VARCHAR NOT NULL, caller_id BIGINT, callee_id BIGINT, from_number VARCHAR NOT NULL, "    \
    "to_number VARCHAR NOT NULL, anonymous BIGINT, from_device_id BIGINT, from_number_id BIGINT, " \
    "from_trunk_id BIGINT, to_device_id BIGINT, to_number_id BIGINT, to_trunk_id BIGINT, "         \
    "payer_id BIGINT, paid_from BIGINT, "                                                          \
    "status VARCHAR NOT NULL, started_at BIGINT NOT NULL, ringing_at BIGINT, answered_at BIGINT, " \
    "ended_at BIGINT, hangup_by VARCHAR, sip_code BIGINT, reason VARCHAR)"
#define CALLS_INDEX(name, columns, condition) \
    "CREATE INDEX ix_calls_" name " ON calls (" columns ") WHERE " condition " IS NOT NULL"

static const char *const calls[] = {
    "sqlite:" CALLS_TABLE("INTEGER"),
    "postgresql:" CALLS_TABLE("BIGINT"),
    "CREATE UNIQUE INDEX ix_calls_call_key ON calls (call_key)",
    CALLS_INDEX("caller", "caller_id, started_at, id", "caller_id"),
    CALLS_INDEX("callee", "callee_id, started_at, id", "callee_id"),
    CALLS_INDEX("caller_from", "caller_id, from_number, started_at, id", "caller_id"),
    CALLS_INDEX("callee_from", "callee_id, from_number, started_at, id", "callee_id"),
    CALLS_INDEX("caller_to", "caller_id, to_number, started_at, id", "caller_id"),
    CALLS_INDEX("callee_to", "callee_id, to_number, started_at, id", "callee_id"),
    "CREATE INDEX ix_calls_open ON calls (node, id) WHERE ended_at IS NULL",
    "CREATE INDEX ix_calls_open_caller ON calls (caller_id, started_at, id) WHERE ended_at IS NULL",
    "CREATE INDEX ix_calls_open_callee ON calls (callee_id, started_at, id) WHERE ended_at IS NULL",
    CALLS_INDEX("payer", "payer_id, paid_from", "payer_id"),
    "CREATE INDEX ix_calls_open_payer ON calls (payer_id) WHERE ended_at IS NULL AND payer_id IS "
    "NOT NULL",
    "INSERT INTO last_ids (table_name, last_id) VALUES ('calls', 0)",
    KEEP_LAST_ID("calls"),
    "CREATE TABLE call_nodes (node VARCHAR NOT NULL PRIMARY KEY, seen_at BIGINT NOT NULL)",
    "CREATE INDEX ix_call_nodes_seen_at ON call_nodes (seen_at)",
    "CREATE TABLE call_messages (call_id BIGINT NOT NULL, place BIGINT NOT NULL, "
    "at BIGINT NOT NULL, sent BIGINT NOT NULL, leg VARCHAR NOT NULL, transport VARCHAR NOT NULL, "
    "peer VARCHAR NOT NULL, message VARCHAR NOT NULL, PRIMARY KEY (call_id, place))",
    "CREATE INDEX ix_call_messages_at ON call_messages (at)",
    NULL,
};

/* Where devices are registered: a row for each contact, in places from 0 on. `hop` is where its requests came from:
 * transport, address and port. Times are in milliseconds. */
static const char *const bindings[] = {
    "CREATE TABLE sip_bindings (device_id INTEGER NOT NULL, place BIGINT NOT NULL, "
    "contact VARCHAR NOT NULL, path VARCHAR NOT NULL, user_agent VARCHAR NOT NULL, "
    "instance VARCHAR NOT NULL, reg_id BIGINT NOT NULL, transport VARCHAR NOT NULL, "
    "source VARCHAR NOT NULL, q BIGINT NOT NULL, call_id VARCHAR NOT NULL, cseq BIGINT NOT NULL, "
    "registered_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, PRIMARY KEY (device_id, place), "
    "FOREIGN KEY(device_id) REFERENCES devices (id) ON DELETE CASCADE)",
    "CREATE INDEX ix_sip_bindings_expires_at ON sip_bindings (expires_at)",
    NULL,
};

/* That a call is to be ended by the process that has it, which may be another one than was asked. */
static const char *const call_ends[] = {
    "ALTER TABLE calls ADD COLUMN end_asked_at BIGINT",
    "CREATE INDEX ix_calls_end_asked ON calls (node) WHERE end_asked_at IS NOT NULL AND ended_at "
    "IS NULL",
    NULL,
};

/* The server that has the way to a phone: how the others reach it. */
static const char *const nodes_of_bindings[] = {
    "ALTER TABLE sip_bindings ADD COLUMN node VARCHAR NOT NULL DEFAULT ''",
    NULL,
};

/* What a call has been given of its account's minutes of the day, counted from where it is paid for; NULL: there is
 * no such limit. When a side was replaced last. */
static const char *const grants[] = {
    "ALTER TABLE calls ADD COLUMN granted_ms BIGINT",
    "ALTER TABLE calls ADD COLUMN transferred_at BIGINT",
    NULL,
};

const struct ct_migration ct_migrations[] = {
    {1, "the original tables", original_tables, NULL},
    {2, "usernames without regard to case, times", keys_and_times, fill_username_keys},
    {3, "ids that are never used again", ids_for_good, NULL},
    {4, "sessions, API keys, the audit record", sessions_keys_audit, NULL},
    {5, "answers kept for idempotency keys", idempotency, NULL},
    {6, "the life of numbers", life_of_numbers, NULL},
    {7, "number pools", pools, NULL},
    {8, "events and webhooks", events, NULL},
    {9, "devices and trunks", devices_and_trunks, NULL},
    {10, "calls", calls, NULL},
    {11, "where devices are registered", bindings, NULL},
    {12, "calls that another server is to end", call_ends, NULL},
    {13, "the servers that phones are registered at", nodes_of_bindings, NULL},
    {14, "what calls are granted", grants, NULL},
};
const size_t ct_migration_count = sizeof(ct_migrations) / sizeof(ct_migrations[0]);
