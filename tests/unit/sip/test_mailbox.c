#include "sip/mailbox.h"

#include <poll.h>
#include <pthread.h>
#include <stddef.h>

#include "harness.h"

#define LETTERS 64

struct box {
    struct ct_sip_mailbox *mailbox;
    int opened[LETTERS];
    int count;
};

struct letter {
    struct ct_sip_letter letter;
    struct box *box;
    int number;
    struct letter *answer;
};

static void opened(void *ctx)
{
    struct letter *letter = ctx;
    letter->box->opened[letter->box->count++] = letter->number;
    if (letter->answer != NULL)
        ct_sip_mailbox_post(letter->box->mailbox, &letter->answer->letter);
}

static void write_letter(struct box *box, struct letter *letter, int number)
{
    *letter = (struct letter){.letter = {.open = opened}, .box = box, .number = number};
    letter->letter.ctx = letter;
}

static bool is_ready(const struct box *box)
{
    struct pollfd poller = {.fd = ct_sip_mailbox_fd(box->mailbox), .events = POLLIN};
    return poll(&poller, 1, 0) == 1;
}

static enum ct_result test_order(void)
{
    enum ct_result result = CT_OK;
    struct box box = {.count = 0};
    struct letter letters[3];
    TRY(ct_sip_mailbox_new(&box.mailbox));
    EXPECT(!is_ready(&box));
    ct_sip_mailbox_open(box.mailbox);
    for (int i = 0; i < 3; i++)
        write_letter(&box, &letters[i], i);
    letters[0].answer = &letters[2];
    ct_sip_mailbox_post(box.mailbox, &letters[0].letter);
    ct_sip_mailbox_post(box.mailbox, &letters[1].letter);
    EXPECT(is_ready(&box));
    ct_sip_mailbox_open(box.mailbox);
    EXPECT(box.count == 2 && box.opened[0] == 0 && box.opened[1] == 1);
    EXPECT(is_ready(&box));
    ct_sip_mailbox_open(box.mailbox);
    EXPECT(box.count == 3 && box.opened[2] == 2 && !is_ready(&box));
    ct_sip_mailbox_post(box.mailbox, &letters[1].letter);
out:
    ct_sip_mailbox_free(box.mailbox);
    return result;
}

static void *send_all(void *arg)
{
    struct letter *letters = arg;
    for (int i = 0; i < LETTERS; i++)
        ct_sip_mailbox_post(letters[i].box->mailbox, &letters[i].letter);
    return NULL;
}

static enum ct_result test_threads(void)
{
    enum ct_result result = CT_OK;
    struct box box = {.count = 0};
    struct letter letters[LETTERS];
    pthread_t thread;
    TRY(ct_sip_mailbox_new(&box.mailbox));
    for (int i = 0; i < LETTERS; i++)
        write_letter(&box, &letters[i], i);
    if (pthread_create(&thread, NULL, send_all, letters) != 0) {
        result = CT_NOMEM;
        goto out;
    }
    while (box.count < LETTERS) {
        struct pollfd poller = {.fd = ct_sip_mailbox_fd(box.mailbox), .events = POLLIN};
        (void)poll(&poller, 1, -1);
        ct_sip_mailbox_open(box.mailbox);
    }
    (void)pthread_join(thread, NULL);
    for (int i = 0; i < LETTERS; i++)
        EXPECT(box.opened[i] == i);
out:
    ct_sip_mailbox_free(box.mailbox);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_order), CT_UNIT(test_threads)};
    return ct_unit_main("sip/mailbox", units, sizeof(units) / sizeof(units[0]));
}
