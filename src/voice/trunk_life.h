#ifndef CT_VOICE_TRUNK_LIFE_H
#define CT_VOICE_TRUNK_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/**
 * How this server is registered with a trunk's carrier (RFC 3261 section 10, as client):
 *
 *                       accepted                due
 *      +--> TRYING -----------------> REGISTERED --> REFRESHING
 *  due |      | failed                     ^          |     | failed
 *      |      v                            +----------+     |
 *    WAITING <----------------------------- accepted -------+
 *
 *    each of these -- leave --> LEAVING -- gone --> OVER
 *
 * It begins in WAITING. In LEAVING the contact is taken back, as far as the carrier may have one.
 */
enum ct_trunk_registration_state {
    CT_TRUNK_WAITING,
    CT_TRUNK_TRYING,
    CT_TRUNK_REGISTERED,
    CT_TRUNK_REFRESHING,
    CT_TRUNK_LEAVING,
    CT_TRUNK_OVER,
    CT_TRUNK_REGISTRATION_STATES
};

enum ct_trunk_registration_step {
    CT_TRUNK_DUE,
    CT_TRUNK_ACCEPTED,
    CT_TRUNK_FAILED,
    CT_TRUNK_LEAVE,
    CT_TRUNK_GONE,
    CT_TRUNK_REGISTRATION_STEPS
};

/** Whether the step may be made in that state. */
bool ct_trunk_registration_allows(enum ct_trunk_registration_state state,
                                  enum ct_trunk_registration_step step);
/** The state after it. Asserts that it is allowed. */
enum ct_trunk_registration_state ct_trunk_registration_next(enum ct_trunk_registration_state state,
                                                            enum ct_trunk_registration_step step);

/**
 * Whether a host of a trunk answers OPTIONS. Any final answer is one but 408 and 503.
 *
 *    UNKNOWN -- answered --> UP <-- answered / silent --> DOWN <-- silent -- UNKNOWN
 */
enum ct_trunk_host_state {
    CT_TRUNK_HOST_UNKNOWN,
    CT_TRUNK_HOST_UP,
    CT_TRUNK_HOST_DOWN,
    CT_TRUNK_HOST_STATES
};

enum ct_trunk_host_step { CT_TRUNK_HOST_ANSWERED, CT_TRUNK_HOST_SILENT, CT_TRUNK_HOST_STEPS };

enum ct_trunk_host_state ct_trunk_host_next(enum ct_trunk_host_state state,
                                            enum ct_trunk_host_step step);
/** What the answer to a probe is: 408 and 503 are as good as none. */
enum ct_trunk_host_step ct_trunk_host_step_of(int status);
/** "unknown", "up", "down", ended by NULL, in the order of the states. */
extern const char *const ct_trunk_host_words[];
/** The state of a word; UNKNOWN for one that is none. */
enum ct_trunk_host_state ct_trunk_host_state_of(struct ct_str word);

/** What is told of a registration: "pending", "registered", "failed", ended by NULL. */
enum ct_trunk_standing { CT_TRUNK_IS_PENDING, CT_TRUNK_IS_REGISTERED, CT_TRUNK_IS_FAILED };
extern const char *const ct_trunk_standing_words[];
/** The standing of a word; PENDING for one that is none. */
enum ct_trunk_standing ct_trunk_standing_of(struct ct_str word);

/** How long to wait once @p failures attempts at all hosts have failed in a row, in milliseconds: of 5 s, doubled each
 *  time, up to 5 minutes, when nobody answered; of a minute up to half an hour when the carrier @p refused, which does
 *  not change by itself. The half of it for certain, of the other as much as @p chance (any number) says. */
int64_t ct_trunk_wait_ms(unsigned failures, bool refused, uint32_t chance);

#endif
