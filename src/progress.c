#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define BAR_WIDTH 24
#define BAR_INTERVAL_US 100000
#define LINE_INTERVAL_US 10000000

void ct_progress_begin(struct ct_progress *progress, const char *what, const char *unit,
                       int64_t total)
{
    int64_t now = ct_clock_monotonic_us();
    *progress = (struct ct_progress){.what = what,
                                     .unit = unit,
                                     .total = total,
                                     .terminal = isatty(STDERR_FILENO) == 1,
                                     .started_us = now,
                                     .shown_us = now};
}

static void print_bar(int percent)
{
    char bar[BAR_WIDTH + 1];
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = i * 100 < percent * BAR_WIDTH ? '#' : '-';
    bar[BAR_WIDTH] = '\0';
    (void)fprintf(stderr, "\r[%s] ", bar);
}

static void print_state(const struct ct_progress *progress, int64_t done, int64_t lines,
                        double seconds)
{
    double rate = seconds > 0 ? (double)done / seconds : 0;
    (void)fprintf(stderr, "%s: %lld", progress->what, (long long)done);
    if (progress->total > 0)
        (void)fprintf(stderr, " of %lld", (long long)progress->total);
    (void)fprintf(stderr, " %s", progress->unit);
    if (lines > 0)
        (void)fprintf(stderr, ", %lld lines", (long long)lines);
    (void)fprintf(stderr, ", %.0f/s", rate);
    if (progress->total > done && rate > 0)
        (void)fprintf(stderr, ", %.0f s left", (double)(progress->total - done) / rate);
}

void ct_progress_show(struct ct_progress *progress, int64_t done, int64_t lines)
{
    int64_t now = ct_clock_monotonic_us();
    if (now - progress->shown_us < (progress->terminal ? BAR_INTERVAL_US : LINE_INTERVAL_US))
        return;
    progress->shown_us = now;
    if (progress->terminal && progress->total > 0)
        print_bar((int)((double)done / (double)progress->total * 100));
    else if (progress->terminal)
        (void)fputc('\r', stderr);
    print_state(progress, done, lines, (double)(now - progress->started_us) / 1e6);
    (void)fputs(progress->terminal ? "\033[K" : "\n", stderr);
    (void)fflush(stderr);
    progress->on_screen = progress->terminal;
}

void ct_progress_end(struct ct_progress *progress)
{
    if (progress->on_screen)
        (void)fputs("\r\033[K", stderr);
    progress->on_screen = false;
}
