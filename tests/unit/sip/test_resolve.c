#include "sip/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

/* What the DNS of a test knows: a name, a type, a record as text. */
struct line {
    const char *name;
    enum ct_dns_type type;
    const char *record; /* "192.0.2.1"; "10 60 5080 target"; "10 50 s SIP+D2U target" */
};

struct ct_dns_question {
    const char *name; /* of the zone; NULL: nothing is known of it */
    enum ct_dns_type type;
    ct_dns_answered *answered;
    void *ctx;
};

struct zone {
    const struct line *lines;
    struct ct_dns dns;
    struct ct_sip_env env;
    struct ct_dns_question question; /* there is one at a time */
    bool asked, away;
    char log[1024]; /* what was asked for */
    size_t log_size;
    uint32_t chance;
    char found[512]; /* transport:address:port, separated by spaces */
    int times;
};

static const char *const type_names[] = {"A", "AAAA", "SRV", "NAPTR"};

static enum ct_result ask(void *ctx, struct ct_str name, enum ct_dns_type type,
                          ct_dns_answered *answered, void *answered_ctx,
                          struct ct_dns_question **out)
{
    struct zone *zone = ctx;
    if (zone->away)
        return CT_UNAVAILABLE;
    zone->question =
        (struct ct_dns_question){.type = type, .answered = answered, .ctx = answered_ctx};
    for (const struct line *line = zone->lines; line->name != NULL; line++)
        if (ct_str_equal(name, ct_str_of(line->name)))
            zone->question.name = line->name;
    zone->log_size +=
        (size_t)snprintf(zone->log + zone->log_size, sizeof(zone->log) - zone->log_size, "%s %.*s;",
                         type_names[type], (int)name.len, name.at);
    zone->asked = true;
    *out = &zone->question;
    return CT_OK;
}

static void cancel(void *ctx, struct ct_dns_question *question)
{
    struct zone *zone = ctx;
    (void)question;
    zone->asked = false;
}

static void take_chance(void *ctx, void *out, size_t size)
{
    struct zone *zone = ctx;
    memcpy(out, &zone->chance, size);
}

static void open_zone(struct zone *zone, const struct line *lines)
{
    *zone = (struct zone){.lines = lines};
    zone->dns = (struct ct_dns){.ctx = zone, .ask = ask, .cancel = cancel};
    zone->env = (struct ct_sip_env){.ctx = zone, .random = take_chance};
}

static struct ct_dns_record read_line(const struct line *line, char room[128])
{
    struct ct_dns_record record = {.type = line->type};
    char flags[8];
    char service[16];
    unsigned numbers[3] = {0};
    if (line->type <= CT_DNS_AAAA) {
        (void)ct_sip_address_parse(ct_str_of(line->record), &record.address);
    } else if (line->type == CT_DNS_SRV) {
        if (sscanf(line->record, "%u %u %u %127s", &numbers[0], &numbers[1], &numbers[2], room) < 4)
            room[0] = '\0';
        record.target = ct_str_of(room);
    } else if (sscanf(line->record, "%u %u %7s %15s %90s", &numbers[0], &numbers[1], flags, service,
                      room + 32) == 5) {
        memcpy(room, flags, 8);
        memcpy(room + 8, service, 16);
        record.flags = ct_str_of(room);
        record.service = ct_str_of(room + 8);
        record.target = ct_str_of(room + 32);
    }
    record.priority = (uint16_t)numbers[0];
    record.weight = (uint16_t)numbers[1];
    record.port = (uint16_t)numbers[2];
    return record;
}

static void answer(struct zone *zone)
{
    struct ct_dns_record records[16];
    char rooms[16][128];
    size_t count = 0;
    struct ct_dns_question question = zone->question;
    for (const struct line *line = zone->lines; line->name != NULL; line++)
        if (question.name != NULL && strcmp(line->name, question.name) == 0 &&
            line->type == question.type) {
            records[count] = read_line(line, rooms[count]);
            count++;
        }
    zone->asked = false;
    question.answered(question.ctx, records, count);
}

static void found(void *ctx, const struct ct_sip_hop *hops, size_t count)
{
    struct zone *zone = ctx;
    size_t size = 0;
    zone->times++;
    zone->found[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = hops[i].peer.bytes;
        struct ct_str transport = ct_sip_transport_param(hops[i].transport);
        if (hops[i].peer.family == CT_SIP_IPV4)
            size += (size_t)snprintf(zone->found + size, sizeof(zone->found) - size,
                                     "%.*s:%u.%u.%u.%u:%u ", (int)transport.len, transport.at,
                                     at[0], at[1], at[2], at[3], hops[i].peer.port);
        else
            size += (size_t)snprintf(zone->found + size, sizeof(zone->found) - size,
                                     "%.*s:[%02x%02x::%x]:%u ", (int)transport.len, transport.at,
                                     at[0], at[1], at[15], hops[i].peer.port);
    }
}

