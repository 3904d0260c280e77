#include "base/limiter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define START (1000 * SECOND)

/* What memory that was asked for and not used may take. ThreadSanitizer marks all of it in a map of its own. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define UNTOUCHED_BYTES ((size_t)100 << 20)
#else
#define UNTOUCHED_BYTES ((size_t)1 << 20)
#endif

static struct ct_str key_of(unsigned number, char room[16])
{
    int length = snprintf(room, 16, "key %u", number);
    return (struct ct_str){room, (size_t)length};
}

/* The program's memory in use, in bytes, without its files: of these the kernel takes pages back and reads them
 * again as it likes. */
static size_t resident(void)
{
    unsigned long total = 0;
    unsigned long pages = 0;
    unsigned long of_files = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL || fscanf(file, "%lu %lu %lu", &total, &pages, &of_files) != 3 ||
        pages < of_files)
        pages = of_files = 0;
    if (file != NULL)
        (void)fclose(file);
    return (pages - of_files) * (size_t)sysconf(_SC_PAGESIZE);
}

static enum ct_result test_failures_within_the_window(void)
{
    static const struct ct_limiter_options options = {
        .slots = 64, .limit = 3, .window_us = 15 * MINUTE};
    enum ct_result result = CT_OK;
    struct ct_failure_counter *counter = NULL;
    const struct ct_str key = CT_STR("alice");

    TRY(ct_failure_counter_new(&options, &counter));
    EXPECT(ct_failure_counter_peek(counter, key, START) == 0);
    EXPECT(ct_failure_counter_reserve(counter, key, START) == 0);
    EXPECT(ct_failure_counter_reserve(counter, key, START + MINUTE) == 0);
    EXPECT(ct_failure_counter_peek(counter, key, START + 2 * MINUTE) == 0);
    EXPECT(ct_failure_counter_reserve(counter, key, START + 2 * MINUTE) == 0);
    /* the third was the last; what is refused is not counted */
    EXPECT(ct_failure_counter_peek(counter, key, START + 2 * MINUTE) == 13 * 60);
    EXPECT(ct_failure_counter_reserve(counter, key, START + 2 * MINUTE) == 13 * 60);
    EXPECT(ct_failure_counter_reserve(counter, key, START + 2 * MINUTE - 1) == 13 * 60 + 1);
    EXPECT(ct_failure_counter_reserve(counter, key, START + 15 * MINUTE - SECOND) == 1);
    EXPECT(ct_failure_counter_reserve(counter, key, START + 15 * MINUTE - 1) == 1);
    /* the first has left */
    EXPECT(ct_failure_counter_reserve(counter, key, START + 15 * MINUTE) == 0);
    EXPECT(ct_failure_counter_reserve(counter, key, START + 15 * MINUTE) == 60);
    /* others are their own */
    EXPECT(ct_failure_counter_reserve(counter, CT_STR("alic"), START + 15 * MINUTE) == 0);
    EXPECT(ct_failure_counter_reserve(counter, CT_STR(""), START + 15 * MINUTE) == 0);
    EXPECT(ct_failure_counter_reserve(counter, (struct ct_str){"alice\0b", 7},
                                      START + 15 * MINUTE) == 0);
out:
    ct_failure_counter_free(counter);
    return result;
}

static enum ct_result test_forgetting(void)
{
    static const struct ct_limiter_options options = {
        .slots = 8, .limit = 2, .window_us = 15 * MINUTE};
    enum ct_result result = CT_OK;
    struct ct_failure_counter *counter = NULL;

    TRY(ct_failure_counter_new(&options, &counter));
    for (int i = 0; i < 2; i++) {
        EXPECT(ct_failure_counter_reserve(counter, CT_STR("alice"), START) == 0);
        EXPECT(ct_failure_counter_reserve(counter, CT_STR("bob"), START) == 0);
    }
    ct_failure_counter_clear(counter, CT_STR("carol"));
    ct_failure_counter_clear(counter, CT_STR("alice"));
    EXPECT(ct_failure_counter_peek(counter, CT_STR("bob"), START) == 15 * 60);
    EXPECT(ct_failure_counter_reserve(counter, CT_STR("alice"), START) == 0);
    EXPECT(ct_failure_counter_reserve(counter, CT_STR("alice"), START) == 0);
    EXPECT(ct_failure_counter_reserve(counter, CT_STR("alice"), START) == 15 * 60);
out:
    ct_failure_counter_free(counter);
    return result;
}

static enum ct_result test_refunds(void)
{
    static const struct ct_limiter_options options = {
        .slots = 64, .limit = 3, .window_us = 15 * MINUTE};
    enum ct_result result = CT_OK;
    struct ct_failure_counter *counter = NULL;
    const struct ct_str key = CT_STR("alice");

