#include "store/tables.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* So many rows are read and written at a time. */
#define PAGE_ROWS 500
#define MAX_COLUMNS 32
#define MAX_KEYS 2

struct ct_table {
    const char *name;
    size_t keys; /* how many of the columns are the primary key, which come first */
    const char *columns;
    const char *types; /* a letter for each column */
    const char *count;
    const char *behind; /* a page of the rows behind a key */
    const char *last;   /* the last key */
    const char *insert;
};

static const struct ct_table declared[] = {
#define CT_TABLE(table, key_count, column_names, column_types) \
    {.name = (table), .keys = (key_count), .columns = (column_names), .types = (column_types)},
#include "store/tables.def"
#undef CT_TABLE
};
#define TABLE_COUNT (sizeof(declared) / sizeof(declared[0]))

/* A column of a row. */
struct cell {
    bool is_null;
    int64_t number;
    struct ct_str text;
};

struct page {
    const struct ct_table *table;
    struct ct_arena *arena; /* of the cells and their texts */
    struct cell *cells;     /* row by row */
    size_t rows;
};

/* ---- the statements ---- */

static enum ct_result make_statements(struct ct_arena *arena, struct ct_table *table)
{
    static const char parameters[] = "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
                                     "$15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, "
                                     "$27, $28, $29, $30, $31, $32";
    size_t count = strlen(table->types);
    assert(count <= MAX_COLUMNS && table->keys <= MAX_KEYS);
    size_t length = count < 10 ? 4 * count - 2 : 34 + 5 * (count - 9);
    const char *first_end = strchr(table->columns, ',');
    int first = (int)(first_end - table->columns);
    const char *keys = ct_str_dup(arena, (struct ct_str){table->columns, (size_t)first});
    const char *down = ct_arena_printf(arena, "%s DESC", keys == NULL ? "" : keys);
    const char *condition = ct_arena_printf(arena, "%s > $1", keys == NULL ? "" : keys);
    const char *limit = "$2";
    if (table->keys == 2) {
        const char *second = first_end + 2;
        int size = (int)(strchr(second, ',') - second);
        keys = ct_arena_printf(arena, "%.*s, %.*s", first, table->columns, size, second);
        down = ct_arena_printf(arena, "%.*s DESC, %.*s DESC", first, table->columns, size, second);
        condition = ct_arena_printf(arena, "(%s) > ($1, $2)", keys == NULL ? "" : keys);
        limit = "$3";
    }
    if (keys == NULL || down == NULL || condition == NULL)
        return CT_NOMEM;
    table->count = ct_arena_printf(arena, "SELECT count(*) FROM %s", table->name);
    table->behind = ct_arena_printf(arena, "SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT %s",
                                    table->columns, table->name, condition, keys, limit);
    table->last =
        ct_arena_printf(arena, "SELECT %s FROM %s ORDER BY %s LIMIT 1", keys, table->name, down);
    table->insert =
        ct_arena_printf(arena, "INSERT INTO %s (%s) VALUES (%.*s)%s", table->name, table->columns,
                        (int)length, parameters,
                        ct_table_is_counters(table)
                            ? " ON CONFLICT (table_name) DO UPDATE SET last_id = excluded.last_id"
                            : "");
    return table->count == NULL || table->behind == NULL || table->last == NULL ||
                   table->insert == NULL
               ? CT_NOMEM
               : CT_OK;
}

enum ct_result ct_tables_make(struct ct_arena *arena, const struct ct_table **out,
                              size_t *out_count)
{
    struct ct_table *tables = ct_arena_alloc(arena, sizeof(declared));
    if (tables == NULL)
        return CT_NOMEM;
    memcpy(tables, declared, sizeof(declared));
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        enum ct_result result = make_statements(arena, &tables[i]);
        if (result != CT_OK)
            return result;
    }
    *out = tables;
    *out_count = TABLE_COUNT;
    return CT_OK;
}

const struct ct_table *ct_table_at(const struct ct_table *tables, size_t index)
{
    return &tables[index];
}

const char *ct_table_name(const struct ct_table *table)
{
    return table->name;
}

bool ct_table_is_counters(const struct ct_table *table)
{
    return strcmp(table->name, "last_ids") == 0;
}

