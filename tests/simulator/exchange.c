#include "simulator/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "voice/call_log_parts.h"
#include "voice/keeper.h"
#include "voice/records.h"
#include "voice/switchboard.h"

/* The lives of the server. */

#define RATE_PER_S 40
#define FAILURES_MOST 8
#define BAN_MINUTES 3

bool exchange_plant(const struct exchange *exchange, enum fault fault)
{
    return exchange->fault == fault;
}

bool exchange_plant_once(struct exchange *exchange, enum fault fault)
{
    if (exchange->fault != fault || exchange->fault_done)
        return false;
    exchange->fault_done = true;
    return true;
}

static void stray_fire(void *ctx)
{
    (void)ctx;
}

/* ---- the keeper, whose thread needs a clock of the world: what it does, when it does it ---- */

static int64_t unix_ms(const struct exchange *exchange)
{
    return UNIX_START_MS + lan_now_ms(exchange->lan);
}

static void keep(struct exchange *exchange, enum ct_result result)
{
    if (result != CT_OK)
        exchange->complain(exchange->ctx, "the keeper cannot work");
}

static void interrupt(struct exchange *exchange, int64_t before_ms)
{
    if (!exchange_plant(exchange, FAULT_INTERRUPT))
        keep(exchange, ct_keep_interrupt(exchange->archive.scratch.store,
                                         ct_str_of(exchange->archive.node), before_ms));
}

/* What is known to be on disk is known to be up. */
static void note_beat(struct exchange *exchange)
{
    for (size_t i = 0; i < exchange->record_count; i++)
        if ((exchange->records[i].kept & CT_LOG_BEGUN) != 0 && exchange->records[i].gone_ms == 0)
            exchange->records[i].beat_ms = lan_now_ms(exchange->lan);
}

static void beat(void *ctx)
{
    struct exchange *exchange = ctx;

    if (exchange->away)
        return;
    /* the calls of this process; what its thread reads has been let go of */
    keep(exchange, ct_keep_beat(exchange->archive.scratch.store, ct_str_of(exchange->archive.node),
                                unix_ms(exchange)));
    note_beat(exchange);
    if (exchange->beats++ % 5 == 0)
        interrupt(exchange, unix_ms(exchange) - CT_NODE_GONE_MS);
    ct_timer_start(lan_wheel(exchange->lan), &exchange->beat, EXCHANGE_BEAT_MS);
}

static enum ct_result run_node(void *ctx, struct ct_db *db)
{
    struct exchange *exchange = ctx;

    return ct_node_begin(db, ct_str_of(exchange->archive.node), unix_ms(exchange));
}

/* ---- lives ---- */

enum ct_result exchange_begin(struct exchange *exchange)
{
    struct archive *archive = &exchange->archive;
    struct ct_voice_options options = {.store = archive->scratch.store};
    const char *why = NULL;
    enum ct_result result;

    archive_begin(archive);
    options.node = ct_str_of(archive->node);
    options.alone = exchange->alone;
    exchange->gone = false;
    exchange->away = false;
    exchange->arena = ct_arena_new();
    if (exchange->arena == NULL)
        return CT_NOMEM;
    result = ct_store_write(archive->scratch.store, run_node, exchange);
    if (result == CT_OK)
        interrupt(exchange, exchange->alone ? INT64_MAX : unix_ms(exchange) - CT_NODE_GONE_MS);
    if (result == CT_OK)
        result = ct_voice_bind(&exchange->config, exchange->arena, &exchange->voice, &why);
    if (result == CT_OK)
        result = ct_voice_start(exchange->voice, &options, exchange->arena, &why);
    ct_timer_start(lan_wheel(exchange->lan), &exchange->beat, EXCHANGE_BEAT_MS);
    return result;
}

