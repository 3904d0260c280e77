#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "allocations.h"
#include "simulator/town.h"

/* Lives through as many seeds as one likes, and says which of them went wrong. */

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

struct arguments {
    uint64_t seed;
    uint64_t seeds;
    bool twice;
    const char *find; /* the words of a complaint that ends it; NULL: none do */
    bool die;         /* in the middle of it, to see that the seed is told */
    struct town_options options;
};

static const struct {
    const char *name;
    const char *does;
    const char *complaint;
} faults[] = {{"none", "", ""},
#define FAULT_TEXT(id, name, does, complaint) {name, does, complaint},
              FAULTS(FAULT_TEXT)
#undef FAULT_TEXT
};
#define FAULT_COUNT (sizeof(faults) / sizeof(faults[0]))

static char last_words[100];

static void die(void)
{
    if (write(STDOUT_FILENO, last_words, strlen(last_words)) < 0)
        _exit(1);
}

static void on_signal(int number)
{
    (void)number;
    die();
    _exit(1);
}

static void usage(void)
{
    fprintf(stderr,
            "usage: run [--seed N] [--seeds N] [--steps N] [--trace] [--twice] [--find WORDS] "
            "[--break NAME] [--breaks]\n");
    exit(2);
}

static uint64_t number(const char *text)
{
    char *end;
    unsigned long long value = text == NULL ? 0 : strtoull(text, &end, 10);

    if (text == NULL || text[0] < '0' || text[0] > '9' || *end != '\0')
        usage();
    return value;
}

static enum fault fault_of(const char *name)
{
    for (size_t i = 1; name != NULL && i < FAULT_COUNT; i++)
        if (strcmp(faults[i].name, name) == 0)
            return (enum fault)i;
    usage();
    return FAULT_NONE;
}

static void list_faults(void)
{
    for (size_t i = 1; i < FAULT_COUNT; i++)
        printf("%s\t%s\t%s\n", faults[i].name, faults[i].does, faults[i].complaint);
    exit(0);
}

static void read_arguments(int argc, char **argv, struct arguments *out)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (strcmp(argv[i], "--trace") == 0)
            out->options.trace = true;
        else if (strcmp(argv[i], "--twice") == 0)
            out->twice = true;
        else if (strcmp(argv[i], "--die") == 0)
            out->die = true;
        else if (strcmp(argv[i], "--breaks") == 0)
            list_faults();
        else if (strcmp(argv[i], "--seed") == 0)
            out->seed = number(argv[++i < argc ? i : 0]);
        else if (strcmp(argv[i], "--seeds") == 0)
            out->seeds = number(argv[++i < argc ? i : 0]);
        else if (strcmp(argv[i], "--steps") == 0)
            out->options.steps = (unsigned)number(argv[++i < argc ? i : 0]);
        else if (strcmp(argv[i], "--find") == 0 && value != NULL)
            out->find = argv[++i];
        else if (strcmp(argv[i], "--break") == 0) {
            out->options.fault = fault_of(value);
            i++;
        } else
            usage();
    }
}

static void live(const struct town_options *options, struct town_verdict *verdict)
{
    if (town_live(options, verdict) != CT_OK) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
}

/* Whether everything was as it must be. */
static bool one_seed(const struct arguments *arguments, uint64_t seed, struct town_verdict *verdict)
{
    struct town_options options = arguments->options;
    static struct town_verdict again;

    options.seed = seed;
    snprintf(last_words, sizeof(last_words),
             "\nseed %llu: the program died; again with --seed %llu --steps %u\n",
             (unsigned long long)seed, (unsigned long long)seed, options.steps);
    if (arguments->die)
        abort();
    live(&options, verdict);
    if (arguments->twice) {
        live(&options, &again);
        if (again.sum != verdict->sum && verdict->complaints < TOWN_COMPLAINTS)
            snprintf(verdict->complaint[verdict->complaints++], sizeof(verdict->complaint[0]),
                     "the same seed is not the same again");
    }
    if (verdict->complaints == 0)
        return true;
    printf("seed %llu: %zu complaints; again with --seed %llu --steps %u\n",
           (unsigned long long)seed, verdict->complaints, (unsigned long long)seed, options.steps);
    for (size_t i = 0; i < verdict->complaints && i < TOWN_COMPLAINTS; i++)
        printf("    %s\n", verdict->complaint[i]);
    return false;
}

static bool has_found(const struct arguments *arguments, const struct town_verdict *verdict)
{
    for (size_t i = 0; arguments->find != NULL && i < verdict->complaints && i < TOWN_COMPLAINTS;
         i++)
        if (strstr(verdict->complaint[i], arguments->find) != NULL)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.seed = 1, .seeds = 1, .options = {.steps = 60}};
    static struct town_verdict verdict;
    uint64_t sum = 0;
    uint64_t failed = 0;
    size_t calls = 0;
    size_t answered = 0;
    size_t messages = 0;
    int64_t simulated_ms = 0;

    read_arguments(argc, argv, &arguments);
    ct_allocations_install();
    signal(SIGABRT, on_signal);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(die);
    for (uint64_t i = 0; i < arguments.seeds; i++) {
        failed += !one_seed(&arguments, arguments.seed + i, &verdict);
        sum = sum * 31 + verdict.sum;
        calls += verdict.calls;
        answered += verdict.answered;
        messages += verdict.messages;
        simulated_ms += verdict.simulated_ms;
        if (has_found(&arguments, &verdict))
            arguments.seeds = i + 1;
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\r%llu of %llu seeds", (unsigned long long)(i + 1),
                    (unsigned long long)arguments.seeds);
    }
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
    printf("%llu seeds: %zu calls, %zu of them answered, %zu messages, %lld simulated hours; sum "
           "%016llx\n",
           (unsigned long long)arguments.seeds, calls, answered, messages,
           (long long)(simulated_ms / 3600000), (unsigned long long)sum);
    printf("count: %llu passed, %llu failed\n", (unsigned long long)(arguments.seeds - failed),
           (unsigned long long)failed);
    return failed == 0 ? 0 : 1;
}
