#ifndef CT_STORE_POSTGRES_LINK_H
#define CT_STORE_POSTGRES_LINK_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "store/postgres_url.h"

/**
 * A connection to a server in libpq's pipeline mode, on which every wait has an end. Commands are sent
 * with PQsend…, counted by ct_pg_sent, and their results read together; whatever goes wrong between here
 * and the server drops the connection. One thread at a time.
 */
struct ct_pg_link {
    PGconn *conn;   /* NULL: there is none */
    size_t unread;  /* synchronizations whose results nobody has read yet */
    bool warned;    /* the server sent a warning; whoever asks clears it first */
    bool silent;    /* it was dropped because nothing came for too long */
    bool may_retry; /* of the last failure: the same may succeed a moment later */
    char *trouble;  /* room for what was said about the last failure; the owner's */
    size_t trouble_size;
};

/** Connects to whichever of the servers may be written to: all are tried at the same time, and the first
 *  one wins. Then runs @p setup, statements without parameters of which the last gives the name of the
 *  database's encoding. CT_UNAVAILABLE; CT_INVALID when the server is too old or the encoding is not
 *  UTF-8. @p deadline_us is on the monotonic clock. */
CT_CHECKED enum ct_result ct_pg_connect(struct ct_pg_link *link, const struct ct_pg_url *url,
                                        const char *setup, int64_t deadline_us);
/** Closes the connection without waiting for anything. Nothing happens when there is none. */
void ct_pg_drop(struct ct_pg_link *link);
/** Notes what a function PQsend… has answered: 0 drops the connection, and false is answered. */
bool ct_pg_sent(struct ct_pg_link *link, int answer);
/** Ends what was sent since the last time, and sees that it is on its way. CT_UNAVAILABLE, and the
 *  connection is dropped. Its results are counted as unread. */
CT_CHECKED enum ct_result ct_pg_sync(struct ct_pg_link *link, int64_t deadline_us);
/** Reads the results up to the last synchronization; those of earlier ones are dropped. CT_OK: @p last is
 *  the result of the last command, to be freed with PQclear. Otherwise @p good says how many commands of
 *  the last synchronization had succeeded before the first that failed, and the answer is what that one
 *  met; the connection may have been dropped. */
CT_CHECKED enum ct_result ct_pg_receive(struct ct_pg_link *link, int64_t deadline_us,
                                        PGresult **last, size_t *good);
/** Asks for the answers to what was sent, without a synchronization: the transaction that the first of these
 *  commands has begun goes on. As ct_pg_sync otherwise, but for `unread`. */
CT_CHECKED enum ct_result ct_pg_ask(struct ct_pg_link *link, int64_t deadline_us);
/** Reads the results of the last @p count commands, 1 or more, which no synchronization follows; those of all
 *  that was sent before the last synchronization are dropped. As ct_pg_receive otherwise. */
CT_CHECKED enum ct_result ct_pg_receive_some(struct ct_pg_link *link, int64_t deadline_us,
                                             size_t count, PGresult **last, size_t *good);
/** What an SQLSTATE (five characters) means. @p may_retry: whether the same may succeed a moment later. */
enum ct_result ct_pg_result_of(const char *sqlstate, bool *may_retry);

#endif
