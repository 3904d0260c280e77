#ifndef CT_NUMBERS_PLAN_MODULE_H
#define CT_NUMBERS_PLAN_MODULE_H

#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* The seam between plan.c, in the program, and plan.cc, the module: plain C, no allocations handed over, no
 * exceptions. */

#ifdef __cplusplus
extern "C" {
#endif

/** Kinds of numbers: libphonenumber's name, and ours. */
#define CT_PLAN_TYPES(X)                            \
    X(UNKNOWN, "unknown")                           \
    X(FIXED_LINE, "fixed_line")                     \
    X(MOBILE, "mobile")                             \
    X(FIXED_LINE_OR_MOBILE, "fixed_line_or_mobile") \
    X(TOLL_FREE, "toll_free")                       \
    X(PREMIUM_RATE, "premium_rate")                 \
    X(SHARED_COST, "shared_cost")                   \
    X(VOIP, "voip")                                 \
    X(PERSONAL_NUMBER, "personal_number")           \
    X(PAGER, "pager")                               \
    X(UAN, "uan")                                   \
    X(VOICEMAIL, "voicemail")

enum ct_plan_type {
#define X(name, text) CT_PLAN_##name,
    CT_PLAN_TYPES(X)
#undef X
};

/** One answer, of a fixed size. */
struct ct_plan_answer {
    uint16_t calling_code; /* 0: unknown */
    char country[2];       /* NUL: none */
    uint8_t
        type; /* enum ct_plan_type; libphonenumber says UNKNOWN of what is not valid, and only of that */
    uint8_t format_size;
    char format[50];
};

struct ct_plan_module {
    /** CT_VERSION of the build: a program that runs on while it is replaced would meet the new module. */
    const char *version;
    /** Describes a number in the form of ct_e164_normalize. CT_NOMEM, CT_BUG. */
    enum ct_result (*describe)(const char *e164, size_t size, struct ct_plan_answer *out);
    /** The calling code of two letters A to Z, or CT_NOT_FOUND. CT_NOMEM, CT_BUG. */
    enum ct_result (*calling_code)(const char *country, int *out);
};

/** What the module exports, and the name of it. */
extern const struct ct_plan_module ct_plan_module_table __attribute__((visibility("default")));
#define CT_PLAN_MODULE_SYMBOL "ct_plan_module_table"

#ifdef __cplusplus
}
#endif

#endif
