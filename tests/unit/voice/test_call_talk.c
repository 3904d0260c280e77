#include <stdio.h>
#include <string.h>

#include "voice/hub.h"

/* What happens while a call is up: offers, INFO, transfers; calls over the API. */

static enum ct_result talk(struct hub *hub, struct phone *from, struct phone *to, const char *who)
{
    enum ct_result result;

    to->answers = true;
    from->offer_body = "later answer of the caller";
    to->offer_body = "later answer of the callee";
    result = hub_call(from, who, "offer", NULL);
    lan_run(hub->lan, 1000);
    return result;
}

static enum ct_result test_offers_pass(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 1);

    if (result != CT_OK)
        goto out;
    DO(talk(&hub, &hub.ann, &hub.bob, "b"));
    DO(phone_offer(&hub.ann, false, "hold"));
    lan_run(hub.lan, 1000);
    SEE(hub.bob.offered == 1 && strcmp(hub.bob.body, "hold") == 0);
    SEE(hub.ann.accepted == 1 && strcmp(hub.ann.body, "later answer of the callee") == 0);
    DO(phone_offer(&hub.bob, true, "by UPDATE"));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.offered == 1 && strcmp(hub.ann.body, "by UPDATE") == 0);
    SEE(hub.bob.accepted == 1 && lan_count(hub.lan, "UPDATE ") == 2);
    /* asked for an offer */
    DO(phone_offer(&hub.ann, false, NULL));
    lan_run(hub.lan, 1000);
    SEE(hub.bob.offered == 2 && hub.ann.accepted == 2);
    SEE(strcmp(hub.bob.body, "answer by ACK") == 0);
    /* refused */
    hub.bob.offer_body = NULL;
    DO(phone_offer(&hub.ann, false, "video"));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.refused == 1 && hub.ann.refused_status == 488 && hub.ann.ended == 0);
    phone_hang_up(&hub.ann);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* Both offer at the same moment (14.1): each gets its turn. */
static enum ct_result test_glare(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 2);

    if (result != CT_OK)
        goto out;
    DO(talk(&hub, &hub.ann, &hub.bob, "b"));
    DO(phone_offer(&hub.ann, false, "offer of ann"));
    DO(phone_offer(&hub.bob, false, "offer of bob"));
    lan_run(hub.lan, 20000);
    SEE(lan_count(hub.lan, "SIP/2.0 491") >= 2);
    SEE(hub.ann.accepted == 1 && hub.bob.accepted == 1);
    SEE(hub.ann.offered == 1 && hub.bob.offered == 1 && hub.ann.refused + hub.bob.refused == 0);
    phone_hang_up(&hub.bob);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_info_passes(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 3);

    if (result != CT_OK)
        goto out;
    DO(talk(&hub, &hub.ann, &hub.bob, "b"));
    DO(phone_ask(&hub.ann, "INFO", "Info-Package: dtmf\r\n", "Signal=5"));
    lan_run(hub.lan, 1000);
    SEE(hub.bob.requested == 1 && strcmp(hub.bob.method, "INFO") == 0);
    SEE(strcmp(hub.bob.body, "Signal=5") == 0 && hub.ann.done_status == 200);
    hub.ann.request_status = 415;
    DO(phone_ask(&hub.bob, "MESSAGE", NULL, "hello"));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.requested == 1 && hub.bob.done_status == 415);
    /* the other side goes while it is asked */
    DO(phone_ask(&hub.ann, "INFO", NULL, "Signal=6"));
    phone_hang_up(&hub.bob);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* ---- transfers ---- */

