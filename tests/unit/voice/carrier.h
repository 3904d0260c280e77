#ifndef CT_TESTS_UNIT_VOICE_CARRIER_H
#define CT_TESTS_UNIT_VOICE_CARRIER_H

#include <stdio.h>
#include <string.h>

#include "sip/lan.h"
#include "sip/message.h"
#include "sip/see.h"
#include "sip/write.h"

/** A host of a carrier on the lan, at port 5060: it answers as it is told. */
struct carrier {
    struct lan *lan;
    const char *address;
    int status;          /* of its answers; 0: it says nothing */
    const char *headers; /* of them, whole lines; NULL: none */
    const char *expires; /* of the contact that a 200 repeats; NULL: it repeats none */
    bool asks;           /* for a password, when there is none */
    const char *
        once; /* "423 …\r\n": what the next answer is in place of that, with its headers; NULL: nothing */
    int asked;          /* how often, without what came again */
    int64_t asked_ms;   /* when, the last time */
    char method[16];    /* of the last request */
    char request[2048]; /* the whole, without what did not fit */
    char call_id[64];
    uint32_t cseq;
};

static inline void carrier_answer(struct carrier *carrier, struct ct_arena *arena,
                                  const struct ct_sip_message *request,
                                  const struct ct_sip_hop *from)
{
    bool challenge = carrier->asks && !ct_sip_has(request, CT_SIP_H_AUTHORIZATION);
    int status = challenge ? 401 : carrier->status;
    const char *headers = carrier->headers;
    struct ct_buf text = ct_buf_in(arena);
    if (!challenge && carrier->once != NULL) {
        status = (carrier->once[0] - '0') * 100 + (carrier->once[1] - '0') * 10 +
                 (carrier->once[2] - '0');
        headers = carrier->once + 4;
        carrier->once = NULL;
    }
    if (status == 0)
        return;
    ct_sip_write_status_line(&text, status, (struct ct_str){0});
    ct_sip_write_reply_head(&text, request, from, CT_STR("carrier"), NULL);
    if (challenge)
        ct_buf_text(&text, "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n\", qop=\"auth\", "
                           "algorithm=SHA-256\r\n");
    else if (headers != NULL)
        ct_buf_text(&text, headers);
    if (status == 200 && carrier->expires != NULL) {
        ct_buf_text(&text, "Contact: <sip:other@192.0.2.77>;expires=9, ");
        ct_buf_str(&text, ct_sip_header(request, CT_SIP_H_CONTACT));
        ct_buf_printf(&text, ";expires=%s\r\n", carrier->expires);
    }
    ct_sip_write_body(&text, (struct ct_str){0}, (struct ct_str){0});
    if (!text.failed)
        lan_send(carrier->lan, carrier->address, from, ct_buf_done(&text));
}

static inline void carrier_receive(void *ctx, const struct ct_sip_hop *from, struct ct_str bytes,
                                   bool spoilt)
{
    struct carrier *carrier = ctx;
    struct ct_sip_message *request;
    struct ct_arena *arena = ct_arena_new();
    (void)spoilt;
    if (arena != NULL && ct_sip_message_read(arena, bytes, false, &request) == CT_OK &&
        request->request) {
        bool again = request->cseq <= carrier->cseq &&
                     ct_str_equal(request->call_id, ct_str_of(carrier->call_id));
        if (!again) {
            carrier->asked++;
            carrier->asked_ms = lan_now_ms(carrier->lan);
            (void)snprintf(carrier->method, sizeof(carrier->method), "%.*s",
                           (int)request->method_name.len, request->method_name.at);
            (void)snprintf(carrier->request, sizeof(carrier->request), "%.*s", (int)bytes.len,
                           bytes.at);
            (void)snprintf(carrier->call_id, sizeof(carrier->call_id), "%.*s",
                           (int)request->call_id.len, request->call_id.at);
            carrier->cseq = request->cseq;
        }
        carrier_answer(carrier, arena, request, from);
    }
    ct_arena_free(arena);
}

static inline void carrier_lost(void *ctx, const struct ct_sip_hop *hop)
{
    (void)ctx;
    (void)hop;
}

CT_CHECKED static inline enum ct_result carrier_open(struct carrier *carrier, struct lan *lan,
                                                     const char *address)
{
    const struct lan_resident resident = {
        .ctx = carrier, .receive = carrier_receive, .lost = carrier_lost};
    *carrier = (struct carrier){.lan = lan, .address = address, .status = 200};
    return lan_reside(lan, address, &resident);
}

static inline bool carrier_heard(const struct carrier *carrier, const char *text)
{
    return strstr(carrier->request, text) != NULL;
}

/** This server, at 192.0.2.100, and two hosts of a carrier: "one.example" at 192.0.2.1, "two.example" at 192.0.2.2. */
struct outpost {
    struct lan *lan;
    struct ct_sip_env env;
    struct ct_sip *sip;
    struct carrier one, two;
    int changes;
};

#define OUTPOST "192.0.2.100"

static inline void outpost_changed(void *ctx)
{
    ((struct outpost *)ctx)->changes++;
}

CT_CHECKED static inline enum ct_result outpost_open(struct outpost *outpost)
{
    *outpost = (struct outpost){0};
    enum ct_result result = lan_new(7, &outpost->lan);
    if (result == CT_OK)
        result = lan_place(outpost->lan, OUTPOST, &outpost->env);
    const struct ct_sip_options options = {
        .env = outpost->env, .methods = CT_STR("OPTIONS"), .name = CT_STR("test")};
    if (result == CT_OK)
        result = ct_sip_new(&options, &outpost->sip);
    if (result != CT_OK)
        return result;
    lan_inhabit(outpost->lan, OUTPOST, outpost->sip);
    lan_name(outpost->lan, "one.example", "192.0.2.1");
    lan_name(outpost->lan, "two.example", "192.0.2.2");
    lan_name(outpost->lan, "both.example", "192.0.2.1,192.0.2.2");
    result = carrier_open(&outpost->one, outpost->lan, "192.0.2.1");
    return result == CT_OK ? carrier_open(&outpost->two, outpost->lan, "192.0.2.2") : result;
}

static inline void outpost_close(struct outpost *outpost)
{
    if (outpost->lan != NULL)
        lan_inhabit(outpost->lan, OUTPOST, NULL);
    ct_sip_free(outpost->sip);
    lan_free(outpost->lan);
}

#endif
