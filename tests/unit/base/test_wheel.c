#include "base/wheel.h"

#include <stdlib.h>

#include "harness.h"

#define START 5000000

/* What fired, in its order. */
struct fired {
    int order[16];
    size_t count;
};

struct numbered {
    struct ct_timer timer;
    struct fired *fired;
    int number;
    struct ct_wheel *wheel;
    struct ct_timer *other;
    int64_t again_ms; /* started anew when it fires; 0: not */
};

static void fire(void *ctx)
{
    struct numbered *numbered = ctx;
    struct fired *fired = numbered->fired;
    if (fired->count < 16)
        fired->order[fired->count] = numbered->number;
    fired->count++;
    if (numbered->other != NULL)
        ct_timer_stop(numbered->other);
    if (numbered->again_ms != 0)
        ct_timer_start(numbered->wheel, &numbered->timer, numbered->again_ms);
}

static void number(struct numbered *timers, size_t count, struct ct_wheel *wheel,
                   struct fired *fired)
{
    for (size_t i = 0; i < count; i++)
        timers[i] = (struct numbered){.timer = {.fire = fire, .ctx = &timers[i]},
                                      .fired = fired,
                                      .number = (int)i,
                                      .wheel = wheel};
}

static enum ct_result test_one(void)
{
    static const int64_t delays[] = {1,    2,        63,     64,         65,       100,
                                     4095, 4096,     4097,   262144,     16777217, 32000,
                                     500,  86400000, 999999, 31536000000};
    struct fired fired = {{0}, 0};
    struct numbered one[1];
    struct ct_wheel *wheel = NULL;
    enum ct_result result = CT_OK;
    TRY(ct_wheel_new(START + 17, &wheel));
    number(one, 1, wheel, &fired);
    EXPECT(ct_wheel_next_ms(wheel) == INT64_MAX && !ct_timer_running(&one[0].timer));
    int64_t now = START + 17;
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        fired.count = 0;
        ct_timer_start(wheel, &one[0].timer, delays[i]);
        EXPECT(ct_timer_running(&one[0].timer) && ct_wheel_count(wheel) == 1);
        EXPECT(ct_wheel_next_ms(wheel) <= now + delays[i]);
        EXPECT(ct_wheel_next_ms(wheel) > now);
        ct_wheel_turn(wheel, now + delays[i] - 1);
        EXPECT(fired.count == 0);
        EXPECT(ct_wheel_next_ms(wheel) == now + delays[i]);
        ct_wheel_turn(wheel, now + delays[i]);
        EXPECT(fired.count == 1 && !ct_timer_running(&one[0].timer));
        EXPECT(ct_wheel_count(wheel) == 0 && ct_wheel_next_ms(wheel) == INT64_MAX);
        now += delays[i];
    }

out:
    ct_wheel_free(wheel);
    return result;
}

/* Turned only when next_ms says, the wheel fires each timer at its millisecond and not once too often. */
static enum ct_result test_next(void)
{
    struct fired fired = {{0}, 0};
    struct numbered timers[3];
    struct ct_wheel *wheel = NULL;
    enum ct_result result = CT_OK;
    TRY(ct_wheel_new(START, &wheel));
    number(timers, 3, wheel, &fired);
    ct_timer_start(wheel, &timers[0].timer, 32000);
    ct_timer_start(wheel, &timers[1].timer, 500);
    ct_timer_start(wheel, &timers[2].timer, 32000);
    size_t turns = 0;
    int64_t at = START;
    while ((at = ct_wheel_next_ms(wheel)) != INT64_MAX && turns < 100) {
        turns++;
        size_t before = fired.count;
        ct_wheel_turn(wheel, at);
        EXPECT(fired.count == before || (at == START + 500 && fired.count == 1) ||
               (at == START + 32000 && fired.count == 3));
    }
    EXPECT(turns <= 6);
    EXPECT(fired.order[0] == 1 && fired.order[1] == 0 && fired.order[2] == 2);

out:
    ct_wheel_free(wheel);
    return result;
}

/* By time; of the same time, in the order of their starts, also when they come there over different levels. */
static enum ct_result test_order(void)
{
    struct fired fired = {{0}, 0};
    struct numbered timers[6];
    struct ct_wheel *wheel = NULL;
    enum ct_result result = CT_OK;
    TRY(ct_wheel_new(START, &wheel));
    number(timers, 6, wheel, &fired);
    ct_timer_start(wheel, &timers[3].timer, 10000);
    ct_timer_start(wheel, &timers[1].timer, 9999);
    ct_timer_start(wheel, &timers[0].timer, 5);
    ct_wheel_turn(wheel, START + 9000);
    ct_timer_start(wheel, &timers[4].timer, 1000);
    ct_wheel_turn(wheel, START + 9990);
    ct_timer_start(wheel, &timers[2].timer, 9);
    ct_timer_start(wheel, &timers[5].timer, 10);
    ct_wheel_turn(wheel, START + 60000);
    EXPECT(fired.count == 6);
    for (int i = 0; i < 6; i++)
        EXPECT(fired.order[i] == i);

out:
    ct_wheel_free(wheel);
    return result;
}

