#ifndef CT_VOICE_CAPS_H
#define CT_VOICE_CAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "http/route.h"
#include "store/store.h"

/**
 * What an account may do on trunks, where calls cost money: nothing until an administrator allows it, and then
 * within limits. Calls between devices and numbers of this server are free of them.
 */
struct ct_call_caps {
    bool trunks;              /* whether calls to trunks are allowed at all */
    struct ct_texts prefixes; /* "+49": what may be called; "+" is everything */
    int64_t concurrent_calls; /* at the same time; 0 of this and of the next ones: no limit */
    int64_t calls_per_minute;
    int64_t longest_call_s;
    int64_t minutes_per_day; /* of UTC; a call counts on the day that it was answered */
};

/** Reads what was set for an account; what a new one has when nothing was. */
CT_CHECKED enum ct_result ct_call_caps_read(struct ct_arena *arena, struct ct_db *db,
                                            int64_t user_id, struct ct_call_caps *out);
/** Sets it. CT_NOT_FOUND when there is no such account. */
CT_CHECKED enum ct_result ct_call_caps_write(struct ct_arena *arena, struct ct_db *db,
                                             int64_t user_id, const struct ct_call_caps *caps);
/** Deletes what belongs to an account that ends. */
CT_CHECKED enum ct_result ct_call_caps_forget(struct ct_db *db, int64_t user_id);

/**
 * Whether a call to a trunk may begin, or go on. Of the minutes of a day each call is granted some at a time, which no
 * other one gets, so that all of them together never use more than there are; before they are used up the limits are
 * asked again. So they are every minute of any call that goes out: what an account may no longer do ends.
 */
struct ct_call_verdict {
    const char *why;    /* NULL: it may. Else a sentence without its end, static */
    int64_t longest_ms; /* when it is to be ended, from where it is paid for; INT64_MAX: never */
    int64_t again_ms;   /* when to ask again, likewise; 0: not any more */
    const char *over;   /* why it ends then; NULL: it has been as long as a call may be. Static */
    int64_t granted_ms; /* for its record, whoever writes it; 0: its minutes are not counted */
};
/** Judges a call of an account to @p number (E.164) by what its records say at @p now_ms: to be asked in the write
 *  that then writes the call's own record, so that no two calls take the last place. */
CT_CHECKED enum ct_result ct_call_caps_judge(struct ct_db *db, int64_t user_id,
                                             struct ct_str number, int64_t now_ms,
                                             struct ct_call_verdict *out);
/** Judges a call in progress, and grants it more, in its record. CT_NOT_FOUND when it is over. */
CT_CHECKED enum ct_result ct_call_caps_again(struct ct_db *db, int64_t call_id,
                                             struct ct_str number, int64_t now_ms,
                                             struct ct_call_verdict *out);
/** Adds what a call to a trunk has lasted, or takes back what was added (@p ms below 0). */
CT_CHECKED enum ct_result ct_call_usage_add(struct ct_db *db, int64_t user_id, int64_t answered_at,
                                            int64_t ms);

/** GET, PUT /users/{id}/call_limits. Needs no room. */
extern const struct ct_route ct_call_caps_routes[];
extern const size_t ct_call_caps_route_count;

#endif
