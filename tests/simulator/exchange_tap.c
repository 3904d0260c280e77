#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulator/exchange.h"
#include "voice/call_log_parts.h"
#include "voice/call_plan.h"
#include "voice/shield.h"

/* What passes between the parts of the server: calls on their way to the records, and what the shield lets through. */

#define TAP(result, name, ...)         \
    result __real_##name(__VA_ARGS__); \
    result __wrap_##name(__VA_ARGS__); \
    result __wrap_##name(__VA_ARGS__)

/* ---- its parts ---- */

TAP(enum ct_result, ct_sip_new, const struct ct_sip_options *options, struct ct_sip **out)
{
    enum ct_result result = __real_ct_sip_new(options, out);

    exchange_now->sip = *out;
    return result;
}

TAP(enum ct_result, ct_sip_sessions_new, struct ct_sip *sip,
    const struct ct_sip_session_options *options, struct ct_sip_sessions **out)
{
    enum ct_result result = __real_ct_sip_sessions_new(sip, options, out);

    exchange_now->sessions = *out;
    return result;
}

TAP(enum ct_result, ct_registrar_new, const struct ct_registrar_options *options,
    struct ct_registrar **out)
{
    enum ct_result result = __real_ct_registrar_new(options, out);

    exchange_now->registrar = *out;
    return result;
}

/* ---- records ---- */

void exchange_complain(struct exchange *exchange, const char *key, const char *what)
{
    char text[256];

    snprintf(text, sizeof(text), "call %.8s: %s", key, what);
    exchange->complain(exchange->ctx, text);
}

struct record *exchange_record(struct exchange *exchange, const char *key)
{
    for (size_t i = exchange->record_count; i > 0; i--)
        if (strcmp(exchange->records[i - 1].key, key) == 0)
            return &exchange->records[i - 1];
    return NULL;
}

struct record *exchange_record_of(struct exchange *exchange, const char *call_id, size_t *leg)
{
    for (size_t i = 0; i < exchange->record_count; i++)
        for (size_t j = 0; j < exchange->records[i].leg_count; j++)
            if (strcmp(exchange->records[i].legs[j].call_id, call_id) == 0) {
                if (leg != NULL)
                    *leg = j;
                return &exchange->records[i];
            }
    return NULL;
}

void exchange_kept(void *ctx, const char *key, unsigned steps)
{
    struct record *record = exchange_record(ctx, key);

    if (record != NULL)
        record->kept |= steps;
}

/* What may follow what, as API.md says of the status of a call. */
static bool may_become(enum ct_call_status from, enum ct_call_status to)
{
    switch (from) {
    case CT_CALL_QUEUED:
        return to != CT_CALL_QUEUED && to != CT_CALL_COMPLETED;
    case CT_CALL_RINGING:
        return to != CT_CALL_QUEUED && to != CT_CALL_RINGING && to != CT_CALL_COMPLETED;
    case CT_CALL_IN_PROGRESS:
        return to == CT_CALL_COMPLETED;
    default:
        return false;
    }
}

static int64_t clock_of(int64_t unix_ms)
{
    return unix_ms == 0 ? 0 : unix_ms - UNIX_START_MS;
}

static void take(struct exchange *exchange, struct record *record,
                 const struct ct_call_facts *facts)
{
    char text[100];

    if (facts->status != record->status && !may_become(record->status, facts->status)) {
        snprintf(text, sizeof(text), "status %d may not become %d", (int)record->status,
                 (int)facts->status);
        exchange_complain(exchange, facts->key, text);
    }
    if (exchange->trace)
        printf("%10lld ---- record %.8s: status %d, device %lld, code %d %.*s\n",
               (long long)lan_now_ms(exchange->lan), facts->key, (int)facts->status,
               (long long)facts->parties.to_device_id, facts->sip_code, (int)facts->reason.len,
               facts->reason.at);
    record->status = facts->status;
    record->winner = facts->parties.to_device_id;
    record->caller_id = facts->parties.caller_id;
    record->started_ms = clock_of(facts->started_ms);
    record->ringing_ms = clock_of(facts->ringing_ms);
    record->answered_ms = clock_of(facts->answered_ms);
    record->ended_ms = clock_of(facts->ended_ms);
    record->hangup_by = facts->hangup_by;
    record->sip_code = facts->sip_code;
}

