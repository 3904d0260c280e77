#include "voice/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/write.h"

#define LONG_MS 75000

/* ---- the plan ---- */

static const char *address_of(char who)
{
    switch (who) {
    case 'a':
        return "192.0.2.1";
    case 'b':
        return "192.0.2.2";
    case 'c':
        return "192.0.2.3";
    case 'd':
        return "192.0.2.4";
    case 'l': /* of "loop" */
        return HUB;
    default:
        return "192.0.2.250"; /* nobody */
    }
}

static void ring(struct hub *hub, struct ct_arena *arena, const char *who,
                 struct ct_call_route *out)
{
    size_t length = strcspn(who, "+");
    struct ct_call_target *targets =
        ct_arena_alloc(arena, (length + 1) * sizeof(struct ct_call_target));

    hub->forward = who[length] == '+' ? who[length + 1] : '\0';
    out->ring_ms = hub->ring_ms;
    out->longest_ms = hub->longest_ms;
    out->again_ms = hub->again_ms;
    out->targets = targets;
    if (targets == NULL) {
        out->status = 500;
        return;
    }
    if (strcmp(who, "loop") == 0)
        length = 1;
    for (size_t i = 0; i < length; i++) {
        struct ct_call_target *target = &targets[out->target_count];
        char *uri;

        if (who[i] == '-') {
            out->in_order = true;
            continue;
        }
        uri = ct_arena_printf(arena, "sip:%s@%s", who[i] == 'l' ? "loop" : "phone",
                              address_of(who[i]));
        if (uri == NULL) {
            out->status = 500;
            return;
        }
        target->invite = (struct ct_sip_invite){
            .uri = ct_str_of(uri),
            .from = CT_STR("\"Ann\" <sip:+15550001@" HUB ">"),
            .to = CT_STR("<sip:+15550002@" HUB ">"),
            .user = CT_STR("hub"),
        };
        target->device_id = who[i];
        target->trunk_id = who[i] == hub->outside ? 1000 + who[i] : 0;
        out->target_count++;
    }
}

static void fill(struct hub *hub, struct ct_arena *arena, const char *who,
                 struct ct_call_route *out)
{
    out->parties.from = CT_STR("+15550001");
    out->parties.to = CT_STR("+15550002");
    if (who[0] >= '0' && who[0] <= '9')
        out->status = atoi(who);
    else if (strncmp(who, "later-", 6) == 0) {
        ring(hub, arena, who + 6, out);
        out->later = true;
    } else
        ring(hub, arena, who, out);
}

static void incoming(void *ctx, const struct ct_call_facts *facts, void *peer,
                     const struct ct_sip_message *message, struct ct_arena *arena,
                     struct ct_call_route *out)
{
    struct hub *hub = ctx;
    const char *who = ct_str_dup(arena, message->uri.user);

    if (peer != hub)
        abort();
    memcpy(hub->later, facts->key, sizeof(hub->later));
    snprintf(hub->to, sizeof(hub->to), "%s", who == NULL ? "500" : who);
    fill(hub, arena, hub->to, out);
    out->parties.caller_id = 7;
}

static bool unanswered(void *ctx, const struct ct_call_facts *facts, int status,
                       struct ct_arena *arena, struct ct_call_route *out)
{
    struct hub *hub = ctx;
    char who[2] = {hub->forward, '\0'};

    (void)facts;
    (void)status;
    if (who[0] == '\0')
        return false;
    hub->forwards++;
    ring(hub, arena, who, out);
    return true;
}

static void transfer(void *ctx, const struct ct_call_facts *facts, enum ct_call_party by,
                     bool outside, struct ct_str target, struct ct_arena *arena,
                     struct ct_call_route *out)
{
    struct ct_sip_uri uri;
    const char *who;

    (void)outside;
    ((struct hub *)ctx)->transferred_by =
        by == CT_CALL_CALLER ? facts->parties.from_device_id : facts->parties.to_device_id;
    if (!ct_sip_uri_read(target, &uri) || (who = ct_str_dup(arena, uri.user)) == NULL) {
        out->status = 500;
        return;
    }
    fill(ctx, arena, who, out);
}

static bool may_replace(void *ctx, void *peer, int64_t account_id, int64_t *device_id)
{
    struct hub *hub = ctx;

    (void)peer;
    (void)account_id;
    *device_id = hub->replacer;
    return hub->may_replace;
}

static void again(void *ctx, const struct ct_call_facts *facts)
{
    struct hub *hub = ctx;

    hub->agains++;
    memcpy(hub->later, facts->key, sizeof(hub->later));
}

/* ---- the records ---- */

