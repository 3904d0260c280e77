#ifndef CT_NUMBERS_PLAN_MODULE_H
#define CT_NUMBERS_PLAN_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* The seam between plan.c, in the program, and plan.cc, the module: plain C, no exceptions, and what the module
 * allocates it frees itself. */

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

/** What the module has made of the numbering plans that were asked for. */
struct ct_plan_tables;

/** Numbers have the form of ct_e164_normalize. All but open and close are safe from any thread. */
struct ct_plan_module {
    /** CT_VERSION of the build: a program that runs on while it is replaced would meet the new module. */
    const char *version;
    /** Empty tables, for close. CT_NOMEM, CT_BUG. */
    enum ct_result (*open)(struct ct_plan_tables **out);
    /** NULL is allowed. */
    void (*close)(struct ct_plan_tables *tables);
    /** Describes a number without taking memory, if it can. */
    bool (*find)(const struct ct_plan_tables *tables, const char *e164, size_t size,
                 struct ct_plan_answer *out);
    /** Describes a number: makes the tables of its calling code, or asks the library. CT_NOMEM, CT_BUG. */
    enum ct_result (*describe)(struct ct_plan_tables *tables, const char *e164, size_t size,
                               struct ct_plan_answer *out);
    /** The calling code of two letters A to Z, or CT_NOT_FOUND. CT_NOMEM, CT_BUG. */
    enum ct_result (*calling_code)(const struct ct_plan_tables *tables, const char *country,
                                   int *out);
};

/** What the module exports, and the name of it. */
extern const struct ct_plan_module ct_plan_module_table __attribute__((visibility("default")));
#define CT_PLAN_MODULE_SYMBOL "ct_plan_module_table"

#ifdef __cplusplus
}
#endif

#endif
