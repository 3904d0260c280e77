#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounts/audit.h"
#include "base/clock.h"
#include "http/health_api.h"
#include "http/openapi.h"
#include "http/router.h"
#include "numbers/claim.h"
#include "numbers/plan.h"
#include "numbers/pools.h"
#include "voice/calls_api.h"
#include "voice/caps.h"
#include "voice/devices.h"
#include "voice/dial_api.h"
#include "voice/forget.h"
#include "voice/number_voice.h"
#include "voice/shield_api.h"
#include "voice/trunks.h"

extern char **environ;

int ct_program_fail(const char *why)
{
    (void)fprintf(stderr, "cloud-telephony: %s\n", why == NULL ? "out of memory" : why);
    return 1;
}

int ct_program_fail_result(const char *what, enum ct_result result)
{
    (void)fprintf(stderr, "cloud-telephony: %s: %s\n", what, ct_result_text(result));
    return 1;
}

bool ct_program_load_config(struct ct_program *program)
{
    const char *why = NULL;
    if (ct_config_load(program->arena, ".env", environ, &program->config, &why) == CT_OK)
        return true;
    (void)ct_program_fail(why);
    return false;
}

bool ct_program_require_secret(struct ct_program *program)
{
    const char *why = NULL;
    if (ct_config_require_secret(&program->config, &why) == CT_OK)
        return true;
    (void)ct_program_fail(why);
    return false;
}

/* What the other rooms have of an account. */
static enum ct_result forget_account(void *room, struct ct_call *call)
{
    enum ct_result result = ct_numbers_release_all(room, call);
    if (result == CT_OK)
        result = ct_events_forget_account(call);
    return result == CT_OK ? ct_voice_forget_account(call->db, call->user_id, ct_clock_unix_ms())
                           : result;
}

bool ct_program_open_accounts(struct ct_program *program)
{
    const char *why = NULL;
    if (ct_accounts_init(program->arena, &program->config, program->store, &program->accounts,
                         &why) != CT_OK) {
        (void)ct_program_fail(why);
        return false;
    }
    program->accounts.metrics = program->metrics;
    program->accounts.on_delete = forget_account;
    program->accounts.on_delete_room = &program->numbers;
    return true;
}

static enum ct_log_format log_format(const struct ct_config *config)
{
    bool to_stderr = config->log_file[0] == '\0';
    if (config->log_format == CT_LOG_FORMAT_JSON)
        return CT_LOG_JSON;
    if (to_stderr && ct_log_is_journal(getenv("JOURNAL_STREAM")))
        return CT_LOG_JOURNAL;
    bool for_people = config->log_format == CT_LOG_FORMAT_TEXT;
    return for_people || (to_stderr && isatty(STDERR_FILENO) == 1) ? CT_LOG_TEXT : CT_LOG_JSON;
}

bool ct_program_open_log(struct ct_program *program)
{
    const struct ct_config *config = &program->config;
    enum ct_result result = ct_log_open(config->log_file, log_format(config),
                                        (enum ct_log_level)config->log_level, &program->log);
    if (result == CT_OK)
        return true;
    (void)ct_program_fail(ct_arena_printf(program->arena, "LOG_FILE %s cannot be written: %s",
                                          config->log_file, strerror(errno)));
    return false;
}

bool ct_program_open_metrics(struct ct_program *program)
{
    const struct ct_mounts mounts = ct_program_all_mounts(program, NULL);
    size_t count = 0;
    for (size_t m = 0; m < mounts.count; m++)
        count += mounts.all[m].count;
    struct ct_metric_route *routes = ct_arena_alloc(program->arena, count * sizeof(*routes));
    enum ct_result result = routes == NULL ? CT_NOMEM : CT_OK;
    count = 0;
    for (size_t m = 0; result == CT_OK && m < mounts.count; m++) {
        for (size_t r = 0; r < mounts.all[m].count; r++) {
            const struct ct_route *route = &mounts.all[m].routes[r];
            routes[count++] = (struct ct_metric_route){.method = ct_method_name(route->method),
                                                       .pattern = route->pattern};
        }
    }
    if (result == CT_OK)
        result = ct_metrics_new(routes, count, &program->metrics);
    if (result == CT_OK)
        return true;
    (void)ct_program_fail(NULL);
    return false;
}

