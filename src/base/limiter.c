#include "base/limiter.h"

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

#define LOCKS ((size_t)64)
#define US_A_SECOND INT64_C(1000000)

/* What a table is without its slots. */
struct table {
    struct ct_hash_key key;
    size_t sets; /* a power of two */
    pthread_mutex_t locks[LOCKS];
};

/* What stands for a key, and the first slot of its set. */
struct place {
    uint64_t tag[2];
    size_t set;
    size_t first;
};

static enum ct_result table_init(struct table *table, size_t slots)
{
    assert(slots <= SIZE_MAX / 4);
    enum ct_result result = ct_hash_key_random(&table->key);
    if (result != CT_OK)
        return result;
    table->sets = 1;
    while (table->sets * CT_LIMITER_WAYS < slots)
        table->sets *= 2;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&table->locks[i], NULL);
    return CT_OK;
}

static void table_end(struct table *table)
{
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&table->locks[i]);
    explicit_bzero(&table->key, sizeof(table->key));
}

static struct place enter(struct table *table, struct ct_str key)
{
    struct place place;

    static_assert(sizeof(place.tag) == CT_KEYED_HASH_BYTES, "a tag is the whole hash");
    ct_keyed_hash(&table->key, key, (uint8_t *)place.tag);
    place.set = (size_t)place.tag[0] & (table->sets - 1);
    place.first = place.set * CT_LIMITER_WAYS;
    pthread_mutex_lock(&table->locks[place.set % LOCKS]);
    return place;
}

static void leave(struct table *table, const struct place *place)
{
    pthread_mutex_unlock(&table->locks[place->set % LOCKS]);
}

static int64_t whole_seconds(int64_t us)
{
    int64_t seconds = us / US_A_SECOND + (us % US_A_SECOND > 0 ? 1 : 0);
    return seconds < 1 ? 1 : seconds;
}

/* ---- failures: the times of all events ---- */

struct failures {
    uint64_t tag[2];
    size_t count; /* of its times; 0: an empty slot */
};

struct ct_failure_counter {
    struct table table;
    size_t limit;
    int64_t window_us;
    struct failures *slots;
    int64_t *times; /* `limit` for each slot, in no order */
};

enum ct_result ct_failure_counter_new(const struct ct_limiter_options *options,
                                      struct ct_failure_counter **out)
{
    assert(options->limit >= 1 && options->limit <= CT_FAILURES_MAX_LIMIT);
    assert(options->window_us >= 1);
    struct ct_failure_counter *counter = calloc(1, sizeof(*counter));
    if (counter == NULL)
        return CT_NOMEM;
    enum ct_result result = table_init(&counter->table, options->slots);
    if (result != CT_OK) {
        free(counter);
        return result;
    }
    size_t slots = counter->table.sets * CT_LIMITER_WAYS;
    counter->limit = options->limit;
    counter->window_us = options->window_us;
    counter->slots = calloc(slots, sizeof(*counter->slots));
    counter->times = calloc(slots, options->limit * sizeof(*counter->times));
    if (counter->slots == NULL || counter->times == NULL) {
        ct_failure_counter_free(counter);
        return CT_NOMEM;
    }
    *out = counter;
    return CT_OK;
}

void ct_failure_counter_free(struct ct_failure_counter *counter)
{
    if (counter == NULL)
        return;
    table_end(&counter->table);
    free(counter->slots);
    free(counter->times);
    free(counter);
}

/* A slot as it is now. */
struct look {
    size_t at;
    size_t count;
    int64_t earliest;
    int64_t latest;
};

/* Drops the events that have left the window. */
static struct look look_at(struct ct_failure_counter *counter, size_t at, int64_t now_us)
{
    struct failures *slot = &counter->slots[at];
    int64_t *times = counter->times + at * counter->limit;
    struct look look = {.at = at};

