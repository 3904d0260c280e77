#ifndef CT_VOICE_TRUNK_REQUEST_H
#define CT_VOICE_TRUNK_REQUEST_H

#include <stdint.h>

#include "base/result.h"
#include "base/text.h"
#include "base/wheel.h"
#include "sip/endpoint.h"
#include "sip/session.h"

/**
 * A REGISTER or an OPTIONS of ours to one hop of a trunk, with the answers to its challenges. It lives in its owner, who
 * fills in what stands in front and leaves the rest zero; texts are borrowed as long as it is under way. On the SIP
 * thread alone.
 */
struct ct_trunk_request {
    struct ct_sip *sip;
    struct ct_str method;
    struct ct_str uri;      /* the Request-URI */
    struct ct_str from, to; /* name-addr without a tag */
    struct ct_str call_id, tag;
    struct ct_str contact;           /* user part of Contact; empty: there is no Contact */
    int64_t expires_s;               /* with a Contact */
    uint32_t cseq;                   /* of the last that was sent */
    ct_sip_credentials *credentials; /* NULL: challenges are answers as others */
    void *credentials_ctx;
    int64_t wait_ms; /* after that it has failed with 408; 0: when the transaction says so */
    /** It has ended: with a final status and the response, or with 408 or 503 and NULL when none came. It may be sent
     *  again from here. */
    void (*done)(void *ctx, int status, const struct ct_sip_message *message);
    void *ctx;

    /* its own */
    struct ct_sip_hop hop;
    struct ct_sip_client *client;
    struct ct_timer timer;
    char *authorization;
    int challenges;
};

/** Sends it. When it fails (CT_UNAVAILABLE, CT_BUSY, CT_NOMEM, CT_INVALID), nothing has come into being. `done` is not
 *  called before this returns. */
CT_CHECKED enum ct_result ct_trunk_request_send(struct ct_trunk_request *request,
                                                const struct ct_sip_hop *to);
/** Nobody wants to know any more: before the owner goes, and as often as one likes. */
void ct_trunk_request_stop(struct ct_trunk_request *request);

#endif