    TRY(ct_failure_counter_new(&options, &counter));
    for (int i = 0; i < 3; i++)
        EXPECT(ct_failure_counter_reserve(counter, key, START + i * MINUTE) == 0);
    /* not just this time, not this key */
    ct_failure_counter_refund(counter, key, START + 1);
    ct_failure_counter_refund(counter, CT_STR("bob"), START + MINUTE);
    EXPECT(ct_failure_counter_peek(counter, key, START + 2 * MINUTE) == 13 * 60);
    /* the one in the middle: the earliest still says when */
    ct_failure_counter_refund(counter, key, START + MINUTE);
    EXPECT(ct_failure_counter_reserve(counter, key, START + 2 * MINUTE) == 0);
    EXPECT(ct_failure_counter_reserve(counter, key, START + 2 * MINUTE) == 13 * 60);
    /* of two at the same time one goes */
    ct_failure_counter_refund(counter, key, START + 2 * MINUTE);
    EXPECT(ct_failure_counter_reserve(counter, key, START + 3 * MINUTE) == 0);
    EXPECT(ct_failure_counter_reserve(counter, key, START + 3 * MINUTE) == 12 * 60);
    /* none is left, and taking back more does nothing */
    ct_failure_counter_refund(counter, key, START);
    ct_failure_counter_refund(counter, key, START + 2 * MINUTE);
    ct_failure_counter_refund(counter, key, START + 3 * MINUTE);
    ct_failure_counter_refund(counter, key, START + 3 * MINUTE);
    for (int i = 0; i < 3; i++)
        EXPECT(ct_failure_counter_reserve(counter, key, START + 3 * MINUTE) == 0);
    EXPECT(ct_failure_counter_reserve(counter, key, START + 3 * MINUTE) == 15 * 60);
out:
    ct_failure_counter_free(counter);
    return result;
}

/* What the counter should know, in the plainest way. */
#define MODEL_KEYS 40
struct model {
    int64_t times[4000];
    size_t count;
};

static size_t model_recent(const struct model *model, int64_t now, int64_t window, int64_t *first)
{
    size_t recent = 0;
    for (size_t i = 0; i < model->count; i++) {
        if (now - model->times[i] >= window)
            continue;
        if (recent++ == 0)
            *first = model->times[i];
    }
    return recent;
}

/* Few enough keys that nothing has to be forgotten: 40 in 1,024 sets. */
static enum ct_result test_failures_against_a_model(void)
{
    static const struct ct_limiter_options options = {
        .slots = 8192, .limit = 16, .window_us = 10 * SECOND};
    static struct model models[MODEL_KEYS];
    enum ct_result result = CT_OK;
    struct ct_failure_counter *counter = NULL;
    int64_t now = START;
    uint64_t random = 88172645463325252U;
    size_t refused = 0;
    char room[16];

    memset(models, 0, sizeof(models));
    TRY(ct_failure_counter_new(&options, &counter));
    for (int step = 0; step < 30000; step++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        unsigned number = (unsigned)(random >> 8) % MODEL_KEYS;
        struct model *model = &models[number];
        struct ct_str key = key_of(number, room);
        int64_t first = 0;
        now += (int64_t)(random >> 40) % 25000;
        size_t recent = model_recent(model, now, options.window_us, &first);
        int64_t wait =
            recent < options.limit ? 0 : (first + options.window_us - now + SECOND - 1) / SECOND;
        if (random % 8 == 0 && model->count > 0) {
            size_t at = model->count - 1 - (random >> 16) % model->count % 8;
            ct_failure_counter_refund(counter, key, model->times[at]);
            model->count--;
            memmove(model->times + at, model->times + at + 1,
                    (model->count - at) * sizeof(model->times[0]));
        } else if (random % 8 == 1) {
            EXPECT(ct_failure_counter_peek(counter, key, now) == wait);
        } else {
            EXPECT(ct_failure_counter_reserve(counter, key, now) == wait);
            if (wait == 0)
                model->times[model->count++] = now;
            else
                refused++;
        }
    }
    EXPECT(refused > 1000);
out:
    ct_failure_counter_free(counter);
    return result;
}

/* One set: who goes when a ninth key comes. */
static enum ct_result test_who_is_forgotten(void)
{
    static const struct ct_limiter_options options = {
        .slots = 1, .limit = 3, .window_us = 10 * MINUTE};
    enum ct_result result = CT_OK;
    struct ct_failure_counter *counter = NULL;
    char room[16];

