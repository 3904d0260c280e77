#include "base/spares.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct ct_spares {
    pthread_key_t kept; /* a thread's struct shelf */
    size_t size, most;
};

struct spare {
    struct spare *next;
};

struct shelf {
    struct spare *first;
    size_t count;
};

static void clear(void *data)
{
    struct shelf *shelf = data;
    for (struct spare *spare = shelf->first, *next; spare != NULL; spare = next) {
        next = spare->next;
        free(spare);
    }
    free(shelf);
}

enum ct_result ct_spares_new(size_t size, size_t most, struct ct_spares **out)
{
    assert(size >= sizeof(struct spare));
    struct ct_spares *spares = calloc(1, sizeof(*spares));
    if (spares == NULL)
        return CT_NOMEM;
    spares->size = size;
    spares->most = most;
    if (pthread_key_create(&spares->kept, clear) != 0) {
        free(spares);
        return CT_IO;
    }
    *out = spares;
    return CT_OK;
}

#ifdef CT_ARENA_CHECKED

void *ct_spares_take(struct ct_spares *spares)
{
    return malloc(spares->size);
}

void ct_spares_give(struct ct_spares *spares, void *block)
{
    (void)spares;
    free(block);
}

#else

void *ct_spares_take(struct ct_spares *spares)
{
    struct shelf *shelf = pthread_getspecific(spares->kept);
    if (shelf == NULL || shelf->first == NULL)
        return malloc(spares->size);
    struct spare *spare = shelf->first;
    shelf->first = spare->next;
    shelf->count--;
    return spare;
}

/* NULL without memory: then nothing is kept. */
static struct shelf *own_shelf(struct ct_spares *spares)
{
    struct shelf *shelf = pthread_getspecific(spares->kept);
    if (shelf != NULL)
        return shelf;
    shelf = calloc(1, sizeof(*shelf));
    if (shelf != NULL && pthread_setspecific(spares->kept, shelf) != 0) {
        free(shelf);
        return NULL;
    }
    return shelf;
}

void ct_spares_give(struct ct_spares *spares, void *block)
{
    if (block == NULL)
        return;
    struct shelf *shelf = own_shelf(spares);
    if (shelf == NULL || shelf->count >= spares->most) {
        free(block);
        return;
    }
    struct spare *spare = block;
    spare->next = shelf->first;
    shelf->first = spare;
    shelf->count++;
}

#endif

void ct_spares_free(struct ct_spares *spares)
{
    if (spares == NULL)
        return;
    struct shelf *shelf = pthread_getspecific(spares->kept);
    if (shelf != NULL)
        clear(shelf);
    (void)pthread_key_delete(spares->kept);
    free(spares);
}
