#include "voice/voice.h"

#include <stdlib.h>
#include <string.h>

#include "sip/endpoint.h"
#include "sip/re_net.h"
#include "voice/authenticate.h"
#include "voice/call_ends.h"
#include "voice/carriers.h"
#include "voice/device_news.h"
#include "voice/message_count.h"
#include "voice/registrar.h"
#include "voice/relay.h"
#include "voice/switchboard.h"
#include "voice/trunk_watch.h"
#include "voice/voice_end.h"
#include "voice/voice_listen.h"

/* A connection on which nobody is registered may be silent for so long, and a message may take so long. */
#define IDLE_MS 180000
#define MESSAGE_MS 30000
#define MESSAGE_BYTES 65535
#define DEVICES_CACHED 16384
#define NEWS_MS 1000
/* RFC 3261 leaves the times to the registrar: a phone behind a router should come back at least hourly. */
#define EXPIRES_MIN_S 60
#define EXPIRES_MAX_S 3600

struct ct_voice {
    const struct ct_config *config;
    struct ct_sip_net *net;
    struct ct_store *store;
    struct ct_log *log;
    struct ct_metrics *metrics;
    struct ct_reader reader;
    struct ct_shield *shield;
    /* of the SIP thread */
    struct ct_sip *sip;
    struct ct_authenticator *authenticator;
    struct ct_registrar *registrar;
    struct ct_carriers *carriers;
    struct ct_trunk_watch *watch;
    struct ct_relay *relay;
    const char *node; /* how other servers reach this one, or "" */
    struct ct_switchboard *board;
    struct ct_timer news_timer;
    int64_t news_seen;
    struct ct_call_ends ends;
    int64_t bindings; /* that are in the metric */
    bool started;
};

/* ---- the shield ---- */

static bool knows_device(void *ctx, struct ct_str username)
{
    struct ct_voice *voice = ctx;
    struct ct_sip_caller caller;
    return ct_authenticator_find(voice->authenticator, username, &caller) == CT_OK;
}

static bool knows_credentials(void *ctx, const struct ct_sip_message *message)
{
    struct ct_voice *voice = ctx;
    return ct_authenticator_is_named(voice->authenticator, message);
}

static bool knows_trunk(void *ctx, const struct ct_sip_hop *from)
{
    struct ct_voice *voice = ctx;
    return ct_trunk_watch_from(voice->watch, from, (struct ct_str){0}) != NULL ||
           ct_relay_knows(voice->relay, from);
}

/* A connection that somebody is reached by. */
static bool keeps(void *ctx, const struct ct_sip_hop *from)
{
    struct ct_voice *voice = ctx;
    return ct_registrar_knows(voice->registrar, from) || knows_trunk(ctx, from);
}

static void distrusted(void *ctx, const char *name, const char *why)
{
    struct ct_voice *voice = ctx;
    CT_LOG(voice->log, CT_LOG_WARNING, "sip_certificate_refused", CT_F_TEXT("name", name),
           CT_F_TEXT("why", why));
}

static bool knows_registered(void *ctx, const struct ct_sip_hop *from)
{
    struct ct_voice *voice = ctx;
    return ct_registrar_knows(voice->registrar, from);
}

static void tried(void *ctx, const struct ct_sip_hop *from, bool failed)
{
    struct ct_voice *voice = ctx;
    if (!failed)
        return;
    bool banned = ct_shield_failed(voice->shield, from);
    struct ct_arena *arena = ct_arena_new();
    if (arena != NULL) {
        struct ct_buf address = ct_buf_in(arena);
        ct_sip_address_write(&address, &from->peer);
        CT_LOG(voice->log, CT_LOG_WARNING, banned ? "sip_banned" : "sip_wrong_password",
               CT_F_STR("address", ct_buf_done(&address)));
    }
    ct_arena_free(arena);
}

/* ---- what the endpoint asks ---- */

static bool admit(void *ctx, const struct ct_sip_hop *from, struct ct_str bytes)
{
    struct ct_voice *voice = ctx;
    (void)bytes;
    bool admitted = ct_shield_admit(voice->shield, from);
    if (!admitted)
        ct_metrics_add(voice->metrics, CT_METRIC_SIP_DROPPED_ADDRESS, 1);
    return admitted;
}

static bool admit_message(void *ctx, const struct ct_sip_hop *from,
                          const struct ct_sip_message *message)
{
    struct ct_voice *voice = ctx;
    bool admitted = ct_shield_admit_message(voice->shield, from, message);
    if (!admitted)
        ct_metrics_add(voice->metrics, CT_METRIC_SIP_DROPPED_UNKNOWN, 1);
    return admitted;
}

