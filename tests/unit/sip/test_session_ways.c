#include <stdio.h>
#include <string.h>

#include "sip/two.h"

/* Calls that do not go straight from one phone to the other: forks, other hops, passwords, a bad network. */

/* ---- forks ---- */

struct forger {
    struct lan *lan;
    bool done;
    int times; /* 0: once */
    char text[2048];
};

/* Makes of the first 200 another one, as of a second phone behind a proxy: another tag, another Contact. */
static struct lan_fate forge(void *ctx, const struct lan_packet *packet)
{
    struct forger *forger = ctx;
    struct lan_fate fate = {.copies = 1, .after_ms = {LAN_DELAY_MS}};
    char *tag;
    char *contact;

    if (forger->done || packet->bytes.len < 11 || packet->bytes.len >= sizeof(forger->text) ||
        memcmp(packet->bytes.at, "SIP/2.0 200", 11) != 0)
        return fate;
    forger->done = true;
    memcpy(forger->text, packet->bytes.at, packet->bytes.len);
    forger->text[packet->bytes.len] = '\0';
    tag = strstr(forger->text, "To: ");
    tag = tag == NULL ? NULL : strstr(tag, ";tag=");
    contact = strstr(forger->text, "Contact: <sip:phone@192.0.2.2");
    if (tag != NULL && contact != NULL) {
        memcpy(tag + 5, "fork", 4);
        contact[28] = '3';
        lan_drop_in(forger->lan, "192.0.2.3", "192.0.2.1", forger->text);
        for (int i = 1; i < forger->times; i++) {
            tag[6] = (char)('a' + i % 26);
            tag[7] = (char)('a' + i / 26);
            lan_drop_in(forger->lan, "192.0.2.3", "192.0.2.1", forger->text);
        }
    }
    return fate;
}

static enum ct_result test_second_fork_answers(void)
{
    struct two two;
    struct forger forger = {0};
    struct phone eve = {0};
    enum ct_result result = two_new(&two, 12);

    if (result != CT_OK)
        goto out;
    TRY(phone_new(&eve, two.lan, "192.0.2.3"));
    forger.lan = two.lan;
    lan_network(two.lan, forge, &forger);
    two.bob.answers = true;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 400);
    SEE(forger.done && two.ann.answered == 1 && two.ann.ended == 0);
    /* one of them is kept; the other gets its ACK and its BYE */
    SEE(lan_count(two.lan, "ACK ") >= 2 && lan_count(two.lan, "BYE ") >= 1);
    phone_hang_up(&two.ann);
    phone_hang_up(&two.bob);
    lan_run(two.lan, TWO_LONG_MS);
    SEE(phone_is_idle(&two.ann) && phone_is_idle(&eve));
    SEE(two_at_rest(&two));
out:
    phone_free(&eve);
    two_free(&two);
    return result;
}

/* Whoever answers again and again, each time as another fork, is not ended without end. */
static enum ct_result test_forks_without_end(void)
{
    struct two two;
    struct forger forger = {0};
    enum ct_result result = two_new(&two, 43);

    if (result != CT_OK)
        goto out;
    forger.lan = two.lan;
    forger.times = 100;
    lan_network(two.lan, forge, &forger);
    two.bob.answers = true;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 400);
    SEE(forger.done && two.ann.answered == 1 && two.ann.ended == 0);
    SEE(lan_count(two.lan, "BYE ") >= 1 && lan_count(two.lan, "BYE ") <= 64);
    phone_hang_up(&two.ann);
    phone_hang_up(&two.bob);
    lan_run(two.lan, TWO_LONG_MS);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* ---- other hops, passwords ---- */

static enum ct_result test_next_hop(void)
{
    struct two two;
    struct phone dead = {0};
    enum ct_result result = two_new(&two, 13);

    if (result != CT_OK)
        goto out;
    TRY(phone_new(&dead, two.lan, "192.0.2.9"));
    dead.refuse_status = 503;
    dead.ring_status = 0;
    lan_name(two.lan, "trunk.example", "192.0.2.7,192.0.2.9,192.0.2.2");
    two.bob.answers = true;
    DO(phone_call(&two.ann, "sip:bob@trunk.example", "offer", NULL));
    lan_run(two.lan, 31000);
    SEE(dead.called == 0);
    lan_run(two.lan, 2000);
    /* nobody is at the first, the second has no room */
    SEE(dead.called == 1 && two.bob.called == 1);
    SEE(two.ann.answered == 1 && two.ann.ended == 0);
    phone_hang_up(&two.ann);
    lan_run(two.lan, TWO_LONG_MS);
    SEE(phone_is_idle(&dead));
    SEE(two_at_rest(&two));
out:
    phone_free(&dead);
    two_free(&two);
    return result;
}

static enum ct_result test_no_hop(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 14);

    if (result != CT_OK)
        goto out;
    DO(phone_call(&two.ann, "sip:bob@nowhere.example", "offer", NULL));
    SEE(two.ann.ended == 0);
    lan_run(two.lan, 10);
    SEE(two.ann.ended == 1 && two.ann.end_status == 503);
    DO(phone_call(&two.ann, "sip:bob@192.0.2.77", "offer", NULL));
    lan_run(two.lan, 33000);
    SEE(two.ann.ended == 2 && two.ann.end_status == 408);
    EXPECT_RESULT(CT_INVALID, phone_call(&two.ann, "bob", "offer", NULL));
    two.ann.leg = NULL;
    DO(phone_call(&two.ann, "sip:bob@nowhere.example", "offer", NULL));
    phone_hang_up(&two.ann);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* Names take their time; a call may end before one is found, and all may end. */
