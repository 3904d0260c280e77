#include "accounts/token_cache.h"

#include <pthread.h>
#include <string.h>

/* A token of this program has some 190 bytes (HS256) to 240 (HS512). */
#define MAX_BYTES 320
#define SLOTS 1024
#define LOCKS 32
/* What of a token tells where it is: the end of the MAC, which nobody can choose. */
#define KEY_BYTES 8

struct slot {
    size_t size; /* 0: empty */
    int64_t user_id;
    int64_t issued_at;
    int64_t expires_at;
    char token[MAX_BYTES];
};

struct ct_token_cache {
    pthread_mutex_t locks[LOCKS];
    struct slot slots[SLOTS];
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

void ct_token_cache_end(struct ct_token_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&cache->locks[i]);
    explicit_bzero(cache->slots, sizeof(cache->slots));
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

bool ct_token_cache_find(struct ct_token_cache *cache, struct ct_str token, int64_t now_s,
                         struct ct_claims *out)
{
    size_t at;
    if (!slot_of(token, &at))
        return false;
    pthread_mutex_t *lock = &cache->locks[at % LOCKS];
    pthread_mutex_lock(lock);
    const struct slot *slot = &cache->slots[at];
    bool found = slot->size > 0 && slot->expires_at > now_s &&
                 ct_str_equal_secret((struct ct_str){slot->token, slot->size}, token);
    if (found)
        *out = (struct ct_claims){.user_id = slot->user_id,
                                  .issued_at = slot->issued_at,
                                  .expires_at = slot->expires_at,
                                  .id = {"", 0}};
    pthread_mutex_unlock(lock);
    return found;
}

void ct_token_cache_put(struct ct_token_cache *cache, struct ct_str token,
                        const struct ct_claims *claims)
{
    size_t at;
    if (!slot_of(token, &at))
        return;
    pthread_mutex_t *lock = &cache->locks[at % LOCKS];
    pthread_mutex_lock(lock);
    struct slot *slot = &cache->slots[at];
    slot->size = token.len;
    slot->user_id = claims->user_id;
    slot->issued_at = claims->issued_at;
    slot->expires_at = claims->expires_at;
    memcpy(slot->token, token.at, token.len);
    pthread_mutex_unlock(lock);
}
