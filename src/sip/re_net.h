#ifndef CT_SIP_RE_NET_H
#define CT_SIP_RE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/pulse.h"
#include "base/result.h"
#include "base/text.h"
#include "sip/mailbox.h"
#include "sip/transport.h"

/**
 * SIP on a network: the thread that owns all SIP state, and the sockets it reads and writes: UDP, TCP, TLS and
 * WebSocket (RFC 7118), over libre's loop, connections and TLS. It is one implementation of struct ct_sip_env.
 *
 * Messages of a stream are framed here (RFC 3261 section 18.3, RFC 7118 section 5); keep-alives (RFC 5626 sections
 * 3.5.1 and 4.4.1) are answered here and not seen above. A connection that is silent for idle_ms and not worth
 * keeping, or that needs longer than message_ms for a message or a handshake, is closed.
 */
struct ct_sip_net;

/** One socket of SIP_LISTEN. */
struct ct_sip_listen {
    enum ct_sip_transport transport;
    const char *host; /* numeric */
    uint16_t port;    /* 0: the kernel chooses */
};
#define CT_SIP_LISTEN_MOST 16

struct ct_sip_net_options {
    const struct ct_sip_listen
        *listen;         /* copied, but for the texts, which are borrowed like the others */
    size_t listen_count; /* up to CT_SIP_LISTEN_MOST */
    const char *
        public_address; /* SIP_PUBLIC_ADDRESS: what peers reach us by; "": each socket's own address */
    const char *tls_cert_file, *tls_key_file; /* needed for TLS and WSS */
    size_t connections_max;                   /* streams open at the same time */
    size_t connections_per_address;
    int64_t idle_ms, message_ms;
    const struct ct_sip_socket *dns_server; /* NULL: those of the system (resolv.conf(5)) */
    size_t message_bytes; /* the longest message of a stream; longer ones end the connection */
};

/** Takes the addresses; nobody is heard yet. When it fails, @p why (in @p arena) is one line that names the
 *  setting and says what to do. The owner ends it with ct_sip_net_free. CT_IO, CT_INVALID, CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_net_bind(const struct ct_sip_net_options *options,
                                          struct ct_arena *arena, struct ct_sip_net **out,
                                          const char **why);

/** What the thread calls; all on that thread. */
struct ct_sip_net_user {
    void *ctx;
    void (*receive)(void *ctx, const struct ct_sip_hop *from, struct ct_str bytes);
    /** A connection has ended, or could not be opened. */
    void (*lost)(void *ctx, const struct ct_sip_hop *hop);
    /** A certificate that did not say @p name, or that nobody vouches for: @p why. Its connection ends. NULL: nobody
     *  wants to know. */
    void (*distrusted)(void *ctx, const char *name, const char *why);
    /** Whether a stream from there may be accepted: asked before anything is read. NULL: yes. */
    bool (*accept)(void *ctx, const struct ct_sip_hop *from);
    /** Whether a silent connection is worth keeping: a device is registered over it. NULL: no. */
    bool (*keep)(void *ctx, const struct ct_sip_hop *hop);
    /** After each batch of events, and when next_ms says. */
    void (*turn)(void *ctx);
    /** When `turn` is to be called next at the latest, in now_ms; INT64_MAX: any time. */
    int64_t (*next_ms)(void *ctx);
    /** Before the thread sleeps: rests reads of the database. NULL: there are none. */
    void (*rest)(void *ctx);
    /** The thread is to end, and nothing is received any more: whether no letter is under way. Asked after each
     *  turn; NULL: none is. */
    bool (*settled)(void *ctx);
    /** The last call. NULL: nobody wants to know. */
    void (*end)(void *ctx);
};

/** Starts the thread. CT_IO, CT_NOMEM, CT_INVALID (certificate) with @p why in @p arena. */
CT_CHECKED enum ct_result ct_sip_net_start(struct ct_sip_net *net,
                                           const struct ct_sip_net_user *user,
                                           struct ct_arena *arena, const char **why);
/** Ends the thread and closes all connections; what others hold of the network stays valid, and nothing is sent any
 *  more. NULL is allowed. */
void ct_sip_net_end(struct ct_sip_net *net);
/** The same, and frees the network. NULL is allowed. */
void ct_sip_net_free(struct ct_sip_net *net);

/** Time, randomness, sending, resolving: for the SIP thread alone, but for now_ms and unix_ms. Borrowed. */
const struct ct_sip_env *ct_sip_net_env(struct ct_sip_net *net);
/** The thread's mailbox, for any thread until ct_sip_net_free. */
struct ct_sip_post ct_sip_net_post(struct ct_sip_net *net);
/** Whether the thread turns, for who watches it. */
const struct ct_pulse *ct_sip_net_poke(struct ct_sip_net *net);

/** The sockets as they are, with the ports that the kernel chose. */
size_t ct_sip_net_listeners(const struct ct_sip_net *net, const struct ct_sip_listen **out);

#endif
