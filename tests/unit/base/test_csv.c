#include "base/csv.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

/* A text that is handed out a few bytes at a time. */
struct source {
    struct ct_str rest;
    size_t piece;
    bool breaks; /* at the end */
};

static ssize_t hand_out(void *ctx, void *out, size_t size)
{
    struct source *source = ctx;
    size_t count = source->rest.len < source->piece ? source->rest.len : source->piece;
    count = count < size ? count : size;
    if (count == 0)
        return source->breaks ? -1 : 0;
    memcpy(out, source->rest.at, count);
    source->rest = (struct ct_str){source->rest.at + count, source->rest.len - count};
    return (ssize_t)count;
}

/* Writes down what was read: the line, then the fields in brackets, or a '!' for a fault. */
static enum ct_result read_all(struct ct_str text, size_t piece, bool breaks, struct ct_buf *out)
{
    struct source source = {.rest = text, .piece = piece, .breaks = breaks};
    struct ct_csv *csv = NULL;
    struct ct_csv_record record;
    enum ct_result result = ct_csv_new(hand_out, &source, &csv);
    if (result != CT_OK)
        return result;
    while ((result = ct_csv_next(csv, &record)) == CT_ROW) {
        ct_buf_int(out, record.line);
        if (record.fault != NULL)
            ct_buf_char(out, '!');
        for (size_t i = 0; i < record.count; i++) {
            ct_buf_char(out, '[');
            ct_buf_str(out, record.fields[i]);
            ct_buf_char(out, ']');
        }
        ct_buf_char(out, ' ');
    }
    if (result == CT_OK)
        result = ct_csv_next(csv, &record); /* the end stays the end */
    ct_csv_free(csv);
    return result == CT_OK && out->failed ? CT_NOMEM : result;
}

static enum ct_result test_reading(void)
{
    static const struct {
        const char *text;
        const char *expected;
    } examples[] = {
        {"", ""},
        {"a", "1[a] "},
        {"a,b\nc,d\n", "1[a][b] 2[c][d] "},
        {"a,b\r\nc,d", "1[a][b] 2[c][d] "},
        {"a\rb\r\rc", "1[a] 2[b] 4[c] "},
        {"\n\r\n\na\n\n", "4[a] "},
        {",\n,,", "1[][] 2[][][] "},
        {"a,", "1[a][] "},
        {" a , b ", "1[ a ][ b ] "},
        {"\"a\",\"b,c\",\"\"\n\"\"", "1[a][b,c][] 2[] "},
        {"\"say \"\"hi\"\"\"\n", "1[say \"hi\"] "},
        {"\"a\nb\",c\nd", "1[a\nb][c] 3[d] "},
        {"\"a\r\nb\rc\"\r\nd", "1[a\r\nb\rc] 4[d] "},
        {"\xEF\xBB\xBF"
         "a,b",
         "1[a][b] "},
        {"\xEF\xBB", "1[\xEF\xBB] "},
        {"\xEF\xBB\xBF\n\xEF\xBB\xBF", "2[\xEF\xBB\xBF] "},
        /* faults: the line is given up, the next ones are read */
        {"a\"b\nc", "1! 2[c] "},
        {"\"a\"b\nc", "1! 2[c] "},
        {"a,\"b\nc,d\ne", "1! 2[c][d] 3[e] "},
        {"\"a\r\nb\r\n\"c\"d\"\r\ne", "1! 2[b] 3! 4[e] "},
        {"\"", "1! "},
        {"\"\n", "1! "},
    };
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        for (size_t piece = 1; piece <= 5; piece += 4) {
            struct ct_buf out = ct_buf_in(arena);
            TRY(read_all(ct_str_of(examples[i].text), piece, false, &out));
            const char *read = ct_buf_done(&out).at;
            TRY_MEMORY(read);
            if (strcmp(read, examples[i].expected) != 0 && !out.failed) {
                ct_unit_report(read, __FILE__, __LINE__);
                result = CT_BUG;
                goto out;
            }
            result = out.failed ? CT_NOMEM : CT_OK;
            if (result != CT_OK)
                goto out;
        }
    }
    struct ct_buf out = ct_buf_in(arena);
    EXPECT_RESULT(CT_IO, read_all(CT_STR("a,b\nc"), 2, true, &out));
    TRY_MEMORY(out.failed ? NULL : out.at);
    EXPECT(ct_str_equal(ct_buf_done(&out), CT_STR("1[a][b] ")) || out.failed);
    result = out.failed ? CT_NOMEM : CT_OK;
