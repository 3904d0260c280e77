#ifndef CT_ACCOUNTS_SESSIONS_H
#define CT_ACCOUNTS_SESSIONS_H

#include <stdint.h>

#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "http/route.h"
#include "store/store.h"

/**
 * Tokens that are ended before their time. Whether a token still counts is judged at every request by
 * the database, so that one that was ended is refused at once by every server on that database:
 *
 *   one token    is a row of revoked_tokens until it would have expired; users.revoked_until, the last
 *                moment at which any such token could still live, says whether to look there at all;
 *   all tokens   are those of an earlier users.token_epoch, but for users.kept_token.
 *
 * Times are in seconds since 1970, as in tokens.
 */

/** What of a token is asked for. */
struct ct_session {
    int64_t user_id;
    int64_t epoch;          /* the user's when it was issued */
    struct ct_str token_id; /* never empty */
};

/** Whether the token still counts, and what its user may do: one statement. CT_DENIED when it was ended
 *  or its user is gone. */
CT_CHECKED enum ct_result ct_session_check(struct ct_db *db, const struct ct_session *session,
                                           int64_t now_s, enum ct_role *role);
/** How many times all tokens of a user were ended: what a new token must say. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_session_epoch(struct ct_db *db, int64_t user_id, int64_t *out);
/** Ends one token, which would have expired at @p expires_at. CT_NOT_FOUND when the user is gone. */
CT_CHECKED enum ct_result ct_session_end(struct ct_db *db, int64_t user_id, struct ct_str token_id,
                                         int64_t expires_at, int64_t now_s);
/** Ends all tokens of a user. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_session_end_all(struct ct_db *db, int64_t user_id);

/** How many seconds a token lives that replaces one: ACCESS_TOKEN_EXPIRE_MINUTES, and no longer than
 *  SESSION_MAX_HOURS after the login. 0 when that is over. */
int64_t ct_session_lifetime_s(const struct ct_config *config, int64_t login_at, int64_t now_s);

#endif