static enum ct_result look_up(struct zone *zone, const char *uri)
{
    struct ct_sip_lookup *lookup = NULL;
    const struct ct_sip_resolve_options options = {
        .dns = &zone->dns, .env = &zone->env, .ipv4 = true, .ipv6 = true};
    zone->times = 0;
    zone->log_size = 0;
    zone->log[0] = '\0';
    enum ct_result result = ct_sip_resolve(&options, ct_str_of(uri), found, zone, &lookup);
    if (result == CT_OK && (lookup == NULL) == zone->asked)
        return CT_BUG;
    while (result == CT_OK && zone->asked)
        answer(zone);
    if (result == CT_OK && zone->times != 1)
        return CT_BUG;
    return result;
}

static const struct line lines[] = {
    {"full", CT_DNS_NAPTR, "20 50 s SIP+D2U _sip._udp.other"},
    {"full", CT_DNS_NAPTR, "10 60 s SIP+D2T _sip._tcp.other"},
    {"full", CT_DNS_NAPTR, "10 50 s SIPS+D2T _sips._tcp.other"},
    {"full", CT_DNS_NAPTR, "5 50 s E2U+sip _any.other"},
    {"full", CT_DNS_NAPTR, "5 50 u SIP+D2U _bad.other"},
    {"_sip._udp.other", CT_DNS_SRV, "10 0 5060 a"},
    {"_sip._tcp.other", CT_DNS_SRV, "20 0 5062 b"},
    {"_sip._tcp.other", CT_DNS_SRV, "10 0 5061 a"},
    {"_sips._tcp.other", CT_DNS_SRV, "10 0 5071 b"},
    {"a", CT_DNS_A, "192.0.2.1"},
    {"a", CT_DNS_AAAA, "2001:db8::1"},
    {"b", CT_DNS_A, "192.0.2.2"},
    {"b", CT_DNS_A, "192.0.2.3"},
    {"_sip._tcp.srv", CT_DNS_SRV, "1 1 5080 a"},
    {"_sip._udp.srv", CT_DNS_SRV, "1 1 5081 b"},
    {"_sips._tcp.srv", CT_DNS_SRV, "1 1 5082 b"},
    {"_sip._udp.off", CT_DNS_SRV, "0 0 0"},
    {"off", CT_DNS_A, "192.0.2.4"},
    {NULL, CT_DNS_A, NULL},
};

static enum ct_result test_ways(void)
{
    static const struct {
        const char *uri, *asked, *found;
    } cases[] = {
        {"sip:u@192.0.2.9", "", "udp:192.0.2.9:5060 "},
        {"sip:192.0.2.9:5070;transport=tcp", "", "tcp:192.0.2.9:5070 "},
        {"sips:192.0.2.9", "", "tls:192.0.2.9:5061 "},
        {"sip:[2001:db8::9]", "", "udp:[2001::9]:5060 "},
        {"tel:+49301", "", ""},
        {"nonsense", "", ""},
        {"sip:a;transport=sctp", "", ""},
        {"sip:a:5070", "A a;AAAA a;", "udp:192.0.2.1:5070 udp:[2001::1]:5070 "},
        {"sip:b:5070;transport=tls", "A b;AAAA b;", "tls:192.0.2.2:5070 tls:192.0.2.3:5070 "},
        {"sip:a;transport=ws", "A a;AAAA a;", "ws:192.0.2.1:80 ws:[2001::1]:80 "},
        {"sip:srv;transport=tcp", "SRV _sip._tcp.srv;A a;AAAA a;",
         "tcp:192.0.2.1:5080 tcp:[2001::1]:5080 "},
        {"sip:a;transport=tcp", "SRV _sip._tcp.a;A a;AAAA a;",
         "tcp:192.0.2.1:5060 tcp:[2001::1]:5060 "},
        {"sips:srv", "NAPTR srv;SRV _sips._tcp.srv;A b;AAAA b;",
         "tls:192.0.2.2:5082 tls:192.0.2.3:5082 "},
        {"sip:a", "NAPTR a;SRV _sip._udp.a;SRV _sip._tcp.a;SRV _sips._tcp.a;A a;AAAA a;",
         "udp:192.0.2.1:5060 udp:[2001::1]:5060 "},
        {"sip:nobody",
         "NAPTR nobody;SRV _sip._udp.nobody;SRV _sip._tcp.nobody;SRV _sips._tcp.nobody;A "
         "nobody;AAAA "
         "nobody;",
         ""},
        {"sip:full",
         "NAPTR full;SRV _sips._tcp.other;SRV _sip._tcp.other;SRV _sip._udp.other;A b;AAAA b;A "
         "a;AAAA "
         "a;A b;AAAA b;A a;AAAA a;",
         "tls:192.0.2.2:5071 tls:192.0.2.3:5071 tcp:192.0.2.1:5061 tcp:[2001::1]:5061 "
         "tcp:192.0.2.2:5062 tcp:192.0.2.3:5062 udp:192.0.2.1:5060 udp:[2001::1]:5060 "},
        {"sips:full", "NAPTR full;SRV _sips._tcp.other;A b;AAAA b;",
         "tls:192.0.2.2:5071 tls:192.0.2.3:5071 "},
    };
    enum ct_result result = CT_OK;
    struct zone zone;
    open_zone(&zone, lines);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        TRY(look_up(&zone, cases[i].uri));
        if (zone.found[0] == '\0' && strcmp(zone.log, cases[i].asked) != 0) {
            result = CT_NOMEM; /* without memory nothing is found */
            goto out;
        }
        EXPECT(strcmp(zone.log, cases[i].asked) == 0);
        EXPECT(strcmp(zone.found, cases[i].found) == 0);
    }
    zone.away = true;
    TRY(look_up(&zone, "sip:full"));
    EXPECT(strcmp(zone.found, "") == 0);
