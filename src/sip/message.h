#ifndef CT_SIP_MESSAGE_H
#define CT_SIP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "sip/headers.def"
#include "sip/transport.h"
#include "sip/uri.h"

/*
 * SIP messages (RFC 3261 section 7), read where they stand: all texts are pieces of the bytes, but for folded
 * header values, whose unfolded copies are in the arena.
 */

/* The methods that are known by name; a method is compared with its case (section 7.1). */
#define CT_SIP_METHODS(X) \
    X(INVITE)             \
    X(ACK)                \
    X(CANCEL)             \
    X(BYE)                \
    X(OPTIONS)            \
    X(REGISTER)           \
    X(PRACK)              \
    X(UPDATE)             \
    X(INFO)               \
    X(MESSAGE)            \
    X(REFER)              \
    X(NOTIFY)             \
    X(SUBSCRIBE)          \
    X(PUBLISH)

enum ct_sip_method {
#define CT_SIP_METHOD(name) CT_SIP_##name,
    CT_SIP_METHODS(CT_SIP_METHOD)
#undef CT_SIP_METHOD
        CT_SIP_OTHER_METHOD
};

/** The method of this name, or CT_SIP_OTHER_METHOD. */
enum ct_sip_method ct_sip_method_of(struct ct_str name);
/** "INVITE"; of CT_SIP_OTHER_METHOD the empty text. */
struct ct_str ct_sip_method_name(enum ct_sip_method method);

enum ct_sip_header_id {
#define CT_SIP_ID(with, id, name, compact, kind) CT_SIP_H_##id,
    CT_SIP_HEADERS(CT_SIP_ID, 0)
#undef CT_SIP_ID
        CT_SIP_H_OTHER
};
#define CT_SIP_HEADER_COUNT ((size_t)CT_SIP_H_OTHER)

/** The header of this name or compact form, in any case, or CT_SIP_H_OTHER. */
enum ct_sip_header_id ct_sip_header_of(struct ct_str name);
/** "Call-ID"; of CT_SIP_H_OTHER the empty text. */
struct ct_str ct_sip_header_name(enum ct_sip_header_id id);
/** Whether its values may be joined by commas. */
bool ct_sip_header_is_list(enum ct_sip_header_id id);

/** A header field as it stands in the message. */
struct ct_sip_header {
    enum ct_sip_header_id id;
    uint16_t
        next; /* the index of the next one with the same id, plus 1; 0: none. Not set for others */
    struct ct_str name;
    struct ct_str value; /* unfolded, without white space around it */
};

/** An address as From, To, Contact, Route have it (section 20.10): a name-addr or an addr-spec. */
struct ct_sip_address {
    struct ct_str display; /* with its quotes, if it has them; empty: none */
    struct ct_sip_uri uri;
    struct ct_str params; /* of the header, not of the URI: ";tag=…" or empty */
    struct ct_str tag;    /* empty: none */
    bool star;            /* "Contact: *": nothing else is set */
};

/** Reads an address, `*` included. False: it is none. */
bool ct_sip_address_read(struct ct_str text, struct ct_sip_address *out);

/** One value of Via (section 20.42, RFC 3581). */
struct ct_sip_via {
    struct ct_str text;           /* the whole value */
    struct ct_str transport_name; /* as written */
    bool version_2;               /* it says SIP/2.0 */
    bool known;                   /* `transport` is set: it is one of ours */
    enum ct_sip_transport transport;
    struct ct_str host;   /* of sent-by, IPv6 with its brackets */
    uint16_t port;        /* 0: none */
    struct ct_str params; /* ";branch=…" or empty */
    struct ct_str branch; /* empty: none, as in RFC 2543 */
    struct ct_str received;
    struct ct_str rport; /* its value */
    bool has_rport;      /* with a value or without */
};

/** Reads one value of Via. False: it is none. */
bool ct_sip_via_read(struct ct_str text, struct ct_sip_via *out);

/** What is wrong with a message. */
struct ct_sip_fault {
    int status; /* what a request is answered with: 400, 413, 416, 505 …; 0: nothing is wrong */
    const char *why; /* static text, which may stand in a Reason-Phrase or a Warning */
};

/**
 * A message. Everything that a fault did not prevent is set, so that a bad request can be answered and a bad
 * response be counted. All is borrowed from the bytes and the arena.
 */
struct ct_sip_message {
    struct ct_str bytes; /* the whole, without what lay behind the body in the datagram */
    bool request;
    struct ct_sip_fault fault;

