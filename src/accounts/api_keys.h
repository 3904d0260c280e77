#ifndef CT_ACCOUNTS_API_KEYS_H
#define CT_ACCOUNTS_API_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "accounts/key_uses.h"
#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "http/route.h"
#include "store/store.h"

/** API keys: what machines prove themselves with. Of the key itself only a hash is kept. Times are
 *  milliseconds since 1970; CT_NO_TIME is none. */
struct ct_api_key {
    int64_t id;
    struct ct_str name;
    struct ct_str hint;   /* how the key begins */
    struct ct_str scopes; /* words separated by single spaces */
    int64_t created_at;
    int64_t expires_at;
    int64_t last_used_at;
    struct ct_str last_used_address; /* `at` NULL before the first use */
};

/** Adds a key of a user: name, hint, scopes, created_at and expires_at of @p key. CT_NOT_FOUND when the
 *  user is gone. */
CT_CHECKED enum ct_result ct_api_key_insert(struct ct_db *db, int64_t user_id,
                                            const struct ct_api_key *key, struct ct_str key_hash,
                                            int64_t *id);
/** How many keys a user has, expired ones too; counts no further than @p most. */
CT_CHECKED enum ct_result ct_api_key_count(struct ct_db *db, int64_t user_id, int64_t most,
                                           int64_t *out);
/** The keys of a user behind @p after_id, at most @p limit of them, in the order of their ids. */
CT_CHECKED enum ct_result ct_api_key_list(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                          int64_t after_id, size_t limit, struct ct_api_key *out,
                                          size_t *count);
/** Deletes a key of a user, and answers its name. CT_NOT_FOUND also when it is somebody else's. */
CT_CHECKED enum ct_result ct_api_key_delete(struct ct_arena *arena, struct ct_db *db,
                                            int64_t user_id, int64_t id, struct ct_str *name);

/** Whose key is this? One statement. CT_DENIED when nobody has it or it has expired. */
CT_CHECKED enum ct_result ct_api_key_check(struct ct_key_uses *uses, struct ct_arena *arena,
                                           struct ct_db *db, struct ct_str text, int64_t now_ms,
                                           struct ct_str address, struct ct_caller *out);

#endif
