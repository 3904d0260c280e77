#ifndef CT_VOICE_BINDINGS_H
#define CT_VOICE_BINDINGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "store/store.h"

/** A row of where a device is registered. Texts are in the arena that it was read into. */
struct ct_binding_row {
    int64_t device_id;
    int64_t place; /* from 0 on; the key within its device */
    struct ct_str contact;
    struct ct_str path; /* empty: none, as what follows */
    struct ct_str user_agent;
    struct ct_str instance;
    int64_t reg_id;          /* of RFC 5626; 0: none */
    struct ct_str transport; /* "udp" */
    struct ct_str source;    /* 192.0.2.1:5060, [2001:db8::1]:5060 */
    int64_t q;               /* in thousandths */
    struct ct_str call_id;
    int64_t cseq;
    int64_t registered_at; /* milliseconds since 1970 */
    int64_t expires_at;
    struct ct_str
        node; /* the server that it is registered at: udp:192.0.2.9:5060; empty: it does not say */
};

/** Puts a row, in the place of the one that has its key. CT_NOT_FOUND when there is no such device. */
CT_CHECKED enum ct_result ct_binding_put(struct ct_db *db, const struct ct_binding_row *row);
/** Takes a row away, if it is there. */
CT_CHECKED enum ct_result ct_binding_remove(struct ct_db *db, int64_t device_id, int64_t place);
/** Deletes what has expired before @p before_ms. */
CT_CHECKED enum ct_result ct_binding_tidy(struct ct_db *db, int64_t before_ms);

/** Where a device is registered at @p now_ms, what was registered last first, at most @p limit rows. */
CT_CHECKED enum ct_result ct_binding_list(struct ct_arena *arena, struct ct_db *db,
                                          int64_t device_id, int64_t now_ms, size_t limit,
                                          struct ct_binding_row *out, size_t *count);
/** All bindings that have not expired at @p now_ms, one after the other, in the order of devices and places; @p each
 *  borrows the row. Ends with what it answers when that is not CT_OK. */
CT_CHECKED enum ct_result
ct_binding_each(struct ct_db *db, int64_t now_ms,
                enum ct_result (*each)(void *ctx, const struct ct_binding_row *row), void *ctx);

#endif
