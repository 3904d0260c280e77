#ifndef CT_ACCOUNTS_AUDIT_H
#define CT_ACCOUNTS_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "http/route.h"
#include "store/store.h"

/** The record of who did what: a row for every change, written in the transaction of the change. */
enum ct_audit_action {
#define CT_AUDIT_ACTION(name, ...) CT_AUDIT_##name,
#include "accounts/audit_actions.def"
};

/** One change. Texts are borrowed. */
struct ct_audit {
    int64_t user_id;  /* whose account it was done to, and who may read of it */
    int64_t actor_id; /* the account that did it; 0: the command line or the passing of time */
    int64_t key_id;   /* the actor's API key; 0 is none */
    enum ct_audit_action action;
    int64_t target_id;    /* of the account, key, number, pool; 0 is none */
    struct ct_str detail; /* a few words, such as the number itself; never a secret; may be empty */
    struct ct_str address; /* where the request came from; empty: not from outside */
};

/** Writes one row. */
CT_CHECKED enum ct_result ct_audit_write(struct ct_db *db, int64_t now_ms,
                                         const struct ct_audit *entry);
/** The same of a request, whose caller is the actor. */
CT_CHECKED enum ct_result ct_audit_call(const struct ct_call *call, int64_t user_id,
                                        enum ct_audit_action action, int64_t target_id,
                                        struct ct_str detail);
/** The word and the target's kind of an action: static text, never NULL. */
const char *ct_audit_word(enum ct_audit_action action);
const char *ct_audit_target(enum ct_audit_action action);

/** GET /audit. Needs no room. */
extern const struct ct_route ct_audit_routes[];
extern const size_t ct_audit_route_count;

#endif
