#include "http/idempotency.h"

#include <string.h>

#include "base/digest.h"

#define LIFETIME_MS (INT64_C(24) * 3600 * 1000)
#define LONGEST_KEY 255
#define PURPOSE "reply of an idempotency key"

struct ct_idempotency {
    int64_t owner;
    struct ct_str key;
    uint8_t request[CT_SHA256_BYTES]; /* never stored: the body may hold a password */
    struct ct_str key_hash, request_hash;
};

bool ct_idempotency_key_valid(struct ct_str key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (key.at[i] <= ' ' || key.at[i] > '~')
            return false;
    }
    return key.len >= 1 && key.len <= LONGEST_KEY;
}

static void add(struct ct_sha256 *hash, struct ct_str text)
{
    ct_sha256_update(hash, text.at, text.len);
}

/* Each part with its length in front, so that no two requests are written the same. */
static void digest_request(const struct ct_request_text *request, uint8_t out[CT_SHA256_BYTES])
{
    const struct ct_str parts[] = {ct_str_of(request->method), request->path, request->query,
                                   request->body};
    struct ct_sha256 hash;
    ct_sha256_init(&hash);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const uint64_t size = parts[i].len;
        ct_sha256_update(&hash, &size, sizeof(size));
        if (size > 0)
            add(&hash, parts[i]);
    }
    ct_sha256_digest(&hash, out);
}

static enum ct_result to_text(struct ct_arena *arena, const uint8_t digest[CT_SHA256_BYTES],
                              struct ct_str *out)
{
    const char *text = ct_base64url(arena, digest, CT_SHA256_BYTES);
    *out = ct_str_of(text);
    return text == NULL ? CT_NOMEM : CT_OK;
}

enum ct_result ct_idempotency_new(struct ct_arena *arena, int64_t owner, struct ct_str key,
                                  const struct ct_request_text *request,
                                  struct ct_idempotency **out)
{
    struct ct_idempotency *made = ct_arena_alloc(arena, sizeof(*made));
    if (made == NULL)
        return CT_NOMEM;
    made->owner = owner;
    made->key = key;
    digest_request(request, made->request);

    uint8_t digest[CT_SHA256_BYTES];
    ct_sha256(key.at, key.len, digest);
    enum ct_result result = to_text(arena, digest, &made->key_hash);
    if (result != CT_OK)
        return result;
    /* With the key in it: who reads the table cannot try out passwords without it. */
    struct ct_sha256 hash;
    ct_sha256_init(&hash);
    ct_sha256_update(&hash, made->request, sizeof(made->request));
    add(&hash, key);
    ct_sha256_digest(&hash, digest);
    result = to_text(arena, digest, &made->request_hash);
    if (result == CT_OK)
        *out = made;
    return result;
}

#define SECRETS 3

/* What the reply is sealed with. */
static void secrets_of(const struct ct_idempotency *key, struct ct_str out[SECRETS])
{
    out[0] = (struct ct_str){(const char *)&key->owner, sizeof(key->owner)};
    out[1] = key->key;
    out[2] = (struct ct_str){(const char *)key->request, sizeof(key->request)};
}

static enum ct_result unseal(const struct ct_idempotency *key, struct ct_arena *arena,
                             struct ct_str text, struct ct_str *out)
{
    struct ct_str secrets[SECRETS];
    struct ct_str sealed;
    secrets_of(key, secrets);
    enum ct_result result = ct_base64url_decode(arena, text, &sealed);
    if (result == CT_OK)
        result = ct_open(arena, PURPOSE, secrets, SECRETS, sealed, out);
    return result == CT_OK || result == CT_NOMEM ? result : CT_BUG;
}

enum ct_result ct_idempotency_find(const struct ct_idempotency *key, struct ct_arena *arena,
                                   struct ct_db *db, int64_t now_ms, struct ct_kept_reply *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db,
                                        "SELECT request_hash, status, reply FROM idempotency_keys "
                                        "WHERE owner = $1 AND key_hash = $2 AND created_at > $3",
                                        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, key->owner);
    ct_bind_str(stmt, 2, key->key_hash);
    ct_bind_int(stmt, 3, now_ms - LIFETIME_MS);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;

    struct ct_str request_hash;
    struct ct_str text;
    struct ct_kept_reply kept = {.status = (int)ct_column_int(stmt, 1)};
    result = ct_column_str(stmt, 0, arena, &request_hash);
    if (result == CT_OK && !ct_str_equal(request_hash, key->request_hash))
        return CT_CONFLICT;
    if (result == CT_OK)
        result = ct_column_str(stmt, 2, arena, &text);
    if (result == CT_OK)
        result = unseal(key, arena, text, &kept.body);
    if (result == CT_OK)
        *out = kept;
    return result;
}

/* A few: what is added is one at a time, so that in the end none are left. By their time and not by their
 * keys, which would look at every row of an owner. */
static enum ct_result delete_old(struct ct_db *db, int64_t now_ms)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "DELETE FROM idempotency_keys WHERE created_at <= (SELECT max(created_at) "
                    "FROM (SELECT created_at FROM idempotency_keys WHERE created_at <= $1 "
                    "ORDER BY created_at LIMIT 4) AS oldest)",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, now_ms - LIFETIME_MS);
    return ct_run(stmt);
}

enum ct_result ct_idempotency_keep(const struct ct_idempotency *key, struct ct_arena *arena,
                                   struct ct_db *db, int64_t now_ms,
                                   const struct ct_kept_reply *reply)
{
    struct ct_str secrets[SECRETS];
    struct ct_str sealed;
    struct ct_stmt *stmt;
    secrets_of(key, secrets);
    enum ct_result result = ct_seal(arena, PURPOSE, secrets, SECRETS, reply->body, &sealed);
    if (result != CT_OK)
        return result;
    const char *text = ct_base64url(arena, sealed.at, sealed.len);
    if (text == NULL)
        return CT_NOMEM;
    result = delete_old(db, now_ms);
    if (result != CT_OK)
        return result;
    /* A row in the way is too old to count. */
    result = ct_db_query(db,
                         "INSERT INTO idempotency_keys "
                         "(owner, key_hash, created_at, request_hash, status, reply) "
                         "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (owner, key_hash) DO UPDATE "
                         "SET created_at = excluded.created_at, "
                         "request_hash = excluded.request_hash, status = excluded.status, "
                         "reply = excluded.reply",
                         &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, key->owner);
    ct_bind_str(stmt, 2, key->key_hash);
    ct_bind_int(stmt, 3, now_ms);
    ct_bind_str(stmt, 4, key->request_hash);
    ct_bind_int(stmt, 5, reply->status);
    ct_bind_str(stmt, 6, ct_str_of(text));
    return ct_run(stmt);
}
