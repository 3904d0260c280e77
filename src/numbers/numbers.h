#ifndef CT_NUMBERS_NUMBERS_H
#define CT_NUMBERS_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "http/route.h"
#include "http/schema.h"
#include "numbers/life.h"
#include "store/store.h"

struct ct_plan;

/** The room's state. All borrowed. */
struct ct_numbers {
    const struct ct_config *config;
    struct ct_store *store;
    struct ct_plan *plan;
};

/** A row of a virtual phone number. Texts are in the arena that it was read into. */
struct ct_number {
    int64_t id;
    struct ct_str phone_number;  /* E.164, plain */
    int64_t user_id;             /* the owner; 0: nobody (quarantined, reserved) */
    struct ct_str friendly_name; /* `at` NULL: none */
    struct ct_str tags;          /* a JSON array of strings; `at` NULL: none */
    struct ct_str voice;         /* a JSON object that the room of calls writes; `at` NULL: none */
    enum ct_life stored;         /* what the row says, whether or not its time has run out */
    enum ct_life state;          /* what is in force at the time of reading: see ct_life_now */
    int64_t until;         /* milliseconds since 1970: when `stored` ends; CT_NO_TIME: for good */
    int64_t last_owner_id; /* of a quarantined number: who can restore it; 0 is nobody */
    int64_t transfer_to;   /* of a number that was offered: to whom; 0 is nobody */
    int64_t version;       /* counts the changes; the entity tag */
    int64_t created_at;    /* milliseconds since 1970, or CT_NO_TIME (of the original database) */
};

/*
 * Reading. Times are @p now_ms: the state in force is judged by it.
 */

/** Finds a number by its id, whoever has it. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_number_by_id(struct ct_arena *arena, struct ct_db *db, int64_t id,
                                          int64_t now_ms, struct ct_number *out);
/** Finds one of a user's numbers. CT_NOT_FOUND also when it is somebody else's. */
CT_CHECKED enum ct_result ct_number_get(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                        int64_t id, int64_t now_ms, struct ct_number *out);
/** A user's numbers behind @p after_id, at most @p limit of them, in the order of their ids. */
CT_CHECKED enum ct_result ct_number_list(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                         int64_t after_id, size_t limit, int64_t now_ms,
                                         struct ct_number *out, size_t *count);
/** The same of the numbers in quarantine that the user can still restore. */
CT_CHECKED enum ct_result ct_number_list_quarantined(struct ct_arena *arena, struct ct_db *db,
                                                     int64_t user_id, int64_t after_id,
                                                     size_t limit, int64_t now_ms,
                                                     struct ct_number *out, size_t *count);
/** The same of all numbers that are reserved. */
CT_CHECKED enum ct_result ct_number_list_reserved(struct ct_arena *arena, struct ct_db *db,
                                                  int64_t after_id, size_t limit, int64_t now_ms,
                                                  struct ct_number *out, size_t *count);

/** At most @p limit numbers whose state was for a time that has run out, in no particular order. */
CT_CHECKED enum ct_result ct_number_list_over(struct ct_arena *arena, struct ct_db *db,
                                              size_t limit, int64_t now_ms, struct ct_number *out,
                                              size_t *count);

/*
 * Changing. None of these judges who may do it; the audit row is the caller's, but for what time did.
 */

/** Gives an available number to a user, as created or claimed: frees the row of a quarantine that is
 *  over, and tells the inventory. @p friendly_name with `at` NULL is none. CT_CONFLICT when anyone has
 *  it, or it is in quarantine or reserved; CT_NOT_FOUND when there is no such user. */
CT_CHECKED enum ct_result ct_number_insert(struct ct_db *db, struct ct_str phone_number,
                                           int64_t user_id, struct ct_str friendly_name,
                                           int64_t now_ms, int64_t *id);
/** The same for a number that nobody is to have. CT_CONFLICT. */
CT_CHECKED enum ct_result ct_number_reserve(struct ct_db *db, struct ct_str phone_number,
                                            int64_t now_ms, int64_t *id);
/** Ends a reservation. CT_NOT_FOUND when the id is of no reserved number; @p out is what it was. */
CT_CHECKED enum ct_result ct_number_unreserve(struct ct_arena *arena, struct ct_db *db, int64_t id,
                                              int64_t now_ms, struct ct_number *out);
