#include "store/postgres_url.h"

#include <libpq-fe.h>

#include <string.h>

#include "base/text.h"

/* Keywords that a server may be given. */
#define MAX_KEYWORDS 64
#define CONNECT_SECONDS 2
#define MAX_CONNECT_SECONDS 60

/* What is said where the URL says nothing. A server that is gone without a word (its machine is off, or
 * the network is) is noticed within some 3 seconds: data that it does not acknowledge for 2 s, or two
 * probes of a quiet connection that it does not answer, end the connection. */
static const struct {
    const char *keyword;
    const char *value;
} defaults[] = {
    {"application_name", "cloud-telephony"},
    {"keepalives_idle", "1"},
    {"keepalives_interval", "1"},
    {"keepalives_count", "2"},
    {"tcp_user_timeout", "2000"},
    {"gssencmode", "disable"},
};

/* What this program needs whatever the URL says. */
static const struct {
    const char *keyword;
    const char *value;
} always[] = {
    {"client_encoding", "UTF8"},
    {"target_session_attrs", "read-write"},
};

/* Read here, not by libpq: it would try the servers one after the other, and for the asynchronous calls
 * it has no time limit. */
static const char *const taken[] = {"host", "hostaddr", "port", "connect_timeout"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword != NULL; options++) {
        if (strcmp(options->keyword, keyword) == 0)
            return options->val;
    }
    return NULL;
}

/* How many elements a list with commas has; 0 for none. */
static size_t count_of(const char *list)
{
    if (list == NULL || list[0] == '\0')
        return 0;
    size_t count = 1;
    for (; *list != '\0'; list++)
        count += *list == ',';
    return count;
}

/* The element at @p index, or the only one that there is, or NULL. CT_NOMEM. */
static enum ct_result element(struct ct_arena *arena, const char *list, size_t index,
                              const char **out)
{
    *out = NULL;
    size_t count = count_of(list);
    if (count == 0)
        return CT_OK;
    for (size_t i = 0; count > 1 && i < index; i++)
        list = strchr(list, ',') + 1;
    size_t size = strcspn(list, ",");
    if (size == 0)
        return CT_OK; /* libpq's default */
    *out = ct_arena_copy(arena, list, size);
    return *out == NULL ? CT_NOMEM : CT_OK;
}

static const char *judge_counts(size_t hosts, size_t addresses, size_t ports, size_t count)
{
    if (count > CT_PG_MAX_SERVERS)
        return "DATABASE_URL names more than 16 servers";
    if ((hosts > 0 && addresses > 0 && hosts != addresses) || (ports > 1 && ports != count))
        return "DATABASE_URL does not name as many ports or addresses as servers";
    return NULL;
}

static const char *judge(const PQconninfoOption *options)
{
    const char *attributes = value_of(options, "target_session_attrs");
    const char *host = value_of(options, "host");
    if (attributes != NULL && strcmp(attributes, "read-write") != 0 &&
        strcmp(attributes, "primary") != 0 && strcmp(attributes, "any") != 0)
        return "DATABASE_URL asks for a server that does not write (target_session_attrs): give "
               "read-write, or leave it out";
    if (value_of(options, "replication") != NULL)
        return "DATABASE_URL has the option replication, which is not for programs like this";
    if (host != NULL && strchr(host, '@') != NULL)
        return "DATABASE_URL has an @ in the name of a server: an @ in a user's name or password "
               "is written %40";
    return NULL;
}

static bool is_among(const char *keyword, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i], keyword) == 0)
            return true;
    }
    return false;
}

static void add(struct ct_pg_server *server, size_t *at, const char *keyword, const char *value)
{
    if (value == NULL || *at + 1 >= MAX_KEYWORDS)
        return;
    server->keywords[*at] = keyword;
    server->values[*at] = value;
    ++*at;
}

/* What is the same for all servers, in the arena. */
static enum ct_result copy_options(struct ct_arena *arena, const PQconninfoOption *options,
                                   struct ct_pg_server *server, size_t *at)
{
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        if (option->val == NULL || is_among(option->keyword, taken, COUNT(taken)) ||
            strcmp(option->keyword, "client_encoding") == 0 ||
            strcmp(option->keyword, "target_session_attrs") == 0)
            continue;
        const char *keyword = ct_arena_copy(arena, option->keyword, strlen(option->keyword));
        const char *value = ct_arena_copy(arena, option->val, strlen(option->val));
        if (keyword == NULL || value == NULL)
            return CT_NOMEM;
        add(server, at, keyword, value);
    }
    for (size_t i = 0; i < COUNT(defaults); i++) {
        if (value_of(options, defaults[i].keyword) == NULL)
            add(server, at, defaults[i].keyword, defaults[i].value);
    }
    for (size_t i = 0; i < COUNT(always); i++)
        add(server, at, always[i].keyword, always[i].value);
    return CT_OK;
}

