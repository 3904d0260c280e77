#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulator/town.h"
#include "voice/call_log_parts.h"

/* What must hold when everything is over. */

/* What runs in a server in which nothing goes on: the looks for trunks, for how they are and for where each of their three
 * hosts is, for devices that were changed, and for bindings that have expired; and the registration with a carrier. */
#define TIMERS 8

void town_object(struct town *town, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    town_complain(town, text);
}

/* ---- nothing is left ---- */

void town_judge_rest(struct town *town)
{
    const struct exchange *exchange = &town->exchange;
    struct ct_sip_counts counts = ct_sip_counts(exchange->sip);
    const struct {
        const char *what;
        size_t count;
        size_t usual;
    } left[] = {
        {"calls", ct_calls_count(exchange->calls), 0},
        {"legs", ct_sip_sessions_count(exchange->sessions), 0},
        {"server transactions", counts.servers, 0},
        {"client transactions", counts.clients, EXCHANGE_PROBES},
        {"dialogs", counts.dialogs, 0},
        {"timers", ct_wheel_count(ct_sip_wheel(exchange->sip)), TIMERS + 2 * counts.clients},
        {"bindings", ct_registrar_count(exchange->registrar), 0},
        {"messages under way", lan_flights(town->lan), 0},
        {"writes", exchange->archive.under_way, 0},
    };

    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
        if (left[i].count > left[i].usual)
            town_object(town, "left over: %s, %zu", left[i].what, left[i].count);
    /* for as long as the network has been a good one */
    for (size_t i = 0; i < TOWN_PHONES + TOWN_CARRIERS; i++)
        if (town->uas[i].customer != NULL &&
            town->uas[i].customer_until_ms <= lan_now_ms(town->lan))
            town_object(town, "%s has no customer registered", town->uas[i].user);
}

/* ---- records ---- */

