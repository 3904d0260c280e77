#ifndef CT_SIP_URI_H
#define CT_SIP_URI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "sip/transport.h"

enum ct_sip_scheme { CT_SIP_URI_SIP, CT_SIP_URI_SIPS, CT_SIP_URI_TEL, CT_SIP_URI_OTHER };

/**
 * A URI that has been read (RFC 3261 section 19.1, RFC 3966): pieces of the text, as they were written, with
 * their escapes. Of a tel: URI the number is `user`; of another scheme only `text` is set. Owns nothing.
 */
struct ct_sip_uri {
    enum ct_sip_scheme scheme;
    struct ct_str text; /* the whole */
    struct ct_str user; /* empty: none, or there is an @ with nothing in front, which is no URI */
    struct ct_str password; /* without the colon */
    struct ct_str host;     /* IPv6 with its brackets */
    uint16_t port;          /* 0: none */
    struct ct_str params;   /* ";name=value;…" or empty */
    struct ct_str headers;  /* "name=value&…" without the question mark, or empty */
};

/** Reads a whole text. False: it is no URI (of the scheme that it begins with). Borrows @p text. */
bool ct_sip_uri_read(struct ct_str text, struct ct_sip_uri *out);
/** Reads "host:port" at the beginning of a text, as URIs and Via have it, and says how many bytes it takes. False:
 *  there is none. A port that is not written is 0. */
bool ct_sip_host_port_read(struct ct_str text, struct ct_str *host, uint16_t *port, size_t *size);
/** A parameter in ";name=value;…" of a URI or of a header; @p name in any case. False: it is not there. One
 *  without a value gives the empty text; quotes around a value stay. */
bool ct_sip_param(struct ct_str params, struct ct_str name, struct ct_str *value);
/** Goes from one parameter to the next; @p at is 0 for the first and kept between the calls. False behind the
 *  last. */
bool ct_sip_next_param(struct ct_str params, size_t *at, struct ct_str *name, struct ct_str *value);
/** Whether two URIs are the same by RFC 3261 section 19.1.4 (tel: by RFC 3966 section 4; others byte by byte). */
bool ct_sip_uri_equal(const struct ct_sip_uri *a, const struct ct_sip_uri *b);
/** Appends it as it may stand in a Request-URI: without the headers and the `method` parameter (section
 *  19.1.1, table 1). */
void ct_sip_uri_write(struct ct_buf *out, const struct ct_sip_uri *uri);
/** The transport that the URI asks for: its parameter, or UDP, of sips: TLS. False: one that we do not know. */
bool ct_sip_uri_transport(const struct ct_sip_uri *uri, enum ct_sip_transport *out);

/** Resolves %HH escapes. The text itself if there are none, otherwise a copy in @p arena. CT_INVALID for a broken
 *  escape, CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_unescape(struct ct_arena *arena, struct ct_str text,
                                          struct ct_str *out);
/** Appends a user part, with %HH for what may not stand in one as it is. */
void ct_sip_escape_user(struct ct_buf *out, struct ct_str user);

#endif
