#ifndef CT_TESTS_SIMULATOR_TOWN_H
#define CT_TESTS_SIMULATOR_TOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simulator/attackers.h"
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
#define TOWN_FIRST_CARRIER "192.0.2.17"
#define TOWN_SECOND_CARRIER "192.0.2.18"
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
    unsigned damaged[TOWN_PHONES + TOWN_CARRIERS];  /* messages of each that were */
    unsigned failures[TOWN_PHONES + TOWN_CARRIERS]; /* when it was to say who it is */
    struct attackers attackers;
    char number[PEOPLE_NUMBER];                          /* that was chosen last */
    enum { TOWN_GOES_ON, TOWN_CRASH, TOWN_STOP } wanted; /* of the server */
    struct ct_timer step;
    unsigned steps_left;
    /* the network: in per cent, and in milliseconds */
    unsigned lost, doubled, spoilt, late;
    int64_t delay_ms;
    char cut_off[20]; /* an address that nothing reaches or leaves */
    int64_t cut_until_ms;
    size_t messages;
};

/** Lives through a seed. CT_NOMEM. */
CT_CHECKED enum ct_result town_live(const struct town_options *options,
                                    struct town_verdict *verdict);

void town_complain(void *ctx, const char *what);
/** Prints what happens, if all is to be printed. */
void town_tell(const struct town *town, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
uint32_t town_below(struct town *town, uint32_t number);
bool town_chance(struct town *town, unsigned percent);

/* ---- who lives there (town_people.c) ---- */

void town_settle(struct town *town);
struct ua *town_somebody(struct town *town);
/** A number that it calls. */
const char *town_number(struct town *town, const struct ua *ua, bool transfers);
/** Whoever was told that it is registered must be so, for as long as it was told; and nobody else. */
void town_judge_bindings(struct town *town);
/** What the shield does to them: for the exchange. */
void town_dropped(void *ctx, const struct ct_sip_hop *from, const struct ct_sip_message *message);
void town_failed(void *ctx, const struct ct_sip_hop *from, bool banned);
/** A message has reached the server: for the border. */
void town_reached(void *ctx, const struct lan_packet *packet, const struct said *said);
/** A message goes over the network. */
void town_passes(struct town *town, const struct lan_packet *packet, const struct lan_fate *fate);

/* ---- what must hold when all is over ---- */

/** Before the server goes (invariants.c). */
void town_judge_rest(struct town *town);
/** The whole (invariants.c, and of it what is about money: money.c). */
void town_judge(struct town *town);
void town_judge_money(struct town *town);
__attribute__((format(printf, 2, 3))) void town_object(struct town *town, const char *format, ...);

#endif
