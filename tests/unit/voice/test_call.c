#include <stdio.h>
#include <string.h>

#include "voice/call_life.h"
#include "voice/hub.h"

static bool said(const struct hub *hub, enum ct_call_status status, enum ct_call_party by, int code)
{
    const struct hub_record *record = hub_last(hub);

    return record->ended == 1 && record->facts.status == status && record->facts.hangup_by == by &&
           record->facts.sip_code == code;
}

static enum ct_result test_call(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 1);

    if (result != CT_OK)
        goto out;
    DO(hub_call(&hub.ann, "b", "offer", NULL));
    lan_run(hub.lan, 1000);
    SEE(hub.bob.called == 1 && hub.ann.rang == 1 && hub.ann.ring_seen == 180);
    SEE(hub_last(&hub)->facts.status == CT_CALL_RINGING);
    DO(phone_answer(&hub.bob, "answer"));
    lan_run(hub.lan, 1000);
    SEE(strcmp(hub.bob.body, "offer") == 0 && strcmp(hub.ann.body, "answer") == 0);
    SEE(hub.ann.answered == 1 && hub.bob.acked == 1);
    SEE(hub_last(&hub)->facts.status == CT_CALL_IN_PROGRESS);
    SEE(hub_last(&hub)->facts.parties.to_device_id == 'b' && hub.legs == 2 && hub.media == 2);
    phone_hang_up(&hub.ann);
    lan_run(hub.lan, 1000);
    SEE(hub.bob.ended == 1 && hub.bob.end == CT_SIP_END_BYE);
    SEE(said(&hub, CT_CALL_COMPLETED, CT_CALL_CALLER, 200));
    SEE(hub_last(&hub)->facts.ended_ms - hub_last(&hub)->facts.answered_ms >= 990);
    SEE(strcmp(hub_last(&hub)->from, "+15550001") == 0 && hub_last(&hub)->changed == 2);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_callee_hangs_up(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 2);

    if (result != CT_OK)
        goto out;
    hub.bob.answers = true;
    DO(hub_call(&hub.ann, "b", "offer", NULL));
    lan_run(hub.lan, 1000);
    phone_hang_up(&hub.bob);
    lan_run(hub.lan, 1000);
    SEE(hub.ann.ended == 1 && hub.ann.end == CT_SIP_END_BYE);
    SEE(said(&hub, CT_CALL_COMPLETED, CT_CALL_CALLEE, 200));
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* How each refusal reaches the caller, and the record. */
static enum ct_result test_refusals(void)
{
    static const struct {
        int bob, caller;
        enum ct_call_status status;
    } cases[] = {{486, 486, CT_CALL_BUSY},      {603, 603, CT_CALL_BUSY},
                 {480, 480, CT_CALL_NO_ANSWER}, {500, 500, CT_CALL_FAILED},
                 {503, 500, CT_CALL_FAILED},    {407, 403, CT_CALL_FAILED},
                 {302, 480, CT_CALL_NO_ANSWER}, {415, 415, CT_CALL_FAILED}};
    struct hub hub;
    enum ct_result result = hub_new(&hub, 3);

    if (result != CT_OK)
        goto out;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        hub.bob.refuse_status = cases[i].bob;
        DO(hub_call(&hub.ann, "b", "offer", NULL));
        lan_run(hub.lan, 1000);
        SEE(hub.ann.ended == (int)i + 1 && hub.ann.end_status == cases[i].caller);
        SEE(said(&hub, cases[i].status, CT_CALL_CALLEE, cases[i].caller));
    }
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_refused_by_plan(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 4);

    if (result != CT_OK)
        goto out;
    DO(hub_call(&hub.ann, "404", "offer", NULL));
    lan_run(hub.lan, 100);
    SEE(hub.ann.end_status == 404 && said(&hub, CT_CALL_FAILED, CT_CALL_SYSTEM, 404));
    DO(hub_call(&hub.ann, "480", "offer", NULL));
    lan_run(hub.lan, 100);
    SEE(hub.ann.end_status == 480 && said(&hub, CT_CALL_NO_ANSWER, CT_CALL_SYSTEM, 480));
    /* nobody at all to ring */
    DO(hub_call(&hub.ann, "-", "offer", NULL));
    lan_run(hub.lan, 100);
    SEE(hub.ann.end_status == 480);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_caller_gives_up(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 5);

    if (result != CT_OK)
        goto out;
    DO(hub_call(&hub.ann, "bc", "offer", NULL));
    lan_run(hub.lan, 1000);
    phone_hang_up(&hub.ann);
    lan_run(hub.lan, 1000);
    SEE(hub.bob.end == CT_SIP_END_CANCELLED && hub.carl.end == CT_SIP_END_CANCELLED);
    SEE(hub.bob.ended == 1 && hub.carl.ended == 1);
    SEE(said(&hub, CT_CALL_CANCELED, CT_CALL_CALLER, 487));
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_ring_all(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 6);

    if (result != CT_OK)
        goto out;
    DO(hub_call(&hub.ann, "bcd", "offer", NULL));
    hub.dora.refuse_status = 486;
    lan_run(hub.lan, 1000);
    SEE(hub.bob.called == 1 && hub.carl.called == 1 && hub.ann.rang == 1);
    DO(phone_answer(&hub.carl, "answer of carl"));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.answered == 1 && strcmp(hub.ann.body, "answer of carl") == 0);
    SEE(hub.bob.ended == 1 && strcmp(hub.bob.reason, "Call completed elsewhere") == 0);
    SEE(hub_last(&hub)->facts.parties.to_device_id == 'c');
    phone_hang_up(&hub.carl);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* Both answer at the same moment: one is taken, the other acknowledged and hung up on. */
