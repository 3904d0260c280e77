#include "simulator/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sip/write.h"

static bool plant(struct exchange *exchange, enum fault fault)
{
    return exchange->fault == fault;
}

static bool plant_once(struct exchange *exchange, enum fault fault)
{
    if (exchange->fault != fault || exchange->fault_done)
        return false;
    exchange->fault_done = true;
    return true;
}

/* ---- its outer world: the lan's, where a fault can be planted ---- */

static int64_t env_now_ms(void *ctx)
{
    const struct exchange *exchange = ctx;

    return exchange->outer.now_ms(exchange->outer.ctx);
}

static int64_t env_unix_ms(void *ctx)
{
    const struct exchange *exchange = ctx;

    return UNIX_START_MS + exchange->outer.now_ms(exchange->outer.ctx);
}

static void env_random(void *ctx, void *out, size_t size)
{
    struct exchange *exchange = ctx;
    char *at = out;

    exchange->outer.random(exchange->outer.ctx, out, size);
    if (plant(exchange, FAULT_CHANCE))
        at[0] = (char)(ct_clock_monotonic_us() / 7);
}

static bool begins(struct ct_str bytes, const char *text)
{
    return bytes.len >= strlen(text) && memcmp(bytes.at, text, strlen(text)) == 0;
}

static enum ct_result env_send(void *ctx, const struct ct_sip_hop *to, struct ct_str bytes)
{
    struct exchange *exchange = ctx;

    if (exchange->gone)
        return CT_OK;
    if (plant(exchange, FAULT_MUTE) && begins(bytes, "SIP/2.0 ") &&
        memmem(bytes.at, bytes.len, " BYE\r\n", 6) != NULL)
        return CT_OK;
    if (plant(exchange, FAULT_NO_ACK) && begins(bytes, "ACK "))
        return CT_OK;
    if (plant(exchange, FAULT_NO_BYE) && begins(bytes, "BYE "))
        return CT_OK;
    return exchange->outer.send(exchange->outer.ctx, to, bytes);
}

static void env_local(void *ctx, const struct ct_sip_hop *to, struct ct_sip_local *out)
{
    const struct exchange *exchange = ctx;

    exchange->outer.local(exchange->outer.ctx, to, out);
}

static enum ct_result env_resolve(void *ctx, struct ct_str uri, ct_sip_found *found,
                                  void *found_ctx, struct ct_sip_lookup **out)
{
    const struct exchange *exchange = ctx;

    return exchange->outer.resolve(exchange->outer.ctx, uri, found, found_ctx, out);
}

static void env_resolve_cancel(void *ctx, struct ct_sip_lookup *lookup)
{
    const struct exchange *exchange = ctx;

    exchange->outer.resolve_cancel(exchange->outer.ctx, lookup);
}

/* ---- records ---- */

static void complain(struct exchange *exchange, const char *key, const char *what)
{
    char text[256];

    snprintf(text, sizeof(text), "call %.8s: %s", key, what);
    exchange->complain(exchange->complain_ctx, text);
}

static struct record *record_of(struct exchange *exchange, const char *key)
{
    for (size_t i = exchange->record_count; i > 0; i--)
        if (strcmp(exchange->records[i - 1].key, key) == 0)
            return &exchange->records[i - 1];
    return NULL;
}