    TRY(ct_failure_counter_new(&options, &counter));
    /* 0 is locked, 1 to 7 have two events each, 1 the earliest */
    for (int i = 0; i < 3; i++)
        EXPECT(ct_failure_counter_reserve(counter, key_of(0, room), START) == 0);
    for (unsigned key = 1; key < 8; key++) {
        for (int i = 0; i < 2; i++)
            EXPECT(ct_failure_counter_reserve(counter, key_of(key, room), START + key) == 0);
    }
    /* 8 takes the place of 1, 9 that of 8, and so on: fresh keys push out fresh ones */
    for (unsigned key = 8; key < 1000; key++)
        EXPECT(ct_failure_counter_reserve(counter, key_of(key, room), START + key) == 0);
    EXPECT(ct_failure_counter_peek(counter, key_of(0, room), START + SECOND) == 599);
    for (unsigned key = 2; key < 8; key++) {
        EXPECT(ct_failure_counter_reserve(counter, key_of(key, room), START + MINUTE + key) == 0);
        EXPECT(ct_failure_counter_peek(counter, key_of(key, room), START + MINUTE + key) == 540);
    }
    /* the eighth place, and all eight are locked: the next key waits for the first of them */
    for (int i = 0; i < 3; i++)
        EXPECT(ct_failure_counter_reserve(counter, key_of(1, room), START + 2 * MINUTE) == 0);
    EXPECT(ct_failure_counter_peek(counter, key_of(1000, room), START + 3 * MINUTE) == 420);
    EXPECT(ct_failure_counter_reserve(counter, key_of(1000, room), START + 3 * MINUTE) == 420);
    for (unsigned key = 0; key < 8; key++)
        EXPECT(ct_failure_counter_peek(counter, key_of(key, room), START + 3 * MINUTE) > 0);
    EXPECT(ct_failure_counter_reserve(counter, key_of(1000, room), START + 10 * MINUTE) == 0);
    EXPECT(ct_failure_counter_peek(counter, key_of(1, room), START + 10 * MINUTE) == 120);
out:
    ct_failure_counter_free(counter);
    return result;
}

/* A million names, each tried once: the memory is what it was, and who was locked still is. 500 locked keys
 * in 8,192 sets: that any set has 8 of them has a chance below 1 in 10^10. */
static enum ct_result test_failures_in_a_flood(void)
{
    static const struct ct_limiter_options options = {
        .slots = 65536, .limit = 10, .window_us = 15 * MINUTE};
    enum ct_result result = CT_OK;
    struct ct_failure_counter *counter = NULL;
    size_t before = 0;
    char room[16];

    TRY(ct_failure_counter_new(&options, &counter));
    for (unsigned key = 0; key < 500; key++) {
        for (int i = 0; i < 10; i++)
            EXPECT(ct_failure_counter_reserve(counter, key_of(key, room), START) == 0);
    }
    for (unsigned key = 1000; key < 1001000; key++) {
        /* each slot has been used by then: on average by three keys */
        if (key == 201000)
            before = resident();
        EXPECT(ct_failure_counter_reserve(counter, key_of(key, room), START + key) == 0);
    }
    EXPECT(before > 0 && resident() < before + (1U << 20));
    for (unsigned key = 0; key < 500; key++)
        EXPECT(ct_failure_counter_reserve(counter, key_of(key, room), START + SECOND * 2) == 898);
out:
    ct_failure_counter_free(counter);
    return result;
}

static enum ct_result test_an_empty_table_costs_nothing(void)
{
    static const struct ct_limiter_options options = {
        .slots = 1 << 14, .limit = 100, .window_us = MINUTE};
    enum ct_result result = CT_OK;
    struct ct_failure_counter *counter = NULL;
    struct ct_rate_limiter *limiter = NULL;
    size_t before = resident();

    /* 13 MB and more, if all were used */
    TRY(ct_failure_counter_new(&options, &counter));
    TRY(ct_rate_limiter_new(&options, &limiter));
    EXPECT(ct_failure_counter_reserve(counter, CT_STR("a"), START) == 0);
    EXPECT(ct_rate_limiter_take(limiter, CT_STR("a"), START) == 0);
    EXPECT(resident() < before + UNTOUCHED_BYTES);
out:
    ct_failure_counter_free(counter);
    ct_rate_limiter_free(limiter);
    return result;
}

#define THREADS 8
struct crowd {
    struct ct_failure_counter *counter;
    struct ct_rate_limiter *limiter;
    pthread_barrier_t barrier;
    atomic_uint reserved;
    atomic_uint taken;
};

#define ROUNDS 3000

