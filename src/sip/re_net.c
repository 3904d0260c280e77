#include "sip/re_net.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "sip/re_inside.h"

#define DEBUG_MODULE "sip"
#define DEBUG_LEVEL 0
#include <re_dbg.h>

/* libre keeps a table of all file descriptors of the process up to this number. */
#define DESCRIPTORS_MOST 32768
/* How often connections are looked at for those that have had their time. */
#define SWEEP_MOST_MS 1000

int64_t ct_re_now_ms(void)
{
    return ct_clock_monotonic_us() / 1000;
}

/* ---- the outer world ---- */

static int64_t env_now_ms(void *ctx)
{
    (void)ctx;
    return ct_re_now_ms();
}

static int64_t env_unix_ms(void *ctx)
{
    (void)ctx;
    return ct_clock_unix_ms();
}

static void env_random(void *ctx, void *out, size_t size)
{
    struct ct_sip_net *net = ctx;
    uint8_t *at = out;
    while (size > 0) {
        if (net->chances == 0) {
            enum ct_result result = ct_random_bytes(net->chance, sizeof(net->chance));
            assert(result == CT_OK); /* the kernel has given some before: see ct_sip_net_bind */
            net->chances = sizeof(net->chance);
        }
        size_t some = size < net->chances ? size : net->chances;
        uint8_t *from = net->chance + sizeof(net->chance) - net->chances;
        memcpy(at, from, some);
        explicit_bzero(from, some);
        net->chances -= some;
        at += some;
        size -= some;
    }
}

static enum ct_result env_send(void *ctx, const struct ct_sip_hop *to, struct ct_str bytes)
{
    struct ct_sip_net *net = ctx;
    if (bytes.len == 0 || net->streams == NULL)
        return CT_UNAVAILABLE;
    return to->transport == CT_SIP_UDP ? ct_re_udp_send(net, to, bytes)
                                       : ct_re_streams_send(net, to, bytes);
}

static void env_local(void *ctx, const struct ct_sip_hop *to, struct ct_sip_local *out)
{
    ct_re_local(ctx, to, out);
}

const struct ct_sip_env *ct_sip_net_env(struct ct_sip_net *net)
{
    return &net->env;
}

/* ---- the loop ---- */

static void arm(struct ct_sip_net *net, int64_t at_ms)
{
    const struct itimerspec when = {
        .it_value = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000}};
    (void)timerfd_settime(net->timer, TFD_TIMER_ABSTIME, &when, NULL);
    net->armed_ms = at_ms;
}

void ct_re_turn(struct ct_sip_net *net)
{
    int64_t now = ct_re_now_ms();
    ct_pulse_beat(&net->pulse);
    if (now >= net->sweep_ms) {
        ct_re_streams_sweep(net, now);
        ct_re_dns_sweep(net, now);
        int64_t shortest = net->options.idle_ms < net->options.message_ms ? net->options.idle_ms
                                                                          : net->options.message_ms;
        net->sweep_ms = now + (shortest / 4 < SWEEP_MOST_MS ? shortest / 4 + 1 : SWEEP_MOST_MS);
    }
    net->user.turn(net->user.ctx);
    ct_re_streams_bury(net);
    if (net->user.rest != NULL)
        net->user.rest(net->user.ctx);
    int64_t next = net->user.next_ms(net->user.ctx);
    if (net->sweep_ms < next)
        next = net->sweep_ms;
    if (next < 1)
        next = 1;
    /* One that is set too early costs a turn, less than setting it each time. */
    if (next < net->armed_ms || net->armed_ms <= now)
        arm(net, next);
    if (atomic_load(&net->stopping) &&
        (net->user.settled == NULL || net->user.settled(net->user.ctx)))
        re_cancel();
}

static void timer_rang(int flags, void *arg)
{
    struct ct_sip_net *net = arg;
    uint64_t times;
    (void)flags;
    ssize_t size = read(net->timer, &times, sizeof(times));
    (void)size;
    net->armed_ms = 0;
    ct_re_turn(net);
}

static void stop_listening(struct ct_sip_net *net)
{
    for (size_t i = 0; i < net->listener_count; i++) {
        if (net->listeners[i].fd >= 0)
            fd_close(net->listeners[i].fd);
        net->listeners[i].tcp = mem_deref(net->listeners[i].tcp);
    }
}