static enum ct_result test_blind_transfer(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 4);

    if (result != CT_OK)
        goto out;
    DO(talk(&hub, &hub.ann, &hub.bob, "b"));
    hub.carl.answer_body = "offer of carl";
    DO(phone_refer(&hub.bob, "sip:c@" HUB, NULL));
    lan_run(hub.lan, 1000);
    SEE(hub.bob.done_status == 202 && hub.carl.called == 1);
    SEE(hub.bob.requested >= 1 && strcmp(hub.bob.method, "NOTIFY") == 0);
    DO(phone_answer(&hub.carl, "offer of carl"));
    lan_run(hub.lan, 1000);
    /* ann is offered what carl offered, and carl gets her answer */
    SEE(strcmp(hub.ann.body, "offer of carl") == 0);
    SEE(hub.carl.acked == 1 && strcmp(hub.carl.body, "later answer of the caller") == 0);
    SEE(strncmp(hub.bob.body, "SIP/2.0 200", 11) == 0);
    lan_run(hub.lan, 3000);
    SEE(hub.bob.ended == 1 && hub.ann.ended == 0 && hub.carl.ended == 0);
    SEE(hub.record_count == 1 && hub_last(&hub)->transferred == 1);
    phone_hang_up(&hub.carl);
    lan_run(hub.lan, 1000);
    SEE(hub.ann.ended == 1);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* The one who transfers hangs up at once, as most phones do; also the caller may be that one. */
static enum ct_result test_transferor_leaves(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 5);

    if (result != CT_OK)
        goto out;
    DO(talk(&hub, &hub.ann, &hub.bob, "b"));
    DO(phone_refer(&hub.ann, "sip:c@" HUB, NULL));
    lan_run(hub.lan, 100);
    phone_hang_up(&hub.ann);
    lan_run(hub.lan, 3000);
    SEE(hub.bob.ended == 0 && hub.carl.called == 1);
    DO(phone_answer(&hub.carl, "offer of carl"));
    lan_run(hub.lan, 1000);
    SEE(strcmp(hub.bob.body, "offer of carl") == 0 && hub.carl.acked == 1);
    phone_hang_up(&hub.bob);
    lan_run(hub.lan, 1000);
    SEE(hub.carl.ended == 1);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_transfer_fails(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 6);

    if (result != CT_OK)
        goto out;
    DO(talk(&hub, &hub.ann, &hub.bob, "b"));
    hub.carl.refuse_status = 486;
    DO(phone_refer(&hub.bob, "sip:c@" HUB, NULL));
    lan_run(hub.lan, 2000);
    SEE(strncmp(hub.bob.body, "SIP/2.0 486", 11) == 0);
    SEE(hub.ann.ended == 0 && hub.bob.ended == 0);
    /* to a number that is not in use */
    DO(phone_refer(&hub.bob, "sip:404@" HUB, NULL));
    lan_run(hub.lan, 2000);
    SEE(hub.bob.done_status == 404);
    /* and once more, by one who has gone when it fails */
    DO(phone_refer(&hub.bob, "sip:c@" HUB, NULL));
    lan_run(hub.lan, 7);
    phone_hang_up(&hub.bob);
    lan_run(hub.lan, 2000);
    SEE(hub.ann.ended == 1);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* dora has ann's other call: the callees bob and carl are connected. */
