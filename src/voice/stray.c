#include "voice/stray.h"

#include "sip/write.h"

static bool belongs_into_dialog(enum ct_sip_method method)
{
    return method == CT_SIP_BYE || method == CT_SIP_PRACK || method == CT_SIP_UPDATE ||
           method == CT_SIP_INFO || method == CT_SIP_NOTIFY;
}

void ct_stray_answer(struct ct_sip *sip, struct ct_sip_server *transaction,
                     const struct ct_sip_message *message)
{
    const struct ct_sip_options *options = ct_sip_options(sip);
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return;
    struct ct_buf headers = ct_buf_in(arena);
    ct_sip_write_header(&headers, CT_SIP_H_ALLOW, options->methods);
    if (message->method == CT_SIP_OPTIONS) {
        ct_sip_write_header(&headers, CT_SIP_H_ACCEPT, CT_STR("application/sdp"));
        ct_sip_write_header(&headers, CT_SIP_H_SUPPORTED, options->extensions);
    }
    const struct ct_sip_reply_options reply = {.headers = ct_buf_done(&headers), .forget = true};
    const int status = message->method == CT_SIP_OPTIONS      ? 200
                       : belongs_into_dialog(message->method) ? 481
                                                              : 405;
    if (!headers.failed)
        (void)!ct_sip_reply(transaction, status, &reply);
    ct_arena_free(arena);
}