/* All threads at one key at a time, as near together as they come. */
static void *rush(void *context)
{
    struct crowd *crowd = context;
    char room[16];

    pthread_barrier_wait(&crowd->barrier);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct ct_str key = key_of(i, room);
        for (int attempt = 0; attempt < 4; attempt++) {
            if (ct_failure_counter_reserve(crowd->counter, key, START) == 0)
                atomic_fetch_add(&crowd->reserved, 1);
            if (ct_rate_limiter_take(crowd->limiter, key, START) == 0)
                atomic_fetch_add(&crowd->taken, 1);
        }
        ct_failure_counter_refund(crowd->counter, key, START + 1);
    }
    return NULL;
}

/* Places enough that no nine keys meet in one set: a chance below 1 in 10^9. */
static enum ct_result test_many_threads(void)
{
    static const struct ct_limiter_options options = {
        .slots = 1 << 18, .limit = 10, .window_us = MINUTE};
    enum ct_result result = CT_OK;
    struct crowd crowd = {0};
    pthread_t threads[THREADS];
    size_t started = 0;

    TRY(ct_failure_counter_new(&options, &crowd.counter));
    TRY(ct_rate_limiter_new(&options, &crowd.limiter));
    EXPECT(pthread_barrier_init(&crowd.barrier, NULL, THREADS) == 0);
    while (started < THREADS && pthread_create(&threads[started], NULL, rush, &crowd) == 0)
        started++;
    EXPECT(started == THREADS);
    for (size_t i = 0; i < THREADS; i++)
        EXPECT(pthread_join(threads[i], NULL) == 0);
    EXPECT(pthread_barrier_destroy(&crowd.barrier) == 0);
    EXPECT(crowd.reserved == 10 * ROUNDS && crowd.taken == 10 * ROUNDS);
out:
    ct_failure_counter_free(crowd.counter);
    ct_rate_limiter_free(crowd.limiter);
    return result;
}

static enum ct_result test_rates(void)
{
    static const struct ct_limiter_options options = {
        .slots = 64, .limit = 6000, .window_us = MINUTE};
    enum ct_result result = CT_OK;
    struct ct_rate_limiter *limiter = NULL;
    const struct ct_str key = CT_STR("alice");
    unsigned allowed = 0;

    TRY(ct_rate_limiter_new(&options, &limiter));
    /* all at once, and not one more */
    for (int i = 0; i < 7000; i++)
        allowed += ct_rate_limiter_take(limiter, key, START) == 0 ? 1 : 0;
    EXPECT(allowed == 6000);
    EXPECT(ct_rate_limiter_take(limiter, key, START) == 1);
    EXPECT(ct_rate_limiter_take(limiter, CT_STR("bob"), START) == 0);
    /* one after each 10 ms */
    EXPECT(ct_rate_limiter_take(limiter, key, START + 9999) == 1);
    EXPECT(ct_rate_limiter_take(limiter, key, START + 10000) == 0);
    EXPECT(ct_rate_limiter_take(limiter, key, START + 10000) == 1);
    /* a minute of asking each millisecond gives 6,000 more */
    allowed = 0;
    for (int64_t at = START + 10000; at < START + 10000 + MINUTE; at += 1000)
        allowed += ct_rate_limiter_take(limiter, key, at) == 0 ? 1 : 0;
    EXPECT(allowed == 5999);
    /* quiet for a minute and for an hour: as good as new, and no better */
    for (int64_t quiet = MINUTE; quiet <= 60 * MINUTE; quiet *= 60) {
        allowed = 0;
        for (int i = 0; i < 7000; i++)
            allowed += ct_rate_limiter_take(limiter, key, START + 10 * quiet) == 0 ? 1 : 0;
        EXPECT(allowed == 6000);
    }
out:
    ct_rate_limiter_free(limiter);
    return result;
}

/* Limits that do not divide the window, and the seconds to wait. */
static enum ct_result test_odd_rates(void)
{
    static const struct ct_limiter_options rows[] = {
        {.slots = 8, .limit = 1, .window_us = 10 * SECOND},
        {.slots = 8, .limit = 7, .window_us = MINUTE},
        {.slots = 8, .limit = 7000, .window_us = SECOND},
        {.slots = 8, .limit = 1000000, .window_us = SECOND},
        {.slots = 8, .limit = 3, .window_us = 24 * 60 * MINUTE},
    };
    static const int64_t waits[] = {10, 9, 1, 1, 8 * 3600};
    enum ct_result result = CT_OK;
    struct ct_rate_limiter *limiter = NULL;

    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        TRY(ct_rate_limiter_new(&rows[row], &limiter));
        for (size_t i = 0; i < rows[row].limit; i++)
            EXPECT(ct_rate_limiter_take(limiter, CT_STR("a"), START) == 0);
        EXPECT(ct_rate_limiter_take(limiter, CT_STR("a"), START) == waits[row]);
        EXPECT(ct_rate_limiter_take(limiter, CT_STR("a"), START + waits[row] * SECOND) == 0);
        ct_rate_limiter_free(limiter);
        limiter = NULL;
    }
