#include "simulator/archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulator/exchange.h"
#include "voice/call_log_parts.h"

enum ct_result __wrap_ct_store_submit(struct ct_store *store, struct ct_job *job);

/* That of the world that is lived through: a store has no room for whose it is. */
static struct archive *current;

/* ---- writes ---- */

static bool plant_once(struct archive *archive, enum fault fault)
{
    if (archive->fault != fault || archive->fault_done)
        return false;
    archive->fault_done = true;
    return true;
}

static enum ct_result run_and_fail(void *ctx, struct ct_db *db)
{
    struct ct_job *job = ctx;
    enum ct_result result = job->run(job->ctx, db);

    return result == CT_OK ? CT_UNAVAILABLE : result;
}

static enum ct_result run_sql(void *ctx, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, ctx, &stmt);

    return result == CT_OK ? ct_run(stmt) : result;
}

static void write_copy(struct archive *archive)
{
    static char sql[] =
        "INSERT INTO calls (id, call_key, node, from_number, to_number, status, started_at) SELECT "
        "id + 1000000, 'copy', node, from_number, to_number, status, started_at FROM calls LIMIT "
        "1";

    if (ct_store_write(archive->scratch.store, run_sql, sql) != CT_OK)
        abort();
}

static enum ct_result run(struct archive *archive, const struct archive_write *write)
{
    struct ct_store *store = archive->scratch.store;
    struct ct_job *job = write->job;
    enum ct_result result;

    archive->steps++;
    if (write->fate == ARCHIVE_REFUSED)
        return CT_UNAVAILABLE;
    if (write->fate == ARCHIVE_UNDONE)
        return ct_store_write(store, run_and_fail, job);
    if (job->run == ct_call_log_write &&
        (plant_once(archive, FAULT_ROW_LOST) ||
         (archive->fault == FAULT_ROW_STEP && archive->steps % 5 == 0)))
        return CT_OK;
    result = ct_store_write(store, job->run, job->ctx);
    if (result == CT_OK && write->fate == ARCHIVE_TWICE)
        result = ct_store_write(store, job->run, job->ctx);
    if (result == CT_OK && job->run == ct_call_log_write && plant_once(archive, FAULT_ROW_TWICE))
        write_copy(archive);
    return result;
}

static int64_t a_while(struct archive *archive)
{
    return 1 + lan_random(archive->lan, lan_random(archive->lan, 20) == 0 ? 2000 : 20);
}

static void go_on(void *ctx)
{
    struct archive_write *write = ctx;
    struct archive *archive = write->archive;
    struct ct_job *job = write->job;

    if (!write->ran) {
        write->ran = true;
        write->result = run(archive, write);
        ct_timer_start(lan_wheel(archive->lan), &write->timer, a_while(archive));
    } else if (!plant_once(archive, FAULT_STORE_MUTE)) {
        write->job = NULL;
        archive->under_way--;
        if (write->result == CT_OK && job->run == ct_call_log_write) {
            const struct ct_log_entry *entry = job->ctx;

            archive->kept(archive->ctx, entry->key, entry->sent);
        }
        job->done(job->ctx, write->result);
    }
    exchange_drain(exchange_now);
}

static enum archive_fate fate_of(struct archive *archive)
{
    uint32_t number = lan_random(archive->lan, 100);

    return number < 4    ? ARCHIVE_REFUSED
           : number < 8  ? ARCHIVE_UNDONE
           : number < 12 ? ARCHIVE_TWICE
                         : ARCHIVE_KEPT;
}

enum ct_result __wrap_ct_store_submit(struct ct_store *store, struct ct_job *job)
{
    struct archive *archive = current;
    int64_t now_ms = lan_now_ms(archive->lan);
    struct archive_write *write = archive->writes;

    if (store != archive->scratch.store)
        abort();
    if (archive->closed || archive->under_way == ARCHIVE_WRITES ||
        lan_random(archive->lan, 25) == 0)
        return CT_BUSY;
    while (write->job != NULL)
        write++;
    *write = (struct archive_write){.archive = archive,
                                    .job = job,
                                    .fate = fate_of(archive),
                                    .timer = {.fire = go_on, .ctx = write}};
    archive->under_way++;
    /* one after the other */
    if (archive->last_ms < now_ms)
        archive->last_ms = now_ms;
    if (archive->last_ms < now_ms + 4000)
        archive->last_ms += a_while(archive);
    ct_timer_start(lan_wheel(archive->lan), &write->timer, archive->last_ms - now_ms);
    return CT_OK;
}

