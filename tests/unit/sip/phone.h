#ifndef CT_TESTS_UNIT_SIP_PHONE_H
#define CT_TESTS_UNIT_SIP_PHONE_H

#include "harness.h"
#include "sip/lan.h"
#include "sip/see.h"
#include "sip/session.h"

/**
 * A phone: an endpoint and a leg, in a lan. It answers as it was told to and takes note of what happens to it.
 */
#define PHONE_TEXT 256

struct phone {
    struct lan *lan;
    const char *address;
    struct ct_sip *sip;
    struct ct_sip_sessions *sessions;
    struct ct_sip_session *leg; /* NULL: none, or it has ended */

    /* what it does */
    int ring_status; /* 0: does not ring */
    bool ring_reliably;
    const char *ring_body;    /* NULL: none */
    int refuse_status;        /* 0: does not refuse */
    const char *refuse_lines; /* with it; NULL: none */
    bool answers;             /* at once */
    const char *answer_body;
    const char *ack_body;   /* answers an offer that came with 2xx or a reliable 1xx */
    const char *offer_body; /* answers an offer later on; NULL: 488 */
    bool offer_by_hand;     /* leaves it to the test */
    int request_status;     /* answers INFO and the like; 0: 200 */
    bool refer_accepts;
    ct_sip_credentials *credentials;

    /* what happened: how often, and what was said last */
    int called, rang, answered, acked, pracked, offered, accepted, refused, referred, requested,
        ended;
    int done_status;
    int max_forwards; /* of the call that came */
    int ring_seen;
    bool ring_was_reliable;
    ct_sip_fork fork;
    int refused_status;
    enum ct_sip_end end;
    int end_status;
    char body[PHONE_TEXT];   /* the last description that came */
    char target[PHONE_TEXT]; /* of REFER */
    char replaces[PHONE_TEXT];
    char method[32];
    char reason[64];
    enum ct_result trouble;
};

/** Puts a phone into the lan. */
CT_CHECKED enum ct_result phone_new(struct phone *phone, struct lan *lan, const char *address);
void phone_free(struct phone *phone);
/** Calls a URI, "sip:bob@192.0.2.2", with a body (NULL: none); @p invite may set more (NULL: nothing). */
CT_CHECKED enum ct_result phone_call(struct phone *phone, const char *uri, const char *body,
                                     const struct ct_sip_invite *invite);
/** Answers the call that waits. */
CT_CHECKED enum ct_result phone_answer(struct phone *phone, const char *body);
void phone_hang_up(struct phone *phone);
/** The same with a status and the text of Reason. */
void phone_end(struct phone *phone, int status, const char *reason);
/** Of its leg; OVER without one. */
enum ct_sip_session_state phone_state(const struct phone *phone);
/** Sends a request in the dialog; `done_status` is what came of it. @p lines: header lines; NULL: none. */
CT_CHECKED enum ct_result phone_ask(struct phone *phone, const char *method, const char *lines,
                                    const char *body);
/** REFER to a URI, in the place of a leg of @p other (NULL: a blind one). */
CT_CHECKED enum ct_result phone_refer(struct phone *phone, const char *uri,
                                      const struct phone *other);
/** re-INVITE, or @p quick UPDATE. */
CT_CHECKED enum ct_result phone_offer(struct phone *phone, bool quick, const char *body);
/** Whether nothing at all is left of its calls. */
bool phone_is_idle(const struct phone *phone);
struct ct_sip_body phone_body(const char *text);

#endif
