#include <stdio.h>
#include <string.h>

#include "voice/hub.h"

/* How long calls may be, what becomes of them when somebody is there no longer, and what the records learn of transfers. */

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

static bool ended_with(const struct hub *hub, const char *reason)
{
    const struct ct_call_facts *facts = &hub_last(hub)->facts;

    return hub_last(hub)->ended == 1 && facts->hangup_by == CT_CALL_SYSTEM &&
           strcmp(hub_last(hub)->reason, reason) == 0;
}

/* ---- limits ---- */

static enum ct_result test_prolonged(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 41);

    if (result != CT_OK)
        goto out;
    hub.longest_ms = 30000;
    hub.again_ms = 20000;
    DO(talk(&hub, &hub.ann, &hub.bob, "b"));
    lan_run(hub.lan, 18000);
    SEE(hub.agains == 0);
    lan_run(hub.lan, 2000);
    SEE(hub.agains == 1 && hub.ann.ended == 0);
    DO(ct_calls_prolong(hub.calls, hub.later, 50000, 40000, CT_STR("That was all")));
    lan_run(hub.lan, 18000);
    SEE(hub.agains == 1 && hub.ann.ended == 0);
    lan_run(hub.lan, 2000);
    SEE(hub.agains == 2);
    /* nobody says more */
    lan_run(hub.lan, 8000);
    SEE(hub.ann.ended == 0);
    lan_run(hub.lan, 2000);
    SEE(hub.ann.ended == 1 && hub.bob.ended == 1 && ended_with(&hub, "That was all"));
    SEE(ct_calls_prolong(hub.calls, hub.later, 0, 0, CT_STR("")) == CT_NOT_FOUND);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* Asked again for as long as it goes on, without an end of its own. */
static enum ct_result test_asked_again(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 42);

    if (result != CT_OK)
        goto out;
    hub.again_ms = 10000;
    DO(talk(&hub, &hub.ann, &hub.bob, "b"));
    lan_run(hub.lan, 30000);
    SEE(hub.agains == 1 && hub.ann.ended == 0);
    DO(ct_calls_prolong(hub.calls, hub.later, 0, 40000, CT_STR("")));
    lan_run(hub.lan, 30000);
    SEE(hub.agains == 2 && hub.ann.ended == 0);
    /* a limit that has passed already ends it at once */
    DO(ct_calls_prolong(hub.calls, hub.later, 5000, 0, CT_STR("")));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.ended == 1 && ended_with(&hub, "Longest duration reached"));
    /* a call that nobody has answered has no limits yet */
    hub.bob.answers = false;
    DO(hub_call(&hub.ann, "b", "offer", NULL));
    lan_run(hub.lan, 1000);
    SEE(ct_calls_prolong(hub.calls, hub_last(&hub)->facts.key, 1, 1, CT_STR("")) == CT_NOT_FOUND);
    phone_end(&hub.ann, 0, NULL);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* ---- who is gone ---- */

static void lose(struct hub *hub, const struct ct_call_gone *gone)
{
    ct_calls_lose(hub->calls, gone, CT_STR("It is gone"));
    lan_run(hub->lan, 1000);
}

static enum ct_result test_gone(void)
{
    static const struct ct_call_gone whose[] = {
        {.account_id = 7}, {.device_id = 'b'}, {.trunk_id = 1000 + 'b'}};
    struct hub hub;
    enum ct_result result = hub_new(&hub, 43);

    if (result != CT_OK)
        goto out;
    hub.outside = 'b';
    for (size_t i = 0; i < 3; i++) {
        DO(talk(&hub, &hub.ann, &hub.bob, "b"));
        lose(&hub, &(const struct ct_call_gone){.account_id = 8});
        lose(&hub, &(const struct ct_call_gone){.device_id = 'c'});
        lose(&hub, &(const struct ct_call_gone){.trunk_id = 1});
        SEE(hub.ann.ended == (int)i && hub.bob.ended == (int)i);
        lose(&hub, &whose[i]);
        SEE(hub.ann.ended == (int)i + 1 && hub.bob.ended == (int)i + 1);
        SEE(ended_with(&hub, "It is gone"));
        SEE(hub_last(&hub)->facts.status == CT_CALL_COMPLETED);
    }
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* Two of the calls end, the one between them goes on. */
static enum ct_result test_some_of_many(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 44);

