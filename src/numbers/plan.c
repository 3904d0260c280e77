#include "numbers/plan.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/module.h"
#include "numbers/plan_module.h"

#define MODULE_NAME "ct_plan.so"

/* What loading may take: the library and what it needs, ICU's tables most of all. */
#define LOAD_BYTES ((size_t)64 << 20)
/* What an answer may take that is not in a table yet: the table while it is made, or else 4 MB of the library's plans,
 * and patterns when they are first needed. */
#define ANSWER_BYTES ((size_t)16 << 20)

struct ct_plan {
    const char *path;
    struct ct_log *log;
    struct ct_metrics *metrics;
    _Atomic(const struct ct_plan_module *) module; /* NULL: not loaded yet */
    struct ct_plan_tables *tables;                 /* set before `module` is */
    pthread_mutex_t loading;
    bool failure_logged; /* under `loading` */
};

enum ct_result ct_plan_new(const struct ct_plan_options *options, struct ct_arena *arena,
                           struct ct_plan **out, const char **why)
{
    const char *path = options == NULL ? NULL : options->module;
    if (path == NULL) {
        enum ct_result result = ct_module_find(arena, MODULE_NAME, &path, why);
        if (result != CT_OK)
            return result;
    } else if (access(path, R_OK) != 0) {
        *why = ct_arena_printf(arena, "%s cannot be read: %s", path, strerror(errno));
        return *why == NULL ? CT_NOMEM : CT_IO;
    }
    struct ct_plan *plan = ct_arena_alloc(arena, sizeof(*plan));
    if (plan == NULL)
        return CT_NOMEM;
    plan->path = ct_arena_copy(arena, path, strlen(path));
    if (plan->path == NULL)
        return CT_NOMEM;
    plan->tables = NULL;
    plan->log = options == NULL ? NULL : options->log;
    plan->metrics = options == NULL ? NULL : options->metrics;
    atomic_init(&plan->module, NULL);
    pthread_mutex_init(&plan->loading, NULL);
    *out = plan;
    return CT_OK;
}

void ct_plan_end(struct ct_plan *plan)
{
    if (plan == NULL)
        return;
    const struct ct_plan_module *module = atomic_load_explicit(&plan->module, memory_order_acquire);
    if (module != NULL)
        module->close(plan->tables);
    pthread_mutex_destroy(&plan->loading);
}

/* Whether there is so much memory left. Short of it, ICU and libphonenumber would end the process, or keep a
 * pattern that could not be compiled and answer wrongly ever after. */
static bool has_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory != MAP_FAILED && munmap(memory, size) == 0;
}

static void say_why_not(struct ct_plan *plan, const char *why)
{
    if (!plan->failure_logged)
        CT_LOG(plan->log, CT_LOG_ERROR, "numbering_plans_not_loaded",
               CT_F_TEXT("module", plan->path), CT_F_TEXT("why", why));
    plan->failure_logged = true;
}

/* With `loading` held. */
static enum ct_result load_locked(struct ct_plan *plan, const struct ct_plan_module **out)
{
    const char *why = NULL;
    if (!has_memory(LOAD_BYTES))
        return CT_NOMEM;
    const struct ct_plan_module *module = ct_module_open(plan->path, CT_PLAN_MODULE_SYMBOL, &why);
    if (module == NULL) {
        say_why_not(plan, why);
        return CT_UNAVAILABLE;
    }
    enum ct_result result = module->open(&plan->tables);
    if (result != CT_OK)
        return result;
    atomic_store_explicit(&plan->module, module, memory_order_release);
    *out = module;
    return CT_OK;
}

static enum ct_result load(struct ct_plan *plan, const struct ct_plan_module **out)
{
    pthread_mutex_lock(&plan->loading);
    *out = atomic_load_explicit(&plan->module, memory_order_relaxed);
    enum ct_result result = *out == NULL ? load_locked(plan, out) : CT_OK;
    pthread_mutex_unlock(&plan->loading);
    return result;
}

/* The module, with memory to work in. */
static enum ct_result get_module(struct ct_plan *plan, const struct ct_plan_module **out)
{
    *out = atomic_load_explicit(&plan->module, memory_order_acquire);
    enum ct_result result = *out == NULL ? load(plan, out) : CT_OK;
    return result == CT_OK && !has_memory(ANSWER_BYTES) ? CT_NOMEM : result;
}

static bool is_e164(struct ct_str text)
{
    if (text.len < 3 || text.len > 16 || text.at[0] != '+' || text.at[1] == '0')
        return false;
    for (size_t i = 1; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    }
    return true;
}

static enum ct_result read_answer(struct ct_arena *arena, const struct ct_plan_answer *answer,
                                  struct ct_plan_info *out)
{
#define X(name, text) {text, sizeof(text) - 1},
    static const struct ct_str types[] = {CT_PLAN_TYPES(X)};
#undef X
    assert(answer->type < sizeof(types) / sizeof(types[0]));
    assert(answer->format_size <= sizeof(answer->format));
    struct ct_plan_info info = {.type = types[answer->type],
                                .calling_code = answer->calling_code,
                                .valid = answer->type != CT_PLAN_UNKNOWN};
    info.national_format = (struct ct_str){
        ct_arena_copy(arena, answer->format, answer->format_size), answer->format_size};
    if (info.national_format.at == NULL)
        return CT_NOMEM;
    if (answer->country[0] != '\0') {
        info.country =
            (struct ct_str){ct_arena_copy(arena, answer->country, sizeof(answer->country)),
                            sizeof(answer->country)};
        if (info.country.at == NULL)
            return CT_NOMEM;
    }
    *out = info;
    return CT_OK;
}

enum ct_result ct_plan_describe(struct ct_plan *plan, struct ct_arena *arena, struct ct_str e164,
                                struct ct_plan_info *out)
{
    if (!is_e164(e164))
        return CT_INVALID;
    struct ct_plan_answer answer;
    const struct ct_plan_module *module = atomic_load_explicit(&plan->module, memory_order_acquire);
    bool known = module != NULL && module->find(plan->tables, e164.at, e164.len, &answer);
    ct_metrics_add(plan->metrics, known ? CT_METRIC_PLAN_HITS : CT_METRIC_PLAN_MISSES, 1);
    if (!known) {
        enum ct_result result = get_module(plan, &module);
        if (result == CT_OK)
            result = module->describe(plan->tables, e164.at, e164.len, &answer);
        if (result != CT_OK)
            return result;
    }
    return read_answer(arena, &answer, out);
}

enum ct_result ct_plan_calling_code(struct ct_plan *plan, struct ct_str country, int *out)
{
    char upper[2];
    if (country.len != sizeof(upper))
        return CT_NOT_FOUND;
    for (size_t i = 0; i < sizeof(upper); i++) {
        char c = country.at[i];
        upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        if (upper[i] < 'A' || upper[i] > 'Z')
            return CT_NOT_FOUND;
    }
    const struct ct_plan_module *module;
    enum ct_result result = get_module(plan, &module);
    return result == CT_OK ? module->calling_code(plan->tables, upper, out) : result;
}