/* ---- rows ---- */

static void bind(struct ct_stmt *stmt, int index, char type, const struct cell *cell)
{
    if (cell->is_null)
        ct_bind_null(stmt, index);
    else if (type == 'i')
        ct_bind_int(stmt, index, cell->number);
    else
        ct_bind_str(stmt, index, cell->text);
}

static enum ct_result read_cells(struct ct_stmt *stmt, const char *types, size_t count,
                                 struct ct_arena *arena, struct cell *out)
{
    for (size_t i = 0; i < count; i++) {
        struct cell *cell = &out[i];
        *cell = (struct cell){.is_null = ct_column_is_null(stmt, (int)i)};
        if (cell->is_null)
            continue;
        if (types[i] == 'i') {
            cell->number = ct_column_int(stmt, (int)i);
            continue;
        }
        enum ct_result result = ct_column_str(stmt, (int)i, arena, &cell->text);
        if (result != CT_OK)
            return result;
    }
    return CT_OK;
}

/* The key in front of all others. */
static void before_all(struct cell key[MAX_KEYS])
{
    for (size_t i = 0; i < MAX_KEYS; i++)
        key[i] = (struct cell){.number = INT64_MIN, .text = CT_STR("")};
}

/* The last key of a table, or the one before all. */
static enum ct_result last_key(struct ct_store *store, const struct ct_table *table,
                               struct ct_arena *arena, struct cell key[MAX_KEYS])
{
    struct ct_db *db;
    struct ct_stmt *stmt;
    before_all(key);
    enum ct_result result = ct_store_read_begin(store, &db);
    if (result != CT_OK)
        return result;
    result = ct_db_query(db, table->last, &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result == CT_ROW)
        result = read_cells(stmt, table->types, table->keys, arena, key);
    ct_store_read_end(db);
    return result;
}

