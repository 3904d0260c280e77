#ifndef CT_TESTS_SIMULATOR_TOWN_H
#define CT_TESTS_SIMULATOR_TOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simulator/border.h"
#include "simulator/exchange.h"
#include "simulator/faults.h"
#include "simulator/ua.h"

/**
 * The simulated world of one seed: a server, phones, carriers, and a network that is as bad as chance has it. It lives for
 * so many steps, then becomes quiet, and is judged.
 */
#define TOWN_PHONES 6
#define TOWN_CARRIERS 2
#define TOWN_DIARIES 2048
#define TOWN_COMPLAINTS 20

struct town_options {
    uint64_t seed;
    unsigned steps;
    enum fault fault;
    bool trace;
};

/** What became of a seed. */
struct town_verdict {
    uint64_t sum; /* of all that was sent, and when */
    size_t complaints;
    char complaint[TOWN_COMPLAINTS][256]; /* the first of them */
    size_t calls;
    size_t answered;
    size_t messages;
    int64_t simulated_ms;
};

struct town {
    struct town_options options;
    struct town_verdict *verdict;
    struct lan *lan;
    struct border border;
    struct exchange exchange;
    struct ua_world people;
    struct diary diaries[TOWN_DIARIES];
    struct ua uas[TOWN_PHONES + TOWN_CARRIERS];
    struct ct_timer step;
    unsigned steps_left;
    /* the network: in per cent, and in milliseconds */
    unsigned lost, doubled, spoilt, late;
    int64_t delay_ms;
    char cut_off[20]; /* an address that nothing reaches or leaves */
    int64_t cut_until_ms;
    size_t messages;
    size_t bindings; /* when it was judged */
    bool unwritten;  /* when it was judged, writes were under way or waited */
};

/** Lives through a seed. CT_NOMEM. */
CT_CHECKED enum ct_result town_live(const struct town_options *options,
                                    struct town_verdict *verdict);

/** Judges a world that has become quiet (invariants.c). */
void town_judge(struct town *town);
void town_complain(void *ctx, const char *what);

#endif
