#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocations.h"
#include "simulator/town.h"

/* What must hold when everything is over. */

/* The tables of the endpoint and such grow, each in one block. */
#define TABLES 8

__attribute__((format(printf, 2, 3))) static void object(struct town *town, const char *format,
                                                         ...);

#include <stdarg.h>

static void object(struct town *town, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    town_complain(town, text);
}

/* ---- nothing is left ---- */

static void judge_rest(struct town *town)
{
    const struct exchange *exchange = &town->exchange;
    struct ct_sip_counts counts = ct_sip_counts(exchange->sip);
    const struct {
        const char *what;
        size_t count;
    } left[] = {
        {"calls", ct_calls_count(exchange->calls)},
        {"legs", ct_sip_sessions_count(exchange->sessions)},
        {"server transactions", counts.servers},
        {"client transactions", counts.clients},
        {"dialogs", counts.dialogs},
        {"timers", ct_wheel_count(ct_sip_wheel(exchange->sip))},
        {"bindings", town->bindings},
        {"messages under way", lan_flights(town->lan)},
        {"writes", town->unwritten},
    };

    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
        if (left[i].count > 0)
            object(town, "left over: %s, %zu", left[i].what, left[i].count);
}

static void judge_memory(struct town *town)
{
    size_t first = 0;
    size_t kept = ct_allocations_leaked(&first);

    if (kept > 0)
        object(town,
               "memory: %zu blocks more than at the beginning, the earliest is allocation %zu",
               kept, first);
}

/* ---- records ---- */

static void judge_records(struct town *town)
{
    const struct exchange *exchange = &town->exchange;

    for (size_t i = 0; i < exchange->record_count; i++) {
        const struct record *record = &exchange->records[i];

        if (!record->ended && record->gone_ms == 0)
            object(town, "call %.8s: is not ended", record->key);
        town->verdict->answered += record->answered_ms != 0;
    }
    town->verdict->calls = exchange->calls_begun;
    if (exchange->record_count < exchange->calls_begun)
        object(town, "%zu calls, %zu records: a call has no record", exchange->calls_begun,
               exchange->record_count);
    if (exchange->record_count > exchange->calls_begun)
        object(town, "%zu calls, %zu records: more than there were", exchange->calls_begun,
               exchange->record_count);
}

/* ---- the database ---- */

static const struct archive_row *row_of(const struct archive *archive, const char *key)
{
    for (size_t i = 0; i < archive->row_count; i++)
        if (strcmp(archive->rows[i].key, key) == 0)
            return &archive->rows[i];
    return NULL;
}

static void judge_row(struct town *town, const struct record *record, const struct archive_row *row)
{
    struct ct_str status = ct_call_status_word(record->status);
    struct ct_str by = ct_call_party_word(record->hangup_by);

    if (row->ended_ms == 0)
        object(town, "call %.8s: is open in the database", record->key);
    if (row->messages == 0 && record->gone_ms == 0 && record->leg_count > 0)
        object(town, "call %.8s: has no messages", record->key);
    if (record->gone_ms != 0 && strcmp(row->status, "interrupted") == 0) {
        if (row->ended_ms < row->started_ms || row->ended_ms > record->gone_ms)
            object(town, "call %.8s: is interrupted at %lld, not before %lld", record->key,
                   (long long)row->ended_ms, (long long)record->gone_ms);
        return;
    }
    if (!ct_str_equal(ct_str_of(row->status), status) ||
        !ct_str_equal(ct_str_of(row->hangup_by), by) || row->sip_code != record->sip_code ||
        row->started_ms != record->started_ms || row->ringing_ms != record->ringing_ms ||
        row->answered_ms != record->answered_ms || row->ended_ms != record->ended_ms)
        object(town,
               "call %.8s: the database says %s, by %s, code %lld, at %lld, %lld, %lld, %lld; it "
               "was %.*s, by %.*s, code %d, at %lld, %lld, %lld, %lld",
               record->key, row->status, row->hangup_by, (long long)row->sip_code,
               (long long)row->started_ms, (long long)row->ringing_ms, (long long)row->answered_ms,
               (long long)row->ended_ms, (int)status.len, status.at, (int)by.len, by.at,
               record->sip_code, (long long)record->started_ms, (long long)record->ringing_ms,
               (long long)record->answered_ms, (long long)record->ended_ms);
}

