#include "voice/voice_end.h"

#include <errno.h>
#include <semaphore.h>
#include <stdbool.h>
#include <time.h>

/* What the sides of calls and the store get to end them, when the server stops. */
#define FAREWELL_S 3

struct farewell {
    struct ct_sip *sip;
    struct ct_switchboard *board;
    struct ct_trunk_watch *watch;
    struct ct_timer timer;
    struct ct_sip_letter letter;
    bool begun;
    sem_t over;
};

static void look_for_end(void *ctx)
{
    struct farewell *farewell = ctx;
    if (!farewell->begun) {
        ct_switchboard_close(farewell->board);
        ct_trunk_watch_close(farewell->watch);
    }
    farewell->begun = true;
    if (ct_switchboard_is_over(farewell->board) && ct_trunk_watch_is_over(farewell->watch))
        (void)sem_post(&farewell->over);
    else
        ct_timer_start(ct_sip_wheel(farewell->sip), &farewell->timer, 5);
}

void ct_voice_hang_up(struct ct_sip_net *net, struct ct_sip *sip, struct ct_switchboard *board,
                      struct ct_trunk_watch *watch)
{
    struct timespec until;
    struct farewell farewell = {.sip = sip, .board = board, .watch = watch};
    farewell.letter = (struct ct_sip_letter){.open = look_for_end, .ctx = &farewell};
    farewell.timer = (struct ct_timer){.fire = look_for_end, .ctx = &farewell};
    if (sem_init(&farewell.over, 0, 0) != 0)
        return;
    const struct ct_sip_post post = ct_sip_net_post(net);
    post.post(post.ctx, &farewell.letter);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += FAREWELL_S;
    while (sem_clockwait(&farewell.over, CLOCK_MONOTONIC, &until) != 0 && errno == EINTR)
        ;
    /* the thread ends before what it looks at does */
    ct_sip_net_end(net);
    ct_timer_stop(&farewell.timer);
    (void)sem_destroy(&farewell.over);
}
