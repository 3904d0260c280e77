#include <stdlib.h>
#include <string.h>

#include "simulator/town.h"

/* What must hold of calls that cost money: who pays, for how long, and within which limits. */

#define MINUTE_MS 60000
/* How often it is looked whether the minutes of an account are used up, by what the disk knows by then. */
#define SPENT_MS 8000
/* How long the end of a call may be on its way to the disk. */
#define LATE_MS 30000
/* How long a transfer may ring, and its end be on its way. */
#define RINGS_MS 90000

/* An account and its calls. */
struct purse {
    struct town *town;
    int64_t user_id;
    const struct people_caps *caps;
};

static const struct archive_row *row_of(const struct town *town, const struct record *record)
{
    const struct archive *archive = &town->exchange.archive;

    for (size_t i = 0; i < archive->row_count; i++)
        if (strcmp(archive->rows[i].key, record->key) == 0)
            return &archive->rows[i];
    return NULL;
}

/* Whether a row is of a call that an account pays for, if it costs anything; what was refused nobody does. */
static bool is_paid(const struct purse *purse, const struct archive_row *row)
{
    return row->payer_id == purse->user_id;
}

static bool is_interrupted(const struct archive_row *row)
{
    return strcmp(row->status, "interrupted") == 0;
}

static int64_t length_of(const struct archive_row *row)
{
    int64_t from_ms = row->answered_ms > row->paid_ms ? row->answered_ms : row->paid_ms;

    return row->answered_ms == 0 || row->ended_ms <= from_ms ? 0 : row->ended_ms - from_ms;
}

static int64_t used_up(const struct purse *purse)
{
    const struct archive *archive = &purse->town->exchange.archive;
    int64_t ms = 0;

    for (size_t i = 0; i < archive->usage_count; i++)
        if (archive->usages[i].user_id == purse->user_id)
            ms += archive->usages[i].ms;
    return ms;
}

/* ---- who pays ---- */

static void judge_payer(struct town *town, const struct record *record)
{
    const struct archive_row *row = row_of(town, record);
    int64_t payer_id = 0;

    for (size_t i = 0; i < record->leg_count; i++)
        if (record->legs[i].number[0] != '\0' && !record->legs[i].vain)
            payer_id = people_payer(record->legs[i].number);
    if (row != NULL && payer_id != 0 && row->payer_id != payer_id)
        town_object(town, "call %.8s: is paid by %lld, not by %lld", record->key,
                    (long long)row->payer_id, (long long)payer_id);
}

/* ---- what may not be ---- */

static bool may_call(const struct people_caps *caps, const char *number)
{
    return caps->trunks && strncmp(number, caps->prefix, strlen(caps->prefix)) == 0;
}

/* When a record began to cost an account something; 0: it did not. */
static int64_t costs_since(const struct purse *purse, const struct record *record)
{
    const struct archive_row *row = row_of(purse->town, record);

    for (size_t i = 0; row != NULL && row->payer_id == purse->user_id && i < record->leg_count; i++)
        if (people_payer(record->legs[i].number) == purse->user_id)
            return record->legs[i].at_ms;
    return 0;
}

static void judge_concurrency(const struct purse *purse, const struct record *record)
{
    const struct exchange *exchange = &purse->town->exchange;
    int64_t at_ms = costs_since(purse, record);
    int64_t others = 0;

    for (size_t i = 0; at_ms != 0 && i < exchange->record_count; i++) {
        const struct record *other = &exchange->records[i];
        int64_t since_ms = other == record ? 0 : costs_since(purse, other);
        int64_t until_ms = other->ended ? other->ended_ms : other->gone_ms;

        others += since_ms != 0 && since_ms <= at_ms && until_ms > at_ms;
    }
    if (purse->caps->concurrent_calls > 0 && others >= purse->caps->concurrent_calls)
        town_object(purse->town,
                    "call %.8s: is one more than the limits of %lld allow at the same time, %lld",
                    record->key, (long long)purse->user_id,
                    (long long)purse->caps->concurrent_calls);
}

static void judge_numbers(const struct purse *purse, const struct record *record)
{
    for (size_t i = 0; i < record->leg_count; i++)
        if (people_payer(record->legs[i].number) == purse->user_id &&
            !may_call(purse->caps, record->legs[i].number))
            town_object(purse->town, "call %.8s: %s is not within the limits of %lld", record->key,
                        record->legs[i].number, (long long)purse->user_id);
}

static void judge_row(const struct purse *purse, const struct archive_row *row)
{
    const struct archive *archive = &purse->town->exchange.archive;
    int64_t longest_ms = purse->caps->longest_call_s * 1000;
    int64_t same_minute = 0;

    if (!is_paid(purse, row))
        return;
    for (size_t i = 0; i < archive->row_count; i++)
        same_minute += is_paid(purse, &archive->rows[i]) &&
                       archive->rows[i].paid_ms <= row->paid_ms &&
                       archive->rows[i].paid_ms > row->paid_ms - MINUTE_MS;
    if (purse->caps->calls_per_minute > 0 && same_minute > purse->caps->calls_per_minute)
        town_object(purse->town, "call %.8s: more than the limits of %lld allow in a minute",
                    row->key, (long long)purse->user_id);
    /* of one that went out later the time counts from there, and it may have rung first */
    if (longest_ms > 0 && row->paid_ms == row->started_ms && length_of(row) > longest_ms)
        town_object(purse->town, "call %.8s: longer than the limits of %lld allow", row->key,
                    (long long)purse->user_id);
}

