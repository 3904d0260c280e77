#include "sip/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "sip/uri.h"

#define SERVICES_MOST 8
#define WAYS_MOST 12
#define RECORDS_MOST 32

/* What is asked for next. */
enum stage { NAPTR, SRV, ADDRESS_V4, ADDRESS_V6 };

/* A name whose SRV records are to be looked for, or whose addresses are. */
struct way {
    struct ct_str name;
    enum ct_sip_transport transport;
    uint16_t port;
};

struct ct_sip_lookup {
    struct ct_sip_resolve_options options;
    ct_sip_found *found;
    void *found_ctx;
    struct ct_arena *arena;
    struct ct_dns_question *question;
    bool *ended; /* while ct_sip_resolve has not returned: where to say that this one has ended */
    enum stage stage;
    bool secure;         /* sips: */
    bool failed;         /* for want of memory: nothing is found */
    struct way fallback; /* the host itself */
    struct way services[SERVICES_MOST];
    size_t service_count, service_at;
    struct way ways[WAYS_MOST];
    size_t way_count, way_at;
    struct ct_sip_hop hops[CT_SIP_RESOLVE_MOST];
    size_t hop_count;
};

/* The services of RFC 3263 section 4.1, in the order of our liking, which is that of their transports. */
static const struct {
    const char *naptr, *srv;
    enum ct_sip_transport transport;
} services[] = {
    {"SIP+D2U", "_sip._udp.", CT_SIP_UDP},
    {"SIP+D2T", "_sip._tcp.", CT_SIP_TCP},
    {"SIPS+D2T", "_sips._tcp.", CT_SIP_TLS},
};
#define SERVICES (sizeof(services) / sizeof(services[0]))

static void free_lookup(struct ct_sip_lookup *lookup)
{
    ct_arena_free(lookup->arena);
    free(lookup);
}

static void finish(struct ct_sip_lookup *lookup)
{
    struct ct_sip_hop hops[CT_SIP_RESOLVE_MOST];
    size_t count = lookup->failed ? 0 : lookup->hop_count;
    ct_sip_found *found = lookup->found;
    void *ctx = lookup->found_ctx;
    memcpy(hops, lookup->hops, count * sizeof(hops[0]));
    if (lookup->ended != NULL)
        *lookup->ended = true;
    free_lookup(lookup);
    found(ctx, hops, count);
}

static bool keep_text(struct ct_sip_lookup *lookup, const char *before, struct ct_str text,
                      struct ct_str *out)
{
    struct ct_buf joined = ct_buf_in(lookup->arena);
    ct_buf_text(&joined, before);
    ct_buf_str(&joined, text);
    *out = ct_buf_done(&joined);
    lookup->failed |= joined.failed;
    return !joined.failed;
}

static void add_service(struct ct_sip_lookup *lookup, const char *before, struct ct_str name,
                        enum ct_sip_transport transport)
{
    struct way *service = &lookup->services[lookup->service_count];
    if (lookup->service_count < SERVICES_MOST && keep_text(lookup, before, name, &service->name)) {
        service->transport = transport;
        lookup->service_count++;
    }
}

/* Those of the host itself: all that we speak, or the one of the transport. */
static void add_own_services(struct ct_sip_lookup *lookup, bool one,
                             enum ct_sip_transport transport)
{
    for (size_t i = 0; i < SERVICES; i++) {
        bool wanted = one              ? services[i].transport == transport
                      : lookup->secure ? services[i].transport == CT_SIP_TLS
                                       : true;
        if (wanted)
            add_service(lookup, services[i].srv, lookup->fallback.name, services[i].transport);
    }
}

static void answered(void *ctx, const struct ct_dns_record *records, size_t count);

