#include "voice/trunk_request.h"

#include <stdlib.h>
#include <string.h>

#include "sip/write.h"

/* The second is for a nonce that had become stale. */
#define MAX_CHALLENGES 2
#define MAX_FORWARDS 70

static void forget(struct ct_trunk_request *request)
{
    ct_timer_stop(&request->timer);
    if (request->client != NULL)
        ct_sip_client_forget(request->client);
    request->client = NULL;
}

void ct_trunk_request_stop(struct ct_trunk_request *request)
{
    forget(request);
    free(request->authorization);
    request->authorization = NULL;
    request->challenges = 0;
}

static void finish(struct ct_trunk_request *request, int status,
                   const struct ct_sip_message *message)
{
    ct_trunk_request_stop(request);
    request->done(request->ctx, status, message);
}

static void write_request(const struct ct_trunk_request *request, struct ct_buf *out)
{
    const struct ct_sip_env *env = ct_sip_env(request->sip);
    struct ct_str name = ct_sip_options(request->sip)->name;
    struct ct_sip_local local;
    ct_sip_write_request_line(out, request->method, request->uri);
    ct_sip_write_number(out, CT_SIP_H_MAX_FORWARDS, MAX_FORWARDS);
    ct_buf_text(out, "From: ");
    ct_buf_str(out, request->from);
    ct_buf_text(out, ";tag=");
    ct_buf_str(out, request->tag);
    ct_buf_text(out, "\r\n");
    ct_sip_write_header(out, CT_SIP_H_TO, request->to);
    ct_sip_write_header(out, CT_SIP_H_CALL_ID, request->call_id);
    ct_sip_write_cseq(out, request->cseq, request->method);
    if (request->contact.len > 0) {
        env->local(env->ctx, &request->hop, &local);
        ct_buf_text(out, "Contact: <");
        ct_sip_write_contact_uri(out, request->contact, &local);
        ct_buf_text(out, ">\r\n");
        ct_sip_write_number(out, CT_SIP_H_EXPIRES, request->expires_s);
    }
    if (request->authorization != NULL)
        ct_buf_text(out, request->authorization);
    if (name.len > 0)
        ct_sip_write_header(out, CT_SIP_H_USER_AGENT, name);
    ct_sip_write_body(out, (struct ct_str){0}, (struct ct_str){0});
}

/* Writes the line that answers a challenge. False: there is no answer. */
static bool authorize(struct ct_trunk_request *request, const struct ct_sip_message *challenge)
{
    bool answered = false;
    if (request->credentials == NULL || request->challenges == MAX_CHALLENGES)
        return false;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return false;
    struct ct_buf line = ct_buf_in(arena);
    if (request->credentials(request->credentials_ctx, challenge, request->method, request->uri,
                             &line)) {
        struct ct_str text = ct_buf_done(&line);
        char *copy = line.failed ? NULL : strndup(text.at, text.len);
        answered = copy != NULL;
        if (answered) {
            free(request->authorization);
            request->authorization = copy;
            request->challenges++;
        }
    }
    ct_arena_free(arena);
    return answered;
}

static enum ct_result send_now(struct ct_trunk_request *request);

static void on_response(void *ctx, const struct ct_sip_message *message)
{
    struct ct_trunk_request *request = ctx;
    if (message->status < 200)
        return;
    if ((message->status == 401 || message->status == 407) && authorize(request, message)) {
        forget(request);
        if (send_now(request) != CT_OK)
            finish(request, 503, NULL);
        return;
    }
    finish(request, message->status, message);
}

static void on_failed(void *ctx, int status)
{
    finish(ctx, status, NULL);
}

static const struct ct_sip_client_events events = {.response = on_response, .failed = on_failed};

static void waited(void *ctx)
{
    finish(ctx, 408, NULL);
}

static enum ct_result send_now(struct ct_trunk_request *request)
{
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    struct ct_buf text = ct_buf_in(arena);
    request->cseq++;
    write_request(request, &text);
    enum ct_result result = text.failed
                                ? CT_NOMEM
                                : ct_sip_request(request->sip, &request->hop, ct_buf_done(&text),
                                                 &events, request, &request->client);
    ct_arena_free(arena);
    if (result == CT_OK && request->wait_ms > 0) {
        request->timer = (struct ct_timer){.fire = waited, .ctx = request};
        ct_timer_start(ct_sip_wheel(request->sip), &request->timer, request->wait_ms);
    }
    return result;
}

enum ct_result ct_trunk_request_send(struct ct_trunk_request *request, const struct ct_sip_hop *to)
{
    ct_trunk_request_stop(request);
    request->hop = *to;
    enum ct_result result = send_now(request);
    if (result != CT_OK)
        ct_trunk_request_stop(request);
    return result;
}
