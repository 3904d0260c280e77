/* What the doctor sees of the machine that it runs on. */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "ops/doctor.h"
#include "ops/doctor_addresses.h"
#include "ops/doctor_owner.h"
#include "store/inspect.h"

#define ADDRESSES_MOST 64
#define ANSWER_BYTES 4096

static enum ct_result new_list(struct ct_arena *arena, struct ct_addresses *out)
{
    out->count = 0;
    out->at = ct_arena_alloc(arena, ADDRESSES_MOST * sizeof(out->at[0]));
    return out->at == NULL ? CT_NOMEM : CT_OK;
}

static void add(struct ct_addresses *list, const struct sockaddr *address)
{
    if (address == NULL || list->count == ADDRESSES_MOST)
        return;
    if (address->sa_family == AF_INET)
        memcpy(&list->at[list->count++], address, sizeof(struct sockaddr_in));
    else if (address->sa_family == AF_INET6)
        memcpy(&list->at[list->count++], address, sizeof(struct sockaddr_in6));
}

static bool is_link_local(const struct sockaddr *address)
{
    struct sockaddr_in6 in6;
    if (address->sa_family != AF_INET6)
        return false;
    memcpy(&in6, address, sizeof(in6));
    return IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr);
}

static enum ct_result addresses(void *ctx, struct ct_arena *arena, struct ct_addresses *out)
{
    struct ifaddrs *all;
    (void)ctx;
    enum ct_result result = new_list(arena, out);
    if (result != CT_OK || getifaddrs(&all) != 0)
        return result;
    for (const struct ifaddrs *one = all; one != NULL; one = one->ifa_next) {
        if (one->ifa_addr != NULL && (one->ifa_flags & IFF_UP) != 0 &&
            (one->ifa_flags & IFF_LOOPBACK) == 0 && !is_link_local(one->ifa_addr))
            add(out, one->ifa_addr);
    }
    freeifaddrs(all);
    return CT_OK;
}

static void add_host(const char *name, struct ct_addresses *out)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(name, NULL, &hints, &found) != 0)
        return;
    for (const struct addrinfo *one = found; one != NULL; one = one->ai_next)
        add(out, one->ai_addr);
    freeaddrinfo(found);
}

/* The hosts that SRV records of a service name (RFC 2782). */
static void add_service(res_state state, const char *service, const char *name,
                        struct ct_addresses *out)
{
    char question[NS_MAXDNAME], target[NS_MAXDNAME];
    unsigned char answer[ANSWER_BYTES];
    ns_msg message;
    if (snprintf(question, sizeof(question), "%s.%s", service, name) >= (int)sizeof(question))
        return;
    int size = res_nquery(state, question, ns_c_in, ns_t_srv, answer, sizeof(answer));
    if (size < 0 || size > (int)sizeof(answer) || ns_initparse(answer, size, &message) != 0)
        return;
    for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
        ns_rr record;
        if (ns_parserr(&message, ns_s_an, i, &record) == 0 && ns_rr_type(record) == ns_t_srv &&
            ns_rr_rdlen(record) > 6 &&
            dn_expand(ns_msg_base(message), ns_msg_end(message), ns_rr_rdata(record) + 6, target,
                      sizeof(target)) >= 0)
            add_host(target, out);
    }
}

static bool is_numeric(const char *name)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static enum ct_result resolve(void *ctx, struct ct_arena *arena, const char *name,
                              struct ct_addresses *out)
{
    static const char *const services[] = {"_sip._udp", "_sip._tcp", "_sips._tcp"};
    struct __res_state state = {0};
    (void)ctx;
    size_t length = strlen(name);
    bool bracketed = name[0] == '[' && name[length - 1] == ']';
    const char *plain = bracketed ? ct_arena_copy(arena, name + 1, length - 2) : name;
    enum ct_result result = plain == NULL ? CT_NOMEM : new_list(arena, out);
    if (result != CT_OK)
        return result;
    if (strchr(plain, '.') != NULL && !is_numeric(plain) && res_ninit(&state) == 0) {
        /* seconds, and once for each server: a network without names is a finding, not a reason to wait */
        state.retrans = 2;
        state.retry = 1;
        for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
            add_service(&state, services[i], plain, out);
        res_nclose(&state);
    }
    if (out->count == 0)
        add_host(plain, out);
    return CT_OK;
}