struct record *exchange_record(struct exchange *exchange, const char *call_id, size_t *leg)
{
    for (size_t i = 0; i < exchange->record_count; i++)
        for (size_t j = 0; j < exchange->records[i].leg_count; j++)
            if (strcmp(exchange->records[i].legs[j], call_id) == 0) {
                if (leg != NULL)
                    *leg = j;
                return &exchange->records[i];
            }
    return NULL;
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
        complain(exchange, facts->key, text);
    }
    if (exchange->trace)
        printf("%10lld ---- record %.8s: status %d, device %lld, code %d\n",
               (long long)env_now_ms(exchange), facts->key, (int)facts->status,
               (long long)facts->parties.to_device_id, facts->sip_code);
    record->status = facts->status;
    record->winner = facts->parties.to_device_id;
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
    struct record *record = record_of(exchange, facts->key);

    if (plant_once(exchange, FAULT_RECORD_LOST))
        return;
    if (record != NULL) {
        complain(exchange, facts->key, "has two records");
        return;
    }
    if (exchange->record_count == EXCHANGE_RECORDS)
        abort();
    if (ct_call_log_created(exchange->archive.log, facts, false, NULL) != CT_OK)
        abort();
    record = &exchange->records[exchange->record_count++];
    *record = (struct record){.status = facts->status};
    snprintf(record->key, sizeof(record->key), "%s", facts->key);
    if (facts->status != CT_CALL_QUEUED)
        complain(exchange, facts->key, "does not begin as queued");
    take(exchange, record, facts);
    if (plant_once(exchange, FAULT_RECORD_TWICE))
        on_created(ctx, facts);
    if (plant_once(exchange, FAULT_TIMER))
        ct_timer_start(ct_sip_wheel(exchange->sip), &exchange->stray, INT64_C(1000) * 86400 * 30);
    if (plant_once(exchange, FAULT_MEMORY))
        exchange->leaked = malloc(1);
}

/* The record of a step; NULL: there is none, or it may not come any more. */
static struct record *open_record(struct exchange *exchange, const struct ct_call_facts *facts)
{
    struct record *record = record_of(exchange, facts->key);

    if (record == NULL || record->ended) {
        complain(exchange, facts->key,
                 record == NULL ? "is not there" : "is told of after its end");
        return NULL;
    }
    return record;
}

static void on_changed(void *ctx, const struct ct_call_facts *facts)
{
    struct exchange *exchange = ctx;
    struct record *record = open_record(exchange, facts);

    ct_call_log_changed(exchange->archive.log, facts);
    if (record != NULL)
        take(exchange, record, facts);
}

static bool is_end(enum ct_call_status status)
{
    return status >= CT_CALL_COMPLETED && status < CT_CALL_STATUSES;
}

static void on_ended(void *ctx, const struct ct_call_facts *facts)
{
    struct exchange *exchange = ctx;
    struct record *record = open_record(exchange, facts);
    struct ct_call_facts changed = *facts;
    int64_t now_ms = env_now_ms(exchange);

    ct_call_log_ended(exchange->archive.log, facts);
    if (record == NULL || plant(exchange, FAULT_RECORD_OPEN))
        return;
    if (plant(exchange, FAULT_RECORD_STATE))
        changed.status = CT_CALL_RINGING;
    if (plant(exchange, FAULT_RECORD_CODE))
        changed.sip_code++;
    if (plant(exchange, FAULT_ANSWERED_EARLY) && facts->answered_ms != 0)
        changed.answered_ms = changed.ringing_ms = changed.started_ms = facts->started_ms - 60000;
    if (plant(exchange, FAULT_TIMES) && facts->ringing_ms != 0)
        changed.ringing_ms = facts->started_ms - 1;
    if (record->status == facts->status)
        complain(exchange, facts->key, "ended before it ended");
    take(exchange, record, &changed);
    record->ended = true;
    if (!is_end(record->status))
        complain(exchange, facts->key, "ends as something that is no end: it may not become that");
    if (record->ended_ms > now_ms ||
        (record->answered_ms != 0) != (record->status == CT_CALL_COMPLETED) ||
        record->started_ms == 0 || record->ended_ms < record->started_ms ||
        (record->ringing_ms != 0 && record->ringing_ms < record->started_ms) ||
        (record->answered_ms != 0 &&
         (record->answered_ms < record->started_ms || record->answered_ms < record->ringing_ms ||
          record->ended_ms < record->answered_ms)))
        complain(exchange, facts->key, "its times are not in order");
    if (plant(exchange, FAULT_CHARGED))
        record->ended_ms += 60000;
}

