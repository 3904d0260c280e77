#include "voice/call_log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "voice/call_log_parts.h"

/* Records that wait; some seconds of the busiest hour. */
#define ENTRIES_MOST ((size_t)100000)
#define RETRY_MS 100
#define RETRY_MOST_MS 5000
/* Numbers, legs and their names. */
#define ENTRY_BYTES 500
/* Until the answers to BYE have come. */
#define LINGER_MS 2000

size_t ct_log_bucket(struct ct_str text)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (uint8_t)text.at[i]) * 16777619U;
    return (hash ^ hash >> 16) % CT_LOG_BUCKETS;
}

struct ct_log_entry *ct_log_find(struct ct_call_log *log, const char *key)
{
    struct ct_log_entry *entry = log->entries[ct_log_bucket(ct_str_of(key))];
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
        struct ct_log_leg **link = &entry->log->legs[ct_log_bucket(leg->call_id)];
        while (*link != leg)
            link = &(*link)->next;
        *link = leg->next;
    }
    entry->legs = NULL;
}

static void entry_free(struct ct_log_entry *entry)
{
    struct ct_call_log *log = entry->log;
    struct ct_log_entry **link = &log->entries[ct_log_bucket(ct_str_of(entry->key))];
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

void ct_log_submit(struct ct_log_entry *entry)
{
    struct ct_call_log *log = entry->log;
    if (entry->under_way || ct_timer_running(&entry->retry))
        return;
    if (entry->gone.arena == NULL) {
        entry->gone = entry->open;
        entry->open = (struct ct_log_page){0};
        entry->first = entry->messages - entry->gone.count;
    }
    if (entry->wanted == entry->written && entry->move_count == 0 && entry->gone.arena == NULL) {
        if (entry->closing)
            entry_free(entry);
        return;
    }
    entry->sent = entry->wanted;
    entry->moves_sent = entry->move_count;
    entry->under_way = true;
    log->under_way++;
    if (ct_store_submit(log->options.store, &entry->job) == CT_OK)
        return;
    entry->under_way = false;
    log->under_way--;
    try_again(entry);
}

static void say_verdict(struct ct_log_entry *entry, const struct ct_call_verdict *verdict)
{
    const struct ct_call_log_options *options = &entry->log->options;
    entry->told = true;
    entry->judged = verdict;
    if (options->judged != NULL)
        options->judged(options->ctx, entry->key);
}

/* What was under way is over, for better or worse. */
static void take_moves(struct ct_log_entry *entry, bool hopeless)
{
    const struct ct_call_log_options *options = &entry->log->options;
    for (; entry->moves_sent > 0; entry->moves_sent--) {
        struct ct_log_move *move = entry->moves;
        entry->moves = move->next;
        if (--entry->move_count == 0)
            entry->moves_end = &entry->moves;
        /* what a transfer asked that was given up meanwhile is no answer to the next one */
        bool pays = move->kind == CT_LOG_PAY && move->at == entry->asked_ms;
        if (hopeless && pays)
            move->verdict.why = "The limits of the account could not be asked";
        /* what was not allowed need not be undone */
        if (pays && move->verdict.why != NULL && entry->before.at_ms != 0) {
            entry->toll = entry->before.toll;
            entry->before.at_ms = 0;
        }
        if (pays)
            say_verdict(entry, &move->verdict);
        else if (move->kind == CT_LOG_AGAIN && !hopeless && options->again != NULL)
            options->again(options->ctx, entry->key, &move->verdict);
    }
}

static void open_letter(void *ctx)
{
    struct ct_log_entry *entry = ctx;
    struct ct_call_log *log = entry->log;
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
        if (entry->asks && !entry->told)
            say_verdict(entry, &entry->verdict);
        take_moves(entry, hopeless);
    } else {
        try_again(entry);
    }
    /* what is added by those who have just been told goes with the next one */
    entry->under_way = false;
    log->under_way--;
    ct_log_submit(entry);
}

static void retry_fire(void *ctx)
{
    ct_log_submit(ctx);
}

static void linger_fire(void *ctx)
{
    struct ct_log_entry *entry = ctx;
    entry->closing = true;
    ct_log_submit(entry);
}

/* ---- what happens ---- */

enum ct_result ct_log_keep(struct ct_arena *arena, struct ct_str text, struct ct_str *out)
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
    enum ct_result result = ct_log_keep(entry->arena, parties->from, &call->from);
    if (result == CT_OK)
        result = ct_log_keep(entry->arena, parties->to, &call->to);
    if (result == CT_OK && toll != NULL) {
        entry->asks = !entry->dialled;
        entry->toll.payer_id = toll->payer_id;
        call->payer_id = toll->payer_id;
        entry->verdict.longest_ms = INT64_MAX;
        result = ct_log_keep(entry->arena, toll->number, &entry->number);
        entry->toll.number = entry->number;
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
    entry->moves_end = &entry->moves;
    struct ct_log_entry **bucket = &log->entries[ct_log_bucket(ct_str_of(entry->key))];
    entry->next = *bucket;
    *bucket = entry;
    log->count++;
    entry->wanted = CT_LOG_BEGUN;
    ct_log_submit(entry);
    return CT_OK;
}

