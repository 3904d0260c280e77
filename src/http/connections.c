#include "http/connections.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/limiter.h"
#include "base/text.h"
#include "config/config.h"

#define SECOND_US INT64_C(1000000)
/* Addresses that fall into one bucket look at each other's names; more than fit on a line are rare. */
#define BUCKETS 4096

struct address {
    struct address *next;
    uint64_t connections;
    size_t key_size;
    uint8_t key[CT_ADDRESS_KEY_BYTES];
};

struct ct_connections {
    struct ct_connections_options options;
    pthread_t thread;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake;
    bool stopping;
    struct ct_connection_watch *first;
    struct address *buckets[BUCKETS];
};

/* ---- too slow ---- */

/* A reply that is just being sent has that long to get out. */
#define CUTS_BEFORE_BOTH 10

/* Nothing more is read from it, and the server closes it. A reply that is just being sent still gets out. Where more bytes
 * came just then, the server has read those in place of the end: it is told so again each time. */
static void cut_off_late(struct ct_connections *connections)
{
    int64_t now = ct_clock_monotonic_us();
    struct ct_connection_watch *watch = connections->first;
    for (; watch != NULL; watch = watch->next) {
        if (atomic_load_explicit(&watch->deadline_us, memory_order_relaxed) >= now)
            continue;
        (void)shutdown(watch->fd, watch->cuts++ < CUTS_BEFORE_BOTH ? SHUT_RD : SHUT_RDWR);
    }
}

static void *look_after(void *ctx)
{
    struct ct_connections *connections = ctx;
    pthread_mutex_lock(&connections->mutex);
    while (!connections->stopping) {
        struct timespec then;
        (void)clock_gettime(CLOCK_MONOTONIC, &then);
        then.tv_sec++;
        (void)pthread_cond_timedwait(&connections->wake, &connections->mutex, &then);
        if (!connections->stopping)
            cut_off_late(connections);
    }
    pthread_mutex_unlock(&connections->mutex);
    return NULL;
}

void ct_connection_began(struct ct_connections *connections, struct ct_connection_watch *watch,
                         int64_t now_us)
{
    atomic_store_explicit(&watch->deadline_us, now_us + connections->options.request_s * SECOND_US,
                          memory_order_relaxed);
}

void ct_connection_complete(struct ct_connection_watch *watch)
{
    atomic_store_explicit(&watch->deadline_us, INT64_MAX, memory_order_relaxed);
}

void ct_connection_replied(struct ct_connections *connections, struct ct_connection_watch *watch,
                           int64_t now_us)
{
    const struct ct_connections_options *options = &connections->options;
    atomic_store_explicit(&watch->deadline_us,
                          now_us + (options->idle_s + options->request_s) * SECOND_US,
                          memory_order_relaxed);
}

/* ---- too many ---- */

static uint32_t bucket_of(const uint8_t *key, size_t size)
{
    uint32_t hash = UINT32_C(2166136261); /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ key[i]) * UINT32_C(16777619);
    return hash % BUCKETS;
}

static struct address **find(struct ct_connections *connections, const char *peer, uint32_t *bucket,
                             struct ct_str *key, uint8_t room[CT_ADDRESS_KEY_BYTES])
{
    *key = ct_limiter_address_key(ct_str_of(peer), room);
    *bucket = bucket_of((const uint8_t *)key->at, key->len);
    struct address **at = &connections->buckets[*bucket];
    while (*at != NULL &&
           ((*at)->key_size != key->len || memcmp((*at)->key, key->at, key->len) != 0))
        at = &(*at)->next;
    return at;
}

/* Counts the connection with its address. False when that has too many; without memory it is let in. */
static bool count(struct ct_connections *connections, struct ct_connection_watch *watch)
{
    uint8_t room[CT_ADDRESS_KEY_BYTES];
    struct ct_str key;
    struct address **at = find(connections, watch->peer, &watch->bucket, &key, room);
    struct address *address = *at;
    if (address == NULL) {
        address = calloc(1, sizeof(*address));
        if (address == NULL || key.len > sizeof(address->key)) {
            free(address);
            return true;
        }
        memcpy(address->key, key.at, key.len);
        address->key_size = key.len;
        *at = address;
    }
    address->connections++;
    watch->counted = true;
    return address->connections <= (uint64_t)connections->options.max_per_address;
}

static void uncount(struct ct_connections *connections, struct ct_connection_watch *watch)
{
    uint8_t room[CT_ADDRESS_KEY_BYTES];
    struct ct_str key;
    struct address **at = find(connections, watch->peer, &watch->bucket, &key, room);
    struct address *address = *at;
    if (address == NULL || --address->connections > 0)
        return;
    *at = address->next;
    free(address);
}

/* ---- all ---- */

bool ct_connections_add(struct ct_connections *connections, struct ct_connection_watch *watch,
                        int fd, const char *peer)
{
    const struct ct_connections_options *options = &connections->options;
    bool fits = true;
    watch->fd = fd;
    watch->counted = false;
    watch->cuts = 0;
    (void)strncpy(watch->peer, peer, sizeof(watch->peer) - 1);
    watch->peer[sizeof(watch->peer) - 1] = '\0';
    ct_connection_replied(connections, watch, ct_clock_monotonic_us());
    bool counts = options->max_per_address > 0 && !ct_config_in_networks(options->trusted, peer);
    pthread_mutex_lock(&connections->mutex);
    watch->next = connections->first;
    watch->link = &connections->first;
    if (watch->next != NULL)
        watch->next->link = &watch->next;
    connections->first = watch;
    if (counts)
        fits = count(connections, watch);
    pthread_mutex_unlock(&connections->mutex);
    if (!fits)
        (void)shutdown(fd, SHUT_RDWR);
    return fits;
}

void ct_connections_remove(struct ct_connections *connections, struct ct_connection_watch *watch)
{
    pthread_mutex_lock(&connections->mutex);
    *watch->link = watch->next;
    if (watch->next != NULL)
        watch->next->link = watch->link;
    if (watch->counted)
        uncount(connections, watch);
    pthread_mutex_unlock(&connections->mutex);
}

/* Signals are for the threads that expect them. */
static int start_thread(struct ct_connections *connections)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(&connections->thread, NULL, look_after, connections);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        pthread_setname_np(connections->thread, "ct-connections");
    return error;
}

enum ct_result ct_connections_new(const struct ct_connections_options *options,
                                  struct ct_connections **out)
{
    struct ct_connections *connections = calloc(1, sizeof(*connections));
    if (connections == NULL)
        return CT_NOMEM;
    pthread_condattr_t monotonic;
    connections->options = *options;
    pthread_mutex_init(&connections->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&connections->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (start_thread(connections) != 0) {
        pthread_cond_destroy(&connections->wake);
        pthread_mutex_destroy(&connections->mutex);
        free(connections);
        return CT_NOMEM;
    }
    *out = connections;
    return CT_OK;
}

void ct_connections_free(struct ct_connections *connections)
{
    if (connections == NULL)
        return;
    pthread_mutex_lock(&connections->mutex);
    connections->stopping = true;
    pthread_cond_signal(&connections->wake);
    pthread_mutex_unlock(&connections->mutex);
    pthread_join(connections->thread, NULL);
    pthread_cond_destroy(&connections->wake);
    pthread_mutex_destroy(&connections->mutex);
    free(connections);
}
