#include "voice/call_log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "voice/call_log_parts.h"

/* Records that wait; some seconds of the busiest hour. */
#define ENTRIES_MOST ((size_t)100000)
/* Messages that wait, of all calls; of one call so many bytes go at once. */
#define BYTES_MOST ((size_t)64 * 1024 * 1024)
#define PAGE_BYTES ((size_t)65536)
#define RETRY_MS 100
#define RETRY_MOST_MS 5000
/* Numbers, legs and their names. */
#define ENTRY_BYTES 500
/* Until the answers to BYE have come. */
#define LINGER_MS 2000

static size_t bucket_of(struct ct_str text)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (uint8_t)text.at[i]) * 16777619U;
    return (hash ^ hash >> 16) % CT_LOG_BUCKETS;
}

static struct ct_log_entry *find(struct ct_call_log *log, const char *key)
{
    struct ct_log_entry *entry = log->entries[bucket_of(ct_str_of(key))];
    while (entry != NULL && strcmp(entry->key, key) != 0)
        entry = entry->next;
    return entry;
}

static void page_free(struct ct_call_log *log, struct ct_log_page *page)
{
    log->bytes -= page->bytes;
    ct_arena_free(page->arena);
    *page = (struct ct_log_page){0};
}

static void forget_legs(struct ct_log_entry *entry)
{
    for (struct ct_log_leg *leg = entry->legs; leg != NULL; leg = leg->other) {
        struct ct_log_leg **link = &entry->log->legs[bucket_of(leg->call_id)];
        while (*link != leg)
            link = &(*link)->next;
        *link = leg->next;
    }
    entry->legs = NULL;
}

static void entry_free(struct ct_log_entry *entry)
{
    struct ct_call_log *log = entry->log;
    struct ct_log_entry **link = &log->entries[bucket_of(ct_str_of(entry->key))];
    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    log->count--;
    ct_timer_stop(&entry->retry);
    ct_timer_stop(&entry->linger);
    forget_legs(entry);
    page_free(log, &entry->open);
    page_free(log, &entry->gone);
    ct_arena_free(entry->arena);
}

static void job_done(void *ctx, enum ct_result result)
{
    struct ct_log_entry *entry = ctx;
    const struct ct_sip_post *post = &entry->log->options.post;
    entry->outcome = result;
    post->post(post->ctx, &entry->letter);
}

static void try_again(struct ct_log_entry *entry)
{
    entry->retry_ms = entry->retry_ms == 0 ? RETRY_MS : 2 * entry->retry_ms;
    if (entry->retry_ms > RETRY_MOST_MS)
        entry->retry_ms = RETRY_MOST_MS;
    ct_timer_start(entry->log->options.wheel, &entry->retry, entry->retry_ms);
}

/* Writes what there is to write, unless some of it is under way. May free the entry. */
static void submit(struct ct_log_entry *entry)
{
    struct ct_call_log *log = entry->log;
    if (entry->under_way || ct_timer_running(&entry->retry))
        return;
    if (entry->gone.arena == NULL) {
        entry->gone = entry->open;
        entry->open = (struct ct_log_page){0};
        entry->first = entry->messages - entry->gone.count;
    }
    if (entry->wanted == entry->written && entry->gone.arena == NULL) {
        if (entry->closing)
            entry_free(entry);
        return;
    }
    entry->sent = entry->wanted;
    entry->under_way = true;
    log->under_way++;
    if (ct_store_submit(log->options.store, &entry->job) == CT_OK)
        return;
    entry->under_way = false;
    log->under_way--;
    try_again(entry);
}

static void say_verdict(struct ct_log_entry *entry)
{
    const struct ct_call_log_options *options = &entry->log->options;
    entry->told = true;
    entry->judged = true;
    if (options->judged != NULL)
        options->judged(options->judged_ctx, entry->key);
}

