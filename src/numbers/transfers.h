#ifndef CT_NUMBERS_TRANSFERS_H
#define CT_NUMBERS_TRANSFERS_H

#include <stddef.h>
#include <stdint.h>

#include "accounts/audit.h"
#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "http/route.h"
#include "numbers/numbers.h"
#include "store/store.h"

/** A number that its owner offered to another account, which has not answered yet. */
struct ct_transfer {
    int64_t id; /* of the number */
    struct ct_str phone_number;
    struct ct_str from; /* usernames */
    struct ct_str to;
    struct ct_str direction; /* "incoming" or "outgoing", as the user sees it */
    int64_t expires_at;      /* milliseconds since 1970 */
};

/** A user's offers behind the number @p after_id, to and by him, at most @p limit, in the order of the
 *  numbers' ids. */
CT_CHECKED enum ct_result ct_transfer_list(struct ct_arena *arena, struct ct_db *db,
                                           int64_t user_id, int64_t after_id, size_t limit,
                                           int64_t now_ms, struct ct_transfer *out, size_t *count);
/** Finds a number that is being offered to this user or by him. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_transfer_get(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                          int64_t id, int64_t now_ms, struct ct_number *out);

/*
 * The steps, on a number that was read and tidied. @p number is as after the change.
 */

/** Offers a number. CT_CONFLICT when it is being offered already, or @p to_id is its owner. */
CT_CHECKED enum ct_result ct_transfer_offer(struct ct_db *db, struct ct_number *number,
                                            int64_t to_id, int64_t until_ms);
/** Makes the number that of the user it was offered to, without the name and the tags that it had.
 *  CT_CONFLICT when it is not being offered. */
CT_CHECKED enum ct_result ct_transfer_accept(struct ct_db *db, struct ct_number *number);
/** Ends an offer, refused or withdrawn: the number stays with its owner. The audit row of the owner is
 *  written; @p why is a word for it. CT_CONFLICT when it is not being offered. */
CT_CHECKED enum ct_result ct_transfer_end(struct ct_call *call, struct ct_number *number,
                                          const char *why);
/** Lets the time of all offers to a user run out, whose account is about to go: there may be very many, so
 *  that their rows are brought up to date bit by bit, as others whose time has run out. */
CT_CHECKED enum ct_result ct_transfer_end_incoming(struct ct_db *db, int64_t user_id,
                                                   int64_t now_ms);

/** Writes the audit row of somebody else's account that the caller's doing is of concern to: it tells who
 *  did it, and not from where. */
CT_CHECKED enum ct_result ct_transfer_audit_other(const struct ct_call *call, int64_t user_id,
                                                  enum ct_audit_action action,
                                                  const struct ct_number *number,
                                                  struct ct_str detail);

#endif
