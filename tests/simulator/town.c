#include "simulator/town.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocations.h"

#define SERVER "192.0.2.1"
#define JUNK "198.51.100.66"
#define LONGEST_MS (4 * INT64_C(3600000))

static uint32_t below(struct town *town, uint32_t number)
{
    return lan_random(town->lan, number);
}

static bool chance(struct town *town, unsigned percent)
{
    return below(town, 100) < percent;
}

__attribute__((format(printf, 2, 3))) static void tell(const struct town *town, const char *format,
                                                       ...)
{
    va_list args;

    if (!town->options.trace)
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

    tell(town, "COMPLAINT: %s", what);
    if (town->verdict->complaints < TOWN_COMPLAINTS)
        snprintf(town->verdict->complaint[town->verdict->complaints],
                 sizeof(town->verdict->complaint[0]), "%s", what);
    town->verdict->complaints++;
}

/* ---- the network ---- */

static int64_t delay(struct town *town)
{
    /* nothing lives longer than 5 s in a network (T4) */
    return chance(town, town->late) ? 1 + below(town, 4000)
                                    : 1 + below(town, (uint32_t)town->delay_ms);
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
    struct said said;

    town->messages++;
    if (chance(town, town->doubled))
        fate.copies++;
    for (int i = 0; i < 3; i++) {
        fate.after_ms[i] = delay(town);
        fate.spoilt[i] = chance(town, town->spoilt) ? 1 + below(town, 4) : 0;
    }
    for (int i = 0; i < fate.copies; i++)
        if (fate.spoilt[i] > 0 && said_read(packet->bytes, &said))
            on_spoilt(town, &said);
    if (chance(town, town->lost) || cut_off(town, packet))
        fate.copies = 0;
    if (town->options.fault == FAULT_NO_BYE && packet->bytes.len > 4 &&
        memcmp(packet->bytes.at, "ACK ", 4) == 0)
        fate.copies = 0;
    return fate;
}

static void make_network(struct town *town)
{
    static const unsigned losses[] = {0, 1, 5, 10, 20, 35};
    static const int64_t delays[] = {1, 20, 200, 900};

    town->lost = losses[below(town, 6)];
    town->doubled = chance(town, 50) ? below(town, 12) : 0;
    town->spoilt = chance(town, 30) ? below(town, 4) : 0;
    town->late = chance(town, 40) ? below(town, 10) : 0;
    town->delay_ms = delays[below(town, 4)];
    tell(town, "network: %u%% lost, %u%% doubled, %u%% spoilt, %u%% late, %lld ms", town->lost,
         town->doubled, town->spoilt, town->late, (long long)town->delay_ms);
}

/* ---- what happens ---- */

static struct ua *somebody(struct town *town)
{
    return &town->uas[below(town, TOWN_PHONES + TOWN_CARRIERS)];
}

static const char *some_number(void *ctx)
{
    static const char *const numbers[] = {"1001", "1002", "1003", "1004", "1005", "1006",
                                          "2001", "2002", "3000", "3001", "4000"};

    return numbers[below(ctx, sizeof(numbers) / sizeof(numbers[0]))];
}

/* Takes somebody else's call (RFC 3891). */
static void pick_up(struct town *town)
{
    struct ua *victim = somebody(town);
    struct ua *thief = somebody(town);

    for (int i = 0; i < UA_CALLS; i++) {
        struct ua_call *call = &victim->calls[i];

        if (victim == thief || call->state != UA_UP)
            continue;
        tell(town, "%s takes a call of %s", thief->user, victim->user);
        call->diary->transferred = true;
        ua_call(thief, victim->user, call);
        return;
    }
}

static void junk(struct town *town)
{
    static const char *const texts[] = {
        "\r\n\r\n",
        "INVITE sip:1001@192.0.2.1 SIP/2.0\r\n\r\n",
        "BYE sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.66;branch=z9hG4bKjunk\r\n"
        "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: junk\r\nCSeq: 1 "
        "BYE\r\nContent-Length: 0\r\n\r\n",
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKnever\r\nFrom: "
        "<sip:a@b>;tag=1\r\n"
        "To: <sip:a@b>;tag=2\r\nCall-ID: junk\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
        "ACK sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.66;branch=z9hG4bKjunk2\r\n"
        "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: junk\r\nCSeq: 1 "
        "ACK\r\nContent-Length: 0\r\n\r\n",
        "OPTIONS sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.66;branch=z9hG4bKjunk3\r\n",
    };

    lan_drop_in(town->lan, JUNK, SERVER, texts[below(town, sizeof(texts) / sizeof(texts[0]))]);
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
    struct ua *ua = somebody(town);

    excuse_streams(town, ua);
    tell(town, "%s crashes", ua->user);
    ua_crash(ua);
}

static void break_streams(struct town *town)
{
    struct ua *ua = somebody(town);

    tell(town, "streams of %s break", ua->address);
    excuse_streams(town, ua);
    lan_break(town->lan, ua->address);
}

static void cut(struct town *town)
{
    struct ua *ua = somebody(town);

    snprintf(town->cut_off, sizeof(town->cut_off), "%s", chance(town, 10) ? SERVER : ua->address);
    town->cut_until_ms = lan_now_ms(town->lan) + 1 + below(town, 90000);
    tell(town, "%s is cut off for a while", town->cut_off);
}

/* Who has a call now, sees no more of it than its end. */
static void restart(struct town *town)
{
    tell(town, "the server begins anew");
    lan_break(town->lan, SERVER);
    border_restart(&town->border);
    for (size_t i = 0; i < town->people.diary_count; i++)
        town->diaries[i].spoilt = true;
    if (exchange_restart(&town->exchange) != CT_OK)
        abort();
    /* the new server's own blocks are none too many; what the old one has left, LeakSanitizer finds */
    ct_allocations_start(0);
}

