#include "store/postgres.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

/* What waits to be told, at most; the oldest is forgotten then. */
#define WAITING 256
/* A connection on which nothing was heard for so long is asked whether it is still there. */
#define QUIET_MS 5000
/* Until connecting is tried again. */
#define AGAIN_MS 200
/* What commits have touched is told so often and no more: each NOTIFY is a transaction of its own. */
#define TOUCH_MS 20
/* NOTIFY takes texts of less than 8,000 bytes. */
#define MAX_TEXT 7900

static const char settings[] =
    "SET client_min_messages = warning; SET statement_timeout = 5000; SET idle_session_timeout = "
    "0; "
    "LISTEN cloud_telephony_news; SELECT current_setting('server_encoding')";

struct ct_pg_news {
    struct ct_database *database;
    void (*heard)(void *ctx, struct ct_str text);
    void *ctx;
    pthread_t thread;
    int wake; /* an eventfd: there is something to be told, or the end has come */
    pthread_mutex_t mutex;
    char *waiting[WAITING]; /* a ring; the mutex guards it and what follows */
    size_t first;
    size_t count;
    unsigned touched; /* what commits have touched, and nobody was told yet */
    bool ending;
    /* the thread's */
    struct ct_pg_link link;
    char trouble[160];
    bool lost;        /* and a line of the log has told of it */
    int64_t touch_us; /* when it was last told what commits have touched */
};

static bool is_ending(struct ct_pg_news *news)
{
    pthread_mutex_lock(&news->mutex);
    bool ending = news->ending;
    pthread_mutex_unlock(&news->mutex);
    return ending;
}

/* The oldest text that waits, which the caller frees; NULL when there is none. */
static char *take(struct ct_pg_news *news)
{
    char *text = NULL;
    pthread_mutex_lock(&news->mutex);
    if (news->count > 0) {
        text = news->waiting[news->first];
        news->first = (news->first + 1) % WAITING;
        news->count--;
    }
    pthread_mutex_unlock(&news->mutex);
    return text;
}

/* Until what was touched may be told, in milliseconds; -1: nothing was. */
static int touch_wait(struct ct_pg_news *news)
{
    pthread_mutex_lock(&news->mutex);
    bool any = news->touched != 0;
    pthread_mutex_unlock(&news->mutex);
    int64_t left_us = news->touch_us + INT64_C(1000) * TOUCH_MS - ct_clock_monotonic_us();
    return !any ? -1 : left_us > 0 ? (int)(left_us / 1000) + 1 : 0;
}

/* "touched 1", if it is time; false: there is nothing to tell. */
static bool take_touched(struct ct_pg_news *news, char text[16])
{
    if (touch_wait(news) != 0)
        return false;
    pthread_mutex_lock(&news->mutex);
    (void)snprintf(text, 16, "touched %u", news->touched & 7U);
    news->touched = 0;
    pthread_mutex_unlock(&news->mutex);
    news->touch_us = ct_clock_monotonic_us();
    return true;
}

static int64_t deadline(void)
{
    return ct_clock_monotonic_us() + CT_PG_ANSWER_US;
}

static size_t send(struct ct_pg_link *link, const char *text)
{
    const char *values[] = {text};
    return link->conn == NULL
               ? 0
               : ct_pg_sent(link, PQsendQueryParams(link->conn,
                                                    "SELECT pg_notify('cloud_telephony_news', $1)",
                                                    1, NULL, values, NULL, NULL, 0));
}

/* Sends all that waits, or a question for a sign of life; what was told when the connection is lost meanwhile is
 * told to nobody. */
static void say(struct ct_pg_news *news, bool ask)
{
    struct ct_pg_link *link = &news->link;
    size_t count = 0;
    char *text;
    char touched[16];
    while ((text = take(news)) != NULL) {
        count += send(link, text);
        free(text);
    }
    if (take_touched(news, touched))
        count += send(link, touched);
    if (count == 0 && ask && link->conn != NULL)
        count += ct_pg_sent(
            link, PQsendQueryParams(link->conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0));
    PGresult *last = NULL;
    size_t good;
    if (count > 0 && link->conn != NULL && ct_pg_sync(link, deadline()) == CT_OK &&
        ct_pg_receive(link, deadline(), &last, &good) == CT_OK)
        PQclear(last);
}

/* Hands over what others have told. */
static void hear(struct ct_pg_news *news)
{
    struct ct_pg_link *link = &news->link;
    PGnotify *one;
    if (link->conn != NULL && PQconsumeInput(link->conn) == 0)
        ct_pg_drop(link);
    while (link->conn != NULL && (one = PQnotifies(link->conn)) != NULL) {
        if (one->be_pid != PQbackendPID(link->conn))
            news->heard(news->ctx, ct_str_of(one->extra));
        PQfreemem(one);
    }
}

