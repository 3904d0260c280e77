#ifndef CT_VOICE_VOICE_LISTEN_H
#define CT_VOICE_VOICE_LISTEN_H

#include <stddef.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/result.h"
#include "config/config.h"
#include "sip/re_net.h"

/** The sockets of SIP_LISTEN, up to CT_SIP_LISTEN_MOST; 0: SIP is off. Texts are in the arena. CT_NOMEM. */
CT_CHECKED enum ct_result ct_voice_listen(const struct ct_config *config, struct ct_arena *arena,
                                          struct ct_sip_listen *out, size_t *count);
/** Connections of SIP come on top of those of HTTP: raises the limit of descriptors as far as the hard limit allows; beyond
 *  it they are refused. */
void ct_voice_raise_limit(const struct ct_config *config);
/** A line for each of the sockets, with the ports that the kernel chose. */
void ct_voice_log_listeners(const struct ct_sip_net *net, struct ct_log *log);
/** How other servers of the database reach this one, in @p arena: "udp:192.0.2.9:5060", of SIP_NODE_ADDRESS and the
 *  first UDP socket of its family, or else the first of TCP. "" when there is no such address, socket, or SECRET_KEY.
 *  CT_NOMEM. */
CT_CHECKED enum ct_result ct_voice_node_address(struct ct_arena *arena,
                                                const struct ct_config *config,
                                                const struct ct_sip_net *net, const char **out);

#endif