static void judge_database(struct town *town)
{
    const struct exchange *exchange = &town->exchange;
    const struct archive *archive = &exchange->archive;
    size_t missing = 0;

    for (size_t i = 0; i < exchange->record_count; i++) {
        const struct record *record = &exchange->records[i];
        const struct archive_row *row = row_of(archive, record->key);

        missing += row == NULL;
        if (row != NULL)
            judge_row(town, record, row);
        else if (record->gone_ms == 0 || (record->kept & CT_LOG_BEGUN) != 0)
            object(town, "call %.8s: is not in the database", record->key);
    }
    if (archive->row_count > exchange->record_count - missing)
        object(town, "%zu rows in the database: more than there were calls", archive->row_count);
}

/* Whether what happened to one of its legs says nothing of the record as a whole. */
static bool is_tangled(struct town *town, const struct record *record)
{
    for (size_t i = 0; i < town->people.diary_count; i++) {
        const struct diary *diary = &town->diaries[i];

        if (!diary->transferred && !diary->spoilt && !diary->replaces)
            continue;
        for (size_t j = 0; j < record->leg_count; j++)
            if (strcmp(record->legs[j], diary->call_id) == 0)
                return true;
    }
    return false;
}

static void judge_end(struct town *town, const struct record *record, const struct diary *diary)
{
    /* it knows that the call is over, by its own BYE or by the other's: nobody pays for more */
    if (diary->over_ms > 0 && !diary->crashed && !diary->lost && record->ended_ms > diary->over_ms)
        object(town, "call %.8s: ended at %lld, after the BYE that %s had seen through at %lld",
               record->key, (long long)record->ended_ms, diary->who, (long long)diary->over_ms);
}

static void judge_caller(struct town *town, const struct record *record, const struct diary *diary)
{
    if (diary->crashed || diary->lost)
        return;
    if (diary->status >= 300 && (record->answered_ms != 0 || record->sip_code != diary->status))
        object(town, "call %.8s: the caller got %d, its record says %d%s", record->key,
               diary->status, record->sip_code,
               record->answered_ms != 0 ? " and that it was answered" : "");
    if (diary->status >= 200 && diary->status < 300 && record->answered_ms == 0)
        object(town, "call %.8s: the caller got %d, its record says that it was not answered",
               record->key, diary->status);
    if (record->answered_ms != 0 && diary->answered_ms != 0 &&
        record->answered_ms > diary->answered_ms)
        object(town, "call %.8s: answered at %lld, the caller knew it at %lld", record->key,
               (long long)record->answered_ms, (long long)diary->answered_ms);
    if (record->started_ms < diary->began_ms)
        object(town, "call %.8s: began before the caller's INVITE", record->key);
    judge_end(town, record, diary);
}

static void judge_callee(struct town *town, const struct record *record, const struct diary *diary)
{
    bool winner = record->winner > 0 && atoll(diary->who) == 1000 + record->winner &&
                  diary->status == 200 && !record->dialled;
    size_t same = 0;

    for (size_t i = 0; i < town->people.diary_count; i++)
        for (size_t j = 0; j < record->leg_count; j++)
            same += strcmp(town->diaries[i].who, diary->who) == 0 &&
                    strcmp(record->legs[j], town->diaries[i].call_id) == 0;
    /* rung twice in one call, or of those that were not chosen */
    if (!winner || same > 1 || record->answered_ms == 0)
        return;
    if (record->answered_ms < diary->answered_ms)
        object(town, "call %.8s: answered before %s answered, at %lld and %lld", record->key,
               diary->who, (long long)record->answered_ms, (long long)diary->answered_ms);
    judge_end(town, record, diary);
}

static void judge_diaries(struct town *town)
{
    for (size_t i = 0; i < town->people.diary_count; i++) {
        const struct diary *diary = &town->diaries[i];
        size_t leg = 0;
        const struct record *record = exchange_record(&town->exchange, diary->call_id, &leg);

        if (record == NULL) {
            if (diary->caller && !diary->replaces && !diary->spoilt &&
                (diary->rang_ms != 0 || diary->status == 200))
                object(town, "call of %s, %s: a call has no record", diary->who, diary->call_id);
            continue;
        }
        if (is_tangled(town, record))
            continue;
        if (diary->caller)
            judge_caller(town, record, diary);
        else
            judge_callee(town, record, diary);
    }
}

void town_judge(struct town *town)
{
    judge_memory(town);
    judge_rest(town);
    judge_records(town);
    judge_diaries(town);
    border_judge(&town->border, town_complain, town);
    judge_database(town);
}
