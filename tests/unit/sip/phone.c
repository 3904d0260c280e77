#include "sip/phone.h"

#include <stdio.h>
#include <string.h>

static void copy(char *out, size_t size, struct ct_str text)
{
    size_t length = text.len < size - 1 ? text.len : size - 1;

    if (length > 0)
        memcpy(out, text.at, length);
    out[length] = '\0';
}

struct ct_sip_body phone_body(const char *text)
{
    struct ct_sip_body body = {0};

    if (text != NULL)
        body = (struct ct_sip_body){CT_STR("application/sdp"), ct_str_of(text)};
    return body;
}

static void note_body(struct phone *phone, struct ct_sip_body body)
{
    if (body.bytes.len > 0)
        copy(phone->body, sizeof(phone->body), body.bytes);
}

static void check(struct phone *phone, enum ct_result result)
{
    if (result != CT_OK && phone->trouble == CT_OK)
        phone->trouble = result;
}

static void on_progress(void *ctx, const struct ct_sip_progress *progress)
{
    struct phone *phone = ctx;

    phone->rang++;
    phone->ring_seen = progress->status;
    phone->ring_was_reliable = progress->reliable;
    phone->fork = progress->fork;
    note_body(phone, progress->body);
    if (progress->wants_prack)
        check(phone, ct_sip_session_prack(phone->leg, progress->fork, phone_body(phone->ack_body)));
}

static void on_answered(void *ctx, const struct ct_sip_answer *answer)
{
    struct phone *phone = ctx;

    phone->answered++;
    phone->fork = answer->fork;
    note_body(phone, answer->body);
    if (answer->wants_ack)
        check(phone, ct_sip_session_ack(phone->leg, phone_body(phone->ack_body)));
}

static void on_acked(void *ctx, struct ct_sip_body body)
{
    struct phone *phone = ctx;

    phone->acked++;
    note_body(phone, body);
}

static void on_pracked(void *ctx, ct_sip_fork fork, struct ct_sip_body body)
{
    struct phone *phone = ctx;

    (void)fork;
    phone->pracked++;
    note_body(phone, body);
}

static void on_offered(void *ctx, const struct ct_sip_offer *offer)
{
    struct phone *phone = ctx;

    phone->offered++;
    note_body(phone, offer->body);
    if (phone->offer_by_hand)
        return;
    if (phone->offer_body == NULL)
        check(phone, ct_sip_session_refuse_offer(phone->leg, 488, 0));
    else
        check(phone, ct_sip_session_accept_offer(phone->leg, phone_body(phone->offer_body)));
}

static void on_offer_accepted(void *ctx, bool wants_ack, struct ct_sip_body body)
{
    struct phone *phone = ctx;

    phone->accepted++;
    note_body(phone, body);
    if (wants_ack)
        check(phone, ct_sip_session_ack(phone->leg, phone_body(phone->ack_body)));
}

static void on_offer_refused(void *ctx, const struct ct_sip_refusal *refusal)
{
    struct phone *phone = ctx;

    phone->refused++;
    phone->refused_status = refusal->status;
}

static void on_referred(void *ctx, const struct ct_sip_refer *refer)
{
    struct phone *phone = ctx;

    phone->referred++;
    copy(phone->target, sizeof(phone->target), refer->target);
    copy(phone->replaces, sizeof(phone->replaces), refer->replaces);
    if (phone->refer_accepts) {
        check(phone, ct_sip_session_refer_accept(phone->leg));
        check(phone, ct_sip_session_refer_notify(phone->leg, 200, (struct ct_str){0}));
    } else {
        check(phone, ct_sip_session_refer_refuse(phone->leg, 603));
    }
}

static void on_request(void *ctx, struct ct_sip_server *server,
                       const struct ct_sip_message *message)
{
    struct phone *phone = ctx;

    phone->requested++;
    copy(phone->method, sizeof(phone->method), message->method_name);
    note_body(phone, (struct ct_sip_body){message->content_type, message->body});
    check(phone,
          ct_sip_reply(server, phone->request_status == 0 ? 200 : phone->request_status, NULL));
}

static void on_ended(void *ctx, const struct ct_sip_ended *ended)
{
    struct phone *phone = ctx;

    phone->ended++;
    phone->end = ended->cause;
    phone->end_status = ended->status;
    copy(phone->reason, sizeof(phone->reason), ended->reason);
    phone->leg = NULL;
}

static const struct ct_sip_session_events events = {
    .progress = on_progress,
    .answered = on_answered,
    .acked = on_acked,
    .pracked = on_pracked,
    .offered = on_offered,
    .offer_accepted = on_offer_accepted,
    .offer_refused = on_offer_refused,
    .referred = on_referred,
    .request = on_request,
    .ended = on_ended,
};

enum ct_result phone_answer(struct phone *phone, const char *body)
{
    return phone->leg == NULL ? CT_NOT_FOUND
                              : ct_sip_session_answer(phone->leg, 0, phone_body(body));
}

void phone_end(struct phone *phone, int status, const char *reason)
{
    struct ct_sip_session *leg = phone->leg;

    phone->leg = NULL;
    if (leg != NULL)
        ct_sip_session_end(leg, status, ct_str_of(reason), (struct ct_str){0});
}

void phone_hang_up(struct phone *phone)
{
    phone_end(phone, 0, NULL);
}

enum ct_sip_session_state phone_state(const struct phone *phone)
{
    return phone->leg == NULL ? CT_SIP_SESSION_OVER : ct_sip_session_state(phone->leg);
}

