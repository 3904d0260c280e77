#ifndef CT_VOICE_LOCATIONS_H
#define CT_VOICE_LOCATIONS_H

#include "base/wheel.h"
#include "voice/bindings.h"
#include "voice/registrar.h"

/**
 * The bindings in memory: found by their device, and by where they came from. What has expired goes by itself. Inside
 * this room only, for the registrar.
 */
struct ct_locations;

/** One of them. */
struct ct_location {
    struct ct_binding binding; /* first, so that one is the other */
    int64_t place;
    int64_t reg_id;
    struct ct_str call_id;
    int64_t cseq;
    int64_t registered_at;
    /* what follows is of this module */
    struct ct_locations *all;
    struct ct_timer timer;
    struct ct_location *next_of_source, **link_of_source;
    char text[];
};

/** A device's: in the order of ct_registrar_find. */
struct ct_location_list {
    const struct ct_binding **all;
    size_t count;
};

/** The owner frees it with ct_locations_free. @p wheel and @p env are borrowed. CT_NOMEM. */
CT_CHECKED enum ct_result ct_locations_new(struct ct_wheel *wheel, const struct ct_sip_env *env,
                                           struct ct_locations **out);
/** NULL is allowed. */
void ct_locations_free(struct ct_locations *locations);

/** Puts one, in the place of the one that has its key. @p hop may be NULL: where it came from is what the row says,
 *  by a connection that is no more. A row that says nothing sensible is left out. CT_NOMEM. */
CT_CHECKED enum ct_result ct_locations_put(struct ct_locations *locations,
                                           const struct ct_binding_row *row,
                                           const struct ct_sip_hop *hop);
/** Makes what there is of a device what these rows say; a row that came from where it is known to be keeps its
 *  connection. CT_NOMEM: some of it may be missing. */
CT_CHECKED enum ct_result ct_locations_sync(struct ct_locations *locations, int64_t device_id,
                                            const struct ct_binding_row *rows, size_t count);
void ct_locations_remove(struct ct_locations *locations, int64_t device_id, int64_t place);
/** All of a device. */
void ct_locations_forget(struct ct_locations *locations, int64_t device_id);
/** A connection has ended: who was reached by it is not, unless a new one can be opened to its contact. */
void ct_locations_lost(struct ct_locations *locations, const struct ct_sip_hop *hop);

/** What a device has. Borrowed until something is put or removed, or the wheel turns. */
struct ct_location_list ct_locations_find(const struct ct_locations *locations, int64_t device_id);
/** The one of a device that has this place, or NULL. Likewise. */
const struct ct_location *ct_locations_at(const struct ct_locations *locations, int64_t device_id,
                                          int64_t place);
/** Whether there is one that came from there. */
bool ct_locations_know(const struct ct_locations *locations, const struct ct_sip_hop *from);
/** Whether any has expired since this was last asked. */
bool ct_locations_take_expired(struct ct_locations *locations);
/** How many there are. */
size_t ct_locations_count(const struct ct_locations *locations);

#endif
