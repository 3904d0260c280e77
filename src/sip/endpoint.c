#include "sip/endpoint.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sip/core.h"
#include "sip/read.h"

#define MAX_TRANSACTIONS 262144
#define MAX_MESSAGE 65535

/* ---- the endpoint ---- */

/* The known methods in a list "INVITE, ACK", a bit each. */
static uint32_t methods_of(struct ct_str list)
{
    uint32_t methods = 0;
    for (size_t at = 0; at < list.len;) {
        size_t end = ct_sip_value_end(list, at);
        struct ct_str name = ct_sip_trim((struct ct_str){list.at + at, end - at});
        enum ct_sip_method method = ct_sip_method_of(name);
        if (method != CT_SIP_OTHER_METHOD)
            methods |= UINT32_C(1) << method;
        at = end + 1;
    }
    return methods;
}

enum ct_result ct_sip_new(const struct ct_sip_options *options, struct ct_sip **out)
{
    uint8_t secret[CT_HASH_KEY_BYTES];
    struct ct_sip *sip = calloc(1, sizeof(*sip));
    enum ct_result result = CT_NOMEM;

    if (sip == NULL)
        return CT_NOMEM;
    sip->options = *options;
    if (sip->options.max_transactions == 0)
        sip->options.max_transactions = MAX_TRANSACTIONS;
    if (sip->options.max_message == 0)
        sip->options.max_message = MAX_MESSAGE;
    sip->times = (struct ct_sip_times){
        .t1_ms = options->t1_ms != 0 ? options->t1_ms : 500,
        .t2_ms = options->t2_ms != 0 ? options->t2_ms : 4000,
        .t4_ms = options->t4_ms != 0 ? options->t4_ms : 5000,
    };
    sip->methods = methods_of(options->methods);
    size_t most = sip->options.max_transactions;
    if (ct_wheel_new(options->env.now_ms(options->env.ctx), &sip->wheel) != CT_OK ||
        ct_sip_table_init(&sip->servers, most) != CT_OK ||
        ct_sip_table_init(&sip->merged, most) != CT_OK ||
        ct_sip_table_init(&sip->untold, 1) != CT_OK ||
        ct_sip_table_init(&sip->clients, most) != CT_OK ||
        ct_sip_table_init(&sip->waiting, most / 16) != CT_OK ||
        ct_sip_table_init(&sip->dialogs, most / 2) != CT_OK ||
        ct_sip_table_init(&sip->sources, options->max_per_address == 0 ? 1 : most / 16) != CT_OK)
        goto out;
    options->env.random(options->env.ctx, secret, sizeof(secret));
    ct_hash_key_set(&sip->key, secret);
    explicit_bzero(secret, sizeof(secret));
    result = CT_OK;

out:
    if (result == CT_OK)
        *out = sip;
    else
        ct_sip_free(sip);
    return result;
}

void ct_sip_free(struct ct_sip *sip)
{
    if (sip == NULL)
        return;
    assert(!sip->receiving);
    sip->options.max_transactions = 0; /* nothing begins any more */
    ct_sip_servers_close(sip);
    ct_sip_clients_close(sip);
    struct ct_sip_link *link;
    for (size_t at = 0; (link = ct_sip_table_any(&sip->dialogs, &at)) != NULL;)
        ct_sip_dialog_remove(CT_SIP_OF_LINK(struct ct_sip_dialog_entry, link, link));
    ct_sip_table_end(&sip->servers);
    ct_sip_table_end(&sip->merged);
    ct_sip_table_end(&sip->untold);
    ct_sip_table_end(&sip->clients);
    ct_sip_table_end(&sip->waiting);
    ct_sip_table_end(&sip->dialogs);
    ct_sip_table_end(&sip->sources);
    ct_wheel_free(sip->wheel);
    explicit_bzero(&sip->key, sizeof(sip->key));
    free(sip);
}

void ct_sip_turn(struct ct_sip *sip)
{
    assert(!sip->receiving);
    ct_wheel_turn(sip->wheel, sip->options.env.now_ms(sip->options.env.ctx));
}

int64_t ct_sip_next_ms(const struct ct_sip *sip)
{
    return ct_wheel_next_ms(sip->wheel);
}

void ct_sip_hop_lost(struct ct_sip *sip, const struct ct_sip_hop *hop)
{
    ct_wheel_tell(sip->wheel, sip->options.env.now_ms(sip->options.env.ctx));
    ct_sip_client_hop_lost(sip, hop);
}

struct ct_wheel *ct_sip_wheel(struct ct_sip *sip)
{
    return sip->wheel;
}

const struct ct_sip_env *ct_sip_env(const struct ct_sip *sip)
{
    return &sip->options.env;
}

const struct ct_sip_options *ct_sip_options(const struct ct_sip *sip)
{
    return &sip->options;
}

int64_t ct_sip_t1_ms(const struct ct_sip *sip)
{
    return sip->times.t1_ms;
}

struct ct_sip_counts ct_sip_counts(const struct ct_sip *sip)
{
    return (struct ct_sip_counts){sip->servers.count, sip->clients.count, sip->dialogs.count};
}

bool ct_sip_has_room(const struct ct_sip *sip)
{
    return sip->servers.count + sip->clients.count < sip->options.max_transactions;
}

