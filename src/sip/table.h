#ifndef CT_SIP_TABLE_H
#define CT_SIP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/**
 * A hash table of fixed width whose entries live in their owners. A key is 128 bits that nobody outside can choose: a
 * keyed hash, or our own randomness; it stands for what it was made of.
 */
struct ct_sip_link {
    struct ct_sip_link *next;
    struct ct_sip_link **back; /* NULL: in no table */
    uint64_t key[2];
};

struct ct_sip_table {
    struct ct_sip_link **buckets;
    unsigned shift;
    size_t count;
};

/** For about @p expected entries; untouched buckets take no memory. The owner frees it with ct_sip_table_end. CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_table_init(struct ct_sip_table *table, size_t expected);
void ct_sip_table_end(struct ct_sip_table *table);
/** Adds it under its `key`; several may have the same. */
void ct_sip_table_add(struct ct_sip_table *table, struct ct_sip_link *link);
/** Takes it out. One that is in no table is left as it is. */
void ct_sip_table_remove(struct ct_sip_table *table, struct ct_sip_link *link);
/** The entry that was added last under this key, or NULL. */
struct ct_sip_link *ct_sip_table_find(const struct ct_sip_table *table, const uint64_t key[2]);
/** The next one with the same key, or NULL. */
struct ct_sip_link *ct_sip_table_find_next(const struct ct_sip_link *link);
/** Any entry, or NULL when there is none: to empty the table. @p from is 0 at first and kept between the calls; nothing
 *  may be added meanwhile. */
struct ct_sip_link *ct_sip_table_any(const struct ct_sip_table *table, size_t *from);

/** The object in which a link is the member of this name. */
#define CT_SIP_OF_LINK(type, member, link) ((type *)(void *)((char *)(link)-offsetof(type, member)))

#endif