out:
    ct_rate_limiter_free(limiter);
    return result;
}

/* A million addresses, each once: the memory is what it was, and who had used up its limit still has. */
static enum ct_result test_rates_in_a_flood(void)
{
    static const struct ct_limiter_options options = {
        .slots = 65536, .limit = 60, .window_us = MINUTE};
    enum ct_result result = CT_OK;
    struct ct_rate_limiter *limiter = NULL;
    size_t before = 0;
    char room[16];

    TRY(ct_rate_limiter_new(&options, &limiter));
    for (unsigned key = 0; key < 500; key++) {
        for (int i = 0; i < 60; i++)
            EXPECT(ct_rate_limiter_take(limiter, key_of(key, room), START) == 0);
    }
    for (unsigned key = 1000; key < 1001000; key++) {
        if (key == 201000)
            before = resident();
        EXPECT(ct_rate_limiter_take(limiter, key_of(key, room), START) == 0);
    }
    EXPECT(before > 0 && resident() < before + (1U << 20));
    for (unsigned key = 0; key < 500; key++)
        EXPECT(ct_rate_limiter_take(limiter, key_of(key, room), START) == 1);
out:
    ct_rate_limiter_free(limiter);
    return result;
}

static enum ct_result test_addresses(void)
{
    static const char v4[] = "\xC0\x00\x02\x07";
    static const char v6[] = "\x20\x01\x0D\xB8\x00\x01\x00\x02";
    static const struct {
        struct ct_str address;
        struct ct_str key;
    } rows[] = {
        {{"192.0.2.7", 9}, {v4, 4}},
        {{"::ffff:192.0.2.7", 16}, {v4, 4}},
        {{"::FFFF:c000:207", 15}, {v4, 4}},
        {{"64:ff9b::192.0.2.7", 18}, {v4, 4}},
        {{"2001:db8:1:2::", 14}, {v6, 8}},
        {{"2001:db8:1:2:ffff:ffff:ffff:ffff", 32}, {v6, 8}},
        {{"2001:0db8:0001:0002:0000:0000:0000:0001%eth0", 44}, {v6, 8}},
        {{"2001:db8:1:3::", 14}, {"\x20\x01\x0D\xB8\x00\x01\x00\x03", 8}},
        {{"::", 2}, {"\0\0\0\0\0\0\0\0", 8}},
        {{"::192.0.2.7", 11}, {"\0\0\0\0\0\0\0\0", 8}},
        {{"64:ff9b:1::192.0.2.7", 20}, {"\x00\x64\xFF\x9B\x00\x01\x00\x00", 8}},
        {{"0.0.0.0", 7}, {"\0\0\0\0", 4}},
        {{NULL, 0}, {"", 0}},
        {{"", 0}, {"", 0}},
        {{"192.0.2", 7}, {"", 0}},
        {{"192.0.2.7%eth0", 14}, {"", 0}},
        {{"192.0.2.7\0", 10}, {"", 0}},
        {{"192.0.2.7 ", 10}, {"", 0}},
        {{"192.0.2.7:80", 12}, {"", 0}},
        {{"[::1]", 5}, {"", 0}},
        {{"%eth0", 5}, {"", 0}},
        {{"unix:", 5}, {"", 0}},
        {{"2001:db8:0000:0000:0000:0000:0000:0000:0000:0000", 48}, {"", 0}},
    };
    enum ct_result result = CT_OK;
    uint8_t room[CT_ADDRESS_KEY_BYTES];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        EXPECT(ct_str_equal(ct_limiter_address_key(rows[i].address, room), rows[i].key));
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_failures_within_the_window),
        CT_UNIT(test_forgetting),
        CT_UNIT(test_refunds),
        CT_UNIT(test_failures_against_a_model),
        CT_UNIT(test_who_is_forgotten),
        CT_UNIT(test_failures_in_a_flood),
        CT_UNIT(test_an_empty_table_costs_nothing),
        CT_UNIT(test_many_threads),
        CT_UNIT(test_rates),
        CT_UNIT(test_odd_rates),
        CT_UNIT(test_rates_in_a_flood),
        CT_UNIT(test_addresses),
    };
    return ct_unit_main("base/limiter", units, sizeof(units) / sizeof(units[0]));
}
