/* Sockets that have their addresses, before anybody is heard on them. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "sip/re_inside.h"

/* Room for bursts: some 4,000 messages. Without CAP_NET_ADMIN the kernel lowers it to net.core.rmem_max. */
#define RECEIVE_BYTES (4 << 20)

bool ct_re_from_sockaddr(const struct sockaddr *address, struct ct_sip_socket *out)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    memset(out, 0, sizeof(*out));
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        out->family = CT_SIP_IPV4;
        memcpy(out->bytes, &in.sin_addr, 4);
        out->port = ntohs(in.sin_port);
        return true;
    }
    if (address->sa_family != AF_INET6)
        return false;
    struct sockaddr_in6 in6;
    memcpy(&in6, address, sizeof(in6));
    out->port = ntohs(in6.sin6_port);
    if (memcmp(&in6.sin6_addr, mapped, sizeof(mapped)) == 0) {
        out->family = CT_SIP_IPV4;
        memcpy(out->bytes, (const uint8_t *)&in6.sin6_addr + sizeof(mapped), 4);
        return true;
    }
    out->family = CT_SIP_IPV6;
    memcpy(out->bytes, &in6.sin6_addr, 16);
    out->scope = in6.sin6_scope_id;
    return true;
}

socklen_t ct_re_to_sockaddr(const struct ct_sip_socket *socket, bool mapped,
                            struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    if (socket->family == CT_SIP_IPV4 && !mapped) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(socket->port)};
        memcpy(&in.sin_addr, socket->bytes, 4);
        memcpy(out, &in, sizeof(in));
        return sizeof(in);
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(socket->port)};
    uint8_t *bytes = (uint8_t *)&in6.sin6_addr;
    if (socket->family == CT_SIP_IPV4) {
        bytes[10] = bytes[11] = 0xff;
        memcpy(bytes + 12, socket->bytes, 4);
    } else {
        memcpy(bytes, socket->bytes, 16);
        in6.sin6_scope_id = socket->scope;
    }
    memcpy(out, &in6, sizeof(in6));
    return sizeof(in6);
}

bool ct_re_reaches(const struct ct_re_listener *listener, enum ct_sip_family family)
{
    static const uint8_t any[16];
    return listener->address.family == family ||
           (family == CT_SIP_IPV4 && memcmp(listener->address.bytes, any, sizeof(any)) == 0);
}

bool ct_re_to_sa(const struct ct_sip_socket *socket, struct sa *out)
{
    struct sockaddr_storage address;
    (void)ct_re_to_sockaddr(socket, false, &address);
    return sa_set_sa(out, (const struct sockaddr *)&address) == 0;
}

const char *ct_re_listen_explain(struct ct_arena *arena, const struct ct_re_listener *listener,
                                 int error)
{
    struct ct_buf name = ct_buf_in(arena);
    ct_buf_str(&name, ct_sip_transport_param(listener->listen.transport));
    ct_buf_char(&name, ':');
    ct_sip_socket_write(&name, &listener->address);
    const char *at = ct_buf_done(&name).at;
    if (name.failed)
        return NULL;
    if (error == EADDRINUSE)
        return ct_arena_printf(arena,
                               "SIP_LISTEN: %s is in use: stop the program that has it, or set "
                               "SIP_LISTEN to other ports (or to `off`)",
                               at);
    if (error == EACCES)
        return ct_arena_printf(arena,
                               "SIP_LISTEN: %s needs a privilege that this user does not have: set "
                               "a port of 1024 or above",
                               at);
    if (error == EADDRNOTAVAIL)
        return ct_arena_printf(arena,
                               "SIP_LISTEN: %s is not an address of this machine: use 127.0.0.1 "
                               "for this machine alone or 0.0.0.0 for all of its addresses",
                               at);
    if (error == EAFNOSUPPORT)
        return ct_arena_printf(arena,
                               "SIP_LISTEN: %s needs IPv6, which is off here: use 127.0.0.1 for "
                               "this machine alone or 0.0.0.0 for all of its addresses",
                               at);
    return ct_arena_printf(arena, "SIP_LISTEN: %s: cannot listen: %s", at, strerror(error));
}

/* The port that the kernel chose. */
static void learn_port(struct ct_re_listener *listener)
{
    struct sa local;
    struct sockaddr_storage own;
    struct ct_sip_socket address;
    socklen_t size = sizeof(own);
    memset(&own, 0, sizeof(own));
    if (listener->tcp != NULL) {
        if (tcp_sock_local_get(listener->tcp, &local) == 0)
            listener->address.port = sa_port(&local);
    } else if (getsockname(listener->fd, (struct sockaddr *)&own, &size) == 0 &&
               ct_re_from_sockaddr((const struct sockaddr *)&own, &address))
        listener->address.port = address.port;
    listener->listen.port = listener->address.port;
}

static int bind_udp(struct ct_re_listener *listener)
{
    struct sockaddr_storage address;
    const int bytes = RECEIVE_BYTES;
    const int off = 0;
    socklen_t size = ct_re_to_sockaddr(&listener->address, false, &address);
    listener->fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0)
        return errno;
    if (setsockopt(listener->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
        (void)setsockopt(listener->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    if (address.ss_family == AF_INET6)
        (void)setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    return bind(listener->fd, (const struct sockaddr *)&address, size) == 0 ? 0 : errno;
}

static int bind_tcp(struct ct_re_listener *listener)
{
    struct sa address;
    if (!ct_re_to_sa(&listener->address, &address))
        return EINVAL;
    int error = tcp_sock_alloc(&listener->tcp, &address, ct_re_streams_accept, listener);
    return error != 0 ? error : tcp_sock_bind(listener->tcp, &address);
}

enum ct_result ct_re_listen_bind(struct ct_re_listener *listener, struct ct_arena *arena,
                                 const char **why)
{
    if (!ct_sip_address_parse(ct_str_of(listener->listen.host), &listener->address)) {
        *why = "SIP_LISTEN: an address has to be a numeric one, such as 0.0.0.0 or [::]";
        return CT_INVALID;
    }
    listener->address.port = listener->listen.port;
    int error = listener->listen.transport == CT_SIP_UDP ? bind_udp(listener) : bind_tcp(listener);
    if (error == ENOMEM)
        return CT_NOMEM;
    if (error != 0) {
        *why = ct_re_listen_explain(arena, listener, error);
        return *why == NULL ? CT_NOMEM : CT_IO;
    }
    learn_port(listener);
    return CT_OK;
}

void ct_re_listen_close(struct ct_re_listener *listener)
{
    if (listener->fd >= 0)
        (void)close(listener->fd);
    listener->fd = -1;
    listener->tcp = mem_deref(listener->tcp);
}
