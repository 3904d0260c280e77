#ifndef CT_VOICE_RELAY_TOKEN_H
#define CT_VOICE_RELAY_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/text.h"
#include "sip/message.h"
#include "sip/transport.h"

/*
 * What servers of one database write into the messages that they pass on for each other, so that nobody else can have
 * anything passed on: texts with a MAC (HMAC-SHA256, 128 bits of it) under a key that all of them have.
 */

/** A key for them, from SECRET_KEY. */
struct ct_relay_key {
    uint8_t bytes[CT_SHA256_BYTES];
};
void ct_relay_key_set(struct ct_relay_key *key, struct ct_str secret);

/** The user part of a Route's URI: to whom a call is passed on, and for whom. */
struct ct_relay_token {
    int64_t device_id;
    int64_t place;            /* of its binding */
    int64_t issued_s;         /* seconds since 1970 */
    struct ct_sip_hop caller; /* the server that has the call: transport, address and port */
};
/** What every token begins with, and every branch of ct_relay_mark_write behind RFC 3261's own beginning. */
#define CT_RELAY_SIGN "ctr-"

void ct_relay_token_write(struct ct_buf *out, const struct ct_relay_key *key,
                          const struct ct_relay_token *token);
/** False: it is none, or not of this key. */
bool ct_relay_token_read(const struct ct_relay_key *key, struct ct_str user,
                         struct ct_relay_token *out);

/** Appends the branch and one more parameter of a Via: where the responses go, bound to the branch of the Via below it.
 *  The same for the same, so that CANCEL and ACK have the branch of their INVITE (RFC 3261 section 16.11). */
void ct_relay_mark_write(struct ct_buf *out, const struct ct_relay_key *key,
                         const struct ct_sip_hop *back, struct ct_str below);
/** Reads it from a Via that came back. False: it is none of ours. */
bool ct_relay_mark_read(const struct ct_relay_key *key, const struct ct_sip_via *via,
                        struct ct_str below, struct ct_sip_hop *back);

#endif