    /* of a request */
    enum ct_sip_method method;
    struct ct_str method_name;
    struct ct_sip_uri uri; /* its text is set when the rest could not be read */
    /* of a response */
    int status; /* 100 to 699 */
    struct ct_str reason;

    struct ct_sip_header *headers;
    size_t header_count;
    uint16_t first[CT_SIP_H_OTHER]; /* the index of the first header of this id, plus 1; 0: none */
    size_t via_count;               /* values, not fields */

    /* of the headers that each message has; absent or broken ones are all zero */
    struct ct_sip_via via; /* the topmost */
    struct ct_sip_address from;
    struct ct_sip_address to;
    struct ct_str call_id;
    uint32_t cseq;
    struct ct_str cseq_method_name;
    enum ct_sip_method cseq_method;
    int max_forwards; /* 0 to 255; -1: none */
    struct ct_str content_type;
    struct ct_str body;
};

/** More headers than this make a message a bad one. */
#define CT_SIP_MAX_HEADERS 512

/**
 * Reads a message. @p stream: the bytes are one message of a stream, cut by ct_sip_frame; otherwise they are a
 * datagram, in which what lies behind the body is dropped.
 * CT_OK: it was read; look at `fault`. CT_INVALID: not so much as a start line and a top Via could be read, so that
 * there is nobody to answer. CT_NOMEM.
 */
CT_CHECKED enum ct_result ct_sip_message_read(struct ct_arena *arena, struct ct_str bytes,
                                              bool stream, struct ct_sip_message **out);

/** The value of the first header of this id; the empty text (at NULL) when there is none. */
struct ct_str ct_sip_header(const struct ct_sip_message *message, enum ct_sip_header_id id);
/** The same by name, for those that this program does not know. O(headers). */
struct ct_str ct_sip_header_named(const struct ct_sip_message *message, struct ct_str name);
/** Whether there is one. */
bool ct_sip_has(const struct ct_sip_message *message, enum ct_sip_header_id id);

/** Where ct_sip_next_value is; {0} at the beginning. */
struct ct_sip_cursor {
    size_t header; /* index plus 1 */
    size_t at;
    bool begun;
};

/** Goes through all values of a header, over its fields and, of a LIST, the commas in them, which do not count
 *  in quotes and in <>. Empty values are passed over. False behind the last. */
bool ct_sip_next_value(const struct ct_sip_message *message, enum ct_sip_header_id id,
                       struct ct_sip_cursor *cursor, struct ct_str *value);
/** Whether one of the values is this token, in any case: Supported, Require, Allow. */
bool ct_sip_has_token(const struct ct_sip_message *message, enum ct_sip_header_id id,
                      struct ct_str token);
/** Reads digits only, at most @p max. False: anything else. */
bool ct_sip_number(struct ct_str text, uint32_t max, uint32_t *out);
/** The number that a header begins with, up to a parameter, a comment or a blank: Expires, RSeq, Retry-After,
 *  Session-Expires. False: there is none, or it is over 2^32 - 1. */
bool ct_sip_header_number(const struct ct_sip_message *message, enum ct_sip_header_id id,
                          uint32_t *out);
/** Whether all bytes are those of a token, and there is one (section 25.1). */
bool ct_sip_is_token(struct ct_str text);
/** Without the spaces, tabs and line ends around it. */
struct ct_str ct_sip_trim(struct ct_str text);

/* ---- streams (section 18.3) ---- */

enum ct_sip_frame {
    CT_SIP_FRAME_MORE,    /* the next message is not all there */
    CT_SIP_FRAME_BLANK,   /* an empty line: a pong, or dust between messages; pass over it */
    CT_SIP_FRAME_PING,    /* two empty lines: RFC 5626 wants one as the answer; pass over them */
    CT_SIP_FRAME_MESSAGE, /* a message */
    CT_SIP_FRAME_TOO_LONG, /* more than `max`: hand over what is there, it is answered with 513, and close */
    CT_SIP_FRAME_BAD /* its end cannot be found: hand over what is there (400), and close */
};

/** How far the search for the end of a message's head has come. {0} at the beginning and after every result
 *  but MORE. */
struct ct_sip_framer {
    size_t scanned; /* no end of the head in these bytes */
    size_t whole;   /* how long the message will be; 0: not known yet */
};

/** What the bytes of a stream begin with, and how many they are (with MORE: at least so many are needed; with
 *  TOO_LONG and BAD: all). @p max is the largest message, in bytes. */
enum ct_sip_frame ct_sip_frame(struct ct_sip_framer *framer, struct ct_str buffered, size_t max,
                               size_t *size);

#endif