void ct_call_log_changed(struct ct_call_log *log, const struct ct_call_facts *facts)
{
    struct ct_log_entry *entry = ct_log_find(log, facts->key);
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
    ct_log_submit(entry);
}

void ct_call_log_ended(struct ct_call_log *log, const struct ct_call_facts *facts)
{
    struct ct_log_entry *entry = ct_log_find(log, facts->key);
    if (entry == NULL || (entry->wanted & CT_LOG_ENDED) != 0)
        return;
    /* both enums are in the same order: see record_status.h */
    entry->end = (enum ct_record_status)facts->status;
    entry->ender = (enum ct_record_ender)facts->hangup_by;
    entry->ended_ms = facts->ended_ms;
    entry->code = facts->sip_code;
    if (!ct_utf8_valid(facts->reason) || ct_utf8_has_control(facts->reason) ||
        ct_log_keep(entry->arena, facts->reason, &entry->reason) != CT_OK)
        entry->reason = (struct ct_str){0};
    entry->wanted |= CT_LOG_ENDED;
    if (log->hurries)
        entry->closing = true;
    else
        ct_timer_start(log->options.wheel, &entry->linger, LINGER_MS);
    ct_log_submit(entry);
}

static void fill_move(struct ct_log_entry *entry, enum ct_log_move_kind kind,
                      struct ct_log_move *move)
{
    const struct ct_sip_env *env = entry->log->options.env;
    int64_t now_ms = env->unix_ms(env->ctx);
    entry->last_ms = now_ms > entry->last_ms ? now_ms : entry->last_ms + 1;
    *move = (struct ct_log_move){.kind = kind,
                                 .answered = (entry->wanted & CT_LOG_ANSWERED) != 0,
                                 .at = entry->last_ms,
                                 .toll = entry->toll};
}

/* NULL without memory. */
static struct ct_log_move *make_move(struct ct_log_entry *entry, enum ct_log_move_kind kind)
{
    struct ct_log_move *move = ct_arena_alloc(entry->arena, sizeof(*move));
    if (move != NULL)
        fill_move(entry, kind, move);
    return move;
}

static void add_move(struct ct_log_entry *entry, struct ct_log_move *move)
{
    *entry->moves_end = move;
    entry->moves_end = &move->next;
    entry->move_count++;
    ct_log_submit(entry);
}

enum ct_result ct_call_log_toll(struct ct_call_log *log, const struct ct_call_facts *facts,
                                const struct ct_call_toll *toll, int64_t trunk_id)
{
    struct ct_str number;
    struct ct_log_entry *entry = ct_log_find(log, facts->key);
    if (entry == NULL)
        return CT_NOT_FOUND;
    struct ct_log_move *move = make_move(entry, CT_LOG_PAY);
    struct ct_log_move *settles = ct_arena_alloc(entry->arena, sizeof(*settles));
    if (move == NULL || settles == NULL ||
        ct_log_keep(entry->arena, toll->number, &number) != CT_OK)
        return CT_NOMEM;
    if (facts->status == CT_CALL_IN_PROGRESS) {
        entry->before.settles = settles;
        entry->before.at_ms = move->at;
        entry->before.payer_id = facts->parties.payer_id;
        entry->before.trunk_id = facts->parties.to_trunk_id;
        entry->before.toll = entry->toll;
    }
    entry->toll = (struct ct_call_toll){toll->payer_id, number};
    entry->judged = NULL;
    entry->asked_ms = move->at;
    move->toll = entry->toll;
    move->trunk_id = trunk_id;
    add_move(entry, move);
    return CT_OK;
}

void ct_call_log_transferred(struct ct_call_log *log, const struct ct_call_facts *facts, bool done)
{
    struct ct_log_entry *entry = ct_log_find(log, facts->key);
    bool paid = entry != NULL && entry->before.at_ms != 0;
    if (entry == NULL || (!done && !paid))
        return;
    struct ct_log_move *move = paid ? entry->before.settles : make_move(entry, CT_LOG_TRANSFERRED);
    if (paid)
        fill_move(entry, done ? CT_LOG_TRANSFERRED : CT_LOG_UNPAY, move);
    if (move == NULL) {
        CT_LOG(log->options.log, CT_LOG_ERROR, "call_record_not_written",
               CT_F_TEXT("why", ct_result_text(CT_NOMEM)));
        return;
    }
    move->paid = paid;
    move->trunk_id = done ? facts->parties.to_trunk_id : entry->before.trunk_id;
    if (!done) {
        move->toll.payer_id = entry->before.payer_id;
        move->at = entry->before.at_ms;
        entry->toll = entry->before.toll;
    }
    entry->before.at_ms = 0;
    add_move(entry, move);
}

void ct_call_log_again(struct ct_call_log *log, const char *key)
{
    struct ct_log_entry *entry = ct_log_find(log, key);
    struct ct_log_move *move = entry == NULL ? NULL : make_move(entry, CT_LOG_AGAIN);
    if (move != NULL)
        add_move(entry, move);
}

const struct ct_call_verdict *ct_call_log_verdict(struct ct_call_log *log, const char *key)
{
    struct ct_log_entry *entry = ct_log_find(log, key);
    return entry == NULL ? NULL : entry->judged;
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
    ct_log_clear_pending(log);
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