out:
    ct_arena_free(arena);
    return result;
}

struct long_text {
    const char *head;
    char fill;
    size_t count;
    const char *tail;
    const char *expected; /* NULL: one record of so many bytes */
};

static enum ct_result test_limits(void)
{
    static const struct long_text texts[] = {
        {"", 'a', CT_CSV_MAX_BYTES, "\nb", NULL},
        {"", 'a', CT_CSV_MAX_BYTES + 1, "\nb", "1! 2[b] "},
        {"", 'a', 10 * CT_CSV_MAX_BYTES, "\nb", "1! 2[b] "},
        {"\"", 'a', 10 * CT_CSV_MAX_BYTES, "\nb", "1! 2[b] "},
        {"\"", '"', 2 * CT_CSV_MAX_BYTES, "\"\nb", NULL},
        {"\"x\ny\n", 'a', CT_CSV_MAX_BYTES, "\nb", "1! 2[y] "},
        {"", ',', CT_CSV_MAX_FIELDS, "\nb", "1! 2[b] "},
    };
    enum ct_result result = CT_OK;
    char *text = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const struct long_text *one = &texts[i];
        size_t head = strlen(one->head);
        size_t size = head + one->count + strlen(one->tail);
        free(text);
        text = malloc(size + 1);
        TRY_MEMORY(text);
        memcpy(text, one->head, head);
        memset(text + head, one->fill, one->count);
        memcpy(text + head + one->count, one->tail, strlen(one->tail) + 1);
        struct ct_buf out = ct_buf_in(arena);
        TRY(read_all((struct ct_str){text, size}, SIZE_MAX, false, &out));
        struct ct_str read = ct_buf_done(&out);
        TRY_MEMORY(out.failed ? NULL : out.at);
        if (one->expected == NULL)
            EXPECT(read.len == strlen("1[] 2[b] ") + CT_CSV_MAX_BYTES);
        else
            EXPECT(read.len >= strlen(one->expected) &&
                   memcmp(read.at, one->expected, strlen(one->expected)) == 0);
    }
out:
    free(text);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_writing(void)
{
    static const struct {
        const char *text;
        const char *plain;
        const char *foreign;
    } examples[] = {
        {"", "x,", "x,"},
        {"a b", "x,a b", "x,a b"},
        {"a,b", "x,\"a,b\"", "x,\"a,b\""},
        {"say \"hi\"", "x,\"say \"\"hi\"\"\"", "x,\"say \"\"hi\"\"\""},
        {"a\nb", "x,\"a\nb\"", "x,\"a\nb\""},
        {"=1+1", "x,=1+1", "x,'=1+1"},
        {"+1,2", "x,\"+1,2\"", "x,\"'+1,2\""},
        {"-1", "x,-1", "x,'-1"},
        {"@a", "x,@a", "x,'@a"},
        {"\ta", "x,\ta", "x,'\ta"},
        {"\ra", "x,\"\ra\"", "x,\"'\ra\""},
        {"a=1", "x,a=1", "x,a=1"},
    };
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        struct ct_buf plain = ct_buf_in(arena);
        struct ct_buf foreign = ct_buf_in(arena);
        ct_csv_add(&plain, true, CT_STR("x"));
        ct_csv_add(&plain, false, ct_str_of(examples[i].text));
        ct_csv_add_foreign(&foreign, true, CT_STR("x"));
        ct_csv_add_foreign(&foreign, false, ct_str_of(examples[i].text));
        struct ct_str written = ct_buf_done(&plain);
        struct ct_str shielded = ct_buf_done(&foreign);
        result = plain.failed || foreign.failed ? CT_NOMEM : CT_OK;
        if (result != CT_OK)
            goto out;
        EXPECT(ct_str_equal(written, ct_str_of(examples[i].plain)));
        EXPECT(ct_str_equal(shielded, ct_str_of(examples[i].foreign)));
    }
out:
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_reading),
        CT_UNIT(test_limits),
        CT_UNIT(test_writing),
    };
    return ct_unit_main("base/csv", units, sizeof(units) / sizeof(units[0]));
}