/* The next question; without any, that was all. */
static void advance(struct ct_sip_lookup *lookup)
{
    const struct ct_dns *dns = lookup->options.dns;
    while (!lookup->failed) {
        struct ct_str name = lookup->fallback.name;
        enum ct_dns_type type = CT_DNS_NAPTR;
        if (lookup->stage == SRV && lookup->service_at == lookup->service_count) {
            if (lookup->way_count == 0)
                lookup->ways[lookup->way_count++] = lookup->fallback;
            lookup->stage = ADDRESS_V4;
        }
        if (lookup->stage >= ADDRESS_V4 &&
            (lookup->way_at == lookup->way_count || lookup->hop_count == CT_SIP_RESOLVE_MOST)) {
            finish(lookup);
            return;
        }
        if (lookup->stage == SRV) {
            name = lookup->services[lookup->service_at].name;
            type = CT_DNS_SRV;
        } else if (lookup->stage != NAPTR) {
            name = lookup->ways[lookup->way_at].name;
            type = lookup->stage == ADDRESS_V4 ? CT_DNS_A : CT_DNS_AAAA;
        }
        bool useless = (type == CT_DNS_A && !lookup->options.ipv4) ||
                       (type == CT_DNS_AAAA && !lookup->options.ipv6);
        lookup->question = NULL;
        enum ct_result result = CT_UNAVAILABLE;
        if (!useless)
            result = dns->ask(dns->ctx, name, type, answered, lookup, &lookup->question);
        if (result == CT_OK)
            return;
        lookup->failed |= result == CT_NOMEM;
        if (lookup->stage == ADDRESS_V6) {
            lookup->way_at++;
            lookup->stage = ADDRESS_V4;
        } else if (lookup->stage == ADDRESS_V4) {
            lookup->stage = ADDRESS_V6;
        } else if (lookup->stage == SRV) {
            lookup->service_at++;
        } else {
            add_own_services(lookup, false, CT_SIP_UDP);
            lookup->stage = SRV;
        }
    }
    finish(lookup);
}

static bool comes_first(const struct ct_dns_record *a, const struct ct_dns_record *b)
{
    return a->priority != b->priority ? a->priority < b->priority : a->weight < b->weight;
}

/* RFC 3403: by order and preference; flag "s", since the rest is SRV. */
static void take_naptr(struct ct_sip_lookup *lookup, struct ct_dns_record *records, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && comes_first(&records[j], &records[j - 1]); j--) {
            struct ct_dns_record moved = records[j];
            records[j] = records[j - 1];
            records[j - 1] = moved;
        }
    for (size_t i = 0; i < count; i++)
        for (size_t s = 0; s < SERVICES; s++)
            if (ct_str_equal_nocase(records[i].service, ct_str_of(services[s].naptr)) &&
                ct_str_equal_nocase(records[i].flags, CT_STR("s")) &&
                (!lookup->secure || services[s].transport == CT_SIP_TLS))
                add_service(lookup, "", records[i].target, services[s].transport);
    if (lookup->service_count == 0)
        add_own_services(lookup, false, CT_SIP_UDP);
}

/* RFC 2782: by priority; of equal ones each comes first with a chance that is as its weight. */
static struct ct_dns_record *choose(const struct ct_sip_lookup *lookup,
                                    struct ct_dns_record *records, size_t count)
{
    const struct ct_sip_env *env = lookup->options.env;
    uint32_t chance;
    uint32_t sum = 0;
    uint32_t running = 0;
    uint16_t first = UINT16_MAX;
    for (size_t i = 0; i < count; i++)
        first = records[i].priority < first ? records[i].priority : first;
    for (size_t i = 0; i < count; i++)
        sum += records[i].priority == first ? records[i].weight : 0;
    env->random(env->ctx, &chance, sizeof(chance));
    chance %= sum + 1;
    struct ct_dns_record *last = records; /* there is one at least */
    for (size_t i = 0; i < count; i++) {
        if (records[i].priority != first)
            continue;
        last = &records[i];
        running += records[i].weight;
        if (running >= chance && (records[i].weight > 0 || chance == 0))
            break;
    }
    return last;
}

static void take_srv(struct ct_sip_lookup *lookup, struct ct_dns_record *records, size_t count)
{
    enum ct_sip_transport transport = lookup->services[lookup->service_at].transport;
    while (count > 0 && lookup->way_count < WAYS_MOST) {
        struct ct_dns_record *record = choose(lookup, records, count);
        struct way *way = &lookup->ways[lookup->way_count];
        /* The root, which has no name left here: the service is decidedly not available. */
        if (record->target.len > 0 && keep_text(lookup, "", record->target, &way->name)) {
            way->transport = transport;
            way->port = record->port;
            lookup->way_count++;
        }
        *record = records[--count];
    }
}

