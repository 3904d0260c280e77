#ifndef CT_NUMBERS_NUMBERS_H
#define CT_NUMBERS_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "http/route.h"
#include "store/store.h"

/** A virtual phone number. */
struct ct_number {
    int64_t id;
    struct ct_str phone_number; /* E.164, plain */
    int64_t user_id;            /* the owner */
    int64_t created_at; /* milliseconds since 1970, or CT_NO_TIME (of the original database) */
};

/** Gives a number to a user. CT_CONFLICT when anyone has it, CT_NOT_FOUND when there is no such user. */
CT_CHECKED enum ct_result ct_number_create(struct ct_db *db, struct ct_str phone_number,
                                           int64_t user_id, int64_t now_ms, int64_t *id);
/** Finds one of a user's numbers. CT_NOT_FOUND also when it is somebody else's. */
CT_CHECKED enum ct_result ct_number_get(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                        int64_t id, struct ct_number *out);
/** A user's numbers behind @p after_id, at most @p limit of them, in the order of their ids. */
CT_CHECKED enum ct_result ct_number_list(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                         int64_t after_id, size_t limit, struct ct_number *out,
                                         size_t *count);

/** POST /phone_numbers, GET /phone_numbers, GET /phone_numbers/{id}. Need no room. */
extern const struct ct_route ct_numbers_routes[];
extern const size_t ct_numbers_route_count;

#endif
