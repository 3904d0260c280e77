#ifndef CT_BASE_LOG_H
#define CT_BASE_LOG_H

#include <stdint.h>

#include "base/result.h"
#include "base/text.h"

/**
 * Structured log: one line an event, `text` for people or `json` for machines, each line one
 * write(2). Safe from any thread. Secrets are never given to it. For systemd's journal, which adds the time
 * itself, `text` is without it and begins with the level as sd-daemon(3) has it.
 */
struct ct_log;

enum ct_log_level { CT_LOG_DEBUG, CT_LOG_INFO, CT_LOG_WARNING, CT_LOG_ERROR };
enum ct_log_format { CT_LOG_TEXT, CT_LOG_JSON, CT_LOG_JOURNAL };

enum ct_log_type { CT_LOG_END_OF_FIELDS, CT_LOG_STRING, CT_LOG_INTEGER, CT_LOG_MILLIS };

struct ct_log_field {
    const char *name;
    enum ct_log_type type;
    struct ct_str text;
    int64_t number;
};

/** A text field; NULL is the empty text. */
#define CT_F_TEXT(name, value)                     \
    {                                              \
        (name), CT_LOG_STRING, ct_str_of(value), 0 \
    }
#define CT_F_STR(name, value)             \
    {                                     \
        (name), CT_LOG_STRING, (value), 0 \
    }
#define CT_F_INT(name, value)                         \
    {                                                 \
        (name), CT_LOG_INTEGER, {0}, (int64_t)(value) \
    }
/** A duration given in microseconds and printed in milliseconds with three decimals. */
#define CT_F_US(name, value)                         \
    {                                                \
        (name), CT_LOG_MILLIS, {0}, (int64_t)(value) \
    }

/** Whether standard error is the journal that @p journal_stream, the value of JOURNAL_STREAM, names
 * (systemd.exec(5)); NULL is unset. */
bool ct_log_is_journal(const char *journal_stream);
/** Opens the log. @p path NULL or "" is standard error; a file is appended to, made with mode 0640.
 *  CT_IO (errno tells why) or CT_NOMEM. The owner closes it with ct_log_close. */
CT_CHECKED enum ct_result ct_log_open(const char *path, enum ct_log_format format,
                                      enum ct_log_level level, struct ct_log **out);
/** Opens the file of the log again, after a rotation. Keeps the old one when that fails: CT_IO. */
CT_CHECKED enum ct_result ct_log_reopen(struct ct_log *log);
void ct_log_close(struct ct_log *log);
/** Whether a line of this level would be written; NULL logs nothing. */
bool ct_log_wants(const struct ct_log *log, enum ct_log_level level);
/** Writes one event; @p fields ends with an all-zero entry; NULL is none. */
void ct_log_write(struct ct_log *log, enum ct_log_level level, const char *event,
                  const struct ct_log_field *fields);

/** Writes an event with at least one field; without any, call ct_log_write with NULL. */
#define CT_LOG(log, level, event, ...) \
    ct_log_write((log), (level), (event), (const struct ct_log_field[]){__VA_ARGS__, {0}})

#endif
