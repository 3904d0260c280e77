#include "numbers/plan.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct example {
    const char *e164;
    const char *country; /* NULL: none */
    const char *type;
    const char *national_format;
    int calling_code;
};

/* Facts of numbering plans that have not changed in decades, and numbers that are nobody's. */
static const struct example examples[] = {
    {"+4930120000", "DE", "fixed_line", "030 120000", 49},
    {"+4915112345678", "DE", "mobile", "01511 2345678", 49},
    {"+442079460000", "GB", "fixed_line", "020 7946 0000", 44},
    {"+441481960194", "GG", "fixed_line", "01481 960194", 44},
    {"+12125552368", "US", "fixed_line_or_mobile", "(212) 555-2368", 1},
    {"+14165550134", "CA", "fixed_line_or_mobile", "(416) 555-0134", 1},
    {"+18765230123", "JM", "fixed_line_or_mobile", "(876) 523-0123", 1},
    {"+18005551234", "US", "toll_free", "(800) 555-1234", 1},
    {"+19002345678", "US", "premium_rate", "(900) 234-5678", 1},
    {"+33612345678", "FR", "mobile", "06 12 34 56 78", 33},
    {"+390236618300", "IT", "fixed_line", "02 3661 8300", 39},
    {"+3225123411", "BE", "fixed_line", "02 512 34 11", 32},
    /* the ITU's own: no country */
    {"+80012345678", NULL, "toll_free", "1234 5678", 800},
    /* nobody's */
    {"+1234567890", NULL, "unknown", "234567890", 1},
    {"+4912", "DE", "unknown", "12", 49},
    {"+12", NULL, "unknown", "2", 1},
    {"+49", NULL, "unknown", "+49", 49},
    {"+99", NULL, "unknown", "+99", 0},
    {"+999999999999999", NULL, "unknown", "+999999999999999", 0},
    /* the digit that is dialled within the country is no part of the number */
    {"+49030120000", "DE", "unknown", "030120000", 49},
    {"+490", "DE", "unknown", "0", 49},
    {"+49000000000", "DE", "unknown", "000000000", 49},
};

static bool is_as(const struct example *example, const struct ct_plan_info *info)
{
    bool same_country = example->country == NULL
                            ? info->country.at == NULL && info->country.len == 0
                            : ct_str_equal(info->country, ct_str_of(example->country));
    return same_country && ct_str_equal(info->type, ct_str_of(example->type)) &&
           ct_str_equal(info->national_format, ct_str_of(example->national_format)) &&
           info->calling_code == example->calling_code &&
           info->valid == (strcmp(example->type, "unknown") != 0);
}

static enum ct_result describe_all(struct ct_plan *plan, struct ct_arena *arena)
{
    enum ct_result result = CT_OK;
    struct ct_plan_info info;
    for (size_t i = 0; i < COUNT(examples); i++) {
        TRY(ct_plan_describe(plan, arena, ct_str_of(examples[i].e164), &info));
        if (!is_as(&examples[i], &info)) {
            char line[160];
            (void)snprintf(line, sizeof(line), "%s: %.*s %.*s \"%.*s\" %d", examples[i].e164,
                           (int)info.country.len, info.country.at == NULL ? "" : info.country.at,
                           (int)info.type.len, info.type.at, (int)info.national_format.len,
                           info.national_format.at, info.calling_code);
            ct_unit_report(line, __FILE__, __LINE__);
            return CT_BUG;
        }
        EXPECT(info.national_format.at[info.national_format.len] == '\0');
        EXPECT(info.country.at == NULL || info.country.at[info.country.len] == '\0');
    }
out:
    return result;
}

/* Once from tables that are made for it, and once from those that were. */
static enum ct_result test_numbers_of_the_world(void)
{
    enum ct_result result = CT_OK;
    struct ct_plan *plan = NULL;
    const char *why = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(ct_plan_new(NULL, arena, &plan, &why));

