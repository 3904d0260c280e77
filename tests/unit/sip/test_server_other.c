/* Server transactions of other requests, and the way back of all of them. */
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "server_user.h"

static enum ct_result scenario_other(void)
{
    static struct server_user user;
    enum ct_result result = server_user_begin(&user, CT_SIP_UDP, server_options);
    if (result != CT_OK)
        goto out;
    /* Trying is silent, also when the request comes once more. */
    world_pass(&user.world, 5000);
    world_receive(&user.world, CT_SIP_UDP, server_options);
    EXPECT(user.world.count == 0 && user.requests == 1);
    TRY(ct_sip_reply(user.server, 100, NULL));
    TRY(ct_sip_reply(user.server, 182, NULL));
    world_receive(&user.world, CT_SIP_UDP, server_options);
    EXPECT(user.world.count == 3 && world_last_status(&user.world) == 182);
    TRY(ct_sip_reply(user.server, 200, NULL));
    world_receive(&user.world, CT_SIP_UDP, server_options);
    EXPECT(user.world.count == 5 && world_last_status(&user.world) == 200);
    /* Timer J. */
    world_pass(&user.world, 31999);
    EXPECT(user.gone == 0);
    world_pass(&user.world, 1);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_DONE && user.world.count == 5);
    ct_sip_server_forget(user.server);
    user.server = NULL;
    world_receive(&user.world, CT_SIP_UDP, server_options);
    EXPECT(user.requests == 2);

out:
    server_user_close(&user);
    return result;
}
SCENARIO(other)

static enum ct_result scenario_other_stream(void)
{
    static struct server_user user;
    enum ct_result result = server_user_begin(&user, CT_SIP_TLS, server_options);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 404, NULL));
    EXPECT(user.gone == 0 && ct_sip_counts(user.world.sip).servers == 0);
    world_pass(&user.world, 1);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_DONE && user.world.count == 1);

out:
    server_user_close(&user);
    return result;
}
SCENARIO(other_stream)

/* Nobody answers: RFC 4320 wants no 408, since no client waits any more. */
static enum ct_result scenario_too_late(void)
{
    static struct server_user user;
    enum ct_result result = server_user_begin(&user, CT_SIP_UDP, server_options);
    if (result != CT_OK)
        goto out;
    world_pass(&user.world, 31999);
    EXPECT(user.gone == 0);
    world_pass(&user.world, 1);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_TIMEOUT && user.world.count == 0);
    EXPECT_RESULT(CT_STALE, ct_sip_reply(user.server, 200, NULL));
    server_user_close(&user);
    result = server_user_begin(&user, CT_SIP_UDP, server_options);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 180, NULL));
    world_pass(&user.world, 32000);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_TIMEOUT);

out:
    server_user_close(&user);
    return result;
}
SCENARIO(too_late)

static enum ct_result scenario_not_sent(void)
{
    static struct server_user user;
    enum ct_result result = server_user_begin(&user, CT_SIP_UDP, server_options);
    if (result != CT_OK)
        goto out;
    user.world.broken = true;
    EXPECT_RESULT(CT_UNAVAILABLE, ct_sip_reply(user.server, 183, NULL));
    /* not while it answers */
    EXPECT(user.gone == 0);
    world_pass(&user.world, 1);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_TRANSPORT);
    server_user_close(&user);
    result = server_user_begin(&user, CT_SIP_UDP, server_options);
    if (result != CT_OK)
        goto out;
    user.world.broken = true;
    EXPECT_RESULT(CT_UNAVAILABLE, ct_sip_reply(user.server, 200, NULL));
    EXPECT(user.gone == 0 && ct_sip_counts(user.world.sip).servers == 0);
    /* who lets go meanwhile is not told any more */
    ct_sip_server_forget(user.server);
    user.server = NULL;
    world_pass(&user.world, 1);
    EXPECT(user.gone == 0 && ct_wheel_count(ct_sip_wheel(user.world.sip)) == 0);
    server_user_close(&user);
    /* and who has not when the endpoint goes is */
    result = server_user_begin(&user, CT_SIP_TCP, server_options);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 200, NULL));
    EXPECT(user.gone == 0);
    struct ct_sip *sip = user.world.sip;
    user.world.sip = NULL;
    ct_sip_free(sip);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_DONE);

out:
    server_user_close(&user);
    return result;
}
SCENARIO(not_sent)

