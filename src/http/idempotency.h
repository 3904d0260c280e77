#ifndef CT_HTTP_IDEMPOTENCY_H
#define CT_HTTP_IDEMPOTENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "store/store.h"

/**
 * The answers that an Idempotency-Key gets again, for 24 hours. What is stored tells nothing without the
 * client's key: its hash, a hash of key and request together, and the reply, sealed under both.
 */
struct ct_idempotency;

/** A reply as it is kept. */
struct ct_kept_reply {
    int status;
    struct ct_str body;
};

/** What makes a request the same as another: all of them raw. */
struct ct_request_text {
    const char *method;
    struct ct_str path;
    struct ct_str query;
    struct ct_str body;
};

/** Whether a header's value can be a key: 1 to 255 visible ASCII characters. */
bool ct_idempotency_key_valid(struct ct_str key);
/** The key of a request of @p owner (an account; 0 is nobody's), in @p arena. @p key is borrowed. CT_NOMEM.
 */
CT_CHECKED enum ct_result ct_idempotency_new(struct ct_arena *arena, int64_t owner,
                                             struct ct_str key,
                                             const struct ct_request_text *request,
                                             struct ct_idempotency **out);
/** The answer that is kept for this request, its body in @p arena. CT_NOT_FOUND: none (or none that is
 *  younger than 24 hours at @p now_ms); CT_CONFLICT: the key was used with another request; CT_NOMEM,
 *  CT_UNAVAILABLE, CT_BUG. */
CT_CHECKED enum ct_result ct_idempotency_find(const struct ct_idempotency *key,
                                              struct ct_arena *arena, struct ct_db *db,
                                              int64_t now_ms, struct ct_kept_reply *out);
/** Keeps the answer, in the transaction that it belongs to, where ct_idempotency_find has found none.
 *  Deletes a few that are too old. CT_NOMEM, CT_IO (no randomness), CT_UNAVAILABLE. */
CT_CHECKED enum ct_result ct_idempotency_keep(const struct ct_idempotency *key,
                                              struct ct_arena *arena, struct ct_db *db,
                                              int64_t now_ms, const struct ct_kept_reply *reply);

#endif