static void open_letter(void *ctx)
{
    struct ct_log_entry *entry = ctx;
    struct ct_call_log *log = entry->log;
    entry->under_way = false;
    log->under_way--;
    bool hopeless = entry->outcome == CT_BUG || entry->outcome == CT_NOT_FOUND;
    if (entry->outcome == CT_OK || hopeless) {
        if (hopeless)
            CT_LOG(log->options.log, CT_LOG_ERROR, "call_record_not_written",
                   CT_F_TEXT("why", ct_result_text(entry->outcome)));
        entry->written = entry->sent;
        entry->retry_ms = 0;
        page_free(log, &entry->gone);
        /* what could not be asked is not allowed */
        if (hopeless)
            entry->verdict.why = "The limits of the account could not be asked";
        bool asked =
            ((entry->toll.payer_id != 0 && !entry->told) || (entry->sent & CT_LOG_TOLL) != 0);
        entry->wanted &= ~(entry->sent & CT_LOG_TOLL);
        entry->written &= ~(unsigned)CT_LOG_TOLL;
        entry->sent &= ~(unsigned)CT_LOG_TOLL;
        if (asked)
            say_verdict(entry);
    } else {
        try_again(entry);
    }
    submit(entry);
}

static void retry_fire(void *ctx)
{
    submit(ctx);
}

static void linger_fire(void *ctx)
{
    struct ct_log_entry *entry = ctx;
    entry->closing = true;
    submit(entry);
}

/* ---- what happens ---- */

static enum ct_result keep(struct ct_arena *arena, struct ct_str text, struct ct_str *out)
{
    const char *copy = ct_str_dup(arena, text);
    *out = (struct ct_str){copy, text.len};
    return copy == NULL ? CT_NOMEM : CT_OK;
}

static enum ct_result fill(struct ct_log_entry *entry, const struct ct_call_facts *facts,
                           const struct ct_call_toll *toll)
{
    const struct ct_call_parties *parties = &facts->parties;
    struct ct_record_new *call = &entry->call;
    memcpy(entry->key, facts->key, sizeof(entry->key));
    *call = (struct ct_record_new){.key = ct_str_of(entry->key),
                                   .node = entry->log->options.node,
                                   .caller_id = parties->caller_id,
                                   .callee_id = parties->callee_id,
                                   .anonymous = parties->anonymous,
                                   .from_device_id = parties->from_device_id,
                                   .from_number_id = parties->from_number_id,
                                   .from_trunk_id = parties->from_trunk_id,
                                   .to_device_id = parties->to_device_id,
                                   .to_number_id = parties->to_number_id,
                                   .to_trunk_id = parties->to_trunk_id,
                                   .started_at = facts->started_ms};
    enum ct_result result = keep(entry->arena, parties->from, &call->from);
    if (result == CT_OK)
        result = keep(entry->arena, parties->to, &call->to);
    if (result == CT_OK && toll != NULL) {
        entry->toll.payer_id = toll->payer_id;
        call->payer_id = toll->payer_id;
        entry->verdict.longest_ms = INT64_MAX;
        result = keep(entry->arena, toll->number, &entry->toll.number);
    }
    return result;
}

enum ct_result ct_call_log_created(struct ct_call_log *log, const struct ct_call_facts *facts,
                                   bool dialled, const struct ct_call_toll *toll)
{
    struct ct_arena *arena = ct_arena_sized(sizeof(struct ct_log_entry) + ENTRY_BYTES);
    struct ct_log_entry *entry = arena == NULL ? NULL : ct_arena_alloc(arena, sizeof(*entry));
    if (entry == NULL) {
        ct_arena_free(arena);
        return CT_NOMEM;
    }
    memset(entry, 0, sizeof(*entry));
    entry->log = log;
    entry->arena = arena;
    entry->dialled = dialled;
    enum ct_result result = fill(entry, facts, toll);
    if (result != CT_OK) {
        ct_arena_free(arena);
        return result;
    }
    entry->job = (struct ct_job){.run = ct_call_log_write, .done = job_done, .ctx = entry};
    entry->letter = (struct ct_sip_letter){.open = open_letter, .ctx = entry};
    entry->retry = (struct ct_timer){.fire = retry_fire, .ctx = entry};
    entry->linger = (struct ct_timer){.fire = linger_fire, .ctx = entry};
    struct ct_log_entry **bucket = &log->entries[bucket_of(ct_str_of(entry->key))];
    entry->next = *bucket;
    *bucket = entry;
    log->count++;
    entry->wanted = CT_LOG_BEGUN;
    submit(entry);
    return CT_OK;
}

