#ifndef CT_ACCOUNTS_USERS_H
#define CT_ACCOUNTS_USERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "http/route.h"
#include "store/store.h"

/** Users: who they are. */
struct ct_user {
    int64_t id;
    struct ct_str username;
    struct ct_str password_hash;
    int64_t
        created_at; /* milliseconds since 1970, or CT_NO_TIME (users of the original database) */
    int64_t last_login_at; /* the same; CT_NO_TIME before the first login */
    enum ct_role role;
    int64_t token_epoch;              /* how many times all tokens were ended */
    struct ct_str last_login_address; /* where a password was last accepted or set; or empty */
};

/** What a new username must be: 1 to 64 characters, none of them a control character. CT_INVALID. */
#define CT_USERNAME_MAX 64
#define CT_USERNAME_PATTERN "^[^\\u0000-\\u001f\\u007f-\\u009f]*$"
CT_CHECKED enum ct_result ct_username_normalize(struct ct_arena *arena, struct ct_str in,
                                                struct ct_str *out);

/** Adds a user. @p address is where the request came from, empty for one from the command line.
 *  CT_CONFLICT when the name is taken, without regard to case. */
CT_CHECKED enum ct_result ct_user_insert(struct ct_arena *arena, struct ct_db *db,
                                         struct ct_str username, struct ct_str password_hash,
                                         struct ct_str address, int64_t now_ms, int64_t *id);
/** Finds a user by name: the name as written first, then without regard to case. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_user_by_name(struct ct_arena *arena, struct ct_db *db,
                                          struct ct_str username, struct ct_user *out);
CT_CHECKED enum ct_result ct_user_by_id(struct ct_arena *arena, struct ct_db *db, int64_t id,
                                        struct ct_user *out);
/** The users behind @p after_id, at most @p limit of them, in the order of their ids. */
CT_CHECKED enum ct_result ct_user_list(struct ct_arena *arena, struct ct_db *db, int64_t after_id,
                                       size_t limit, struct ct_user *out, size_t *count);

/*
 * What follows is told of a user as it was when the password was compared (@p seen: id, password_hash,
 * token_epoch), and answers CT_NOT_FOUND when the user is gone, or when all tokens were ended since: an
 * old password that was found right just before it was changed must open nothing.
 */

/** Notes a login, and puts @p new_hash (empty: none) where the hash that was compared still is. */
CT_CHECKED enum ct_result ct_user_logged_in(struct ct_db *db, const struct ct_user *seen,
                                            struct ct_str new_hash, struct ct_str address,
                                            int64_t now_ms);
/** Sets a password and ends all tokens but @p kept_token (its id; empty: none). */
CT_CHECKED enum ct_result ct_user_change_password(struct ct_db *db, const struct ct_user *seen,
                                                  struct ct_str password_hash,
                                                  struct ct_str kept_token);
/** Deletes the row of a user, with the API keys and ended tokens. CT_NOT_FOUND also while something else
 *  still refers to the user. */
CT_CHECKED enum ct_result ct_user_delete(struct ct_db *db, const struct ct_user *seen);

/** Gives a role. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_user_set_role(struct ct_db *db, int64_t id, enum ct_role role);
/** The word for a role, as in the database and in replies: "user", "admin". */
struct ct_str ct_role_word(enum ct_role role);

#endif
