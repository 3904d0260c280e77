#include "numbers/pool_import.h"

#include <time.h>

#include "accounts/audit.h"
#include "base/clock.h"
#include "numbers/number_set.h"
#include "numbers/pool_discard.h"
#include "numbers/pools.h"
#include "store/migrations.h"

/* How much one step brings in: some milliseconds of work. */
#define STEP_BLOCKS 500
#define STEP_PIECES 2000

#define DIGEST_TEXT (2 * (size_t)CT_SHA256_BYTES)

static void write_digest(const uint8_t sha256[CT_SHA256_BYTES], char out[DIGEST_TEXT])
{
    for (size_t i = 0; i < DIGEST_TEXT; i++)
        out[i] = "0123456789abcdef"[(sha256[i / 2] >> (i % 2 == 0 ? 4 : 0)) & 15];
}

/* ---- deleting what is not to be seen ---- */

struct discarding {
    int64_t id;
    bool more;
};

static enum ct_result give_up(void *ctx, struct ct_db *db)
{
    const struct discarding *discarding = ctx;
    return ct_pool_discard_import(db, discarding->id);
}

static enum ct_result discard_some(void *ctx, struct ct_db *db)
{
    struct discarding *discarding = ctx;
    return ct_pool_discard_some(db, discarding->id, CT_DISCARD_ROWS, &discarding->more);
}

void ct_pool_import_rest(int64_t since_us)
{
    int64_t us = ct_clock_monotonic_us() - since_us;
    const struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    (void)nanosleep(&pause, NULL);
}

enum ct_result ct_pool_import_discard(struct ct_store *store, int64_t id)
{
    struct discarding discarding = {.id = id, .more = true};
    enum ct_result result = ct_store_write(store, give_up, &discarding);
    while (result == CT_OK && discarding.more) {
        int64_t since_us = ct_clock_monotonic_us();
        result = ct_store_write(store, discard_some, &discarding);
        ct_pool_import_rest(since_us);
    }
    return result;
}

/* ---- finding ---- */

struct finding {
    char digest[DIGEST_TEXT];
    int64_t id;       /* of this file; 0: none */
    int64_t other_id; /* of another file; 0: none */
    int64_t other_touched_at;
};

static enum ct_result find(struct ct_db *db, struct finding *finding)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT id, touched_at, CASE WHEN sha256 = $1 THEN 1 ELSE 0 END "
                    "FROM pool_imports ORDER BY touched_at",
                    &stmt);
    if (result != CT_OK)
        return result;
    finding->id = finding->other_id = 0;
    ct_bind_str(stmt, 1, (struct ct_str){finding->digest, sizeof(finding->digest)});
    while ((result = ct_step(stmt)) == CT_ROW) {
        if (ct_column_int(stmt, 2) == 1) {
            finding->id = ct_column_int(stmt, 0);
        } else {
            finding->other_id = ct_column_int(stmt, 0);
            finding->other_touched_at = ct_column_int(stmt, 1);
        }
    }
    return result;
}

enum ct_result ct_pool_import_find(struct ct_store *store, const uint8_t sha256[CT_SHA256_BYTES],
                                   int64_t now_ms, int64_t *id)
{
    struct finding finding;
    struct ct_db *db;
    write_digest(sha256, finding.digest);
    for (;;) {
        enum ct_result result = ct_store_read_begin(store, &db);
        if (result != CT_OK)
            return result;
        result = find(db, &finding);
        ct_store_read_end(db);
        if (result != CT_OK)
            return result;
        if (finding.other_id == 0)
            break;
        if (finding.other_touched_at > now_ms - CT_IMPORT_IDLE_MS)
            return CT_BUSY;
        result = ct_pool_import_discard(store, finding.other_id);
        if (result != CT_OK)
            return result;
    }
    *id = finding.id;
    return CT_OK;
}

/* ---- beginning, or going on ---- */

struct beginning {
    struct ct_pool_import *import;
    char digest[DIGEST_TEXT];
    int64_t now_ms;
};