static enum ct_result test_slow_names(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 16);

    if (result != CT_OK)
        goto out;
    lan_name(two.lan, "slow.example", "192.0.2.2");
    lan_slow_names(two.lan, 300);
    two.bob.answers = true;
    DO(phone_call(&two.ann, "sip:bob@slow.example", "offer", NULL));
    lan_run(two.lan, 200);
    SEE(lan_count(two.lan, "INVITE ") == 0);
    phone_hang_up(&two.ann);
    lan_run(two.lan, 1000);
    SEE(lan_count(two.lan, "INVITE ") == 0 && phone_is_idle(&two.ann));
    DO(phone_call(&two.ann, "sip:bob@slow.example", "offer", NULL));
    lan_run(two.lan, 1000);
    SEE(two.ann.answered == 1);
    phone_hang_up(&two.ann);
    SEE(two_at_rest(&two));
    DO(phone_call(&two.ann, "sip:bob@slow.example", "offer", NULL));
out:
    two_free(&two);
    return result;
}

static bool password(void *ctx, const struct ct_sip_message *challenge, struct ct_str method,
                     struct ct_str uri, struct ct_buf *out)
{
    (void)ctx;
    if (challenge->status != 407 || !ct_str_equal(uri, CT_STR(BOB)))
        return false;
    ct_buf_text(out, "Proxy-Authorization: Digest for ");
    ct_buf_str(out, method);
    ct_buf_text(out, "\r\n");
    return true;
}

static enum ct_result test_challenged(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 15);

    if (result != CT_OK)
        goto out;
    /* one who goes on asking is asked no third time */
    two.bob.refuse_status = 407;
    two.bob.refuse_lines = "Proxy-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\n";
    two.ann.credentials = password;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 1000);
    SEE(two.bob.called == 3 && two.ann.ended == 1 && two.ann.end_status == 407);
    two.bob.refuse_status = 401;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 1000);
    SEE(two.bob.called == 4 && two.ann.ended == 2 && two.ann.end_status == 401);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* ---- a bad network ---- */

static struct lan_fate storm(void *ctx, const struct lan_packet *packet)
{
    struct lan *lan = ctx;
    struct lan_fate fate = {.copies = 1};
    uint32_t dice = lan_random(lan, 100);

    (void)packet;
    if (dice < 25)
        fate.copies = 0;
    else if (dice < 35)
        fate.copies = 2;
    for (int i = 0; i < 3; i++)
        fate.after_ms[i] = 1 + lan_random(lan, 400);
    return fate;
}

static enum ct_result one_storm(uint64_t seed)
{
    struct two two;
    enum ct_result result = two_new(&two, seed);

    if (result != CT_OK)
        goto out;
    lan_network(two.lan, storm, two.lan);
    two.bob.answers = lan_random(two.lan, 3) > 0;
    two.bob.ring_reliably = lan_random(two.lan, 2) > 0;
    if (lan_random(two.lan, 4) == 0)
        two.bob.refuse_status = 480;
    DO(phone_call(&two.ann, BOB, lan_random(two.lan, 3) > 0 ? "offer" : NULL,
                  &(struct ct_sip_invite){.reliable = lan_random(two.lan, 2) > 0}));
    lan_run(two.lan, lan_random(two.lan, 6000));
    phone_hang_up(lan_random(two.lan, 2) > 0 ? &two.ann : &two.bob);
    lan_run(two.lan, 2000);
    phone_hang_up(&two.ann);
    phone_hang_up(&two.bob);
    lan_run(two.lan, TWO_LONG_MS);
    SEE(two_at_rest(&two));
out:
    if (result == CT_BUG) {
        fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        lan_print(two.lan);
    }
    two_free(&two);
    return result;
}

static enum ct_result test_storms(void)
{
    enum ct_result result = CT_OK;

    for (uint64_t seed = 1000; seed < 1100 && result == CT_OK; seed++)
        result = one_storm(seed);
    return result;
}

/* A dialog stays on the stream by which it came; when that is gone, it goes to where the Contact says. */
static enum ct_result test_stream_is_gone(void)
{
    struct two two;
    struct ct_sip_hop hop = lan_hop("192.0.2.2");
    const struct ct_sip_invite invite = {.hops = &hop, .hop_count = 1, .stay = true};
    enum ct_result result = two_new(&two, 40);

    hop.transport = CT_SIP_TCP;
    if (result != CT_OK)
        goto out;
    two.bob.answers = true;
    for (int i = 0; i < 2; i++) {
        /* the first call opens the stream of the second */
        hop.connection = (uint64_t)i;
        DO(phone_call(&two.ann, BOB, "offer", &invite));
        lan_run(two.lan, 100);
        SEE(phone_state(&two.bob) == CT_SIP_SESSION_CONFIRMED);
        if (i == 1)
            lan_break(two.lan, "192.0.2.2");
        phone_hang_up(&two.ann);
        lan_run(two.lan, 100);
        SEE(two.bob.ended == i + 1 && two.bob.end == CT_SIP_END_BYE);
    }
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_second_fork_answers),
    CT_UNIT(test_forks_without_end),
    CT_UNIT(test_next_hop),
    CT_UNIT(test_no_hop),
    CT_UNIT(test_slow_names),
    CT_UNIT(test_challenged),
    CT_UNIT(test_storms),
    CT_UNIT(test_stream_is_gone),
};

int main(void)
{
    return ct_unit_main("sip/session_ways", units, sizeof(units) / sizeof(units[0]));
}