    TRY(describe_all(plan, arena));
    TRY(describe_all(plan, arena));
out:
    ct_plan_end(plan);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_what_is_no_number(void)
{
    static const char *const wrong[] = {"",       "+",
                                        "+1",     "1234567890",
                                        "+0123",  "+1234567 8",
                                        "+12a",   "++12",
                                        "+12\n",  "004930120000",
                                        "+1-23",  "+1234567890123456",
                                        "+1é",    "+12345678\x80",
                                        "\0+1234"};
    enum ct_result result = CT_OK;
    struct ct_plan *plan = NULL;
    struct ct_plan_info info;
    const char *why = NULL;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(ct_plan_new(NULL, arena, &plan, &why));

    for (size_t i = 0; i < COUNT(wrong); i++)
        EXPECT_RESULT(CT_INVALID, ct_plan_describe(plan, arena, ct_str_of(wrong[i]), &info));
    EXPECT_RESULT(CT_INVALID, ct_plan_describe(plan, arena, (struct ct_str){0}, &info));
    EXPECT_RESULT(CT_INVALID, ct_plan_describe(plan, arena, CT_STR("+12\0003"), &info));
out:
    ct_plan_end(plan);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_calling_codes(void)
{
    static const struct {
        const char *country;
        int code; /* 0: none */
    } countries[] = {
        {"DE", 49}, {"de", 49}, {"dE", 49},  {"US", 1},    {"CA", 1}, {"GB", 44}, {"GG", 44},
        {"IT", 39}, {"VA", 39}, {"GI", 350}, {"ZZ", 0},    {"QQ", 0}, {"", 0},    {"D", 0},
        {"DEU", 0}, {"001", 0}, {"49", 0},   {"D\x80", 0}, {"[[", 0}, {"@@", 0},
    };
    enum ct_result result = CT_OK;
    struct ct_plan *plan = NULL;
    const char *why = NULL;
    int code = 0;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(ct_plan_new(NULL, arena, &plan, &why));

    for (size_t i = 0; i < COUNT(countries); i++) {
        struct ct_str country = ct_str_of(countries[i].country);
        if (countries[i].code == 0) {
            EXPECT_RESULT(CT_NOT_FOUND, ct_plan_calling_code(plan, country, &code));
            continue;
        }
        TRY(ct_plan_calling_code(plan, country, &code));
        EXPECT(code == countries[i].code);
    }
    EXPECT_RESULT(CT_NOT_FOUND, ct_plan_calling_code(plan, (struct ct_str){0}, &code));
out:
    ct_plan_end(plan);
    ct_arena_free(arena);
    return result;
}

static const char *beside_this_program(char path[PATH_MAX], const char *name)
{
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 64);
    while (size > 0 && path[size - 1] != '/')
        size--;
    (void)strcpy(path + (size > 0 ? size : 0), name);
    return path;
}

/* At the start when it can be told then, and otherwise at every question: never an empty answer. */
static enum ct_result test_modules_that_are_none(void)
{
    enum ct_result result = CT_OK;
    struct ct_plan *plan = NULL;
    struct ct_plan_info info;
    const char *why = NULL;
    int code = 0;
    char path[PATH_MAX];
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    struct ct_plan_options options = {.module = "/nowhere/ct_plan.so"};
    EXPECT_RESULT(CT_IO, ct_plan_new(&options, arena, &plan, &why));
    EXPECT(plan == NULL && strstr(why, "/nowhere/ct_plan.so") != NULL);
    EXPECT(strchr(why, '\n') == NULL);