static void request(void *ctx, struct ct_sip_server *transaction,
                    const struct ct_sip_message *message)
{
    struct ct_voice *voice = ctx;
    if (message->method == CT_SIP_REGISTER)
        ct_registrar_request(voice->registrar, transaction, message);
    else
        ct_switchboard_request(voice->board, transaction, message);
}

static void trace(void *ctx, bool sent, const struct ct_sip_hop *hop, struct ct_str bytes,
                  struct ct_str call_id)
{
    struct ct_voice *voice = ctx;
    ct_message_count(voice->metrics, sent, bytes);
    ct_switchboard_trace(voice->board, sent, hop, bytes, call_id);
}

/* ---- devices that change ---- */

static void look_for_news(void *ctx)
{
    struct ct_voice *voice = ctx;
    struct ct_device_news news[CT_DEVICE_NEWS_MOST];
    size_t count = 0;
    struct ct_db *db;
    if (ct_reader_begin(&voice->reader, &db) == CT_OK) {
        if (ct_device_news(db, &voice->news_seen, news, &count) != CT_OK)
            count = 0;
        ct_reader_end(&voice->reader, db);
    }
    for (size_t i = 0; i < count; i++) {
        int64_t device_id = news[i].device_id; /* 0: an account, of which neither has any */
        const struct ct_call_gone gone = {.account_id = device_id == 0 ? news[i].user_id : 0,
                                          .device_id = device_id};
        ct_authenticator_forget(voice->authenticator, device_id);
        ct_registrar_changed(voice->registrar, device_id);
        if (news[i].deleted)
            ct_switchboard_lose(voice->board, &gone);
    }
    ct_call_ends_look(&voice->ends);
    ct_timer_start(ct_sip_wheel(voice->sip), &voice->news_timer, NEWS_MS);
}

static void lost_trunk(void *ctx, int64_t trunk_id)
{
    struct ct_voice *voice = ctx;
    ct_switchboard_lose(voice->board, &(const struct ct_call_gone){.trunk_id = trunk_id});
}

/* ---- what the network calls ---- */

static void receive(void *ctx, const struct ct_sip_hop *from, struct ct_str bytes)
{
    struct ct_voice *voice = ctx;
    if (!ct_relay_take(voice->relay, from, bytes))
        ct_sip_receive(voice->sip, from, bytes);
}

static void lost(void *ctx, const struct ct_sip_hop *hop)
{
    struct ct_voice *voice = ctx;
    ct_registrar_lost(voice->registrar, hop);
    ct_sip_hop_lost(voice->sip, hop);
}

static bool accept_from(void *ctx, const struct ct_sip_hop *from)
{
    struct ct_voice *voice = ctx;
    return ct_shield_accept(voice->shield, from);
}

static void turn(void *ctx)
{
    struct ct_voice *voice = ctx;
    ct_sip_turn(voice->sip);
    int64_t bindings = (int64_t)ct_registrar_count(voice->registrar);
    if (bindings != voice->bindings)
        ct_metrics_add(voice->metrics, CT_METRIC_SIP_BINDINGS, bindings - voice->bindings);
    voice->bindings = bindings;
}

static int64_t next_ms(void *ctx)
{
    struct ct_voice *voice = ctx;
    return ct_sip_next_ms(voice->sip);
}

static void rest(void *ctx)
{
    struct ct_voice *voice = ctx;
    ct_reader_rest(&voice->reader);
}

static bool settled(void *ctx)
{
    struct ct_voice *voice = ctx;
    return ct_registrar_settled(voice->registrar) && ct_switchboard_settled(voice->board) &&
           ct_call_ends_settled(&voice->ends) && ct_trunk_watch_settled(voice->watch);
}

/* ---- from outside ---- */

