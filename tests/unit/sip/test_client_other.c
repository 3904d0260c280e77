/* Client transactions of other requests, and what all of them have in common. */
#include <stdio.h>
#include <string.h>

#include "client_user.h"
#include "harness.h"

/* Timers E, F and K over UDP: doubled up to T2, and T2 once there was a 1xx. */
static enum ct_result scenario_other_unanswered(void)
{
    static const int64_t times[] = {0,     500,   1500,  3500,  7500, 11500,
                                    15500, 19500, 23500, 27500, 31500};
    static const int64_t proceeding[] = {0,     500,   1500,  5500,  9500,
                                         13500, 17500, 21500, 25500, 29500};
    static struct client_user user;
    enum ct_result result = client_user_begin(&user, CT_SIP_UDP, client_options);
    if (result != CT_OK)
        goto out;
    int64_t now = user.world.now_ms;
    world_pass(&user.world, 31999);
    EXPECT(world_sent_at(&user.world, now, times, 11) && user.failed == 0);
    world_pass(&user.world, 1);
    EXPECT(user.failed == 408);
    client_user_close(&user);
    result = client_user_begin(&user, CT_SIP_UDP, client_options);
    if (result != CT_OK)
        goto out;
    now = user.world.now_ms;
    world_pass(&user.world, 600);
    client_user_answer(&user, 0, 100, "");
    client_user_answer(&user, 0, 182, "a");
    EXPECT(user.responses == 2);
    world_pass(&user.world, 31399);
    EXPECT(world_sent_at(&user.world, now, proceeding, 10) && user.failed == 0);
    world_pass(&user.world, 1);
    EXPECT(user.failed == 408 && user.responses == 2);

out:
    client_user_close(&user);
    return result;
}
SCENARIO(other_unanswered)

static enum ct_result scenario_other_answered(void)
{
    static struct client_user user;
    enum ct_result result = client_user_begin(&user, CT_SIP_UDP, client_options);
    if (result != CT_OK)
        goto out;
    client_user_answer(&user, 0, 200, "a");
    client_user_answer(&user, 0, 100, "");
    client_user_answer(&user, 0, 200, "a");
    client_user_answer(&user, 0, 500, "a");
    EXPECT(user.responses == 1 && user.status == 200);
    world_pass(&user.world, 4999);
    EXPECT(user.ended == 0 && user.world.count == 1);
    world_pass(&user.world, 1);
    EXPECT(user.ended == 1);
    client_user_close(&user);
    /* Over a stream K is 0; after a 1xx too. */
    result = client_user_begin(&user, CT_SIP_TCP, client_options);
    if (result != CT_OK)
        goto out;
    client_user_answer(&user, 0, 100, "");
    world_pass(&user.world, 20000);
    EXPECT(user.world.count == 1);
    client_user_answer(&user, 0, 404, "a");
    EXPECT(user.responses == 2 && user.ended == 1);
    client_user_close(&user);
    result = client_user_begin(&user, CT_SIP_UDP, client_options);
    if (result != CT_OK)
        goto out;
    client_user_answer(&user, 0, 100, "");
    client_user_answer(&user, 0, 202, "a");
    EXPECT(user.responses == 2 && user.status == 202);
    client_user_close(&user);
    result = client_user_begin(&user, CT_SIP_UDP, client_options);
    if (result != CT_OK)
        goto out;
    client_user_answer(&user, 0, 401, "a");
    EXPECT(user.status == 401);

out:
    client_user_close(&user);
    return result;
}
SCENARIO(other_answered)

