/* Whatever is in a file, its records are read to the end; their fields are pieces of it, one of them written
 * again and read again is the same, and the size of the pieces that the file comes in changes nothing. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
    struct ct_str rest;
    size_t piece;
};

static ssize_t hand_out(void *ctx, void *out, size_t size)
{
    struct source *source = ctx;
    size_t count = source->rest.len < source->piece ? source->rest.len : source->piece;
    count = count < size ? count : size;
    memcpy(out, source->rest.at, count);
    source->rest = (struct ct_str){source->rest.at + count, source->rest.len - count};
    return (ssize_t)count;
}

/* Reads all; writes the good records again to `again`. */
static size_t read_all(struct ct_str text, size_t piece, struct ct_buf *again)
{
    struct source source = {text, piece};
    struct ct_csv *csv = NULL;
    struct ct_csv_record record;
    enum ct_result result = ct_csv_new(hand_out, &source, &csv);
    assert(result == CT_OK);
    size_t records = 0;
    int64_t line = 0;
    while ((result = ct_csv_next(csv, &record)) == CT_ROW) {
        assert(record.line > line);
        line = record.line;
        assert((record.fault == NULL) == (record.count > 0) && record.count <= CT_CSV_MAX_FIELDS);
        records++;
        for (size_t i = 0; i < record.count; i++)
            ct_csv_add(again, i == 0, record.fields[i]);
        /* One empty field would be a blank line. */
        if (record.count == 1 && record.fields[0].len == 0)
            ct_buf_text(again, "\"\"");
        if (record.count > 0)
            ct_buf_text(again, "\r\n");
    }
    assert(result == CT_OK && source.rest.len == 0);
    ct_csv_free(csv);
    return records;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_str text = {(const char *)data, size};
    struct ct_arena *arena = ct_arena_new();
    assert(arena != NULL);
    struct ct_buf whole = ct_buf_in(arena);
    struct ct_buf pieces = ct_buf_in(arena);
    struct ct_buf again = ct_buf_in(arena);
    size_t records = read_all(text, SIZE_MAX, &whole);
    assert(read_all(text, 1, &pieces) == records);
    assert(ct_str_equal(ct_buf_done(&whole), ct_buf_done(&pieces)));
    /* A mark in front that is a field's own would be taken for the file's. */
    if (whole.len < 3 || memcmp(whole.at, "\xEF\xBB\xBF", 3) != 0) {
        (void)read_all(ct_buf_done(&whole), 7, &again);
        assert(ct_str_equal(ct_buf_done(&whole), ct_buf_done(&again)));
    }
    ct_arena_free(arena);
    return 0;
}
