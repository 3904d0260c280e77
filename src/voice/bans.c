#include "voice/bans.h"

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS ((size_t)8192)

struct ban {
    struct ban *next;
    struct ct_sip_socket address; /* of IPv6 the first 64 bits */
    int64_t since, until, dropped;
};

struct ct_bans {
    pthread_mutex_t lock;
    size_t most;
    _Atomic size_t count; /* mostly 0: then nobody needs the lock */
    struct ban *bucket[BUCKETS];
};

struct ct_str ct_bans_key(const struct ct_sip_socket *address)
{
    return (struct ct_str){(const char *)address->bytes, address->family == CT_SIP_IPV4 ? 4 : 8};
}

enum ct_result ct_bans_new(size_t most, struct ct_bans **out)
{
    struct ct_bans *bans = calloc(1, sizeof(*bans));
    if (bans == NULL)
        return CT_NOMEM;
    bans->most = most;
    (void)pthread_mutex_init(&bans->lock, NULL);
    *out = bans;
    return CT_OK;
}

void ct_bans_free(struct ct_bans *bans)
{
    if (bans == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (bans->bucket[i] != NULL) {
            struct ban *next = bans->bucket[i]->next;
            free(bans->bucket[i]);
            bans->bucket[i] = next;
        }
    (void)pthread_mutex_destroy(&bans->lock);
    free(bans);
}

/* Only who has failed often comes in here: nobody can afford to choose what meets in a bucket. */
static struct ban **bucket_of(struct ct_bans *bans, const struct ct_sip_socket *address)
{
    struct ct_str key = ct_bans_key(address);
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (uint8_t)key.at[i]) * 16777619u;
    return &bans->bucket[(hash ^ hash >> 16) % BUCKETS];
}

static bool is_same(const struct ban *ban, const struct ct_sip_socket *address)
{
    return ban->address.family == address->family &&
           ct_str_equal(ct_bans_key(&ban->address), ct_bans_key(address));
}

static void drop(struct ct_bans *bans, struct ban **link)
{
    struct ban *ban = *link;
    *link = ban->next;
    free(ban);
    atomic_fetch_sub(&bans->count, 1);
}

/* The link to a ban in force, or to NULL. What has ended and lies on the way goes. */
static struct ban **find(struct ct_bans *bans, const struct ct_sip_socket *address, int64_t now)
{
    struct ban **link = bucket_of(bans, address);
    while (*link != NULL) {
        if ((*link)->until <= now)
            drop(bans, link);
        else if (is_same(*link, address))
            break;
        else
            link = &(*link)->next;
    }
    return link;
}

static void make_room(struct ct_bans *bans)
{
    struct ban **soonest = NULL;
    if (atomic_load(&bans->count) < bans->most)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct ban **link = &bans->bucket[i]; *link != NULL; link = &(*link)->next)
            if (soonest == NULL || (*link)->until < (*soonest)->until)
                soonest = link;
    if (soonest != NULL)
        drop(bans, soonest);
}

void ct_bans_add(struct ct_bans *bans, const struct ct_sip_socket *address, int64_t now,
                 int64_t until)
{
    (void)pthread_mutex_lock(&bans->lock);
    struct ban **link = find(bans, address, now);
    if (*link != NULL) {
        (*link)->until = until;
    } else {
        make_room(bans);
        link = bucket_of(bans, address);
        struct ban *ban = calloc(1, sizeof(*ban));
        if (ban != NULL) { /* without memory it is banned by its next failure */
            struct ct_str key = ct_bans_key(address);
            ban->address.family = address->family;
            memcpy(ban->address.bytes, key.at, key.len);
            ban->since = now;
            ban->until = until;
            ban->next = *link;
            *link = ban;
            atomic_fetch_add(&bans->count, 1);
        }
    }
    (void)pthread_mutex_unlock(&bans->lock);
}

bool ct_bans_has(struct ct_bans *bans, const struct ct_sip_socket *address, int64_t now)
{
    if (atomic_load(&bans->count) == 0)
        return false;
    (void)pthread_mutex_lock(&bans->lock);
    struct ban *ban = *find(bans, address, now);
    if (ban != NULL)
        ban->dropped++;
    (void)pthread_mutex_unlock(&bans->lock);
    return ban != NULL;
}

bool ct_bans_remove(struct ct_bans *bans, const struct ct_sip_socket *address, int64_t now)
{
    (void)pthread_mutex_lock(&bans->lock);
    struct ban **link = find(bans, address, now);
    bool found = *link != NULL;
    if (found)
        drop(bans, link);
    (void)pthread_mutex_unlock(&bans->lock);
    return found;
}

static void write_address(const struct ct_sip_socket *address, char out[CT_SIP_BAN_ADDRESS_ROOM])
{
    int family = address->family == CT_SIP_IPV4 ? AF_INET : AF_INET6;
    const char *text = inet_ntop(family, address->bytes, out, CT_SIP_BAN_ADDRESS_ROOM);
    assert(text != NULL);
}

/* Puts a ban into its place among the first @p room in the order of addresses. */
static void insert(const struct ct_sip_ban *ban, struct ct_sip_ban *out, size_t *count, size_t room)
{
    size_t place = *count;
    while (place > 0 && strcmp(out[place - 1].address, ban->address) > 0)
        place--;
    if (place == room)
        return;
    size_t moved = (*count < room ? *count : room - 1) - place;
    memmove(&out[place + 1], &out[place], moved * sizeof(out[0]));
    out[place] = *ban;
    *count += *count < room ? 1 : 0;
}

size_t ct_bans_list(struct ct_bans *bans, int64_t now, struct ct_str after, struct ct_sip_ban *out,
                    size_t room)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&bans->lock);
    for (size_t i = 0; i < BUCKETS; i++)
        for (const struct ban *ban = bans->bucket[i]; ban != NULL; ban = ban->next) {
            struct ct_sip_ban shown = {
                .since = ban->since, .until = ban->until, .dropped = ban->dropped};
            if (ban->until <= now)
                continue;
            write_address(&ban->address, shown.address);
            size_t length = strlen(shown.address);
            size_t common = length < after.len ? length : after.len;
            int order = common == 0 ? 0 : memcmp(shown.address, after.at, common);
            if (order > 0 || (order == 0 && length > after.len))
                insert(&shown, out, &count, room);
        }
    (void)pthread_mutex_unlock(&bans->lock);
    return count;
}
