#ifndef CT_SIP_RESOLVE_H
#define CT_SIP_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"
#include "sip/transport.h"

/*
 * Where a URI leads (RFC 3263): NAPTR, SRV (RFC 2782) and addresses, over whatever asks the DNS.
 */

enum ct_dns_type { CT_DNS_A, CT_DNS_AAAA, CT_DNS_SRV, CT_DNS_NAPTR };

/** A record of an answer. */
struct ct_dns_record {
    enum ct_dns_type type;
    struct ct_sip_socket address; /* of A and AAAA, without a port */
    uint16_t priority;            /* of SRV; of NAPTR the order */
    uint16_t weight;              /* of SRV; of NAPTR the preference */
    uint16_t port;                /* of SRV */
    struct ct_str target;         /* of SRV; of NAPTR the replacement; without the last dot */
    struct ct_str service;        /* of NAPTR: "SIP+D2U" */
    struct ct_str flags;          /* of NAPTR: "s" */
};

struct ct_dns_question;

/** The records of the type that was asked for; none when there are none, or nobody answers. Borrowed. */
typedef void ct_dns_answered(void *ctx, const struct ct_dns_record *records, size_t count);

/** What asks the DNS. */
struct ct_dns {
    void *ctx;
    /** Calls `answered` once, after it has returned. CT_NOMEM, CT_UNAVAILABLE: it is not called. */
    enum ct_result (*ask)(void *ctx, struct ct_str name, enum ct_dns_type type,
                          ct_dns_answered *answered, void *answered_ctx,
                          struct ct_dns_question **out);
    /** `answered` is not called any more. */
    void (*cancel)(void *ctx, struct ct_dns_question *question);
};

struct ct_sip_resolve_options {
    const struct ct_dns *dns;     /* borrowed until the lookup has ended */
    const struct ct_sip_env *env; /* its chance, for weights; likewise */
    bool ipv4, ipv6;              /* which addresses are of use */
};

/** More hops than this are not tried. */
#define CT_SIP_RESOLVE_MOST 16

/** Looks a URI up, as `resolve` of struct ct_sip_env has it. `maddr` is not followed. CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_resolve(const struct ct_sip_resolve_options *options,
                                         struct ct_str uri, ct_sip_found *found, void *found_ctx,
                                         struct ct_sip_lookup **out);
void ct_sip_resolve_cancel(struct ct_sip_lookup *lookup);

#endif
