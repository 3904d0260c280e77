#include "sip/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct ct_sip_mailbox {
    pthread_mutex_t lock;
    struct ct_sip_letter *first, **last;
    int event;
};

enum ct_result ct_sip_mailbox_new(struct ct_sip_mailbox **out)
{
    struct ct_sip_mailbox *mailbox = calloc(1, sizeof(*mailbox));
    if (mailbox == NULL)
        return CT_NOMEM;
    mailbox->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (mailbox->event < 0 || pthread_mutex_init(&mailbox->lock, NULL) != 0) {
        if (mailbox->event >= 0)
            (void)close(mailbox->event);
        free(mailbox);
        return CT_IO;
    }
    mailbox->last = &mailbox->first;
    *out = mailbox;
    return CT_OK;
}

void ct_sip_mailbox_free(struct ct_sip_mailbox *mailbox)
{
    if (mailbox == NULL)
        return;
    (void)close(mailbox->event);
    (void)pthread_mutex_destroy(&mailbox->lock);
    free(mailbox);
}

void ct_sip_mailbox_post(struct ct_sip_mailbox *mailbox, struct ct_sip_letter *letter)
{
    const uint64_t one = 1;
    letter->next = NULL;
    (void)pthread_mutex_lock(&mailbox->lock);
    bool empty = mailbox->first == NULL;
    *mailbox->last = letter;
    mailbox->last = &letter->next;
    /* Within the lock: once a letter is opened, its sender may be free to end the mailbox. */
    if (empty) {
        ssize_t done = write(mailbox->event, &one, sizeof(one));
        assert(done == sizeof(one) || errno == EAGAIN);
    }
    (void)pthread_mutex_unlock(&mailbox->lock);
}

int ct_sip_mailbox_fd(const struct ct_sip_mailbox *mailbox)
{
    return mailbox->event;
}

void ct_sip_mailbox_open(struct ct_sip_mailbox *mailbox)
{
    uint64_t count;
    (void)pthread_mutex_lock(&mailbox->lock);
    ssize_t done = read(mailbox->event, &count, sizeof(count));
    assert(done == sizeof(count) || errno == EAGAIN);
    struct ct_sip_letter *letter = mailbox->first;
    mailbox->first = NULL;
    mailbox->last = &mailbox->first;
    (void)pthread_mutex_unlock(&mailbox->lock);
    while (letter != NULL) {
        struct ct_sip_letter *next = letter->next;
        letter->open(letter->ctx);
        letter = next;
    }
}
