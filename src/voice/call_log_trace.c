#include <string.h>

#include "voice/call_log_parts.h"

/* The messages of calls, on their way to the ladders. */

/* Messages that wait, of all calls; of one call so many bytes go at once. */
#define BYTES_MOST ((size_t)64 * 1024 * 1024)
#define PAGE_BYTES ((size_t)65536)

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
    if (ct_log_keep(page->arena, bytes, &heard->message.bytes) != CT_OK)
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
        ct_log_submit(entry);
}

static bool begins(struct ct_str bytes, const char *with)
{
    size_t length = strlen(with);
    return bytes.len >= length && memcmp(bytes.at, with, length) == 0;
}

void ct_log_clear_pending(struct ct_call_log *log)
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
    if (ct_log_keep(log->arena, message->call_id, &place->call_id) == CT_OK &&
        ct_log_keep(log->arena, message->bytes, &place->bytes) == CT_OK)
        log->pending_count++;
}

void ct_call_log_trace(struct ct_call_log *log, bool sent, const struct ct_sip_hop *hop,
                       struct ct_str bytes, struct ct_str call_id)
{
    const struct ct_sip_env *env = log->options.env;
    struct ct_log_leg *leg = log->legs[ct_log_bucket(call_id)];
    if (!sent && log->pending_count > 0)
        ct_log_clear_pending(log);
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
    struct ct_log_entry *entry = ct_log_find(log, key);
    struct ct_log_leg *leg = entry == NULL ? NULL : ct_arena_alloc(entry->arena, sizeof(*leg));
    if (leg == NULL)
        return;
    bool caller = entry->dialled || entry->legs == NULL;
    *leg =
        (struct ct_log_leg){.entry = entry, .side = caller ? CT_STR("caller") : CT_STR("callee")};
    if (ct_log_keep(entry->arena, call_id, &leg->call_id) != CT_OK)
        return;
    struct ct_log_leg **bucket = &log->legs[ct_log_bucket(call_id)];
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
    struct ct_log_entry *entry = ct_log_find(log, key);
    if (entry != NULL)
        entry->dialled = false;
}