static struct hub_record *record_of(struct hub *hub, const struct ct_call_facts *facts)
{
    for (size_t i = 0; i < hub->record_count; i++)
        if (strcmp(hub->records[i].facts.key, facts->key) == 0)
            return &hub->records[i];
    return NULL;
}

static void keep(struct hub_record *record, const struct ct_call_facts *facts)
{
    record->facts = *facts;
    snprintf(record->from, sizeof(record->from), "%.*s", (int)facts->parties.from.len,
             facts->parties.from.at == NULL ? "" : facts->parties.from.at);
    snprintf(record->reason, sizeof(record->reason), "%.*s", (int)facts->reason.len,
             facts->reason.at == NULL ? "" : facts->reason.at);
}

static void created(void *ctx, const struct ct_call_facts *facts)
{
    struct hub *hub = ctx;

    if (record_of(hub, facts) != NULL || hub->record_count == HUB_RECORDS ||
        facts->status != CT_CALL_QUEUED) {
        hub->disorder = true;
        return;
    }
    keep(&hub->records[hub->record_count], facts);
    hub->records[hub->record_count++].created++;
}

static void changed(void *ctx, const struct ct_call_facts *facts)
{
    struct hub *hub = ctx;
    struct hub_record *record = record_of(hub, facts);

    if (record == NULL || record->ended > 0) {
        hub->disorder = true;
        return;
    }
    record->changed++;
    keep(record, facts);
}

static void ended(void *ctx, const struct ct_call_facts *facts)
{
    struct hub *hub = ctx;
    struct hub_record *record = record_of(hub, facts);

    if (record == NULL || record->ended > 0 || facts->ended_ms < facts->started_ms ||
        facts->sip_code == 0 || facts->reason.len == 0) {
        hub->disorder = true;
        return;
    }
    record->ended++;
    keep(record, facts);
}

static void transferred(void *ctx, const struct ct_call_facts *facts, bool done)
{
    struct hub *hub = ctx;
    struct hub_record *record = record_of(hub, facts);

    if (record == NULL || record->ended > 0 || facts->status != CT_CALL_IN_PROGRESS) {
        hub->disorder = true;
        return;
    }
    if (done)
        record->transferred++;
    else
        record->failed++;
    keep(record, facts);
}

static void leg(void *ctx, const struct ct_call_facts *facts, struct ct_str call_id)
{
    struct hub *hub = ctx;

    if (record_of(hub, facts) == NULL || call_id.len == 0)
        hub->disorder = true;
    hub->legs++;
}

static struct ct_sip_body media(void *ctx, const struct ct_call_facts *facts,
                                enum ct_call_party from, bool offer, struct ct_sip_body body,
                                struct ct_arena *arena)
{
    struct hub *hub = ctx;

    (void)facts;
    (void)from;
    (void)offer;
    (void)arena;
    hub->media++;
    return body;
}

const struct hub_record *hub_last(const struct hub *hub)
{
    return &hub->records[hub->record_count == 0 ? 0 : hub->record_count - 1];
}

/* ---- the exchange ---- */

static void request(void *ctx, struct ct_sip_server *server, const struct ct_sip_message *message)
{
    struct hub *hub = ctx;
    enum ct_result result;

    if (message->method == CT_SIP_INVITE) {
        ct_calls_incoming(hub->calls, server, message, hub);
        return;
    }
    result = ct_sip_reply(server, 405, NULL);
    (void)result;
}

enum ct_result hub_new(struct hub *hub, uint64_t seed)
{
    struct ct_sip_options options = {
        .user = {.ctx = hub, .request = request},
        .methods = CT_STR("INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, MESSAGE, REFER, "
                          "NOTIFY"),
        .extensions = CT_STR("100rel, timer, replaces"),
    };
    struct ct_calls_options calls = {
        .plan = {.ctx = hub,
                 .incoming = incoming,
                 .unanswered = unanswered,
                 .transfer = transfer,
                 .may_replace = may_replace,
                 .again = again},
        .sink = {.ctx = hub,
                 .created = created,
                 .changed = changed,
                 .ended = ended,
                 .transferred = transferred,
                 .leg = leg},
        .media = media,
        .media_ctx = hub,
    };
    enum ct_result result;