static void on_created(void *ctx, const struct ct_call_facts *facts)
{
    struct exchange *exchange = ctx;
    struct record *record = exchange_record(exchange, facts->key);

    if (exchange_plant_once(exchange, FAULT_RECORD_LOST))
        return;
    if (record != NULL) {
        exchange_complain(exchange, facts->key, "has two records");
        return;
    }
    if (exchange->record_count == EXCHANGE_RECORDS)
        abort();
    exchange->sink.created(exchange->sink.ctx, facts);
    record = &exchange->records[exchange->record_count++];
    *record = (struct record){.status = facts->status, .dialled = exchange->dialling};
    snprintf(record->key, sizeof(record->key), "%s", facts->key);
    if (facts->status != CT_CALL_QUEUED)
        exchange_complain(exchange, facts->key, "does not begin as queued");
    take(exchange, record, facts);
    if (exchange_plant_once(exchange, FAULT_RECORD_TWICE))
        on_created(ctx, facts);
    if (exchange_plant_once(exchange, FAULT_TIMER))
        ct_timer_start(ct_sip_wheel(exchange->sip), &exchange->stray, INT64_C(1000) * 86400 * 30);
    if (exchange_plant_once(exchange, FAULT_MEMORY))
        exchange->leaked = malloc(1);
}

/* The record of a step; NULL: there is none, or it may not come any more. */
static struct record *open_record(struct exchange *exchange, const struct ct_call_facts *facts)
{
    struct record *record = exchange_record(exchange, facts->key);

    if (record == NULL || record->ended) {
        exchange_complain(exchange, facts->key,
                          record == NULL ? "is not there" : "is told of after its end");
        return NULL;
    }
    return record;
}

static void on_changed(void *ctx, const struct ct_call_facts *facts)
{
    struct exchange *exchange = ctx;
    struct record *record = open_record(exchange, facts);

    exchange->sink.changed(exchange->sink.ctx, facts);
    if (record != NULL)
        take(exchange, record, facts);
    if (record != NULL && facts->status == CT_CALL_IN_PROGRESS)
        record->settled = record->leg_count;
}

static bool is_end(enum ct_call_status status)
{
    return status >= CT_CALL_COMPLETED && status < CT_CALL_STATUSES;
}

static bool times_are_right(const struct exchange *exchange, const struct record *record)
{
    if (record->ended_ms > lan_now_ms(exchange->lan) || record->started_ms == 0 ||
        (record->answered_ms != 0) != (record->status == CT_CALL_COMPLETED) ||
        record->ended_ms < record->started_ms)
        return false;
    if (record->ringing_ms != 0 && record->ringing_ms < record->started_ms)
        return false;
    return record->answered_ms == 0 ||
           (record->answered_ms >= record->started_ms &&
            record->answered_ms >= record->ringing_ms && record->ended_ms >= record->answered_ms);
}

static void on_ended(void *ctx, const struct ct_call_facts *facts)
{
    struct exchange *exchange = ctx;
    struct record *record = open_record(exchange, facts);
    struct ct_call_facts changed = *facts;

    exchange->sink.ended(exchange->sink.ctx, facts);
    if (record == NULL || exchange_plant(exchange, FAULT_RECORD_OPEN))
        return;
    if (exchange_plant(exchange, FAULT_RECORD_STATE))
        changed.status = CT_CALL_RINGING;
    if (exchange_plant(exchange, FAULT_RECORD_CODE))
        changed.sip_code++;
    if (exchange_plant(exchange, FAULT_ANSWERED_EARLY) && facts->answered_ms != 0)
        changed.answered_ms = changed.ringing_ms = changed.started_ms = facts->started_ms - 60000;
    if (exchange_plant(exchange, FAULT_TIMES) && facts->ringing_ms != 0)
        changed.ringing_ms = facts->started_ms - 1;
    if (record->status == facts->status)
        exchange_complain(exchange, facts->key, "ended before it ended");
    take(exchange, record, &changed);
    record->ended = true;
    if (!is_end(record->status))
        exchange_complain(exchange, facts->key,
                          "ends as something that is no end: it may not become that");
    if (!times_are_right(exchange, record))
        exchange_complain(exchange, facts->key, "its times are not in order");
    if (exchange_plant(exchange, FAULT_CHARGED))
        record->ended_ms += 60000;
}

static void on_transferred(void *ctx, const struct ct_call_facts *facts, bool done)
{
    struct exchange *exchange = ctx;
    struct record *record = open_record(exchange, facts);

    for (; record != NULL && record->settled < record->leg_count; record->settled++)
        record->legs[record->settled].vain = !done;
    if (facts->status != CT_CALL_IN_PROGRESS)
        exchange_complain(exchange, facts->key, "is transferred while nobody talks");
    exchange->sink.transferred(exchange->sink.ctx, facts, done);
}

