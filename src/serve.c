#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/notify.h"
#include "base/pool.h"
#include "http/server.h"
#include "numbers/plan.h"
#include "numbers/sweeper.h"
#include "ops/process.h"
#include "ops/readiness.h"
#include "program.h"
#include "voice/keeper.h"
#include "voice/trunk_password.h"
#include "watchdog.h"

/* What a request may still take once the program was told to stop. */
#define STOP_GRACE_MS 30000
/* And what closing the database may, as the service manager is told. */
#define CLOSING_MS 15000
/* Hashes that may wait, for each thread that makes them: some seconds of work. */
#define HASHES_WAITING 64
/* Reads that may wait for a thread, as many as writes. */
#define READS_WAITING 4096
/* Well behind whatever answers requests, without starving when those keep every core busy. */
#define HASHING_NICE 15

static bool warn(struct ct_program *program)
{
    const char *const *warnings;
    if (ct_config_warnings(program->arena, &program->config, &warnings) != CT_OK)
        return false;
    for (; *warnings != NULL; warnings++)
        CT_LOG(program->log, CT_LOG_WARNING, "settings", CT_F_TEXT("warning", *warnings));
    return true;
}

static size_t core_count(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
}

static void reopen_log(struct ct_program *program, const struct ct_notify *notify)
{
    char line[64];
    (void)snprintf(line, sizeof(line), "RELOADING=1\nMONOTONIC_USEC=%lld",
                   (long long)ct_clock_monotonic_us());
    (void)ct_notify_send(notify, line);
    if (ct_log_reopen(program->log) != CT_OK)
        CT_LOG(program->log, CT_LOG_ERROR, "log_not_reopened",
               CT_F_TEXT("LOG_FILE", program->config.log_file), CT_F_TEXT("why", strerror(errno)));
    else
        ct_log_write(program->log, CT_LOG_INFO, "log_reopened", NULL);
    (void)ct_notify_send(notify, "READY=1");
}

/* A signal, or 0 after @p wait_us microseconds; -1 waits for one. */
static int next_signal(const sigset_t *signals, int64_t wait_us)
{
    const struct timespec time = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    int signal = sigtimedwait(signals, NULL, wait_us < 0 ? NULL : &time);
    return signal < 0 ? 0 : signal;
}

/* Until SIGTERM or SIGINT. SIGHUP opens the log file again. */
static void wait_for_stop(struct ct_program *program, const sigset_t *signals,
                          const struct ct_notify *notify, struct ct_watchdog *watchdog)
{
    int signal = 0;
    while (signal == 0 || signal == SIGHUP) {
        signal = next_signal(signals, ct_watchdog_turn(watchdog));
        if (signal == SIGHUP)
            reopen_log(program, notify);
    }
    CT_LOG(program->log, CT_LOG_INFO, "stopping", CT_F_TEXT("signal", strsignal(signal)));
    char line[128];
    int64_t most_ms = program->config.stop_delay_seconds * 1000 + STOP_GRACE_MS + CLOSING_MS;
    (void)snprintf(line, sizeof(line),
                   "STOPPING=1\nSTATUS=Finishing the requests that run\nEXTEND_TIMEOUT_USEC=%lld",
                   (long long)most_ms * 1000);
    (void)ct_notify_send(notify, line);
}

/* Serves on while /readyz says that no more should come. */
static void linger(struct ct_program *program, struct ct_watchdog *watchdog)
{
    ct_readiness_stopping(program->ops.readiness);
    int64_t end = ct_clock_monotonic_us() + program->config.stop_delay_seconds * 1000000;
    int64_t left;
    while ((left = end - ct_clock_monotonic_us()) > 0) {
        int64_t turn = ct_watchdog_turn(watchdog);
        int64_t wait = turn >= 0 && turn < left ? turn : left;
        const struct timespec time = {.tv_sec = wait / 1000000, .tv_nsec = wait % 1000000 * 1000};
        (void)nanosleep(&time, NULL);
    }
}

/* What calls need before the first one. A file is one server's; PostgreSQL may have many. */
/* Whether no other process has this database. */
static bool is_alone(const struct ct_program *program)
{
    return strncmp(program->config.database_url, "sqlite:", strlen("sqlite:")) == 0;
}

