#include "voice/devices.h"

#include "accounts/rows.h"
#include "base/random.h"
#include "sip/digest.h"
#include "store/migrations.h"
#include "voice/number_voice.h"

/* ---- reading ---- */

/* The chosen number counts as long as the owner has it; an index has the owner's first. */
#define SELECT_DEVICE                                                                            \
    "SELECT d.id, d.user_id, d.name, d.username, d.ha1_md5, d.ha1_sha256, d.caller_number_id, "  \
    "d.created_at, n.id, n.phone_number FROM devices AS d LEFT JOIN virtual_phone_numbers AS n " \
    "ON n.id = coalesce((SELECT c.id FROM virtual_phone_numbers AS c "                           \
    "WHERE c.id = d.caller_number_id AND c.user_id = d.user_id), "                               \
    "(SELECT min(f.id) FROM virtual_phone_numbers AS f WHERE f.user_id = d.user_id)) "

static enum ct_result read_device(struct ct_arena *arena, struct ct_stmt *stmt,
                                  struct ct_device *out)
{
    out->id = ct_column_int(stmt, 0);
    out->user_id = ct_column_int(stmt, 1);
    out->caller_number_id = ct_column_int(stmt, 6);
    out->created_at = ct_column_int(stmt, 7);
    out->caller_id_number = ct_column_int(stmt, 8);
    enum ct_result result = ct_column_str(stmt, 2, arena, &out->name);
    if (result == CT_OK)
        result = ct_column_str(stmt, 3, arena, &out->username);
    if (result == CT_OK)
        result = ct_column_str(stmt, 4, arena, &out->ha1_md5);
    if (result == CT_OK)
        result = ct_column_str(stmt, 5, arena, &out->ha1_sha256);
    if (result == CT_OK)
        result = ct_column_text(stmt, 9, arena, &out->caller_id);
    return result;
}

static enum ct_result one_device(struct ct_arena *arena, struct ct_stmt *stmt,
                                 struct ct_device *out)
{
    enum ct_result result = ct_step(stmt);
    if (result == CT_OK)
        return CT_NOT_FOUND;
    return result == CT_ROW ? read_device(arena, stmt, out) : result;
}

enum ct_result ct_device_by_username(struct ct_arena *arena, struct ct_db *db,
                                     struct ct_str username, struct ct_device *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, SELECT_DEVICE "WHERE d.username = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, username);
    return one_device(arena, stmt, out);
}

enum ct_result ct_device_by_id(struct ct_arena *arena, struct ct_db *db, int64_t id,
                               struct ct_device *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, SELECT_DEVICE "WHERE d.id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    return one_device(arena, stmt, out);
}

enum ct_result ct_device_get(struct ct_arena *arena, struct ct_db *db, int64_t user_id, int64_t id,
                             struct ct_device *out)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, SELECT_DEVICE "WHERE d.id = $1 AND d.user_id = $2", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_int(stmt, 2, user_id);
    return one_device(arena, stmt, out);
}

enum ct_result ct_device_list(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                              int64_t after_id, size_t limit, struct ct_device *out, size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, SELECT_DEVICE "WHERE d.user_id = $1 AND d.id > $2 ORDER BY d.id LIMIT $3", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, after_id);
    ct_bind_int(stmt, 3, (int64_t)limit);
    *count = 0;
    while (*count < limit && (result = ct_step(stmt)) == CT_ROW) {
        result = read_device(arena, stmt, &out[*count]);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
}

enum ct_result ct_device_count(struct ct_db *db, int64_t user_id, int64_t most, int64_t *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, "SELECT count(*) FROM (SELECT 1 FROM devices WHERE user_id = $1 LIMIT $2) AS counted",
        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, most);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *out = ct_column_int(stmt, 0);
    return CT_OK;
}

/* ---- secrets ---- */

#define SECRET_CHARS 26

/* 130 bits in the letters and digits of Crockford's base 32, lower case: none looks like another one, and all may
 * stand in a SIP URI as they are. */
static enum ct_result make_secret(char out[SECRET_CHARS])
{
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    unsigned char bytes[SECRET_CHARS];
    enum ct_result result = ct_random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; result == CT_OK && i < sizeof(bytes); i++)
        out[i] = alphabet[bytes[i] % 32];
    return result;
}

static enum ct_result digest(struct ct_arena *arena, enum ct_digest_algorithm algorithm,
                             struct ct_str username, struct ct_str realm, struct ct_str password,
                             struct ct_str *out)
{
    struct ct_digest_hex hex;
    ct_digest_ha1(algorithm, username, realm, password, &hex);
    *out = ct_str_of(hex.text);
    out->at = ct_str_dup(arena, *out);
    return out->at == NULL ? CT_NOMEM : CT_OK;
}

