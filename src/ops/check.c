#include "ops/check.h"

#include <stdio.h>

#include "base/text.h"
#include "ops/rules.h"
#include "store/inspect.h"

/* Of one rule not more rows are told than this: a fault of many rows is one fault. */
#define ROWS_TOLD 20

struct state {
    const struct ct_check_watch *watch;
    struct ct_check check;
};

static void tell(const struct state *state, const char *line)
{
    state->watch->finding(state->watch->ctx, line);
}

static void tell_fault(void *ctx, const char *fault)
{
    struct state *state = ctx;
    state->check.faults++;
    tell(state, fault);
}

static void tell_reference(void *ctx, const char *fault)
{
    struct state *state = ctx;
    char line[300];
    state->check.breaches++;
    (void)snprintf(line, sizeof(line), "broken: %s", fault);
    tell(state, line);
}

static enum ct_result tell_rows(struct state *state, struct ct_stmt *stmt, const char *sentence)
{
    int64_t rows = 0;
    enum ct_result result;
    while ((result = ct_step(stmt)) == CT_ROW) {
        struct ct_arena *arena = ct_arena_new();
        struct ct_str row;
        if (arena == NULL)
            return CT_NOMEM;
        rows++;
        state->check.breaches++;
        result = rows > ROWS_TOLD ? CT_OK : ct_column_str(stmt, 0, arena, &row);
        if (result == CT_OK && rows <= ROWS_TOLD) {
            const char *line = ct_arena_printf(arena, "broken: %s: %s", sentence, row.at);
            if (line != NULL)
                tell(state, line);
            result = line == NULL ? CT_NOMEM : CT_OK;
        }
        ct_arena_free(arena);
        if (result != CT_OK)
            return result;
    }
    if (rows > ROWS_TOLD) {
        char line[200];
        (void)snprintf(line, sizeof(line), "broken: %s: and %lld more", sentence,
                       (long long)(rows - ROWS_TOLD));
        tell(state, line);
    }
    return result;
}

/* A statement that cannot be run for a fault of the database is a finding too. */
static enum ct_result apply(struct state *state, struct ct_db *db, const struct ct_rule *rule)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, rule->sql, &stmt);
    if (result == CT_OK)
        result = tell_rows(state, stmt, rule->sentence);
    if (result != CT_BUG)
        return result;
    char line[400];
    (void)snprintf(line, sizeof(line), "%s: cannot be found out: %s", rule->sentence,
                   ct_inspect_trouble(db));
    tell_fault(state, line);
    return CT_OK;
}

static enum ct_result check_version(struct ct_db *db, struct ct_arena *arena, int64_t *version,
                                    const char **why)
{
    enum ct_result result = ct_inspect_version(db, version);
    if (result == CT_INVALID) {
        *why = "it has no tables of accounts and numbers: it is none of this program's databases";
    } else if (result == CT_OK && *version > ct_inspect_newest()) {
        *why = ct_arena_printf(arena,
                               "it has version %lld and this program knows up to version %lld: use "
                               "a newer version of the program",
                               (long long)*version, (long long)ct_inspect_newest());
        result = *why == NULL ? CT_NOMEM : CT_TOO_NEW;
    }
    return result;
}

static void show(const struct ct_check_watch *watch, size_t done)
{
    if (watch->progress != NULL)
        watch->progress(watch->ctx, (int64_t)done, (int64_t)ct_rule_count);
}

enum ct_result ct_check_database(struct ct_db *db, const struct ct_check_watch *watch,
                                 struct ct_arena *arena, struct ct_check *out, const char **why)
{
    struct state state = {.watch = watch};
    *why = ct_result_text(CT_NOMEM);
    show(watch, 0);
    enum ct_result result = ct_inspect_engine(db, CT_LOOK_STRUCTURES, tell_fault, &state);
    if (result == CT_OK && state.check.faults == 0)
        result = ct_inspect_engine(db, CT_LOOK_REFERENCES, tell_reference, &state);
    if (result == CT_OK && state.check.faults == 0)
        result = check_version(db, arena, &state.check.version, why);
    /* What is damaged would break most rules. */
    for (size_t i = 0; i < ct_rule_count && result == CT_OK && state.check.faults == 0; i++) {
        show(watch, i);
        if (ct_rules[i].since <= state.check.version)
            result = apply(&state, db, &ct_rules[i]);
    }
    if (result == CT_UNAVAILABLE)
        *why = ct_inspect_trouble(db);
    *out = state.check;
    return result;
}