static void user_request(void *ctx, struct ct_sip_server *server,
                         const struct ct_sip_message *message)
{
    struct phone *phone = ctx;

    if (message->method != CT_SIP_INVITE || phone->leg != NULL) {
        check(phone, ct_sip_reply(server, message->method == CT_SIP_INVITE ? 486 : 405, NULL));
        return;
    }
    phone->called++;
    phone->max_forwards = message->max_forwards;
    if (ct_sip_session_accept(phone->sessions, server, message, CT_STR("phone"), false, &events,
                              phone, &phone->leg) != CT_OK) {
        phone->leg = NULL;
        return;
    }
    note_body(phone, (struct ct_sip_body){message->content_type, message->body});
    if (phone->ring_status != 0)
        check(phone, ct_sip_session_ring(phone->leg, phone->ring_status, (struct ct_str){0}, 0,
                                         phone->ring_reliably, phone_body(phone->ring_body)));
    if (phone->refuse_status != 0) {
        ct_sip_session_end(phone->leg, phone->refuse_status, (struct ct_str){0},
                           ct_str_of(phone->refuse_lines));
        phone->leg = NULL;
    } else if (phone->answers) {
        check(phone, phone_answer(phone, phone->answer_body));
    }
}

enum ct_result phone_new(struct phone *phone, struct lan *lan, const char *address)
{
    struct ct_sip_options options = {
        .user = {.ctx = phone, .request = user_request},
        .methods = CT_STR("INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, MESSAGE, REFER, "
                          "NOTIFY"),
        .extensions = CT_STR("100rel, timer, replaces"),
        .name = CT_STR("phone"),
    };
    enum ct_result result;

    *phone = (struct phone){.lan = lan,
                            .address = address,
                            .ring_status = 180,
                            .answer_body = "answer",
                            .ack_body = "answer by ACK"};
    result = lan_place(lan, address, &options.env);
    if (result == CT_OK)
        result = ct_sip_new(&options, &phone->sip);
    if (result == CT_OK)
        result = ct_sip_sessions_new(phone->sip, NULL, &phone->sessions);
    if (result == CT_OK)
        lan_inhabit(lan, address, phone->sip);
    return result;
}

void phone_free(struct phone *phone)
{
    if (phone->lan == NULL)
        return;
    if (phone->sessions != NULL)
        lan_inhabit(phone->lan, phone->address, NULL);
    ct_sip_sessions_free(phone->sessions);
    ct_sip_free(phone->sip);
    *phone = (struct phone){0};
}

enum ct_result phone_call(struct phone *phone, const char *uri, const char *body,
                          const struct ct_sip_invite *invite)
{
    struct ct_sip_invite call = {0};
    char to[PHONE_TEXT];
    char from[PHONE_TEXT];

    if (invite != NULL)
        call = *invite;
    snprintf(to, sizeof(to), "<%s>", uri);
    snprintf(from, sizeof(from), "<sip:phone@%s>", phone->address);
    call.uri = ct_str_of(uri);
    call.to = ct_str_of(to);
    call.from = ct_str_of(from);
    call.user = CT_STR("phone");
    call.body = phone_body(body);
    call.credentials = phone->credentials;
    call.credentials_ctx = phone;
    return ct_sip_session_invite(phone->sessions, &call, &events, phone, &phone->leg);
}

static void on_done(void *ctx, int status, const struct ct_sip_message *message)
{
    struct phone *phone = ctx;

    (void)message;
    phone->done_status = status;
}

enum ct_result phone_ask(struct phone *phone, const char *method, const char *lines,
                         const char *body)
{
    return phone->leg == NULL
               ? CT_NOT_FOUND
               : ct_sip_session_request(phone->leg, ct_str_of(method), ct_str_of(lines),
                                        phone_body(body), on_done, phone);
}

enum ct_result phone_refer(struct phone *phone, const char *uri, const struct phone *other)
{
    char line[2 * PHONE_TEXT];
    struct ct_str id;
    struct ct_str ours;
    struct ct_str theirs;

    snprintf(line, sizeof(line), "Refer-To: <%s>\r\n", uri);
    if (other != NULL) {
        if (other->leg == NULL)
            return CT_NOT_FOUND;
        id = ct_sip_session_call_id(other->leg);
        ours = ct_sip_session_local_tag(other->leg);
        theirs = ct_sip_session_remote_tag(other->leg);
        snprintf(line, sizeof(line),
                 "Refer-To: <%s?Replaces=%.*s%%3Bto-tag%%3D%.*s%%3Bfrom-tag%%3D%.*s>\r\n", uri,
                 (int)id.len, id.at, (int)theirs.len, theirs.at, (int)ours.len, ours.at);
    }
    return phone_ask(phone, "REFER", line, NULL);
}

enum ct_result phone_offer(struct phone *phone, bool quick, const char *body)
{
    return phone->leg == NULL
               ? CT_NOT_FOUND
               : ct_sip_session_offer(phone->leg, 0,
                                      (quick ? CT_SIP_OFFER_QUICK : 0u) | CT_SIP_OFFER_PATIENT,
                                      phone_body(body));
}

bool phone_is_idle(const struct phone *phone)
{
    struct ct_sip_counts counts = ct_sip_counts(phone->sip);

    return phone->leg == NULL && ct_sip_sessions_count(phone->sessions) == 0 &&
           counts.servers == 0 && counts.clients == 0 && counts.dialogs == 0 &&
           ct_wheel_count(ct_sip_wheel(phone->sip)) == 0;
}