static enum ct_result test_attended_transfer(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 7);

    if (result != CT_OK)
        goto out;
    DO(talk(&hub, &hub.ann, &hub.bob, "b"));
    DO(talk(&hub, &hub.dora, &hub.carl, "c"));
    SEE(hub.record_count == 2);
    DO(phone_refer(&hub.ann, "sip:c@" HUB, &hub.dora));
    lan_run(hub.lan, 5000);
    SEE(hub.ann.done_status == 202 && strncmp(hub.ann.body, "SIP/2.0 200", 11) == 0);
    SEE(hub.ann.ended == 1 && hub.dora.ended == 1 && hub.bob.ended == 0 && hub.carl.ended == 0);
    /* bob was asked, carl was offered what he said, and answered */
    SEE(strcmp(hub.carl.body, "later answer of the callee") == 0 && hub.carl.offered == 1);
    SEE(hub.bob.offered == 1 && hub.bob.acked == 2);
    SEE(hub.records[0].ended + hub.records[1].ended == 1);
    SEE(hub.records[hub.records[0].ended].transferred == 1);
    DO(phone_ask(&hub.bob, "INFO", NULL, "is that you?"));
    lan_run(hub.lan, 1000);
    SEE(hub.carl.requested == 1);
    phone_hang_up(&hub.bob);
    lan_run(hub.lan, 1000);
    SEE(hub.carl.ended == 1);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_replaces(void)
{
    struct hub hub;
    char line[512];
    struct ct_str id;
    struct ct_str ours;
    struct ct_str theirs;
    enum ct_result result = hub_new(&hub, 8);

    if (result != CT_OK)
        goto out;
    DO(talk(&hub, &hub.ann, &hub.bob, "b"));
    SEE(hub.bob.leg != NULL);
    id = ct_sip_session_call_id(hub.bob.leg);
    ours = ct_sip_session_local_tag(hub.bob.leg);
    theirs = ct_sip_session_remote_tag(hub.bob.leg);
    snprintf(line, sizeof(line), "Replaces: %.*s;to-tag=%.*s;from-tag=%.*s\r\n", (int)id.len, id.at,
             (int)theirs.len, theirs.at, (int)ours.len, ours.at);
    /* not by everybody */
    DO(hub_call(&hub.dora, "x", "offer of dora",
                &(struct ct_sip_invite){.headers = ct_str_of(line)}));
    lan_run(hub.lan, 1000);
    SEE(hub.dora.ended == 1 && hub.dora.end_status == 403);
    hub.may_replace = true;
    DO(hub_call(&hub.dora, "x", "offer of dora",
                &(struct ct_sip_invite){.headers = ct_str_of(line)}));
    lan_run(hub.lan, 1000);
    SEE(hub.dora.answered == 1 && hub.bob.ended == 1 && hub.ann.ended == 0);
    SEE(strcmp(hub.ann.body, "offer of dora") == 0);
    SEE(strcmp(hub.dora.body, "later answer of the caller") == 0);
    /* bob's leg is no more */
    DO(hub_call(&hub.carl, "x", "offer of carl",
                &(struct ct_sip_invite){.headers = ct_str_of(line)}));
    lan_run(hub.lan, 1000);
    SEE(hub.carl.ended == 1 && hub.carl.end_status == 481);
    SEE(hub.record_count == 1 && hub_last(&hub)->transferred == 1);
    phone_hang_up(&hub.ann);
    lan_run(hub.lan, 1000);
    SEE(hub.dora.ended == 2);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* dora wants bob's place, and leaves before ann has agreed: ann and bob go on as before. */
static enum ct_result test_newcomer_leaves(void)
{
    struct hub hub;
    char line[512];
    struct ct_str id;
    struct ct_str ours;
    struct ct_str theirs;
    enum ct_result result = hub_new(&hub, 14);

    if (result != CT_OK)
        goto out;
    DO(talk(&hub, &hub.ann, &hub.bob, "b"));
    SEE(hub.bob.leg != NULL);
    id = ct_sip_session_call_id(hub.bob.leg);
    ours = ct_sip_session_local_tag(hub.bob.leg);
    theirs = ct_sip_session_remote_tag(hub.bob.leg);
    snprintf(line, sizeof(line), "Replaces: %.*s;to-tag=%.*s;from-tag=%.*s\r\n", (int)id.len, id.at,
             (int)theirs.len, theirs.at, (int)ours.len, ours.at);
    hub.may_replace = true;
    hub.ann.offer_by_hand = true;
    DO(hub_call(&hub.dora, "x", "offer of dora",
                &(struct ct_sip_invite){.headers = ct_str_of(line)}));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.offered == 1 && hub.dora.answered == 0 && hub.ann.leg != NULL);
    phone_hang_up(&hub.dora);
    lan_run(hub.lan, 1000);
    hub.ann.offer_by_hand = false;
    DO(ct_sip_session_accept_offer(hub.ann.leg, phone_body("answer to dora")));
    lan_run(hub.lan, 2000);
    SEE(hub.ann.ended == 0 && hub.bob.ended == 0 && hub.ann.offered == 2);
    SEE(hub.bob.offered == 1 && strcmp(hub.bob.body, "later answer of the caller") == 0);
    SEE(strcmp(hub.ann.body, "later answer of the callee") == 0);
    phone_hang_up(&hub.ann);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* ---- over the API ---- */

#define KEY "0123456789abcdef0123456789abcdef"
#define SDP                                                                                  \
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 " \
    "RTP/AVP 0\r\n"

static enum ct_result test_dialled(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 9);

    if (result != CT_OK)
        goto out;
    hub.ann.answers = true;
    hub.ann.answer_body = SDP;
    hub.ann.offer_body = "answer of ann";
    DO(hub_dial(&hub, KEY, 'a', "b"));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.called == 1 && strstr(hub.ann.body, "a=inactive") != NULL);
    SEE(hub.bob.called == 1 && hub_last(&hub)->facts.status == CT_CALL_RINGING);
    SEE(strcmp(hub_last(&hub)->facts.key, KEY) == 0);
    DO(phone_answer(&hub.bob, "offer of bob"));
    lan_run(hub.lan, 1000);
    SEE(strcmp(hub.ann.body, "offer of bob") == 0 && strcmp(hub.bob.body, "answer of ann") == 0);
    SEE(hub_last(&hub)->facts.status == CT_CALL_IN_PROGRESS && hub.record_count == 1);
    SEE(hub_last(&hub)->facts.parties.from_device_id == 'a');
    SEE(hub_last(&hub)->facts.parties.to_device_id == 'b');
    phone_hang_up(&hub.bob);
    lan_run(hub.lan, 1000);
    SEE(hub.ann.ended == 1);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static enum ct_result test_dialled_in_vain(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 10);

    if (result != CT_OK)
        goto out;
    hub.ann.refuse_status = 480;
    DO(hub_dial(&hub, "1" KEY, 'a', "b"));
    lan_run(hub.lan, 1000);
    SEE(hub_last(&hub)->facts.status == CT_CALL_NO_ANSWER && hub.bob.called == 0);
    hub.ann.refuse_status = 0;
    hub.ann.answers = true;
    hub.ann.answer_body = SDP;
    hub.bob.refuse_status = 486;
    DO(hub_dial(&hub, "2" KEY, 'a', "b"));
    lan_run(hub.lan, 1000);
    SEE(hub_last(&hub)->facts.status == CT_CALL_BUSY && hub.ann.ended == 1);
    hub.bob.refuse_status = 0;
    DO(hub_dial(&hub, "3" KEY, 'a', "b"));
    lan_run(hub.lan, 1000);
    SEE(hub.bob.called == 2);
    phone_hang_up(&hub.ann);
    lan_run(hub.lan, 1000);
    SEE(hub_last(&hub)->facts.status == CT_CALL_CANCELED && hub.bob.ended == 1);
    hub.ann.answer_body = "no SDP at all";
    DO(hub_dial(&hub, "4" KEY, 'a', "b"));
    lan_run(hub.lan, 1000);
    SEE(hub_last(&hub)->facts.status == CT_CALL_FAILED && hub_last(&hub)->facts.sip_code == 488);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static void decide_b(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                     struct ct_call_route *out)
{
    struct ct_call_target *target = ct_arena_alloc(arena, sizeof(*target));

    (void)ctx;
    (void)facts;
    if (target == NULL) {
        out->status = 500;
        return;
    }
    target->invite = (struct ct_sip_invite){.uri = CT_STR("sip:phone@192.0.2.2"),
                                            .from = CT_STR("<sip:+15550001@" HUB ">"),
                                            .to = CT_STR("<sip:+15550002@" HUB ">")};
    out->targets = target;
    out->target_count = 1;
    out->parties.to_trunk_id = 9;
}

