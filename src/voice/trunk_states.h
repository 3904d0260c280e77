#ifndef CT_VOICE_TRUNK_STATES_H
#define CT_VOICE_TRUNK_STATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "http/schema.h"
#include "store/store.h"
#include "voice/trunk_life.h"

/**
 * How trunks are, as all servers of the database know it: one row for each. The server that holds a trunk's lease
 * registers it and says how it and its hosts are; the lease lasts for CT_TRUNK_LEASE_MS and is renewed before.
 */
struct ct_trunk_state {
    int64_t trunk_id;
    struct ct_str node;    /* that holds the lease */
    int64_t lease_until;   /* milliseconds since 1970; 0: nobody holds it */
    struct ct_str contact; /* the user part of our Contact there: 128 bits of chance */
    enum ct_trunk_standing standing;
    int64_t until;         /* when the carrier forgets us; CT_NO_TIME: it does not know us */
    int64_t status;        /* of the last answer to a REGISTER; 0: there was none */
    struct ct_str reason;  /* its words; `at` NULL likewise */
    struct ct_texts hosts; /* "sip.example.com=up" */
};

/** How long a lease lasts, and how long before its end it is renewed. */
#define CT_TRUNK_LEASE_MS INT64_C(30000)
#define CT_TRUNK_LEASE_RENEW_MS INT64_C(20000)

/** The state that one of its words gives a host; UNKNOWN when none does. */
enum ct_trunk_host_state ct_trunk_state_of_host(const struct ct_trunk_state *state,
                                                struct ct_str host);

/** All of them, in @p arena. */
CT_CHECKED enum ct_result ct_trunk_state_all(struct ct_arena *arena, struct ct_db *db,
                                             const struct ct_trunk_state **out, size_t *count);
/** CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_trunk_state_get(struct ct_arena *arena, struct ct_db *db,
                                             int64_t trunk_id, struct ct_trunk_state *out);

/** A server that asks for leases. */
struct ct_trunk_lease {
    struct ct_str node;
    int64_t now_ms;
    bool alone; /* whoever holds them is gone */
};
/** Takes the lease of a trunk, unless another server holds it: the row says who does. @p contact is that of a trunk that
 *  has none yet. Of a trunk that is gone nothing is taken. */
CT_CHECKED enum ct_result ct_trunk_lease_take(struct ct_db *db, const struct ct_trunk_lease *lease,
                                              int64_t trunk_id, struct ct_str contact);
/** Renews all that the server holds. */
CT_CHECKED enum ct_result ct_trunk_lease_renew(struct ct_db *db,
                                               const struct ct_trunk_lease *lease);
/** Gives all back: it is registered nowhere any more. */
CT_CHECKED enum ct_result ct_trunk_lease_return(struct ct_db *db, struct ct_str node);

/** What the holder of a lease tells: of @p state but lease_until and contact. Administrators hear of what has changed,
 *  as events. Without @p registration that of before stays. Who does not hold the lease tells nothing. */
CT_CHECKED enum ct_result ct_trunk_state_tell(struct ct_arena *arena, struct ct_db *db,
                                              const struct ct_trunk_state *state, bool registration,
                                              int64_t now_ms);
/** A trunk is deleted. */
CT_CHECKED enum ct_result ct_trunk_state_forget(struct ct_db *db, int64_t trunk_id);

#endif