static void on_leg(void *ctx, const struct ct_call_facts *facts, struct ct_str call_id)
{
    struct exchange *exchange = ctx;
    struct record *record = record_of(exchange, facts->key);

    ct_call_log_leg(exchange->archive.log, facts->key, call_id);
    if (record == NULL)
        return;
    if (record->leg_count == EXCHANGE_LEGS)
        abort();
    if (exchange->trace)
        printf("%10lld ---- record %.8s: leg %.*s\n", (long long)env_now_ms(exchange), facts->key,
               (int)call_id.len, call_id.at);
    snprintf(record->legs[record->leg_count++], SAID_TEXT, "%.*s", (int)call_id.len, call_id.at);
}

static void on_kept(void *ctx, const char *key, unsigned steps)
{
    struct record *record = record_of(ctx, key);

    if (record != NULL)
        record->kept |= steps;
}

static void on_trace(void *ctx, bool sent, const struct ct_sip_hop *hop, struct ct_str bytes,
                     struct ct_str call_id)
{
    struct exchange *exchange = ctx;

    if (!exchange->gone)
        ct_call_log_trace(exchange->archive.log, sent, hop, bytes, call_id);
}

/* ---- requests ---- */

static void on_request(void *ctx, struct ct_sip_server *server,
                       const struct ct_sip_message *message)
{
    struct exchange *exchange = ctx;
    enum ct_result result = CT_OK;

    if (message->method == CT_SIP_INVITE) {
        struct ct_sip_address contact;

        /* what was damaged may be no call: it needs a Contact */
        if (!ct_sip_has(message, CT_SIP_H_REPLACES) && message->max_forwards != 0 &&
            message->max_forwards != 1 &&
            ct_sip_address_read(ct_sip_header(message, CT_SIP_H_CONTACT), &contact) &&
            !contact.star)
            exchange->calls_begun++;
        ct_calls_incoming(exchange->calls, server, message, NULL);
    } else if (message->method == CT_SIP_REGISTER) {
        ct_registrar_request(exchange->registry.registrar, server, message);
        ct_reader_rest(&exchange->registry.reader);
    } else {
        result = ct_sip_reply(server, message->method == CT_SIP_OPTIONS ? 200 : 403, NULL);
    }
    (void)result; /* whoever asked asks again */
}

/* ---- the API ---- */

static void dial_first(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                       struct ct_call_route *out)
{
    const struct exchange_dial *dial = ctx;

    (void)facts;
    exchange_route(dial->exchange, ct_str_of(dial->phone), arena, out);
}

static void dial_second(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                        struct ct_call_route *out)
{
    const struct exchange_dial *dial = ctx;

    (void)facts;
    exchange_route(dial->exchange, ct_str_of(dial->number), arena, out);
}

void exchange_dial(struct exchange *exchange, const char *phone, const char *number)
{
    char key[CT_CALL_KEY_BYTES + 1];
    struct exchange_dial *dial = &exchange->dials[exchange->dial_count];
    struct record *record;

    if (exchange->dial_count == EXCHANGE_DIALS)
        return;
    exchange->dial_count++;
    dial->exchange = exchange;
    snprintf(dial->phone, sizeof(dial->phone), "%s", phone);
    snprintf(dial->number, sizeof(dial->number), "%s", number);
    snprintf(key, sizeof(key), "%08x%08x%016zx", lan_random(exchange->lan, UINT32_MAX),
             lan_random(exchange->lan, UINT32_MAX), exchange->record_count);
    exchange->calls_begun++;
    ct_sip_turn(exchange->sip);
    if (ct_calls_dial(exchange->calls, key, dial_first, dial_second, dial) != CT_OK)
        abort();
    record = record_of(exchange, key);
    if (record != NULL)
        record->dialled = true;
}

struct choice {
    struct exchange *exchange;
    size_t seen;
    char key[CT_CALL_KEY_BYTES + 1];
};

static void choose(void *ctx, const struct ct_call_facts *facts)
{
    struct choice *choice = ctx;

    if (lan_random(choice->exchange->lan, (uint32_t)++choice->seen) == 0)
        memcpy(choice->key, facts->key, sizeof(choice->key));
}

void exchange_hang_up(struct exchange *exchange)
{
    struct choice choice = {.exchange = exchange};

    ct_sip_turn(exchange->sip);
    ct_calls_each(exchange->calls, choose, &choice);
    if (choice.seen > 0 && ct_calls_hang_up(exchange->calls, choice.key) != CT_OK)
        complain(exchange, choice.key, "cannot be hung up");
}