void ct_call_log_changed(struct ct_call_log *log, const struct ct_call_facts *facts)
{
    struct ct_log_entry *entry = find(log, facts->key);
    if (entry == NULL)
        return;
    if (facts->status == CT_CALL_RINGING && (entry->wanted & CT_LOG_RINGING) == 0) {
        entry->ringing_ms = facts->ringing_ms;
        entry->wanted |= CT_LOG_RINGING;
    }
    if (facts->status == CT_CALL_IN_PROGRESS && (entry->wanted & CT_LOG_ANSWERED) == 0) {
        entry->answered_ms = facts->answered_ms;
        entry->device_id = facts->parties.to_device_id;
        entry->trunk_id = facts->parties.to_trunk_id;
        entry->wanted |= CT_LOG_ANSWERED;
    }
    submit(entry);
}

void ct_call_log_ended(struct ct_call_log *log, const struct ct_call_facts *facts)
{
    struct ct_log_entry *entry = find(log, facts->key);
    if (entry == NULL || (entry->wanted & CT_LOG_ENDED) != 0)
        return;
    /* both enums are in the same order: see record_status.h */
    entry->end = (enum ct_record_status)facts->status;
    entry->ender = (enum ct_record_ender)facts->hangup_by;
    entry->ended_ms = facts->ended_ms;
    entry->code = facts->sip_code;
    if (!ct_utf8_valid(facts->reason) || ct_utf8_has_control(facts->reason) ||
        keep(entry->arena, facts->reason, &entry->reason) != CT_OK)
        entry->reason = (struct ct_str){0};
    entry->wanted |= CT_LOG_ENDED;
    if (log->hurries)
        entry->closing = true;
    else
        ct_timer_start(log->options.wheel, &entry->linger, LINGER_MS);
    submit(entry);
}

enum ct_result ct_call_log_toll(struct ct_call_log *log, const char *key,
                                const struct ct_call_toll *toll, int64_t trunk_id)
{
    const struct ct_sip_env *env = log->options.env;
    struct ct_log_entry *entry = find(log, key);
    if (entry == NULL)
        return CT_NOT_FOUND;
    assert((entry->wanted & CT_LOG_TOLL) == 0);
    enum ct_result result = keep(entry->arena, toll->number, &entry->later.number);
    if (result != CT_OK)
        return result;
    entry->later.payer_id = toll->payer_id;
    entry->later_trunk_id = trunk_id;
    entry->later_at = env->unix_ms(env->ctx);
    entry->judged = false;
    entry->wanted |= CT_LOG_TOLL;
    submit(entry);
    return CT_OK;
}

const struct ct_call_verdict *ct_call_log_verdict(struct ct_call_log *log, const char *key)
{
    struct ct_log_entry *entry = find(log, key);
    return entry == NULL || !entry->judged ? NULL : &entry->verdict;
}

/* ---- messages ---- */

static void add_message(struct ct_log_leg *leg, const struct ct_log_pending *message)
{
    struct ct_log_entry *entry = leg->entry;
    struct ct_call_log *log = entry->log;
    struct ct_log_page *page = &entry->open;
    if (entry->messages >= CT_LADDER_MESSAGES || log->bytes + message->bytes.len > BYTES_MOST)
        return;
    if (page->arena == NULL)
        *page = (struct ct_log_page){.arena = ct_arena_new()};
    if (page->arena == NULL)
        return;
    struct ct_log_heard *heard = ct_arena_alloc(page->arena, sizeof(*heard));
    struct ct_buf peer = ct_buf_in(page->arena);
    ct_sip_socket_write(&peer, &message->hop.peer);
    if (heard == NULL || peer.failed)
        return;
    /* the writer cuts it off; what is beyond needs no room here */
    struct ct_str bytes = message->bytes;
    if (bytes.len > 2 * (size_t)CT_LADDER_BYTES)
        bytes.len = 2 * (size_t)CT_LADDER_BYTES;
    *heard = (struct ct_log_heard){
        .message = {.at = message->at,
                    .sent = message->sent,
                    .leg = leg->side,
                    .transport = ct_sip_transport_param(message->hop.transport),
                    .peer = ct_buf_done(&peer)}};
    if (keep(page->arena, bytes, &heard->message.bytes) != CT_OK)
        return;
    if (page->first == NULL)
        page->first = heard;
    else
        *page->end = heard;
    page->end = &heard->next;
    page->count++;
    page->bytes += bytes.len;
    log->bytes += bytes.len;
    entry->messages++;
    if (page->bytes > PAGE_BYTES)
        submit(entry);
}

static bool begins(struct ct_str bytes, const char *with)
{
    size_t length = strlen(with);
    return bytes.len >= length && memcmp(bytes.at, with, length) == 0;
}

