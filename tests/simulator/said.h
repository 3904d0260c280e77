#ifndef CT_TESTS_SIMULATOR_SAID_H
#define CT_TESTS_SIMULATOR_SAID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/**
 * A message as the simulated phones read it: plainly, and by code that shares nothing with sip/, so that a
 * misunderstanding there is not repeated here.
 */
#define SAID_TEXT 192

struct said {
    struct ct_str bytes;
    int status; /* 0: a request */
    char method[16];
    char uri[SAID_TEXT];
    char branch[96]; /* of the topmost Via */
    char call_id[SAID_TEXT];
    unsigned cseq;
    char cseq_method[16];
    char from[SAID_TEXT]; /* the whole value */
    char to[SAID_TEXT];
    char from_tag[96];
    char to_tag[96];         /* empty: none */
    char contact[SAID_TEXT]; /* its URI; empty: none */
    struct ct_str body;
};

/** False: it is none, or one that lacks what every message has. */
bool said_read(struct ct_str bytes, struct said *out);
/** Copies the value of the field number @p index (from 0) of this name; @p compact may be NULL. False: there is none. */
bool said_header(const struct said *said, const char *name, const char *compact, size_t index,
                 char *out, size_t size);
/** Whether that header has this word in it. */
bool said_has(const struct said *said, const char *name, const char *compact, const char *word);
/** Copies what stands in a text between two others; to its end where @p behind is not met. False: @p before is not in
 *  it. */
bool said_between(const char *text, const char *before, const char *behind, char *out, size_t size);

/** Prints into a text, which must be large enough. Its length. */
size_t say_in(char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
