#ifndef CT_ASK_H
#define CT_ASK_H

#include <stdbool.h>
#include <stddef.h>

/** Reads one line from standard input into @p out, without its end; on a terminal it asks with @p prompt
 * first and does not show what is typed. A signal that ends or stops the program finds the terminal as it
 * was. False at the end of input, and for a line that is longer than @p size - 1 bytes or has a NUL. */
bool ct_ask_secret(const char *prompt, char *out, size_t size);

#endif