static void clear_pending(struct ct_call_log *log)
{
    ct_arena_free(log->arena);
    log->arena = NULL;
    log->pending_count = 0;
}

/* An INVITE is there before its leg is, and perhaps the 100 that answers it. */
static void add_pending(struct ct_call_log *log, const struct ct_log_pending *message)
{
    struct ct_log_pending *place = &log->pending[log->pending_count];
    if (log->arena == NULL)
        log->arena = ct_arena_new();
    if (log->arena == NULL || log->pending_count == CT_LOG_PENDING_MOST)
        return;
    *place = *message;
    if (keep(log->arena, message->call_id, &place->call_id) == CT_OK &&
        keep(log->arena, message->bytes, &place->bytes) == CT_OK)
        log->pending_count++;
}

void ct_call_log_trace(struct ct_call_log *log, bool sent, const struct ct_sip_hop *hop,
                       struct ct_str bytes, struct ct_str call_id)
{
    const struct ct_sip_env *env = log->options.env;
    struct ct_log_leg *leg = log->legs[bucket_of(call_id)];
    if (!sent && log->pending_count > 0)
        clear_pending(log);
    while (leg != NULL && !ct_str_equal(leg->call_id, call_id))
        leg = leg->next;
    if (leg == NULL && !begins(bytes, "INVITE ") &&
        (log->pending_count == 0 || !begins(bytes, "SIP/2.0 1")))
        return;
    const struct ct_log_pending message = {.sent = sent,
                                           .at = env->unix_ms(env->ctx),
                                           .hop = *hop,
                                           .call_id = call_id,
                                           .bytes = bytes};
    if (leg != NULL)
        add_message(leg, &message);
    else
        add_pending(log, &message);
}

void ct_call_log_leg(struct ct_call_log *log, const char *key, struct ct_str call_id)
{
    struct ct_log_entry *entry = find(log, key);
    struct ct_log_leg *leg = entry == NULL ? NULL : ct_arena_alloc(entry->arena, sizeof(*leg));
    if (leg == NULL)
        return;
    bool caller = entry->dialled || entry->legs == NULL;
    *leg =
        (struct ct_log_leg){.entry = entry, .side = caller ? CT_STR("caller") : CT_STR("callee")};
    if (keep(entry->arena, call_id, &leg->call_id) != CT_OK)
        return;
    struct ct_log_leg **bucket = &log->legs[bucket_of(call_id)];
    leg->next = *bucket;
    *bucket = leg;
    leg->other = entry->legs;
    entry->legs = leg;
    for (size_t i = 0; i < log->pending_count; i++)
        if (ct_str_equal(log->pending[i].call_id, call_id))
            add_message(leg, &log->pending[i]);
}

void ct_call_log_second(struct ct_call_log *log, const char *key)
{
    struct ct_log_entry *entry = find(log, key);
    if (entry != NULL)
        entry->dialled = false;
}

/* ---- the whole ---- */

enum ct_result ct_call_log_new(const struct ct_call_log_options *options, struct ct_call_log **out)
{
    struct ct_call_log *log = calloc(1, sizeof(*log));
    if (log == NULL)
        return CT_NOMEM;
    log->options = *options;
    *out = log;
    return CT_OK;
}

void ct_call_log_free(struct ct_call_log *log)
{
    if (log == NULL)
        return;
    assert(log->under_way == 0);
    for (size_t i = 0; i < CT_LOG_BUCKETS; i++)
        while (log->entries[i] != NULL)
            entry_free(log->entries[i]);
    clear_pending(log);
    free(log);
}

bool ct_call_log_is_full(const struct ct_call_log *log)
{
    return log->count >= ENTRIES_MOST;
}

void ct_call_log_hurry(struct ct_call_log *log)
{
    log->hurries = true;
    for (size_t i = 0; i < CT_LOG_BUCKETS; i++) {
        struct ct_log_entry *next;
        for (struct ct_log_entry *entry = log->entries[i]; entry != NULL; entry = next) {
            next = entry->next;
            if ((entry->wanted & CT_LOG_ENDED) != 0)
                linger_fire(entry);
        }
    }
}

bool ct_call_log_settled(const struct ct_call_log *log)
{
    return log->count == 0;
}

bool ct_call_log_quiet(const struct ct_call_log *log)
{
    return log->under_way == 0;
}
