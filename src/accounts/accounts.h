#ifndef CT_ACCOUNTS_ACCOUNTS_H
#define CT_ACCOUNTS_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accounts/token.h"
#include "accounts/token_cache.h"
#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "http/route.h"
#include "store/store.h"

/** Users: who they are, how they prove it. */
struct ct_user {
    int64_t id;
    struct ct_str username;
    struct ct_str password_hash;
    int64_t
        created_at; /* milliseconds since 1970, or CT_NO_TIME (users of the original database) */
    int64_t last_login_at; /* the same; CT_NO_TIME before the first login */
};

/** The room's state, set up by ct_accounts_init and ended by ct_accounts_end. */
struct ct_accounts {
    const struct ct_config *config;
    struct ct_token_key key;
    struct ct_str old_hash; /* a password hash of the original service, if its users are here */
    unsigned old_share;     /* how many in 1,000 users still have such a hash */
    struct ct_token_cache *tokens;
    uint64_t guess_key; /* decides which unknown names take as long as those users */
};

/** Looks at the database for what is described above. Texts are put into @p arena, which must outlive
 *  the room, as must @p config. CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_accounts_init(struct ct_arena *arena, const struct ct_config *config,
                                           struct ct_store *store, struct ct_accounts *out);

/** Forgets what must not outlive the room. All zero is allowed. */
void ct_accounts_end(struct ct_accounts *accounts);

/** POST /auth/register, POST /auth/login, GET /auth/me. */
extern const struct ct_route ct_accounts_routes[];
extern const size_t ct_accounts_route_count;

/** Whose token is this? As ct_authenticate of http/server.h; @p room is a struct ct_accounts. */
CT_CHECKED enum ct_result ct_accounts_authenticate(void *room, struct ct_arena *arena,
                                                   struct ct_db *db, struct ct_str token,
                                                   int64_t *user_id);

/** Whether a name that nobody has is to be answered as slowly as users with a hash of the original
 *  service are: the same names always, and as many of them as there are such users. */
bool ct_accounts_seems_old(const struct ct_accounts *accounts, struct ct_str username);

/** What a new username must be: 1 to 64 characters, none of them a control character. CT_INVALID. */
#define CT_USERNAME_MAX 64
#define CT_USERNAME_PATTERN "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"
CT_CHECKED enum ct_result ct_username_normalize(struct ct_arena *arena, struct ct_str in,
                                                struct ct_str *out);

/** Adds a user. CT_CONFLICT when the name is taken, without regard to case. */
CT_CHECKED enum ct_result ct_user_insert(struct ct_arena *arena, struct ct_db *db,
                                         struct ct_str username, struct ct_str password_hash,
                                         int64_t now_ms, int64_t *id);
/** Finds a user by name: the name as written first, then without regard to case. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_user_by_name(struct ct_arena *arena, struct ct_db *db,
                                          struct ct_str username, struct ct_user *out);
CT_CHECKED enum ct_result ct_user_by_id(struct ct_arena *arena, struct ct_db *db, int64_t id,
                                        struct ct_user *out);
/** Notes a login, and puts @p new_hash (empty: none) where @p old_hash still is. CT_NOT_FOUND when the
 *  user is gone. */
CT_CHECKED enum ct_result ct_user_logged_in(struct ct_arena *arena, struct ct_db *db, int64_t id,
                                            struct ct_str old_hash, struct ct_str new_hash,
                                            int64_t now_ms);
/** Sets a user's password hash. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_user_set_password(struct ct_db *db, int64_t id,
                                               struct ct_str password_hash);
/** The users behind @p after_id, at most @p limit of them, in the order of their ids. */
CT_CHECKED enum ct_result ct_user_list(struct ct_arena *arena, struct ct_db *db, int64_t after_id,
                                       size_t limit, struct ct_user *out, size_t *count);

#endif
