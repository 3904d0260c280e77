#ifndef CT_TESTS_SIMULATOR_PEOPLE_H
#define CT_TESTS_SIMULATOR_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sip/lan.h"
#include "store/store.h"
#include "voice/caps.h"
#include "voice/registrar.h"

/**
 * Whom the database of the simulated server knows: three accounts, their devices, numbers and limits, and two trunks.
 * Device n is the phone 1000 + n. Numbers outside say themselves who is to pay for a call to them:
 *
 *    +CC 7 K 000 NN    K is 9: device NN dials it, 8: device NN transfers to it, 7: number NN is forwarded to it
 */
#define PEOPLE_DEVICES 6
#define PEOPLE_ACCOUNTS 3
#define PEOPLE_CONTACTS 3
#define PEOPLE_BINDINGS (PEOPLE_DEVICES * PEOPLE_CONTACTS)
#define PEOPLE_NUMBER 20 /* bytes of one */
#define PEOPLE_REALM "sip.example.com"
#define PEOPLE_PASSWORD "secret"
#define PEOPLE_CHANNELS 2 /* of the second trunk */
#define PEOPLE_TRUNK_NAME "customer"
#define PEOPLE_TRUNK_PASSWORD "tariff"
#define PEOPLE_INBOUND_NAME "carrier"
#define PEOPLE_INBOUND_PASSWORD "inbound"

/** The limits of an account, as they were written. */
struct people_caps {
    bool trunks;
    const char *prefix;
    int64_t concurrent_calls, calls_per_minute, longest_call_s, minutes_per_day;
};

/** A binding, to be looked for after a restart. */
struct people_binding {
    int64_t device_id;
    char contact[192];
    int64_t expires_at;
    enum ct_sip_transport transport;
    uint64_t connection;
};
struct people_list {
    struct people_binding all[PEOPLE_BINDINGS];
    size_t count;
};

/** Writes them into an empty database; @p carriers are addresses; what their limits are is chance. */
CT_CHECKED enum ct_result people_settle(struct ct_store *store, struct lan *lan,
                                        const char *const carriers[2],
                                        struct people_caps caps[PEOPLE_ACCOUNTS]);
int64_t people_account_of(int64_t device_id);
/** The number of a device. */
void people_own_number(int64_t device_id, char out[PEOPLE_NUMBER]);
/** A number that a device calls, or transfers to; 0: a carrier calls. */
void people_number(struct lan *lan, int64_t device_id, bool transfers, char out[PEOPLE_NUMBER]);
/** The account that is to pay for a call to that number; 0: it is none outside. */
int64_t people_payer(const char *number);

/** All bindings that there are. */
void people_look(struct ct_registrar *registrar, struct people_list *out);
/** Whether all of those that have not expired are in the other list too, at least as long. */
bool people_kept(const struct people_list *before, const struct people_list *after, int64_t now);
/** Plants a fault: a device is registered no more. */
void people_lose(struct ct_store *store, struct ct_registrar *registrar, int64_t device_id);

#endif