/* ---- the lives of the server ---- */

enum ct_result archive_open(struct archive *archive, struct lan *lan, enum fault fault)
{
    archive->lan = lan;
    archive->fault = fault;
    current = archive;
    return scratch_open(&archive->scratch);
}

void archive_begin(struct archive *archive)
{
    archive->closed = false;
    archive->last_ms = 0;
    snprintf(archive->node, sizeof(archive->node), "node-%u", ++archive->lives);
}

void archive_end(struct archive *archive)
{
    archive->closed = true;
    for (size_t i = 0; i < ARCHIVE_WRITES; i++) {
        struct archive_write *write = &archive->writes[i];
        struct ct_job *job = write->job;

        if (job == NULL)
            continue;
        ct_timer_stop(&write->timer);
        write->job = NULL;
        archive->under_way--;
        job->done(job->ctx, CT_UNAVAILABLE);
    }
}

bool archive_is_quiet(const struct archive *archive)
{
    return archive->under_way == 0;
}

/* ---- what it says ---- */

static int64_t clock_of(struct ct_stmt *stmt, int column)
{
    int64_t at = ct_column_time(stmt, column);

    return at == CT_NO_TIME ? 0 : at - UNIX_START_MS;
}

static void text_of(struct ct_stmt *stmt, int column, struct ct_arena *arena, char *out,
                    size_t size)
{
    struct ct_str text;

    if (ct_column_str(stmt, column, arena, &text) != CT_OK)
        abort();
    snprintf(out, size, "%.*s", (int)text.len, text.at);
}

static enum ct_result read_rows(struct archive *archive, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db,
        "SELECT call_key, status, hangup_by, started_at, ringing_at, answered_at, ended_at, "
        "sip_code, (SELECT count(*) FROM call_messages WHERE call_id = calls.id), payer_id, "
        "paid_from, caller_id, to_trunk_id, reason, "
        "(SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM events WHERE subject_id = "
        "calls.id AND type IN ('call.created', 'call.refused') GROUP BY user_id)), "
        "(SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM events WHERE subject_id = "
        "calls.id AND type = 'call.ended' GROUP BY user_id)) FROM calls ORDER BY id",
        &stmt);

    if (result != CT_OK)
        return result;
    while ((result = ct_step(stmt)) == CT_ROW) {
        struct archive_row *row = &archive->rows[archive->row_count++];
        struct ct_arena *arena = archive->scratch.arena;

        if (archive->row_count == ARCHIVE_ROWS)
            abort();
        text_of(stmt, 0, arena, row->key, sizeof(row->key));
        text_of(stmt, 1, arena, row->status, sizeof(row->status));
        text_of(stmt, 2, arena, row->hangup_by, sizeof(row->hangup_by));
        row->started_ms = clock_of(stmt, 3);
        row->ringing_ms = clock_of(stmt, 4);
        row->answered_ms = clock_of(stmt, 5);
        row->ended_ms = clock_of(stmt, 6);
        row->sip_code = ct_column_int(stmt, 7);
        row->messages = ct_column_int(stmt, 8);
        row->payer_id = ct_column_int(stmt, 9);
        row->paid_ms = clock_of(stmt, 10);
        row->caller_id = ct_column_int(stmt, 11);
        row->to_trunk_id = ct_column_int(stmt, 12);
        text_of(stmt, 13, arena, row->reason, sizeof(row->reason));
        row->begun = ct_column_int(stmt, 14);
        row->over = ct_column_int(stmt, 15);
    }
    return result;
}

static enum ct_result read_usages(struct archive *archive, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "SELECT user_id, day, ms FROM call_usage", &stmt);

    if (result != CT_OK)
        return result;
    while ((result = ct_step(stmt)) == CT_ROW && archive->usage_count < ARCHIVE_USAGES)
        archive->usages[archive->usage_count++] = (struct archive_usage){
            ct_column_int(stmt, 0), ct_column_int(stmt, 1), ct_column_int(stmt, 2)};
    return result;
}

enum ct_result archive_close(struct archive *archive)
{
    struct ct_db *db;
    enum ct_result result = CT_OK;

    if (archive->scratch.store != NULL) {
        result = ct_store_read_begin(archive->scratch.store, &db);
        if (result == CT_OK) {
            result = read_rows(archive, db);
            if (result == CT_OK)
                result = read_usages(archive, db);
            ct_store_read_end(db);
        }
    }
    scratch_close(&archive->scratch);
    archive->scratch = (struct scratch){0};
    current = NULL;
    return result;
}
