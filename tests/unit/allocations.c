#include "allocations.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *memory);
char *__real_strdup(const char *text);
json_t *__real_json_loads(const char *text, size_t flags, json_error_t *error);
json_t *__real_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
char *__real_strndup(const char *text, size_t size);
int __real_vasprintf(char **out, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
void __wrap_free(void *memory);
char *__wrap_strdup(const char *text);
json_t *__wrap_json_loads(const char *text, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
char *__wrap_strndup(const char *text, size_t size);
int __wrap_asprintf(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_vasprintf(char **out, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);

/* An open-addressed table of live blocks. The address is kept inverted, so that LeakSanitizer does
 * not take an entry here for a reference that keeps the block alive. */
struct entry {
    uintptr_t inverted; /* 0 = never used, 1 = used before */
    size_t number;      /* which allocation since the start; 0 = made before it */
};

#define NEVER_USED ((uintptr_t)0)
#define USED_BEFORE ((uintptr_t)1)

static struct {
    pthread_mutex_t mutex;
    struct entry *entries;
    size_t capacity; /* a power of two */
    size_t filled;   /* entries that are not NEVER_USED */
    size_t count;
    size_t fail_at;
    bool failed;
    bool sparing;
    size_t sqlite_every, sqlite_count;
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* How many more of jansson's allocations may fail. jansson 2.14, when it parses, does not notice that the
 * buffer of a text did not grow, and writes behind it: there only the first allocation, that of this
 * buffer, may fail. */
static __thread size_t jansson_may_fail = SIZE_MAX;

static size_t slot_of(uintptr_t inverted)
{
    return (size_t)((inverted >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (state.capacity - 1);
}

static void insert(uintptr_t inverted, size_t number)
{
    size_t i = slot_of(inverted);

    /* The same address once more: a library freed the block behind our back. */
    while (state.entries[i].inverted != NEVER_USED && state.entries[i].inverted != inverted)
        i = (i + 1) & (state.capacity - 1);
    if (state.entries[i].inverted == NEVER_USED)
        state.filled++;
    state.entries[i] = (struct entry){inverted, number};
}

static void grow(void)
{
    struct entry *old = state.entries;
    size_t old_capacity = state.capacity;
    size_t live = 0;

    for (size_t i = 0; i < old_capacity; i++)
        live += old[i].inverted > USED_BEFORE;
    state.capacity = 4096;
    while (state.capacity < live * 4)
        state.capacity *= 2;
    state.entries = __real_calloc(state.capacity, sizeof(*state.entries));
    assert(state.entries != NULL);
    state.filled = 0;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].inverted > USED_BEFORE)
            insert(old[i].inverted, old[i].number);
    }
    __real_free(old);
}

/* Whether the next allocation may go on; gives it its number. */
static bool admitted_of(size_t *number, bool by_sqlite)
{
    bool yes;

    pthread_mutex_lock(&state.mutex);
    bool spared =
        by_sqlite && state.sqlite_every > 1 && state.sqlite_count++ % state.sqlite_every != 0;
    if (state.sparing || spared) {
        *number = state.count > 0 ? state.count : 1;
        yes = true;
    } else {
        *number = ++state.count;
        yes = *number != state.fail_at;
    }
    if (!yes)
        state.failed = true;
    pthread_mutex_unlock(&state.mutex);
    if (!yes)
        errno = ENOMEM;
    return yes;
}

static bool admitted(size_t *number)
{
    return admitted_of(number, false);
}

static void *remember(void *memory, size_t number)
{
    if (memory == NULL)
        return NULL;
    pthread_mutex_lock(&state.mutex);
    if (state.filled * 2 >= state.capacity)
        grow();
    insert(~(uintptr_t)memory, number);
    pthread_mutex_unlock(&state.mutex);
    return memory;
}

static void forget(const void *memory)
{
    uintptr_t inverted = ~(uintptr_t)memory;

    if (memory == NULL)
        return;
    pthread_mutex_lock(&state.mutex);
    if (state.capacity > 0) {
        size_t i = slot_of(inverted);

        while (state.entries[i].inverted != NEVER_USED && state.entries[i].inverted != inverted)
            i = (i + 1) & (state.capacity - 1);
        if (state.entries[i].inverted == inverted)
            state.entries[i].inverted = USED_BEFORE;
    }
    pthread_mutex_unlock(&state.mutex);
}

void *__wrap_malloc(size_t size)
{
    size_t number;

    return admitted(&number) ? remember(__real_malloc(size), number) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    size_t number;

    return admitted(&number) ? remember(__real_calloc(count, size), number) : NULL;
}

/* The old block is forgotten before it can be given to another thread. */
static void *reallocate(void *old, size_t size, bool by_sqlite)
{
    size_t number;
    void *memory;

    if (!admitted_of(&number, by_sqlite))
        return NULL;
    forget(old);
    memory = __real_realloc(old, size);
    assert(memory != NULL || size == 0);
    return remember(memory, number);
}

void *__wrap_realloc(void *old, size_t size)
{
    return reallocate(old, size, false);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return __wrap_realloc(old, total);
}

void __wrap_free(void *memory)
{
    forget(memory);
    __real_free(memory);
}

char *__wrap_strdup(const char *text)
{
    size_t number;

    return admitted(&number) ? remember(__real_strdup(text), number) : NULL;
}

char *__wrap_strndup(const char *text, size_t size)
{
    size_t number;

    return admitted(&number) ? remember(__real_strndup(text, size), number) : NULL;
}

int __wrap_vasprintf(char **out, const char *format, va_list args)
{
    size_t number;
    int length;

    if (!admitted(&number))
        return -1;
    length = __real_vasprintf(out, format, args);
    if (length >= 0)
        remember(*out, number);
    return length;
}

int __wrap_asprintf(char **out, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = __wrap_vasprintf(out, format, args);
    va_end(args);
    return length;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    size_t number;

    return admitted(&number) ? remember(__real_aligned_alloc(alignment, size), number) : NULL;
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
    size_t number;
    int error;

    if (!admitted(&number))
        return ENOMEM;
    error = __real_posix_memalign(out, alignment, size);
    if (error == 0)
        remember(*out, number);
    return error;
}

static void *jansson_malloc(size_t size)
{
    if (jansson_may_fail == 0)
        return __real_malloc(size);
    if (jansson_may_fail != SIZE_MAX)
        jansson_may_fail--;
    return __wrap_malloc(size);
}

json_t *__wrap_json_loads(const char *text, size_t flags, json_error_t *error)
{
    json_t *tree;

    jansson_may_fail = 1;
    tree = __real_json_loads(text, flags, error);
    jansson_may_fail = SIZE_MAX;
    return tree;
}

json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error)
{
    json_t *tree;

    jansson_may_fail = 1;
    tree = __real_json_loadb(text, size, flags, error);
    jansson_may_fail = SIZE_MAX;
    return tree;
}

static void *sqlite_malloc(int size)
{
    size_t number;

    return admitted_of(&number, true) ? remember(__real_malloc((size_t)size), number) : NULL;
}

static void *sqlite_realloc(void *old, int size)
{
    return reallocate(old, (size_t)size, true);
}

static int sqlite_size(void *memory)
{
    return (int)malloc_usable_size(memory);
}

static int sqlite_roundup(int size)
{
    return (size + 7) & ~7;
}

static int sqlite_start(void *ctx)
{
    (void)ctx;
    return SQLITE_OK;
}

static void sqlite_end(void *ctx)
{
    (void)ctx;
}

void ct_allocations_install(void)
{
    static const sqlite3_mem_methods methods = {
        .xMalloc = sqlite_malloc,
        .xFree = __wrap_free,
        .xRealloc = sqlite_realloc,
        .xSize = sqlite_size,
        .xRoundup = sqlite_roundup,
        .xInit = sqlite_start,
        .xShutdown = sqlite_end,
    };
    int error;

    json_set_alloc_funcs(jansson_malloc, __wrap_free);
    error = sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    assert(error == SQLITE_OK);
    /* What SQLite allocates once for the process is made now and is nobody's leak. */
    error = sqlite3_initialize();
    assert(error == SQLITE_OK);
}

void ct_allocations_start(size_t fail_at)
{
    pthread_mutex_lock(&state.mutex);
    for (size_t i = 0; i < state.capacity; i++)
        state.entries[i].number = 0;
    state.count = 0;
    state.fail_at = fail_at;
    state.failed = false;
    state.sparing = false;
    state.sqlite_every = 1;
    pthread_mutex_unlock(&state.mutex);
}

void ct_allocations_spare(bool yes)
{
    pthread_mutex_lock(&state.mutex);
    state.sparing = yes;
    pthread_mutex_unlock(&state.mutex);
}

void ct_allocations_of_sqlite(size_t every)
{
    pthread_mutex_lock(&state.mutex);
    state.sqlite_every = every;
    state.sqlite_count = 0;
    pthread_mutex_unlock(&state.mutex);
}

size_t ct_allocations_stop(bool *failed)
{
    size_t count;

    pthread_mutex_lock(&state.mutex);
    count = state.count;
    *failed = state.failed;
    state.fail_at = 0;
    pthread_mutex_unlock(&state.mutex);
    return count;
}

bool ct_allocations_failed(void)
{
    bool failed;

    pthread_mutex_lock(&state.mutex);
    failed = state.failed;
    pthread_mutex_unlock(&state.mutex);
    return failed;
}

size_t ct_allocations_leaked(size_t *first)
{
    size_t leaked = 0;
    size_t earliest = SIZE_MAX;

    pthread_mutex_lock(&state.mutex);
    for (size_t i = 0; i < state.capacity; i++) {
        struct entry *entry = &state.entries[i];

        if (entry->inverted <= USED_BEFORE || entry->number == 0)
            continue;
        leaked++;
        if (entry->number < earliest)
            earliest = entry->number;
        entry->inverted = USED_BEFORE;
    }
    pthread_mutex_unlock(&state.mutex);
    if (first != NULL)
        *first = leaked > 0 ? earliest : 0;
    return leaked;
}
