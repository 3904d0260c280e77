#ifndef CT_CONFIG_DOTENV_H
#define CT_CONFIG_DOTENV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"

/**
 * Reader of the .env syntax, one assignment after another.
 *
 * - `# text` is a comment; empty lines are skipped too.
 * - `NAME=value` drops blanks around the name and the value, which may be empty.
 * - `export NAME=value` is the same.
 * - `NAME=a=b#c # text`: '=' and '#' belong to the value, a '#' behind a blank starts a comment.
 * - `NAME='value'` takes the value as it is; a comment may follow.
 * - `NAME="value"` replaces \n, \t, \" and \\, and leaves any other backslash.
 *
 * A name is a letter or '_', then letters, digits, '_', '.' and '-'. Nothing is expanded. The text
 * is UTF-8, may begin with a byte order mark, and lines end with LF or CRLF.
 */
struct ct_dotenv {
    struct ct_arena *arena; /* for the values */
    struct ct_str rest;     /* what is not read yet; borrowed */
    size_t line;            /* the number of the line read last, from 1 */
};

struct ct_dotenv_entry {
    struct ct_str name; /* borrowed from the text */
    const char *value;  /* in the reader's arena; never NULL, without a NUL inside */
    size_t line;
    bool literal; /* in single quotes */
};

/** The longest line in bytes, without its end. */
#define CT_DOTENV_LINE_MOST ((size_t)32768)

/** A reader at the start of @p text. */
struct ct_dotenv ct_dotenv_read(struct ct_arena *arena, struct ct_str text);

/** Reads up to the next assignment: CT_ROW with @p entry, or CT_OK at the end. CT_INVALID for a
 * broken line, whose number is in @p dotenv; @p why (static) is then a phrase that repeats nothing
 * of it. CT_NOMEM. */
CT_CHECKED enum ct_result ct_dotenv_next(struct ct_dotenv *dotenv, struct ct_dotenv_entry *entry,
                                         const char **why);

#endif