    for (size_t i = 0; i < slot->count; i++) {
        int64_t time = times[i];
        if (now_us - time >= counter->window_us)
            continue;
        if (look.count == 0 || time < look.earliest)
            look.earliest = time;
        if (look.count == 0 || time > look.latest)
            look.latest = time;
        times[look.count++] = time;
    }
    slot->count = look.count;
    return look;
}

static bool find_failures(const struct ct_failure_counter *counter, const struct place *place,
                          size_t *out)
{
    for (size_t at = place->first; at < place->first + CT_LIMITER_WAYS; at++) {
        const struct failures *slot = &counter->slots[at];
        if (slot->count > 0 && slot->tag[0] == place->tag[0] && slot->tag[1] == place->tag[1]) {
            *out = at;
            return true;
        }
    }
    return false;
}

/* The slot that a new key would get. When all are locked, it is the first that will be free. */
static struct look least_of_set(struct ct_failure_counter *counter, const struct place *place,
                                int64_t now_us)
{
    struct look least = look_at(counter, place->first, now_us);

    for (size_t way = 1; way < CT_LIMITER_WAYS; way++) {
        struct look other = look_at(counter, place->first + way, now_us);
        bool less = other.count < least.count;
        if (other.count == least.count)
            less = other.count == counter->limit ? other.earliest < least.earliest
                                                 : other.latest < least.latest;
        if (less)
            least = other;
    }
    return least;
}

static int64_t judge(struct ct_failure_counter *counter, struct ct_str key, int64_t now_us,
                     bool count_it)
{
    struct place place = enter(&counter->table, key);
    struct look look;
    size_t at;
    bool known = find_failures(counter, &place, &at);
    int64_t wait = 0;

    look = known ? look_at(counter, at, now_us) : least_of_set(counter, &place, now_us);
    if (look.count >= counter->limit) {
        wait = whole_seconds(look.earliest + counter->window_us - now_us);
    } else if (count_it) {
        struct failures *slot = &counter->slots[look.at];
        if (!known)
            *slot = (struct failures){.tag = {place.tag[0], place.tag[1]}};
        counter->times[look.at * counter->limit + slot->count++] = now_us;
    }
    leave(&counter->table, &place);
    return wait;
}

int64_t ct_failure_counter_reserve(struct ct_failure_counter *counter, struct ct_str key,
                                   int64_t now_us)
{
    return judge(counter, key, now_us, true);
}

int64_t ct_failure_counter_peek(struct ct_failure_counter *counter, struct ct_str key,
                                int64_t now_us)
{
    return judge(counter, key, now_us, false);
}

void ct_failure_counter_refund(struct ct_failure_counter *counter, struct ct_str key,
                               int64_t counted_us)
{
    struct place place = enter(&counter->table, key);
    size_t at;

    if (find_failures(counter, &place, &at)) {
        struct failures *slot = &counter->slots[at];
        int64_t *times = counter->times + at * counter->limit;
        for (size_t i = 0; i < slot->count; i++) {
            if (times[i] == counted_us) {
                times[i] = times[--slot->count];
                break;
            }
        }
    }
    leave(&counter->table, &place);
}

void ct_failure_counter_clear(struct ct_failure_counter *counter, struct ct_str key)
{
    struct place place = enter(&counter->table, key);
    size_t at;

    if (find_failures(counter, &place, &at))
        counter->slots[at].count = 0;
    leave(&counter->table, &place);
}

/* ---- rates: one time for each key ---- */

struct rate {
    uint64_t tag[2];
    int64_t due_ns; /* the "theoretical arrival time": as good as new once it has passed */
};

struct ct_rate_limiter {
    struct table table;
    int64_t interval_ns;
    int64_t tolerance_ns;
    struct rate *slots;
};

