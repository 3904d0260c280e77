#ifndef CT_VOICE_TRUNK_HOSTS_H
#define CT_VOICE_TRUNK_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "base/text.h"
#include "sip/endpoint.h"
#include "voice/trunk_life.h"
#include "voice/trunks.h"

/**
 * The hosts of one trunk: where their names lead (RFC 3263), looked up again and again, and which of those hops answer
 * OPTIONS. A host is down when none of its hops answers, or its name leads nowhere. On the SIP thread alone.
 */
struct ct_trunk_hosts;

/** More hops of a host are not looked at. */
#define CT_TRUNK_HOPS_MOST 8

struct ct_trunk_hosts_options {
    struct ct_sip *sip;   /* borrowed, as what follows */
    struct ct_str domain; /* of our From */
    const char *const *
        names; /* of each host: what the certificate of a hop must say, for struct ct_sip_hop; NULL: of
                                 none is it looked at */
    int64_t probe_ms; /* between two probes of a host; 0: there are none */
    /** The state of a host is another one. */
    void (*changed)(void *ctx);
    void *ctx;
};
/** Begins to look. The owner frees it with ct_trunk_hosts_free. CT_NOMEM. */
CT_CHECKED enum ct_result ct_trunk_hosts_new(const struct ct_trunk_hosts_options *options,
                                             const struct ct_trunk *trunk,
                                             struct ct_trunk_hosts **out);
/** NULL is allowed. */
void ct_trunk_hosts_free(struct ct_trunk_hosts *hosts);

/** A host as it was last seen. */
struct ct_trunk_host_view {
    struct ct_str host; /* as it was configured */
    enum ct_trunk_host_state state;
};
size_t ct_trunk_hosts_count(const struct ct_trunk_hosts *hosts);
/** @p at is below the count. Borrowed until the hosts are freed. */
struct ct_trunk_host_view ct_trunk_hosts_view(const struct ct_trunk_hosts *hosts, size_t at);
/** Whether each name was looked up once, successfully or not. */
bool ct_trunk_hosts_known(const struct ct_trunk_hosts *hosts);
/** Copies the hops of a host in the order of trying: without those that are down, unless all are. 0: it is not known
 *  where it is. @p out has room for CT_TRUNK_HOPS_MOST. */
size_t ct_trunk_hosts_hops(const struct ct_trunk_hosts *hosts, size_t at, struct ct_sip_hop *out);
/** The number of a host; SIZE_MAX: it is none of these. */
size_t ct_trunk_hosts_find(const struct ct_trunk_hosts *hosts, struct ct_str host);
/** Whether one of them is at that address, whatever the port. */
bool ct_trunk_hosts_are_at(const struct ct_trunk_hosts *hosts, const struct ct_sip_socket *address);

#endif