static void dial(struct town *town)
{
    const char *phone = town->uas[below(town, TOWN_PHONES)].user;
    const char *number = some_number(town);

    tell(town, "the API calls %s for %s", number, phone);
    exchange_dial(&town->exchange, phone, number);
}

static void call(struct town *town)
{
    struct ua *ua = somebody(town);
    const char *number = some_number(town);

    tell(town, "%s calls %s", ua->user, number);
    ua_call(ua, number, NULL);
}

/* Who was told that it is registered, is so for as long as it was told. */
static void judge_bindings(struct town *town)
{
    char text[100];

    for (size_t i = 0; i < TOWN_PHONES; i++) {
        const struct ua *ua = &town->uas[i];

        if (!ua->registered || ua->register_spoilt ||
            ua->registered_until_ms <= lan_now_ms(town->lan) ||
            registry_find(&town->exchange.registry, ct_str_of(ua->user)) != NULL)
            continue;
        snprintf(text, sizeof(text), "%s is registered, and has no binding", ua->user);
        town_complain(town, text);
    }
}

static void step(void *ctx)
{
    struct town *town = ctx;
    uint32_t what = below(town, 100);

    if (town->steps_left == 0)
        return;
    town->steps_left--;
    if (town->options.fault == FAULT_BINDING_GONE && town->steps_left % 10 == 0)
        registry_lose(town->exchange.archive.scratch.store, &town->exchange.registry, 1);
    judge_bindings(town);
    if (what < 55)
        call(town);
    else if (what < 61)
        crash(town);
    else if (what < 74)
        ua_switch_on(somebody(town));
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
        junk(town);
    else if (what < 98)
        restart(town);
    else
        make_network(town);
    ct_timer_start(lan_wheel(town->lan), &town->step, 1 + below(town, 9000));
}

/* ---- the life of a world ---- */

static void settle_people(struct town *town)
{
    char address[20];
    char user[8];

    town->people = (struct ua_world){.lan = town->lan,
                                     .server = SERVER,
                                     .diaries = town->diaries,
                                     .diary_room = TOWN_DIARIES,
                                     .somebody = some_number,
                                     .ctx = town};
    for (unsigned i = 0; i < TOWN_PHONES + TOWN_CARRIERS; i++) {
        struct ua *ua = &town->uas[i];
        bool phone = i < TOWN_PHONES;

        snprintf(address, sizeof(address), "192.0.2.%u", 11 + i);
        snprintf(user, sizeof(user), "%u", phone ? 1001 + i : 2001 + i - TOWN_PHONES);
        ua_init(ua, &town->people, user, phone ? "secret" : "", address,
                phone && chance(town, 30) ? CT_SIP_TCP : CT_SIP_UDP);
        ua->prack = chance(town, 40);
        if (!phone)
            town->exchange.carriers[i - TOWN_PHONES] = ua->address;
        ua_switch_on(ua);
    }
}

static bool is_quiet(const struct town *town)
{
    struct ct_sip_counts counts = ct_sip_counts(town->exchange.sip);

    for (unsigned i = 0; i < TOWN_PHONES + TOWN_CARRIERS; i++)
        if (!ua_is_idle(&town->uas[i]))
            return false;
    return lan_flights(town->lan) == 0 && counts.servers == 0 && counts.clients == 0 &&
           counts.dialogs == 0 && ct_calls_count(town->exchange.calls) == 0 &&
           ct_sip_sessions_count(town->exchange.sessions) == 0 &&
           archive_is_quiet(&town->exchange.archive) &&
           ct_registrar_count(town->exchange.registry.registrar) == 0;
}

/* All come home and hang up, the network becomes a good one, and what is left has time to end. */
static void become_quiet(struct town *town)
{
    int64_t until_ms;

    town->people.quiet = true;
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
            ua_call(&town->uas[i], "2001", NULL);
        lan_run(town->lan, 200);
    }
}

static enum ct_result live(struct town *town)
{
    enum ct_result result = lan_new(town->options.seed, &town->lan);

    if (result != CT_OK)
        return result;
    town->step = (struct ct_timer){.fire = step, .ctx = town};
    town->steps_left = town->options.steps;
    town->exchange.trace = town->options.trace;
    town->exchange.complain = town_complain;
    town->exchange.complain_ctx = town;
    make_network(town);
    lan_network(town->lan, judge, town);
    border_init(&town->border, town->lan, SERVER, town->options.trace);
    town->border.spoilt = on_spoilt;
    town->border.ctx = town;
    result = exchange_open(&town->exchange, town->lan, SERVER, town->options.fault);
    if (result != CT_OK)
        return result;
    ct_allocations_start(0);
    settle_people(town);
    lan_run(town->lan, 5000);
    ct_timer_start(lan_wheel(town->lan), &town->step, 1);
    while (town->steps_left > 0)
        lan_run(town->lan, 1000);
    become_quiet(town);
    town->unwritten = !archive_is_quiet(&town->exchange.archive);
    town->bindings = ct_registrar_count(town->exchange.registry.registrar);
    result = archive_close(&town->exchange.archive);
    registry_end(&town->exchange.registry);
    if (result == CT_OK)
        town_judge(town);
    return result;
}

enum ct_result town_live(const struct town_options *options, struct town_verdict *verdict)
{
    struct town *town = calloc(1, sizeof(*town));
    size_t first;
    size_t kept;
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
        free(town->exchange.leaked);
        exchange_close(&town->exchange);
        if (archive_close(&town->exchange.archive) != CT_OK)
            abort();
        lan_free(town->lan);
    }
    kept = ct_allocations_leaked(&first);
    if (kept > 0)
        verdict->complaints++;
    free(town);
    return result;
}
