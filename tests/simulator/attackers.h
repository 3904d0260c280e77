#ifndef CT_TESTS_SIMULATOR_ATTACKERS_H
#define CT_TESTS_SIMULATOR_ATTACKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simulator/said.h"
#include "sip/lan.h"

/**
 * Those who want in: one who knows nothing, and is never to hear a word; two who know the name of a device (one over UDP, one
 * over TCP), and are to hear 401 until they are banned; and what comes under the address of somebody else. The Call-IDs of
 * all of it begin with "att-".
 */
enum attacker_kind { ATTACKER_STRANGER, ATTACKER_INSIDER, ATTACKER_CONNECTED, ATTACKERS };

struct attacker {
    struct attackers *all;
    enum attacker_kind kind;
    const char *address;
    char nonce[256];
    char realm[64];
    unsigned tries_left;
    struct ct_timer again;
    int64_t banned_ms;       /* since; 0: it is not */
    int64_t banned_until_ms; /* likewise */
    unsigned free;           /* likewise: the number of what was said first since then */
    int64_t second;          /* in which `answers` were sent to it */
    size_t answers;
};

struct attackers {
    struct lan *lan;
    const char *server;
    unsigned next;
    struct attacker attacker[ATTACKERS];
    char heard
        [2048]; /* a request with good credentials that has reached the server; empty: none has */
    char heard_from[20];
    void (*complain)(void *ctx, const char *what);
    void *ctx;
};

/** They move in. `lan`, `server` and who hears complaints are set. */
void attackers_open(struct attackers *attackers);
void attackers_close(struct attackers *attackers);
/** One of them does something; @p victim is the address of a phone. */
void attackers_act(struct attackers *attackers, const char *victim);
/** Whether this is the address of one. */
struct attacker *attackers_at(struct attackers *attackers, const struct ct_sip_socket *socket);
/** One has failed; @p banned: and is banned for so long. */
void attackers_failed(struct attacker *attacker, bool banned, int64_t ban_ms);
/** The server has forgotten all bans. */
void attackers_forgiven(struct attackers *attackers);
/** Something is sent to one of them. */
void attackers_see(struct attacker *attacker, const struct said *said);
/** A request from a phone has reached the server. */
void attackers_hear(struct attackers *attackers, const char *from, const struct said *said);

#endif
