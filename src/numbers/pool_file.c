#include "numbers/pool_file.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "numbers/e164.h"
#include "numbers/inventory.h"
#include "numbers/name.h"
#include "numbers/number_mask.h"
#include "numbers/pools.h"

#define NO_COLUMN SIZE_MAX
#define LINES_PER_REPORT 1000
/* How much of a wrong value is shown. */
#define SHOWN_BYTES 40
/* How many lines are judged in one read of the database. */
#define ENTRIES_PER_READ 1000

enum column { POOL, NUMBER, FIRST, LAST, COLUMNS };
static const char *const column_names[COLUMNS] = {"pool", "number", "first", "last"};

struct ct_file_entry {
    int64_t first;
    int64_t last;
    int64_t line;
    size_t pool;
};

/* Pools by their names: open addressing, never more than half full. */
struct names {
    size_t *slots; /* 1 + the index of a pool; 0 is free */
    size_t size;
};

struct reading {
    struct ct_arena *arena;
    struct ct_arena *brief; /* of the line */
    struct ct_plan *plan;
    size_t columns[COLUMNS];
    size_t column_count; /* of the file */
    struct ct_buf pools; /* of struct ct_file_pool */
    size_t pool_count;
    struct names names;
    struct ct_buf entries; /* of struct ct_file_entry */
    struct ct_buf bad;     /* of struct ct_bad_line */
};

/* ---- what is wrong with a line ---- */

static enum ct_result add_bad(struct ct_buf *bad, int64_t line, const char *why)
{
    if (why == NULL)
        return CT_NOMEM;
    const struct ct_bad_line entry = {line, ct_str_of(why)};
    ct_buf_add(bad, &entry, sizeof(entry));
    return bad->failed ? CT_NOMEM : CT_OK;
}

static bool is_told(const struct ct_buf *bad)
{
    return bad->len < CT_BAD_LINES_TOLD * sizeof(struct ct_bad_line);
}

/* A fault with a value, or with its beginning; NULL without memory. */
static const char *about(struct ct_arena *arena, const char *what, struct ct_str value,
                         const char *fault)
{
    struct ct_buf text = ct_buf_in(arena);
    ct_buf_printf(&text, "%s ", what);
    ct_buf_json(&text,
                (struct ct_str){value.at, value.len < SHOWN_BYTES ? value.len : SHOWN_BYTES});
    ct_buf_printf(&text, "%s %s", value.len > SHOWN_BYTES ? "..." : "", fault);
    const char *done = ct_buf_done(&text).at;
    return text.failed ? NULL : done;
}

/* ---- the pools of the file ---- */

static struct ct_file_pool *pool_at(const struct reading *reading, size_t index)
{
    return (struct ct_file_pool *)(void *)reading->pools.at + index;
}

static size_t *slot_of(const struct reading *reading, struct ct_str name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.at[i]) * UINT64_C(1099511628211);
    size_t at = (size_t)(hash >> 20) & (reading->names.size - 1);
    while (reading->names.slots[at] != 0 &&
           !ct_str_equal(pool_at(reading, reading->names.slots[at] - 1)->name, name))
        at = (at + 1) & (reading->names.size - 1);
    return &reading->names.slots[at];
}

static enum ct_result make_room(struct reading *reading)
{
    if (reading->pool_count * 2 < reading->names.size)
        return CT_OK;
    size_t size = reading->names.size == 0 ? 64 : reading->names.size * 4;
    reading->names.slots = ct_arena_alloc(reading->arena, size * sizeof(size_t));
    if (reading->names.slots == NULL)
        return CT_NOMEM;
    reading->names.size = size;
    for (size_t i = 0; i < reading->pool_count; i++)
        *slot_of(reading, pool_at(reading, i)->name) = i + 1;
    return CT_OK;
}

static enum ct_result find_pool(struct reading *reading, struct ct_str name, size_t *out)
{
    enum ct_result result = make_room(reading);
    if (result != CT_OK)
        return result;
    size_t *slot = slot_of(reading, name);
    if (*slot == 0) {
        const char *copy = ct_str_dup(reading->arena, name);
        const struct ct_file_pool pool = {.name = {copy, name.len}};
        ct_buf_add(&reading->pools, &pool, sizeof(pool));
        if (copy == NULL || reading->pools.failed)
            return CT_NOMEM;
        *slot = ++reading->pool_count;
    }
    *out = *slot - 1;
    return CT_OK;
}

/* ---- a line ---- */