static enum ct_result test_decided_later(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 11);

    if (result != CT_OK)
        goto out;
    hub.bob.answers = true;
    DO(hub_call(&hub.ann, "later-b", "offer", NULL));
    lan_run(hub.lan, 1000);
    SEE(hub.bob.called == 0 && hub.record_count == 1);
    DO(ct_calls_decide(hub.calls, hub.later, decide_b, &hub));
    SEE(ct_calls_decide(hub.calls, hub.later, decide_b, &hub) == CT_NOT_FOUND);
    lan_run(hub.lan, 1000);
    SEE(hub.ann.answered == 1 && hub_last(&hub)->facts.parties.to_trunk_id == 9);
    SEE(hub_last(&hub)->facts.parties.caller_id == 7);
    phone_hang_up(&hub.ann);
    SEE(hub_at_rest(&hub));
    /* the caller does not wait for it; and once more nobody ever decides */
    DO(hub_call(&hub.ann, "later-b", "offer", NULL));
    lan_run(hub.lan, 1000);
    phone_hang_up(&hub.ann);
    lan_run(hub.lan, 1000);
    SEE(ct_calls_decide(hub.calls, hub.later, decide_b, &hub) == CT_NOT_FOUND);
    DO(hub_call(&hub.ann, "later-b", "offer", NULL));
    lan_run(hub.lan, 35000);
    SEE(hub.ann.ended == 1 && hub.ann.end_status == 503);
    /* what the plan said already is not rung for want of the decision */
    DO(hub_call(&hub.ann, "later-b", "offer", NULL));
    lan_run(hub.lan, 35000);
    SEE(hub.ann.ended == 2 && hub.ann.end_status == 503 && hub.bob.called == 1);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* A call that is led back to us is known by our own Via; one that comes back in other words, by Max-Forwards. */
