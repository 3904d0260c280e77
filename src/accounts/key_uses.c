#include "accounts/key_uses.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* How many keys can wait for one write. */
#define WAITING 64
/* Keys whose last use was noted lately, by id: their row may not show it yet. */
#define LATELY 256
/* Room for any address that inet_ntop prints, with a zone. */
#define ADDRESS_BYTES 64

struct use {
    int64_t key_id;
    int64_t at_ms;
    size_t address_size;
    char address[ADDRESS_BYTES];
};

struct lately {
    int64_t key_id;
    int64_t at_ms;
};

struct ct_key_uses {
    struct ct_store *store;
    pthread_mutex_t mutex;
    pthread_cond_t idle;
    bool ending;
    bool busy; /* the job is the store's, and `writing` is not to be touched */
    struct ct_job job;
    struct use writing[WAITING];
    size_t writing_count;
    struct use waiting[WAITING];
    size_t waiting_count;
    struct lately lately[LATELY];
};

static enum ct_result write_use(struct ct_db *db, const struct use *use)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "UPDATE api_keys SET last_used_at = $1, last_used_address = $2 WHERE id = $3 "
                    "AND (last_used_at IS NULL OR last_used_at <= $4)",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, use->at_ms);
    ct_bind_str(stmt, 2, (struct ct_str){use->address, use->address_size});
    ct_bind_int(stmt, 3, use->key_id);
    ct_bind_int(stmt, 4, use->at_ms - CT_KEY_USE_INTERVAL_MS);
    return ct_run(stmt);
}

static enum ct_result write_uses(void *ctx, struct ct_db *db)
{
    const struct ct_key_uses *uses = ctx;
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < uses->writing_count && result == CT_OK; i++)
        result = write_use(db, &uses->writing[i]);
    return result;
}

static void written(void *ctx, enum ct_result result);

/* With the lock held. */
static void begin_write(struct ct_key_uses *uses)
{
    memcpy(uses->writing, uses->waiting, uses->waiting_count * sizeof(uses->waiting[0]));
    uses->writing_count = uses->waiting_count;
    uses->waiting_count = 0;
    uses->job = (struct ct_job){.run = write_uses, .done = written, .ctx = uses};
    uses->busy = ct_store_submit(uses->store, &uses->job) == CT_OK;
}

static void written(void *ctx, enum ct_result result)
{
    struct ct_key_uses *uses = ctx;
    (void)result;
    pthread_mutex_lock(&uses->mutex);
    uses->busy = false;
    if (uses->waiting_count > 0 && !uses->ending)
        begin_write(uses);
    if (!uses->busy)
        pthread_cond_broadcast(&uses->idle);
    pthread_mutex_unlock(&uses->mutex);
}

enum ct_result ct_key_uses_new(struct ct_store *store, struct ct_key_uses **out)
{
    struct ct_key_uses *uses = calloc(1, sizeof(*uses));
    if (uses == NULL)
        return CT_NOMEM;
    uses->store = store;
    pthread_mutex_init(&uses->mutex, NULL);
    pthread_cond_init(&uses->idle, NULL);
    *out = uses;
    return CT_OK;
}

void ct_key_uses_free(struct ct_key_uses *uses)
{
    if (uses == NULL)
        return;
    pthread_mutex_lock(&uses->mutex);
    uses->ending = true;
    while (uses->busy)
        pthread_cond_wait(&uses->idle, &uses->mutex);
    pthread_mutex_unlock(&uses->mutex);
    pthread_cond_destroy(&uses->idle);
    pthread_mutex_destroy(&uses->mutex);
    free(uses);
}

/* Whether a use of the key was noted within the interval; from now on it was. */
static bool noted_lately(struct ct_key_uses *uses, int64_t key_id, int64_t now_ms)
{
    struct lately *lately = &uses->lately[(uint64_t)key_id % LATELY];
    if (lately->key_id == key_id && now_ms - lately->at_ms < CT_KEY_USE_INTERVAL_MS)
        return true;
    *lately = (struct lately){key_id, now_ms};
    return false;
}

void ct_key_uses_note(struct ct_key_uses *uses, int64_t key_id, int64_t now_ms,
                      struct ct_str address)
{
    pthread_mutex_lock(&uses->mutex);
    if (uses->waiting_count < WAITING && !uses->ending && !noted_lately(uses, key_id, now_ms)) {
        struct use *use = &uses->waiting[uses->waiting_count++];
        *use = (struct use){.key_id = key_id, .at_ms = now_ms};
        if (address.len > 0 && address.len <= sizeof(use->address)) {
            use->address_size = address.len;
            memcpy(use->address, address.at, address.len);
        }
        if (!uses->busy)
            begin_write(uses);
    }
    pthread_mutex_unlock(&uses->mutex);
}