    const char *const others[] = {"/proc/self/status", beside_this_program(path, "older_plan.so")};
    for (size_t i = 0; i < COUNT(others); i++) {
        ct_plan_end(plan);
        plan = NULL;
        options.module = others[i];
        TRY(ct_plan_new(&options, arena, &plan, &why));
        EXPECT_RESULT(CT_UNAVAILABLE, ct_plan_describe(plan, arena, CT_STR("+4930120000"), &info));
        EXPECT_RESULT(CT_UNAVAILABLE, ct_plan_describe(plan, arena, CT_STR("+4930120000"), &info));
        EXPECT_RESULT(CT_UNAVAILABLE, ct_plan_calling_code(plan, CT_STR("DE"), &code));
    }
out:
    ct_plan_end(plan);
    ct_arena_free(arena);
    return result;
}

#define THREADS 8
#define ROUNDS 30

struct crowd {
    struct ct_plan *plan;
    pthread_barrier_t barrier;
    atomic_int wrong;
    atomic_bool out_of_memory;
};

static void *ask_all(void *arg)
{
    struct crowd *crowd = arg;
    unsigned char memory[4096] __attribute__((aligned(16)));
    pthread_barrier_wait(&crowd->barrier);
    for (int round = 0; round < ROUNDS; round++) {
        const struct example *example = &examples[(size_t)round % COUNT(examples)];
        struct ct_plan_info info;
        struct ct_arena *arena = ct_arena_in(memory, sizeof(memory));
        enum ct_result result =
            arena == NULL ? CT_NOMEM
                          : ct_plan_describe(crowd->plan, arena, ct_str_of(example->e164), &info);
        if (result == CT_NOMEM)
            atomic_store(&crowd->out_of_memory, true);
        else if (result != CT_OK || !is_as(example, &info))
            atomic_fetch_add(&crowd->wrong, 1);
        ct_arena_free(arena);
    }
    return NULL;
}

/* All of them ask the first question at the same time. */
static enum ct_result test_many_threads(void)
{
    enum ct_result result = CT_OK;
    struct crowd crowd = {0};
    pthread_t threads[THREADS];
    size_t started = 0;
    const char *why = NULL;
    struct ct_arena *arena = ct_arena_new();
    pthread_barrier_init(&crowd.barrier, NULL, THREADS);
    TRY_MEMORY(arena);
    TRY(ct_plan_new(NULL, arena, &crowd.plan, &why));

    for (; started < THREADS; started++)
        EXPECT(pthread_create(&threads[started], NULL, ask_all, &crowd) == 0);
    for (; started > 0; started--)
        (void)pthread_join(threads[started - 1], NULL);
    EXPECT(atomic_load(&crowd.wrong) == 0);
    if (atomic_load(&crowd.out_of_memory))
        result = CT_NOMEM;
out:
    pthread_barrier_destroy(&crowd.barrier);
    ct_plan_end(crowd.plan);
    ct_arena_free(arena);
    return result;
}

/* What a table knows takes no memory; what it does not could not be borne without. */
static enum ct_result test_no_memory_left(void)
{
    enum ct_result result = CT_OK;
    struct ct_plan *plan = NULL;
    struct ct_plan_info info;
    const char *why = NULL;
    int code = 0;
    struct rlimit before;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(ct_plan_new(NULL, arena, &plan, &why));
    EXPECT(getrlimit(RLIMIT_AS, &before) == 0);

    const struct rlimit none = {.rlim_cur = 1, .rlim_max = before.rlim_max};
    EXPECT(setrlimit(RLIMIT_AS, &none) == 0);
    enum ct_result first = ct_plan_describe(plan, arena, CT_STR("+4930120000"), &info);
    enum ct_result second = ct_plan_calling_code(plan, CT_STR("DE"), &code);
    EXPECT(setrlimit(RLIMIT_AS, &before) == 0);
    EXPECT(first == CT_NOMEM && second == CT_NOMEM);
    TRY(ct_plan_describe(plan, arena, CT_STR("+4930120000"), &info));
    EXPECT(info.valid);

    EXPECT(setrlimit(RLIMIT_AS, &none) == 0);
    first = ct_plan_describe(plan, arena, CT_STR("+4940120000"), &info);
    second = ct_plan_describe(plan, arena, CT_STR("+33612345678"), &info);
    EXPECT(setrlimit(RLIMIT_AS, &before) == 0);
    TRY(first);
    EXPECT(ct_str_equal(info.national_format, CT_STR("040 120000")));
    EXPECT(second == CT_NOMEM);
out:
    ct_plan_end(plan);
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_modules_that_are_none), CT_UNIT(test_many_threads),
        CT_UNIT(test_numbers_of_the_world),  CT_UNIT(test_what_is_no_number),
        CT_UNIT(test_calling_codes),         CT_UNIT(test_no_memory_left),
    };
    return ct_unit_main("numbers/plan", units, sizeof(units) / sizeof(units[0]));
}