/* A client of RFC 2543 has no branch, or one without the cookie. */
static enum ct_result scenario_old(void)
{
    static const char old_invite[] = "INVITE sip:bob@us.example.org SIP/2.0\n"
                                     "Via: SIP/2.0/UDP 192.0.2.1:5080\n"
                                     "From: <sip:alice@example.com>\n"
                                     "To: <sip:bob@us.example.org>\n"
                                     "Call-ID: old\nCSeq: 1 INVITE\nContent-Length: 0\n\n";
    static struct server_user user;
    char ack[512];
    enum ct_result result = server_user_begin(&user, CT_SIP_UDP, old_invite);
    if (result != CT_OK)
        goto out;
    TRY(ct_sip_reply(user.server, 486, NULL));
    EXPECT(user.world.sent[0].to.peer.port == 5080);
    world_receive(&user.world, CT_SIP_UDP, old_invite);
    EXPECT(user.world.count == 2 && user.requests == 1);
    struct ct_str to = world_last_header(&user.world, "To");
    snprintf(ack, sizeof(ack),
             "ACK sip:bob@us.example.org SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1:5080\n"
             "From: <sip:alice@example.com>\nTo: %.*s\nCall-ID: old\nCSeq: 1 ACK\n"
             "Content-Length: 0\n\n",
             (int)to.len, to.at);
    /* With another tag it is another's. */
    char last = ack[0];
    char *end = memmem(ack, strlen(ack), "\nCall-ID", 8);
    last = end[-1];
    end[-1] = last == 'x' ? 'y' : 'x';
    world_receive(&user.world, CT_SIP_UDP, ack);
    world_pass(&user.world, 500);
    EXPECT(user.world.count == 3);
    end[-1] = last;
    world_receive(&user.world, CT_SIP_UDP, ack);
    world_pass(&user.world, 5000);
    EXPECT(user.world.count == 3 && user.gone == 1 && user.why == CT_SIP_GONE_DONE);

out:
    server_user_close(&user);
    return result;
}
SCENARIO(old)

/* Where answers go (section 18.2.2, RFC 3581), and what the top Via then says. */
static enum ct_result scenario_way_back(void)
{
    static const struct {
        const char *via;
        uint16_t port;
        const char *written;
    } ways[] = {
        {"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", 5060, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"},
        {"SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bK2", 5080,
         "SIP/2.0/UDP 192.0.2.1:5080;branch=z9hG4bK2"},
        {"SIP/2.0/UDP 10.0.0.1:5080;branch=z9hG4bK3", 5080,
         "SIP/2.0/UDP 10.0.0.1:5080;branch=z9hG4bK3;received=192.0.2.1"},
        {"SIP/2.0/UDP pc.example.com;received=6.6.6.6;branch=z9hG4bK4", 5060,
         "SIP/2.0/UDP pc.example.com;branch=z9hG4bK4;received=192.0.2.1"},
        {"SIP/2.0/UDP 10.0.0.1:5080;rport;branch=z9hG4bK5", 40000,
         "SIP/2.0/UDP 10.0.0.1:5080;rport=40000;branch=z9hG4bK5;received=192.0.2.1"},
        {"SIP/2.0/UDP 10.0.0.1;maddr=6.6.6.6;branch=z9hG4bK6", 5060,
         "SIP/2.0/UDP 10.0.0.1;maddr=6.6.6.6;branch=z9hG4bK6;received=192.0.2.1"},
    };
    static struct server_user user;
    char text[512];
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct ct_sip_hop from = world_hop(CT_SIP_UDP);
        from.peer.port = 40000;
        TRY(server_user_open(&user));
        user.answer = 200;
        int size = snprintf(text, sizeof(text),
                            "OPTIONS sip:us.example.org SIP/2.0\r\nVia: %s\r\nFrom: "
                            "<sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: w\r\nCSeq: 1 "
                            "OPTIONS\r\n\r\n",
                            ways[i].via);
        world_receive_from(&user.world, &from, (struct ct_str){text, (size_t)size});
        EXPECT(user.world.count == 1 && user.world.sent[0].to.peer.port == ways[i].port);
        EXPECT(user.world.sent[0].to.peer.bytes[0] == 192);
        EXPECT(ct_str_equal(world_last_header(&user.world, "Via"), ct_str_of(ways[i].written)));
        ct_sip_free(user.world.sip);
        user.world.sip = NULL;
    }

out:
    server_user_close(&user);
    return result;
}
SCENARIO(way_back)

/* A stream that is gone is replaced by one to the port of sent-by. */
static enum ct_result scenario_lost_stream(void)
{
    static struct server_user user;
    enum ct_result result = server_user_begin(&user, CT_SIP_TCP, server_invite);
    if (result != CT_OK)
        goto out;
    user.world.lost_connection = 7;
    TRY(ct_sip_reply(user.server, 180, NULL));
    EXPECT(user.world.count == 1 && user.world.sent[0].to.connection == 0);
    EXPECT(user.world.sent[0].to.peer.port == 5060);

out:
    server_user_close(&user);
    return result;
}
SCENARIO(lost_stream)

/* The endpoint goes while there is something going on. */
static enum ct_result scenario_closed(void)
{
    static struct server_user user;
    enum ct_result result = server_user_begin(&user, CT_SIP_UDP, server_invite);
    if (result != CT_OK)
        goto out;
    struct ct_sip *sip = user.world.sip;
    user.world.sip = NULL;
    ct_sip_free(sip);
    EXPECT(user.gone == 1 && user.why == CT_SIP_GONE_CLOSED && user.world.count == 0);
    EXPECT_RESULT(CT_STALE, ct_sip_reply(user.server, 200, NULL));

out:
    server_user_close(&user);
    return result;
}
SCENARIO(closed)

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(other), CT_UNIT(other_stream), CT_UNIT(too_late),    CT_UNIT(not_sent),
        CT_UNIT(old),   CT_UNIT(way_back),     CT_UNIT(lost_stream), CT_UNIT(closed)};
    return ct_unit_main("sip/server_other", units, sizeof(units) / sizeof(units[0]));
}
