#ifndef CT_TESTS_UNIT_ACCOUNTS_ROOM_H
#define CT_TESTS_UNIT_ACCOUNTS_ROOM_H

#include <string.h>

#include "accounts/accounts.h"
#include "accounts/audit.h"
#include "harness.h"
#include "http/bind.h"
#include "http/faults.h"
#include "scratch.h"

/** The room of accounts on a database of its own, and requests to its handlers without http. */

static inline enum ct_result run_statement(void *ctx, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, ctx, &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

/** Changes rows by a statement of static text. */
static inline enum ct_result execute(struct scratch *scratch, const char *sql)
{
    return ct_store_write(scratch->store, run_statement, (void *)(uintptr_t)sql);
}

/** The one number that a statement of static text answers; -1 for none, or NULL. */
static inline enum ct_result number_of(struct scratch *scratch, const char *sql, int64_t *out)
{
    struct ct_db *db;
    struct ct_stmt *stmt;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_db_query(db, sql, &stmt);
    if (result == CT_OK)
        result = ct_step(stmt);
    *out = result == CT_ROW && !ct_column_is_null(stmt, 0) ? ct_column_int(stmt, 0) : -1;
    ct_store_read_end(db);
    return result == CT_ROW ? CT_OK : result;
}

/** Expects a number from the database. */
#define EXPECT_NUMBER(expected, scratch, sql)     \
    do {                                          \
        int64_t number_;                          \
        TRY(number_of((scratch), sql, &number_)); \
        EXPECT(number_ == (expected));            \
    } while (0)

/** A request to one handler. */
struct trial {
    const struct ct_route *route;
    struct ct_call call;
    struct ct_faults faults;
};

static inline const struct ct_route *route_of(enum ct_method method, const char *pattern)
{
    static const struct {
        const struct ct_route *routes;
        const size_t *count;
    } tables[] = {{ct_auth_routes, &ct_auth_route_count},
                  {ct_sessions_routes, &ct_sessions_route_count},
                  {ct_api_keys_routes, &ct_api_keys_route_count},
                  {ct_audit_routes, &ct_audit_route_count}};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (size_t at = 0; at < *tables[i].count; at++) {
            const struct ct_route *route = &tables[i].routes[at];
            if (route->method == method && strcmp(route->pattern, pattern) == 0)
                return route;
        }
    }
    return NULL;
}

static inline enum ct_result trial_run(void *ctx, struct ct_db *db)
{
    struct trial *trial = ctx;
    trial->call.db = db;
    return trial->route->run(&trial->call);
}

static inline enum ct_result trial_read(struct scratch *scratch, struct trial *trial,
                                        ct_handler *handler)
{
    enum ct_result result = ct_store_read_begin(scratch->store, &trial->call.db);
    if (result != CT_OK)
        return result;
    result = handler(&trial->call);
    if (trial->call.db != NULL)
        ct_call_end_read(&trial->call);
    return result;
}

/** Runs a handler as http does, with @p text as its JSON body (NULL: none) or its query ("a=b"). The caller,
 *  if there is one, is in @p call, as is anything else that a test wants to say. */
static inline enum ct_result try_route(struct scratch *scratch, struct ct_accounts *accounts,
                                       const struct ct_route *route, struct ct_call call,
                                       const char *text, struct trial *out)
{
    void *input = NULL;
    enum ct_result result = CT_OK;
    *out = (struct trial){.route = route, .call = call, .faults = {.arena = scratch->arena}};
    const struct ct_schema *schema = route->body != NULL ? route->body : route->query;
    if (schema != NULL) {
        input = ct_arena_alloc(scratch->arena, schema->size);
        if (input == NULL)
            return CT_NOMEM;
        result = route->body != NULL ? ct_bind_json(scratch->arena, accounts->config, schema,
                                                    ct_str_of(text), &out->faults, input)
                                     : ct_bind_pairs(scratch->arena, accounts->config, schema,
                                                     "query", ct_str_of(text), &out->faults, input);
    }
    if (result != CT_OK || out->faults.failed)
        return result == CT_OK ? CT_NOMEM : result;
    if (out->faults.first != NULL)
        return CT_INVALID;
    out->call.arena = scratch->arena;
    out->call.room = accounts;
    out->call.config = accounts->config;
    out->call.user_id = call.caller.user_id;
    out->call.faults = &out->faults;
    *(route->body != NULL ? &out->call.body : &out->call.query) = input;
    out->call.reply = ct_arena_alloc(scratch->arena, 1024);
    out->call.scratch = ct_arena_alloc(scratch->arena, route->scratch_size);
    if (out->call.reply == NULL || out->call.scratch == NULL)
        return CT_NOMEM;
    if (route->access == CT_READ)
        return trial_read(scratch, out, route->run);
    if (route->prepare != NULL)
        result = trial_read(scratch, out, route->prepare);
    return result == CT_OK ? ct_store_write(scratch->store, trial_run, out) : result;
}

#endif
