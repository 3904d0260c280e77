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
    CT_FIELD_INT,    /* int64_t; INT64_MIN is null where null is allowed */
    CT_FIELD_TIME,   /* int64_t, milliseconds since 1970; INT64_MIN is null; RFC 3339 outside */
    CT_FIELD_BOOL,   /* bool */
    CT_FIELD_TEXTS,  /* struct ct_texts; min, max, pattern and normalize are those of each text */
    CT_FIELD_INTS,   /* struct ct_ints; min and max are those of each integer */
    /* in replies only: */
    CT_FIELD_JSON, /* struct ct_str, a JSON text that is printed as it is */
    CT_FIELD_SECONDS, /* int64_t, milliseconds; INT64_MIN is null; seconds with three decimals outside */
    CT_FIELD_OBJECT,  /* const void *, a struct of the schema `of`; NULL is null */
    CT_FIELD_OBJECTS, /* struct ct_objects of the schema `of` */
};

/** A list of texts. */
struct ct_texts {
    const struct ct_str *at;
    size_t count;
};

enum ct_field_flag {
    CT_FIELD_OPTIONAL = 1 << 0, /* may be missing; then the member keeps `fallback` or stays zero */
    /** A reply may hold null (a text's or list's `at` NULL, no time, INT64_MIN). With CT_FIELD_OPTIONAL an
     *  input may: it is then as if the member were missing, but for `present`. */
    CT_FIELD_NULLABLE = 1 << 1,
    CT_FIELD_SECRET = 1 << 2,  /* never echoed, never logged; a password input in the docs */
    CT_FIELD_BYTES = 1 << 3,   /* limits count bytes of UTF-8, not code points */
    CT_FIELD_OMITTED = 1 << 4, /* a reply leaves the member out where CT_FIELD_NULLABLE says null */
};

/** A list of integers. */
struct ct_ints {
    const int64_t *at;
    size_t count;
};

/** A list of structs of one schema. */
struct ct_objects {
    const void *at;
    size_t count;
};

struct ct_schema;

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
    int64_t fallback;  /* for an optional integer or time that is missing (or null) */
    int64_t max_count; /* of what a list holds; 0 is no limit but the body's */
    /** Offset of a bool that tells whether the body had the member at all, null included: a PATCH
     *  leaves alone what is not there. 0 is none (it is never the first member). */
    size_t present;
    const struct ct_schema *of; /* of CT_FIELD_OBJECT and CT_FIELD_OBJECTS */
    const char *const *words;   /* what a string may be, ended by NULL; NULL: any */
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
