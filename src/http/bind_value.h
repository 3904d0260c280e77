#ifndef CT_HTTP_BIND_VALUE_H
#define CT_HTTP_BIND_VALUE_H

#include "base/arena.h"
#include "base/json.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "http/faults.h"
#include "http/schema.h"

/*
 * One value to its member. What does not fit is added to the faults; the answer is CT_OK all the same, or
 * CT_NOMEM. Private to bind.c.
 */

/** What the functions of one binding share. */
struct ct_binding {
    struct ct_arena *arena;
    const struct ct_config *config;
    const char *place;
    struct ct_faults *faults;
    char *out; /* the struct */
};

/** Adds a fault of a field: static texts. */
void ct_bind_refuse(const struct ct_binding *b, const struct ct_field *field, const char *type,
                    const char *message);
/** The member is not there. */
void ct_bind_missing(const struct ct_binding *b, const struct ct_field *field);
/** A value that came as text: a path segment, a query or form value. */
CT_CHECKED enum ct_result ct_bind_text(const struct ct_binding *b, const struct ct_field *field,
                                       struct ct_str text);
/** A value of a JSON object; NULL: the member is not there. */
CT_CHECKED enum ct_result ct_bind_member(const struct ct_binding *b, const struct ct_field *field,
                                         const struct ct_json *value);

#endif
