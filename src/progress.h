#ifndef CT_PROGRESS_H
#define CT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/** Shows on standard error how far a long work is: a bar on a terminal, and otherwise a line every ten
 *  seconds. Plain data; begins with ct_progress_begin. */
struct ct_progress {
    const char *what; /* "reading" */
    const char *unit; /* "bytes", "numbers" */
    int64_t total;    /* in that unit; 0: nobody knows */
    bool terminal;
    bool on_screen;
    int64_t started_us;
    int64_t shown_us;
};

/** Texts are borrowed. */
void ct_progress_begin(struct ct_progress *progress, const char *what, const char *unit,
                       int64_t total);
/** How much is done. @p lines is how many lines of a file that were; 0 is not told. */
void ct_progress_show(struct ct_progress *progress, int64_t done, int64_t lines);
/** Removes the bar. */
void ct_progress_end(struct ct_progress *progress);

#endif
