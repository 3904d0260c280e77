#ifndef CT_BASE_CSV_H
#define CT_BASE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/result.h"
#include "base/text.h"

/**
 * Comma-separated values (RFC 4180), a record at a time and in little memory. Lines end with LF, CRLF or
 * CR; a byte order mark in front and blank lines are passed over.
 */
struct ct_csv;

#define CT_CSV_MAX_FIELDS 64
#define CT_CSV_MAX_BYTES 65536

struct ct_csv_record {
    int64_t line;                /* where it begins, from 1 */
    size_t count;                /* of the fields; 0 with a fault */
    const struct ct_str *fields; /* without their quotes; until the next record is read */
    const char *fault;           /* what is wrong with it: static text; NULL is nothing */
};

/** Reads up to @p size bytes as read(2) does: how many, 0 at the end, -1 when that fails. */
typedef ssize_t ct_csv_source(void *ctx, void *out, size_t size);

/** A reader. The owner frees it with ct_csv_free. CT_NOMEM. */
CT_CHECKED enum ct_result ct_csv_new(ct_csv_source *read, void *ctx, struct ct_csv **out);
/** NULL is allowed. */
void ct_csv_free(struct ct_csv *csv);
/** Reads the next record: CT_ROW, CT_OK at the end, CT_IO when the source fails. After a fault the reader
 *  goes on behind the line that the record begins on. A record of more than CT_CSV_MAX_BYTES or
 *  CT_CSV_MAX_FIELDS has a fault. */
CT_CHECKED enum ct_result ct_csv_next(struct ct_csv *csv, struct ct_csv_record *out);

/** Appends a field, and a comma in front unless it is the @p first of its record; in quotes where that is
 *  needed. */
void ct_csv_add(struct ct_buf *out, bool first, struct ct_str text);
/** The same for a text that a stranger chose: one that a spreadsheet would take for a formula (it begins with
 *  = + - @, a tab or a carriage return) gets an apostrophe in front, which makes it a text there. */
void ct_csv_add_foreign(struct ct_buf *out, bool first, struct ct_str text);

#endif