static enum ct_result test_both_answer(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 7);

    if (result != CT_OK)
        goto out;
    DO(hub_call(&hub.ann, "bc", "offer", NULL));
    lan_run(hub.lan, 1000);
    DO(phone_answer(&hub.bob, "answer"));
    DO(phone_answer(&hub.carl, "answer"));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.answered == 1 && hub.bob.ended + hub.carl.ended == 1);
    SEE(hub.bob.acked == 1 && hub.carl.acked == 1);
    phone_hang_up(&hub.ann);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_in_order(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 8);

    if (result != CT_OK)
        goto out;
    hub.ring_ms = 15000;
    hub.dora.refuse_status = 486;
    DO(hub_call(&hub.ann, "d-b-c", "offer", NULL));
    lan_run(hub.lan, 14000);
    SEE(hub.dora.called == 1 && hub.bob.called == 1 && hub.carl.called == 0);
    lan_run(hub.lan, 2000);
    SEE(hub.bob.ended == 1 && hub.carl.called == 1);
    DO(phone_answer(&hub.carl, "answer"));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.answered == 1);
    phone_hang_up(&hub.ann);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_nobody_answers(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 9);

    if (result != CT_OK)
        goto out;
    hub.ring_ms = 20000;
    DO(hub_call(&hub.ann, "bc", "offer", NULL));
    lan_run(hub.lan, 21000);
    SEE(hub.ann.ended == 1 && hub.ann.end_status == 408);
    SEE(said(&hub, CT_CALL_NO_ANSWER, CT_CALL_SYSTEM, 408));
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_forwarded(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 10);

    if (result != CT_OK)
        goto out;
    hub.bob.refuse_status = 486;
    hub.carl.answers = true;
    DO(hub_call(&hub.ann, "b+c", "offer", NULL));
    lan_run(hub.lan, 1000);
    SEE(hub.forwards == 1 && hub.ann.answered == 1 && hub.carl.acked == 1);
    SEE(hub.record_count == 1);
    phone_hang_up(&hub.ann);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_decline_stops_all(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 11);

    if (result != CT_OK)
        goto out;
    hub.carl.refuse_status = 603;
    DO(hub_call(&hub.ann, "bc", "offer", NULL));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.ended == 1 && hub.ann.end_status == 603 && hub.bob.ended == 1);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_best_answer(void)
{
    enum ct_result result = CT_OK;

    EXPECT(ct_call_better(0, 404) == 404 && ct_call_better(404, 0) == 404);
    EXPECT(ct_call_better(404, 603) == 603 && ct_call_better(603, 200) == 603);
    EXPECT(ct_call_better(500, 404) == 404 && ct_call_better(404, 500) == 404);
    EXPECT(ct_call_better(404, 486) == 486 && ct_call_better(486, 415) == 415);
    EXPECT(ct_call_better(415, 401) == 401 && ct_call_better(408, 480) == 480);
    EXPECT(ct_call_better(302, 500) == 500);
    EXPECT(ct_call_may(CT_CALL_QUEUED, CT_CALL_IN_PROGRESS));
    EXPECT(!ct_call_may(CT_CALL_COMPLETED, CT_CALL_IN_PROGRESS));
    EXPECT(!ct_call_may(CT_CALL_IN_PROGRESS, CT_CALL_BUSY));
    EXPECT(ct_str_equal(ct_call_status_word(CT_CALL_NO_ANSWER), CT_STR("no-answer")));
    EXPECT(ct_str_equal(ct_call_party_word(CT_CALL_SYSTEM), CT_STR("system")));
out:
    return result;
}

/* ---- early media, PRACK, offers in odd places ---- */