static void connect_again(struct ct_pg_news *news)
{
    struct ct_database *database = news->database;
    enum ct_result result = ct_pg_connect(&news->link, &database->url, settings,
                                          ct_clock_monotonic_us() + database->url.connect_us);
    if (result == CT_OK && news->lost)
        ct_log_write(database->log, CT_LOG_INFO, "servers_hear_each_other_again", NULL);
    else if (result != CT_OK && !news->lost)
        CT_LOG(database->log, CT_LOG_WARNING, "servers_do_not_hear_each_other",
               CT_F_TEXT("reason", news->trouble));
    news->lost = result != CT_OK;
    if (result == CT_OK)
        ct_pg_reached(database);
}

/* Waits until somebody says something, on either side; false when nobody did for a while. */
static bool wait_for_news(struct ct_pg_news *news)
{
    bool connected = news->link.conn != NULL;
    struct pollfd fds[] = {
        {.fd = news->wake, .events = POLLIN},
        {.fd = connected ? PQsocket(news->link.conn) : -1, .events = POLLIN},
    };
    int touched_ms = touch_wait(news);
    int ready = poll(fds, 2, !connected ? AGAIN_MS : touched_ms >= 0 ? touched_ms : QUIET_MS);
    uint64_t count;
    if ((fds[0].revents & POLLIN) != 0 && read(news->wake, &count, sizeof(count)) < 0)
        return false;
    return ready != 0 || touched_ms >= 0;
}

static void *run(void *ctx)
{
    struct ct_pg_news *news = ctx;
    while (!is_ending(news)) {
        /* This thread finds out for all others whether a database that was away is back. */
        if (atomic_load(&news->database->failed_us) != 0)
            ct_pg_drop(&news->link);
        if (news->link.conn == NULL)
            connect_again(news);
        bool woken = wait_for_news(news);
        hear(news);
        say(news, !woken);
        hear(news); /* what came with the answers */
    }
    return NULL;
}

/* ---- the face ---- */

static void free_news(struct ct_pg_news *news)
{
    char *text;
    while ((text = take(news)) != NULL)
        free(text);
    ct_pg_drop(&news->link);
    if (news->wake >= 0)
        close(news->wake);
    pthread_mutex_destroy(&news->mutex);
    free(news);
}

enum ct_result ct_pg_listen(struct ct_database *database,
                            void (*heard)(void *ctx, struct ct_str text), void *ctx)
{
    struct ct_pg_news *news = calloc(1, sizeof(*news));
    if (news == NULL)
        return CT_NOMEM;
    *news = (struct ct_pg_news){.database = database, .heard = heard, .ctx = ctx};
    news->link.trouble = news->trouble;
    news->link.trouble_size = sizeof(news->trouble);
    pthread_mutex_init(&news->mutex, NULL);
    news->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = news->wake < 0 ? errno : pthread_create(&news->thread, NULL, run, news);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        free_news(news);
        return CT_NOMEM;
    }
    pthread_setname_np(news->thread, "ct-news");
    database->news = news;
    return CT_OK;
}

static void wake_up(struct ct_pg_news *news)
{
    uint64_t one = 1;
    ssize_t written = write(news->wake, &one, sizeof(one));
    (void)written; /* it fails when it is as high as it goes, and then wakes all the same */
}

void ct_pg_failed(struct ct_database *database)
{
    atomic_store(&database->failed_us, ct_clock_monotonic_us());
    atomic_fetch_add(&database->failures, 1);
    if (database->news != NULL)
        wake_up(database->news);
}

void ct_pg_reached(struct ct_database *database)
{
    if (atomic_exchange(&database->failed_us, 0) != 0)
        ct_log_write(database->log, CT_LOG_INFO, "database_reachable", NULL);
}

void ct_pg_tell(struct ct_database *database, struct ct_str text)
{
    struct ct_pg_news *news = database->news;
    char *copy = news == NULL || text.len > MAX_TEXT ? NULL : malloc(text.len + 1);
    char *dropped = NULL;
    if (copy == NULL)
        return;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    pthread_mutex_lock(&news->mutex);
    if (news->count == WAITING) {
        dropped = news->waiting[news->first];
        news->first = (news->first + 1) % WAITING;
        news->count--;
    }
    news->waiting[(news->first + news->count++) % WAITING] = copy;
    pthread_mutex_unlock(&news->mutex);
    free(dropped);
    wake_up(news);
}

void ct_pg_touch(struct ct_database *database, unsigned what)
{
    struct ct_pg_news *news = database->news;
    if (news == NULL)
        return;
    pthread_mutex_lock(&news->mutex);
    bool first = news->touched == 0;
    news->touched |= what;
    pthread_mutex_unlock(&news->mutex);
    if (first)
        wake_up(news);
}

void ct_pg_deafen(struct ct_database *database)
{
    struct ct_pg_news *news = database->news;
    if (news == NULL)
        return;
    pthread_mutex_lock(&news->mutex);
    news->ending = true;
    pthread_mutex_unlock(&news->mutex);
    wake_up(news);
    pthread_join(news->thread, NULL);
    database->news = NULL;
    free_news(news);
}