static enum ct_result find_row(struct ct_db *db, const struct beginning *beginning)
{
    struct ct_pool_import *import = beginning->import;
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "INSERT INTO pool_imports (id, sha256, steps, touched_at) "
                    "SELECT coalesce(max(id), 0) + 1, $1, 0, $2 FROM pool_imports WHERE true "
                    "ON CONFLICT (sha256) DO UPDATE SET steps = pool_imports.steps + 1, "
                    "touched_at = $2 RETURNING id, steps",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, (struct ct_str){beginning->digest, sizeof(beginning->digest)});
    ct_bind_int(stmt, 2, beginning->now_ms);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    import->id = ct_column_int(stmt, 0);
    import->steps = ct_column_int(stmt, 1);
    return ct_run(stmt);
}

/* The pools come in in their order: the last one is the one that may lack something. */
static enum ct_result find_place(struct ct_db *db, struct ct_pool_import *import)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "SELECT count(*), max(id) FROM number_pools WHERE import_id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, import->id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    int64_t begun = ct_column_int(stmt, 0);
    int64_t pool_id = ct_column_int(stmt, 1);
    if (begun == 0)
        return CT_OK;
    if (begun > (int64_t)import->file->pool_count)
        return CT_BUG;
    result = ct_db_query(db, "SELECT max(last) FROM pool_ranges WHERE pool_id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, pool_id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    import->pool = (size_t)begun - 1;
    import->reached = ct_column_int(stmt, 0);
    return CT_OK;
}

/* How many numbers of the file are in. */
static int64_t count_done(const struct ct_pool_import *import)
{
    const struct ct_pool_file *file = import->file;
    int64_t done = 0;
    for (size_t i = 0; i < import->pool; i++)
        done += file->pools[i].pieces.size;
    const struct ct_pool_pieces *pieces = &file->pools[import->pool].pieces;
    for (size_t i = 0; i < pieces->count && pieces->at[i].first <= import->reached; i++) {
        int64_t last = pieces->at[i].last < import->reached ? pieces->at[i].last : import->reached;
        done += last - pieces->at[i].first + 1;
    }
    return done;
}

static enum ct_result begin(void *ctx, struct ct_db *db)
{
    const struct beginning *beginning = ctx;
    struct ct_pool_import *import = beginning->import;
    import->pool = 0;
    import->reached = 0;
    enum ct_result result = find_row(db, beginning);
    if (result == CT_OK)
        result = find_place(db, import);
    if (result == CT_OK)
        import->done = count_done(import);
    return result;
}

enum ct_result ct_pool_import_begin(struct ct_pool_import *import,
                                    const uint8_t sha256[CT_SHA256_BYTES], int64_t now_ms)
{
    struct beginning beginning = {.import = import, .now_ms = now_ms};
    write_digest(sha256, beginning.digest);
    return ct_store_write(import->store, begin, &beginning);
}

/* ---- a step ---- */

struct stepping {
    struct ct_pool_import *import;
    struct ct_pool_import after; /* what it is when the step is on disk */
    int64_t now_ms;
};

/* Notes that this process takes the next step. */
static enum ct_result take_step(struct ct_db *db, struct ct_pool_import *after, int64_t now_ms)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db,
                                        "UPDATE pool_imports SET steps = $2, touched_at = $3 "
                                        "WHERE id = $1 AND steps = $2 - 1 RETURNING id",
                                        &stmt);
    if (result != CT_OK)
        return result;
    after->steps++;
    ct_bind_int(stmt, 1, after->id);
    ct_bind_int(stmt, 2, after->steps);
    ct_bind_int(stmt, 3, now_ms);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUSY : result;
    return ct_run(stmt);
}

