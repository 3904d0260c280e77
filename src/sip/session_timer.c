#include <stdio.h>

#include "sip/session_parts.h"
#include "sip/write.h"

/* Session timers (RFC 4028): a leg whose other side is gone ends. */

#define RETRY_MS 10000

static void start(struct ct_sip_session *session, int64_t expires_s, bool we_refresh)
{
    int64_t spare_s = expires_s / 3 < 32 ? expires_s / 3 : 32;

    session->expires_s = expires_s;
    session->we_refresh = we_refresh;
    session->expires_at_ms = ct_sip_leg_now_ms(session) + (expires_s - spare_s) * 1000;
    ct_timer_start(ct_sip_wheel(session->sessions->sip), &session->refresh_timer,
                   we_refresh ? expires_s * 500 : (expires_s - spare_s) * 1000);
}

void ct_sip_leg_timer_ask(const struct ct_sip_session *session, bool first, struct ct_buf *out)
{
    ct_buf_text(out, "Session-Expires: ");
    ct_buf_int(out, session->expires_s);
    if (!first)
        ct_buf_text(out, session->we_refresh ? ";refresher=uac" : ";refresher=uas");
    ct_buf_text(out, "\r\n");
    ct_sip_write_number(out, CT_SIP_H_MIN_SE, session->min_expires_s);
}

static int refresher_of(const struct ct_sip_message *message)
{
    struct ct_str value = ct_sip_header(message, CT_SIP_H_SESSION_EXPIRES);
    struct ct_str who;
    size_t at = 0;

    if (value.len == 0)
        return 0;
    while (at < value.len && value.at[at] != ';')
        at++;
    if (!ct_sip_param((struct ct_str){value.at + at, value.len - at}, CT_STR("refresher"), &who))
        return 0;
    return ct_str_equal_nocase(who, CT_STR("uac"))   ? 'c'
           : ct_str_equal_nocase(who, CT_STR("uas")) ? 's'
                                                     : 0;
}

bool ct_sip_leg_timer_read(struct ct_sip_session *session, struct ct_sip_server *server,
                           const struct ct_sip_message *message)
{
    int64_t least = session->sessions->options.min_expires_s;
    uint32_t number;
    char line[48];
    int length;

    session->peer_timer = ct_sip_has_token(message, CT_SIP_H_SUPPORTED, CT_STR("timer")) ||
                          ct_sip_has_token(message, CT_SIP_H_REQUIRE, CT_STR("timer"));
    session->peer_expires_s =
        ct_sip_header_number(message, CT_SIP_H_SESSION_EXPIRES, &number) ? number : 0;
    session->peer_min_s = ct_sip_header_number(message, CT_SIP_H_MIN_SE, &number) ? number : 0;
    session->peer_refresher = refresher_of(message);
    if (session->peer_expires_s == 0 || session->peer_expires_s >= least || !session->peer_timer)
        return true;
    length = snprintf(line, sizeof(line), "Min-SE: %lld\r\n", (long long)least);
    ct_sip_leg_reply(
        server, 422,
        &(struct ct_sip_reply_options){.headers = (struct ct_str){line, (size_t)length}});
    return false;
}

void ct_sip_leg_timer_answer(struct ct_sip_session *session, struct ct_buf *out)
{
    int64_t expires_s = session->sessions->options.expires_s;
    bool they;

    if (session->peer_expires_s > 0 && session->peer_expires_s < expires_s)
        expires_s = session->peer_expires_s;
    if (expires_s < session->peer_min_s)
        expires_s = session->peer_min_s;
    they = session->peer_timer && session->peer_refresher != 's';
    ct_buf_text(out, "Session-Expires: ");
    ct_buf_int(out, expires_s);
    ct_buf_text(out, they ? ";refresher=uac\r\nRequire: timer\r\n" : ";refresher=uas\r\n");
    start(session, expires_s, !they);
}

void ct_sip_leg_timer_take(struct ct_sip_session *session, const struct ct_sip_message *message)
{
    uint32_t seconds;

    /* one that knows no timers is asked by us (section 7.2); so is one that names an interval nobody may name */
    if (!ct_sip_header_number(message, CT_SIP_H_SESSION_EXPIRES, &seconds) ||
        seconds < session->sessions->options.min_expires_s)
        start(session, session->expires_s, true);
    else
        start(session, seconds, refresher_of(message) != 's');
}

bool ct_sip_leg_timer_longer(struct ct_sip_session *session, const struct ct_sip_message *message)
{
    uint32_t least;

    if (!ct_sip_header_number(message, CT_SIP_H_MIN_SE, &least) || least <= session->min_expires_s)
        return false;
    session->min_expires_s = least;
    if (session->expires_s < least)
        session->expires_s = least;
    return true;
}

void ct_sip_leg_timer_retry(struct ct_sip_session *session)
{
    int64_t left_ms = session->expires_at_ms - ct_sip_leg_now_ms(session);

    if (session->state == CT_SIP_SESSION_CONFIRMED)
        ct_timer_start(ct_sip_wheel(session->sessions->sip), &session->refresh_timer,
                       left_ms > RETRY_MS ? RETRY_MS : left_ms);
}

void ct_sip_leg_timer_fire(void *ctx)
{
    struct ct_sip_session *session = ctx;
    int64_t left_ms = session->expires_at_ms - ct_sip_leg_now_ms(session);
    struct ct_sip_branch *branch = session->main;
    enum ct_result result;

    if (session->state != CT_SIP_SESSION_CONFIRMED)
        return;
    ct_sip_leg_enter(session);
    if (left_ms <= 0) {
        ct_sip_leg_break(session, CT_SIP_END_EXPIRED, 408);
    } else {
        result =
            ct_sip_leg_send_offer(branch, CT_SIP_FOR_REFRESH, branch->update,
                                  branch->update ? (struct ct_sip_body){0} : session->local.body);
        if (result == CT_OK)
            ct_timer_start(ct_sip_wheel(session->sessions->sip), &session->refresh_timer, left_ms);
        else
            ct_sip_leg_timer_retry(session);
    }
    ct_sip_leg_leave(session);
}
