#include "harness.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka needs the four standard headers above first. */
#include <cmocka.h>

#include "allocations.h"
#include "base/clock.h"
#include "verdict.h"

/* LeakSanitizer's, where the build has it. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* What the run in progress had to complain about, kept until the verdict asks for it. */
static __thread struct ct_verdict *current;

void ct_unit_report(const char *what, const char *file, int line)
{
    if (current != NULL && current->complaint[0] == '\0')
        snprintf(current->complaint, sizeof(current->complaint), "%s:%d: %s", file, line, what);
    else if (current == NULL)
        fprintf(stderr, "%s:%d: %s\n", file, line, what);
}

void ct_unit_spare(bool yes)
{
    ct_allocations_spare(yes);
}

void ct_unit_spare_sqlite(size_t every)
{
    ct_allocations_of_sqlite(every);
}

static size_t open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;

    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

/* One run with one allocation failing (0: none). Whether it was as it must be; `out` says how not.
 */
static bool one_run(const struct ct_unit *unit, size_t fail_at, struct ct_verdict *out,
                    bool *injected)
{
    struct ct_verdict *outer = current;
    size_t descriptors = open_descriptors();
    size_t first;
    size_t leaked;
    enum ct_result result;

    out->complaint[0] = '\0';
    out->failing_allocation = fail_at;
    current = out;
    ct_allocations_start(fail_at);
    result = unit->run();
    out->allocations = ct_allocations_stop(injected);
    current = outer;
    leaked = ct_allocations_leaked(&first);
    out->runs++;

    if (result != CT_OK && !(result == CT_NOMEM && *injected)) {
        snprintf(out->what, sizeof(out->what), "answered \"%s\"", ct_result_text(result));
        return false;
    }
    if (leaked > 0) {
        snprintf(out->what, sizeof(out->what), "leaked %zu blocks, the earliest is allocation %zu",
                 leaked, first);
        return false;
    }
    if (open_descriptors() != descriptors) {
        snprintf(out->what, sizeof(out->what), "left %zu descriptors open where there were %zu",
                 open_descriptors(), descriptors);
        return false;
    }
    return true;
}

/* Every allocation if the time allows it, else every second, fourth, eighth …: so what a slow machine tries, a fast
 * one has tried as well. A run takes half of a whole one, as it ends where an allocation fails. */
static size_t step_of(size_t total, int64_t whole_us, int64_t limit_us)
{
    size_t step = 1;
    while ((int64_t)(total / step) * whole_us / 2 > limit_us)
        step *= 2;
    return step;
}

static bool sweep(const struct ct_unit *unit, const struct ct_unit_limits *limits,
                  struct ct_verdict *out)
{
    size_t total;
    size_t step;
    int64_t started;
    bool injected;

    *out = (struct ct_verdict){0};
    if (!one_run(unit, 0, out, &injected))
        return false;
    total = out->allocations;
    started = ct_clock_monotonic_us(); /* the first one has warmed up what is used once */
    if (!one_run(unit, 0, out, &injected))
        return false;
    out->runs = 1;
    step = step_of(total, ct_clock_monotonic_us() - started, limits->us);
    out->incomplete = step > 1;
    started = ct_clock_monotonic_us();
    for (size_t at = 1;; at += step) {
        if (!one_run(unit, at, out, &injected))
            return false;
        if (!injected)
            break;
        if (ct_clock_monotonic_us() - started > 2 * limits->us || out->runs > limits->runs) {
            out->incomplete = true;
            break;
        }
    }
    if (__lsan_do_recoverable_leak_check != NULL && __lsan_do_recoverable_leak_check() != 0) {
        snprintf(out->what, sizeof(out->what), "leaked, as LeakSanitizer says above");
        out->failing_allocation = 0;
        return false;
    }
    return true;
}

bool ct_unit_judge(const struct ct_unit *unit, const struct ct_unit_limits *limits,
                   struct ct_verdict *out)
{
    bool right = sweep(unit, limits, out);

    /* A test of this harness is itself being swept: leave nothing behind that fails. */
    ct_allocations_start(0);
    return right;
}

int64_t ct_unit_sweep_us(void)
{
    const char *seconds = getenv("CT_SWEEP_SECONDS");

    return seconds == NULL ? 2 * 1000 * 1000 : (int64_t)(strtod(seconds, NULL) * 1e6);
}

static void run_unit(void **state)
{
    const struct ct_unit_limits limits = {.runs = 1000000, .us = ct_unit_sweep_us()};
    const struct ct_unit *unit = *state;
    struct ct_verdict verdict;

    if (!ct_unit_judge(unit, &limits, &verdict)) {
        if (verdict.failing_allocation > 0)
            fail_msg("%s, with allocation %zu failing, %s. %s", unit->name,
                     verdict.failing_allocation, verdict.what, verdict.complaint);
        fail_msg("%s %s. %s", unit->name, verdict.what, verdict.complaint);
    }
    if (verdict.incomplete)
        print_message(
            "%s: for want of time %zu runs were made and some of %zu allocations left out\n",
            unit->name, verdict.runs, verdict.allocations);
}

int ct_unit_main(const char *group, const struct ct_unit *units, size_t count)
{
    struct CMUnitTest tests[CT_UNIT_MOST] = {0};

    if (count == 0 || count > CT_UNIT_MOST) {
        fprintf(stderr, "%s: %zu tests, where 1 to %d are allowed\n", group, count, CT_UNIT_MOST);
        return 1;
    }
    ct_allocations_install();
    for (size_t i = 0; i < count; i++) {
        tests[i].name = units[i].name;
        tests[i].test_func = run_unit;
        tests[i].initial_state = (void *)(uintptr_t)&units[i];
    }
    return _cmocka_run_group_tests(group, tests, count, NULL, NULL) == 0 ? 0 : 1;
}