static enum ct_result start_keeper(struct ct_program *program, struct ct_keeper **out)
{
    const struct ct_keeper_options options = {.config = &program->config,
                                              .store = program->store,
                                              .log = program->log,
                                              .alone = is_alone(program)};
    enum ct_result result = ct_trunk_passwords_renew(&program->config, program->store);
    return result == CT_OK ? ct_keeper_start(&options, out) : result;
}

static enum ct_result start_events(struct ct_program *program)
{
    const struct ct_events_options options = {.config = &program->config,
                                              .store = program->store,
                                              .accounts = &program->accounts,
                                              .log = program->log,
                                              .metrics = program->metrics};
    return ct_events_start(&options, &program->events);
}

/* For a database at the other end of a network. Without one, none. */
static enum ct_result start_readers(struct ct_program *program, struct ct_pool **out)
{
    if (!ct_store_reads_wait(program->store))
        return CT_OK;
    enum ct_result result =
        ct_pool_start("reading", (size_t)program->config.database_readers, READS_WAITING, 0, out);
    if (result == CT_OK)
        ct_pool_limit_wait(*out, program->config.queue_wait_ms);
    return result;
}

static enum ct_result start_ops(struct ct_program *program, struct ct_pool *hashing)
{
    program->ops = (struct ct_ops){.metrics = program->metrics,
                                   .store = program->store,
                                   .hashing = hashing,
                                   .hashing_max = core_count() * HASHES_WAITING,
                                   .started_us = ct_process_started_us()};
    return ct_readiness_start(program->store, &program->ops.readiness);
}

static enum ct_result start_server(struct ct_program *program, struct ct_pool *hashing,
                                   struct ct_pool *readers, const struct ct_mounts *mounts,
                                   struct ct_listener *listener, const struct ct_notify *notify,
                                   struct ct_server **out, const char **why)
{
    const struct ct_server_options options = {.config = &program->config,
                                              .store = program->store,
                                              .hashing = hashing,
                                              .readers = readers,
                                              .log = program->log,
                                              .metrics = program->metrics,
                                              .mounts = mounts->all,
                                              .mount_count = mounts->count,
                                              .authenticate = ct_accounts_authenticate,
                                              .authenticate_room = &program->accounts,
                                              .listener = listener,
                                              .turn_within_ms = ct_watchdog_turn_within_ms(notify)};
    return ct_server_start(&options, program->arena, out, why);
}

/* Before the store is opened: a second server on a port must not make a database first. */
static bool bind_listener(struct ct_program *program, struct ct_listener *listener)
{
    const char *why = NULL;
    if (ct_listener_bind(program->arena, program->config.host, (uint16_t)program->config.port,
                         listener, &why) == CT_OK)
        return true;
    (void)ct_program_fail(why);
    return false;
}

/* Likewise, and before anybody is told that the program serves. */
static bool bind_voice(struct ct_program *program)
{
    const char *why = NULL;
    if (ct_voice_bind(&program->config, program->arena, &program->voice, &why) == CT_OK)
        return true;
    (void)ct_program_fail(why);
    return false;
}

static enum ct_result start_voice(struct ct_program *program, const struct ct_keeper *keeper,
                                  const char **why)
{
    const struct ct_voice_options options = {.store = program->store,
                                             .log = program->log,
                                             .metrics = program->metrics,
                                             .node = ct_keeper_node(keeper),
                                             .alone = is_alone(program)};
    return ct_voice_start(program->voice, &options, program->arena, why);
}

static void say_listening(struct ct_program *program, const struct ct_server *server,
                          const struct ct_notify *notify)
{
    const char *host = program->config.host;
    bool is_any = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    const char *scheme = program->config.tls_key_file[0] != '\0' ? "https" : "http";
    const char *url = ct_arena_printf(program->arena,
                                      strchr(host, ':') != NULL && !is_any ? "%s://[%s]:%u/docs"
                                                                           : "%s://%s:%u/docs",
                                      scheme, is_any ? "localhost" : host, ct_server_port(server));
    CT_LOG(program->log, CT_LOG_INFO, "listening", CT_F_TEXT("host", host),
           CT_F_INT("port", ct_server_port(server)), CT_F_TEXT("docs", url),
           CT_F_TEXT("version", CT_VERSION));
    const char *ready = ct_arena_printf(program->arena, "READY=1\nSTATUS=Serving, see %s", url);
    (void)ct_notify_send(notify, ready == NULL ? "READY=1" : ready);
}

/* While starting, large blocks are mapped alone: those that are thrown away leave no holes, and tables that are made
 * for the worst case cost what is written to. */