static void letters_came(int flags, void *arg)
{
    struct ct_sip_net *net = arg;
    (void)flags;
    ct_sip_mailbox_open(net->mailbox);
    if (atomic_load(&net->stopping))
        stop_listening(net);
    ct_re_turn(net);
}

static enum ct_result start_listener(struct ct_sip_net *net, struct ct_re_listener *listener)
{
    if (listener->listen.transport == CT_SIP_UDP)
        return ct_re_udp_start(listener);
    int error = ct_re_streams_listen(listener);
    if (error == 0)
        return CT_OK;
    /* Two programs that start at once can both have bound the address: this is where one of them fails. */
    struct ct_arena *arena = ct_arena_new();
    const char *why = arena == NULL ? NULL : ct_re_listen_explain(arena, listener, error);
    if (why != NULL)
        (void)strncpy(net->start_why, why, sizeof(net->start_why) - 1);
    ct_arena_free(arena);
    return CT_IO;
}

static enum ct_result start_all(struct ct_sip_net *net)
{
    struct rlimit limit;
    int most = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS_MOST
                   ? (int)limit.rlim_cur
                   : DESCRIPTORS_MOST;
    if (fd_setsize(most) != 0 || poll_method_set(METHOD_EPOLL) != 0)
        return CT_NOMEM;
    enum ct_result result = ct_re_streams_new(net);
    if (result == CT_OK &&
        (fd_listen(net->timer, FD_READ, timer_rang, net) != 0 ||
         fd_listen(ct_sip_mailbox_fd(net->mailbox), FD_READ, letters_came, net) != 0))
        result = CT_IO;
    for (size_t i = 0; result == CT_OK && i < net->listener_count; i++)
        result = start_listener(net, &net->listeners[i]);
    return result;
}

static void say_started(struct ct_sip_net *net, enum ct_result result)
{
    (void)pthread_mutex_lock(&net->lock);
    net->started = true;
    net->start_result = result;
    (void)pthread_cond_signal(&net->changed);
    (void)pthread_mutex_unlock(&net->lock);
}

static void *run(void *arg)
{
    struct ct_sip_net *net = arg;
    enum ct_result result = re_thread_init() == 0 ? CT_OK : CT_NOMEM;
    (void)pthread_setname_np(pthread_self(), "sip");
    if (result == CT_OK)
        result = start_all(net);
    if (result == CT_OK) {
        ct_pulse_begin(&net->pulse);
        arm(net, 1);
    }
    say_started(net, result);
    if (result == CT_OK) {
        (void)re_main(NULL);
        if (net->user.end != NULL)
            net->user.end(net->user.ctx);
    }
    stop_listening(net);
    ct_re_streams_free(net);
    re_thread_close();
    return NULL;
}

/* ---- from outside ---- */

static enum ct_result copy_public_address(struct ct_sip_net *net)
{
    struct ct_sip_socket address;
    const char *text = net->options.public_address;
    if (text == NULL || text[0] == '\0')
        return CT_OK;
    bool bare = ct_sip_address_parse(ct_str_of(text), &address) && address.family == CT_SIP_IPV6 &&
                text[0] != '[';
    int length = asprintf(&net->public_address, bare ? "[%s]" : "%s", text);
    if (length < 0)
        net->public_address = NULL;
    return length < 0 ? CT_NOMEM : CT_OK;
}

static void free_net(struct ct_sip_net *net)
{
    for (size_t i = 0; i < CT_SIP_LISTEN_MOST; i++)
        ct_re_listen_close(&net->listeners[i]);
    if (net->timer >= 0)
        (void)close(net->timer);
    ct_re_tls_close(net);
    ct_re_dns_free(net);
    ct_sip_mailbox_free(net->mailbox);
    ct_re_local_free(net);
    free(net->datagrams);
    free(net->public_address);
    (void)pthread_cond_destroy(&net->changed);
    (void)pthread_mutex_destroy(&net->lock);
    explicit_bzero(net->chance, sizeof(net->chance));
    free(net);
}

