#include <stdio.h>
#include <string.h>

#include "sip/two.h"

/* What happens before a leg is answered (PRACK, UPDATE) and while it is up: offers, session timers, REFER. */

#define RELIABLE            \
    &(struct ct_sip_invite) \
    {                       \
        .reliable = true    \
    }

static enum ct_result talkers_new(struct two *two, uint64_t seed)
{
    enum ct_result result = two_new(two, seed);

    two->ann.offer_body = "later answer of ann";
    two->bob.offer_body = "later answer of bob";
    return result;
}

static enum ct_result talk(struct two *two)
{
    enum ct_result result;

    two->bob.answers = true;
    result = phone_call(&two->ann, BOB, "offer", NULL);
    lan_run(two->lan, 1000);
    return result;
}

/* ---- RFC 3262 ---- */

static enum ct_result test_reliable_183_is_lost(void)
{
    struct two two;
    struct losses losses = {.beginning = "SIP/2.0 183", .left = 2};
    enum ct_result result = talkers_new(&two, 1);

    if (result != CT_OK)
        goto out;
    lan_network(two.lan, two_lose, &losses);
    two.bob.ring_status = 183;
    two.bob.ring_reliably = true;
    two.bob.ring_body = "early";
    DO(phone_call(&two.ann, BOB, "offer", RELIABLE));
    lan_run(two.lan, 3000);
    SEE(two.ann.rang == 1 && two.ann.ring_was_reliable && two.bob.pracked == 1);
    SEE(lan_count(two.lan, "SIP/2.0 183") == 3 && lan_count(two.lan, "PRACK ") == 1);
    DO(phone_answer(&two.bob, "early"));
    lan_run(two.lan, 1000);
    SEE(two.ann.answered == 1);
    phone_hang_up(&two.ann);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* The answer waits for the PRACK of a description (section 3), not for that of a mere 180. */
static enum ct_result test_answer_waits_for_prack(void)
{
    struct two two;
    struct losses losses = {.beginning = "PRACK ", .left = 1};
    enum ct_result result = talkers_new(&two, 2);