/* Reads the rows behind a key, @p limit at most. */
static enum ct_result read_page(struct ct_store *store, const struct cell key[MAX_KEYS],
                                int64_t limit, struct page *page)
{
    const struct ct_table *table = page->table;
    const size_t columns = strlen(table->types);
    struct ct_db *db;
    struct ct_stmt *stmt;
    page->rows = 0;
    page->cells = ct_arena_alloc(page->arena, PAGE_ROWS * columns * sizeof(*page->cells));
    if (page->cells == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_store_read_begin(store, &db);
    if (result != CT_OK)
        return result;
    result = ct_db_query(db, table->behind, &stmt);
    if (result == CT_OK) {
        for (size_t i = 0; i < table->keys; i++)
            bind(stmt, (int)i + 1, table->types[i], &key[i]);
        ct_bind_int(stmt, (int)table->keys + 1, limit < PAGE_ROWS ? limit : PAGE_ROWS);
        result = ct_step(stmt);
    }
    while (result == CT_ROW) {
        result = read_cells(stmt, table->types, columns, page->arena,
                            &page->cells[page->rows * columns]);
        if (result != CT_OK)
            break;
        page->rows++;
        result = ct_step(stmt);
    }
    ct_store_read_end(db);
    return result;
}

/* Goes on to the key of a page's last row, whose texts are copied. */
static enum ct_result go_on(const struct page *page, struct ct_arena *arena,
                            struct cell key[MAX_KEYS])
{
    const struct cell *last = &page->cells[(page->rows - 1) * strlen(page->table->types)];
    for (size_t i = 0; i < page->table->keys; i++) {
        key[i] = last[i];
        if (page->table->types[i] != 't')
            continue;
        key[i].text.at = ct_arena_copy(arena, last[i].text.at, last[i].text.len);
        if (key[i].text.at == NULL)
            return CT_NOMEM;
    }
    return CT_OK;
}

/* A job of the writer: the rows of a page. */
static enum ct_result write_page(void *ctx, struct ct_db *db)
{
    const struct page *page = ctx;
    const char *types = page->table->types;
    const size_t columns = strlen(types);
    for (size_t row = 0; row < page->rows; row++) {
        struct ct_stmt *stmt;
        enum ct_result result = ct_db_query(db, page->table->insert, &stmt);
        if (result != CT_OK)
            return result;
        for (size_t i = 0; i < columns; i++)
            bind(stmt, (int)i + 1, types[i], &page->cells[row * columns + i]);
        result = ct_send(stmt);
        if (result != CT_OK)
            return result;
    }
    return ct_settle(db);
}

/* ---- sums ---- */

static void add_cell(struct ct_sha256 *hash, char type, const struct cell *cell)
{
    char head[32];
    int length = cell->is_null ? snprintf(head, sizeof(head), "n")
                 : type == 'i' ? snprintf(head, sizeof(head), "i%lld;", (long long)cell->number)
                               : snprintf(head, sizeof(head), "t%zu:", cell->text.len);
    ct_sha256_update(hash, head, (size_t)length);
    if (!cell->is_null && type == 't')
        ct_sha256_update(hash, cell->text.at, cell->text.len);
}

static void add_page(struct ct_sha256 *hash, const struct page *page)
{
    const char *types = page->table->types;
    const size_t columns = strlen(types);
    for (size_t i = 0; i < page->rows * columns; i++)
        add_cell(hash, types[i % columns], &page->cells[i]);
}

/* ---- what the header promises ---- */

/* Goes through the rows behind a key page by page, in @p to or into @p hash. */
static enum ct_result walk(struct ct_store *from, struct ct_store *to, const struct ct_table *table,
                           struct cell key[MAX_KEYS], int64_t limit, struct ct_sha256 *hash,
                           ct_table_shown *shown, void *ctx, int64_t *out_rows)
{
    enum ct_result result = CT_OK;
    struct ct_arena *key_arena = NULL; /* of the page before, and of its last key */
    int64_t rows = 0;
    while (result == CT_OK && rows < limit) {
        struct page page = {.table = table, .arena = ct_arena_new()};
        if (page.arena == NULL) {
            result = CT_NOMEM;
            break;
        }
        result = read_page(from, key, limit - rows, &page);
        if (result == CT_OK && page.rows > 0 && to != NULL)
            result = ct_store_write(to, write_page, &page);
        if (result == CT_OK && page.rows > 0 && hash != NULL)
            add_page(hash, &page);
        bool over = result != CT_OK || page.rows == 0;
        if (!over)
            result = go_on(&page, page.arena, key);
        ct_arena_free(key_arena);
        key_arena = page.arena;
        if (over)
            break;
        rows += (int64_t)page.rows;
        shown(ctx, (int64_t)page.rows);
    }
    ct_arena_free(key_arena);
    *out_rows = rows;
    return result;
}

enum ct_result ct_table_count(struct ct_store *store, const struct ct_table *table, int64_t *out)
{
    struct ct_db *db;
    struct ct_stmt *stmt;
    enum ct_result result = ct_store_read_begin(store, &db);
    if (result != CT_OK)
        return result;
    result = ct_db_query(db, table->count, &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    if (result == CT_ROW) {
        *out = ct_column_int(stmt, 0);
        result = CT_OK;
    }
    ct_store_read_end(db);
    return result;
}

enum ct_result ct_table_sum(struct ct_store *store, const struct ct_table *table, int64_t limit,
                            ct_table_shown *shown, void *ctx, struct ct_table_sum *out)
{
    struct ct_sha256 hash;
    struct cell key[MAX_KEYS];
    before_all(key);
    ct_sha256_init(&hash);
    enum ct_result result = walk(store, NULL, table, key, limit, &hash, shown, ctx, &out->rows);
    ct_sha256_digest(&hash, out->sha256);
    return result;
}

enum ct_result ct_table_copy(struct ct_store *from, struct ct_store *to,
                             const struct ct_table *table, ct_table_shown *shown, void *ctx)
{
    struct cell key[MAX_KEYS];
    struct ct_arena *arena = ct_arena_new();
    int64_t rows;
    if (arena == NULL)
        return CT_NOMEM;
    before_all(key);
    enum ct_result result = CT_OK;
    if (!ct_table_is_counters(table))
        result = last_key(to, table, arena, key);
    if (result == CT_OK)
        result = walk(from, to, table, key, INT64_MAX, NULL, shown, ctx, &rows);
    ct_arena_free(arena);
    return result;
}
