#ifndef CT_SIP_WRITE_H
#define CT_SIP_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "sip/message.h"
#include "sip/transport.h"

/*
 * Messages written piece by piece into a ct_buf: a start line, headers, the body, which ends it. A want of memory
 * shows in the buffer's `failed`. No text handed in may hold CR or LF, which is the writer's to guarantee
 * (asserted): what comes out of a message that was read never does.
 */

/** "METHOD uri SIP/2.0", the URI as it is written. */
void ct_sip_write_request_line(struct ct_buf *out, struct ct_str method, struct ct_str uri);
/** "SIP/2.0 200 OK". An empty reason becomes the usual one. */
void ct_sip_write_status_line(struct ct_buf *out, int status, struct ct_str reason);
/** What RFC 3261 section 21 (and later ones) call a status: "Not Found"; of an unknown one, of its hundred. */
struct ct_str ct_sip_reason(int status);

void ct_sip_write_header(struct ct_buf *out, enum ct_sip_header_id id, struct ct_str value);
void ct_sip_write_number(struct ct_buf *out, enum ct_sip_header_id id, int64_t value);
void ct_sip_write_named(struct ct_buf *out, struct ct_str name, struct ct_str value);
/** "CSeq: 1 INVITE" */
void ct_sip_write_cseq(struct ct_buf *out, uint32_t number, struct ct_str method);
/** "Via: SIP/2.0/UDP host:port;branch=…;rport", the last with @p rport (RFC 3581). */
void ct_sip_write_via(struct ct_buf *out, const struct ct_sip_local *local, struct ct_str branch,
                      bool rport);
/** Content-Type (if there is a body), Content-Length, the empty line and the body. */
void ct_sip_write_body(struct ct_buf *out, struct ct_str type, struct ct_str body);

/** Appends host and port of a sent-by or a URI: "example.org:5070". */
void ct_sip_write_local(struct ct_buf *out, const struct ct_sip_local *local);
/** Appends "sip:user@host:port;transport=tcp" (sips: over TLS is not written: transport=tls is), what Contact says of
 *  us towards that peer. No user: without the @. */
void ct_sip_write_contact_uri(struct ct_buf *out, struct ct_str user,
                              const struct ct_sip_local *local);

/** What a reply says beside what it takes from the request. All may be zero. */
struct ct_sip_reply_options {
    struct ct_str reason; /* empty: the usual one */
    struct ct_str
        to_tag; /* in place of the transaction's own: another dialog of a forked INVITE; empty: that one */
    struct ct_str contact;      /* the whole value of Contact, "<sip:…>"; empty: none */
    struct ct_str headers;      /* further ones, whole lines with CRLF */
    struct ct_str content_type; /* of the body */
    struct ct_str body;
    bool
        forget; /* the transaction ends with this final answer: for what may be asked twice without harm */
};

/** Where a reply to this request goes: the source, and its port if there is rport or the transport is reliable,
 *  otherwise the one of sent-by (section 18.2.2, RFC 3581). `maddr` is not followed, since it would let a stranger
 *  send our replies to whom he likes. */
struct ct_sip_hop ct_sip_reply_hop(const struct ct_sip_message *request,
                                   const struct ct_sip_hop *from);

/** Appends what every reply takes from its request (section 8.2.6): the Vias in their order, the top one with
 *  `received` and `rport`, From, To (with @p to_tag unless it has a tag; empty: none, for 100), Call-ID, CSeq,
 *  Timestamp. @p tag_at: where in the buffer "\r\n" of To begins, so that a tag can be put in front of it; -1 if To
 *  has a tag. May be NULL. */
void ct_sip_write_reply_head(struct ct_buf *out, const struct ct_sip_message *request,
                             const struct ct_sip_hop *from, struct ct_str to_tag, int64_t *tag_at);
/** Appends the Record-Routes of a request, as the answers that make a dialog repeat them (section 12.1.1). */
void ct_sip_write_record_routes(struct ct_buf *out, const struct ct_sip_message *request);
/** Appends what a reply has behind its head: Contact, further headers, Server (unless @p name is empty), the body. */
void ct_sip_write_reply_rest(struct ct_buf *out, struct ct_str name,
                             const struct ct_sip_reply_options *options);

#endif