static struct ct_str trimmed(struct ct_str text)
{
    while (text.len > 0 && (text.at[0] == ' ' || text.at[0] == '\t'))
        text = (struct ct_str){text.at + 1, text.len - 1};
    while (text.len > 0 && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static struct ct_str field_of(const struct reading *reading, const struct ct_csv_record *record,
                              enum column column)
{
    size_t index = reading->columns[column];
    return index == NO_COLUMN ? (struct ct_str){"", 0} : trimmed(record->fields[index]);
}

/* Reads a number; `fault` says why it is none. */
static enum ct_result read_number(struct reading *reading, enum column column, struct ct_str text,
                                  struct ct_str *out, const char **fault)
{
    enum ct_result result = ct_e164_normalize(reading->brief, text, out);
    if (result != CT_INVALID)
        return result;
    *fault = text.len == 0
                 ? ct_arena_printf(reading->arena, "%s is empty", column_names[column])
                 : about(reading->arena, column_names[column], text,
                         "is no phone number with its country calling code (+4930123456)");
    return *fault == NULL ? CT_NOMEM : CT_OK;
}

/* What is wrong with a range; `fault` stays NULL when nothing is. */
static enum ct_result judge_range(struct reading *reading, struct ct_str first, struct ct_str last,
                                  const char **fault)
{
    struct ct_plan_info from = {0};
    struct ct_plan_info to = {0};
    if (first.len != last.len)
        *fault = "last has another number of digits than first";
    else if (ct_number_digits(last) < ct_number_digits(first))
        *fault = "last is before first";
    else if (ct_number_digits(last) - ct_number_digits(first) >= CT_POOL_RANGE_MAX)
        *fault = "a range has 10,000,000 numbers at most";
    if (*fault != NULL || reading->plan == NULL)
        return CT_OK;
    enum ct_result result = ct_plan_describe(reading->plan, reading->brief, first, &from);
    if (result == CT_OK)
        result = ct_plan_describe(reading->plan, reading->brief, last, &to);
    if (result == CT_OK && from.calling_code != to.calling_code)
        *fault = "first and last have different country calling codes";
    return result == CT_UNAVAILABLE ? CT_OK : result;
}

static enum ct_result judge_numbers(struct reading *reading, const struct ct_csv_record *record,
                                    struct ct_file_entry *entry, const char **fault)
{
    struct ct_str number = field_of(reading, record, NUMBER);
    struct ct_str first = field_of(reading, record, FIRST);
    struct ct_str last = field_of(reading, record, LAST);
    if (number.len > 0 && (first.len > 0 || last.len > 0)) {
        *fault = "it has a number and a range: one of them";
        return CT_OK;
    }
    bool single = number.len > 0 ||
                  (first.len == 0 && last.len == 0 && reading->columns[NUMBER] != NO_COLUMN);
    enum ct_result result =
        read_number(reading, single ? NUMBER : FIRST, single ? number : first, &first, fault);
    if (result == CT_OK && *fault == NULL && !single) {
        result = read_number(reading, LAST, last, &last, fault);
        if (result == CT_OK && *fault == NULL)
            result = judge_range(reading, first, last, fault);
    }
    if (result == CT_OK && *fault == NULL) {
        entry->first = ct_number_digits(first);
        entry->last = single ? entry->first : ct_number_digits(last);
    }
    return result;
}

static enum ct_result judge_record(struct reading *reading, const struct ct_csv_record *record)
{
    struct ct_file_entry entry = {.line = record->line};
    const char *fault = record->fault;
    enum ct_result result = CT_OK;
    if (fault == NULL && record->count != reading->column_count) {
        fault = ct_arena_printf(reading->arena, "it has %zu fields where the first line has %zu",
                                record->count, reading->column_count);
        if (fault == NULL)
            return CT_NOMEM;
    }
    if (fault == NULL) {
        struct ct_str plain = {0};
        struct ct_str name = field_of(reading, record, POOL);
        result = name.len == 0 || ct_utf8_length(name) > CT_NAME_MAX
                     ? CT_INVALID
                     : ct_name_normalize(reading->brief, name, &plain);
        if (result == CT_INVALID)
            fault = "pool must be a name of 1 to 64 characters, without control characters";
        else if (result == CT_OK)
            result = judge_numbers(reading, record, &entry, &fault);
        if (result == CT_OK && fault == NULL)
            result = find_pool(reading, plain, &entry.pool);
    }
    if (fault != NULL)
        return result == CT_NOMEM ? CT_NOMEM : add_bad(&reading->bad, record->line, fault);
    ct_buf_add(&reading->entries, &entry, sizeof(entry));
    return result == CT_OK && reading->entries.failed ? CT_NOMEM : result;
}

static enum ct_result judge_line(struct reading *reading, const struct ct_csv_record *record)
{
    alignas(max_align_t) char memory[4 * CT_ARENA_ROOM];
    reading->brief = ct_arena_in(memory, sizeof(memory));
    if (reading->brief == NULL)
        return CT_NOMEM;
    enum ct_result result = judge_record(reading, record);
    ct_arena_free(reading->brief);
    return result;
}

static bool is_empty(const struct ct_csv_record *record)
{
    for (size_t i = 0; i < record->count; i++) {
        if (record->fields[i].len > 0)
            return false;
    }
    return record->fault == NULL;
}

/* ---- the first line ---- */

static enum ct_result read_header(struct reading *reading, struct ct_csv *csv, const char **why)
{
    struct ct_csv_record record;
    enum ct_result result = ct_csv_next(csv, &record);
    if (result != CT_ROW) {
        *why = "the file is empty";
        return result == CT_OK ? CT_INVALID : result;
    }
    *why = record.fault;
    reading->column_count = record.count;
    for (int column = 0; column < COLUMNS; column++) {
        reading->columns[column] = NO_COLUMN;
        for (size_t i = 0; i < record.count; i++) {
            if (!ct_str_equal_nocase(trimmed(record.fields[i]), ct_str_of(column_names[column])))
                continue;
            if (reading->columns[column] != NO_COLUMN)
                *why = "a column is there twice";
            reading->columns[column] = i;
        }
    }
    bool has_range = reading->columns[FIRST] != NO_COLUMN && reading->columns[LAST] != NO_COLUMN;
    if (*why == NULL && (reading->columns[POOL] == NO_COLUMN ||
                         (reading->columns[NUMBER] == NO_COLUMN && !has_range)))
        *why = "the first line must name the columns pool, and number or first and last, separated "
               "by commas";
    return *why == NULL ? CT_OK : CT_INVALID;
}

/* ---- all lines against each other ---- */

static int compare_numbers(const void *a, const void *b)
{
    const struct ct_file_entry *left = a;
    const struct ct_file_entry *right = b;
    if (left->first != right->first)
        return left->first < right->first ? -1 : 1;
    return left->line < right->line ? -1 : left->line > right->line;
}

static int compare_pools(const void *a, const void *b)
{
    const struct ct_file_entry *left = a;
    const struct ct_file_entry *right = b;
    if (left->pool != right->pool)
        return left->pool < right->pool ? -1 : 1;
    return compare_numbers(a, b);
}

static int compare_lines(const void *a, const void *b)
{
    const struct ct_bad_line *left = a;
    const struct ct_bad_line *right = b;
    return left->line < right->line ? -1 : left->line > right->line;
}

/* Brings the bad lines into order, each once. */
static void settle_bad(struct ct_bad_line *bad, size_t *count)
{
    size_t kept = 0;
    if (*count == 0)
        return;
    qsort(bad, *count, sizeof(*bad), compare_lines);
    for (size_t i = 1; i < *count; i++) {
        if (bad[i].line != bad[kept].line)
            bad[++kept] = bad[i];
    }
    *count = kept + 1;
}

/* The entries are in the order of their numbers. Of two that overlap the later line is the bad one. */
static enum ct_result find_overlaps(struct reading *reading, const struct ct_file_entry *entries,
                                    size_t count)
{
    enum ct_result result = CT_OK;
    size_t farthest = 0; /* the entry that reaches farthest so far */
    for (size_t i = 1; result == CT_OK && i < count; i++) {
        const struct ct_file_entry *here = &entries[i];
        const struct ct_file_entry *there = &entries[farthest];
        if (here->first <= there->last) {
            int64_t line = here->line > there->line ? here->line : there->line;
            int64_t other = here->line > there->line ? there->line : here->line;
            const char *fault = "a number is there twice";
            if (is_told(&reading->bad))
                fault = ct_arena_printf(reading->arena, "+%lld is also on line %lld",
                                        (long long)here->first, (long long)other);
            result = add_bad(&reading->bad, line, fault);
        }
        if (here->last > there->last)
            farthest = i;
    }
    return result;
}

static enum ct_result make_pools(struct reading *reading, struct ct_file_entry *entries,
                                 size_t count, struct ct_pool_file *out)
{
    struct ct_pool_piece *pieces = ct_arena_alloc(reading->arena, count * sizeof(*pieces));
    enum ct_result result = pieces == NULL ? CT_NOMEM : CT_OK;
    qsort(entries, count, sizeof(*entries), compare_pools);
    for (size_t i = 0, end; result == CT_OK && i < count; i = end) {
        struct ct_file_pool *pool = &out->pools[entries[i].pool];
        for (end = i; end < count && entries[end].pool == entries[i].pool; end++)
            pieces[end] =
                (struct ct_pool_piece){.first = entries[end].first, .last = entries[end].last};
        ct_pool_pieces_sort(pieces + i, end - i, &pool->pieces);
        out->size += pool->pieces.size;
        result = ct_pool_pieces_describe(reading->plan, reading->arena, &pool->pieces);
    }
    qsort(entries, count, sizeof(*entries), compare_numbers);
    return result;
}

enum ct_result ct_pool_file_read(struct ct_arena *arena, struct ct_csv *csv, struct ct_plan *plan,
                                 ct_file_progress *progress, void *ctx, struct ct_pool_file *out,
                                 const char **why)
{
    struct reading reading = {.arena = arena,
                              .plan = plan,
                              .pools = ct_buf_in(arena),
                              .entries = ct_buf_in(arena),
                              .bad = ct_buf_in(arena)};
    struct ct_csv_record record;
    int64_t count = 0;
    *why = NULL;
    *out = (struct ct_pool_file){0};
    enum ct_result result = read_header(&reading, csv, why);
    if (result != CT_OK)
        return result;
    while (result == CT_OK && (result = ct_csv_next(csv, &record)) == CT_ROW) {
        result = is_empty(&record) ? CT_OK : judge_line(&reading, &record);
        if (progress != NULL && ++count % LINES_PER_REPORT == 0)
            progress(ctx, record.line);
    }
    if (result != CT_OK)
        return result;
    out->pools = (struct ct_file_pool *)(void *)reading.pools.at;
    out->pool_count = reading.pool_count;
    out->entries = (struct ct_file_entry *)(void *)reading.entries.at;
    out->entry_count = reading.entries.len / sizeof(*out->entries);
    if (out->entry_count > 0) {
        qsort(out->entries, out->entry_count, sizeof(*out->entries), compare_numbers);
        result = find_overlaps(&reading, out->entries, out->entry_count);
    }
    if (result == CT_OK && out->entry_count > 0 && reading.bad.len == 0)
        result = make_pools(&reading, out->entries, out->entry_count, out);
    out->bad = (struct ct_bad_line *)(void *)reading.bad.at;
    out->bad_count = reading.bad.len / sizeof(*out->bad);
    settle_bad(out->bad, &out->bad_count);
    return result;
}

/* ---- against the pools that exist ---- */

static enum ct_result judge_name(struct ct_db *db, struct ct_str name, int64_t import_id, bool *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, "SELECT 1 FROM number_pools WHERE name = $1 AND coalesce(import_id, 0) <> $2", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, name);
    ct_bind_int(stmt, 2, import_id == 0 ? -1 : import_id);
    result = ct_step(stmt);
    *out = result == CT_ROW;
    return result == CT_ROW ? CT_OK : result;
}

static enum ct_result judge_entry(struct ct_arena *arena, struct ct_db *db, int64_t import_id,
                                  const struct ct_pool_file *file,
                                  const struct ct_file_entry *entry, struct ct_buf *bad)
{
    struct ct_str name = file->pools[entry->pool].name;
    bool taken = false;
    int64_t number = 0;
    enum ct_result result = judge_name(db, name, import_id, &taken);
    if (result != CT_OK)
        return result;
    if (taken)
        return add_bad(bad, entry->line,
                       is_told(bad) ? about(arena, "the pool", name, "exists already") : "");
    struct ct_str other;
    struct ct_arena *brief = ct_arena_new();
    if (brief == NULL)
        return CT_NOMEM;
    result = ct_pool_overlap(brief, db, entry->first, entry->last, import_id, &number, &other);
    if (result == CT_OK && number != 0) {
        const char *in = other.at == NULL ? "is in a pool that is being imported or deleted"
                                          : about(arena, "is in the pool", other, "already");
        result =
            add_bad(bad, entry->line,
                    in == NULL ? NULL : ct_arena_printf(arena, "+%lld %s", (long long)number, in));
    }
    ct_arena_free(brief);
    return result;
}

enum ct_result ct_pool_file_judge(struct ct_arena *arena, struct ct_store *store, int64_t import_id,
                                  struct ct_pool_file *file)
{
    struct ct_buf bad = ct_buf_in(arena);
    enum ct_result result = CT_OK;
    if (file->bad_count > 0)
        ct_buf_add(&bad, file->bad, file->bad_count * sizeof(*file->bad));
    for (size_t i = 0; result == CT_OK && i < file->entry_count;) {
        struct ct_db *db;
        result = ct_store_read_begin(store, &db);
        if (result != CT_OK)
            return result;
        size_t end = i + ENTRIES_PER_READ;
        for (; result == CT_OK && i < file->entry_count && i < end; i++)
            result = judge_entry(arena, db, import_id, file, &file->entries[i], &bad);
        ct_store_read_end(db);
    }
    if (result != CT_OK || bad.failed)
        return result == CT_OK ? CT_NOMEM : result;
    file->bad = (struct ct_bad_line *)(void *)bad.at;
    file->bad_count = bad.len / sizeof(*file->bad);
    settle_bad(file->bad, &file->bad_count);
    return CT_OK;
}
