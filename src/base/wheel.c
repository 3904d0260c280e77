#include "base/wheel.h"

#include <assert.h>
#include <stdlib.h>

/*
 * Level 0 has a slot for each of the 64 milliseconds of the block that the wheel stands in, level 1 one for each of the
 * 64 blocks of the block above, and so on. A timer lies at the level of the highest digit (base 64) in which its
 * time differs from the wheel's, in the slot of its own digit there. When the wheel gets to a slot of a higher
 * level, its timers go down: so a timer is moved once a level at most, and for a delay of a minute that is twice.
 *
 * The timers of a slot are in the order in which they were started. One that was started later for the same
 * millisecond can be at a lower level only when the wheel is past the beginning of the other's slot, and then
 * that one has gone down already, so the order holds for each millisecond.
 */
#define DIGIT 6
#define SLOTS 64
#define LEVELS 11 /* 11 * 6 bits: all times there are */

struct slot {
    struct ct_timer *first;
    struct ct_timer *last;
};

struct ct_wheel {
    uint64_t at_ms; /* how far it has turned */
    int64_t
        clock_ms; /* the time that it was told; ahead of at_ms while it turns, and after a tell */
    uint64_t filled[LEVELS];
    struct slot slots[LEVELS * SLOTS];
    size_t count;
    uint64_t steps;
    bool turning;
};

enum ct_result ct_wheel_new(int64_t now_ms, struct ct_wheel **out)
{
    assert(now_ms >= 0);
    struct ct_wheel *wheel = calloc(1, sizeof(*wheel));
    if (wheel == NULL)
        return CT_NOMEM;
    wheel->at_ms = (uint64_t)now_ms;
    wheel->clock_ms = now_ms;
    *out = wheel;
    return CT_OK;
}

void ct_wheel_free(struct ct_wheel *wheel)
{
    if (wheel == NULL)
        return;
    for (size_t i = 0; i < LEVELS * SLOTS; i++)
        while (wheel->slots[i].first != NULL)
            ct_timer_stop(wheel->slots[i].first);
    free(wheel);
}

/* Puts a timer where its time says. */
static void put(struct ct_wheel *wheel, struct ct_timer *timer)
{
    uint64_t due = (uint64_t)timer->due_ms;
    uint64_t differing = due ^ wheel->at_ms;
    unsigned level = differing == 0 ? 0 : (63U - (unsigned)__builtin_clzll(differing)) / DIGIT;
    unsigned digit = (unsigned)(due >> (level * DIGIT)) % SLOTS;
    struct slot *slot = &wheel->slots[level * SLOTS + digit];

    timer->slot = (uint16_t)(level * SLOTS + digit);
    timer->next = NULL;
    timer->previous = slot->last;
    if (slot->last == NULL)
        slot->first = timer;
    else
        slot->last->next = timer;
    slot->last = timer;
    wheel->filled[level] |= UINT64_C(1) << digit;
    wheel->steps++;
}

void ct_timer_start(struct ct_wheel *wheel, struct ct_timer *timer, int64_t after_ms)
{
    ct_timer_stop(timer);
    if (after_ms < 1)
        after_ms = 1;
    timer->due_ms = after_ms > INT64_MAX - wheel->clock_ms ? INT64_MAX : wheel->clock_ms + after_ms;
    timer->wheel = wheel;
    wheel->count++;
    put(wheel, timer);
}

void ct_timer_stop(struct ct_timer *timer)
{
    struct ct_wheel *wheel = timer->wheel;
    if (wheel == NULL)
        return;
    struct slot *slot = &wheel->slots[timer->slot];
    if (timer->previous == NULL)
        slot->first = timer->next;
    else
        timer->previous->next = timer->next;
    if (timer->next == NULL)
        slot->last = timer->previous;
    else
        timer->next->previous = timer->previous;
    if (slot->first == NULL)
        wheel->filled[timer->slot / SLOTS] &= ~(UINT64_C(1) << timer->slot % SLOTS);
    timer->wheel = NULL;
    wheel->count--;
}

bool ct_timer_running(const struct ct_timer *timer)
{
    return timer->wheel != NULL;
}

void ct_wheel_tell(struct ct_wheel *wheel, int64_t now_ms)
{
    if (now_ms > wheel->clock_ms)
        wheel->clock_ms = now_ms;
}

/* The first filled slot and the time at which it begins; false when there is none. What is at a lower level comes
 * before all at the higher ones. */
static bool first_slot(const struct ct_wheel *wheel, unsigned *index, uint64_t *begins_ms)
{
    for (unsigned level = 0; level < LEVELS; level++) {
        if (wheel->filled[level] == 0)
            continue;
        unsigned digit = (unsigned)__builtin_ctzll(wheel->filled[level]);
        unsigned above = (level + 1) * DIGIT;
        uint64_t block = above >= 64 ? 0 : wheel->at_ms >> above << above;
        *index = level * SLOTS + digit;
        *begins_ms = block | (uint64_t)digit << (level * DIGIT);
        return true;
    }
    return false;
}

static void fire_slot(struct slot *slot)
{
    while (slot->first != NULL) {
        struct ct_timer *timer = slot->first;
        ct_timer_stop(timer);
        timer->fire(timer->ctx);
    }
}

static void move_down(struct ct_wheel *wheel, unsigned index)
{
    struct ct_timer *next;
    struct ct_timer *timer = wheel->slots[index].first;

    wheel->slots[index] = (struct slot){NULL, NULL};
    wheel->filled[index / SLOTS] &= ~(UINT64_C(1) << index % SLOTS);
    for (; timer != NULL; timer = next) {
        next = timer->next;
        put(wheel, timer);
    }
}

void ct_wheel_turn(struct ct_wheel *wheel, int64_t now_ms)
{
    unsigned index;
    uint64_t begins_ms;

    assert(!wheel->turning);
    wheel->turning = true;
    ct_wheel_tell(wheel, now_ms);
    while (first_slot(wheel, &index, &begins_ms) && begins_ms <= (uint64_t)wheel->clock_ms) {
        wheel->at_ms = begins_ms;
        if (index < SLOTS)
            fire_slot(&wheel->slots[index]);
        else
            move_down(wheel, index);
    }
    wheel->at_ms = (uint64_t)wheel->clock_ms;
    wheel->turning = false;
}

int64_t ct_wheel_next_ms(const struct ct_wheel *wheel)
{
    unsigned index;
    uint64_t begins_ms;

    return first_slot(wheel, &index, &begins_ms) ? (int64_t)begins_ms : INT64_MAX;
}

size_t ct_wheel_count(const struct ct_wheel *wheel)
{
    return wheel->count;
}

uint64_t ct_wheel_steps(const struct ct_wheel *wheel)
{
    return wheel->steps;
}
