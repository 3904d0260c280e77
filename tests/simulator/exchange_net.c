#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "simulator/exchange.h"

/* The network of the server: the lan takes the place of sip/re_net.h, the simulated clock that of the clock, the seed that
 * of chance. */

#define FAREWELL_MS 3000

struct exchange *exchange_now;

enum ct_result __wrap_ct_sip_net_bind(const struct ct_sip_net_options *options,
                                      struct ct_arena *arena, struct ct_sip_net **out,
                                      const char **why);
enum ct_result __wrap_ct_sip_net_start(struct ct_sip_net *net, const struct ct_sip_net_user *user,
                                       struct ct_arena *arena, const char **why);
void __wrap_ct_sip_net_end(struct ct_sip_net *net);
void __wrap_ct_sip_net_free(struct ct_sip_net *net);
const struct ct_sip_env *__wrap_ct_sip_net_env(struct ct_sip_net *net);
struct ct_sip_post __wrap_ct_sip_net_post(struct ct_sip_net *net);
size_t __wrap_ct_sip_net_listeners(const struct ct_sip_net *net, const struct ct_sip_listen **out);
int __wrap_sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *until);
enum ct_result __wrap_ct_random_bytes(void *out, size_t size);
enum ct_result __real_ct_random_bytes(void *out, size_t size);
int64_t __wrap_ct_clock_unix_ms(void);
int64_t __real_ct_clock_unix_ms(void);

/* ---- clock and chance ---- */

static int64_t env_now_ms(void *ctx)
{
    const struct exchange *exchange = ctx;

    return exchange->outer.now_ms(exchange->outer.ctx);
}

static int64_t env_unix_ms(void *ctx)
{
    return UNIX_START_MS + env_now_ms(ctx);
}

static void env_random(void *ctx, void *out, size_t size)
{
    struct exchange *exchange = ctx;
    char *at = out;

    exchange->outer.random(exchange->outer.ctx, out, size);
    if (exchange_plant(exchange, FAULT_CHANCE))
        at[0] = (char)(ct_clock_monotonic_us() / 7);
}

enum ct_result __wrap_ct_random_bytes(void *out, size_t size)
{
    if (exchange_now == NULL)
        return __real_ct_random_bytes(out, size);
    env_random(exchange_now, out, size);
    return CT_OK;
}

int64_t __wrap_ct_clock_unix_ms(void)
{
    return exchange_now == NULL ? __real_ct_clock_unix_ms() : env_unix_ms(exchange_now);
}

/* ---- messages ---- */

static bool begins(struct ct_str bytes, const char *text)
{
    return bytes.len >= strlen(text) && memcmp(bytes.at, text, strlen(text)) == 0;
}

static enum ct_result env_send(void *ctx, const struct ct_sip_hop *to, struct ct_str bytes)
{
    struct exchange *exchange = ctx;

    if (exchange->gone)
        return CT_OK;
    if (exchange_plant(exchange, FAULT_MUTE) && begins(bytes, "SIP/2.0 ") &&
        memmem(bytes.at, bytes.len, " BYE\r\n", 6) != NULL)
        return CT_OK;
    if (exchange_plant(exchange, FAULT_CUSTOMER) && begins(bytes, "REGISTER "))
        return CT_OK;
    if (exchange_plant(exchange, FAULT_NO_ACK) && begins(bytes, "ACK "))
        return CT_OK;
    if (exchange_plant(exchange, FAULT_NO_BYE) && begins(bytes, "BYE "))
        return CT_OK;
    return exchange->outer.send(exchange->outer.ctx, to, bytes);
}

static void env_local(void *ctx, const struct ct_sip_hop *to, struct ct_sip_local *out)
{
    const struct exchange *exchange = ctx;

    exchange->outer.local(exchange->outer.ctx, to, out);
}

static enum ct_result env_resolve(void *ctx, struct ct_str uri, ct_sip_found *found,
                                  void *found_ctx, struct ct_sip_lookup **out)
{
    const struct exchange *exchange = ctx;

    return exchange->outer.resolve(exchange->outer.ctx, uri, found, found_ctx, out);
}

static void env_resolve_cancel(void *ctx, struct ct_sip_lookup *lookup)
{
    const struct exchange *exchange = ctx;

    exchange->outer.resolve_cancel(exchange->outer.ctx, lookup);
}

/* ---- the thread ---- */

void exchange_drain(struct exchange *exchange)
{
    if (exchange->opening)
        return;
    exchange->opening = true;
    while (exchange->letters != NULL) {
        struct ct_sip_letter *letter = exchange->letters;

        exchange->letters = letter->next;
        if (exchange->letters == NULL)
            exchange->last_letter = &exchange->letters;
        exchange->user.turn(exchange->user.ctx);
        letter->open(letter->ctx);
    }
    exchange->opening = false;
    exchange->user.rest(exchange->user.ctx);
}