static struct ct_sip_net *make_net(const struct ct_sip_net_options *options)
{
    struct ct_sip_net *net = calloc(1, sizeof(*net));
    if (net == NULL)
        return NULL;
    net->options = *options;
    net->timer = -1;
    net->env = (struct ct_sip_env){.ctx = net,
                                   .now_ms = env_now_ms,
                                   .unix_ms = env_unix_ms,
                                   .random = env_random,
                                   .send = env_send,
                                   .local = env_local,
                                   .resolve = ct_re_resolve,
                                   .resolve_cancel = ct_re_resolve_cancel};
    (void)pthread_mutex_init(&net->lock, NULL);
    (void)pthread_cond_init(&net->changed, NULL);
    for (size_t i = 0; i < CT_SIP_LISTEN_MOST; i++)
        net->listeners[i].fd = -1;
    return net;
}

enum ct_result ct_sip_net_bind(const struct ct_sip_net_options *options, struct ct_arena *arena,
                               struct ct_sip_net **out, const char **why)
{
    assert(options->listen_count <= CT_SIP_LISTEN_MOST);
    struct ct_sip_net *net = make_net(options);
    if (net == NULL)
        return CT_NOMEM;
    dbg_init(DBG_EMERG, DBG_NONE); /* libre's own words on standard error: nobody reads them */
    enum ct_result result = ct_random_bytes(net->chance, sizeof(net->chance));
    if (result == CT_OK)
        result = copy_public_address(net);
    if (result == CT_OK)
        result = ct_sip_mailbox_new(&net->mailbox);
    net->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (result == CT_OK && net->timer < 0)
        result = CT_IO;
    for (size_t i = 0; result == CT_OK && i < options->listen_count; i++) {
        struct ct_re_listener *listener = &net->listeners[i];
        listener->net = net;
        listener->listen = options->listen[i];
        listener->number = (uint32_t)i + 1;
        net->listener_count = i + 1;
        result = ct_re_listen_bind(listener, arena, why);
        net->listened[i] = listener->listen;
    }
    if (result == CT_OK)
        result = ct_re_tls_open(net, arena, why);
    if (result != CT_OK) {
        free_net(net);
        return result;
    }
    *out = net;
    return CT_OK;
}

enum ct_result ct_sip_net_start(struct ct_sip_net *net, const struct ct_sip_net_user *user,
                                struct ct_arena *arena, const char **why)
{
    net->user = *user;
    if (pthread_create(&net->thread, NULL, run, net) != 0)
        return CT_NOMEM;
    net->running = true;
    (void)pthread_mutex_lock(&net->lock);
    while (!net->started)
        (void)pthread_cond_wait(&net->changed, &net->lock);
    enum ct_result result = net->start_result;
    (void)pthread_mutex_unlock(&net->lock);
    if (result != CT_OK) {
        (void)pthread_join(net->thread, NULL);
        net->running = false;
        if (net->start_why[0] != '\0')
            *why = ct_arena_copy(arena, net->start_why, strlen(net->start_why));
    }
    return result;
}

static void wake(struct ct_sip_net *net)
{
    const uint64_t one = 1;
    ssize_t done = write(ct_sip_mailbox_fd(net->mailbox), &one, sizeof(one));
    (void)done;
}

void ct_sip_net_end(struct ct_sip_net *net)
{
    if (net == NULL || !net->running)
        return;
    atomic_store(&net->stopping, true);
    wake(net);
    (void)pthread_join(net->thread, NULL);
    net->running = false;
}

void ct_sip_net_free(struct ct_sip_net *net)
{
    if (net == NULL)
        return;
    ct_sip_net_end(net);
    free_net(net);
}

static void post(void *ctx, struct ct_sip_letter *letter)
{
    struct ct_sip_net *net = ctx;
    ct_sip_mailbox_post(net->mailbox, letter);
}

struct ct_sip_post ct_sip_net_post(struct ct_sip_net *net)
{
    return (struct ct_sip_post){.ctx = net, .post = post};
}

const struct ct_pulse *ct_sip_net_poke(struct ct_sip_net *net)
{
    wake(net);
    return &net->pulse;
}

size_t ct_sip_net_listeners(const struct ct_sip_net *net, const struct ct_sip_listen **out)
{
    *out = net->listened;
    return net->listener_count;
}
