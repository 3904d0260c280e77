#ifndef CT_HTTP_SCHEMA_H
#define CT_HTTP_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"

/**
 * A field is written once. From its descriptor come the binding of JSON, forms, paths and queries,
 * the printing of replies, and the schemas of /openapi.json.
 */
enum ct_field_type {
    CT_FIELD_STRING, /* struct ct_str */
    CT_FIELD_INT,    /* int64_t */
    CT_FIELD_TIME,   /* int64_t, milliseconds since 1970; INT64_MIN is null; RFC 3339 outside */
};

enum ct_field_flag {
    CT_FIELD_OPTIONAL = 1 << 0, /* may be missing; then the member keeps `fallback` or stays zero */
    CT_FIELD_NULLABLE = 1 << 1, /* a reply may hold null (an empty string's `at` NULL, no time) */
    CT_FIELD_SECRET = 1 << 2,   /* never echoed, never logged; a password input in the docs */
    CT_FIELD_BYTES = 1 << 3,    /* limits count bytes of UTF-8, not code points */
};

struct ct_field {
    const char *name;
    enum ct_field_type type;
    size_t offset; /* of the member in the struct */
    unsigned flags;
    int64_t min; /* length of a string or value of an integer; both 0: no limits */
    int64_t max;
    /** Where the lower limit is when it is a setting: the offset of an int64_t in struct ct_config;
     *  0 is none (the first member of ct_config is no such limit). */
    size_t min_setting;
    int64_t fallback;    /* for an optional integer that is missing */
    const char *pattern; /* what a string looks like after `normalize`, as an ECMA-262 expression */
    /** Brings a string to the stored form. CT_INVALID: it does not match `pattern`. CT_NOMEM. */
    enum ct_result (*normalize)(struct ct_arena *arena, struct ct_str in, struct ct_str *out);
    const char *format;  /* OpenAPI's "format"; NULL is none */
    const char *doc;     /* a sentence, shown in /docs */
    const char *example; /* a JSON value, e.g. "\"+1234567890\"" */
};

struct ct_schema {
    const char *name; /* as in components/schemas */
    const char *doc;
    size_t size; /* of the struct */
    const struct ct_field *fields;
    size_t count;
};

/** Descriptor of member @p member of @p type; further members follow as designated initializers. */
#define CT_FIELD(structure, member, kind, ...)                                              \
    {                                                                                       \
        .name = #member, .type = (kind), .offset = offsetof(structure, member), __VA_ARGS__ \
    }

/** A schema over a static array of fields. */
#define CT_SCHEMA(label, text, structure, array)                                      \
    {                                                                                 \
        .name = (label), .doc = (text), .size = sizeof(structure), .fields = (array), \
        .count = sizeof(array) / sizeof((array)[0])                                   \
    }

#endif
