#include "sip/transport.h"

#include <arpa/inet.h>
#include <string.h>

static const struct {
    struct ct_str name;
    struct ct_str param;
    uint16_t port;
    bool secure;
} transports[CT_SIP_TRANSPORTS] = {
    [CT_SIP_UDP] = {{"UDP", 3}, {"udp", 3}, 5060, false},
    [CT_SIP_TCP] = {{"TCP", 3}, {"tcp", 3}, 5060, false},
    [CT_SIP_TLS] = {{"TLS", 3}, {"tls", 3}, 5061, true},
    [CT_SIP_WS] = {{"WS", 2}, {"ws", 2}, 80, false},
    [CT_SIP_WSS] = {{"WSS", 3}, {"wss", 3}, 443, true},
};

struct ct_str ct_sip_transport_name(enum ct_sip_transport transport)
{
    return transports[transport].name;
}

struct ct_str ct_sip_transport_param(enum ct_sip_transport transport)
{
    return transports[transport].param;
}

bool ct_sip_transport_read(struct ct_str text, enum ct_sip_transport *out)
{
    for (int i = 0; i < CT_SIP_TRANSPORTS; i++) {
        if (ct_str_equal_nocase(text, transports[i].param)) {
            *out = (enum ct_sip_transport)i;
            return true;
        }
    }
    return false;
}

bool ct_sip_reliable(enum ct_sip_transport transport)
{
    return transport != CT_SIP_UDP;
}

bool ct_sip_secure(enum ct_sip_transport transport)
{
    return transports[transport].secure;
}

uint16_t ct_sip_default_port(enum ct_sip_transport transport)
{
    return transports[transport].port;
}

bool ct_sip_address_parse(struct ct_str text, struct ct_sip_socket *out)
{
    char room[INET6_ADDRSTRLEN];

    if (text.len >= 2 && text.at[0] == '[' && text.at[text.len - 1] == ']')
        text = (struct ct_str){text.at + 1, text.len - 2};
    if (text.len == 0 || text.len >= sizeof(room) || memchr(text.at, '\0', text.len) != NULL)
        return false;
    memcpy(room, text.at, text.len);
    room[text.len] = '\0';
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, room, out->bytes) == 1) {
        out->family = CT_SIP_IPV4;
        return true;
    }
    if (inet_pton(AF_INET6, room, out->bytes) == 1) {
        out->family = CT_SIP_IPV6;
        return true;
    }
    return false;
}

void ct_sip_address_write(struct ct_buf *out, const struct ct_sip_socket *socket)
{
    if (socket->family == CT_SIP_IPV4) {
        for (int i = 0; i < 4; i++) {
            if (i > 0)
                ct_buf_char(out, '.');
            ct_buf_int(out, socket->bytes[i]);
        }
    } else if (socket->family == CT_SIP_IPV6) {
        char room[INET6_ADDRSTRLEN];
        if (inet_ntop(AF_INET6, socket->bytes, room, sizeof(room)) != NULL)
            ct_buf_text(out, room);
    }
}

void ct_sip_socket_write(struct ct_buf *out, const struct ct_sip_socket *socket)
{
    bool brackets = socket->family == CT_SIP_IPV6;
    if (brackets)
        ct_buf_char(out, '[');
    ct_sip_address_write(out, socket);
    if (brackets)
        ct_buf_char(out, ']');
    ct_buf_char(out, ':');
    ct_buf_int(out, socket->port);
}

bool ct_sip_address_equal(const struct ct_sip_socket *a, const struct ct_sip_socket *b)
{
    return a->family == b->family && a->scope == b->scope &&
           memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool ct_sip_socket_equal(const struct ct_sip_socket *a, const struct ct_sip_socket *b)
{
    return a->port == b->port && ct_sip_address_equal(a, b);
}