static void take_addresses(struct ct_sip_lookup *lookup, const struct ct_dns_record *records,
                           size_t count)
{
    const struct way *way = &lookup->ways[lookup->way_at];
    for (size_t i = 0; i < count && lookup->hop_count < CT_SIP_RESOLVE_MOST; i++) {
        struct ct_sip_hop *hop = &lookup->hops[lookup->hop_count++];
        *hop = (struct ct_sip_hop){.transport = way->transport, .peer = records[i].address};
        hop->peer.port = way->port;
    }
}

static void answered(void *ctx, const struct ct_dns_record *records, size_t count)
{
    struct ct_sip_lookup *lookup = ctx;
    struct ct_dns_record copy[RECORDS_MOST];
    lookup->question = NULL;
    if (count > RECORDS_MOST)
        count = RECORDS_MOST;
    if (count > 0)
        memcpy(copy, records, count * sizeof(copy[0]));
    switch (lookup->stage) {
    case NAPTR:
        take_naptr(lookup, copy, count);
        lookup->stage = SRV;
        break;
    case SRV:
        take_srv(lookup, copy, count);
        lookup->service_at++;
        break;
    case ADDRESS_V4:
        take_addresses(lookup, copy, count);
        lookup->stage = ADDRESS_V6;
        break;
    case ADDRESS_V6:
        take_addresses(lookup, copy, count);
        lookup->way_at++;
        lookup->stage = ADDRESS_V4;
        break;
    }
    advance(lookup);
}

enum ct_result ct_sip_resolve(const struct ct_sip_resolve_options *options, struct ct_str text,
                              ct_sip_found *found, void *found_ctx, struct ct_sip_lookup **out)
{
    struct ct_sip_uri uri;
    struct ct_sip_hop hop = {.transport = CT_SIP_UDP};
    struct ct_str value;
    bool ended = false;
    *out = NULL;
    if (!ct_sip_uri_read(text, &uri) || uri.scheme > CT_SIP_URI_SIPS || uri.host.len == 0 ||
        !ct_sip_uri_transport(&uri, &hop.transport)) {
        found(found_ctx, NULL, 0);
        return CT_OK;
    }
    bool numeric = ct_sip_address_parse(uri.host, &hop.peer);
    uint16_t port = uri.port != 0 ? uri.port : ct_sip_default_port(hop.transport);
    if (numeric) {
        hop.peer.port = port;
        found(found_ctx, &hop, 1);
        return CT_OK;
    }
    struct ct_sip_lookup *lookup = calloc(1, sizeof(*lookup));
    if (lookup == NULL)
        return CT_NOMEM;
    lookup->options = *options;
    lookup->found = found;
    lookup->found_ctx = found_ctx;
    lookup->secure = uri.scheme == CT_SIP_URI_SIPS;
    lookup->arena = ct_arena_new();
    lookup->fallback = (struct way){.transport = hop.transport, .port = port};
    if (lookup->arena == NULL || !keep_text(lookup, "", uri.host, &lookup->fallback.name)) {
        free_lookup(lookup);
        return CT_NOMEM;
    }
    bool said = ct_sip_param(uri.params, CT_STR("transport"), &value);
    lookup->stage = uri.port != 0 || said ? SRV : NAPTR;
    if (uri.port == 0 && said)
        add_own_services(lookup, true, hop.transport);
    lookup->ended = &ended;
    advance(lookup);
    if (!ended) {
        lookup->ended = NULL;
        *out = lookup;
    }
    return CT_OK;
}

void ct_sip_resolve_cancel(struct ct_sip_lookup *lookup)
{
    const struct ct_dns *dns = lookup->options.dns;
    if (lookup->question != NULL)
        dns->cancel(dns->ctx, lookup->question);
    free_lookup(lookup);
}