static enum ct_result test_loop(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 12);

    if (result != CT_OK)
        goto out;
    DO(hub_call(&hub.ann, "loop", "offer", NULL));
    lan_run(hub.lan, 5000);
    SEE(hub.ann.ended == 1 && hub.ann.end_status == 482 && hub.record_count == 1);
    DO(hub_call(&hub.ann, "b", "offer", &(struct ct_sip_invite){.max_forwards = 1}));
    lan_run(hub.lan, 5000);
    SEE(hub.ann.ended == 2 && hub.ann.end_status == 483 && hub.bob.called == 0);
    DO(hub_call(&hub.ann, "b", "offer", &(struct ct_sip_invite){.max_forwards = 2}));
    lan_run(hub.lan, 5000);
    SEE(hub.bob.called == 1 && hub.bob.max_forwards == 1);
    phone_hang_up(&hub.ann);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* A phone that vanishes in the middle of a call is missed by the session timer. */
static enum ct_result test_phone_vanishes(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 13);

    if (result != CT_OK)
        goto out;
    DO(talk(&hub, &hub.ann, &hub.bob, "b"));
    lan_inhabit(hub.lan, "192.0.2.2", NULL);
    lan_run(hub.lan, 2000000);
    SEE(hub.ann.ended == 1 && hub_last(&hub)->facts.status == CT_CALL_COMPLETED);
    SEE(hub_last(&hub)->facts.hangup_by == CT_CALL_SYSTEM);
    lan_inhabit(hub.lan, "192.0.2.2", hub.bob.sip);
    lan_run(hub.lan, 2000000);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_offers_pass),
    CT_UNIT(test_glare),
    CT_UNIT(test_info_passes),
    CT_UNIT(test_blind_transfer),
    CT_UNIT(test_transferor_leaves),
    CT_UNIT(test_transfer_fails),
    CT_UNIT(test_attended_transfer),
    CT_UNIT(test_replaces),
    CT_UNIT(test_newcomer_leaves),
    CT_UNIT(test_dialled),
    CT_UNIT(test_dialled_in_vain),
    CT_UNIT(test_decided_later),
    CT_UNIT(test_loop),
    CT_UNIT(test_phone_vanishes),
};

int main(void)
{
    return ct_unit_main("voice/call_talk", units, sizeof(units) / sizeof(units[0]));
}