static void end(struct exchange *exchange)
{
    ct_timer_stop(&exchange->beat);
    if (ct_timer_running(&exchange->stray)) {
        ct_timer_stop(&exchange->stray);
        exchange->fault_done = false;
    }
    for (size_t i = 0; i < exchange->record_count; i++) {
        struct record *record = &exchange->records[i];

        if (record->gone_ms == 0 && (record->kept & CT_LOG_ENDED) == 0)
            record->gone_ms = lan_now_ms(exchange->lan);
    }
    exchange->voice = NULL;
    exchange->sip = NULL;
    exchange->sessions = NULL;
    exchange->calls = NULL;
    exchange->registrar = NULL;
    ct_arena_free(exchange->arena);
    exchange->arena = NULL;
}

void exchange_crash(struct exchange *exchange)
{
    if (exchange->voice == NULL)
        return;
    exchange->deaf = true;
    exchange->gone = true;
    ct_voice_stop(exchange->voice);
    end(exchange);
}

void exchange_stop(struct exchange *exchange)
{
    ct_voice_stop(exchange->voice);
    end(exchange);
}

bool exchange_is_quiet(const struct exchange *exchange)
{
    struct ct_sip_counts counts = ct_sip_counts(exchange->sip);

    for (size_t i = 0; i < exchange->order_count; i++)
        if (!exchange->orders[i].done)
            return false;
    return counts.servers == 0 && counts.clients <= EXCHANGE_PROBES && counts.dialogs == 0 &&
           ct_sip_sessions_count(exchange->sessions) == 0 &&
           ct_switchboard_is_over(ct_voice_switchboard(exchange->voice)) &&
           archive_is_quiet(&exchange->archive) && ct_registrar_count(exchange->registrar) == 0;
}

/* ---- open and close ---- */

static enum ct_result configure(struct exchange *exchange)
{
    struct ct_config *config = &exchange->config;
    const char *why = NULL;
    enum ct_result result =
        ct_config_load(exchange->archive.scratch.arena, NULL, NULL, config, &why);

    config->sip_listen = "udp:192.0.2.1:5060,tcp:192.0.2.1:5060,ws:192.0.2.1:5066";
    config->sip_domain = PEOPLE_REALM;
    config->sip_public_address = "";
    config->secret_key = "the same in all lives of the server";
    config->secret_key_previous = "";
    config->sip_unknown = CT_SIP_UNKNOWN_DROP;
    config->sip_digest = lan_random(exchange->lan, 2) == 0 ? CT_SIP_DIGEST_MD5 : CT_SIP_DIGEST_BOTH;
    config->sip_rate_per_address = RATE_PER_S;
    config->sip_failures_max = FAILURES_MOST;
    config->sip_ban_minutes = BAN_MINUTES;
    config->sip_contacts_max = PEOPLE_CONTACTS;
    config->sip_connections_max = 64;
    config->sip_connections_per_address = 8;
    return result;
}

enum ct_result exchange_open(struct exchange *exchange, struct lan *lan, const char *address,
                             const char *const carriers[2], enum fault fault)
{
    enum ct_result result;

    exchange->lan = lan;
    exchange->address = address;
    exchange->fault = fault;
    exchange->stray = (struct ct_timer){.fire = stray_fire};
    exchange->beat = (struct ct_timer){.fire = beat, .ctx = exchange};
    exchange->archive.kept = exchange_kept;
    exchange->archive.ctx = exchange;
    exchange->alone = lan_random(lan, 2) == 0;
    result = archive_open(&exchange->archive, lan, fault);
    if (result == CT_OK)
        result = configure(exchange);
    if (result == CT_OK)
        result = exchange_connect(exchange);
    exchange_now = exchange;
    if (result == CT_OK)
        result = people_settle(exchange->archive.scratch.store, lan, carriers, exchange->caps);
    return result == CT_OK ? exchange_begin(exchange) : result;
}

void exchange_close(struct exchange *exchange)
{
    exchange_crash(exchange);
    for (size_t i = 0; i < exchange->order_count; i++)
        ct_arena_free(exchange->orders[i].arena);
    exchange_now = NULL;
}