enum ct_result ct_voice_bind(const struct ct_config *config, struct ct_arena *arena,
                             struct ct_voice **out, const char **why)
{
    struct ct_sip_listen listen[CT_SIP_LISTEN_MOST];
    struct ct_sip_net_options options = {.listen = listen,
                                         .public_address = config->sip_public_address,
                                         .tls_cert_file = config->tls_cert_file,
                                         .tls_key_file = config->tls_key_file,
                                         .connections_max = (size_t)config->sip_connections_max,
                                         .connections_per_address =
                                             (size_t)config->sip_connections_per_address,
                                         .idle_ms = IDLE_MS,
                                         .message_ms = MESSAGE_MS,
                                         .message_bytes = MESSAGE_BYTES};
    *out = NULL;
    enum ct_result result = ct_voice_listen(config, arena, listen, &options.listen_count);
    if (result != CT_OK || options.listen_count == 0)
        return result;
    struct ct_voice *voice = calloc(1, sizeof(*voice));
    if (voice == NULL)
        return CT_NOMEM;
    voice->config = config;
    result = ct_sip_net_bind(&options, arena, &voice->net, why);
    if (result != CT_OK) {
        free(voice);
        return result;
    }
    *out = voice;
    return CT_OK;
}

static enum ct_result make_shield(struct ct_voice *voice)
{
    const struct ct_config *config = voice->config;
    const struct ct_shield_options options = {.env = ct_sip_net_env(voice->net),
                                              .knows = {.ctx = voice,
                                                        .device = knows_device,
                                                        .credentials = knows_credentials,
                                                        .registered = knows_registered,
                                                        .trunk = knows_trunk},
                                              .reject_unknown =
                                                  config->sip_unknown == CT_SIP_UNKNOWN_REJECT,
                                              .rate_per_s = (size_t)config->sip_rate_per_address,
                                              .failures_max = (size_t)config->sip_failures_max,
                                              .ban_ms = config->sip_ban_minutes * 60000};
    return ct_shield_new(&options, &voice->shield);
}

static enum ct_result make_endpoint(struct ct_voice *voice)
{
    const struct ct_sip_options options = {.env = *ct_sip_net_env(voice->net),
                                           .user = {.ctx = voice,
                                                    .admit = admit,
                                                    .admit_message = admit_message,
                                                    .request = request,
                                                    .trace = trace},
                                           .methods = CT_SWITCHBOARD_METHODS,
                                           .extensions = CT_SWITCHBOARD_EXTENSIONS,
                                           .name = CT_STR("cloud-telephony"),
                                           .max_per_address =
                                               (size_t)voice->config->sip_transactions_per_address,
                                           .max_message = MESSAGE_BYTES};
    return ct_sip_new(&options, &voice->sip);
}

static enum ct_result make_registrar(struct ct_voice *voice)
{
    const struct ct_config *config = voice->config;
    const struct ct_authenticator_options authenticator = {
        .env = ct_sip_net_env(voice->net),
        .reader = &voice->reader,
        .domain = config->sip_domain,
        .no_sha256 = config->sip_digest == CT_SIP_DIGEST_MD5,
        .no_md5 = config->sip_digest == CT_SIP_DIGEST_SHA256,
        .cached = DEVICES_CACHED,
        .tried = tried,
        .tried_ctx = voice};
    enum ct_result result = ct_authenticator_new(&authenticator, &voice->authenticator);
    if (result != CT_OK)
        return result;
    const struct ct_registrar_options registrar = {.sip = voice->sip,
                                                   .env = ct_sip_net_env(voice->net),
                                                   .post = ct_sip_net_post(voice->net),
                                                   .store = voice->store,
                                                   .reader = &voice->reader,
                                                   .authenticator = voice->authenticator,
                                                   .expires_min_s = EXPIRES_MIN_S,
                                                   .expires_max_s = EXPIRES_MAX_S,
                                                   .expires_default_s = EXPIRES_MAX_S,
                                                   .contacts_max = (size_t)config->sip_contacts_max,
                                                   .node = ct_str_of(voice->node),
                                                   .shared = ct_store_reads_wait(voice->store)};
    return ct_registrar_new(&registrar, &voice->registrar);
}

