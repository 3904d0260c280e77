/* Server transactions of INVITE, and their CANCEL. */
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "server_user.h"

static enum ct_result scenario_answer(void)
{
    static struct server_user user;
    enum ct_result result = CT_OK;
    TRY(server_user_open(&user));
    user.answer = 200;
    world_receive(&user.world, CT_SIP_UDP, server_invite);
    EXPECT(user.requests == 1 && user.result == CT_OK);
    EXPECT(world_last_begins(&user.world, server_invite_200));
    EXPECT(world_last_has(&user.world, "\r\nRecord-Route: <sip:far.example.com;lr>\r\n"));
    EXPECT(world_last_has(&user.world, "\r\nServer: test\r\nContent-Length: 0\r\n\r\n"));
    EXPECT(world_last_header(&user.world, "To").len ==
           strlen("<sip:bob@us.example.org>;tag=") + CT_SIP_TOKEN_SIZE);

out:
    server_user_close(&user);
    return result;
}
SCENARIO(answer)

static enum ct_result scenario_proceeding(void)
{
    static struct server_user user;
    enum ct_result result = server_user_begin(&user, CT_SIP_UDP, server_invite);
    if (result != CT_OK)
        goto out;
    /* Nothing to say yet; after 200 ms it is 100, without a tag. */
    world_receive(&user.world, CT_SIP_UDP, server_invite);
    world_pass(&user.world, 199);
    EXPECT(user.world.count == 0 && user.requests == 1);
    world_pass(&user.world, 1);
    EXPECT(user.world.count == 1 && world_last_begins(&user.world, "SIP/2.0 100 Trying\r\n"));
    EXPECT(world_last_header(&user.world, "To").len == strlen("<sip:bob@us.example.org>"));
    EXPECT(!world_last_has(&user.world, "Record-Route"));
    world_receive(&user.world, CT_SIP_UDP, server_invite);
    EXPECT(user.world.count == 2 && world_last_status(&user.world) == 100);
    TRY(ct_sip_reply(user.server, 180, NULL));
    EXPECT(world_last_status(&user.world) == 180);
    EXPECT(world_last_has(&user.world, "Record-Route"));
    TRY(ct_sip_reply(user.server, 183, NULL));
    world_receive(&user.world, CT_SIP_UDP, server_invite);
    EXPECT(user.world.count == 5 && world_last_status(&user.world) == 183);
    TRY(ct_sip_reply_again(user.server));
    EXPECT(user.world.count == 6 && world_last_status(&user.world) == 183);
    /* An ACK that is none changes nothing; nor does time, nor an answer that cannot be sent. */
    world_receive(&user.world, CT_SIP_UDP, server_ack);
    user.world.broken = true;
    EXPECT_RESULT(CT_UNAVAILABLE, ct_sip_reply(user.server, 181, NULL));
    user.world.broken = false;
    world_pass(&user.world, 600000);
    EXPECT(user.gone == 0 && user.world.count == 6);
    EXPECT(!ct_sip_server_answered(user.server));

out:
    server_user_close(&user);
    return result;
}
SCENARIO(proceeding)

/* Timers G, H and I over UDP. */
static enum ct_result scenario_refused(void)
{
    static const int64_t times[] = {0,     500,   1500,  3500,  7500, 11500,
                                    15500, 19500, 23500, 27500, 31500};
    static struct server_user user;
    enum ct_result result = server_user_begin(&user, CT_SIP_UDP, server_invite);
    if (result != CT_OK)
        goto out;
    int64_t now = user.world.now_ms;
    TRY(ct_sip_reply(user.server, 486, NULL));
    EXPECT(ct_sip_server_answered(user.server));
    EXPECT_RESULT(CT_STALE, ct_sip_reply(user.server, 200, NULL));
    world_pass(&user.world, 31999);
    EXPECT(world_sent_at(&user.world, now, times, 11) && world_last_status(&user.world) == 486);
    EXPECT(user.gone == 0);
    world_receive(&user.world, CT_SIP_UDP, server_invite);
    EXPECT(user.world.count == 12 && user.requests == 1);
    world_pass(&user.world, 1);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_TIMEOUT);
    EXPECT(ct_sip_counts(user.world.sip).servers == 0);
    EXPECT_RESULT(CT_STALE, ct_sip_reply_again(user.server));

out:
    server_user_close(&user);
    return result;
}
SCENARIO(refused)

static enum ct_result scenario_confirmed(void)
{
    static struct server_user user;
    enum ct_result result = server_user_begin(&user, CT_SIP_UDP, server_invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 404, NULL));
    world_pass(&user.world, 600);
    EXPECT(user.world.count == 2);
    world_receive(&user.world, CT_SIP_UDP, server_ack);
    world_clear(&user.world);
    world_receive(&user.world, CT_SIP_UDP, server_ack);
    world_receive(&user.world, CT_SIP_UDP, server_invite);
    world_pass(&user.world, 4999);
    EXPECT(user.world.count == 0 && user.gone == 0 && user.requests == 1);
    world_pass(&user.world, 1);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_DONE);

out:
    server_user_close(&user);
    return result;
}
SCENARIO(confirmed)

/* Over a stream no timer G, and timer I is 0. An answer that does not go out changes nothing. */
static enum ct_result scenario_refused_stream(void)
{
    static struct server_user user;
    enum ct_result result = server_user_begin(&user, CT_SIP_TCP, server_invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 486, NULL));
    world_pass(&user.world, 31999);
    EXPECT(user.world.count == 1 && user.gone == 0);
    user.world.broken = true;
    world_receive(&user.world, CT_SIP_TCP, server_invite);
    EXPECT(user.gone == 0);
    world_receive(&user.world, CT_SIP_TCP, server_ack);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_DONE);
    server_user_close(&user);
    result = server_user_begin(&user, CT_SIP_TCP, server_invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 486, NULL));
    world_pass(&user.world, 32000);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_TIMEOUT);