static enum ct_result pool_of_import(struct ct_db *db, const struct ct_pool_import *import,
                                     int64_t now_ms, int64_t *id)
{
    const struct ct_file_pool *pool = &import->file->pools[import->pool];
    const struct ct_pool_new new_pool = {
        .name = pool->name, .pieces = &pool->pieces, .created_at = now_ms, .import_id = import->id};
    struct ct_stmt *stmt;
    if (import->reached == 0)
        return ct_pool_begin(db, &new_pool, id);
    enum ct_result result =
        ct_db_query(db, "SELECT id FROM number_pools WHERE name = $1 AND import_id = $2", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, pool->name);
    ct_bind_int(stmt, 2, import->id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *id = ct_column_int(stmt, 0);
    return CT_OK;
}

/* The first piece that is not in yet, by halving. */
static size_t next_piece(const struct ct_pool_pieces *pieces, int64_t reached)
{
    size_t low = 0;
    size_t high = pieces->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pieces->at[middle].last <= reached)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Cuts what of a piece is to be brought in next: behind `reached`, and at most so many blocks. */
static struct ct_pool_piece cut(const struct ct_pool_piece *piece, int64_t reached, int64_t blocks)
{
    struct ct_pool_piece part = *piece;
    if (part.first <= reached)
        part.first = reached + 1;
    int64_t end = (ct_number_block(part.first) + blocks) * CT_BLOCK_SIZE - 1;
    if (part.last > end)
        part.last = end;
    return part;
}

static enum ct_result step(void *ctx, struct ct_db *db)
{
    struct stepping *stepping = ctx;
    struct ct_pool_import *after = &stepping->after;
    struct ct_pool_piece parts[STEP_PIECES];
    *after = *stepping->import;
    int64_t blocks = 0;
    size_t count = 0;
    enum ct_result result = take_step(db, after, stepping->now_ms);
    while (result == CT_OK && after->pool < after->file->pool_count && blocks < STEP_BLOCKS &&
           count < STEP_PIECES) {
        const struct ct_pool_pieces *pieces = &after->file->pools[after->pool].pieces;
        size_t from = count;
        size_t at = next_piece(pieces, after->reached);
        int64_t pool_id = 0;
        result = pool_of_import(db, after, stepping->now_ms, &pool_id);
        while (at < pieces->count && blocks < STEP_BLOCKS && count < STEP_PIECES) {
            struct ct_pool_piece part = cut(&pieces->at[at], after->reached, STEP_BLOCKS - blocks);
            parts[count++] = part;
            blocks += ct_number_block(part.last) - ct_number_block(part.first) + 1;
            after->done += part.last - part.first + 1;
            after->reached = part.last;
            if (part.last == pieces->at[at].last)
                at++;
        }
        if (result == CT_OK)
            result =
                ct_pool_add(db, pool_id, parts + from, count - from, &stepping->import->overlap);
        if (at == pieces->count) {
            after->pool++;
            after->reached = 0;
        }
    }
    return result;
}

enum ct_result ct_pool_import_step(struct ct_pool_import *import, int64_t now_ms)
{
    struct stepping stepping = {.import = import, .now_ms = now_ms};
    import->overlap = 0;
    enum ct_result result = ct_store_write(import->store, step, &stepping);
    if (result != CT_OK)
        return result;
    *import = stepping.after;
    return import->pool < import->file->pool_count ? CT_ROW : CT_OK;
}

/* ---- the end ---- */

static enum ct_result audit(struct ct_db *db, struct ct_stmt *stmt, int64_t now_ms)
{
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    struct ct_audit entry = {.action = CT_AUDIT_POOL_CREATED, .target_id = ct_column_int(stmt, 0)};
    enum ct_result result = ct_column_str(stmt, 1, arena, &entry.detail);
    if (result == CT_OK)
        result = ct_audit_write(db, now_ms, &entry);
    ct_arena_free(arena);
    return result;
}

static enum ct_result finish(void *ctx, struct ct_db *db)
{
    const struct stepping *stepping = ctx;
    struct ct_pool_import after = *stepping->import;
    struct ct_stmt *stmt;
    enum ct_result result = take_step(db, &after, stepping->now_ms);
    if (result == CT_OK)
        result = ct_db_query(
            db, "SELECT id, name FROM number_pools WHERE import_id = $1 ORDER BY id", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, after.id);
    while ((result = ct_step(stmt)) == CT_ROW) {
        result = audit(db, stmt, stepping->now_ms);
        if (result != CT_OK)
            return result;
    }
    if (result == CT_OK)
        result = ct_db_query(db,
                             "UPDATE number_pools SET import_id = NULL, created_at = $2 "
                             "WHERE import_id = $1",
                             &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, after.id);
    ct_bind_int(stmt, 2, stepping->now_ms);
    result = ct_run(stmt);
    if (result == CT_OK)
        result = ct_db_query(db, "DELETE FROM pool_imports WHERE id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, after.id);
    return ct_run(stmt);
}

enum ct_result ct_pool_import_finish(struct ct_pool_import *import, int64_t now_ms)
{
    struct stepping stepping = {.import = import, .now_ms = now_ms};
    return ct_store_write(import->store, finish, &stepping);
}
