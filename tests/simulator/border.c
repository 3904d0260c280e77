#include "simulator/border.h"
#include "simulator/ua.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t fnv(uint64_t sum, const void *data, size_t size)
{
    const unsigned char *at = data;

    for (size_t i = 0; i < size; i++)
        sum = (sum ^ at[i]) * UINT64_C(1099511628211);
    return sum;
}

static uint64_t key_of(enum border_kind kind, const char *a, const char *b, unsigned number)
{
    uint64_t sum = UINT64_C(14695981039346656037) + (uint64_t)kind;

    sum = fnv(sum, a, strlen(a) + 1);
    sum = fnv(sum, b, strlen(b) + 1);
    sum = fnv(sum, &number, sizeof(number));
    return sum == 0 ? 1 : sum;
}

static struct border_entry *entry_of(struct border *border, uint64_t key)
{
    size_t i = (size_t)key % BORDER_ENTRIES;

    while (border->entries[i].key != 0 && border->entries[i].key != key)
        i = (i + 1) % BORDER_ENTRIES;
    return &border->entries[i];
}

static void note(struct border *border, enum border_kind kind, uint64_t key,
                 const struct lan_packet *packet, const char *what, const struct said *said)
{
    struct border_entry *entry = entry_of(border, key);

    if (entry->key != 0)
        return;
    if (++border->count > BORDER_ENTRIES / 2)
        abort();
    *entry = (struct border_entry){
        .key = key, .kind = kind, .stream = packet->stream, .at_ms = lan_now_ms(border->lan)};
    snprintf(entry->what, sizeof(entry->what), "%.40s of %.60s", what, said->call_id);
}

static void settle(struct border *border, uint64_t key)
{
    struct border_entry *entry = entry_of(border, key);

    if (entry->key != 0)
        entry->settled = true;
}

static void settle_ack(struct border *border, const struct said *said)
{
    const struct border_entry *called =
        entry_of(border, key_of(BORDER_CALLED, said->call_id, "", said->cseq));

    settle(border, key_of(BORDER_TAKEN, said->call_id, said->to_tag, said->cseq));
    if (called->asks)
        settle(border, key_of(BORDER_GIVEN, said->call_id, "", said->cseq));
}

/* Everything of this call that was sent by the server or to it, with any tag, ends what waits for an ACK. */
static void settle_call(struct border *border, const struct said *said)
{
    for (unsigned number = 0; number < 400; number++)
        settle(border, key_of(BORDER_GIVEN, said->call_id, "", number));
}

/* Whether the server has given up on an INVITE: it waits 64*T1 for the first response, and as long after a CANCEL. What
 * comes later is nobody's (RFC 6026 section 8.4). */
static bool given_up(struct border *border, const struct said *said, bool *asks)
{
    const struct border_entry *called =
        entry_of(border, key_of(BORDER_CALLED, said->call_id, "", said->cseq));
    const struct border_entry *cancelled =
        entry_of(border, key_of(BORDER_CANCELLED, said->call_id, "", said->cseq));
    int64_t before_ms = lan_now_ms(border->lan) - PATIENCE_MS;

    *asks = called->asks;
    return (called->key != 0 && !called->settled && called->at_ms <= before_ms) ||
           (cancelled->key != 0 && cancelled->at_ms <= before_ms);
}

/* Whether it began before the server did. */
static bool is_old(struct border *border, const struct said *said)
{
    return entry_of(border, key_of(BORDER_KNOWN, said->call_id, "", 0))->at_ms <=
           border->restart_ms;
}

static void sent(struct border *border, const struct lan_packet *packet, const struct said *said)
{
    if (said->status >= 200)
        settle(border, key_of(BORDER_REQUEST, said->branch, said->cseq_method, 0));
    if (is_old(border, said))
        return;
    if (said->status >= 200 && said->status < 300 && strcmp(said->cseq_method, "INVITE") == 0)
        note(border, BORDER_GIVEN, key_of(BORDER_GIVEN, said->call_id, "", said->cseq), packet,
             "2xx", said);
    if (strcmp(said->method, "INVITE") == 0) {
        note(border, BORDER_CALLED, key_of(BORDER_CALLED, said->call_id, "", said->cseq), packet,
             "INVITE", said);
        entry_of(border, key_of(BORDER_CALLED, said->call_id, "", said->cseq))->asks =
            said->body.len == 0;
    }
    if (strcmp(said->method, "INFO") == 0)
        note(border, BORDER_PASSED, key_of(BORDER_PASSED, said->branch, "", 0), packet, "INFO",
             said);
    if (strcmp(said->method, "CANCEL") == 0)
        note(border, BORDER_CANCELLED, key_of(BORDER_CANCELLED, said->call_id, "", said->cseq),
             packet, "CANCEL", said);
    if (strcmp(said->method, "ACK") == 0)
        settle_ack(border, said);
    if (strcmp(said->method, "BYE") == 0)
        settle_call(border, said);
}