static enum ct_result test_early_media_of_two(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 12);

    if (result != CT_OK)
        goto out;
    hub.bob.ring_status = 183;
    hub.bob.ring_body = "early of bob";
    hub.carl.ring_status = 183;
    hub.carl.ring_body = "early of carl";
    DO(hub_call(&hub.ann, "bc", "offer", NULL));
    lan_run(hub.lan, 1000);
    /* two dialogs to the caller, as of a proxy that forks: 12.1 */
    SEE(hub.ann.rang == 2 && hub.ann.fork == 1);
    DO(phone_answer(&hub.bob, "answer of bob"));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.answered == 1 && strcmp(hub.ann.body, "answer of bob") == 0);
    phone_hang_up(&hub.bob);
    lan_run(hub.lan, 1000);
    SEE(hub.ann.ended == 1);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_prack_passes(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 13);

    if (result != CT_OK)
        goto out;
    hub.bob.ring_status = 183;
    hub.bob.ring_reliably = true;
    hub.bob.ring_body = "early";
    DO(hub_call(&hub.ann, "b", "offer", &(struct ct_sip_invite){.reliable = true}));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.rang == 1 && hub.ann.ring_was_reliable && hub.bob.pracked == 1);
    DO(phone_answer(&hub.bob, "answer"));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.answered == 1 && lan_count(hub.lan, "PRACK ") == 2);
    phone_hang_up(&hub.ann);
    SEE(hub_at_rest(&hub));
    /* who does not know it is not asked for it */
    DO(hub_call(&hub.ann, "b", "offer", NULL));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.rang == 2 && !hub.ann.ring_was_reliable && lan_count(hub.lan, "PRACK ") == 2);
    phone_hang_up(&hub.ann);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* Nothing in the INVITE, an offer in a reliable 183, its answer in PRACK. */
static enum ct_result test_answer_in_prack(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 14);

    if (result != CT_OK)
        goto out;
    hub.bob.ring_status = 183;
    hub.bob.ring_reliably = true;
    hub.bob.ring_body = "offer of bob";
    DO(hub_call(&hub.ann, "b", NULL, &(struct ct_sip_invite){.reliable = true}));
    lan_run(hub.lan, 1000);
    SEE(strcmp(hub.ann.body, "offer of bob") == 0);
    SEE(hub.bob.pracked == 1 && strcmp(hub.bob.body, "answer by ACK") == 0);
    DO(phone_answer(&hub.bob, NULL));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.answered == 1 && hub.bob.acked == 1);
    phone_hang_up(&hub.ann);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_offer_in_200(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 15);

    if (result != CT_OK)
        goto out;
    hub.bob.answers = true;
    hub.bob.answer_body = "offer of bob";
    DO(hub_call(&hub.ann, "b", NULL, NULL));
    lan_run(hub.lan, 1000);
    SEE(strcmp(hub.ann.body, "offer of bob") == 0 && hub.ann.answered == 1);
    SEE(hub.bob.acked == 1 && strcmp(hub.bob.body, "answer by ACK") == 0);
    phone_hang_up(&hub.bob);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* ---- ends ---- */

static enum ct_result test_longest(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 16);

    if (result != CT_OK)
        goto out;
    hub.longest_ms = 30000;
    hub.bob.answers = true;
    DO(hub_call(&hub.ann, "b", "offer", NULL));
    lan_run(hub.lan, 29000);
    SEE(hub.ann.ended == 0);
    lan_run(hub.lan, 2000);
    SEE(hub.ann.ended == 1 && hub.bob.ended == 1);
    SEE(said(&hub, CT_CALL_COMPLETED, CT_CALL_SYSTEM, 200));
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_hung_up_over_api(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 17);

    if (result != CT_OK)
        goto out;
    DO(hub_call(&hub.ann, "b", "offer", NULL));
    lan_run(hub.lan, 1000);
    DO(ct_calls_hang_up(hub.calls, hub_last(&hub)->facts.key));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.ended == 1 && hub.ann.end_status == 487 && hub.bob.ended == 1);
    SEE(said(&hub, CT_CALL_CANCELED, CT_CALL_SYSTEM, 487));
    SEE(ct_calls_hang_up(hub.calls, hub_last(&hub)->facts.key) == CT_NOT_FOUND);
    hub.bob.answers = true;
    DO(hub_call(&hub.ann, "b", "offer", NULL));
    lan_run(hub.lan, 1000);
    DO(ct_calls_hang_up(hub.calls, hub_last(&hub)->facts.key));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.ended == 2 && hub.bob.ended == 2);
    SEE(said(&hub, CT_CALL_COMPLETED, CT_CALL_SYSTEM, 200));
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_call),
    CT_UNIT(test_callee_hangs_up),
    CT_UNIT(test_refusals),
    CT_UNIT(test_refused_by_plan),
    CT_UNIT(test_caller_gives_up),
    CT_UNIT(test_ring_all),
    CT_UNIT(test_both_answer),
    CT_UNIT(test_in_order),
    CT_UNIT(test_nobody_answers),
    CT_UNIT(test_forwarded),
    CT_UNIT(test_decline_stops_all),
    CT_UNIT(test_best_answer),
    CT_UNIT(test_early_media_of_two),
    CT_UNIT(test_prack_passes),
    CT_UNIT(test_answer_in_prack),
    CT_UNIT(test_offer_in_200),
    CT_UNIT(test_longest),
    CT_UNIT(test_hung_up_over_api),
};

int main(void)
{
    return ct_unit_main("voice/call", units, sizeof(units) / sizeof(units[0]));
}