static bool is_port(const char *text)
{
    int64_t port;
    return ct_int_parse(ct_str_of(text), &port) == CT_OK && port > 0 && port < 65536;
}

static enum ct_result fill_server(struct ct_arena *arena, const PQconninfoOption *options,
                                  size_t index, struct ct_pg_server *out, const char **why)
{
    const char *host;
    const char *address;
    const char *port;
    out->keywords = ct_arena_alloc(arena, MAX_KEYWORDS * sizeof(*out->keywords));
    out->values = ct_arena_alloc(arena, MAX_KEYWORDS * sizeof(*out->values));
    if (out->keywords == NULL || out->values == NULL)
        return CT_NOMEM;
    size_t at = 0;
    enum ct_result result = copy_options(arena, options, out, &at);
    if (result == CT_OK)
        result = element(arena, value_of(options, "host"), index, &host);
    if (result == CT_OK)
        result = element(arena, value_of(options, "hostaddr"), index, &address);
    if (result == CT_OK)
        result = element(arena, value_of(options, "port"), index, &port);
    if (result != CT_OK)
        return result;
    if (port != NULL && !is_port(port)) {
        *why = "DATABASE_URL has a port that is no number from 1 to 65535";
        return CT_INVALID;
    }
    add(out, &at, "host", host);
    add(out, &at, "hostaddr", address);
    add(out, &at, "port", port);
    return CT_OK;
}

static enum ct_result read_timeout(const char *text, int64_t *out, const char **why)
{
    int64_t seconds = CONNECT_SECONDS;
    if (text != NULL && (ct_int_parse(ct_str_of(text), &seconds) != CT_OK || seconds < 1 ||
                         seconds > MAX_CONNECT_SECONDS)) {
        *why = "DATABASE_URL has a connect_timeout that is no number of seconds from 1 to 60";
        return CT_INVALID;
    }
    *out = seconds * 1000000;
    return CT_OK;
}

static enum ct_result take(const PQconninfoOption *options, struct ct_arena *arena,
                           struct ct_pg_url *out, const char **why)
{
    size_t hosts = count_of(value_of(options, "host"));
    size_t addresses = count_of(value_of(options, "hostaddr"));
    size_t ports = count_of(value_of(options, "port"));
    out->count = hosts > 0 ? hosts : addresses > 0 ? addresses : 1;
    const char *wrong = judge_counts(hosts, addresses, ports, out->count);
    if (wrong == NULL)
        wrong = judge(options);
    if (wrong != NULL) {
        *why = wrong;
        return CT_INVALID;
    }
    enum ct_result result =
        read_timeout(value_of(options, "connect_timeout"), &out->connect_us, why);
    if (result != CT_OK)
        return result;
    out->servers = ct_arena_alloc(arena, out->count * sizeof(*out->servers));
    if (out->servers == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < out->count; i++) {
        result = fill_server(arena, options, i, &out->servers[i], why);
        if (result != CT_OK)
            return result;
    }
    return CT_OK;
}

enum ct_result ct_pg_url_read(const char *url, struct ct_arena *arena, struct ct_pg_url *out,
                              const char **why)
{
    char *complaint = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &complaint);
    if (options == NULL) {
        /* What libpq says may repeat the whole URL. */
        static const char memory[] = "out of memory";
        bool told = complaint != NULL && strncmp(complaint, memory, sizeof(memory) - 1) != 0;
        PQfreemem(complaint);
        if (!told)
            return CT_NOMEM;
        *why = "DATABASE_URL is not of the form postgresql://user:password@host:port/database"
               "?option=value (other characters than letters and digits are written %XX in a "
               "user's name or password)";
        return CT_INVALID;
    }
    enum ct_result result = take(options, arena, out, why);
    /* libpq overwrites no password that it frees */
    for (PQconninfoOption *option = options; option->keyword != NULL; option++) {
        if (option->val != NULL && strcmp(option->keyword, "password") == 0)
            explicit_bzero(option->val, strlen(option->val));
    }
    PQconninfoFree(options);
    return result;
}
