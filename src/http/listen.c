#include "http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel lowers it to net.core.somaxconn. */
#define BACKLOG 4096

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    memset(&address, 0, sizeof(address));
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static const char *explain(struct ct_arena *arena, const char *host, uint16_t port, int error)
{
    if (error == EADDRINUSE)
        return ct_arena_printf(arena,
                               "PORT %u is in use on %s: stop the program that has it, or set "
                               "another PORT",
                               port, host);
    if (error == EACCES)
        return ct_arena_printf(arena,
                               "PORT %u needs a privilege that this user does not have: set a "
                               "PORT of 1024 or above",
                               port);
    if (error == EADDRNOTAVAIL)
        return ct_arena_printf(arena,
                               "HOST %s is not an address of this machine: set 127.0.0.1 for this "
                               "machine alone or 0.0.0.0 for all of its addresses",
                               host);
    return ct_arena_printf(arena, "HOST %s, PORT %u: cannot listen: %s", host, port,
                           strerror(error));
}

static enum ct_result fail(struct ct_arena *arena, const char *host, uint16_t port,
                           const char **why)
{
    *why = explain(arena, host, port, errno);
    return *why == NULL ? CT_NOMEM : CT_IO;
}

enum ct_result ct_listener_bind(struct ct_arena *arena, const char *host, uint16_t port,
                                struct ct_listener *out, const char **why)
{
    char service[8];
    (void)snprintf(service, sizeof(service), "%u", port);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int status = getaddrinfo(host, service, &hints, &found);
    if (status != 0) {
        *why = ct_arena_printf(arena, "HOST %s cannot be resolved: %s", host, gai_strerror(status));
        return *why == NULL ? CT_NOMEM : CT_INVALID;
    }
    enum ct_result result = CT_OK;
    const int on = 1;
    struct ct_listener listener = {
        .socket = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (listener.socket < 0 ||
        setsockopt(listener.socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(listener.socket, found->ai_addr, found->ai_addrlen) != 0) {
        result = fail(arena, host, port, why);
        goto out;
    }
    listener.port = port_of(listener.socket);
    *out = listener;
    listener.socket = -1;
out:
    ct_listener_close(&listener);
    freeaddrinfo(found);
    return result;
}

enum ct_result ct_listener_open(const struct ct_listener *listener, struct ct_arena *arena,
                                const char *host, const char **why)
{
    /* Two programs that start at once can both have bound the address: this is where one of them fails. */
    return listen(listener->socket, BACKLOG) == 0 ? CT_OK : fail(arena, host, listener->port, why);
}

void ct_listener_close(struct ct_listener *listener)
{
    if (listener->socket >= 0)
        (void)close(listener->socket);
    listener->socket = -1;
}
