#ifndef CT_BASE_LIMITER_H
#define CT_BASE_LIMITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"

/**
 * Counters of events by key, in memory of a fixed size: two kinds.
 *
 * A table has a fixed number of slots in sets of CT_LIMITER_WAYS. A hash with a key of its own, random
 * and never shown (see ct_keyed_hash), says which set a key belongs to, so that nobody can choose keys
 * that meet in one set. The hash, of 128 bits, stands for the key; the key itself is not kept. Untouched
 * slots take no memory.
 *
 * Times are in microseconds, not below 0, of a clock that goes forward, as ct_clock_monotonic_us does; they
 * are handed in, so that a test can let them pass. Two threads' calls may come in another order than their
 * times. All functions may be called from any thread.
 */
#define CT_LIMITER_WAYS ((size_t)8)

struct ct_limiter_options {
    size_t slots;      /**< rounded up to a power of two; at least CT_LIMITER_WAYS */
    size_t limit;      /**< events of a key in a window; at least 1 */
    int64_t window_us; /**< at least 1 */
};

/**
 * The exact kind, for what is guessed: an event of a key is refused when its `limit` (up to
 * CT_FAILURES_MAX_LIMIT) most recent events all lie within the window. Refused events are not counted, so
 * a key is free again when the first of those leaves the window. A slot takes 24 + 8 * limit bytes.
 *
 * When a set is full, a new key takes the place of the one with the fewest events in the window; among
 * equals, of the one whose latest event is the oldest. When all keys of its set are locked (have `limit`
 * events), it is refused until the first of them is free. Therefore
 *   - a locked key stays locked for its time, whatever other keys come, and how many;
 *   - with n keys locked in a table of s slots, the chance that a new one is refused is that of 8 or more in
 *     a Poisson distribution of mean 8 n / s: 1 in 100,000 at n = s / 8, 1 in 10^10 at n = s / 40. To bring
 *     that about, a stranger has to have limit * n events counted;
 *   - to make it forget a key with k events that is not locked, a stranger has to have k events or more
 *     counted for each of 8 other keys of its set: about k * s in all, since nobody knows the sets.
 */
struct ct_failure_counter;

#define CT_FAILURES_MAX_LIMIT ((size_t)100)

/** An empty counter. The owner frees it with ct_failure_counter_free. CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_failure_counter_new(const struct ct_limiter_options *options,
                                                 struct ct_failure_counter **out);
/** NULL is allowed. No call may be under way. */
void ct_failure_counter_free(struct ct_failure_counter *counter);
/** Counts an event of @p key before it is known how it ends, so that many at the same time cannot pass
 *  all. 0: it was counted and may go on. Else it is refused and not counted, and the answer is the seconds
 *  until the next one is allowed, rounded up (as in Retry-After, RFC 9110 section 10.2.3). */
CT_CHECKED int64_t ct_failure_counter_reserve(struct ct_failure_counter *counter, struct ct_str key,
                                              int64_t now_us);
/** Takes back the event that was counted at just @p counted_us: it turned out right. Nothing happens when
 *  it has been forgotten. */
void ct_failure_counter_refund(struct ct_failure_counter *counter, struct ct_str key,
                               int64_t counted_us);
/** Forgets all events of @p key. */
void ct_failure_counter_clear(struct ct_failure_counter *counter, struct ct_str key);
/** What ct_failure_counter_reserve would answer, without counting. */
CT_CHECKED int64_t ct_failure_counter_peek(struct ct_failure_counter *counter, struct ct_str key,
                                           int64_t now_us);

/**
 * The kind for many events: the generic cell rate algorithm (the leaky bucket as a meter, ITU-T I.371),
 * which keeps one time for a key: 24 bytes. A key that was quiet may have `limit` events at once; one more
 * is allowed after each window / limit from then on. So the rate over any long time is the limit's, and
 * within one window there are at most twice as many. Refused events are not counted.
 *
 * A full set forgets the key that is nearest to being as good as new. Fresh keys therefore push out fresh
 * keys, never one that has used more of its limit than they, up to CT_LIMITER_WAYS of a set.
 */
struct ct_rate_limiter;

/** An empty limiter. `limit` is at most the window's microseconds. The owner frees it with
 *  ct_rate_limiter_free. CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_rate_limiter_new(const struct ct_limiter_options *options,
                                              struct ct_rate_limiter **out);
/** NULL is allowed. No call may be under way. */
void ct_rate_limiter_free(struct ct_rate_limiter *limiter);
/** Counts an event of @p key. 0: it may go on. Else it is refused, and the answer is the seconds until the
 *  next one is allowed, rounded up. */
CT_CHECKED int64_t ct_rate_limiter_take(struct ct_rate_limiter *limiter, struct ct_str key,
                                        int64_t now_us);

/** The key under which events of an address are counted: an IPv4 address is one, also as IPv6 writes it
 *  (::ffff:192.0.2.1, RFC 4291 section 2.5.5.2; 64:ff9b::192.0.2.1, RFC 6052 section 2.1); of an IPv6
 *  address the first 64 bits are, since one host has all addresses of such a network. A zone (%eth0) is
 *  left out. All texts that are no address share one key, the empty one. The key is in @p room. */
#define CT_ADDRESS_KEY_BYTES 8
struct ct_str ct_limiter_address_key(struct ct_str address, uint8_t room[CT_ADDRESS_KEY_BYTES]);

#endif