/* 0, or why a server could not take that address. */
static int try_to_bind(int type, const struct sockaddr_storage *address, socklen_t size)
{
    const int on = 1;
    int error = 0;
    int fd = socket(address->ss_family, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    /* as a server does that comes back at once; of datagrams it would share the port */
    if (type == SOCK_STREAM)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)address, size) != 0 ||
        (type == SOCK_STREAM && listen(fd, 1) != 0))
        error = errno;
    (void)close(fd);
    return error;
}

/* Who keeps a server from an address that nobody has: a socket of all IPv6 addresses has those of IPv4 too, and one of
 * IPv4 keeps them from it. */
static enum ct_result name_blocker(struct ct_arena *arena, bool datagrams,
                                   const struct sockaddr_storage *address, enum ct_port_owner *out,
                                   const char **who)
{
    struct sockaddr_storage other = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
    if (address->ss_family == AF_INET) {
        memcpy(&in, address, sizeof(in));
        in6.sin6_port = in.sin_port;
        memcpy(&other, &in6, sizeof(in6));
    } else {
        memcpy(&in6, address, sizeof(in6));
        in.sin_port = in6.sin6_port;
        memcpy(&other, &in, sizeof(in));
    }
    enum ct_result result = ct_doctor_owner(arena, datagrams, &other, out, who);
    if (result == CT_OK && *out == CT_PORT_FREE) {
        *out = CT_PORT_HIDDEN;
        *who = "a process that cannot be seen from here";
    }
    return result;
}

static enum ct_result port(void *ctx, struct ct_arena *arena, const struct ct_sip_entry *entry,
                           enum ct_port_owner *out, const char **who)
{
    struct sockaddr_storage address;
    (void)ctx;
    bool datagrams = entry->transport == CT_SIP_ENTRY_UDP;
    socklen_t size = ct_doctor_socket(entry, &address);
    *who = NULL;
    enum ct_result result = ct_doctor_owner(arena, datagrams, &address, out, who);
    if (result != CT_OK || *out != CT_PORT_FREE)
        return result;
    int error = try_to_bind(datagrams ? SOCK_DGRAM : SOCK_STREAM, &address, size);
    if (error == EADDRNOTAVAIL)
        *out = CT_PORT_NO_ADDRESS;
    else if (error == EAFNOSUPPORT)
        *out = CT_PORT_NO_KIND;
    return error == EADDRINUSE ? name_blocker(arena, datagrams, &address, out, who) : CT_OK;
}

static enum ct_result certificate(void *ctx, struct ct_arena *arena, const struct ct_config *config,
                                  struct ct_certificate *out, const char **why)
{
    (void)ctx;
    return ct_certificate_judge(arena, config->tls_cert_file, config->tls_key_file,
                                config->sip_domain, out, why);
}

static enum ct_result database(void *ctx, struct ct_arena *arena, const char *url, const char **why)
{
    struct ct_inspection *inspection = NULL;
    (void)ctx;
    enum ct_result result = ct_inspection_open(url, arena, &inspection, why);
    if (result == CT_OK)
        ct_inspection_close(inspection);
    return result;
}

static int64_t unix_ms(void *ctx)
{
    (void)ctx;
    return ct_clock_unix_ms();
}

static bool clock_is_kept(void *ctx)
{
    struct timex state = {.modes = 0};
    (void)ctx;
    int clock = adjtimex(&state);
    return clock < 0 || (clock != TIME_ERROR && (state.status & STA_UNSYNC) == 0);
}

static int64_t open_files(void *ctx)
{
    struct rlimit limit;
    (void)ctx;
    bool limited = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max != RLIM_INFINITY;
    return limited ? (int64_t)limit.rlim_max : INT64_MAX;
}

const struct ct_machine ct_this_machine = {.addresses = addresses,
                                           .resolve = resolve,
                                           .port = port,
                                           .certificate = certificate,
                                           .database = database,
                                           .unix_ms = unix_ms,
                                           .clock_is_kept = clock_is_kept,
                                           .open_files = open_files};
