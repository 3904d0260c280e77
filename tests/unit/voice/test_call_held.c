#include <string.h>

#include "allocations.h"
#include "harness.h"
#include "voice/hub.h"

/* The caller's PRACK gets lost. */
static struct lan_fate no_prack(void *ctx, const struct lan_packet *packet)
{
    const struct ct_sip_hop ann = lan_hop("192.0.2.1");
    struct lan_fate fate = {.copies = 1, .after_ms = {LAN_DELAY_MS}};

    (void)ctx;
    if (ct_sip_socket_equal(&packet->from, &ann.peer) && memcmp(packet->bytes.at, "PRACK", 5) == 0)
        fate.copies = 0;
    return fate;
}

/* Until the PRACK has come the caller cannot be answered: a callee who hangs up meanwhile has not answered. */
static enum ct_result test_held_answer(void)
{
    struct hub hub;
    const struct hub_record *record;
    enum ct_result result = hub_new(&hub, 61);

    if (result != CT_OK)
        goto out;
    hub.bob.ring_status = 183;
    hub.bob.ring_reliably = true;
    hub.bob.ring_body = "early";
    for (int heard = 0; heard < 2; heard++) {
        lan_network(hub.lan, no_prack, NULL);
        DO(hub_call(&hub.ann, "b", "offer", &(struct ct_sip_invite){.reliable = true}));
        lan_run(hub.lan, 1000);
        DO(phone_answer(&hub.bob, "answer"));
        lan_run(hub.lan, 1000);
        record = hub_last(&hub);
        SEE(hub.ann.answered == 0 && record->facts.answered_ms == 0);
        if (heard == 0) {
            phone_hang_up(&hub.bob);
            lan_run(hub.lan, 1000);
            SEE(hub.ann.ended == 1 && hub.ann.end_status == 480);
            SEE(record->facts.sip_code == 480 && record->facts.answered_ms == 0);
        } else {
            lan_network(hub.lan, NULL, NULL);
            lan_run(hub.lan, 5000);
            SEE(hub.ann.answered == 1 && record->facts.status == CT_CALL_IN_PROGRESS);
            SEE(record->facts.answered_ms > record->facts.ringing_ms + 2000);
            phone_hang_up(&hub.bob);
        }
        SEE(hub_at_rest(&hub));
    }
out:
    hub_free(&hub);
    return result;
}

/* Ann calls bob, who is outside and answers while her PRACK is lost. */
static enum ct_result answer_outside(struct hub *hub)
{
    enum ct_result result;

    lan_network(hub->lan, no_prack, NULL);
    result = hub_call(&hub->ann, "b", "offer", &(struct ct_sip_invite){.reliable = true});
    lan_run(hub->lan, 1000);
    if (result == CT_OK)
        result = phone_answer(&hub->bob, "answer");
    lan_run(hub->lan, 1000);
    return result;
}

/* But who answers outside is paid for from then on: a caller who sends no PRACK hears him all the same. */
static enum ct_result test_held_outside(void)
{
    struct hub hub;
    const struct hub_record *record;
    enum ct_result result = hub_new(&hub, 63);

    if (result != CT_OK)
        goto out;
    hub.outside = 'b';
    hub.bob.ring_status = 183;
    hub.bob.ring_reliably = true;
    hub.bob.ring_body = "early";
    DO(answer_outside(&hub));
    record = hub_last(&hub);
    SEE(hub.ann.answered == 0 && record->facts.status == CT_CALL_IN_PROGRESS);
    lan_run(hub.lan, 70000);
    SEE(hub.ann.ended == 1 && hub.bob.ended == 1 && hub.ann.answered == 0);
    SEE(record->facts.status == CT_CALL_COMPLETED);
    SEE(record->facts.ended_ms - record->facts.answered_ms > 30000);
    SEE(hub_at_rest(&hub));
    /* for no longer than it may be */
    hub.longest_ms = 20000;
    DO(answer_outside(&hub));
    lan_run(hub.lan, 25000);
    record = hub_last(&hub);
    SEE(hub.ann.ended == 2 && hub.bob.ended == 2);
    SEE(record->facts.ended_ms - record->facts.answered_ms == 20000);
    SEE(hub_at_rest(&hub));
    /* the PRACK that comes changes nothing of that */
    DO(answer_outside(&hub));
    lan_network(hub.lan, NULL, NULL);
    lan_run(hub.lan, 5000);
    record = hub_last(&hub);
    SEE(hub.ann.answered == 1 && record->changed == 2);
    SEE(record->facts.answered_ms < record->facts.ringing_ms + 2000);
    phone_hang_up(&hub.ann);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* A caller that requires reliable responses (RFC 3262) gets them from here, whether or not a phone can. */
static enum ct_result test_required(void)
{
    struct hub hub;
    const struct ct_sip_invite required = {.reliable = true, .require_reliable = true};
    enum ct_result result = hub_new(&hub, 62);

    if (result != CT_OK)
        goto out;
    hub.bob.ring_status = 183;
    hub.bob.ring_body = "early";
    for (int offered = 0; offered < 2; offered++) {
        DO(hub_call(&hub.ann, "b", offered ? "offer" : NULL, &required));
        lan_run(hub.lan, 1000);
        SEE(hub.ann.ring_was_reliable && hub.bob.pracked == 0);
        SEE((strcmp(hub.ann.body, "early") == 0) == (offered == 1));
        DO(phone_answer(&hub.bob, offered ? "early" : "offer in 200"));
        lan_run(hub.lan, 1000);
        SEE(hub.ann.answered == offered + 1 && hub_last(&hub)->facts.status == CT_CALL_IN_PROGRESS);
        SEE(offered == 1 || strcmp(hub.ann.body, "offer in 200") == 0);
        phone_hang_up(&hub.ann);
        SEE(hub_at_rest(&hub));
    }
out:
    hub_free(&hub);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_required),
    CT_UNIT(test_held_answer),
    CT_UNIT(test_held_outside),
};

int main(void)
{
    return ct_unit_main("voice/call_held", units, sizeof(units) / sizeof(units[0]));
}