enum ct_result ct_password_digests(struct ct_arena *arena, struct ct_str username,
                                   struct ct_str realm, struct ct_str password,
                                   struct ct_str *ha1_md5, struct ct_str *ha1_sha256)
{
    enum ct_result result = digest(arena, CT_DIGEST_MD5, username, realm, password, ha1_md5);
    return result == CT_OK ? digest(arena, CT_DIGEST_SHA256, username, realm, password, ha1_sha256)
                           : result;
}

enum ct_result ct_device_secret_make(struct ct_arena *arena, int64_t id, struct ct_str username,
                                     struct ct_str realm, struct ct_device_secret *out)
{
    char secret[SECRET_CHARS];
    enum ct_result result = make_secret(secret);
    if (result != CT_OK)
        return result;
    out->username = username;
    if (username.len == 0) {
        out->username =
            ct_str_of(ct_arena_printf(arena, "d%lld-%.*s", (long long)id, SECRET_CHARS, secret));
        result = make_secret(secret);
    }
    out->password = (struct ct_str){ct_arena_copy(arena, secret, SECRET_CHARS), SECRET_CHARS};
    if (result != CT_OK)
        return result;
    if (out->username.len == 0 || out->password.at == NULL)
        return CT_NOMEM;
    return ct_password_digests(arena, out->username, realm, out->password, &out->ha1_md5,
                               &out->ha1_sha256);
}

/* ---- changing ---- */

enum ct_result ct_device_next_id(struct ct_db *db, int64_t *out)
{
    return ct_next_id(db, CT_NEXT_ID_QUERY("devices"), out);
}

enum ct_result ct_device_insert(struct ct_db *db, const struct ct_device *device)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "INSERT INTO devices (id, user_id, name, caller_number_id, username, ha1_md5, "
                    "ha1_sha256, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, device->id);
    ct_bind_int(stmt, 2, device->user_id);
    ct_bind_str(stmt, 3, device->name);
    ct_bind_id_or_null(stmt, 4, device->caller_number_id);
    ct_bind_str(stmt, 5, device->username);
    ct_bind_str(stmt, 6, device->ha1_md5);
    ct_bind_str(stmt, 7, device->ha1_sha256);
    ct_bind_int(stmt, 8, device->created_at);
    return ct_run(stmt);
}

static enum ct_result changed_one(struct ct_stmt *stmt)
{
    enum ct_result result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    return ct_run(stmt);
}

enum ct_result ct_device_save(struct ct_db *db, const struct ct_device *device)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "UPDATE devices SET name = $2, caller_number_id = $3, ha1_md5 = $4, "
                    "ha1_sha256 = $5 WHERE id = $1 RETURNING id",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, device->id);
    ct_bind_str(stmt, 2, device->name);
    ct_bind_id_or_null(stmt, 3, device->caller_number_id);
    ct_bind_str(stmt, 4, device->ha1_md5);
    ct_bind_str(stmt, 5, device->ha1_sha256);
    return changed_one(stmt);
}

enum ct_result ct_device_unbind(struct ct_db *db, int64_t id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "DELETE FROM sip_bindings WHERE device_id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    return ct_run(stmt);
}

enum ct_result ct_device_delete(struct ct_db *db, const struct ct_device *device)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_number_voice_drop_device(db, device->user_id, device->id);
    if (result == CT_OK)
        result = ct_db_query(db, "DELETE FROM devices WHERE id = $1 RETURNING id", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, device->id);
    return changed_one(stmt);
}

/* The bindings go with their device. */
enum ct_result ct_device_delete_all(struct ct_db *db, int64_t user_id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "DELETE FROM devices WHERE user_id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    return ct_run(stmt);
}

/* ---- the realm ---- */

enum ct_result ct_realm_read(struct ct_arena *arena, struct ct_db *db, struct ct_str *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "SELECT realm FROM sip_realm WHERE id = 1", &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    return ct_column_str(stmt, 0, arena, out);
}

enum ct_result ct_realm_settle(struct ct_arena *arena, struct ct_db *db, struct ct_str domain,
                               struct ct_str *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_realm_read(arena, db, out);
    if (result != CT_NOT_FOUND)
        return result;
    *out = domain;
    result = ct_db_query(db, "INSERT INTO sip_realm (id, realm) VALUES (1, $1)", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, domain);
    return ct_run(stmt);
}
