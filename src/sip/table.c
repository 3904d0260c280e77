#include "sip/table.h"

#include <stdlib.h>

enum ct_result ct_sip_table_init(struct ct_sip_table *table, size_t expected)
{
    unsigned bits = 4;
    while (bits < 24 && ((size_t)1 << bits) < expected)
        bits++;
    *table = (struct ct_sip_table){.shift = 64 - bits};
    table->buckets = calloc((size_t)1 << bits, sizeof(struct ct_sip_link *));
    return table->buckets == NULL ? CT_NOMEM : CT_OK;
}

void ct_sip_table_end(struct ct_sip_table *table)
{
    free(table->buckets);
    table->buckets = NULL;
}

/* The multiplication spreads keys that are made of text. */
static struct ct_sip_link **bucket(const struct ct_sip_table *table, const uint64_t key[2])
{
    return &table->buckets[(key[0] ^ key[1] << 1) * UINT64_C(0x9E3779B97F4A7C15) >> table->shift];
}

static bool has_key(const struct ct_sip_link *link, const uint64_t key[2])
{
    return link->key[0] == key[0] && link->key[1] == key[1];
}

void ct_sip_table_add(struct ct_sip_table *table, struct ct_sip_link *link)
{
    struct ct_sip_link **first = bucket(table, link->key);
    link->next = *first;
    link->back = first;
    if (*first != NULL)
        (*first)->back = &link->next;
    *first = link;
    table->count++;
}

void ct_sip_table_remove(struct ct_sip_table *table, struct ct_sip_link *link)
{
    if (link->back == NULL)
        return;
    *link->back = link->next;
    if (link->next != NULL)
        link->next->back = link->back;
    link->back = NULL;
    table->count--;
}

static struct ct_sip_link *first_of(struct ct_sip_link *link, const uint64_t key[2])
{
    while (link != NULL && !has_key(link, key))
        link = link->next;
    return link;
}

struct ct_sip_link *ct_sip_table_find(const struct ct_sip_table *table, const uint64_t key[2])
{
    return first_of(*bucket(table, key), key);
}

struct ct_sip_link *ct_sip_table_find_next(const struct ct_sip_link *link)
{
    return first_of(link->next, link->key);
}

struct ct_sip_link *ct_sip_table_any(const struct ct_sip_table *table, size_t *from)
{
    for (; table->count > 0; ++*from)
        if (table->buckets[*from] != NULL)
            return table->buckets[*from];
    return NULL;
}