static void response_arrived(struct border *border, const struct lan_packet *packet,
                             const struct said *said)
{
    uint64_t called = key_of(BORDER_CALLED, said->call_id, "", said->cseq);
    bool asks;

    if (is_old(border, said))
        return;
    if (said->status >= 200)
        settle(border, key_of(BORDER_PASSED, said->branch, "", 0));
    if (strcmp(said->cseq_method, "INVITE") != 0 || given_up(border, said, &asks))
        return;
    settle(border, called);
    if (said->status == 481)
        entry_of(border, called)->denied = true;
    if (entry_of(border, called)->denied)
        return;
    if (said->status < 200 || said->status >= 300)
        return;
    if (asks) {
        note(border, BORDER_GIVEN, key_of(BORDER_GIVEN, said->call_id, "", said->cseq), packet,
             "2xx with an offer", said);
    } else {
        note(border, BORDER_TAKEN, key_of(BORDER_TAKEN, said->call_id, said->to_tag, said->cseq),
             packet, "2xx", said);
    }
}

static void note_request(struct border *border, const struct lan_packet *packet,
                         const struct said *said)
{
    uint64_t key = key_of(BORDER_REQUEST, said->branch, said->method, 0);

    note(border, BORDER_REQUEST, key, packet, said->method, said);
    entry_of(border, key)->passes = strcmp(said->method, "INFO") == 0;
}

static void arrived(struct border *border, const struct lan_packet *packet, const struct said *said)
{
    if (said->status != 0)
        response_arrived(border, packet, said);
    if (said->status != 0)
        return;
    if (strcmp(said->method, "ACK") == 0)
        settle(border, key_of(BORDER_GIVEN, said->call_id, "", said->cseq));
    else
        note_request(border, packet, said);
    if (strcmp(said->method, "BYE") == 0)
        settle_call(border, said);
}

static void print(const struct border *border, const struct lan_sight *sight)
{
    const struct lan_packet *packet = sight->packet;
    char from[20];

    snprintf(from, sizeof(from), "%s", lan_address(border->lan, &packet->from));
    printf("%10lld %s %-12s > %-12s%s%s\n", (long long)lan_now_ms(border->lan),
           sight->arrives ? "arrives" : "sent   ", from, lan_address(border->lan, &packet->to),
           sight->spoilt ? " SPOILT" : "", sight->nowhere ? " NOBODY THERE" : "");
    if (!sight->arrives)
        printf("%.*s\n", (int)packet->bytes.len, packet->bytes.at);
}

static void seen(void *ctx, const struct lan_sight *sight)
{
    struct border *border = ctx;
    const struct lan_packet *packet = sight->packet;
    int64_t now_ms = lan_now_ms(border->lan);
    struct said said;

    border->sum = fnv(border->sum, &now_ms, sizeof(now_ms));
    border->sum = fnv(border->sum, &sight->arrives, sizeof(sight->arrives));
    border->sum = fnv(border->sum, packet->bytes.at, packet->bytes.len);
    if (border->trace)
        print(border, sight);
    if (!said_read(packet->bytes, &said) || strncmp(said.call_id, "att-", 4) == 0)
        return;
    note(border, BORDER_KNOWN, key_of(BORDER_KNOWN, said.call_id, "", 0), packet, "", &said);
    if (sight->spoilt) {
        if (border->spoilt != NULL)
            border->spoilt(border->ctx, &said);
    } else if (sight->arrives && !sight->nowhere &&
               ct_sip_socket_equal(&packet->to, &border->server)) {
        arrived(border, packet, &said);
        if (border->reached != NULL)
            border->reached(border->ctx, packet, &said);
    } else if (!sight->arrives && ct_sip_socket_equal(&packet->from, &border->server)) {
        sent(border, packet, &said);
    }
}

void border_init(struct border *border, struct lan *lan, const char *server, bool trace)
{
    border->lan = lan;
    border->server = lan_hop(server).peer;
    border->sum = UINT64_C(14695981039346656037);
    border->trace = trace;
    border->restart_ms = -1;
    lan_watch(lan, seen, border);
}

void border_excuse(struct border *border, uint64_t stream)
{
    for (size_t i = 0; i < BORDER_ENTRIES; i++)
        if (border->entries[i].key != 0 && border->entries[i].stream == stream) {
            border->entries[i].settled = true;
            border->entries[i].denied = true;
        }
}

void border_dropped(struct border *border, const struct said *said)
{
    settle(border, key_of(BORDER_REQUEST, said->branch, said->method, 0));
}

void border_restart(struct border *border)
{
    border->restart_ms = lan_now_ms(border->lan);
    for (size_t i = 0; i < BORDER_ENTRIES; i++)
        border->entries[i].settled = true;
}

void border_judge(const struct border *border, void (*complain)(void *ctx, const char *what),
                  void *ctx)
{
    static const char *const words[] = {"unanswered", "unacknowledged by a phone, and no BYE",
                                        "unacknowledged by the server"};
    char text[200];
    size_t dead = 0;

    for (size_t i = 0; i < BORDER_ENTRIES; i++)
        dead += border->entries[i].kind == BORDER_PASSED && border->entries[i].key != 0 &&
                !border->entries[i].settled;
    for (size_t i = 0; i < BORDER_ENTRIES; i++) {
        const struct border_entry *entry = &border->entries[i];

        if (entry->key == 0 || entry->settled || entry->kind > BORDER_TAKEN)
            continue;
        if (entry->passes && dead > 0) {
            dead--;
            continue;
        }
        snprintf(text, sizeof(text), "%s: %s, of %lld ms", words[entry->kind], entry->what,
                 (long long)entry->at_ms);
        complain(ctx, text);
    }
}
