#include <stdio.h>
#include <string.h>

#include "sip/phone.h"
#include "sip/session_life.h"

/* Longer than any timer of a call that has ended. */
#define LONG_MS 70000

struct two {
    struct lan *lan;
    struct phone ann;
    struct phone bob;
};

static enum ct_result two_new(struct two *two, uint64_t seed)
{
    enum ct_result result;

    *two = (struct two){0};
    result = lan_new(seed, &two->lan);
    if (result == CT_OK)
        result = phone_new(&two->ann, two->lan, "192.0.2.1");
    if (result == CT_OK)
        result = phone_new(&two->bob, two->lan, "192.0.2.2");
    return result;
}

static void two_free(struct two *two)
{
    phone_free(&two->ann);
    phone_free(&two->bob);
    lan_free(two->lan);
}

/* Whether both have come to rest, and nothing went wrong on the way. */
static bool at_rest(struct two *two)
{
    lan_run(two->lan, LONG_MS);
    return two->ann.trouble == CT_OK && two->bob.trouble == CT_OK && phone_is_idle(&two->ann) &&
           phone_is_idle(&two->bob);
}

#define BOB "sip:bob@192.0.2.2"

static enum ct_result test_call_and_hang_up(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 1);

    if (result != CT_OK)
        goto out;
    two.bob.answers = true;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 100);
    SEE(two.bob.called == 1 && two.ann.rang == 1 && two.ann.ring_seen == 180);
    SEE(two.ann.answered == 1 && two.bob.acked == 1);
    SEE(strcmp(two.bob.body, "offer") == 0 && strcmp(two.ann.body, "answer") == 0);
    SEE(phone_state(&two.ann) == CT_SIP_SESSION_CONFIRMED);
    SEE(phone_state(&two.bob) == CT_SIP_SESSION_CONFIRMED);
    phone_hang_up(&two.ann);
    lan_run(two.lan, 100);
    SEE(two.bob.ended == 1 && two.bob.end == CT_SIP_END_BYE);
    SEE(two.ann.ended == 0);
    SEE(at_rest(&two));
    SEE(lan_count(two.lan, "ACK ") == 1 && lan_count(two.lan, "BYE ") == 1);
out:
    two_free(&two);
    return result;
}