enum ct_result ct_rate_limiter_new(const struct ct_limiter_options *options,
                                   struct ct_rate_limiter **out)
{
    assert(options->limit >= 1 && options->window_us >= 1);
    assert(options->window_us <= INT64_MAX / 4000);
    assert(options->limit <= (size_t)options->window_us);
    struct ct_rate_limiter *limiter = calloc(1, sizeof(*limiter));
    if (limiter == NULL)
        return CT_NOMEM;
    enum ct_result result = table_init(&limiter->table, options->slots);
    if (result != CT_OK) {
        free(limiter);
        return result;
    }
    limiter->interval_ns = options->window_us * 1000 / (int64_t)options->limit;
    limiter->tolerance_ns = limiter->interval_ns * ((int64_t)options->limit - 1);
    limiter->slots = calloc(limiter->table.sets, CT_LIMITER_WAYS * sizeof(*limiter->slots));
    if (limiter->slots == NULL) {
        ct_rate_limiter_free(limiter);
        return CT_NOMEM;
    }
    *out = limiter;
    return CT_OK;
}

void ct_rate_limiter_free(struct ct_rate_limiter *limiter)
{
    if (limiter == NULL)
        return;
    table_end(&limiter->table);
    free(limiter->slots);
    free(limiter);
}

/* The key's slot, or the one that is nearest to being as good as new, made empty. */
static struct rate *rate_of(struct ct_rate_limiter *limiter, const struct place *place)
{
    struct rate *least = &limiter->slots[place->first];

    for (size_t way = 0; way < CT_LIMITER_WAYS; way++) {
        struct rate *slot = &limiter->slots[place->first + way];
        if (slot->tag[0] == place->tag[0] && slot->tag[1] == place->tag[1])
            return slot;
        if (slot->due_ns < least->due_ns)
            least = slot;
    }
    *least = (struct rate){.tag = {place->tag[0], place->tag[1]}};
    return least;
}

int64_t ct_rate_limiter_take(struct ct_rate_limiter *limiter, struct ct_str key, int64_t now_us)
{
    int64_t now_ns = now_us * 1000;
    struct place place = enter(&limiter->table, key);
    struct rate *rate = rate_of(limiter, &place);
    int64_t wait_ns = rate->due_ns - limiter->tolerance_ns - now_ns;

    if (wait_ns <= 0)
        rate->due_ns = (rate->due_ns > now_ns ? rate->due_ns : now_ns) + limiter->interval_ns;
    leave(&limiter->table, &place);
    return wait_ns <= 0 ? 0 : whole_seconds((wait_ns + 999) / 1000);
}

/* ---- addresses as keys ---- */

struct ct_str ct_limiter_address_key(struct ct_str address, uint8_t room[CT_ADDRESS_KEY_BYTES])
{
    static const uint8_t prefixes[][12] = {{[10] = 0xFF, [11] = 0xFF}, {0, 0x64, 0xFF, 0x9B}};
    const struct ct_str none = {(const char *)room, 0};
    const struct ct_str ipv4 = {(const char *)room, 4};
    const char *zone = address.len == 0 ? NULL : memchr(address.at, '%', address.len);
    size_t length = zone == NULL ? address.len : (size_t)(zone - address.at);
    char text[INET6_ADDRSTRLEN];
    uint8_t bytes[16];

    if (length == 0 || length >= sizeof(text) || memchr(address.at, '\0', length) != NULL)
        return none;
    memcpy(text, address.at, length);
    text[length] = '\0';
    if (zone == NULL && inet_pton(AF_INET, text, room) == 1)
        return ipv4;
    if (inet_pton(AF_INET6, text, bytes) != 1)
        return none;
    for (size_t i = 0; i < 2; i++) {
        if (memcmp(bytes, prefixes[i], sizeof(prefixes[i])) == 0) {
            memcpy(room, bytes + sizeof(prefixes[i]), 4);
            return ipv4;
        }
    }
    memcpy(room, bytes, CT_ADDRESS_KEY_BYTES);
    return (struct ct_str){(const char *)room, CT_ADDRESS_KEY_BYTES};
}