    *hub = (struct hub){0};
    result = lan_new(seed, &hub->lan);
    if (result == CT_OK)
        result = phone_new(&hub->ann, hub->lan, "192.0.2.1");
    if (result == CT_OK)
        result = phone_new(&hub->bob, hub->lan, "192.0.2.2");
    if (result == CT_OK)
        result = phone_new(&hub->carl, hub->lan, "192.0.2.3");
    if (result == CT_OK)
        result = phone_new(&hub->dora, hub->lan, "192.0.2.4");
    if (result == CT_OK)
        result = lan_place(hub->lan, HUB, &options.env);
    if (result == CT_OK)
        result = ct_sip_new(&options, &hub->sip);
    if (result == CT_OK)
        result = ct_sip_sessions_new(hub->sip, NULL, &hub->sessions);
    hub->env = options.env;
    calls.sip = hub->sip;
    calls.sessions = hub->sessions;
    calls.env = &hub->env;
    if (result == CT_OK)
        result = ct_calls_new(&calls, &hub->calls);
    if (result == CT_OK)
        lan_inhabit(hub->lan, HUB, hub->sip);
    return result;
}

void hub_free(struct hub *hub)
{
    if (hub->calls != NULL)
        lan_inhabit(hub->lan, HUB, NULL);
    ct_calls_free(hub->calls);
    ct_sip_sessions_free(hub->sessions);
    ct_sip_free(hub->sip);
    phone_free(&hub->ann);
    phone_free(&hub->bob);
    phone_free(&hub->carl);
    phone_free(&hub->dora);
    lan_free(hub->lan);
}

enum ct_result hub_call(struct phone *phone, const char *to, const char *body,
                        const struct ct_sip_invite *invite)
{
    char uri[64];

    snprintf(uri, sizeof(uri), "sip:%s@" HUB, to);
    return phone_call(phone, uri, body, invite);
}

static bool phones_idle(const struct hub *hub)
{
    return phone_is_idle(&hub->ann) && phone_is_idle(&hub->bob) && phone_is_idle(&hub->carl) &&
           phone_is_idle(&hub->dora) && hub->ann.trouble == CT_OK && hub->bob.trouble == CT_OK &&
           hub->carl.trouble == CT_OK && hub->dora.trouble == CT_OK;
}

void hub_print(const struct hub *hub)
{
    const struct phone *phones[] = {&hub->ann, &hub->bob, &hub->carl, &hub->dora};
    struct ct_sip_counts counts = ct_sip_counts(hub->sip);

    lan_print(hub->lan);
    fprintf(stderr,
            "exchange: %zu calls, %zu legs, %zu servers, %zu clients, %zu dialogs, %zu timers%s\n",
            ct_calls_count(hub->calls), ct_sip_sessions_count(hub->sessions), counts.servers,
            counts.clients, counts.dialogs, ct_wheel_count(ct_sip_wheel(hub->sip)),
            hub->disorder ? ", records out of order" : "");
    for (size_t i = 0; i < 4; i++) {
        counts = ct_sip_counts(phones[i]->sip);
        fprintf(stderr,
                "%s: %zu legs, state %d, %zu servers, %zu clients, %zu dialogs, %zu timers, "
                "trouble %d\n",
                phones[i]->address, ct_sip_sessions_count(phones[i]->sessions),
                (int)phone_state(phones[i]), counts.servers, counts.clients, counts.dialogs,
                ct_wheel_count(ct_sip_wheel(phones[i]->sip)), (int)phones[i]->trouble);
    }
    for (size_t i = 0; i < hub->record_count; i++)
        if (hub->records[i].created != 1 || hub->records[i].ended != 1)
            fprintf(stderr, "record %zu: created %d, ended %d\n", i, hub->records[i].created,
                    hub->records[i].ended);
}

bool hub_at_rest(struct hub *hub)
{
    struct ct_sip_counts counts;

    lan_run(hub->lan, LONG_MS);
    counts = ct_sip_counts(hub->sip);
    for (size_t i = 0; i < hub->record_count; i++)
        if (hub->records[i].created != 1 || hub->records[i].ended != 1)
            return false;
    return !hub->disorder && phones_idle(hub) && ct_calls_count(hub->calls) == 0 &&
           ct_sip_sessions_count(hub->sessions) == 0 && counts.servers == 0 &&
           counts.clients == 0 && counts.dialogs == 0 &&
           ct_wheel_count(ct_sip_wheel(hub->sip)) == 0;
}

static void dial_first(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                       struct ct_call_route *out)
{
    struct hub *hub = ctx;
    char who[2] = {hub->dialled[0], '\0'};

    (void)facts;
    ring(hub, arena, who, out);
}

static void dial_second(void *ctx, const struct ct_call_facts *facts, struct ct_arena *arena,
                        struct ct_call_route *out)
{
    struct hub *hub = ctx;

    (void)facts;
    fill(hub, arena, hub->dialled + 1, out);
}

enum ct_result hub_dial(struct hub *hub, const char *key, char first, const char *to)
{
    snprintf(hub->dialled, sizeof(hub->dialled), "%c%s", first, to);
    return ct_calls_dial(hub->calls, key, dial_first, dial_second, hub);
}
