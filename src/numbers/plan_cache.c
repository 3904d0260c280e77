#include "numbers/plan_cache.h"

#include <assert.h>
#include <pthread.h>
#include <sys/mman.h>

#define SLOT_BITS 14
#define SLOTS ((size_t)1 << SLOT_BITS)
#define LOCKS 64

struct slot {
    uint64_t number; /* 0: empty */
    struct ct_plan_answer answer;
};
static_assert(sizeof(struct slot) == 64, "a slot is a cache line");

struct ct_plan_cache {
    struct slot slots[SLOTS];
    pthread_mutex_t locks[LOCKS];
};

/* From the kernel itself: memory of malloc may have been used before, and would be touched to zero it. */
struct ct_plan_cache *ct_plan_cache_new(void)
{
    struct ct_plan_cache *cache = mmap(NULL, sizeof(*cache), PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (cache == MAP_FAILED)
        return NULL;
    /* A huge page would make the first answer cost the whole memory. */
    (void)madvise(cache, sizeof(*cache), MADV_NOHUGEPAGE);
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&cache->locks[i], NULL);
    return cache;
}

void ct_plan_cache_free(struct ct_plan_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&cache->locks[i]);
    (void)munmap(cache, sizeof(*cache));
}

size_t ct_plan_cache_place(uint64_t number)
{
    return (size_t)(number * UINT64_C(0x9E3779B97F4A7C15) >> (64 - SLOT_BITS));
}

bool ct_plan_cache_find(struct ct_plan_cache *cache, uint64_t number, struct ct_plan_answer *out)
{
    assert(number != 0);
    size_t at = ct_plan_cache_place(number);
    pthread_mutex_t *lock = &cache->locks[at % LOCKS];
    pthread_mutex_lock(lock);
    const struct slot *slot = &cache->slots[at];
    bool found = slot->number == number;
    if (found)
        *out = slot->answer;
    pthread_mutex_unlock(lock);
    return found;
}

void ct_plan_cache_put(struct ct_plan_cache *cache, uint64_t number,
                       const struct ct_plan_answer *answer)
{
    assert(number != 0);
    size_t at = ct_plan_cache_place(number);
    pthread_mutex_t *lock = &cache->locks[at % LOCKS];
    pthread_mutex_lock(lock);
    cache->slots[at] = (struct slot){.number = number, .answer = *answer};
    pthread_mutex_unlock(lock);
}