static enum ct_result test_inside(void)
{
    struct fired fired = {{0}, 0};
    struct numbered timers[4];
    struct ct_wheel *wheel = NULL;
    enum ct_result result = CT_OK;
    TRY(ct_wheel_new(START, &wheel));
    number(timers, 4, wheel, &fired);
    /* 0 starts itself anew: it does not fire in the same turn, not even when it wants to at once. */
    timers[0].again_ms = -1;
    /* 1 stops its neighbour 2 of the same millisecond, and 3 of a later one. */
    timers[1].other = &timers[2].timer;
    ct_timer_start(wheel, &timers[0].timer, 0);
    ct_timer_start(wheel, &timers[1].timer, 1);
    ct_timer_start(wheel, &timers[2].timer, 1);
    ct_wheel_turn(wheel, START + 100);
    EXPECT(fired.count == 2 && fired.order[0] == 0 && fired.order[1] == 1);
    EXPECT(!ct_timer_running(&timers[2].timer) && ct_timer_running(&timers[0].timer));
    EXPECT(ct_wheel_next_ms(wheel) == START + 101);
    timers[0].again_ms = 70;
    ct_wheel_turn(wheel, START + 101);
    EXPECT(fired.count == 3 && ct_wheel_next_ms(wheel) <= START + 171);
    timers[0].again_ms = 0;
    ct_wheel_turn(wheel, START + 170);
    EXPECT(fired.count == 3);
    ct_wheel_turn(wheel, START + 171);
    EXPECT(fired.count == 4 && ct_wheel_count(wheel) == 0);

out:
    ct_wheel_free(wheel);
    return result;
}

/* Between two turns time goes on: a start counts from what the wheel was told, and nothing fires by being told. */
static enum ct_result test_tell(void)
{
    struct fired fired = {{0}, 0};
    struct numbered timers[2];
    struct ct_wheel *wheel = NULL;
    enum ct_result result = CT_OK;
    TRY(ct_wheel_new(START, &wheel));
    number(timers, 2, wheel, &fired);
    ct_timer_start(wheel, &timers[0].timer, 50);
    ct_wheel_tell(wheel, START + 200);
    EXPECT(fired.count == 0);
    ct_timer_start(wheel, &timers[1].timer, 100);
    ct_timer_start(wheel, &timers[1].timer, 101); /* anew */
    EXPECT(ct_wheel_count(wheel) == 2);
    ct_wheel_turn(wheel, START + 100); /* a clock that went back is not believed */
    EXPECT(fired.count == 1 && fired.order[0] == 0);
    ct_wheel_turn(wheel, START + 300);
    EXPECT(fired.count == 1);
    ct_wheel_turn(wheel, START + 301);
    EXPECT(fired.count == 2);
    /* What runs when the wheel goes is stopped. */
    ct_timer_start(wheel, &timers[0].timer, 100000);
    ct_wheel_free(wheel);
    wheel = NULL;
    EXPECT(!ct_timer_running(&timers[0].timer));
    ct_timer_stop(&timers[0].timer);

out:
    ct_wheel_free(wheel);
    return result;
}

#define MILLION ((size_t)1000000)

struct counted {
    struct ct_timer timer;
    int64_t *last_ms;
    struct ct_wheel *wheel;
    size_t *late;
    size_t *count;
};

static void count_fire(void *ctx)
{
    struct counted *counted = ctx;
    if (counted->timer.due_ms < *counted->last_ms)
        ++*counted->late;
    *counted->last_ms = counted->timer.due_ms;
    ++*counted->count;
}

/* A million pending: to start one is one step, to stop one none, to let one expire a step for each level at most, of
 * which 20 bits of delay have four. */
static enum ct_result test_million(void)
{
    struct ct_wheel *wheel = NULL;
    struct counted *timers = malloc(MILLION * sizeof(*timers));
    int64_t last_ms = 0;
    size_t late = 0;
    size_t count = 0;
    uint64_t chance = 1;
    enum ct_result result = CT_OK;
    TRY_MEMORY(timers);
    TRY(ct_wheel_new(START, &wheel));
    for (size_t i = 0; i < MILLION; i++) {
        timers[i] = (struct counted){.timer = {.fire = count_fire, .ctx = &timers[i]},
                                     .last_ms = &last_ms,
                                     .late = &late,
                                     .count = &count};
        chance = chance * UINT64_C(6364136223846793005) + 1;
        ct_timer_start(wheel, &timers[i].timer, (int64_t)(chance >> 44) + 1);
    }
    EXPECT(ct_wheel_count(wheel) == MILLION && ct_wheel_steps(wheel) == MILLION);
    for (size_t i = 0; i < MILLION; i += 2)
        ct_timer_stop(&timers[i].timer);
    EXPECT(ct_wheel_count(wheel) == MILLION / 2 && ct_wheel_steps(wheel) == MILLION);
    for (size_t i = 0; i < MILLION; i += 2)
        ct_timer_start(wheel, &timers[i].timer, 64 * 500);
    EXPECT(ct_wheel_steps(wheel) == MILLION * 3 / 2);
    for (int64_t now = START; ct_wheel_count(wheel) > 0; now += 10)
        ct_wheel_turn(wheel, now);
    EXPECT(count == MILLION && late == 0);
    EXPECT(ct_wheel_steps(wheel) <= MILLION * 3 / 2 + MILLION * 3);

out:
    ct_wheel_free(wheel);
    free(timers);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_one),   CT_UNIT(test_next),
                                           CT_UNIT(test_order), CT_UNIT(test_inside),
                                           CT_UNIT(test_tell),  CT_UNIT(test_million)};
    return ct_unit_main("base/wheel", units, sizeof(units) / sizeof(units[0]));
}
