#include <string.h>

#include "harness.h"
#include "store/postgres_link.h"
#include "store/postgres_url.h"

static const char *value_of(const struct ct_pg_server *server, const char *keyword)
{
    const char *found = NULL;
    for (size_t i = 0; server->keywords[i] != NULL; i++) {
        if (strcmp(server->keywords[i], keyword) == 0)
            found = server->values[i];
    }
    return found;
}

static bool has(const struct ct_pg_server *server, const char *keyword, const char *value)
{
    const char *found = value_of(server, keyword);
    return value == NULL ? found == NULL : found != NULL && strcmp(found, value) == 0;
}

static enum ct_result test_one_server(void)
{
    enum ct_result result;
    struct ct_pg_url url;
    const char *why;
    struct ct_arena *arena = ct_arena_new();

    TRY_MEMORY(arena);
    TRY(ct_pg_url_read("postgresql://joe:p%40ss@db.example:6000/tele?sslmode=verify-full", arena,
                       &url, &why));
    EXPECT(url.count == 1 && url.connect_us == 2000000);
    const struct ct_pg_server *server = &url.servers[0];
    EXPECT(has(server, "host", "db.example") && has(server, "port", "6000"));
    EXPECT(has(server, "user", "joe") && has(server, "password", "p@ss"));
    EXPECT(has(server, "dbname", "tele") && has(server, "sslmode", "verify-full"));
    EXPECT(has(server, "target_session_attrs", "read-write"));
    EXPECT(has(server, "client_encoding", "UTF8"));
    EXPECT(has(server, "tcp_user_timeout", "2000") && has(server, "keepalives_idle", "1"));
    EXPECT(has(server, "connect_timeout", NULL) && has(server, "hostaddr", NULL));
    /* the shortest that there is: all is libpq's to choose */
    TRY(ct_pg_url_read("postgres://", arena, &url, &why));
    EXPECT(url.count == 1 && has(&url.servers[0], "host", NULL));
    EXPECT(has(&url.servers[0], "port", NULL) && has(&url.servers[0], "dbname", NULL));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_many_servers(void)
{
    enum ct_result result;
    struct ct_pg_url url;
    const char *why;
    struct ct_arena *arena = ct_arena_new();

    TRY_MEMORY(arena);
    TRY(ct_pg_url_read("postgresql://a:1,b:2,c/db?target_session_attrs=any&connect_timeout=7"
                       "&tcp_user_timeout=9000&application_name=x",
                       arena, &url, &why));
    EXPECT(url.count == 3 && url.connect_us == 7000000);
    EXPECT(has(&url.servers[0], "host", "a") && has(&url.servers[0], "port", "1"));
    EXPECT(has(&url.servers[1], "host", "b") && has(&url.servers[1], "port", "2"));
    EXPECT(has(&url.servers[2], "host", "c") && has(&url.servers[2], "port", NULL));
    for (size_t i = 0; i < url.count; i++) {
        EXPECT(has(&url.servers[i], "target_session_attrs", "read-write"));
        EXPECT(has(&url.servers[i], "tcp_user_timeout", "9000"));
        EXPECT(has(&url.servers[i], "application_name", "x"));
    }
    /* one port is for all, an address stands beside its name */
    TRY(ct_pg_url_read("postgresql:///db?host=a,b&hostaddr=192.0.2.1,192.0.2.2&port=5", arena, &url,
                       &why));
    EXPECT(url.count == 2 && has(&url.servers[1], "hostaddr", "192.0.2.2"));
    EXPECT(has(&url.servers[0], "port", "5") && has(&url.servers[1], "port", "5"));
    TRY(ct_pg_url_read("postgresql:///db?hostaddr=192.0.2.1,192.0.2.2", arena, &url, &why));
    EXPECT(url.count == 2 && has(&url.servers[1], "hostaddr", "192.0.2.2"));
    EXPECT(has(&url.servers[1], "host", NULL));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_refused(void)
{
    enum ct_result result;
    struct ct_pg_url url;
    const char *why;
    static const struct {
        const char *url;
        const char *said;
    } cases[] = {
        {"postgresql://joe:secret@[::1/db", "form"},
        {"postgresql://joe:secret@host:secret:1/db", "port"},
        {"postgresql://joe:secret%zz@host/db", "form"},
        {"postgresql://joe:secret@host/db?secret=1", "form"},
        {"postgresql:secret", "form"},
        {"postgresql://joe:se@secret@host/db", "%40"},
        {"postgresql://joe:secret@a,b/db?port=1,2,3", "ports"},
        {"postgresql://joe:secret@a,b/db?hostaddr=192.0.2.1", "addresses"},
        {"postgresql://joe:secret@a/db?target_session_attrs=standby", "target_session_attrs"},
        {"postgresql://joe:secret@a/db?target_session_attrs=prefer-standby",
         "target_session_attrs"},
        {"postgresql://joe:secret@a/db?replication=database", "replication"},
        {"postgresql://joe:secret@a/db?connect_timeout=0", "connect_timeout"},
        {"postgresql://joe:secret@a/db?connect_timeout=secret", "connect_timeout"},
        {"postgresql://joe:secret@a/db?connect_timeout=61", "connect_timeout"},
        {"postgresql://joe:secret@a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q/db", "16 servers"},
    };
    struct ct_arena *arena = ct_arena_new();

    TRY_MEMORY(arena);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        why = NULL;
        EXPECT_RESULT(CT_INVALID, ct_pg_url_read(cases[i].url, arena, &url, &why));
        EXPECT(why != NULL && strstr(why, cases[i].said) != NULL);
        EXPECT(strstr(why, "DATABASE_URL") != NULL && strstr(why, "secret") == NULL);
    }
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_sqlstates(void)
{
    enum ct_result result = CT_OK;
    static const struct {
        const char *sqlstate;
        enum ct_result result;
        bool may_retry;
    } cases[] = {
        {"23505", CT_CONFLICT, false},    {"23503", CT_NOT_FOUND, false},
        {"40001", CT_UNAVAILABLE, true},  {"40P01", CT_UNAVAILABLE, true},
        {"55P03", CT_UNAVAILABLE, true},  {"57P01", CT_UNAVAILABLE, true},
        {"08006", CT_UNAVAILABLE, true},  {"25006", CT_UNAVAILABLE, true},
        {"25P03", CT_UNAVAILABLE, true},  {"53100", CT_UNAVAILABLE, false},
        {"58030", CT_UNAVAILABLE, false}, {"42601", CT_BUG, false},
        {"23502", CT_BUG, false},         {"22003", CT_BUG, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool may_retry = !cases[i].may_retry;
        EXPECT(ct_pg_result_of(cases[i].sqlstate, &may_retry) == cases[i].result);
        EXPECT(may_retry == cases[i].may_retry);
    }
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_one_server),
        CT_UNIT(test_many_servers),
        CT_UNIT(test_refused),
        CT_UNIT(test_sqlstates),
    };
    return ct_unit_main("postgres_url", units, sizeof(units) / sizeof(units[0]));
}