out:
    return result;
}

/* RFC 2782: the lowest number comes first; of equal ones each as its weight, of the rest of the sum. */
static enum ct_result test_weights(void)
{
    static const struct line weighted[] = {
        {"_sip._udp.w", CT_DNS_SRV, "1 1 1001 a"},
        {"_sip._udp.w", CT_DNS_SRV, "1 0 1000 a"},
        {"_sip._udp.w", CT_DNS_SRV, "1 3 1003 a"},
        {"_sip._udp.w", CT_DNS_SRV, "0 9 999 a"},
        {"a", CT_DNS_A, "192.0.2.1"},
        {NULL, CT_DNS_A, NULL},
    };
    enum ct_result result = CT_OK;
    struct zone zone;
    bool heavy_first = false;
    bool light_first = false;
    open_zone(&zone, weighted);
    for (uint32_t i = 0; i < 20; i++) {
        zone.chance = i;
        TRY(look_up(&zone, "sip:w;transport=udp"));
        if (zone.found[0] == '\0') {
            result = CT_NOMEM;
            goto out;
        }
        EXPECT(strncmp(zone.found, "udp:192.0.2.1:999 ", 18) == 0);
        EXPECT(strstr(zone.found, ":1000 ") != NULL && strstr(zone.found, ":1001 ") != NULL &&
               strstr(zone.found, ":1003 ") != NULL);
        heavy_first |= strncmp(zone.found + 18, "udp:192.0.2.1:1003 ", 19) == 0;
        light_first |= strncmp(zone.found + 18, "udp:192.0.2.1:1001 ", 19) == 0;
    }
    EXPECT(heavy_first && light_first);
out:
    return result;
}

static enum ct_result test_cancel(void)
{
    enum ct_result result = CT_OK;
    struct zone zone;
    struct ct_sip_lookup *lookup = NULL;
    open_zone(&zone, lines);
    const struct ct_sip_resolve_options options = {
        .dns = &zone.dns, .env = &zone.env, .ipv4 = true, .ipv6 = false};
    TRY(ct_sip_resolve(&options, CT_STR("sip:full"), found, &zone, &lookup));
    answer(&zone);
    if (!zone.asked) {
        result = CT_NOMEM;
        goto out;
    }
    EXPECT(zone.times == 0);
    ct_sip_resolve_cancel(lookup);
    EXPECT(!zone.asked && zone.times == 0);
    TRY(ct_sip_resolve(&options, CT_STR("sip:a:1"), found, &zone, &lookup));
    answer(&zone);
    EXPECT(!zone.asked && zone.times == 1 && strcmp(zone.found, "udp:192.0.2.1:1 ") == 0);
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_ways), CT_UNIT(test_weights),
                                           CT_UNIT(test_cancel)};
    return ct_unit_main("sip/resolve", units, sizeof(units) / sizeof(units[0]));
}
