#ifndef CT_VOICE_NUMBER_VOICE_H
#define CT_VOICE_NUMBER_VOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "http/route.h"
#include "http/schema.h"
#include "store/store.h"

/**
 * What happens when a number is called. The row of the number holds it as the JSON object that replies show, so
 * that whoever lists numbers reads nothing more, and whoever routes a call reads one row.
 */
struct ct_number_voice {
    struct ct_ints ring;    /* ids of the owner's devices, no two alike */
    struct ct_str strategy; /* "all": at once, or "in_order": one after the other */
    int64_t timeout_s;      /* how long it rings: all together, or each */
    struct ct_str
        forward_to; /* a number (E.164) that is called at once in place of the devices; `at` NULL: none */
    struct ct_str on_no_answer; /* a number that is called when nobody answered; `at` NULL: none */
    bool record;
};
extern const struct ct_schema ct_number_voice_schema;

/** The most devices of one number. */
#define CT_RING_MAX 20
#define CT_RING_TIMEOUT_S 30

/** What is in force for a number that nobody has set anything for: it rings all devices of its owner, in the
 *  order of their ids and at most CT_RING_MAX, at once. */
CT_CHECKED enum ct_result ct_number_voice_default(struct ct_arena *arena, struct ct_db *db,
                                                  int64_t user_id, struct ct_number_voice *out);
/** Reads the text of a row, in @p arena. CT_BUG when it is none that was written by ct_number_voice_write. */
CT_CHECKED enum ct_result ct_number_voice_read(struct ct_arena *arena, struct ct_str text,
                                               struct ct_number_voice *out);
/** The text for a row, in @p arena. CT_NOMEM. */
CT_CHECKED enum ct_result ct_number_voice_write(struct ct_arena *arena,
                                                const struct ct_number_voice *voice,
                                                struct ct_str *out);
/** Takes a device out of the ring lists of all its owner's numbers. */
CT_CHECKED enum ct_result ct_number_voice_drop_device(struct ct_db *db, int64_t user_id,
                                                      int64_t device_id);

/** GET, PUT /phone_numbers/{id}/voice. Needs no room. */
extern const struct ct_route ct_number_voice_routes[];
extern const size_t ct_number_voice_route_count;

#endif