static void save_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
}

/* Requests use the same large blocks again and again, which should not go back to the kernel each time. */
static void save_time(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 2 * 1024 * 1024);
}

/* What /openapi.json is made of. */
struct routes {
    const struct ct_program *program;
    const struct ct_mounts *mounts;
};

static enum ct_result document_routes(void *ctx, struct ct_arena *arena, struct ct_str *out)
{
    const struct routes *routes = ctx;
    return ct_program_make_document(routes->program, arena, routes->mounts, out);
}

int ct_serve_command(struct ct_program *program, int argc, char **argv)
{
    (void)argv;
    if (argc > 0)
        return ct_program_fail(
            "serve takes no arguments; settings come from .env and the environment");
    int status = 1;
    const char *why = NULL;
    struct ct_pool *hashing = NULL;
    struct ct_pool *readers = NULL;
    struct ct_server *server = NULL;
    struct ct_docs *docs = NULL;
    struct ct_mounts mounts;
    struct routes routes = {program, &mounts};
    struct ct_sweeper *sweeper = NULL;
    struct ct_keeper *keeper = NULL;
    struct ct_listener listener = {.socket = -1};
    struct ct_notify notify;
    struct ct_watchdog watchdog;
    ct_notify_init(&notify, getenv("NOTIFY_SOCKET"), getenv("WATCHDOG_USEC"),
                   getenv("WATCHDOG_PID"));

    save_memory();
    /* Every thread inherits this: signals wait for wait_for_stop. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    /* A client that has gone, and a file at its limit, are errors of the call that met them. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);

    /* Warned first: a misspelt SECRET_KEY explains that there is none. */
    if (!ct_program_load_config(program) || !ct_program_open_log(program) || !warn(program) ||
        !ct_program_require_secret(program) || !bind_listener(program, &listener) ||
        !bind_voice(program) || !ct_program_open_metrics(program) ||
        !ct_program_open_store(program) || !ct_program_open_numbers(program) ||
        !ct_program_open_accounts(program))
        goto out;
    enum ct_result result = ct_docs_new((struct ct_docs_maker){document_routes, &routes}, &docs);
    mounts = ct_program_all_mounts(program, docs);
    if (result == CT_OK)
        result = ct_pool_start("hashing", core_count(), core_count() * HASHES_WAITING, HASHING_NICE,
                               &hashing);
    if (result == CT_OK)
        ct_pool_limit_wait(hashing, program->config.queue_wait_ms / 2); /* a write follows */
    if (result == CT_OK)
        result = start_readers(program, &readers);
    if (result == CT_OK)
        result = ct_accounts_listen(&program->accounts, program->store);
    if (result == CT_OK)
        result = ct_sweeper_start(program->store, program->log, program->metrics, &sweeper);
    if (result == CT_OK)
        result = start_keeper(program, &keeper);
    if (result == CT_OK)
        result = start_events(program);
    if (result == CT_OK)
        result = start_ops(program, hashing);
    if (result == CT_OK)
        result = start_voice(program, keeper, &why);
    if (result == CT_OK)
        result =
            start_server(program, hashing, readers, &mounts, &listener, &notify, &server, &why);
    if (result != CT_OK) {
        status =
            why != NULL ? ct_program_fail(why) : ct_program_fail_result("cannot start", result);
        goto out;
    }
    save_time();
    say_listening(program, server, &notify);
    ct_watchdog_start(&watchdog, &notify, program->store, program->voice, program->log);
    wait_for_stop(program, &signals, &notify, &watchdog);
    /* A second SIGINT or SIGTERM ends the program at once; SIGHUP has nothing to ask for any more. */
    (void)signal(SIGHUP, SIG_IGN);
    (void)pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    linger(program, &watchdog);
    status = 0;
out:
    ct_server_stop(server, STOP_GRACE_MS);
    ct_docs_free(docs);
    ct_voice_stop(program->voice);
    program->voice = NULL;
    ct_pool_stop(hashing);
    ct_pool_stop(readers);
    ct_sweeper_stop(sweeper);
    ct_keeper_stop(keeper);
    ct_events_stop(&program->events);
    ct_listener_close(&listener);
    ct_readiness_end(program->ops.readiness);
    ct_store_close(program->store);
    program->store = NULL;
    if (status == 0)
        ct_log_write(program->log, CT_LOG_INFO, "stopped", NULL);
    return status;
}