    if (result != CT_OK)
        goto out;
    DO(hub_call(&hub.ann, "c", "offer", NULL));
    DO(hub_call(&hub.bob, "d", "offer", NULL));
    lan_run(hub.lan, 1000);
    SEE(ct_calls_count(hub.calls) == 2);
    lose(&hub, &(const struct ct_call_gone){.device_id = 'c'});
    SEE(hub.carl.ended == 1 && hub.ann.ended == 1 && hub.ann.end_status == 480);
    SEE(hub.dora.ended == 0 && hub.bob.ended == 0 && ct_calls_count(hub.calls) == 1);
    lose(&hub, &(const struct ct_call_gone){.account_id = 7});
    SEE(hub.bob.ended == 1 && hub.dora.ended == 1);
    SEE(hub_last(&hub)->facts.status == CT_CALL_CANCELED && ended_with(&hub, "It is gone"));
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* One phone of two that ring: the other one rings on. */
static enum ct_result test_one_that_rings(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 45);

    if (result != CT_OK)
        goto out;
    hub.bob.ring_status = 180;
    hub.carl.ring_status = 180;
    DO(hub_call(&hub.ann, "bc", "offer", NULL));
    lan_run(hub.lan, 1000);
    lose(&hub, &(const struct ct_call_gone){.device_id = 'b'});
    SEE(hub.bob.ended == 1 && hub.carl.ended == 0 && hub.ann.ended == 0);
    DO(phone_answer(&hub.carl, "answer"));
    lan_run(hub.lan, 1000);
    SEE(hub.ann.answered == 1);
    phone_hang_up(&hub.ann);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* ---- transfers ---- */

static enum ct_result test_transferred(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 46);

    if (result != CT_OK)
        goto out;
    hub.outside = 'c';
    DO(talk(&hub, &hub.ann, &hub.bob, "b"));
    hub.carl.answer_body = "offer of carl";
    hub.carl.answers = true;
    DO(phone_refer(&hub.bob, "sip:c@" HUB, NULL));
    SEE(hub_last(&hub)->transferred == 0);
    lan_run(hub.lan, 5000);
    SEE(hub.transferred_by == 'b' && hub_last(&hub)->transferred == 1);
    SEE(hub_last(&hub)->failed == 0);
    SEE(hub_last(&hub)->facts.parties.to_trunk_id == 1000 + 'c');
    /* who has come may transfer too, as who he is */
    hub.dora.refuse_status = 486;
    hub.carl.offer_body = "later answer of carl";
    DO(phone_refer(&hub.carl, "sip:d@" HUB, NULL));
    lan_run(hub.lan, 1000);
    SEE(hub.transferred_by == 'c' && hub_last(&hub)->transferred == 1);
    SEE(hub_last(&hub)->failed == 1);
    SEE(hub_last(&hub)->facts.parties.to_trunk_id == 1000 + 'c');
    phone_hang_up(&hub.carl);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

/* The transferor does not wait, and whom he named does not answer: what was there before is gone with him. */
static enum ct_result test_transfer_in_vain(void)
{
    struct hub hub;
    enum ct_result result = hub_new(&hub, 47);

    if (result != CT_OK)
        goto out;
    hub.outside = 'c';
    DO(talk(&hub, &hub.ann, &hub.bob, "b"));
    DO(phone_refer(&hub.bob, "sip:c@" HUB, NULL));
    lan_run(hub.lan, 1000);
    SEE(hub.carl.called == 1);
    phone_hang_up(&hub.bob);
    lan_run(hub.lan, 1000);
    SEE(hub.ann.ended == 0 && hub_last(&hub)->failed == 0);
    phone_end(&hub.carl, 603, NULL);
    lan_run(hub.lan, 1000);
    SEE(hub.ann.ended == 1 && hub_last(&hub)->failed == 1 && hub_last(&hub)->transferred == 0);
    SEE(hub_last(&hub)->facts.parties.to_trunk_id == 0 && ended_with(&hub, "Transfer failed"));
    /* and one that the call does not live to see */
    DO(talk(&hub, &hub.ann, &hub.bob, "b"));
    DO(phone_refer(&hub.bob, "sip:c@" HUB, NULL));
    lan_run(hub.lan, 1000);
    phone_hang_up(&hub.ann);
    lan_run(hub.lan, 1000);
    SEE(hub_last(&hub)->failed == 1 && hub_last(&hub)->ended == 1);
    SEE(hub_at_rest(&hub));
out:
    hub_free(&hub);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_prolonged),        CT_UNIT(test_asked_again),    CT_UNIT(test_gone),
        CT_UNIT(test_some_of_many),     CT_UNIT(test_one_that_rings), CT_UNIT(test_transferred),
        CT_UNIT(test_transfer_in_vain),
    };
    return ct_unit_main("call limits", units, sizeof(units) / sizeof(units[0]));
}
