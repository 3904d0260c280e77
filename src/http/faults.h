#ifndef CT_HTTP_FAULTS_H
#define CT_HTTP_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"

/** What is wrong with a request's input, in the types and words of pydantic 2. Values are never
 * part of it, since they may be secrets. */
struct ct_fault {
    const char *type;     /* "missing", "string_type", … */
    const char *place;    /* "body", "query", "path", "header" */
    const char *field;    /* NULL: the place itself */
    size_t item;          /* with a `field` that is a list: which of its items, from 1; 0 is none */
    int64_t position;     /* with `field` NULL: where in the body, in characters; -1 is nowhere */
    const char *message;  /* a sentence */
    const char *ctx_name; /* one detail for programs, e.g. "min_length"; NULL is none */
    const char *ctx_text; /* its value, when that is a text */
    int64_t ctx_number;   /* its value otherwise */
    struct ct_fault *next;
};

struct ct_faults {
    struct ct_arena *arena;
    struct ct_fault *first, *last;
    bool failed; /* a fault was lost for want of memory */
};

/** Adds a copy of @p fault (its texts are borrowed). */
void ct_fault_add(struct ct_faults *faults, const struct ct_fault *fault);
/** Writes {"detail": [...]} of all faults in the order they were found. */
void ct_faults_print(const struct ct_faults *faults, struct ct_buf *out);

#endif
