#ifndef CT_OPS_RULES_H
#define CT_OPS_RULES_H

#include <stddef.h>

/** What is true of every database of this program, also between any two of its commits. */
struct ct_rule {
    int since;            /* the migration from which on it can be asked for */
    const char *sentence; /* what is true */
    /** Finds what breaks it: rows of one text, which names the row that is wrong. */
    const char *sql;
};

extern const struct ct_rule ct_rules[];
extern const size_t ct_rule_count;

#endif