static enum ct_result test_callee_hangs_up(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 2);

    if (result != CT_OK)
        goto out;
    two.bob.answers = true;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 100);
    phone_hang_up(&two.bob);
    lan_run(two.lan, 100);
    SEE(two.ann.ended == 1 && two.ann.end == CT_SIP_END_BYE);
    SEE(at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_refused(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 3);

    if (result != CT_OK)
        goto out;
    two.bob.refuse_status = 486;
    two.bob.refuse_lines = "Retry-After: 30\r\n";
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 100);
    SEE(two.ann.ended == 1 && two.ann.end == CT_SIP_END_REFUSED && two.ann.end_status == 486);
    SEE(at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_cancelled(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 4);

    if (result != CT_OK)
        goto out;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 3000);
    SEE(two.ann.rang == 1);
    phone_end(&two.ann, 200, "Call completed elsewhere");
    lan_run(two.lan, 100);
    SEE(two.bob.ended == 1 && two.bob.end == CT_SIP_END_CANCELLED && two.bob.end_status == 487);
    SEE(strcmp(two.bob.reason, "Call completed elsewhere") == 0);
    SEE(lan_count(two.lan, "CANCEL ") == 1 && lan_count(two.lan, "SIP/2.0 487") == 1);
    SEE(at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* The CANCEL and the 200 meet on the way: the caller acknowledges, and says BYE. */
static enum ct_result test_cancel_crosses_200(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 5);

    if (result != CT_OK)
        goto out;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 1000);
    SEE(two.bob.leg != NULL);
    DO(phone_answer(&two.bob, "answer"));
    phone_hang_up(&two.ann);
    lan_run(two.lan, 1000);
    SEE(lan_count(two.lan, "CANCEL ") == 1 && lan_count(two.lan, "ACK ") == 1);
    SEE(lan_count(two.lan, "BYE ") == 1);
    SEE(two.bob.ended == 1 && two.bob.end == CT_SIP_END_BYE);
    SEE(at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* Hung up before anything came back: there is nothing that a CANCEL could be for, yet (9.1). */
static enum ct_result test_cancelled_before_1xx(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 6);

    if (result != CT_OK)
        goto out;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    phone_hang_up(&two.ann);
    SEE(lan_count(two.lan, "CANCEL ") == 0);
    lan_run(two.lan, 1000);
    SEE(lan_count(two.lan, "CANCEL ") == 1);
    SEE(two.bob.ended == 1 && two.bob.end == CT_SIP_END_CANCELLED);
    SEE(at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* ---- the 2xx and its ACK (13.3.1.4) ---- */

struct losses {
    const char *beginning;
    int left;
    int copies; /* of the others that begin so; 0: one */
};

static struct lan_fate lose(void *ctx, const struct lan_packet *packet)
{
    struct losses *losses = ctx;
    struct lan_fate fate = {.copies = 1,
                            .after_ms = {LAN_DELAY_MS, 2 * LAN_DELAY_MS, 3 * LAN_DELAY_MS}};
    size_t length = strlen(losses->beginning);

    if (packet->bytes.len < length || memcmp(packet->bytes.at, losses->beginning, length) != 0)
        return fate;
    if (losses->left > 0) {
        losses->left--;
        fate.copies = 0;
    } else if (losses->copies > 0) {
        fate.copies = losses->copies;
    }
    return fate;
}

static enum ct_result test_ack_is_lost(void)
{
    struct two two;
    struct losses losses = {.beginning = "ACK ", .left = 2};
    enum ct_result result = two_new(&two, 7);

    if (result != CT_OK)
        goto out;
    lan_network(two.lan, lose, &losses);
    two.bob.answers = true;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 400);
    SEE(two.ann.answered == 1 && two.bob.acked == 0);
    lan_run(two.lan, 1600);
    SEE(two.bob.acked == 1 && two.ann.answered == 1);
    SEE(lan_count(two.lan, "ACK ") == 3);
    phone_hang_up(&two.bob);
    SEE(at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_200_comes_three_times(void)
{
    struct two two;
    struct losses losses = {.beginning = "SIP/2.0 200", .copies = 3};
    enum ct_result result = two_new(&two, 8);

    if (result != CT_OK)
        goto out;
    lan_network(two.lan, lose, &losses);
    two.bob.answers = true;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 400);
    SEE(two.ann.answered == 1 && two.bob.acked == 1);
    SEE(lan_count(two.lan, "ACK ") == 3);
    phone_hang_up(&two.ann);
    SEE(at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_never_acknowledged(void)
{
    struct two two;
    struct losses losses = {.beginning = "ACK ", .left = 1000};
    enum ct_result result = two_new(&two, 9);

    if (result != CT_OK)
        goto out;
    lan_network(two.lan, lose, &losses);
    two.bob.answers = true;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 31000);
    SEE(two.bob.ended == 0 && phone_state(&two.bob) == CT_SIP_SESSION_ANSWERED);
    lan_run(two.lan, 2000);
    SEE(two.bob.ended == 1 && two.bob.end == CT_SIP_END_NO_ACK);
    SEE(two.ann.ended == 1 && two.ann.end == CT_SIP_END_BYE);
    SEE(at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* Who hangs up before the ACK came waits for it with his BYE (section 15). */
static enum ct_result test_hung_up_before_ack(void)
{
    struct two two;
    struct losses losses = {.beginning = "ACK ", .left = 1};
    enum ct_result result = two_new(&two, 10);

    if (result != CT_OK)
        goto out;
    lan_network(two.lan, lose, &losses);
    two.bob.answers = true;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 100);
    SEE(phone_state(&two.bob) == CT_SIP_SESSION_ANSWERED);
    phone_hang_up(&two.bob);
    SEE(lan_count(two.lan, "BYE ") == 0);
    lan_run(two.lan, 1000);
    SEE(lan_count(two.lan, "BYE ") == 1);
    SEE(two.ann.ended == 1 && two.ann.end == CT_SIP_END_BYE);
    SEE(at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_offer_in_200(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 11);

    if (result != CT_OK)
        goto out;
    two.bob.answers = true;
    two.bob.answer_body = "offer of bob";
    DO(phone_call(&two.ann, BOB, NULL, NULL));
    lan_run(two.lan, 400);
    SEE(two.ann.answered == 1 && strcmp(two.ann.body, "offer of bob") == 0);
    SEE(two.bob.acked == 1 && strcmp(two.bob.body, "answer by ACK") == 0);
    phone_hang_up(&two.ann);
    SEE(at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* ---- forks ---- */

struct forger {
    struct lan *lan;
    bool done;
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
    lan_run(two.lan, LONG_MS);
    SEE(phone_is_idle(&two.ann) && phone_is_idle(&eve));
    SEE(at_rest(&two));
out:
    phone_free(&eve);
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
    lan_run(two.lan, LONG_MS);
    SEE(phone_is_idle(&dead));
    SEE(at_rest(&two));
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
    SEE(at_rest(&two));
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
    SEE(at_rest(&two));
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
    SEE(at_rest(&two));
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
    lan_run(two.lan, LONG_MS);
    SEE(at_rest(&two));
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

/* ---- the table ---- */

static enum ct_result test_every_state_ends(void)
{
    enum ct_result result = CT_OK;

    for (int state = 0; state < CT_SIP_SESSION_STATES; state++) {
        bool left = false;

        for (int step = 0; step < CT_SIP_STEPS; step++)
            left = left || ct_sip_life_allows((enum ct_sip_session_state)state,
                                              (enum ct_sip_session_step)step);
        EXPECT(left == (state != CT_SIP_SESSION_OVER));
    }
    EXPECT(!ct_sip_life_allows(CT_SIP_SESSION_CONFIRMED, CT_SIP_STEP_FAILURE));
    EXPECT(!ct_sip_life_allows(CT_SIP_SESSION_UNACKED, CT_SIP_STEP_HANG_UP));
    EXPECT(ct_sip_life_next(CT_SIP_SESSION_CANCELLING, CT_SIP_STEP_SUCCESS) ==
           CT_SIP_SESSION_ENDING);
out:
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
    SEE(at_rest(&two));
out:
    two_free(&two);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_call_and_hang_up),
    CT_UNIT(test_callee_hangs_up),
    CT_UNIT(test_refused),
    CT_UNIT(test_cancelled),
    CT_UNIT(test_cancel_crosses_200),
    CT_UNIT(test_cancelled_before_1xx),
    CT_UNIT(test_ack_is_lost),
    CT_UNIT(test_200_comes_three_times),
    CT_UNIT(test_never_acknowledged),
    CT_UNIT(test_hung_up_before_ack),
    CT_UNIT(test_offer_in_200),
    CT_UNIT(test_second_fork_answers),
    CT_UNIT(test_next_hop),
    CT_UNIT(test_no_hop),
    CT_UNIT(test_slow_names),
    CT_UNIT(test_challenged),
    CT_UNIT(test_storms),
    CT_UNIT(test_every_state_ends),
    CT_UNIT(test_stream_is_gone),
};

int main(void)
{
    return ct_unit_main("sip/session", units, sizeof(units) / sizeof(units[0]));
}
