#ifndef CT_ACCOUNTS_ACCOUNTS_H
#define CT_ACCOUNTS_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accounts/guess_news.h"
#include "accounts/guessing.h"
#include "accounts/key_uses.h"
#include "accounts/token.h"
#include "accounts/token_cache.h"
#include "accounts/users.h"
#include "base/arena.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "http/route.h"
#include "store/store.h"

/** The room's state, set up by ct_accounts_init and ended by ct_accounts_end. */
struct ct_accounts {
    const struct ct_config *config;
    struct ct_token_keys *keys;
    struct ct_token_cache *tokens;
    struct ct_guessing *guessing;
    struct ct_key_uses *key_uses;
    struct ct_str jwks;        /* the public keys, as /.well-known/jwks.json answers them */
    struct ct_str old_hash;    /* a password hash of the original service, if its users are here */
    unsigned old_share;        /* how many in 1,000 users still have such a hash */
    struct ct_guess_news news; /* to and from the other servers of the database */
    uint64_t guess_key;        /* decides which unknown names take as long as those users */
    /** What is done with all that an account has in other rooms, before its row is deleted and in the
     *  same transaction; NULL: nothing. The call's user is the account. */
    enum ct_result (*on_delete)(void *room, struct ct_call *call);
    void *on_delete_room;
    struct ct_metrics *metrics; /* set by who wants to know; NULL: nobody */
};

/** Loads the keys that the settings name, and looks at the database for what is described above. Texts are
 *  put into @p arena, which must outlive the room, as must @p config and @p store. CT_INVALID and CT_IO for
 *  a key; @p why (in @p arena, or static) then is one line. CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_accounts_init(struct ct_arena *arena, const struct ct_config *config,
                                           struct ct_store *store, struct ct_accounts *out,
                                           const char **why);

/** From now on the other servers of the database hear of wrong passwords, and this one of theirs, until the
 *  store is closed. @p accounts must not move any more. CT_NOMEM. */
CT_CHECKED enum ct_result ct_accounts_listen(struct ct_accounts *accounts, struct ct_store *store);

/** Forgets what must not outlive the room; comes before the store is closed or after. All zero is allowed. */
void ct_accounts_end(struct ct_accounts *accounts);

/* The routes. The room of all of them is a struct ct_accounts. */
/** POST /auth/register, POST /auth/login, GET /auth/me, PUT /auth/password, DELETE /auth/me. */
extern const struct ct_route ct_auth_routes[];
extern const size_t ct_auth_route_count;
/** POST /auth/refresh, POST /auth/logout, POST /auth/logout_all, GET /.well-known/jwks.json. */
extern const struct ct_route ct_sessions_routes[];
extern const size_t ct_sessions_route_count;
/** POST, GET /api_keys, DELETE /api_keys/{id}. */
extern const struct ct_route ct_api_keys_routes[];
extern const size_t ct_api_keys_route_count;

/** Whose token, or API key, is this? As ct_authenticate of http/server.h; @p room is a struct ct_accounts. */
CT_CHECKED enum ct_result ct_accounts_authenticate(void *room, struct ct_arena *arena,
                                                   struct ct_db *db, struct ct_str token,
                                                   struct ct_str address, struct ct_caller *out);

/** A token for a user whose password was just given. @p epoch is the user's token_epoch. CT_INVALID (a clock
 *  that is far off), CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_accounts_issue(const struct ct_accounts *accounts,
                                            struct ct_arena *arena, int64_t user_id, int64_t epoch,
                                            int64_t now_s, struct ct_str *out);

/** Whether a name that nobody has is to be answered as slowly as users with a hash of the original
 *  service are: the same names always, and as many of them as there are such users. */
bool ct_accounts_seems_old(const struct ct_accounts *accounts, struct ct_str username);

/** Judges a password that @p username is to have. CT_INVALID when everybody would try it first: it is among
 *  the most common ones, or is the username without regard to case; @p why (static) then says so in a
 *  sentence without its end. Its length is not looked at. CT_NOMEM. */
CT_CHECKED enum ct_result ct_new_password_judge(struct ct_arena *arena, struct ct_str username,
                                                struct ct_str password, const char **why);

/** The reply of what answers a token: `access_token` and `token_type`. */
struct ct_token_reply {
    struct ct_str access_token;
    struct ct_str token_type;
};
extern const struct ct_schema ct_token_schema;

#endif
