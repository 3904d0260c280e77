#include "base/csv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Room for a whole record as it is written, where every byte of its text may have taken two. */
#define BUFFER_SIZE ((size_t)4 * CT_CSV_MAX_BYTES)
#define END (-1)

struct ct_csv {
    ct_csv_source *read;
    void *ctx;
    int64_t line;
    bool failed; /* the source */
    bool ended;
    size_t start; /* in the buffer: where the record begins */
    size_t at;    /* the next byte */
    size_t size;
    size_t used; /* of the text */
    size_t count;
    struct ct_str fields[CT_CSV_MAX_FIELDS];
    char text[CT_CSV_MAX_BYTES]; /* the fields of the record, one behind the other */
    unsigned char buffer[BUFFER_SIZE];
};

enum ct_result ct_csv_new(ct_csv_source *read, void *ctx, struct ct_csv **out)
{
    struct ct_csv *csv = malloc(sizeof(*csv));
    if (csv == NULL)
        return CT_NOMEM;
    csv->read = read;
    csv->ctx = ctx;
    csv->line = 1;
    csv->failed = csv->ended = false;
    csv->start = csv->at = csv->size = 0;
    *out = csv;
    return CT_OK;
}

void ct_csv_free(struct ct_csv *csv)
{
    free(csv);
}

/* Reads on. The record stays in the buffer from its first byte. */
static void fill(struct ct_csv *csv)
{
    memmove(csv->buffer, csv->buffer + csv->start, csv->size - csv->start);
    csv->at -= csv->start;
    csv->size -= csv->start;
    csv->start = 0;
    assert(csv->size < sizeof(csv->buffer)); /* its text would have been too long before */
    ssize_t size = csv->read(csv->ctx, csv->buffer + csv->size, sizeof(csv->buffer) - csv->size);
    csv->failed = size < 0;
    csv->ended = size <= 0;
    csv->size += size > 0 ? (size_t)size : 0;
}

/* The next byte, which stays there, or END. */
static int peek(struct ct_csv *csv)
{
    if (csv->at == csv->size && !csv->ended)
        fill(csv);
    return csv->at < csv->size ? csv->buffer[csv->at] : END;
}

/* Takes the next byte; a line end of two bytes is one LF. */
static int take(struct ct_csv *csv)
{
    int c = peek(csv);
    if (c == END)
        return END;
    csv->at++;
    if (c == '\r' && peek(csv) == '\n')
        c = csv->buffer[csv->at++];
    if (c == '\n' || c == '\r')
        csv->line++;
    return c;
}

static bool is_line_end(int c)
{
    return c == '\n' || c == '\r' || c == END;
}

/* Goes back to the end of the line that the record begins on: a quote too many must not hide the lines behind
 * it. A line that is too long to be kept is passed over as it is read. */
static void give_up(struct ct_csv *csv, int64_t line)
{
    csv->at = csv->start;
    csv->line = line;
    while (!is_line_end(peek(csv))) {
        (void)take(csv);
        csv->start = csv->at;
    }
    (void)take(csv);
}

static bool keep(struct ct_csv *csv, int c)
{
    if (csv->used == sizeof(csv->text))
        return false;
    csv->text[csv->used++] = (char)c;
    return true;
}

/* Reads what is between quotes, and the second of them. */
static const char *read_quoted(struct ct_csv *csv)
{
    (void)take(csv);
    for (;;) {
        bool two_bytes = peek(csv) == '\r';
        int c = take(csv);
        if (c == END)
            return "a quote is not closed";
        if (c == '"') {
            if (peek(csv) != '"')
                break;
            c = take(csv);
        }
        if ((two_bytes && c == '\n' && !keep(csv, '\r')) || !keep(csv, c))
            return "a quote is not closed within 65,536 bytes";
    }
    int next = peek(csv);
    return next == ',' || is_line_end(next) ? NULL : "there is text behind a closing quote";
}

static const char *read_plain(struct ct_csv *csv)
{
    for (int c = peek(csv); c != ',' && !is_line_end(c); c = peek(csv)) {
        if (c == '"')
            return "a quote is within a field that does not begin with one";
        if (!keep(csv, take(csv)))
            return "the record is longer than 65,536 bytes";
    }
    return NULL;
}

/* Reads a record. NULL, or what is wrong with it. */
static const char *read_record(struct ct_csv *csv, bool *blank)
{
    bool quoted = false;
    csv->used = csv->count = 0;
    do {
        if (csv->count == CT_CSV_MAX_FIELDS)
            return "the record has more than 64 fields";
        size_t begin = csv->used;
        quoted = peek(csv) == '"';
        const char *fault = quoted ? read_quoted(csv) : read_plain(csv);
        if (fault != NULL)
            return fault;
        csv->fields[csv->count++] = (struct ct_str){csv->text + begin, csv->used - begin};
    } while (take(csv) == ',');
    *blank = !quoted && csv->count == 1 && csv->used == 0;
    return NULL;
}

static void skip_mark(struct ct_csv *csv)
{
    static const unsigned char mark[] = {0xEF, 0xBB, 0xBF};
    while (csv->size < sizeof(mark) && !csv->ended)
        fill(csv);
    if (csv->size >= sizeof(mark) && memcmp(csv->buffer, mark, sizeof(mark)) == 0)
        csv->at = sizeof(mark);
}

enum ct_result ct_csv_next(struct ct_csv *csv, struct ct_csv_record *out)
{
    if (csv->size == 0)
        skip_mark(csv);
    while (peek(csv) != END) {
        bool blank = false;
        *out = (struct ct_csv_record){.line = csv->line, .fields = csv->fields};
        csv->start = csv->at;
        out->fault = read_record(csv, &blank);
        if (out->fault != NULL)
            give_up(csv, out->line);
        else
            out->count = csv->count;
        if (csv->failed)
            break;
        csv->start = csv->at;
        if (!blank)
            return CT_ROW;
    }
    return csv->failed ? CT_IO : CT_OK;
}

void ct_csv_add(struct ct_buf *out, bool first, struct ct_str text)
{
    bool quote = false;
    for (size_t i = 0; i < text.len && !quote; i++)
        quote = memchr(",\"\r\n", text.at[i], 4) != NULL;
    if (!first)
        ct_buf_char(out, ',');
    if (!quote) {
        ct_buf_str(out, text);
        return;
    }
    ct_buf_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"')
            ct_buf_char(out, '"');
        ct_buf_char(out, text.at[i]);
    }
    ct_buf_char(out, '"');
}

void ct_csv_add_foreign(struct ct_buf *out, bool first, struct ct_str text)
{
    if (text.len == 0 || memchr("=+-@\t\r", text.at[0], 6) == NULL) {
        ct_csv_add(out, first, text);
        return;
    }
    struct ct_buf shielded = ct_buf_in(out->arena);
    ct_buf_char(&shielded, '\'');
    ct_buf_str(&shielded, text);
    ct_csv_add(out, first, ct_buf_done(&shielded));
    out->failed = out->failed || shielded.failed;
}
