#include "voice/call_counts.h"

#include <stdlib.h>

#include "base/limiter.h"

#define BUCKETS ((size_t)4096)
/* Accounts whose rates are remembered. */
#define KEYS ((size_t)16384)
#define MINUTE_US 60000000

/* An account that has calls. */
struct account {
    struct account *next;
    int64_t id;
    size_t calls;
};

struct ct_call_counts {
    struct ct_call_counts_options options;
    struct ct_rate_limiter *rates; /* NULL: no limit */
    struct account *accounts[BUCKETS];
};

enum ct_result ct_call_counts_new(const struct ct_call_counts_options *options,
                                  struct ct_call_counts **out)
{
    const struct ct_limiter_options rates = {
        .slots = KEYS, .limit = options->per_minute, .window_us = MINUTE_US};
    struct ct_call_counts *counts = calloc(1, sizeof(*counts));
    if (counts == NULL)
        return CT_NOMEM;
    counts->options = *options;
    enum ct_result result = CT_OK;
    if (options->per_minute > 0)
        result = ct_rate_limiter_new(&rates, &counts->rates);
    if (result != CT_OK) {
        free(counts);
        return result;
    }
    *out = counts;
    return CT_OK;
}

void ct_call_counts_free(struct ct_call_counts *counts)
{
    if (counts == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (counts->accounts[i] != NULL) {
            struct account *next = counts->accounts[i]->next;
            free(counts->accounts[i]);
            counts->accounts[i] = next;
        }
    ct_rate_limiter_free(counts->rates);
    free(counts);
}

/* The link to an account, or to NULL. Ids are given one after the other, by us. */
static struct account **find(struct ct_call_counts *counts, int64_t id)
{
    struct account **link = &counts->accounts[(uint64_t)id % BUCKETS];
    while (*link != NULL && (*link)->id != id)
        link = &(*link)->next;
    return link;
}

static bool judge(struct ct_call_counts *counts, int64_t id, size_t most, const char **why)
{
    const struct ct_sip_env *env = counts->options.env;
    const struct account *account = *find(counts, id);
    *why = "The account has too many calls at the same time";
    if (counts->options.at_once > 0 && account != NULL && account->calls > most)
        return false;
    *why = "The account has made too many calls in the last minute";
    return counts->rates == NULL ||
           ct_rate_limiter_take(counts->rates, (struct ct_str){(const char *)&id, sizeof(id)},
                                env->now_ms(env->ctx) * 1000) == 0;
}

bool ct_call_counts_may(struct ct_call_counts *counts, int64_t account_id, const char **why)
{
    return account_id == 0 || judge(counts, account_id, counts->options.at_once - 1, why);
}

bool ct_call_counts_dialled(struct ct_call_counts *counts, int64_t account_id, const char **why)
{
    return account_id == 0 || judge(counts, account_id, counts->options.at_once, why);
}

void ct_call_counts_began(struct ct_call_counts *counts, int64_t account_id)
{
    if (account_id == 0)
        return;
    struct account **link = find(counts, account_id);
    if (*link == NULL) {
        *link = calloc(1, sizeof(**link));
        if (*link == NULL)
            return; /* a call that is not counted */
        (*link)->id = account_id;
    }
    (*link)->calls++;
}

void ct_call_counts_ended(struct ct_call_counts *counts, int64_t account_id)
{
    struct account **link = find(counts, account_id);
    struct account *account = *link;
    if (account == NULL || --account->calls > 0)
        return;
    *link = account->next;
    free(account);
}