bool ct_program_open_store(struct ct_program *program)
{
    const char *why = NULL;
    const struct ct_store_options options = {.url = program->config.database_url,
                                             .max_wait_ms = program->config.queue_wait_ms,
                                             .log = program->log,
                                             .metrics = program->metrics};
    enum ct_result result = ct_store_open(&options, program->arena, &program->store, &why);
    if (result == CT_OK)
        return true;
    (void)ct_program_fail(why);
    return false;
}

bool ct_program_open_database(struct ct_program *program)
{
    return ct_program_load_config(program) && ct_program_open_log(program) &&
           ct_program_open_store(program);
}

bool ct_program_open_numbers(struct ct_program *program)
{
    const char *why = NULL;
    const struct ct_plan_options options = {.log = program->log, .metrics = program->metrics};
    program->numbers = (struct ct_numbers){.config = &program->config, .store = program->store};
    if (ct_plan_new(&options, program->arena, &program->numbers.plan, &why) == CT_OK)
        return true;
    (void)ct_program_fail(why);
    return false;
}

/* A disk that is full, or a reader that has gone, is a failure too. */
int ct_program_flushed(void)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return 0;
    return ct_program_fail(strerror(errno));
}

enum ct_result ct_program_find_user(struct ct_program *program, struct ct_str name,
                                    struct ct_user *out)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(program->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_user_by_name(program->arena, db, name, out);
    ct_store_read_end(db);
    return result;
}

struct ct_mounts ct_program_all_mounts(struct ct_program *program, struct ct_docs *docs)
{
    return (struct ct_mounts){
        .all = {{ct_auth_routes, ct_auth_route_count, &program->accounts},
                {ct_sessions_routes, ct_sessions_route_count, &program->accounts},
                {ct_api_keys_routes, ct_api_keys_route_count, &program->accounts},
                {ct_audit_routes, ct_audit_route_count, NULL},
                {ct_numbers_routes, ct_numbers_route_count, &program->numbers},
                {ct_number_list_routes, ct_number_list_route_count, &program->numbers},
                {ct_transfers_routes, ct_transfers_route_count, &program->numbers},
                {ct_pools_routes, ct_pools_route_count, &program->numbers},
                {ct_claim_routes, ct_claim_route_count, &program->numbers},
                {ct_reserved_routes, ct_reserved_route_count, &program->numbers},
                {ct_devices_routes, ct_devices_route_count, NULL},
                {ct_number_voice_routes, ct_number_voice_route_count, NULL},
                {ct_calls_routes, ct_calls_route_count, NULL},
                {ct_dial_routes, ct_dial_route_count, &program->voice},
                {ct_events_routes, ct_events_route_count, &program->events},
                {ct_webhooks_routes, ct_webhooks_route_count, &program->events},
                {ct_deliveries_routes, ct_deliveries_route_count, &program->events},
                {ct_trunks_routes, ct_trunks_route_count, NULL},
                {ct_call_caps_routes, ct_call_caps_route_count, NULL},
                {ct_shield_routes, ct_shield_route_count, &program->voice},
                {ct_health_routes, ct_health_route_count, NULL},
                {ct_ops_routes, ct_ops_route_count, &program->ops},
                {ct_metrics_api_routes, ct_metrics_api_route_count, &program->ops},
                {ct_docs_routes, ct_docs_route_count, docs}},
        .count = 24};
}

enum ct_result ct_program_make_document(const struct ct_program *program, struct ct_arena *arena,
                                        const struct ct_mounts *mounts, struct ct_str *out)
{
    return ct_openapi(arena, &program->config, mounts->all, mounts->count, out);
}