out:
    server_user_close(&user);
    return result;
}
SCENARIO(refused_stream)

/* RFC 6026: for 64*T1 after the 2xx the INVITE is absorbed, and the 2xx can be sent again. */
static enum ct_result accept_over(enum ct_sip_transport transport)
{
    static struct server_user user;
    enum ct_result result = server_user_begin(&user, transport, server_invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 200, NULL));
    world_receive(&user.world, transport, server_invite);
    world_receive(&user.world, transport, server_ack);
    world_pass(&user.world, 20000);
    EXPECT(user.world.count == 1 && user.requests == 1);
    TRY(ct_sip_reply_again(user.server));
    EXPECT(user.world.count == 2 && world_last_begins(&user.world, server_invite_200));
    user.world.broken = true;
    EXPECT_RESULT(CT_UNAVAILABLE, ct_sip_reply_again(user.server));
    user.world.broken = false;
    EXPECT_RESULT(CT_STALE, ct_sip_reply(user.server, 200, NULL));
    world_pass(&user.world, 11999);
    EXPECT(user.gone == 0);
    world_pass(&user.world, 1);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_DONE && user.world.count == 2);

out:
    server_user_close(&user);
    return result;
}

static enum ct_result scenario_accepted(void)
{
    enum ct_result result = accept_over(CT_SIP_UDP);
    return result == CT_OK ? accept_over(CT_SIP_WSS) : result;
}
SCENARIO(accepted)

static enum ct_result scenario_cancel(void)
{
    static struct server_user user;
    enum ct_result result = server_user_begin(&user, CT_SIP_UDP, server_invite);
    if (result != CT_OK)
        goto out;
    world_receive(&user.world, CT_SIP_UDP, server_cancel);
    EXPECT(user.world.count == 1 && world_last_begins(&user.world, "SIP/2.0 200 OK\r\n"));
    EXPECT(world_last_has(&user.world, "CSeq: 1 CANCEL\r\n") && user.cancelled == 1);
    world_receive(&user.world, CT_SIP_UDP, server_cancel);
    EXPECT(user.world.count == 2 && user.cancelled == 1);
    TRY(ct_sip_reply(user.server, 487, NULL));
    EXPECT(world_last_has(&user.world, "CSeq: 1 INVITE\r\n"));
    /* Both have the same tag (section 9.2). */
    struct ct_str to = world_last_header(&user.world, "To");
    EXPECT(memmem(user.world.sent[0].bytes, user.world.sent[0].size, to.at, to.len) != NULL);
    world_receive(&user.world, CT_SIP_UDP, server_ack);
    world_pass(&user.world, 32000);
    EXPECT(user.gone == 1 && ct_sip_counts(user.world.sip).servers == 0);
    /* Of nothing: 481. */
    world_receive(&user.world, CT_SIP_UDP, server_cancel);
    EXPECT(world_last_status(&user.world) == 481);
    server_user_close(&user);
    /* Too late: it is answered, and has no effect. */
    result = server_user_begin(&user, CT_SIP_UDP, server_invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 200, NULL));
    world_receive(&user.world, CT_SIP_UDP, server_cancel);
    EXPECT(user.cancelled == 0 && world_last_has(&user.world, "CSeq: 1 CANCEL\r\n"));

out:
    server_user_close(&user);
    return result;
}
SCENARIO(cancel)

/* A request whose user does not care is answered all the same, and so is one that is let go of. */
static enum ct_result scenario_nobody(void)
{
    static struct server_user user;
    enum ct_result result = CT_OK;
    TRY(server_user_open(&user));
    world_receive(&user.world, CT_SIP_UDP, server_invite);
    EXPECT(user.requests == 1 && world_last_status(&user.world) == 500);
    server_user_close(&user);
    result = server_user_begin(&user, CT_SIP_UDP, server_invite);
    if (result != CT_OK)
        goto out;
    ct_sip_server_forget(user.server);
    user.server = NULL;
    EXPECT(world_last_status(&user.world) == 500 && user.gone == 0);
    /* It goes on by itself. */
    EXPECT(ct_sip_counts(user.world.sip).servers == 1);
    world_pass(&user.world, 32000);
    EXPECT(ct_sip_counts(user.world.sip).servers == 0);

out:
    server_user_close(&user);
    return result;
}
SCENARIO(nobody)

/* What may be asked twice without harm leaves nothing behind. */
static enum ct_result scenario_forget(void)
{
    static struct server_user user;
    enum ct_result result = CT_OK;
    TRY(server_user_open(&user));
    user.answer = 401;
    user.forget = true;
    for (int i = 1; i <= 3; i++) {
        world_receive(&user.world, CT_SIP_UDP, server_invite);
        EXPECT(user.requests == i && user.result == CT_OK);
        EXPECT((int)user.world.count == i && world_last_status(&user.world) == 401);
        EXPECT(ct_sip_counts(user.world.sip).servers == 0);
    }
    world_receive(&user.world, CT_SIP_UDP, server_ack);
    EXPECT(user.world.count == 3);
    EXPECT(ct_sip_next_ms(user.world.sip) == INT64_MAX);

out:
    server_user_close(&user);
    return result;
}
SCENARIO(forget)

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(answer),    CT_UNIT(proceeding),     CT_UNIT(refused),
        CT_UNIT(confirmed), CT_UNIT(refused_stream), CT_UNIT(accepted),
        CT_UNIT(cancel),    CT_UNIT(nobody),         CT_UNIT(forget)};
    return ct_unit_main("sip/server", units, sizeof(units) / sizeof(units[0]));
}
