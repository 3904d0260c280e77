#ifndef CT_SIP_FRAMING_H
#define CT_SIP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/result.h"
#include "base/text.h"
#include "sip/message.h"
#include "sip/websocket.h"

/**
 * What the bytes of a connection are: SIP messages one behind the other (RFC 3261 section 18.3) with keep-alives
 * between them (RFC 5626 section 3.5.1), or WebSocket frames with a message each (RFC 7118). Keep-alives, pings and
 * the handshake are answered here. Knows no socket.
 */
struct ct_framing {
    bool websocket;
    bool shaken;               /* the handshake of a WebSocket is done */
    struct ct_websocket state; /* of a WebSocket */
    struct ct_sip_framer framer;
    size_t max;
    char *in; /* what could not be made sense of yet */
    size_t in_size, in_room;
    char *pieces; /* a message that comes in several frames */
    size_t pieces_size, pieces_room;
};

struct ct_framing_user {
    /** Sends @p head_size bytes and then @p bytes. */
    void (*send)(void *ctx, const void *head, size_t head_size, struct ct_str bytes);
    /** A message, good or bad. False: the connection has ended, no more of it is wanted. */
    bool (*message)(void *ctx, struct ct_str bytes);
};

/** @p max is the longest message in bytes. ct_framing_free ends it. */
void ct_framing_init(struct ct_framing *framing, size_t max, bool websocket);
void ct_framing_free(struct ct_framing *framing);
/** Takes bytes that came, which are changed. @p whole: something came to its end. CT_INVALID: what was to be said has
 *  been sent, and the connection is to be ended. CT_NOMEM. */
CT_CHECKED enum ct_result ct_framing_read(struct ct_framing *framing, char *bytes, size_t size,
                                          const struct ct_framing_user *user, void *ctx,
                                          bool *whole);
/** Whether something has begun and is not at its end: a handshake, a message. */
bool ct_framing_waits(const struct ct_framing *framing);
/** What stands in front of a message that is sent; the answer is its length. */
size_t ct_framing_head(const struct ct_framing *framing, struct ct_str message,
                       uint8_t out[CT_WEBSOCKET_HEAD_ROOM]);

#endif