/* How many calls an account had at the same time. */
static int64_t most_at_once(const struct purse *purse)
{
    const struct archive *archive = &purse->town->exchange.archive;
    int64_t most = 0;

    for (size_t i = 0; i < archive->row_count; i++) {
        const struct archive_row *row = &archive->rows[i];
        int64_t count = 0;

        for (size_t j = 0; is_paid(purse, row) && j < archive->row_count; j++)
            count += is_paid(purse, &archive->rows[j]) && archive->rows[j].answered_ms != 0 &&
                     archive->rows[j].answered_ms <= row->answered_ms &&
                     archive->rows[j].ended_ms >= row->answered_ms;
        most = count > most ? count : most;
    }
    return most;
}

static void judge_usage(const struct purse *purse)
{
    const struct archive *archive = &purse->town->exchange.archive;
    int64_t used_ms = used_up(purse);
    int64_t sum_ms = 0;

    for (size_t i = 0; i < archive->row_count; i++)
        if (is_paid(purse, &archive->rows[i]))
            sum_ms += length_of(&archive->rows[i]);
    if (sum_ms != used_ms)
        town_object(purse->town, "account %lld has used up %lld ms, in calls of %lld ms",
                    (long long)purse->user_id, (long long)used_ms, (long long)sum_ms);
    if (purse->caps->minutes_per_day > 0 &&
        used_ms > purse->caps->minutes_per_day * MINUTE_MS + most_at_once(purse) * SPENT_MS)
        town_object(purse->town, "the limits of %lld allow %lld minutes, and %lld ms were used up",
                    (long long)purse->user_id, (long long)purse->caps->minutes_per_day,
                    (long long)used_ms);
}

/* ---- what may be ---- */

/* How many calls were open at that moment, or may have looked so. */
static int64_t count_open(const struct purse *purse, int64_t at_ms)
{
    const struct archive *archive = &purse->town->exchange.archive;
    int64_t count = 0;

    for (size_t i = 0; i < archive->row_count; i++) {
        const struct archive_row *row = &archive->rows[i];

        count += is_paid(purse, row) && row->paid_ms <= at_ms &&
                 (is_interrupted(row) || row->ended_ms + LATE_MS > at_ms);
    }
    return count;
}

/* How many transfers to the outside had their place then and gave it back, as nobody answered: no row tells of them. */
static int64_t count_given_up(const struct purse *purse, const struct verdict *verdict)
{
    const struct exchange *exchange = &purse->town->exchange;
    const struct archive *archive = &exchange->archive;
    int64_t count = 0;

    for (size_t i = 0; i < exchange->verdict_count; i++) {
        const struct verdict *other = &exchange->verdicts[i];
        bool shown = false;

        if (other->user_id != purse->user_id || other->why != NULL ||
            other->at_ms > verdict->at_ms || other->at_ms < verdict->at_ms - RINGS_MS)
            continue;
        for (size_t j = 0; j < archive->row_count && !shown; j++)
            shown =
                is_paid(purse, &archive->rows[j]) && archive->rows[j].paid_ms == other->asked_ms;
        count += !shown;
    }
    return count;
}

static int64_t count_lately(const struct purse *purse, const struct verdict *verdict)
{
    const struct exchange *exchange = &purse->town->exchange;
    int64_t count = 0;

    for (size_t i = 0; i < exchange->verdict_count; i++) {
        const struct verdict *other = &exchange->verdicts[i];

        count += other->user_id == purse->user_id && other->why == NULL &&
                 other->asked_ms > verdict->asked_ms - MINUTE_MS && other->at_ms <= verdict->at_ms;
    }
    return count;
}

static bool has_interrupted(const struct purse *purse)
{
    const struct archive *archive = &purse->town->exchange.archive;

    for (size_t i = 0; i < archive->row_count; i++)
        if (is_paid(purse, &archive->rows[i]) && is_interrupted(&archive->rows[i]))
            return true;
    return false;
}

static bool is_right(const struct purse *purse, const struct verdict *verdict)
{
    const struct people_caps *caps = purse->caps;

    if (strstr(verdict->why, "may not call") != NULL)
        return !may_call(caps, verdict->number);
    if (strstr(verdict->why, "at the same time") != NULL)
        return caps->concurrent_calls > 0 &&
               count_open(purse, verdict->at_ms) + count_given_up(purse, verdict) >=
                   caps->concurrent_calls;
    if (strstr(verdict->why, "in the last minute") != NULL)
        return caps->calls_per_minute > 0 && count_lately(purse, verdict) >= caps->calls_per_minute;
    /* calls of a server that has gone look as if they went on, until it is known to have gone; what others have been
     * granted is not there for this one */
    return caps->minutes_per_day > 0 &&
           (used_up(purse) >= caps->minutes_per_day * MINUTE_MS || has_interrupted(purse) ||
            count_open(purse, verdict->at_ms) > 0);
}

void town_judge_money(struct town *town)
{
    struct exchange *exchange = &town->exchange;

    for (size_t i = 0; i < exchange->record_count; i++)
        judge_payer(town, &exchange->records[i]);
    for (int64_t id = 1; id <= PEOPLE_ACCOUNTS; id++) {
        const struct purse purse = {town, id, &exchange->caps[id - 1]};

        for (size_t i = 0; i < exchange->record_count; i++) {
            judge_concurrency(&purse, &exchange->records[i]);
            judge_numbers(&purse, &exchange->records[i]);
        }
        for (size_t i = 0; i < exchange->archive.row_count; i++)
            judge_row(&purse, &exchange->archive.rows[i]);
        for (size_t i = 0; i < exchange->verdict_count; i++) {
            const struct verdict *verdict = &exchange->verdicts[i];

            if (verdict->user_id == id && verdict->why != NULL && !is_right(&purse, verdict))
                town_object(town, "%s at %lld of %lld is refused, though: %s", verdict->number,
                            (long long)verdict->at_ms, (long long)id, verdict->why);
        }
        judge_usage(&purse);
    }
}
