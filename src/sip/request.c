#include <assert.h>
#include <string.h>

#include "sip/core.h"

/* What is put into the requests that are sent, and those that belong to another one: ACK and CANCEL. */

void ct_sip_write_companion(struct ct_buf *out, const struct ct_sip_message *sent,
                            struct ct_str method, struct ct_str to)
{
    ct_sip_write_request_line(out, method, sent->uri.text);
    ct_sip_write_header(out, CT_SIP_H_VIA, sent->via.text);
    for (uint16_t i = sent->first[CT_SIP_H_ROUTE]; i != 0; i = sent->headers[i - 1].next)
        ct_sip_write_header(out, CT_SIP_H_ROUTE, sent->headers[i - 1].value);
    ct_sip_write_number(out, CT_SIP_H_MAX_FORWARDS, 70);
    ct_sip_write_header(out, CT_SIP_H_FROM, ct_sip_header(sent, CT_SIP_H_FROM));
    ct_sip_write_header(out, CT_SIP_H_TO, to);
    ct_sip_write_header(out, CT_SIP_H_CALL_ID, sent->call_id);
    ct_sip_write_cseq(out, sent->cseq, method);
}

enum ct_result ct_sip_with_via(struct ct_sip *sip, struct ct_buf *out, const struct ct_sip_hop *to,
                               struct ct_str request, struct ct_str token, size_t *mark_at)
{
    static const char zeros[CT_SIP_MARK_SIZE + 1] = "0000000000000000";
    char branch[CT_SIP_BRANCH_SIZE];
    struct ct_sip_local local;
    const char *end = request.len == 0 ? NULL : memchr(request.at, '\n', request.len);

    if (end == NULL)
        return CT_INVALID;
    size_t line = (size_t)(end - request.at) + 1;
    memcpy(branch, CT_SIP_BRANCH_COOKIE, 7);
    memcpy(branch + 7, token.at, CT_SIP_TOKEN_SIZE);
    branch[7 + CT_SIP_TOKEN_SIZE] = '-';
    memcpy(branch + 8 + CT_SIP_TOKEN_SIZE, zeros, CT_SIP_MARK_SIZE);
    sip->options.env.local(sip->options.env.ctx, to, &local);
    ct_buf_add(out, request.at, line);
    size_t via_at = out->len;
    ct_sip_write_via(out, &local, (struct ct_str){branch, sizeof(branch)},
                     !ct_sip_reliable(to->transport));
    if (out->failed)
        return CT_NOMEM;
    const char *found = memmem(out->at + via_at, out->len - via_at, branch, sizeof(branch));
    *mark_at = (size_t)(found - out->at) + 8 + CT_SIP_TOKEN_SIZE;
    ct_buf_add(out, request.at + line, request.len - line);
    return out->failed ? CT_NOMEM : CT_OK;
}

/* As our writer writes it; the empty text when it is not there. */
static struct ct_str call_id_of(struct ct_str request)
{
    static const char name[] = "\r\nCall-ID: ";
    const char *at = memmem(request.at, request.len, name, sizeof(name) - 1);
    if (at == NULL)
        return CT_STR("");
    at += sizeof(name) - 1;
    size_t left = (size_t)(request.at + request.len - at);
    const char *end = left == 0 ? NULL : memchr(at, '\r', left);
    return (struct ct_str){at, end == NULL ? left : (size_t)(end - at)};
}

enum ct_result ct_sip_send_ack(struct ct_sip *sip, const struct ct_sip_hop *to,
                               struct ct_str request, struct ct_str branch)
{
    assert(branch.len == CT_SIP_TOKEN_SIZE);
    CT_SIP_ARENA(arena);
    if (arena == NULL)
        return CT_NOMEM;
    struct ct_buf text = ct_buf_in(arena);
    size_t mark_at;
    enum ct_result result = ct_sip_with_via(sip, &text, to, request, branch, &mark_at);
    if (result == CT_OK)
        result = ct_sip_transmit(sip, to, (struct ct_str){text.at, text.len}, call_id_of(request));
    ct_arena_free(arena);
    return result;
}
