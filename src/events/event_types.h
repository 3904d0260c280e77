#ifndef CT_EVENTS_EVENT_TYPES_H
#define CT_EVENTS_EVENT_TYPES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/result.h"
#include "base/text.h"

/** The types of events.def. */
enum ct_event_type {
#define CT_EVENT(name, ...) CT_EVENT_##name,
#include "events/events.def"
    CT_EVENT_TYPES
};

/** The word of a type, and the kind of its subject: static text, never NULL. */
const char *ct_event_word(enum ct_event_type type);
const char *ct_event_subject(enum ct_event_type type);
/** The type of a word. CT_NOT_FOUND: none of this version. */
CT_CHECKED enum ct_result ct_event_type_of(struct ct_str word, enum ct_event_type *out);

/** A set of types is a number with their bits. */
static inline uint64_t ct_event_bit(enum ct_event_type type)
{
    return UINT64_C(1) << type;
}

/** All types. */
#define CT_EVENT_ALL_TYPES (UINT64_MAX >> (64 - CT_EVENT_TYPES))

/** The types that a pattern means: a word, "call.*" for all that begin so, "*" for all. CT_INVALID: it means
 *  none. */
CT_CHECKED enum ct_result ct_event_pattern(struct ct_str pattern, uint64_t *out);
/** The types that any of some patterns means; @p list has them with commas or spaces between. Patterns that mean
 *  none are CT_INVALID, as is an empty list. */
CT_CHECKED enum ct_result ct_event_patterns(struct ct_str list, uint64_t *out);

/** For the docs of a field that takes patterns: what there is. */
extern const char ct_event_patterns_doc[];

/** Prints what events there are: for a terminal, or as docs/events.md. */
void ct_events_explain(FILE *out, bool markdown);

#endif
