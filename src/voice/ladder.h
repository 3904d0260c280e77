#ifndef CT_VOICE_LADDER_H
#define CT_VOICE_LADDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "store/store.h"

/** The SIP messages of calls, kept for some days, for who wants to know what the phones said. */

/** The most messages that are kept of one call, and the most bytes of one message. */
#define CT_LADDER_MESSAGES 200
#define CT_LADDER_BYTES 16384

/** One message. Texts are borrowed. */
struct ct_ladder_message {
    int64_t at;              /* milliseconds since 1970 */
    bool sent;               /* by us */
    struct ct_str leg;       /* "caller", or "callee" */
    struct ct_str transport; /* "udp", "tcp", … */
    struct ct_str peer;      /* address and port */
    struct ct_str bytes;     /* as they were on the wire: ct_ladder_add blanks what is secret */
};

/** The text of a message as it may be kept and shown, in @p arena: well-formed UTF-8 without NUL, at most
 *  CT_LADDER_BYTES; without the `response` of Authorization and Proxy-Authorization (RFC 7616; other
 *  schemes lose all behind their name) and without the keys of a session description (a=crypto of RFC 4568,
 *  a=ice-pwd of RFC 8839). CT_NOMEM. */
CT_CHECKED enum ct_result ct_ladder_blank(struct ct_arena *arena, struct ct_str bytes,
                                          struct ct_str *out);

/** Adds messages of a call, in their order. @p first is the place of the first one, counting from 0: a job that
 *  runs twice writes none twice. What is beyond CT_LADDER_MESSAGES is left out. */
CT_CHECKED enum ct_result ct_ladder_add(struct ct_db *db, int64_t call_id, int64_t first,
                                        const struct ct_ladder_message *messages, size_t count);
/** The messages of a call in their order, in @p arena. */
CT_CHECKED enum ct_result ct_ladder_read(struct ct_arena *arena, struct ct_db *db, int64_t call_id,
                                         struct ct_ladder_message **out, size_t *count);
/** Deletes the oldest @p limit messages (1 or more) of those that are older than @p before_ms, and what has the time
 *  of the last of them; @p count is how many. */
CT_CHECKED enum ct_result ct_ladder_discard(struct ct_db *db, int64_t before_ms, size_t limit,
                                            size_t *count);

#endif
