/* Client transactions of INVITE, and their CANCEL. */
#include <stdio.h>
#include <string.h>

#include "client_user.h"
#include "harness.h"

/* Timers A and B over UDP: doubled without an end, until 64*T1. */
static enum ct_result scenario_invite_unanswered(void)
{
    static const int64_t times[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
    static struct client_user user;
    enum ct_result result = client_user_begin(&user, CT_SIP_UDP, client_invite);
    if (result != CT_OK)
        goto out;
    int64_t now = user.world.now_ms;
    EXPECT(world_last_begins(&user.world, "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP "
                                          "us.example.org:5070;branch=z9hG4bK"));
    EXPECT(world_last_has(&user.world, ";rport\r\nRoute: <sip:p1.example.com;lr>\r\n"));
    world_pass(&user.world, 31999);
    EXPECT(world_sent_at(&user.world, now, times, 7) && user.failed == 0);
    EXPECT(user.world.sent[6].size == user.world.sent[0].size);
    EXPECT(memcmp(user.world.sent[6].bytes, user.world.sent[0].bytes, user.world.sent[0].size) ==
           0);
    world_pass(&user.world, 1);
    EXPECT(user.failed == 408 && user.responses == 0 && user.ended == 0);
    EXPECT(ct_sip_counts(user.world.sip).clients == 0);

out:
    client_user_close(&user);
    return result;
}
SCENARIO(invite_unanswered)

/* Over a stream the INVITE is sent once; timer B is the same. A stream needs no rport. */
static enum ct_result scenario_invite_stream(void)
{
    static struct client_user user;
    enum ct_result result = client_user_begin(&user, CT_SIP_TCP, client_invite);
    if (result != CT_OK)
        goto out;
    EXPECT(!world_last_has(&user.world, "rport"));
    world_pass(&user.world, 31999);
    EXPECT(user.world.count == 1 && user.failed == 0);
    world_pass(&user.world, 1);
    EXPECT(user.failed == 408);

out:
    client_user_close(&user);
    return result;
}
SCENARIO(invite_stream)

/* In Proceeding nothing is sent, and no time is too long. */
static enum ct_result scenario_ringing(void)
{
    static struct client_user user;
    enum ct_result result = client_user_begin(&user, CT_SIP_UDP, client_invite);
    if (result != CT_OK)
        goto out;
    world_pass(&user.world, 600);
    client_user_answer(&user, 0, 100, "");
    EXPECT(user.responses == 1 && user.status == 100);
    client_user_answer(&user, 0, 180, "a");
    client_user_answer(&user, 0, 180, "a");
    EXPECT(user.responses == 3 && user.status == 180);
    world_pass(&user.world, 3600000);
    EXPECT(user.world.count == 2 && user.failed == 0);
    client_user_answer(&user, 0, 486, "a");
    EXPECT(user.responses == 4 && user.status == 486 && user.world.count == 3);
    EXPECT(world_last_begins(&user.world, "ACK sip:bob@example.com SIP/2.0\r\nVia: "));
    EXPECT(world_last_has(&user.world, "\r\nRoute: <sip:p1.example.com;lr>\r\n"
                                       "Route: <sip:p2.example.com;lr>\r\n"));
    EXPECT(world_last_has(&user.world, "\r\nTo: <sip:bob@example.com>;tag=a\r\n"));
    EXPECT(world_last_has(&user.world, "\r\nCSeq: 7 ACK\r\n"));
    EXPECT(world_last_has(&user.world, "\r\nContent-Length: 0\r\n\r\n"));
    struct ct_str via = world_last_header(&user.world, "Via");
    EXPECT(memmem(user.world.sent[0].bytes, user.world.sent[0].size, via.at, via.len) != NULL);
    /* Completed: the response once more is acknowledged once more, and goes no further. */
    client_user_answer(&user, 0, 486, "a");
    EXPECT(user.responses == 4 && user.world.count == 4);
    client_user_answer(&user, 0, 180, "a");
    client_user_answer(&user, 0, 200, "a");
    EXPECT(user.responses == 4 && user.world.count == 4);
    /* Timer D. */
    world_pass(&user.world, 31999);
    EXPECT(user.ended == 0);
    world_pass(&user.world, 1);
    EXPECT(user.ended == 1 && ct_sip_counts(user.world.sip).clients == 0);
    client_user_answer(&user, 0, 486, "a");
    EXPECT(user.responses == 4 && user.world.count == 4);

out:
    client_user_close(&user);
    return result;
}
SCENARIO(ringing)

/* Refused in Calling; over a stream timer D is 0. */
static enum ct_result scenario_refused_stream(void)
{
    static struct client_user user;
    enum ct_result result = client_user_begin(&user, CT_SIP_TLS, client_invite);
    if (result != CT_OK)
        goto out;
    client_user_answer(&user, 0, 302, "a");
    EXPECT(user.responses == 1 && user.ended == 1 && user.world.count == 2);
    EXPECT(ct_sip_counts(user.world.sip).clients == 0);
    /* The ACK that cannot be sent ends it. */
    client_user_close(&user);
    result = client_user_begin(&user, CT_SIP_UDP, client_invite);
    if (result != CT_OK)
        goto out;
    user.world.broken = true;
    client_user_answer(&user, 0, 404, "a");
    EXPECT(user.status == 404 && ct_sip_counts(user.world.sip).clients == 0);

out:
    client_user_close(&user);
    return result;
}
SCENARIO(refused_stream)

/* RFC 6026: every 2xx, of every fork, for 64*T1; the ACK is the user's. */
static enum ct_result accept_over(enum ct_sip_transport transport, bool ringing)
{
    static struct client_user user;
    enum ct_result result = client_user_begin(&user, transport, client_invite);
    if (result != CT_OK)
        goto out;
    if (ringing)
        client_user_answer(&user, 0, 180, "a");
    user.responses = 0;
    client_user_answer(&user, 0, 200, "a");
    client_user_answer(&user, 0, 200, "a");
    client_user_answer(&user, 0, 200, "b");
    EXPECT(user.responses == 3 && strcmp(user.to, "<sip:bob@example.com>;tag=b") == 0);
    client_user_answer(&user, 0, 180, "c");
    client_user_answer(&user, 0, 486, "c");
    EXPECT(user.responses == 3 && user.world.count == 1);
    world_pass(&user.world, 31999);
    client_user_answer(&user, 0, 200, "a");
    EXPECT(user.responses == 4 && user.ended == 0);
    world_pass(&user.world, 1);
    EXPECT(user.ended == 1);
    client_user_answer(&user, 0, 200, "a");
    EXPECT(user.responses == 4);

out:
    client_user_close(&user);
    return result;
}

static enum ct_result scenario_accepted(void)
{
    enum ct_result result = accept_over(CT_SIP_UDP, false);
    if (result == CT_OK)
        result = accept_over(CT_SIP_UDP, true);
    return result == CT_OK ? accept_over(CT_SIP_WS, true) : result;
}
SCENARIO(accepted)

/* A CANCEL waits for a provisional response (section 9.1). */
static enum ct_result scenario_cancel_early(void)
{
    static struct client_user user;
    enum ct_result result = client_user_begin(&user, CT_SIP_UDP, client_invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_cancel(user.client, CT_STR("Reason: SIP;cause=200\r\n")));
    EXPECT(user.world.count == 1);
    EXPECT_RESULT(CT_STALE, ct_sip_cancel(user.client, CT_STR("")));
    client_user_answer(&user, 0, 100, "");
    EXPECT(user.world.count == 2);
    EXPECT(world_last_begins(&user.world, "CANCEL sip:bob@example.com SIP/2.0\r\nVia: "));
    EXPECT(world_last_has(&user.world, "\r\nReason: SIP;cause=200\r\n"));
    EXPECT(world_last_has(&user.world, "\r\nCSeq: 7 CANCEL\r\n"));
    EXPECT(world_last_has(&user.world, "\r\nTo: <sip:bob@example.com>\r\n"));
    EXPECT(world_last_has(&user.world, "\r\nRoute: <sip:p1.example.com;lr>\r\n"));
    struct ct_str via = world_last_header(&user.world, "Via");
    EXPECT(memmem(user.world.sent[0].bytes, user.world.sent[0].size, via.at, via.len) != NULL);
    client_user_answer(&user, 0, 180, "a");
    EXPECT(user.world.count == 2);
    client_user_answer(&user, 1, 200, "a");
    EXPECT(user.responses == 2 && user.status == 180);
    client_user_answer(&user, 0, 487, "a");
    EXPECT(user.responses == 3 && user.status == 487 && user.world.count == 3);
    world_pass(&user.world, 32000);
    EXPECT(ct_sip_counts(user.world.sip).clients == 0 && user.ended == 1);

out:
    client_user_close(&user);
    return result;
}
SCENARIO(cancel_early)

/* No final response follows the CANCEL: the INVITE ends 64*T1 later. */
static enum ct_result scenario_cancel_unheard(void)
{
    static struct client_user user;
    enum ct_result result = client_user_begin(&user, CT_SIP_UDP, client_invite);
    if (result != CT_OK)
        goto out;
    client_user_answer(&user, 0, 180, "a");
    world_pass(&user.world, 60000);
    TRY(ct_sip_cancel(user.client, CT_STR("")));
    EXPECT(user.world.count == 2 && user.failed == 0);
    world_pass(&user.world, 31999);
    EXPECT(user.failed == 0);
    world_pass(&user.world, 1);
    EXPECT(user.failed == 408 && ct_sip_counts(user.world.sip).clients == 0);
    client_user_close(&user);
    /* A 2xx crosses it: that is a call. */
    result = client_user_begin(&user, CT_SIP_UDP, client_invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_cancel(user.client, CT_STR("")));
    client_user_answer(&user, 0, 200, "a");
    EXPECT(user.status == 200 && user.world.count == 1);
    EXPECT_RESULT(CT_STALE, ct_sip_cancel(user.client, CT_STR("")));
    client_user_close(&user);
    result = client_user_begin(&user, CT_SIP_UDP, client_options);
    if (result != CT_OK)
        goto out;
    EXPECT_RESULT(CT_STALE, ct_sip_cancel(user.client, CT_STR("")));

out:
    client_user_close(&user);
    return result;
}
SCENARIO(cancel_unheard)

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(invite_unanswered), CT_UNIT(invite_stream),
                                           CT_UNIT(ringing),           CT_UNIT(refused_stream),
                                           CT_UNIT(accepted),          CT_UNIT(cancel_early),
                                           CT_UNIT(cancel_unheard)};
    return ct_unit_main("sip/client", units, sizeof(units) / sizeof(units[0]));
}