/* What cannot be sent fails with 503: at once, later, and when the stream breaks. */
static enum ct_result scenario_transport(void)
{
    static const char *const requests[] = {client_invite, client_options};
    static struct client_user user;
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < 2; i++) {
        struct ct_sip_hop to = world_hop(CT_SIP_UDP);
        struct ct_sip_client *none = NULL;
        TRY(client_user_begin(&user, CT_SIP_UDP, requests[i]));
        user.world.broken = true;
        EXPECT_RESULT(CT_UNAVAILABLE, ct_sip_request(user.world.sip, &to, ct_str_of(requests[i]),
                                                     &client_user_events, &user, &none));
        EXPECT(none == NULL && ct_sip_counts(user.world.sip).clients == 1);
        world_pass(&user.world, 500);
        EXPECT(user.failed == 503 && ct_sip_counts(user.world.sip).clients == 0);
        client_user_close(&user);

        TRY(client_user_begin(&user, CT_SIP_TCP, requests[i]));
        struct ct_sip_hop other = world_hop(CT_SIP_TCP);
        other.connection = 8;
        ct_sip_hop_lost(user.world.sip, &other);
        other.connection = 7;
        other.peer.port++;
        ct_sip_hop_lost(user.world.sip, &other);
        other = world_hop(CT_SIP_TLS);
        ct_sip_hop_lost(user.world.sip, &other);
        EXPECT(user.failed == 0);
        other = world_hop(CT_SIP_TCP);
        ct_sip_hop_lost(user.world.sip, &other);
        EXPECT(user.failed == 503 && ct_sip_counts(user.world.sip).clients == 0);
        client_user_close(&user);

        TRY(client_user_begin(&user, CT_SIP_TCP, requests[i]));
        client_user_answer(&user, 0, 100, "");
        EXPECT(user.responses == 1);
        ct_sip_hop_lost(user.world.sip, &other);
        EXPECT(user.failed == 503);
        client_user_close(&user);

        /* What has its answer does not wait any more. */
        TRY(client_user_begin(&user, CT_SIP_TCP, requests[i]));
        client_user_answer(&user, 0, 200, "a");
        EXPECT(user.responses == 1);
        ct_sip_hop_lost(user.world.sip, &other);
        EXPECT(user.failed == 0);
        client_user_close(&user);
    }

    /* A retransmission in Proceeding. */
    TRY(client_user_begin(&user, CT_SIP_UDP, client_options));
    client_user_answer(&user, 0, 100, "");
    user.world.broken = true;
    world_pass(&user.world, 500);
    EXPECT(user.responses == 1 && user.failed == 503);

out:
    client_user_close(&user);
    return result;
}
SCENARIO(transport)

/* Who has let go hears nothing more, and nothing stays. */
static enum ct_result scenario_let_go(void)
{
    static struct client_user user;
    enum ct_result result = client_user_begin(&user, CT_SIP_UDP, client_invite);
    if (result != CT_OK)
        goto out;
    user.let_go = true;
    client_user_answer(&user, 0, 200, "a");
    client_user_answer(&user, 0, 200, "a");
    EXPECT(user.responses == 1 && user.client == NULL);
    world_pass(&user.world, 32000);
    EXPECT(user.ended == 0 && ct_sip_counts(user.world.sip).clients == 0);
    client_user_close(&user);
    result = client_user_begin(&user, CT_SIP_UDP, client_invite);
    if (result != CT_OK)
        goto out;
    client_user_answer(&user, 0, 180, "a");
    ct_sip_client_forget(user.client);
    user.client = NULL;
    world_pass(&user.world, 32000);
    EXPECT(user.failed == 0 && user.responses == 1);
    EXPECT(ct_sip_counts(user.world.sip).clients == 0);
    client_user_close(&user);
    /* The endpoint goes first. */
    result = client_user_begin(&user, CT_SIP_TCP, client_invite);
    if (result != CT_OK)
        goto out;
    struct ct_sip *sip = user.world.sip;
    user.world.sip = NULL;
    ct_sip_free(sip);
    EXPECT(user.failed == 503 && user.client != NULL);

out:
    client_user_close(&user);
    return result;
}
SCENARIO(let_go)

