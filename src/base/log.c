#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"

/* Enough for a line that grew once or twice. */
#define LINE_ROOM 1536

struct ct_log {
    char *path; /* NULL: standard error */
    enum ct_log_format format;
    enum ct_log_level level;
    pthread_rwlock_t lock; /* taken for writing only to change `fd` */
    int fd;
};

static const char *const LEVELS[] = {"debug", "info", "warning", "error"};
static const int PRIORITIES[] = {LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR};

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

bool ct_log_is_journal(const char *journal_stream)
{
    struct stat about;
    char expected[64];
    if (journal_stream == NULL || fstat(STDERR_FILENO, &about) != 0)
        return false;
    (void)snprintf(expected, sizeof(expected), "%ju:%ju", (uintmax_t)about.st_dev,
                   (uintmax_t)about.st_ino);
    return strcmp(journal_stream, expected) == 0;
}

enum ct_result ct_log_open(const char *path, enum ct_log_format format, enum ct_log_level level,
                           struct ct_log **out)
{
    struct ct_log *log = calloc(1, sizeof(*log));
    if (log == NULL)
        return CT_NOMEM;
    log->format = format;
    log->level = level;
    log->fd = STDERR_FILENO;
    if (path != NULL && path[0] != '\0') {
        log->path = strdup(path);
        if (log->path == NULL) {
            free(log);
            return CT_NOMEM;
        }
        log->fd = open_file(path);
        if (log->fd < 0) {
            int why = errno;
            free(log->path);
            free(log);
            errno = why;
            return CT_IO;
        }
    }
    pthread_rwlock_init(&log->lock, NULL);
    *out = log;
    return CT_OK;
}

enum ct_result ct_log_reopen(struct ct_log *log)
{
    if (log->path == NULL)
        return CT_OK;
    int fresh = open_file(log->path);
    if (fresh < 0)
        return CT_IO;
    pthread_rwlock_wrlock(&log->lock);
    int old = log->fd;
    log->fd = fresh;
    pthread_rwlock_unlock(&log->lock);
    (void)close(old);
    return CT_OK;
}

void ct_log_close(struct ct_log *log)
{
    if (log == NULL)
        return;
    if (log->path != NULL)
        (void)close(log->fd);
    pthread_rwlock_destroy(&log->lock);
    free(log->path);
    free(log);
}

bool ct_log_wants(const struct ct_log *log, enum ct_log_level level)
{
    return log != NULL && level >= log->level;
}

static void add_millis(struct ct_buf *line, int64_t us)
{
    ct_buf_int(line, us / 1000);
    ct_buf_char(line, '.');
    ct_buf_digits(line, us % 1000, 3);
}

static void add_json(struct ct_buf *line, enum ct_log_level level, const char *event,
                     const struct ct_log_field *fields)
{
    ct_buf_text(line, "{\"time\":\"");
    ct_buf_time(line, ct_clock_unix_ms());
    ct_buf_text(line, "\",\"level\":\"");
    ct_buf_text(line, LEVELS[level]);
    ct_buf_text(line, "\",\"event\":");
    ct_buf_json(line, ct_str_of(event));
    for (; fields != NULL && fields->name != NULL; fields++) {
        ct_buf_member(line, ',', fields->name);
        if (fields->type == CT_LOG_INTEGER)
            ct_buf_int(line, fields->number);
        else if (fields->type == CT_LOG_MILLIS)
            add_millis(line, fields->number);
        else
            ct_buf_json(line, fields->text);
    }
    ct_buf_text(line, "}\n");
}

/* For people a text stands as it is while it is one plain word, and as a JSON string otherwise: an
 * attacker's line breaks and terminal codes stay visible as what they are. */
static void add_word(struct ct_buf *line, struct ct_str text)
{
    bool plain = text.len > 0;
    for (size_t i = 0; i < text.len && plain; i++) {
        unsigned char c = (unsigned char)text.at[i];
        plain = c > 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '=';
    }
    if (plain)
        ct_buf_str(line, text);
    else
        ct_buf_json(line, text);
}

static void add_text(struct ct_buf *line, bool to_journal, enum ct_log_level level,
                     const char *event, const struct ct_log_field *fields)
{
    if (to_journal) {
        ct_buf_printf(line, "<%d>%s", PRIORITIES[level], event);
    } else {
        ct_buf_time(line, ct_clock_unix_ms());
        ct_buf_printf(line, " %-7s %s", LEVELS[level], event);
    }
    for (; fields != NULL && fields->name != NULL; fields++) {
        ct_buf_char(line, ' ');
        ct_buf_text(line, fields->name);
        ct_buf_char(line, '=');
        if (fields->type == CT_LOG_INTEGER)
            ct_buf_int(line, fields->number);
        else if (fields->type == CT_LOG_MILLIS)
            add_millis(line, fields->number);
        else
            add_word(line, fields->text);
    }
    ct_buf_char(line, '\n');
}

static void write_line(struct ct_log *log, struct ct_str line)
{
    pthread_rwlock_rdlock(&log->lock);
    size_t sent = 0;
    while (sent < line.len) {
        ssize_t got = write(log->fd, line.at + sent, line.len - sent);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break; /* a log that cannot be written must not stop the service */
        sent += (size_t)got;
    }
    pthread_rwlock_unlock(&log->lock);
}

void ct_log_write(struct ct_log *log, enum ct_log_level level, const char *event,
                  const struct ct_log_field *fields)
{
    if (!ct_log_wants(log, level))
        return;
    alignas(max_align_t) char memory[LINE_ROOM];
    struct ct_arena *arena = ct_arena_in(memory, sizeof(memory));
    if (arena == NULL)
        return;
    struct ct_buf line = ct_buf_in(arena);
    if (log->format == CT_LOG_JSON)
        add_json(&line, level, event, fields);
    else
        add_text(&line, log->format == CT_LOG_JOURNAL, level, event, fields);
    struct ct_str text = ct_buf_done(&line);
    if (!line.failed)
        write_line(log, text);
    ct_arena_free(arena);
}
