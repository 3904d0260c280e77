#ifndef CT_SIP_RE_INSIDE_H
#define CT_SIP_RE_INSIDE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* It needs the above, and to be told what Debian's library was built with: its `bool` has to be C's. */
#define HAVE_INTTYPES_H 1
#define HAVE_STDBOOL_H 1
#define USE_OPENSSL 1
#include <re.h>

#include "sip/mailbox.h"
#include "sip/re_net.h"
#include "sip/transport.h"

/* What the files of the network share; for re_*.c alone. */

struct ct_re_streams;
struct ct_re_dns;

/** One socket of SIP_LISTEN. Its number in a hop is its index plus 1. */
struct ct_re_listener {
    struct ct_sip_net *net;
    struct ct_sip_listen listen; /* `host` is the listener's */
    struct ct_sip_socket address;
    uint32_t number;
    int fd;               /* of UDP; -1 */
    struct tcp_sock *tcp; /* of streams */
};

/** How we are reached, for each address of ours that was asked for. */
struct ct_re_local {
    struct ct_re_local *next;
    struct ct_sip_socket address;
    char text[56];
};

/** What secures connections to a peer whose certificate must have this name. */
struct ct_re_peer {
    struct ct_re_peer *next;
    struct tls *tls;
    char name[];
};

struct ct_sip_net {
    struct ct_sip_net_options options;
    struct ct_sip_env env;
    struct ct_sip_net_user user;
    struct ct_re_listener listeners[CT_SIP_LISTEN_MOST];
    struct ct_sip_listen listened[CT_SIP_LISTEN_MOST]; /* for ct_sip_net_listeners */
    size_t listener_count;
    char *public_address; /* as Via has it; NULL: each socket's own */
    struct ct_re_local *locals;

    struct ct_sip_mailbox *mailbox;
    struct ct_pulse pulse;
    int timer; /* a timerfd: libre's own timers follow the wall clock */
    int64_t armed_ms;
    int64_t sweep_ms;
    char *datagrams; /* what recvmmsg reads into */

    struct ct_re_streams *streams;
    struct ct_re_dns *dns;  /* NULL until the first name */
    struct tls *tls_server; /* NULL: nobody listens for TLS */
    struct tls *tls_client; /* NULL until the first connection: see ct_re_tls_client */
    struct ct_re_peer *peers;
    struct x509_store_st *authorities; /* whom we trust; NULL until the first of these */

    uint8_t chance[256]; /* random bytes that were not handed out yet: the last `chances` */
    size_t chances;

    pthread_t thread;
    bool running;
    _Atomic bool stopping;

    pthread_mutex_t lock; /* of what follows: how the start went */
    pthread_cond_t changed;
    bool started;
    enum ct_result start_result;
    char start_why[256];
};

/** The thread has done something: timers turn, dead connections are buried, reads rest. The last thing that each
 *  handler of an event calls. */
void ct_re_turn(struct ct_sip_net *net);
int64_t ct_re_now_ms(void);

/** To and from the kernel's form. An IPv4 address in IPv6 (RFC 4291 section 2.5.5.2) becomes IPv4. */
bool ct_re_from_sockaddr(const struct sockaddr *address, struct ct_sip_socket *out);
socklen_t ct_re_to_sockaddr(const struct ct_sip_socket *socket, bool mapped,
                            struct sockaddr_storage *out);
bool ct_re_to_sa(const struct ct_sip_socket *socket, struct sa *out);

/** re_listen.c: sockets that have their addresses. */
CT_CHECKED enum ct_result ct_re_listen_bind(struct ct_re_listener *listener, struct ct_arena *arena,
                                            const char **why);
void ct_re_listen_close(struct ct_re_listener *listener);
/** What to say when an address cannot be had; NULL without memory. */
const char *ct_re_listen_explain(struct ct_arena *arena, const struct ct_re_listener *listener,
                                 int error);

/** Whether a socket of ours can send to addresses of this family: one for all IPv6 addresses to IPv4 too. */
bool ct_re_reaches(const struct ct_re_listener *listener, enum ct_sip_family family);

/** re_udp.c */
CT_CHECKED enum ct_result ct_re_udp_start(struct ct_re_listener *listener);
CT_CHECKED enum ct_result ct_re_udp_send(struct ct_sip_net *net, const struct ct_sip_hop *to,
                                         struct ct_str bytes);

/** re_local.c: see `local` of struct ct_sip_env. */
void ct_re_local(struct ct_sip_net *net, const struct ct_sip_hop *to, struct ct_sip_local *out);
void ct_re_local_free(struct ct_sip_net *net);

/** re_stream.c: connections. */
CT_CHECKED enum ct_result ct_re_streams_new(struct ct_sip_net *net);
void ct_re_streams_free(struct ct_sip_net *net);
/** What a listening socket calls; its argument is the listener. */
void ct_re_streams_accept(const struct sa *peer, void *arg);
/** Accepts from now on. An errno value. */
int ct_re_streams_listen(struct ct_re_listener *listener);
CT_CHECKED enum ct_result ct_re_streams_send(struct ct_sip_net *net, const struct ct_sip_hop *to,
                                             struct ct_str bytes);
/** Ends those that are silent for too long. */
void ct_re_streams_sweep(struct ct_sip_net *net, int64_t now_ms);
/** Frees those that have ended, and tells the user of them. */
void ct_re_streams_bury(struct ct_sip_net *net);
/** Our end of a connection. False: there is none. */
bool ct_re_streams_local(struct ct_sip_net *net, const struct ct_sip_hop *hop,
                         struct ct_sip_socket *out);

/** re_resolve.c: see `resolve` of struct ct_sip_env. */
CT_CHECKED enum ct_result ct_re_resolve(void *ctx, struct ct_str uri, ct_sip_found *found,
                                        void *found_ctx, struct ct_sip_lookup **out);
void ct_re_resolve_cancel(void *ctx, struct ct_sip_lookup *lookup);
/** Asks again what nobody answered, and gives up what nobody will. */
void ct_re_dns_sweep(struct ct_sip_net *net, int64_t now_ms);
void ct_re_dns_free(struct ct_sip_net *net);

/** re_tls.c: certificates. CT_INVALID with @p why in @p arena, CT_NOMEM. */
CT_CHECKED enum ct_result ct_re_tls_open(struct ct_sip_net *net, struct ct_arena *arena,
                                         const char **why);
/** What secures connections to others, made when it is first needed: OpenSSL is 4 MB of memory that most servers never
 *  use. NULL without memory. */
struct tls *ct_re_tls_client(struct ct_sip_net *net);
/** The same for a peer whose certificate is to be looked at: the system's authorities must vouch for it, and it must
 *  have this name (RFC 5922), or, where that is an address, this address. It is kept as long as the network. NULL
 *  without memory. */
const struct ct_re_peer *ct_re_tls_peer(struct ct_sip_net *net, const char *name);
/** Whether a name is one that a client may ask for (RFC 6066 section 3): no address. */
bool ct_re_is_domain(const char *name);
void ct_re_tls_close(struct ct_sip_net *net);

#endif