static void judge_records(struct town *town)
{
    const struct exchange *exchange = &town->exchange;

    for (size_t i = 0; i < exchange->record_count; i++) {
        const struct record *record = &exchange->records[i];

        if (!record->ended && record->gone_ms == 0)
            town_object(town, "call %.8s: is not ended", record->key);
        town->verdict->answered += record->answered_ms != 0;
    }
    town->verdict->calls = exchange->calls_begun;
    if (exchange->record_count < exchange->calls_begun)
        town_object(town, "%zu calls, %zu records: a call has no record", exchange->calls_begun,
                    exchange->record_count);
    if (exchange->record_count > exchange->calls_begun)
        town_object(town, "%zu calls, %zu records: more than there were", exchange->calls_begun,
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

static void judge_interrupted(struct town *town, const struct record *record,
                              const struct archive_row *row)
{
    int64_t known_ms = record->beat_ms;

    if (row->ended_ms < row->started_ms || row->ended_ms > record->gone_ms)
        town_object(town, "call %.8s: is interrupted at %lld, not before %lld", record->key,
                    (long long)row->ended_ms, (long long)record->gone_ms);
    if (row->started_ms < known_ms && row->ended_ms < known_ms)
        town_object(town, "call %.8s: is interrupted at %lld, and was up at %lld", record->key,
                    (long long)row->ended_ms, (long long)known_ms);
}

/* The record of a call over the API is there before the call. */
static bool began_right(const struct record *record, const struct archive_row *row)
{
    return record->dialled ? row->started_ms <= record->started_ms
                           : row->started_ms == record->started_ms;
}

/* What its account may not do is over for the record as soon as it began, also when the call has not lasted until
 * that was known. */
static bool was_refused(const struct record *record, const struct archive_row *row)
{
    return row->sip_code == 403 && row->ended_ms == row->started_ms && record->leg_count == 1 &&
           strncmp(row->reason, "The account", 11) == 0 &&
           (record->gone_ms != 0 || record->sip_code == 403 || record->sip_code == 487 ||
            record->sip_code == 503);
}

static void judge_row(struct town *town, const struct record *record, const struct archive_row *row)
{
    struct ct_str status = ct_call_status_word(record->status);
    struct ct_str by = ct_call_party_word(record->hangup_by);

    if (row->messages == 0 && record->gone_ms == 0 && record->leg_count > 0)
        town_object(town, "call %.8s: has no messages", record->key);
    if (record->gone_ms != 0 && strcmp(row->status, "interrupted") == 0) {
        judge_interrupted(town, record, row);
        return;
    }
    if (was_refused(record, row))
        return;
    if (!ct_str_equal(ct_str_of(row->status), status) ||
        !ct_str_equal(ct_str_of(row->hangup_by), by) || row->sip_code != record->sip_code ||
        !began_right(record, row) || row->ringing_ms != record->ringing_ms ||
        row->answered_ms != record->answered_ms || row->ended_ms != record->ended_ms)
        town_object(
            town,
            "call %.8s: the database says %s, by %s, code %lld, at %lld, %lld, %lld, %lld; it "
            "was %.*s, by %.*s, code %d, at %lld, %lld, %lld, %lld",
            record->key, row->status, row->hangup_by, (long long)row->sip_code,
            (long long)row->started_ms, (long long)row->ringing_ms, (long long)row->answered_ms,
            (long long)row->ended_ms, (int)status.len, status.at, (int)by.len, by.at,
            record->sip_code, (long long)record->started_ms, (long long)record->ringing_ms,
            (long long)record->answered_ms, (long long)record->ended_ms);
}

/* Of the whole row, whoever it is of. */
static void judge_any_row(struct town *town, const struct archive_row *row)
{
    if (row->ended_ms == 0)
        town_object(town, "call %.8s: is open in the database", row->key);
    if (row->begun > 1 || row->over > 1)
        town_object(town, "call %.8s: has %lld events of its beginning, %lld of its end", row->key,
                    (long long)row->begun, (long long)row->over);
}

static bool was_ordered(const struct exchange *exchange, const char *key)
{
    for (size_t i = 0; i < exchange->order_count; i++)
        if (strcmp(exchange->orders[i].key, key) == 0)
            return true;
    return false;
}

/* A row without a call: one that the API was asked for. It was refused, or its server has gone before it began. */
static void judge_stray_row(struct town *town, const struct archive_row *row)
{
    bool ordered = was_ordered(&town->exchange, row->key);

    if (!ordered || (strcmp(row->status, "failed") != 0 && strcmp(row->status, "interrupted") != 0))
        town_object(town, "call %.8s: is in the database, %s: more than there were calls", row->key,
                    row->status);
}

static void judge_database(struct town *town)
{
    struct exchange *exchange = &town->exchange;
    const struct archive *archive = &exchange->archive;

    for (size_t i = 0; i < exchange->record_count; i++) {
        const struct record *record = &exchange->records[i];
        const struct archive_row *row = row_of(archive, record->key);

        if (row != NULL)
            judge_row(town, record, row);
        else if (record->gone_ms == 0 || (record->kept & CT_LOG_BEGUN) != 0)
            town_object(town, "call %.8s: is not in the database", record->key);
    }
    for (size_t i = 0; i < archive->row_count; i++) {
        const struct archive_row *row = &archive->rows[i];

        judge_any_row(town, row);
        if (exchange_record(exchange, row->key) == NULL)
            judge_stray_row(town, row);
        for (size_t j = 0; j < i; j++)
            if (strcmp(archive->rows[j].key, row->key) == 0)
                town_object(town, "call %.8s: more than there were calls", row->key);
    }
}

/* Whether what happened to one of its legs says nothing of the record as a whole. */
static bool is_tangled(struct town *town, const struct record *record)
{
    for (size_t i = 0; i < town->people.diary_count; i++) {
        const struct diary *diary = &town->diaries[i];

        if (!diary->transferred && !diary->spoilt && !diary->replaces)
            continue;
        for (size_t j = 0; j < record->leg_count; j++)
            if (strcmp(record->legs[j].call_id, diary->call_id) == 0)
                return true;
    }
    return false;
}

static void judge_end(struct town *town, const struct record *record, const struct diary *diary)
{
    /* it knows that the call is over, by its own BYE or by the other's: nobody pays for more */
    if (diary->over_ms > 0 && !diary->crashed && !diary->lost && record->ended_ms > diary->over_ms)
        town_object(
            town, "call %.8s: ended at %lld, after the BYE that %s had seen through at %lld",
            record->key, (long long)record->ended_ms, diary->who, (long long)diary->over_ms);
}

static void judge_caller(struct town *town, const struct record *record, const struct diary *diary)
{
    if (diary->crashed || diary->lost)
        return;
    if (diary->status >= 300 && (record->answered_ms != 0 || record->sip_code != diary->status))
        town_object(town, "call %.8s: the caller got %d, its record says %d%s", record->key,
                    diary->status, record->sip_code,
                    record->answered_ms != 0 ? " and that it was answered" : "");
    if (diary->status >= 200 && diary->status < 300 && record->answered_ms == 0)
        town_object(town, "call %.8s: the caller got %d, its record says that it was not answered",
                    record->key, diary->status);
    if (record->answered_ms != 0 && diary->answered_ms != 0 &&
        record->answered_ms > diary->answered_ms)
        town_object(town, "call %.8s: answered at %lld, the caller knew it at %lld", record->key,
                    (long long)record->answered_ms, (long long)diary->answered_ms);
    if (record->started_ms < diary->began_ms)
        town_object(town, "call %.8s: began before the caller's INVITE", record->key);
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
                    strcmp(record->legs[j].call_id, town->diaries[i].call_id) == 0;
    /* rung twice in one call, or of those that were not chosen */
    if (!winner || same > 1 || record->answered_ms == 0)
        return;
    if (record->answered_ms < diary->answered_ms)
        town_object(town, "call %.8s: answered before %s answered, at %lld and %lld", record->key,
                    diary->who, (long long)record->answered_ms, (long long)diary->answered_ms);
    judge_end(town, record, diary);
}

static void judge_diaries(struct town *town)
{
    for (size_t i = 0; i < town->people.diary_count; i++) {
        const struct diary *diary = &town->diaries[i];
        size_t leg = 0;
        const struct record *record = exchange_record_of(&town->exchange, diary->call_id, &leg);

        if (record == NULL) {
            if (diary->caller && !diary->replaces && !diary->spoilt &&
                (diary->rang_ms != 0 || diary->status == 200))
                town_object(town, "call of %s, %s: a call has no record", diary->who,
                            diary->call_id);
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
    if (town->people.wrong_answers > 0)
        town_object(town, "%zu wrong answers to a carrier's challenges",
                    town->people.wrong_answers);
    judge_records(town);
    judge_diaries(town);
    border_judge(&town->border, town_complain, town);
    judge_database(town);
    town_judge_money(town);
}
