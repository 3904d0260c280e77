#ifndef CT_PROGRAM_H
#define CT_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "accounts/accounts.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "events/service.h"
#include "http/docs.h"
#include "http/route.h"
#include "numbers/numbers.h"
#include "ops/ops.h"
#include "store/store.h"
#include "voice/voice.h"

/** Everything that a command may need; what it did not open stays zero. main() closes it. */
struct ct_program {
    struct ct_arena *arena;
    struct ct_config config;
    struct ct_log *log;
    struct ct_metrics *metrics; /* of `serve` alone */
    struct ct_store *store;
    struct ct_accounts accounts;
    struct ct_numbers numbers;
    struct ct_events events; /* of `serve` alone */
    struct ct_voice *voice;  /* likewise; NULL: SIP is off */
    struct ct_ops ops;
};

/** A command gets the arguments behind its name and answers the exit status. */
typedef int ct_command(struct ct_program *program, int argc, char **argv);
ct_command ct_serve_command, ct_migrate_command, ct_user_command, ct_pool_command,
    ct_number_command, ct_metrics_command, ct_events_command, ct_backup_command, ct_restore_command,
    ct_check_command, ct_doctor_command;

/** Says why on standard error (NULL: out of memory); answers the exit status 1. */
int ct_program_fail(const char *why);
int ct_program_fail_result(const char *what, enum ct_result result);
/** Writes out what was printed: 0, or a failure when the disk is full or the reader has gone. */
int ct_program_flushed(void);

/* Each of these opens a part of the program, or says why it cannot and answers false. */
bool ct_program_load_config(struct ct_program *program);
bool ct_program_require_secret(struct ct_program *program);
bool ct_program_open_log(struct ct_program *program);
/** What is opened afterwards is counted. */
bool ct_program_open_metrics(struct ct_program *program);
bool ct_program_open_store(struct ct_program *program);
/** Settings, log and store: what the commands about users begin with. */
bool ct_program_open_database(struct ct_program *program);

/** Prepares the room of accounts; the store is open. */
bool ct_program_open_accounts(struct ct_program *program);
/** Prepares the room of numbers; the store is open. */
bool ct_program_open_numbers(struct ct_program *program);

/** Reads one user by name, in a transaction of its own. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_program_find_user(struct ct_program *program, struct ct_str name,
                                               struct ct_user *out);

/** Every route of the program, with the state of its room. */
struct ct_mounts {
    struct ct_mount all[48];
    size_t count;
};
struct ct_mounts ct_program_all_mounts(struct ct_program *program, struct ct_docs *docs);
/** The OpenAPI document of these routes. CT_NOMEM. */
CT_CHECKED enum ct_result ct_program_make_document(const struct ct_program *program,
                                                   struct ct_arena *arena,
                                                   const struct ct_mounts *mounts,
                                                   struct ct_str *out);

#endif
