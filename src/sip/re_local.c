/* How peers reach us: what Via and Contact say. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sip/re_inside.h"

static bool is_any(const struct ct_sip_socket *address)
{
    static const uint8_t zero[16];
    return memcmp(address->bytes, zero, sizeof(zero)) == 0;
}

/* The address that the kernel would send from. No packet leaves. */
static bool source_towards(const struct ct_sip_socket *peer, struct ct_sip_socket *out)
{
    struct sockaddr_storage address;
    struct sockaddr_storage own;
    socklen_t size = ct_re_to_sockaddr(peer, false, &address);
    socklen_t own_size = sizeof(own);
    int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    memset(&own, 0, sizeof(own));
    bool known = connect(fd, (const struct sockaddr *)&address, size) == 0 &&
                 getsockname(fd, (struct sockaddr *)&own, &own_size) == 0 &&
                 ct_re_from_sockaddr((const struct sockaddr *)&own, out);
    (void)close(fd);
    return known;
}

/* The text of an address, kept as long as the network: there are as many as this machine has addresses. */
static const char *text_of(struct ct_sip_net *net, const struct ct_sip_socket *address)
{
    struct ct_re_local *local = net->locals;
    while (local != NULL && !ct_sip_address_equal(&local->address, address))
        local = local->next;
    if (local != NULL)
        return local->text;
    struct ct_arena *arena = ct_arena_new();
    local = calloc(1, sizeof(*local));
    if (arena == NULL || local == NULL)
        goto out;
    struct ct_buf text = ct_buf_in(arena);
    bool bracketed = address->family == CT_SIP_IPV6;
    if (bracketed)
        ct_buf_char(&text, '[');
    ct_sip_address_write(&text, address);
    if (bracketed)
        ct_buf_char(&text, ']');
    if (text.failed || text.len >= sizeof(local->text))
        goto out;
    memcpy(local->text, text.at, text.len);
    local->address = *address;
    local->next = net->locals;
    net->locals = local;
    ct_arena_free(arena);
    return local->text;
out:
    free(local);
    ct_arena_free(arena);
    return NULL;
}

void ct_re_local_free(struct ct_sip_net *net)
{
    while (net->locals != NULL) {
        struct ct_re_local *next = net->locals->next;
        free(net->locals);
        net->locals = next;
    }
}

/* The socket of ours that a peer is told to come to. */
static const struct ct_re_listener *listener_for(const struct ct_sip_net *net,
                                                 const struct ct_sip_hop *to)
{
    if (to->listener > 0 && to->listener <= net->listener_count)
        return &net->listeners[to->listener - 1];
    const struct ct_re_listener *found = NULL;
    for (size_t i = 0; i < net->listener_count; i++) {
        const struct ct_re_listener *listener = &net->listeners[i];
        if (listener->listen.transport != to->transport)
            continue;
        if (listener->address.family == to->peer.family)
            return listener;
        if (found == NULL)
            found = listener;
    }
    return found;
}

void ct_re_local(struct ct_sip_net *net, const struct ct_sip_hop *to, struct ct_sip_local *out)
{
    const struct ct_re_listener *listener = listener_for(net, to);
    struct ct_sip_socket own = {.family = CT_SIP_NO_ADDRESS};
    const char *host = net->public_address;
    *out = (struct ct_sip_local){.transport = to->transport};
    if (listener != NULL && listener->address.port != ct_sip_default_port(to->transport))
        out->port = listener->address.port;
    if (host == NULL) {
        if (listener != NULL && !is_any(&listener->address))
            own = listener->address;
        else if (!ct_re_streams_local(net, to, &own) && !source_towards(&to->peer, &own))
            own = (struct ct_sip_socket){.family = CT_SIP_IPV4, .bytes = {127, 0, 0, 1}};
        host = text_of(net, &own);
    }
    /* Without memory nothing is sent either; a message must have some name in any case (RFC 2606). */
    out->host = host == NULL ? CT_STR("nowhere.invalid") : ct_str_of(host);
}
