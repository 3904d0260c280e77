#ifndef CT_SIP_TRANSPORT_H
#define CT_SIP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"

/*
 * Where a message came from and where one goes, and the outer world as the SIP side sees it: plain values and
 * functions that the program (over libre) or a test (over a network of its own) provides.
 */

/* The order is that of ct_sip_transport_name. */
enum ct_sip_transport { CT_SIP_UDP, CT_SIP_TCP, CT_SIP_TLS, CT_SIP_WS, CT_SIP_WSS };
#define CT_SIP_TRANSPORTS 5

enum ct_sip_family { CT_SIP_NO_ADDRESS, CT_SIP_IPV4, CT_SIP_IPV6 };

/** An address and a port. All zero is none. */
struct ct_sip_socket {
    enum ct_sip_family family;
    uint8_t bytes[16]; /* in network order; of IPv4 the first 4, the rest 0 */
    uint16_t port;     /* in host order; 0: none */
    uint32_t scope;    /* of a link-local IPv6 address: the interface; otherwise 0 */
};

/** One end of the way of a message: the peer's. */
struct ct_sip_hop {
    enum ct_sip_transport transport;
    struct ct_sip_socket peer;
    uint64_t
        connection; /* of a stream: its number, never used twice; 0: whichever leads there, or a new one */
    uint32_t listener; /* which of our sockets; 0: whichever fits */
    const char *
        name; /* of TLS that we open: what the peer's certificate must say, a domain or an address; it
                 lives as long as whoever sends there. NULL: it is not looked at */
};

/** How we are reached by a peer: for Via and Contact. The text is the environment's and lives as long. */
struct ct_sip_local {
    struct ct_str host; /* a name or an address, IPv6 in brackets */
    uint16_t port;      /* 0: it is not written, since it is the transport's own */
    enum ct_sip_transport transport;
};

/** As Via names it: "UDP". */
struct ct_str ct_sip_transport_name(enum ct_sip_transport transport);
/** As the parameter of a URI names it: "udp". */
struct ct_str ct_sip_transport_param(enum ct_sip_transport transport);
/** Either of these, in any case. False: no transport that we know. */
bool ct_sip_transport_read(struct ct_str text, enum ct_sip_transport *out);
/** Whether nothing gets lost on it: all but UDP. */
bool ct_sip_reliable(enum ct_sip_transport transport);
/** Whether it is encrypted: TLS and WSS. */
bool ct_sip_secure(enum ct_sip_transport transport);
/** 5060; 5061 of TLS; 80 and 443 of WebSockets (RFC 7118 section 5). */
uint16_t ct_sip_default_port(enum ct_sip_transport transport);

/** Reads an IPv4 or IPv6 address, the latter with or without brackets; the port is set to 0. False: it is none (a
 *  name). */
bool ct_sip_address_parse(struct ct_str text, struct ct_sip_socket *out);
/** Appends the address alone, as Via's `received` has it: IPv6 without brackets. */
void ct_sip_address_write(struct ct_buf *out, const struct ct_sip_socket *socket);
/** Appends address and port: 192.0.2.1:5060, [2001:db8::1]:5060. */
void ct_sip_socket_write(struct ct_buf *out, const struct ct_sip_socket *socket);
bool ct_sip_address_equal(const struct ct_sip_socket *a, const struct ct_sip_socket *b);
/** Address and port. */
bool ct_sip_socket_equal(const struct ct_sip_socket *a, const struct ct_sip_socket *b);

struct ct_sip_lookup;

/** What `resolve` found: @p count hops in the order in which to try them, 0 when nothing was found. Borrowed. */
typedef void ct_sip_found(void *ctx, const struct ct_sip_hop *hops, size_t count);

/** The outer world. Whoever makes an endpoint keeps it alive; all is called on the endpoint's thread. */
struct ct_sip_env {
    void *ctx;
    /** Milliseconds of a clock that never jumps. */
    int64_t (*now_ms)(void *ctx);
    /** Milliseconds since 1970-01-01 UTC. */
    int64_t (*unix_ms)(void *ctx);
    /** Bytes fit for keys. */
    void (*random)(void *ctx, void *out, size_t size);
    /** CT_OK: sent or on its way; CT_UNAVAILABLE: known at once not to arrive. A stream that breaks later is told
     *  with ct_sip_hop_lost. May open a connection. Must not call the endpoint back before it returns. */
    enum ct_result (*send)(void *ctx, const struct ct_sip_hop *to, struct ct_str bytes);
    /** How that peer reaches us. */
    void (*local)(void *ctx, const struct ct_sip_hop *to, struct ct_sip_local *out);
    /** Finds the hops of a URI (RFC 3263). Calls `found` once, at once or later; with CT_OK @p out is what cancels it,
     *  NULL if it was called already. */
    enum ct_result (*resolve)(void *ctx, struct ct_str uri, ct_sip_found *found, void *found_ctx,
                              struct ct_sip_lookup **out);
    /** `found` is not called any more. */
    void (*resolve_cancel)(void *ctx, struct ct_sip_lookup *lookup);
};

#endif