static void on_leg(void *ctx, const struct ct_call_facts *facts, struct ct_str call_id)
{
    struct exchange *exchange = ctx;
    struct record *record = exchange_record(exchange, facts->key);
    struct record_leg *leg;

    exchange->sink.leg(exchange->sink.ctx, facts, call_id);
    if (record == NULL)
        return;
    if (record->leg_count == EXCHANGE_LEGS)
        abort();
    if (exchange->trace)
        printf("%10lld ---- record %.8s: leg %.*s\n", (long long)lan_now_ms(exchange->lan),
               facts->key, (int)call_id.len, call_id.at);
    leg = &record->legs[record->leg_count++];
    leg->at_ms = lan_now_ms(exchange->lan);
    snprintf(leg->call_id, SAID_TEXT, "%.*s", (int)call_id.len, call_id.at);
    if (people_payer(exchange->called) != 0)
        memcpy(leg->number, exchange->called, sizeof(leg->number));
    exchange->called[0] = '\0';
}

TAP(enum ct_result, ct_sip_session_invite, struct ct_sip_sessions *sessions,
    const struct ct_sip_invite *invite, const struct ct_sip_session_events *events, void *ctx,
    struct ct_sip_session **out)
{
    const char *at = memchr(invite->uri.at, ':', invite->uri.len);

    snprintf(exchange_now->called, sizeof(exchange_now->called), "%.*s",
             at == NULL ? 0 : (int)strcspn(at + 1, "@"), at == NULL ? "" : at + 1);
    return __real_ct_sip_session_invite(sessions, invite, events, ctx, out);
}

/* ---- calls ---- */

TAP(enum ct_result, ct_calls_new, const struct ct_calls_options *options, struct ct_calls **out)
{
    struct ct_calls_options tapped = *options;
    enum ct_result result;

    exchange_now->sink = options->sink;
    tapped.sink = (struct ct_call_sink){.ctx = exchange_now,
                                        .created = on_created,
                                        .changed = on_changed,
                                        .ended = on_ended,
                                        .transferred = on_transferred,
                                        .leg = on_leg};
    result = __real_ct_calls_new(&tapped, out);
    exchange_now->calls = *out;
    return result;
}

TAP(void, ct_calls_incoming, struct ct_calls *calls, struct ct_sip_server *server,
    const struct ct_sip_message *message, void *peer)
{
    struct ct_sip_address contact;

    if (message->call_id.len > 4 && memcmp(message->call_id.at, "att-", 4) == 0)
        exchange_now->complain(exchange_now->ctx, "an attacker makes a call");
    /* what was damaged may be no call: it needs a Contact */
    if (!ct_sip_has(message, CT_SIP_H_REPLACES) && message->max_forwards != 0 &&
        message->max_forwards != 1 &&
        ct_sip_address_read(ct_sip_header(message, CT_SIP_H_CONTACT), &contact) && !contact.star)
        exchange_now->calls_begun++;
    __real_ct_calls_incoming(calls, server, message, peer);
}

TAP(enum ct_result, ct_calls_dial, struct ct_calls *calls, const char *key, ct_call_decision *first,
    ct_call_decision *second, void *ctx)
{
    enum ct_result result;

    exchange_now->calls_begun++;
    exchange_now->dialling = true;
    result = __real_ct_calls_dial(calls, key, first, second, ctx);
    exchange_now->dialling = false;
    return result;
}

/* ---- the shield ---- */

TAP(bool, ct_shield_admit, struct ct_shield *shield, const struct ct_sip_hop *from)
{
    bool admitted = __real_ct_shield_admit(shield, from);

    if (!admitted)
        exchange_now->dropped(exchange_now->ctx, from, NULL);
    return admitted;
}

TAP(bool, ct_shield_admit_message, struct ct_shield *shield, const struct ct_sip_hop *from,
    const struct ct_sip_message *message)
{
    bool admitted = __real_ct_shield_admit_message(shield, from, message) ||
                    exchange_plant(exchange_now, FAULT_SHIELD);

    if (!admitted)
        exchange_now->dropped(exchange_now->ctx, from, message);
    return admitted;
}

TAP(bool, ct_shield_failed, struct ct_shield *shield, const struct ct_sip_hop *from)
{
    bool banned = __real_ct_shield_failed(shield, from);

    if (banned && exchange_plant(exchange_now, FAULT_BAN_FORGOTTEN))
        (void)ct_shield_lift(shield, ct_str_of(lan_address(exchange_now->lan, &from->peer)));
    exchange_now->failed(exchange_now->ctx, from, banned);
    return banned;
}