bool ct_sip_has_room_to_begin(const struct ct_sip *sip)
{
    size_t most = sip->options.max_transactions;

    return sip->servers.count + sip->clients.count < most - most / 4;
}

/* ---- what the others share ---- */

enum ct_result ct_sip_transmit(struct ct_sip *sip, const struct ct_sip_hop *to, struct ct_str bytes,
                               struct ct_str call_id)
{
    const struct ct_sip_options *options = &sip->options;
    if (options->user.trace != NULL)
        options->user.trace(options->user.ctx, true, to, bytes, call_id);
    return options->env.send(options->env.ctx, to, bytes);
}

struct ct_sip_token ct_sip_token(struct ct_sip *sip)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct ct_sip_token token;

    if (sip->random_left == 0) {
        sip->options.env.random(sip->options.env.ctx, sip->random, sizeof(sip->random));
        sip->random_left = sizeof(sip->random);
    }
    for (size_t i = 0; i < CT_SIP_TOKEN_SIZE; i += 4) {
        const uint8_t *bytes = sip->random + sizeof(sip->random) - sip->random_left;
        unsigned value = (unsigned)bytes[0] << 16 | (unsigned)bytes[1] << 8 | bytes[2];
        for (unsigned j = 0; j < 4; j++)
            token.at[i + j] = alphabet[value >> (6 * j) & 63];
        sip->random_left -= 3;
    }
    return token;
}

enum ct_result ct_sip_key(const struct ct_sip *sip, struct ct_arena *arena,
                          const struct ct_str *texts, size_t count, uint64_t out[2])
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += texts[i].len + sizeof(uint32_t);
    char *text = ct_arena_room(arena, size);
    if (text == NULL)
        return CT_NOMEM;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t length = (uint32_t)texts[i].len;
        memcpy(text + at, &length, sizeof(length));
        at += sizeof(length);
        if (length > 0)
            memcpy(text + at, texts[i].at, length);
        at += length;
    }
    _Static_assert(CT_KEYED_HASH_BYTES == 16, "a key is the whole hash");
    ct_keyed_hash(&sip->key, (struct ct_str){text, size}, (uint8_t *)out);
    return CT_OK;
}

enum ct_result ct_sip_fingerprint(const struct ct_sip *sip, struct ct_arena *arena,
                                  const struct ct_sip_message *request, uint64_t out[2])
{
    uint32_t cseq = request->cseq;
    const struct ct_str texts[] = {request->method_name, request->uri.text,
                                   request->call_id,     request->from.tag,
                                   request->to.tag,      {(const char *)&cseq, sizeof(cseq)}};
    return ct_sip_key(sip, arena, texts, 6, out);
}

enum ct_result ct_sip_mark(const struct ct_sip *sip, struct ct_arena *arena, struct ct_str token,
                           const uint64_t fingerprint[2], char out[CT_SIP_MARK_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    const struct ct_str texts[] = {token, {(const char *)fingerprint, 2 * sizeof(*fingerprint)}};
    uint64_t key[2];
    enum ct_result result = ct_sip_key(sip, arena, texts, 2, key);
    if (result != CT_OK)
        return result;
    for (unsigned i = 0; i < CT_SIP_MARK_SIZE; i++)
        out[i] = digits[key[0] >> (4 * i) & 15];
    return CT_OK;
}

/* ---- dialogs ---- */

static enum ct_result dialog_key(const struct ct_sip *sip, struct ct_str call_id,
                                 struct ct_str local_tag, struct ct_str remote_tag, uint64_t out[2])
{
    CT_SIP_ARENA(arena);
    if (arena == NULL)
        return CT_NOMEM;
    const struct ct_str texts[] = {call_id, local_tag, remote_tag};
    enum ct_result result = ct_sip_key(sip, arena, texts, 3, out);
    ct_arena_free(arena);
    return result;
}

enum ct_result ct_sip_dialog_register(struct ct_sip *sip, struct ct_sip_dialog_entry *entry,
                                      struct ct_str call_id, struct ct_str local_tag,
                                      struct ct_str remote_tag)
{
    enum ct_result result = dialog_key(sip, call_id, local_tag, remote_tag, entry->link.key);
    if (result != CT_OK)
        return result;
    if (ct_sip_table_find(&sip->dialogs, entry->link.key) != NULL)
        return CT_CONFLICT;
    entry->sip = sip;
    ct_sip_table_add(&sip->dialogs, &entry->link);
    return CT_OK;
}

void ct_sip_dialog_remove(struct ct_sip_dialog_entry *entry)
{
    if (entry->sip == NULL)
        return;
    ct_sip_table_remove(&entry->sip->dialogs, &entry->link);
    entry->sip = NULL;
}

struct ct_sip_dialog_entry *ct_sip_dialog_find(struct ct_sip *sip, struct ct_str call_id,
                                               struct ct_str local_tag, struct ct_str remote_tag)
{
    uint64_t key[2];
    if (dialog_key(sip, call_id, local_tag, remote_tag, key) != CT_OK)
        return NULL;
    struct ct_sip_link *link = ct_sip_table_find(&sip->dialogs, key);
    return link == NULL ? NULL : CT_SIP_OF_LINK(struct ct_sip_dialog_entry, link, link);
}
