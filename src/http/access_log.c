#include "http/access_log.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/clock.h"

static bool is_address(const char *text)
{
    unsigned char binary[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, binary) == 1 || inet_pton(AF_INET6, text, binary) == 1;
}

/* Takes the last entry off a comma-separated list. */
static struct ct_str pop_last(struct ct_str *list)
{
    size_t from = list->len;
    while (from > 0 && list->at[from - 1] != ',')
        from--;
    struct ct_str last = {list->at + from, list->len - from};
    list->len = from > 0 ? from - 1 : 0;
    while (last.len > 0 && last.at[0] == ' ')
        last = (struct ct_str){last.at + 1, last.len - 1};
    while (last.len > 0 && last.at[last.len - 1] == ' ')
        last.len--;
    return last;
}

static void format_peer(const struct sockaddr *peer, char text[INET6_ADDRSTRLEN])
{
    const void *address = NULL;
    if (peer != NULL && peer->sa_family == AF_INET)
        address = &((const struct sockaddr_in *)(const void *)peer)->sin_addr;
    else if (peer != NULL && peer->sa_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
    if (address == NULL || inet_ntop(peer->sa_family, address, text, INET6_ADDRSTRLEN) == NULL)
        (void)strcpy(text, "-");
}

/* The address that sent the request: the connection's, or, from a trusted proxy, the last one of
 * X-Forwarded-For that is not a trusted proxy itself. */
static const char *client_address(struct ct_exchange *exchange, const struct sockaddr *peer)
{
    char text[INET6_ADDRSTRLEN];
    format_peer(peer, text);
    const char *address = ct_arena_copy(exchange->arena, text, strlen(text));
    const char *trusted = exchange->server->config->trusted_proxies;
    struct ct_str list = exchange->headers.forwarded_for;
    while (address != NULL && trusted[0] != '\0' && list.len > 0 &&
           ct_config_in_networks(trusted, address)) {
        const char *next = ct_str_dup(exchange->arena, pop_last(&list));
        if (next == NULL || !is_address(next))
            break; /* a proxy that we trust does not write this: keep what we know */
        address = next;
    }
    return address == NULL ? "-" : address;
}

void ct_access_log(struct ct_exchange *exchange, const struct sockaddr *peer, int status)
{
    struct ct_log *log = exchange->server->log;
    if (!ct_log_wants(log, CT_LOG_INFO))
        return;
    const struct ct_route *route = exchange->match.route;
    /* An unknown method or path is the client's own text, which may hold what nobody should read.
     */
    CT_LOG(log, CT_LOG_INFO, "request", CT_F_TEXT("id", exchange->id),
           CT_F_TEXT("method", ct_method_name(exchange->method)),
           CT_F_TEXT("route", route == NULL ? "-" : route->pattern), CT_F_INT("status", status),
           CT_F_INT("bytes", exchange->method == CT_HEAD ? 0 : exchange->reply.body.len),
           CT_F_US("ms", ct_clock_monotonic_us() - exchange->started_us),
           CT_F_INT("user", exchange->call.user_id),
           CT_F_TEXT("client", client_address(exchange, peer)));
}

void ct_access_log_garbage(struct ct_log *log, const char *id, const struct sockaddr *peer,
                           int status, int64_t bytes)
{
    char client[INET6_ADDRSTRLEN];
    format_peer(peer, client);
    CT_LOG(log, CT_LOG_INFO, "request", CT_F_TEXT("id", id), CT_F_TEXT("method", "-"),
           CT_F_TEXT("route", "-"), CT_F_INT("status", status), CT_F_INT("bytes", bytes),
           CT_F_US("ms", 0), CT_F_INT("user", 0), CT_F_TEXT("client", client));
}
