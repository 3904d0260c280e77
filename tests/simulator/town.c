#include "simulator/town.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocations.h"

#define SERVER "192.0.2.1"
#define LONGEST_MS (4 * INT64_C(3600000))

uint32_t town_below(struct town *town, uint32_t number)
{
    return lan_random(town->lan, number);
}

bool town_chance(struct town *town, unsigned percent)
{
    return town_below(town, 100) < percent;
}

void town_tell(const struct town *town, const char *format, ...)
{
    va_list args;

    if (!town->options.trace || town->lan == NULL)
        return;
    printf("%10lld ---- ", (long long)lan_now_ms(town->lan));
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

void town_complain(void *ctx, const char *what)
{
    struct town *town = ctx;

    town_tell(town, "COMPLAINT: %s", what);
    if (town->verdict->complaints < TOWN_COMPLAINTS)
        snprintf(town->verdict->complaint[town->verdict->complaints],
                 sizeof(town->verdict->complaint[0]), "%s", what);
    town->verdict->complaints++;
}

/* ---- the network ---- */

static int64_t delay(struct town *town)
{
    /* nothing lives longer than 5 s in a network (T4) */
    return town_chance(town, town->late) ? 1 + town_below(town, 4000)
                                         : 1 + town_below(town, (uint32_t)town->delay_ms);
}

static bool cut_off(const struct town *town, const struct lan_packet *packet)
{
    return town->cut_until_ms > lan_now_ms(town->lan) &&
           (strcmp(lan_address(town->lan, &packet->from), town->cut_off) == 0 ||
            strcmp(lan_address(town->lan, &packet->to), town->cut_off) == 0);
}

/* Read as it was sent: its Call-ID may be what gets damaged. */
static void on_spoilt(void *ctx, const struct said *said)
{
    struct town *town = ctx;

    for (size_t i = 0; i < town->people.diary_count; i++)
        if (strcmp(town->diaries[i].call_id, said->call_id) == 0)
            town->diaries[i].spoilt = true;
    for (size_t i = 0; i < TOWN_PHONES; i++)
        if (strcmp(town->uas[i].register_id, said->call_id) == 0)
            town->uas[i].register_spoilt = true;
}

static struct lan_fate judge(void *ctx, const struct lan_packet *packet)
{
    struct town *town = ctx;
    struct lan_fate fate = {.copies = 1};
    const struct attacker *attacker = attackers_at(&town->attackers, &packet->from);
    /* what tells a scanner must not be lost from what it says */
    bool whole = attacker != NULL && attacker->kind == ATTACKER_STRANGER;
    struct said said;

    town->messages++;
    if (town_chance(town, town->doubled))
        fate.copies++;
    for (int i = 0; i < 3; i++) {
        fate.after_ms[i] = delay(town);
        fate.spoilt[i] = !whole && town_chance(town, town->spoilt) ? 1 + town_below(town, 4) : 0;
    }
    for (int i = 0; i < fate.copies; i++)
        if (fate.spoilt[i] > 0 && said_read(packet->bytes, &said))
            on_spoilt(town, &said);
    if (town_chance(town, town->lost) || cut_off(town, packet))
        fate.copies = 0;
    town_passes(town, packet, &fate);
    if (town->options.fault == FAULT_NO_BYE && packet->bytes.len > 4 &&
        memcmp(packet->bytes.at, "ACK ", 4) == 0)
        fate.copies = 0;
    return fate;
}

static void make_network(struct town *town)
{
    static const unsigned losses[] = {0, 1, 5, 10, 20, 35};
    static const int64_t delays[] = {1, 20, 200, 900};

    town->lost = losses[town_below(town, 6)];
    town->doubled = town_chance(town, 50) ? town_below(town, 12) : 0;
    town->spoilt = town_chance(town, 30) ? town_below(town, 4) : 0;
    town->late = town_chance(town, 40) ? town_below(town, 10) : 0;
    town->delay_ms = delays[town_below(town, 4)];
    town_tell(town, "network: %u%% lost, %u%% doubled, %u%% spoilt, %u%% late, %lld ms", town->lost,
              town->doubled, town->spoilt, town->late, (long long)town->delay_ms);
}

/* ---- what happens ---- */

/* Takes somebody else's call (RFC 3891). */
static void pick_up(struct town *town)
{
    struct ua *victim = town_somebody(town);
    struct ua *thief = town_somebody(town);

    for (int i = 0; i < UA_CALLS; i++) {
        struct ua_call *call = &victim->calls[i];

        if (victim == thief || call->state != UA_UP)
            continue;
        town_tell(town, "%s takes a call of %s", thief->user, victim->user);
        call->diary->transferred = true;
        ua_call(thief, victim->number, call);
        return;
    }
}

/* What came on streams that break cannot be answered. */
static void excuse_streams(struct town *town, const struct ua *ua)
{
    for (uint64_t stream = 1; stream <= lan_streams(town->lan); stream++)
        if (lan_stream_is_of(town->lan, stream, ua->address))
            border_excuse(&town->border, stream);
}

static void crash(struct town *town)
{
    struct ua *ua = town_somebody(town);

    excuse_streams(town, ua);
    town_tell(town, "%s crashes", ua->user);
    ua_crash(ua);
}

static void break_streams(struct town *town)
{
    struct ua *ua = town_somebody(town);

    town_tell(town, "streams of %s break", ua->address);
    excuse_streams(town, ua);
    lan_break(town->lan, ua->address);
}

static void cut(struct town *town)
{
    struct ua *ua = town_somebody(town);

    snprintf(town->cut_off, sizeof(town->cut_off), "%s",
             town_chance(town, 10) ? SERVER : ua->address);
    town->cut_until_ms = lan_now_ms(town->lan) + 1 + town_below(town, 90000);
    town_tell(town, "%s is cut off for a while", town->cut_off);
}

static void attack(struct town *town)
{
    const struct ua *victim = &town->uas[town_below(town, TOWN_PHONES)];

    town_tell(town, "an attack, perhaps as %s", victim->address);
    attackers_act(&town->attackers, victim->address);
}

static void dial(struct town *town)
{
    const struct ua *ua = &town->uas[town_below(town, TOWN_PHONES)];
    const char *number = town_number(town, ua, false);

    town_tell(town, "the API calls %s for %s", number, ua->user);
    exchange_dial(&town->exchange, ua->device_id, number);
}

static void call(struct town *town)
{
    struct ua *ua = town_somebody(town);
    const char *number = town_number(town, ua, false);

    town_tell(town, "%s calls %s", ua->user, number);
    ua_call(ua, number, NULL);
}

static void step(void *ctx)
{
    struct town *town = ctx;
    uint32_t what = town_below(town, 100);

    if (town->steps_left == 0)
        return;
    town->steps_left--;
    if (town->options.fault == FAULT_BINDING_GONE && !town->exchange.away &&
        town->steps_left % 10 == 0)
        people_lose(town->exchange.archive.scratch.store, town->exchange.registrar, 1);
    if (!town->exchange.away)
        town_judge_bindings(town);
    if (what < 50)
        call(town);
    else if (what < 55)
        attack(town);
    else if (what < 61)
        crash(town);
    else if (what < 73)
        ua_switch_on(town_somebody(town));
    else if (what < 78)
        break_streams(town);
    else if (what < 82)
        exchange_hang_up(&town->exchange);
    else if (what < 87)
        dial(town);
    else if (what < 90)
        cut(town);
    else if (what < 94)
        pick_up(town);
    else if (what < 96)
        attack(town);
    else if (what < 98)
        town->wanted = town_chance(town, 65) ? TOWN_CRASH : TOWN_STOP;
    else
        make_network(town);
    ct_timer_start(lan_wheel(town->lan), &town->step, 1 + town_below(town, 9000));
}

/* ---- the life of a world ---- */

/* The server goes, and comes back, perhaps much later. Who has a call now, sees no more of it than its end. */
static void restart(struct town *town)
{
    static const uint32_t longest[] = {1, 1000, 30000, 400000};
    struct exchange *exchange = &town->exchange;
    struct people_list before;
    struct people_list after;

    people_look(exchange->registrar, &before);
    town_tell(town, "the server %s", town->wanted == TOWN_STOP ? "stops" : "is gone");
    if (town->wanted == TOWN_STOP)
        exchange_stop(exchange);
    else
        exchange_crash(exchange);
    town->wanted = TOWN_GOES_ON;
    lan_run(town->lan, 1 + town_below(town, longest[town_below(town, 4)]));
    border_restart(&town->border);
    attackers_forgiven(&town->attackers);
    for (size_t i = 0; i < town->people.diary_count; i++)
        town->diaries[i].spoilt = true;
    for (int64_t id = 1; town->options.fault == FAULT_BINDING_LOST && id <= PEOPLE_DEVICES; id++)
        people_lose(exchange->archive.scratch.store, NULL, id);
    exchange->alone = town_chance(town, 60);
    town_tell(town, "the server begins anew");
    if (exchange_begin(exchange) != CT_OK)
        abort();
    people_look(exchange->registrar, &after);
    if (!people_kept(&before, &after, UNIX_START_MS + lan_now_ms(town->lan)))
        town_complain(town, "a binding was lost when the server began anew");
}

static bool is_quiet(const struct town *town)
{
    for (unsigned i = 0; i < TOWN_PHONES + TOWN_CARRIERS; i++)
        if (!ua_is_idle(&town->uas[i]))
            return false;
    return lan_flights(town->lan) == 0 && exchange_is_quiet(&town->exchange);
}

/* All come home and hang up, the network becomes a good one, and what is left has time to end. */
static void become_quiet(struct town *town)
{
    int64_t until_ms;

    town->people.quiet = true;
    attackers_close(&town->attackers);
    for (unsigned i = 0; i < TOWN_PHONES + TOWN_CARRIERS; i++) {
        ua_switch_on(&town->uas[i]);
        ua_hang_up(&town->uas[i]);
    }
    lan_run(town->lan, 40000);
    town->lost = town->doubled = town->spoilt = town->late = 0;
    town->cut_until_ms = 0;
    until_ms = lan_now_ms(town->lan) + LONGEST_MS;
    do
        lan_run(town->lan, 10000);
    while (!is_quiet(town) && lan_now_ms(town->lan) < until_ms);
    if (town->options.fault == FAULT_BUSY_WORLD) {
        town->people.quiet = false;
        for (unsigned i = 0; i < TOWN_PHONES; i++)
            ua_call(&town->uas[i], "+447900001", NULL);
        lan_run(town->lan, 200);
    }
}

static enum ct_result settle(struct town *town)
{
    struct exchange *exchange = &town->exchange;
    static const char *const carriers[] = {TOWN_FIRST_CARRIER, TOWN_SECOND_CARRIER};
    enum ct_result result;

    exchange->trace = town->options.trace;
    exchange->complain = town_complain;
    exchange->dropped = town_dropped;
    exchange->failed = town_failed;
    exchange->ctx = town;
    make_network(town);
    lan_network(town->lan, judge, town);
    border_init(&town->border, town->lan, SERVER, town->options.trace);
    town->border.spoilt = on_spoilt;
    town->border.reached = town_reached;
    town->border.ctx = town;
    town->attackers.lan = town->lan;
    town->attackers.server = SERVER;
    town->attackers.complain = town_complain;
    town->attackers.ctx = town;
    attackers_open(&town->attackers);
    town_settle(town);
    result = exchange_open(exchange, town->lan, SERVER, carriers, town->options.fault);
    for (unsigned i = 0; result == CT_OK && i < TOWN_PHONES + TOWN_CARRIERS; i++)
        ua_switch_on(&town->uas[i]);
    return result;
}

static enum ct_result live(struct town *town)
{
    enum ct_result result = lan_new(town->options.seed, &town->lan);

    if (result != CT_OK)
        return result;
    town->step = (struct ct_timer){.fire = step, .ctx = town};
    town->steps_left = town->options.steps;
    ct_allocations_start(0);
    result = settle(town);
    if (result != CT_OK)
        return result;
    lan_run(town->lan, 5000);
    ct_timer_start(lan_wheel(town->lan), &town->step, 1);
    while (town->steps_left > 0) {
        lan_run(town->lan, 1 + town_below(town, 1000));
        if (town->wanted != TOWN_GOES_ON)
            restart(town);
    }
    become_quiet(town);
    town_judge_rest(town);
    return CT_OK;
}

static void judge_memory(struct town *town)
{
    size_t first = 0;
    size_t kept = ct_allocations_leaked(&first);
    char text[120];

    snprintf(text, sizeof(text),
             "memory: %zu blocks more than at the beginning, the earliest is allocation %zu", kept,
             first);
    if (kept > 0)
        town_complain(town, text);
}

enum ct_result town_live(const struct town_options *options, struct town_verdict *verdict)
{
    struct town *town = calloc(1, sizeof(*town));
    enum ct_result result;

    *verdict = (struct town_verdict){0};
    if (town == NULL)
        return CT_NOMEM;
    town->options = *options;
    town->verdict = verdict;
    result = live(town);
    verdict->sum = town->border.sum;
    verdict->messages = town->messages;
    if (town->lan != NULL) {
        for (unsigned i = 0; i < TOWN_PHONES + TOWN_CARRIERS; i++)
            if (town->uas[i].on)
                ua_crash(&town->uas[i]);
        verdict->simulated_ms = lan_now_ms(town->lan);
        exchange_close(&town->exchange);
        if (archive_close(&town->exchange.archive) != CT_OK)
            abort();
        if (result == CT_OK)
            town_judge(town);
        lan_free(town->lan);
        town->lan = NULL;
        judge_memory(town);
        free(town->exchange.leaked);
    }
    free(town);
    return result;
}