/** Puts a number that was read, and changed since, back into its row: all but its id, phone number and
 *  creation. `version` counts up. CT_BUSY when another transaction changed the row since it was read. */
CT_CHECKED enum ct_result ct_number_save(struct ct_db *db, struct ct_number *number);
/** Makes a number of somebody go into quarantine for @p days; with 0 it is available at once and has no
 *  row any more. @p number is as after the change. CT_CONFLICT when nobody has it. */
CT_CHECKED enum ct_result ct_number_release(struct ct_db *db, struct ct_number *number,
                                            int64_t days, int64_t now_ms);
/** Gives a number in quarantine back to its last owner. CT_CONFLICT when it is not in quarantine. */
CT_CHECKED enum ct_result ct_number_restore(struct ct_db *db, struct ct_number *number);
/** Brings the row of a number to the state that is in force: an expired quarantine is freed (the row goes,
 *  the inventory is told), an expired offer is taken back; with the audit row, whose actor is nobody.
 *  Does nothing when the row says so already. Whoever changes a number that was read does this first. */
CT_CHECKED enum ct_result ct_number_tidy(struct ct_db *db, struct ct_number *number,
                                         int64_t now_ms);

/** Whether the caller may have @p more numbers by QUOTA_NUMBERS; else CT_FORBIDDEN, and it was said
 *  (ct_call_say). Looks at no more rows than the quota is. */
CT_CHECKED enum ct_result ct_number_quota(struct ct_call *call, int64_t more);

/** Releases every number of the caller, whose account is about to go, and ends the offers to and by it:
 *  the hook of struct ct_accounts. @p room is a struct ct_numbers. */
CT_CHECKED enum ct_result ct_numbers_release_all(void *room, struct ct_call *call);

/*
 * Numbers in full, as replies show them.
 */
struct ct_number_full {
    int64_t id;
    struct ct_str phone_number;
    int64_t user_id; /* INT64_MIN is null */
    struct ct_str friendly_name;
    struct ct_texts tags;
    struct ct_str country;         /* ISO 3166-1 alpha-2; `at` NULL is null */
    struct ct_str type;            /* "mobile", "fixed_line", … */
    struct ct_str national_format; /* as it is written in its country */
    bool valid;
    struct ct_str status;
    int64_t created_at;
    struct ct_str voice; /* a JSON object; `at` NULL is null */
};
extern const struct ct_schema ct_number_full_schema;

/** What a reply shows of a number; texts are in @p arena or static, or are the number's own. CT_NOMEM. */
CT_CHECKED enum ct_result ct_number_describe(const struct ct_numbers *room, struct ct_arena *arena,
                                             const struct ct_number *number,
                                             struct ct_number_full *out);
/** The tags of a number, in @p arena. CT_NOMEM, CT_BUG. */
CT_CHECKED enum ct_result ct_number_tags(struct ct_arena *arena, const struct ct_number *number,
                                         struct ct_texts *out);
/** The entity tag of a number, in @p arena, or NULL without memory: it changes whenever the number does,
 *  also when that is because a time has run out. */
const char *ct_number_etag(struct ct_arena *arena, const struct ct_number *number);
/** Fills the reply of a route that shows one number in full, with its entity tag: GET, and PATCH, which is
 *  `conditional`. CT_NOMEM. */
CT_CHECKED enum ct_result ct_number_reply(struct ct_call *call, const struct ct_number *number);

/** The path of all routes of one number. */
struct ct_number_path {
    int64_t id;
};
extern const struct ct_schema ct_number_path_schema;

/* The routes of this room. The room of all of them is a struct ct_numbers. */
/** POST /phone_numbers; GET, PATCH, DELETE /phone_numbers/{id}; POST /phone_numbers/{id}/restore. */
extern const struct ct_route ct_numbers_routes[];
extern const size_t ct_numbers_route_count;
/** GET /phone_numbers. */
extern const struct ct_route ct_number_list_routes[];
extern const size_t ct_number_list_route_count;
/** /phone_numbers/{id}/transfer, /phone_number_transfers. */
extern const struct ct_route ct_transfers_routes[];
extern const size_t ct_transfers_route_count;
/** /reserved_numbers. */
extern const struct ct_route ct_reserved_routes[];
extern const size_t ct_reserved_route_count;

#endif