static void post(void *ctx, struct ct_sip_letter *letter)
{
    struct exchange *exchange = ctx;

    if (exchange->deaf)
        return;
    letter->next = NULL;
    *exchange->last_letter = letter;
    exchange->last_letter = &letter->next;
}

static void receive(void *ctx, const struct ct_sip_hop *hop, struct ct_str bytes, bool spoilt)
{
    struct exchange *exchange = ctx;

    (void)spoilt;
    exchange->user.receive(exchange->user.ctx, hop, bytes);
    exchange_drain(exchange);
}

static void lost(void *ctx, const struct ct_sip_hop *hop)
{
    struct exchange *exchange = ctx;

    if (exchange_plant(exchange, FAULT_FLOW))
        ct_sip_hop_lost(exchange->sip, hop);
    else
        exchange->user.lost(exchange->user.ctx, hop);
    exchange_drain(exchange);
}

static bool accept(void *ctx, const struct ct_sip_hop *from)
{
    struct exchange *exchange = ctx;

    return exchange->user.accept(exchange->user.ctx, from);
}

static int64_t next_ms(void *ctx)
{
    struct exchange *exchange = ctx;

    return exchange->user.next_ms(exchange->user.ctx);
}

static void turn(void *ctx)
{
    struct exchange *exchange = ctx;

    exchange->user.turn(exchange->user.ctx);
    exchange_drain(exchange);
}

enum ct_result exchange_connect(struct exchange *exchange)
{
    exchange->env = (struct ct_sip_env){exchange, env_now_ms, env_unix_ms, env_random,
                                        env_send, env_local,  env_resolve, env_resolve_cancel};
    return lan_place(exchange->lan, exchange->address, &exchange->outer);
}

/* ---- in place of sip/re_net.h ---- */

enum ct_result __wrap_ct_sip_net_bind(const struct ct_sip_net_options *options,
                                      struct ct_arena *arena, struct ct_sip_net **out,
                                      const char **why)
{
    (void)options;
    (void)arena;
    (void)why;
    *out = (struct ct_sip_net *)(void *)exchange_now;
    exchange_now->letters = NULL;
    exchange_now->last_letter = &exchange_now->letters;
    return CT_OK;
}

enum ct_result __wrap_ct_sip_net_start(struct ct_sip_net *net, const struct ct_sip_net_user *user,
                                       struct ct_arena *arena, const char **why)
{
    struct exchange *exchange = (struct exchange *)(void *)net;
    const struct lan_resident resident = {exchange, receive, lost, accept, next_ms, turn};

    (void)arena;
    (void)why;
    exchange->user = *user;
    return lan_reside(exchange->lan, exchange->address, &resident);
}

void __wrap_ct_sip_net_end(struct ct_sip_net *net)
{
    struct exchange *exchange = (struct exchange *)(void *)net;

    if (exchange->away)
        return;
    exchange->away = true;
    exchange->gone = true;
    lan_break(exchange->lan, exchange->address);
    if (lan_reside(exchange->lan, exchange->address, NULL) != CT_OK)
        abort();
    /* what has not been written is not written any more, and whoever waits is told */
    archive_end(&exchange->archive);
    while (exchange->letters != NULL) {
        exchange_drain(exchange);
        archive_end(&exchange->archive);
    }
    exchange->user.end(exchange->user.ctx);
}

void __wrap_ct_sip_net_free(struct ct_sip_net *net)
{
    (void)net;
}

const struct ct_sip_env *__wrap_ct_sip_net_env(struct ct_sip_net *net)
{
    return &((struct exchange *)(void *)net)->env;
}

struct ct_sip_post __wrap_ct_sip_net_post(struct ct_sip_net *net)
{
    return (struct ct_sip_post){net, post};
}

size_t __wrap_ct_sip_net_listeners(const struct ct_sip_net *net, const struct ct_sip_listen **out)
{
    (void)net;
    *out = NULL;
    return 0;
}

/* The program waits for the end of its calls: so time goes by. */
int __wrap_sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *until)
{
    struct exchange *exchange = exchange_now;
    int64_t end_ms = lan_now_ms(exchange->lan) + FAREWELL_MS;

    (void)clock;
    (void)until;
    exchange_drain(exchange);
    while (!exchange->gone && lan_now_ms(exchange->lan) < end_ms) {
        if (sem_trywait(sem) == 0)
            return 0;
        lan_run(exchange->lan, 20);
    }
    exchange->deaf = false;
    errno = ETIMEDOUT;
    return -1;
}
