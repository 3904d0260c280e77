#ifndef CT_SIP_MAILBOX_H
#define CT_SIP_MAILBOX_H

#include "base/result.h"

/**
 * How other threads reach the one that owns all SIP state: the store's writer (`done` of a job), HTTP handlers.
 * A letter is part of what it is about (a job, a request), so that sending one needs no memory and cannot fail,
 * and as many are under way at most as there are such things.
 */
struct ct_sip_letter {
    void (*open)(void *ctx); /* on the SIP thread, once */
    void *ctx;
    struct ct_sip_letter *next; /* the mailbox's, until `open` is called */
};

/** Where letters go: the mailbox of the SIP thread, or what a test or a simulator has in its place. */
struct ct_sip_post {
    void *ctx;
    void (*post)(void *ctx, struct ct_sip_letter *letter);
};

/** The real one. Letters are opened in the order in which they were posted. */
struct ct_sip_mailbox;

/** The owner frees it with ct_sip_mailbox_free. CT_IO, CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_mailbox_new(struct ct_sip_mailbox **out);
/** Nobody posts any more; what was not opened is dropped. NULL is allowed. */
void ct_sip_mailbox_free(struct ct_sip_mailbox *mailbox);
/** From any thread. */
void ct_sip_mailbox_post(struct ct_sip_mailbox *mailbox, struct ct_sip_letter *letter);
/** A file descriptor that can be read from when there are letters. */
int ct_sip_mailbox_fd(const struct ct_sip_mailbox *mailbox);
/** Opens those that are there, on the thread that owns the state. One that posts another while it is opened
 *  sees that one opened by the next call. */
void ct_sip_mailbox_open(struct ct_sip_mailbox *mailbox);

#endif
