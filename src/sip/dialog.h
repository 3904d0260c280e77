#ifndef CT_SIP_DIALOG_H
#define CT_SIP_DIALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"
#include "sip/endpoint.h"
#include "sip/message.h"
#include "sip/transport.h"

/**
 * Dialogs (RFC 3261 section 12): who talks with whom under which Call-ID, where requests go, and their numbers. A
 * dialog is in the endpoint's table under Call-ID and both tags until it is freed.
 */
struct ct_sip_dialog {
    struct ct_sip_dialog_entry entry; /* its events and ctx are the owner's */
    struct ct_str call_id;
    struct ct_str local_tag;
    struct ct_str remote_tag; /* empty: that side knows no tags (RFC 2543, section 12.1.1) */
    struct ct_str local;      /* our name-addr, without tag */
    struct ct_str remote;     /* theirs */
    struct ct_str routes;     /* the route set, as the Route header has it; may be empty */
    struct ct_str target;     /* the remote target: the URI of their Contact */
    char *path;               /* memory of these two */
    uint32_t local_cseq;      /* the last that we used */
    uint32_t remote_cseq;
    bool remote_cseq_known;
    struct ct_sip_hop hop; /* where they were last heard from */
};

/** The dialog that a request makes when it is answered with @p local_tag (12.1.1). CT_INVALID: it has no usable
 *  Contact; CT_CONFLICT: there is such a dialog; CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_dialog_called(struct ct_sip *sip,
                                               const struct ct_sip_message *request,
                                               const struct ct_sip_hop *from,
                                               struct ct_str local_tag,
                                               const struct ct_sip_dialog_events *events, void *ctx,
                                               struct ct_sip_dialog **out);
/** What a request of ours said: it, not what came back, makes the dialog (12.1.2). */
struct ct_sip_dialog_caller {
    struct ct_str from;   /* name-addr, without tag */
    struct ct_str to;     /* likewise */
    struct ct_str target; /* the Request-URI: it stands in for a Contact that the response lacks */
    struct ct_str call_id;
    struct ct_str tag; /* of From */
    uint32_t cseq;
};
/** The dialog that a response to our request makes (12.1.2). CT_CONFLICT, CT_NOMEM; CT_INVALID: too many routes. */
CT_CHECKED enum ct_result ct_sip_dialog_calling(struct ct_sip *sip,
                                                const struct ct_sip_message *response,
                                                const struct ct_sip_hop *from,
                                                const struct ct_sip_dialog_caller *caller,
                                                const struct ct_sip_dialog_events *events,
                                                void *ctx, struct ct_sip_dialog **out);
/** Another dialog of the same request, answered with another tag: as if it had been forked to two of us. CT_CONFLICT,
 *  CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_dialog_fork(struct ct_sip *sip, const struct ct_sip_dialog *dialog,
                                             struct ct_str local_tag,
                                             const struct ct_sip_dialog_events *events, void *ctx,
                                             struct ct_sip_dialog **out);
/** NULL is allowed. */
void ct_sip_dialog_free(struct ct_sip_dialog *dialog);

/** Takes the remote target of a re-INVITE, UPDATE or their 2xx (12.2.1.2, 12.2.2), and where it came from. One
 *  without a usable Contact changes nothing. CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_dialog_refresh(struct ct_sip_dialog *dialog,
                                                const struct ct_sip_message *message,
                                                const struct ct_sip_hop *from);
/** Takes the route set of a 2xx anew, since early dialogs may have had another (13.2.2.4). CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_dialog_confirm(struct ct_sip_dialog *dialog,
                                                const struct ct_sip_message *response,
                                                const struct ct_sip_hop *from);
/** Whether the number of a request is higher than all before (12.2.2; not for ACK and CANCEL), which it then is. */
bool ct_sip_dialog_take_cseq(struct ct_sip_dialog *dialog, const struct ct_sip_message *request);

/** Begins a request within the dialog (12.2.1.1): start line, Route, From, To, Call-ID, CSeq, Max-Forwards. What
 *  follows: Contact, further headers, the body. */
void ct_sip_dialog_write(const struct ct_sip_dialog *dialog, struct ct_buf *out,
                         struct ct_str method, uint32_t cseq);
/** The URI of the first value of a Route header. False: there is none. */
bool ct_sip_first_route(struct ct_str routes, struct ct_str *uri);
/** The URI that says where a request goes (12.2.1.1, 8.1.2). */
struct ct_str ct_sip_dialog_next_hop(const struct ct_sip_dialog *dialog);
/** Its Request-URI. */
struct ct_str ct_sip_dialog_request_uri(const struct ct_sip_dialog *dialog);

#endif
