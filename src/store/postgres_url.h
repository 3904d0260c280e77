#ifndef CT_STORE_POSTGRES_URL_H
#define CT_STORE_POSTGRES_URL_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"

/** How many servers a URL may name. */
#define CT_PG_MAX_SERVERS 16

/** One server of a cluster: what PQconnectStartParams takes. Both arrays end with NULL. */
struct ct_pg_server {
    const char **keywords;
    const char **values;
};

/** What a URL names: the servers, one of which is the primary. */
struct ct_pg_url {
    size_t count; /* at least 1 */
    struct ct_pg_server *servers;
    int64_t connect_us; /* how long an attempt to connect may take */
};

/** Reads postgresql://user:password@host1:port1,host2:port2/database?options into @p arena, and adds the
 *  options without which a lost server would be noticed too late. CT_INVALID with one line in @p why,
 *  which never repeats what the URL says: it may hold a password. CT_NOMEM. */
CT_CHECKED enum ct_result ct_pg_url_read(const char *url, struct ct_arena *arena,
                                         struct ct_pg_url *out, const char **why);

#endif