static enum ct_result make_switchboard(struct ct_voice *voice, const struct ct_voice_options *given)
{
    const struct ct_carriers_options carriers = {.config = voice->config,
                                                 .env = ct_sip_net_env(voice->net),
                                                 .wheel = ct_sip_wheel(voice->sip),
                                                 .reader = &voice->reader,
                                                 .gone = lost_trunk,
                                                 .ctx = voice};
    enum ct_result result = ct_carriers_new(&carriers, &voice->carriers);
    const struct ct_relay_options relay = {.sip = voice->sip,
                                           .env = ct_sip_net_env(voice->net),
                                           .find = ct_registrar_at,
                                           .find_ctx = voice->registrar,
                                           .secret = ct_str_of(voice->config->secret_key),
                                           .node = ct_str_of(voice->node)};
    if (result == CT_OK)
        result = ct_relay_new(&relay, &voice->relay);
    if (result != CT_OK)
        return result;
    const struct ct_trunk_watch_options watch = {.config = voice->config,
                                                 .sip = voice->sip,
                                                 .post = ct_sip_net_post(voice->net),
                                                 .store = voice->store,
                                                 .reader = &voice->reader,
                                                 .carriers = voice->carriers,
                                                 .log = voice->log,
                                                 .metrics = voice->metrics,
                                                 .node = given->node,
                                                 .alone = given->alone};
    result = ct_trunk_watch_new(&watch, &voice->watch);
    if (result != CT_OK)
        return result;
    const struct ct_switchboard_options board = {.config = voice->config,
                                                 .sip = voice->sip,
                                                 .env = ct_sip_net_env(voice->net),
                                                 .post = ct_sip_net_post(voice->net),
                                                 .store = voice->store,
                                                 .reader = &voice->reader,
                                                 .registrar = voice->registrar,
                                                 .authenticator = voice->authenticator,
                                                 .carriers = voice->carriers,
                                                 .watch = voice->watch,
                                                 .relay = voice->relay,
                                                 .log = voice->log,
                                                 .metrics = voice->metrics,
                                                 .node = given->node};
    return ct_switchboard_new(&board, &voice->board);
}

enum ct_result ct_voice_start(struct ct_voice *voice, const struct ct_voice_options *options,
                              struct ct_arena *arena, const char **why)
{
    if (voice == NULL)
        return CT_OK;
    const struct ct_sip_net_user user = {.ctx = voice,
                                         .receive = receive,
                                         .lost = lost,
                                         .accept = accept_from,
                                         .keep = keeps,
                                         .distrusted = distrusted,
                                         .turn = turn,
                                         .next_ms = next_ms,
                                         .rest = rest,
                                         .settled = settled,
                                         .end = rest};
    voice->store = options->store;
    voice->log = options->log;
    voice->metrics = options->metrics;
    voice->reader = (struct ct_reader){.store = options->store};
    ct_voice_raise_limit(voice->config);
    enum ct_result result = ct_voice_node_address(arena, voice->config, voice->net, &voice->node);
    if (result == CT_OK)
        result = make_shield(voice);
    if (result == CT_OK)
        result = make_endpoint(voice);
    if (result == CT_OK)
        result = make_registrar(voice);
    if (result == CT_OK)
        result = make_switchboard(voice, options);
    if (result != CT_OK)
        return result;
    voice->news_seen = -1;
    voice->news_timer = (struct ct_timer){.fire = look_for_news, .ctx = voice};
    ct_timer_start(ct_sip_wheel(voice->sip), &voice->news_timer, 1);
    voice->ends = (struct ct_call_ends){.store = voice->store,
                                        .reader = &voice->reader,
                                        .board = voice->board,
                                        .post = ct_sip_net_post(voice->net),
                                        .node = options->node};
    ct_call_ends_start(&voice->ends);
    result = ct_sip_net_start(voice->net, &user, arena, why);
    voice->started = result == CT_OK;
    if (result == CT_OK)
        ct_voice_log_listeners(voice->net, voice->log);
    return result;
}

void ct_voice_stop(struct ct_voice *voice)
{
    if (voice == NULL)
        return;
    ct_call_ends_stop(&voice->ends);
    if (voice->started)
        ct_voice_hang_up(voice->net, voice->sip, voice->board, voice->watch);
    ct_sip_net_end(voice->net);
    if (voice->sip != NULL)
        ct_timer_stop(&voice->news_timer);
    ct_switchboard_free(voice->board);
    ct_trunk_watch_free(voice->watch);
    ct_carriers_free(voice->carriers);
    ct_relay_free(voice->relay);
    ct_registrar_free(voice->registrar);
    ct_sip_free(voice->sip);
    ct_authenticator_free(voice->authenticator);
    ct_shield_free(voice->shield);
    ct_sip_net_free(voice->net);
    free(voice);
}

struct ct_shield *ct_voice_shield(struct ct_voice *voice)
{
    return voice == NULL ? NULL : voice->shield;
}

struct ct_switchboard *ct_voice_switchboard(struct ct_voice *voice)
{
    return voice == NULL ? NULL : voice->board;
}

const struct ct_pulse *ct_voice_poke(struct ct_voice *voice)
{
    return voice == NULL ? NULL : ct_sip_net_poke(voice->net);
}