/* Responses that are nobody's. */
static enum ct_result scenario_stray(void)
{
    static const char text[] = "SIP/2.0 200 OK\nVia: SIP/2.0/UDP us.example.org:5070;branch=%s\n"
                               "%sFrom: <sip:us.example.org>;tag=mine\n"
                               "To: <sip:example.com>;tag=a\nCall-ID: probe@us\nCSeq: 8 %s\n"
                               "Content-Length: 0\n\n";
    static struct client_user user;
    char room[1024];
    char branch[64];
    enum ct_result result = client_user_begin(&user, CT_SIP_UDP, client_options);
    if (result != CT_OK)
        goto out;
    const char *at = strstr(user.world.sent[0].bytes, "z9hG4bK");
    snprintf(branch, sizeof(branch), "%.40s", at);
    snprintf(room, sizeof(room), text, "z9hG4bKx", "", "OPTIONS");
    world_receive(&user.world, CT_SIP_UDP, room);
    snprintf(room, sizeof(room), text, branch, "", "INVITE");
    world_receive(&user.world, CT_SIP_UDP, room);
    snprintf(room, sizeof(room), text, branch, "", "CANCEL");
    world_receive(&user.world, CT_SIP_UDP, room);
    /* Two Vias (section 8.1.3.3). */
    snprintf(room, sizeof(room), text, branch, "Via: SIP/2.0/UDP a;branch=z9hG4bK1\n", "OPTIONS");
    world_receive(&user.world, CT_SIP_UDP, room);
    snprintf(room, sizeof(room), text, branch, "Call-ID: two\n", "OPTIONS");
    world_receive(&user.world, CT_SIP_UDP, room);
    EXPECT(user.responses == 0 && user.world.count == 1);
    snprintf(room, sizeof(room), text, branch, "", "OPTIONS");
    world_receive(&user.world, CT_SIP_UDP, room);
    EXPECT(user.responses == 1);

out:
    client_user_close(&user);
    return result;
}
SCENARIO(stray)

/* What can be asked for, and what not; and the ACK of a 2xx. */
static enum ct_result scenario_requests(void)
{
    static struct client_user user;
    static struct ct_sip_client *more[8];
    size_t count = 0;
    struct ct_sip_hop to = world_hop(CT_SIP_UDP);
    enum ct_result result = client_user_begin(&user, CT_SIP_UDP, client_options);
    if (result != CT_OK)
        goto out;
    EXPECT_RESULT(CT_INVALID, ct_sip_request(user.world.sip, &to, CT_STR("OPTIONS sip:a"),
                                             &client_user_events, &user, &more[0]));
    EXPECT_RESULT(CT_INVALID,
                  ct_sip_request(user.world.sip, &to,
                                 CT_STR("OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"),
                                 &client_user_events, &user, &more[0]));
    struct ct_sip_token token = ct_sip_token(user.world.sip);
    for (int i = 0; i < 2; i++)
        TRY(ct_sip_send_ack(user.world.sip, &to,
                            CT_STR("ACK sip:b@c SIP/2.0\r\nContent-Length: 0\r\n\r\n"),
                            CT_SIP_TOKEN_STR(token)));
    EXPECT(user.world.count == 3 && user.world.sent[1].size == user.world.sent[2].size);
    EXPECT(memcmp(user.world.sent[1].bytes, user.world.sent[2].bytes, user.world.sent[1].size) ==
           0);
    EXPECT(world_last_begins(&user.world, "ACK sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP "));
    while (count < 7) {
        TRY(ct_sip_request(user.world.sip, &to, ct_str_of(client_options), &client_user_events,
                           &user, &more[count]));
        count++;
    }
    EXPECT_RESULT(CT_BUSY, ct_sip_request(user.world.sip, &to, ct_str_of(client_options),
                                          &client_user_events, &user, &more[7]));

out:
    while (count > 0)
        ct_sip_client_forget(more[--count]);
    client_user_close(&user);
    return result;
}
SCENARIO(requests)

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(other_unanswered), CT_UNIT(other_answered), CT_UNIT(transport),
        CT_UNIT(let_go),           CT_UNIT(stray),          CT_UNIT(requests)};
    return ct_unit_main("sip/client_other", units, sizeof(units) / sizeof(units[0]));
}