/* ---- open and close ---- */

static void stray_fire(void *ctx)
{
    (void)ctx;
}

static enum ct_result begin(struct exchange *exchange)
{
    struct ct_sip_options options = {
        .env = exchange->env,
        .user = {.ctx = exchange, .request = on_request, .trace = on_trace},
        .methods = CT_STR("INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, "
                          "MESSAGE, REFER, NOTIFY"),
        .extensions = CT_STR("100rel, timer, replaces"),
        .name = CT_STR("exchange"),
    };
    struct ct_calls_options calls = {
        .plan = exchange_plan,
        .sink = {exchange, on_created, on_changed, on_ended, on_leg},
    };
    enum ct_result result = ct_sip_new(&options, &exchange->sip);

    if (result == CT_OK)
        result = archive_begin(&exchange->archive, exchange->sip, &exchange->env);
    if (result == CT_OK)
        result = registry_begin(&exchange->registry, exchange->sip, &exchange->env,
                                archive_post(&exchange->archive), exchange->archive.scratch.store);
    if (result == CT_OK)
        result = ct_sip_sessions_new(exchange->sip, NULL, &exchange->sessions);
    calls.plan.ctx = exchange;
    calls.sip = exchange->sip;
    calls.sessions = exchange->sessions;
    calls.env = &exchange->env;
    if (result == CT_OK)
        result = ct_calls_new(&calls, &exchange->calls);
    if (result == CT_OK)
        lan_inhabit(exchange->lan, exchange->address, exchange->sip);
    return result;
}

enum ct_result exchange_open(struct exchange *exchange, struct lan *lan, const char *address,
                             enum fault fault)
{
    enum ct_result result = lan_place(lan, address, &exchange->outer);

    if (result != CT_OK)
        return result;
    exchange->lan = lan;
    exchange->address = address;
    exchange->fault = fault;
    exchange->stray = (struct ct_timer){.fire = stray_fire};
    exchange->env = (struct ct_sip_env){exchange, env_now_ms, env_unix_ms, env_random,
                                        env_send, env_local,  env_resolve, env_resolve_cancel};
    exchange->archive.kept = on_kept;
    exchange->archive.ctx = exchange;
    result = archive_open(&exchange->archive, lan, fault);
    if (result == CT_OK)
        result = registry_people(exchange->archive.scratch.store);
    return result == CT_OK ? begin(exchange) : result;
}

void exchange_close(struct exchange *exchange)
{
    exchange->gone = true;
    ct_calls_free(exchange->calls);
    ct_sip_sessions_free(exchange->sessions);
    if (exchange->archive.log != NULL)
        archive_end(&exchange->archive);
    registry_end(&exchange->registry);
    lan_inhabit(exchange->lan, exchange->address, NULL);
    ct_sip_free(exchange->sip);
}

enum ct_result exchange_restart(struct exchange *exchange)
{
    struct registry_list before;
    struct registry_list after;
    enum ct_result result;

    registry_look(&exchange->registry, &before);
    if (ct_timer_running(&exchange->stray)) {
        ct_timer_stop(&exchange->stray);
        exchange->fault_done = false;
    }
    exchange_close(exchange);
    for (size_t i = 0; i < exchange->record_count; i++) {
        struct record *record = &exchange->records[i];

        if (record->gone_ms == 0 && (record->kept & CT_LOG_ENDED) == 0)
            record->gone_ms = env_now_ms(exchange);
    }
    for (int64_t id = 1; exchange->fault == FAULT_BINDING_LOST && id <= REGISTRY_DEVICES; id++)
        registry_lose(exchange->archive.scratch.store, &exchange->registry, id);
    exchange->gone = false;
    result = begin(exchange);
    if (result != CT_OK)
        return result;
    registry_look(&exchange->registry, &after);
    if (!registry_kept(&before, &after, env_unix_ms(exchange)))
        exchange->complain(exchange->complain_ctx, "a binding was lost when the server began anew");
    return CT_OK;
}
