#include "accounts/token_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A token of this program has some 230 bytes (HS256) to 620 (RS256 with 2,048 bits) or 970 (4,096). */
#define MAX_BYTES 1024
/* 256 bits in base64url; the ids of this program have 22. */
#define MAX_ID_BYTES 43
#define SLOTS 1024
#define LOCKS 32
/* What of a token tells where it is: the end of the signature, which nobody can choose. */
#define KEY_BYTES 8

struct entry {
    int64_t user_id;
    int64_t issued_at;
    int64_t expires_at;
    int64_t login_at;
    int64_t epoch;
    size_t id_size;
    size_t size;
    size_t room; /* bytes for the token */
    char id[MAX_ID_BYTES];
    char token[];
};

struct ct_token_cache {
    pthread_mutex_t locks[LOCKS];
    struct entry *slots[SLOTS]; /* NULL: empty */
};

struct ct_token_cache *ct_token_cache_new(struct ct_arena *arena)
{
    struct ct_token_cache *cache = ct_arena_alloc(arena, sizeof(*cache));
    if (cache == NULL)
        return NULL;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&cache->locks[i], NULL);
    return cache;
}

static void forget(struct entry *entry)
{
    if (entry != NULL)
        explicit_bzero(entry, sizeof(*entry) + entry->room);
    free(entry);
}

void ct_token_cache_end(struct ct_token_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        forget(cache->slots[i]);
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&cache->locks[i]);
}

static bool slot_of(struct ct_str token, size_t *out)
{
    if (token.len < KEY_BYTES || token.len > MAX_BYTES)
        return false;
    uint64_t key;
    memcpy(&key, token.at + token.len - KEY_BYTES, sizeof(key));
    *out = (size_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 32) % SLOTS;
    return true;
}

bool ct_token_cache_find(struct ct_token_cache *cache, struct ct_arena *arena, struct ct_str token,
                         int64_t now_s, struct ct_claims *out)
{
    char id[MAX_ID_BYTES];
    struct ct_claims claims;
    size_t at;

    if (!slot_of(token, &at))
        return false;
    pthread_mutex_t *lock = &cache->locks[at % LOCKS];
    pthread_mutex_lock(lock);
    const struct entry *entry = cache->slots[at];
    bool found = entry != NULL && entry->expires_at > now_s &&
                 ct_str_equal_secret((struct ct_str){entry->token, entry->size}, token);
    if (found) {
        claims = (struct ct_claims){.user_id = entry->user_id,
                                    .issued_at = entry->issued_at,
                                    .expires_at = entry->expires_at,
                                    .login_at = entry->login_at,
                                    .epoch = entry->epoch,
                                    .id = {id, entry->id_size}};
        memcpy(id, entry->id, entry->id_size);
    }
    pthread_mutex_unlock(lock);
    if (!found)
        return false;
    claims.id.at = ct_str_dup(arena, claims.id);
    if (claims.id.at == NULL)
        return false;
    *out = claims;
    return true;
}

/* The entry of a slot, with room for so many bytes; NULL, and the slot empty, without memory. */
static struct entry *take(struct entry **slot, size_t size)
{
    if (*slot != NULL && (*slot)->room >= size)
        return *slot;
    forget(*slot);
    *slot = malloc(sizeof(**slot) + size);
    if (*slot != NULL)
        (*slot)->room = size;
    return *slot;
}

void ct_token_cache_put(struct ct_token_cache *cache, struct ct_str token,
                        const struct ct_claims *claims)
{
    size_t at;

    if (claims->id.len > MAX_ID_BYTES || !slot_of(token, &at))
        return;
    pthread_mutex_t *lock = &cache->locks[at % LOCKS];
    pthread_mutex_lock(lock);
    struct entry *entry = take(&cache->slots[at], token.len);
    if (entry != NULL) {
        entry->user_id = claims->user_id;
        entry->issued_at = claims->issued_at;
        entry->expires_at = claims->expires_at;
        entry->login_at = claims->login_at;
        entry->epoch = claims->epoch;
        entry->id_size = claims->id.len;
        entry->size = token.len;
        if (claims->id.len > 0)
            memcpy(entry->id, claims->id.at, claims->id.len);
        memcpy(entry->token, token.at, token.len);
    }
    pthread_mutex_unlock(lock);
}
