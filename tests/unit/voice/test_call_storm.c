#include <stdio.h>

#include "voice/hub.h"

/*
 * Calls over a network that loses, doubles and reorders, made by phones that do whatever comes to their mind: in
 * the end nothing is left, and each call has one record. Everything is decided by the seed.
 */

#define SDP                                                                                  \
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 " \
    "RTP/AVP 0\r\n"

struct weather {
    struct lan *lan;
    uint32_t lost;    /* of a hundred */
    uint32_t doubled; /* likewise */
    uint32_t delay_ms;
};

static struct lan_fate storm(void *ctx, const struct lan_packet *packet)
{
    struct weather *weather = ctx;
    struct lan_fate fate = {.copies = 1};
    uint32_t dice = lan_random(weather->lan, 100);

    (void)packet;
    if (dice < weather->lost)
        fate.copies = 0;
    else if (dice < weather->lost + weather->doubled)
        fate.copies = 2;
    for (int i = 0; i < 3; i++)
        fate.after_ms[i] = 1 + lan_random(weather->lan, weather->delay_ms);
    return fate;
}

static bool maybe(struct hub *hub, uint32_t of_a_hundred)
{
    return lan_random(hub->lan, 100) < of_a_hundred;
}

static void set_mood(struct hub *hub, struct phone *phone)
{
    static const int refusals[] = {480, 486, 603, 500, 503, 302, 407};

    phone->answers = maybe(hub, 50);
    phone->ring_status = maybe(hub, 70) ? 180 : maybe(hub, 70) ? 183 : 0;
    phone->ring_reliably = maybe(hub, 40);
    phone->ring_body = phone->ring_status == 183 && maybe(hub, 70) ? SDP : NULL;
    phone->refuse_status = maybe(hub, 20) ? refusals[lan_random(hub->lan, 7)] : 0;
    phone->answer_body = SDP;
    phone->ack_body = SDP;
    phone->offer_body = maybe(hub, 80) ? SDP : NULL;
    phone->request_status = maybe(hub, 80) ? 200 : 480;
}

/* What cannot be done in the state that the phone is in is not done. */
static void act(struct hub *hub, struct phone *phone, struct phone *other)
{
    static const char *const lists[] = {"b",   "bc",  "b-c",     "bcd",   "b+c",
                                        "d+b", "404", "later-b", "c-d-b", "dc"};
    enum ct_result result = CT_OK;

    if (phone->leg == NULL) {
        if (maybe(hub, 30) && hub->record_count < HUB_RECORDS - 8)
            result = hub_call(phone, lists[lan_random(hub->lan, 10)], maybe(hub, 80) ? SDP : NULL,
                              &(struct ct_sip_invite){.reliable = maybe(hub, 50)});
        else if (maybe(hub, 10) && hub->record_count < HUB_RECORDS - 8) {
            char key[16];

            snprintf(key, sizeof(key), "key%zu", hub->record_count);
            result =
                hub_dial(hub, key, "abcd"[lan_random(hub->lan, 4)], lists[lan_random(hub->lan, 7)]);
        }
        (void)result;
        return;
    }
    switch (lan_random(hub->lan, 9)) {
    case 0:
        result = phone_answer(phone, SDP);
        break;
    case 1:
        result = phone_offer(phone, maybe(hub, 50), maybe(hub, 80) ? SDP : NULL);
        break;
    case 2:
        result = phone_ask(phone, "INFO", NULL, "Signal=1");
        break;
    case 3:
        result = phone_refer(phone, maybe(hub, 80) ? "sip:d@" HUB : "sip:404@" HUB, NULL);
        break;
    case 4:
        result = phone_refer(phone, "sip:d@" HUB, other);
        break;
    case 5:
        result = ct_calls_hang_up(hub->calls, hub_last(hub)->facts.key);
        break;
    case 6:
        phone_hang_up(phone);
        break;
    default:
        break;
    }
    (void)result;
}

static enum ct_result one(uint64_t seed)
{
    struct hub hub;
    struct phone *phones[4] = {&hub.ann, &hub.bob, &hub.carl, &hub.dora};
    struct weather weather;
    enum ct_result result = hub_new(&hub, seed);

    if (result != CT_OK)
        goto out;
    weather = (struct weather){hub.lan, lan_random(hub.lan, 25), lan_random(hub.lan, 15),
                               1 + lan_random(hub.lan, 500)};
    lan_network(hub.lan, storm, &weather);
    hub.ring_ms = 5000 + lan_random(hub.lan, 20000);
    hub.may_replace = true;
    for (int turn = 0; turn < 40; turn++) {
        struct phone *phone = phones[lan_random(hub.lan, 4)];

        set_mood(&hub, phones[lan_random(hub.lan, 4)]);
        act(&hub, phone, phones[lan_random(hub.lan, 4)]);
        lan_run(hub.lan, lan_random(hub.lan, 3000));
    }
    for (int i = 0; i < 4; i++)
        phones[i]->answers = false;
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 4; i++)
            phone_hang_up(phones[i]);
        lan_run(hub.lan, 70000);
    }
    /* a phone may have been surprised by what it was told to do */
    for (int i = 0; i < 4; i++)
        phones[i]->trouble = CT_OK;
    SEE(hub_at_rest(&hub));
out:
    if (result == CT_BUG) {
        fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        hub_print(&hub);
    }
    hub_free(&hub);
    return result;
}

static enum ct_result test_storms(void)
{
    enum ct_result result = CT_OK;

    for (uint64_t seed = 1; seed <= 40 && result == CT_OK; seed++)
        result = one(seed);
    return result;
}

static const struct ct_unit units[] = {CT_UNIT(test_storms)};

int main(void)
{
    return ct_unit_main("voice/call_storm", units, sizeof(units) / sizeof(units[0]));
}