    if (result != CT_OK)
        goto out;
    lan_network(two.lan, two_lose, &losses);
    two.bob.ring_status = 183;
    two.bob.ring_reliably = true;
    two.bob.ring_body = "early";
    two.bob.answers = true;
    DO(phone_call(&two.ann, BOB, "offer", RELIABLE));
    lan_run(two.lan, 400);
    SEE(two.ann.rang == 1 && two.ann.answered == 0);
    lan_run(two.lan, 400);
    SEE(two.ann.answered == 1 && two.bob.pracked == 1);
    phone_hang_up(&two.ann);
    lan_run(two.lan, 1000);
    losses.left = 1;
    two.bob.ring_body = NULL;
    DO(phone_call(&two.ann, BOB, "offer", RELIABLE));
    lan_run(two.lan, 400);
    SEE(two.ann.answered == 2);
    phone_hang_up(&two.ann);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_never_pracked(void)
{
    struct two two;
    struct losses losses = {.beginning = "PRACK ", .left = 1000};
    enum ct_result result = talkers_new(&two, 3);

    if (result != CT_OK)
        goto out;
    lan_network(two.lan, two_lose, &losses);
    two.bob.ring_reliably = true;
    DO(phone_call(&two.ann, BOB, "offer", RELIABLE));
    lan_run(two.lan, 31000);
    SEE(two.bob.ended == 0);
    lan_run(two.lan, 2000);
    SEE(two.bob.ended == 1 && two.bob.end == CT_SIP_END_NO_PRACK);
    SEE(two.ann.ended == 1 && two.ann.end_status == 504);
    lan_run(two.lan, 40000);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_required_reliable(void)
{
    struct two two;
    enum ct_result result = talkers_new(&two, 4);

    if (result != CT_OK)
        goto out;
    DO(phone_call(&two.ann, BOB, "offer",
                  &(struct ct_sip_invite){.reliable = true, .require_reliable = true}));
    lan_run(two.lan, 1000);
    /* also what bob did not mean to say reliably */
    SEE(two.ann.rang == 1 && two.ann.ring_was_reliable && two.bob.pracked == 1);
    phone_hang_up(&two.ann);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_update_before_answer(void)
{
    struct two two;
    enum ct_result result = talkers_new(&two, 5);

    if (result != CT_OK)
        goto out;
    DO(phone_call(&two.ann, BOB, "offer", RELIABLE));
    lan_run(two.lan, 1000);
    /* nothing has been agreed upon yet, so there is nothing to change (RFC 3311 section 5.1) */
    SEE(phone_offer(&two.ann, true, "too early") == CT_FORBIDDEN);
    SEE(two.bob.leg != NULL);
    DO(ct_sip_session_ring(two.bob.leg, 183, (struct ct_str){0}, 0, true, phone_body("early")));
    lan_run(two.lan, 1000);
    DO(phone_offer(&two.ann, true, "by UPDATE"));
    lan_run(two.lan, 1000);
    SEE(two.bob.offered == 1 && strcmp(two.bob.body, "by UPDATE") == 0 && two.ann.accepted == 1);
    DO(phone_offer(&two.bob, true, "by UPDATE of bob"));
    lan_run(two.lan, 1000);
    SEE(two.ann.offered == 1 && two.bob.accepted == 1);
    phone_hang_up(&two.ann);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* ---- glare (14.1) ---- */

static enum ct_result test_glare(void)
{
    struct two two;
    enum ct_result result = talkers_new(&two, 6);

    if (result != CT_OK)
        goto out;
    DO(talk(&two));
    DO(phone_offer(&two.ann, false, "offer of ann"));
    DO(phone_offer(&two.bob, false, "offer of bob"));
    lan_run(two.lan, 100);
    SEE(lan_count(two.lan, "SIP/2.0 491") == 2);
    SEE(two.ann.accepted + two.bob.accepted == 0);
    /* bob, who did not make the Call-ID, has waited for 2 seconds at most; ann for 2.1 at least */
    lan_run(two.lan, 1950);
    SEE(two.bob.accepted == 1 && two.ann.accepted == 0);
    lan_run(two.lan, 2200);
    SEE(two.ann.accepted == 1 && two.ann.refused + two.bob.refused == 0);
    phone_hang_up(&two.ann);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_second_offer_waits(void)
{
    struct two two;
    enum ct_result result = talkers_new(&two, 7);

    if (result != CT_OK)
        goto out;
    DO(talk(&two));
    two.bob.offer_by_hand = true;
    DO(phone_offer(&two.ann, false, "first"));
    SEE(phone_offer(&two.ann, false, "second") == CT_CONFLICT);
    lan_run(two.lan, 1000);
    SEE(two.bob.offered == 1 && phone_offer(&two.bob, false, "third") == CT_CONFLICT);
    /* hung up in the middle of it: whoever waits for an answer gets one */
    phone_hang_up(&two.bob);
    lan_run(two.lan, 1000);
    SEE(two.ann.ended == 1 && lan_count(two.lan, "SIP/2.0 487") == 1);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* ---- RFC 4028 ---- */

static enum ct_result test_session_goes_on(void)
{
    struct two two;
    enum ct_result result = talkers_new(&two, 8);

    if (result != CT_OK)
        goto out;
    DO(talk(&two));
    lan_run(two.lan, 3600 * 1000);
    SEE(two.ann.ended == 0 && two.bob.ended == 0);
    /* 1,800 s, refreshed every 900 s by one side, with UPDATE and without a word to the user */
    SEE(lan_count(two.lan, "UPDATE ") == 3 || lan_count(two.lan, "UPDATE ") == 4);
    SEE(two.ann.offered + two.bob.offered == 0);
    phone_hang_up(&two.ann);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* The side that refreshes is gone: the other one notices. Then the other way round. */
static enum ct_result test_session_expires(void)
{
    struct two two;
    enum ct_result result = talkers_new(&two, 9);

    if (result != CT_OK)
        goto out;
    DO(talk(&two));
    lan_inhabit(two.lan, "192.0.2.1", NULL);
    lan_run(two.lan, 1750 * 1000);
    SEE(two.bob.ended == 0);
    lan_run(two.lan, 60 * 1000);
    SEE(two.bob.ended == 1 && two.bob.end == CT_SIP_END_EXPIRED);
    lan_inhabit(two.lan, "192.0.2.1", two.ann.sip);
    lan_run(two.lan, 1000);
    SEE(two.ann.ended == 1 && two.ann.end == CT_SIP_END_EXPIRED);
    DO(talk(&two));
    lan_inhabit(two.lan, "192.0.2.2", NULL);
    lan_run(two.lan, 1000 * 1000);
    SEE(two.ann.ended == 2 && two.ann.end == CT_SIP_END_EXPIRED);
    lan_inhabit(two.lan, "192.0.2.2", two.bob.sip);
    lan_run(two.lan, 1800 * 1000);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_interval_too_small(void)
{
    struct two two;
    enum ct_result result = talkers_new(&two, 10);

    if (result != CT_OK)
        goto out;
    /* bob's refusal is what a phone that wants longer intervals says: ann asks again, once */
    two.bob.refuse_status = 422;
    two.bob.refuse_lines = "Min-SE: 3600\r\n";
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 1000);
    SEE(two.bob.called == 2 && two.ann.ended == 1 && two.ann.end_status == 422);
    /* and what we say to who wants a shorter one than anybody may have */
    lan_drop_in(two.lan, "192.0.2.1", "192.0.2.2",
                "INVITE sip:phone@192.0.2.2 SIP/2.0\r\n"
                "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKshort\r\n"
                "Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=x\r\nTo: <sip:phone@192.0.2.2>\r\n"
                "Call-ID: short\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.1>\r\n"
                "Supported: timer\r\nSession-Expires: 30\r\nContent-Length: 0\r\n\r\n");
    lan_run(two.lan, 100);
    SEE(two.bob.called == 3 && two.bob.leg == NULL && lan_count(two.lan, "SIP/2.0 422") == 3);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* ---- requests in the dialog ---- */

static enum ct_result test_refer(void)
{
    struct two two;
    enum ct_result result = talkers_new(&two, 11);

    if (result != CT_OK)
        goto out;
    DO(talk(&two));
    two.bob.refer_accepts = true;
    DO(phone_ask(&two.ann, "REFER",
                 "Refer-To: <sip:carl@example.org?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc&X=y>\r\n",
                 NULL));
    lan_run(two.lan, 1000);
    SEE(two.ann.done_status == 202 && two.bob.referred == 1);
    SEE(strcmp(two.bob.target, "sip:carl@example.org") == 0);
    SEE(strcmp(two.bob.replaces, "a;to-tag=b;from-tag=c") == 0);
    /* 100 Trying and 200 OK, one after the other */
    SEE(two.ann.requested == 2 && strcmp(two.ann.method, "NOTIFY") == 0);
    SEE(strcmp(two.ann.body, "SIP/2.0 200 OK\r\n") == 0);
    two.bob.refer_accepts = false;
    DO(phone_ask(&two.ann, "REFER", "Refer-To: <sip:carl@example.org>\r\n", NULL));
    lan_run(two.lan, 1000);
    SEE(two.ann.done_status == 603 && two.bob.replaces[0] == '\0');
    DO(phone_ask(&two.ann, "REFER", "Refer-To: <mailto:carl@example.org>\r\n", NULL));
    lan_run(two.lan, 1000);
    SEE(two.ann.done_status == 416);
    DO(phone_ask(&two.ann, "REFER", NULL, NULL));
    lan_run(two.lan, 1000);
    SEE(two.ann.done_status == 400 && two.bob.referred == 2);
    DO(phone_ask(&two.ann, "REFER", "Refer-To: <sip:c@d?Replaces=%zz>\r\n", NULL));
    lan_run(two.lan, 1000);
    SEE(two.ann.done_status == 400);
    phone_hang_up(&two.ann);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_requests_of_no_dialog(void)
{
    struct two two;
    enum ct_result result = talkers_new(&two, 12);

    if (result != CT_OK)
        goto out;
    DO(talk(&two));
    DO(phone_ask(&two.ann, "OPTIONS", NULL, NULL));
    lan_run(two.lan, 1000);
    SEE(two.ann.done_status == 200 && two.bob.requested == 0);
    DO(phone_ask(&two.ann, "PRACK", "RAck: 1 1 INVITE\r\n", NULL));
    lan_run(two.lan, 1000);
    SEE(two.ann.done_status == 481);
    phone_hang_up(&two.ann);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_reliable_183_is_lost),
    CT_UNIT(test_answer_waits_for_prack),
    CT_UNIT(test_never_pracked),
    CT_UNIT(test_required_reliable),
    CT_UNIT(test_update_before_answer),
    CT_UNIT(test_glare),
    CT_UNIT(test_second_offer_waits),
    CT_UNIT(test_session_goes_on),
    CT_UNIT(test_session_expires),
    CT_UNIT(test_interval_too_small),
    CT_UNIT(test_refer),
    CT_UNIT(test_requests_of_no_dialog),
};

int main(void)
{
    return ct_unit_main("sip/session_talk", units, sizeof(units) / sizeof(units[0]));
}
