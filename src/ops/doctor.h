#ifndef CT_OPS_DOCTOR_H
#define CT_OPS_DOCTOR_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/result.h"
#include "config/config.h"
#include "ops/certificate.h"

/*
 * What would keep a phone from reaching this machine: one table of checks (doctor.def), each judged from the settings and
 * from what is seen of the machine, which a test replaces.
 */

/** Addresses, without ports. */
struct ct_addresses {
    struct sockaddr_storage *at; /* in the arena of who asked */
    size_t count;
};

/** Who has a socket of SIP_LISTEN. */
enum ct_port_owner {
    CT_PORT_OURS,       /* this program */
    CT_PORT_FREE,       /* nobody */
    CT_PORT_OTHERS,     /* another program */
    CT_PORT_HIDDEN,     /* a process that the caller may not look at */
    CT_PORT_NO_ADDRESS, /* nobody can: its address is not of this machine */
    CT_PORT_NO_KIND,    /* nobody can: this machine has no addresses of its kind */
};

/** The machine. Texts and addresses are in the arena that is handed in. */
struct ct_machine {
    void *ctx;
    /** Those of the interfaces that are up, without loopback and link-local ones. */
    enum ct_result (*addresses)(void *ctx, struct ct_arena *arena, struct ct_addresses *out);
    /** Where phones find a name: by its SRV records if it has any (RFC 3263), else by its addresses; none if there are none. */
    enum ct_result (*resolve)(void *ctx, struct ct_arena *arena, const char *name,
                              struct ct_addresses *out);
    /** @p who: a few words about the owner, if it is another one. */
    enum ct_result (*port)(void *ctx, struct ct_arena *arena, const struct ct_sip_entry *entry,
                           enum ct_port_owner *out, const char **who);
    enum ct_result (*certificate)(void *ctx, struct ct_arena *arena, const struct ct_config *config,
                                  struct ct_certificate *out, const char **why);
    enum ct_result (*database)(void *ctx, struct ct_arena *arena, const char *url,
                               const char **why);
    int64_t (*unix_ms)(void *ctx);
    /** Whether the kernel says that somebody keeps its clock, or nothing. */
    bool (*clock_is_kept)(void *ctx);
    /** How many files a process may open at most; INT64_MAX: any number. */
    int64_t (*open_files)(void *ctx);
};

/** This machine. */
extern const struct ct_machine ct_this_machine;

enum ct_diagnosis {
    CT_FINE,
    CT_DOUBTFUL, /* worth knowing; phones may be reached all the same */
    CT_WRONG,    /* keeps phones away */
    CT_UNASKED,  /* means nothing with these settings */
};

/** Is told each check's outcome, as it comes. @p found: what was found, one fault a line; empty when all is well. */
typedef void ct_doctor_tell(void *ctx, const char *name, enum ct_diagnosis diagnosis,
                            const char *what, const char *found, const char *remedy);

/** Makes all checks. @p wrong says how many found what keeps phones away. CT_NOMEM. */
CT_CHECKED enum ct_result ct_doctor_examine(const struct ct_config *config,
                                            const struct ct_machine *machine, ct_doctor_tell *tell,
                                            void *ctx, size_t *wrong);

/** Prints the table of checks, as a list or as a page of documentation. */
void ct_doctor_explain(FILE *out, bool markdown);

#endif
