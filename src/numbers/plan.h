#ifndef CT_NUMBERS_PLAN_H
#define CT_NUMBERS_PLAN_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/text.h"

/**
 * What the numbering plans of the world say of a number, by libphonenumber. The library is a module
 * beside the program that the first question loads, so that a server which is never asked pays neither
 * time nor memory for it. What it knows of a calling code becomes a table when the first number of it is asked for,
 * and answers from then on. Safe from any thread.
 */
struct ct_plan;

struct ct_plan_options {
    /** The module's path. NULL: beside the program, as it is built, or else in ../lib/cloud-telephony from
     *  there, as it is installed. */
    const char *module;
    /** Where it is said once why the module could not be loaded. May be NULL. */
    struct ct_log *log;
    /** Where it is counted how often a table had the answer. May be NULL. */
    struct ct_metrics *metrics;
};

struct ct_plan_info {
    /** ISO 3166-1 alpha-2, as "DE". `at` is NULL when no country is known, and for numbers that belong to
     *  none, as +800. A calling code that one country has for itself tells the country of a number that
     *  is not valid, too. */
    struct ct_str country;
    /** "fixed_line", "mobile", "fixed_line_or_mobile", "toll_free", "premium_rate", "shared_cost", "voip",
     *  "personal_number", "pager", "uan", "voicemail", or "unknown" for what is not valid. */
    struct ct_str type;
    /** As it is written within the country: "030 120000". Digits alone when no pattern fits, and the number
     *  as it was given when there is no such calling code. */
    struct ct_str national_format;
    /** 49, or 0 when nobody has such a code (ITU-T E.164.1). */
    int calling_code;
    /** Whether a country, or the ITU, assigns it. Whether it is in use nobody can tell. */
    bool valid;
};

/** Finds the module, without loading it. @p options may be NULL. The plan is in @p arena; ct_plan_end
 *  comes before the arena's. CT_IO when there is no module that can be read: @p why then says where it was
 *  looked for, in @p arena. CT_NOMEM. */
CT_CHECKED enum ct_result ct_plan_new(const struct ct_plan_options *options, struct ct_arena *arena,
                                      struct ct_plan **out, const char **why);
/** Gives back what ct_plan_new took; the module stays loaded. NULL is allowed. */
void ct_plan_end(struct ct_plan *plan);

/** Describes a number in the form of ct_e164_normalize; the texts are in @p arena or static. CT_INVALID for
 *  any other form, CT_UNAVAILABLE when the module cannot be loaded, CT_NOMEM. */
CT_CHECKED enum ct_result ct_plan_describe(struct ct_plan *plan, struct ct_arena *arena,
                                           struct ct_str e164, struct ct_plan_info *out);
/** The calling code of a country by its ISO 3166-1 alpha-2 code in either case; several countries may share
 *  one. CT_NOT_FOUND for what is no country that has one, CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result ct_plan_calling_code(struct ct_plan *plan, struct ct_str country,
                                               int *out);

#endif
