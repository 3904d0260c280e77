#include "voice/voice_listen.h"

#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

/* In the order of enum ct_sip_entry_transport. */
static const enum ct_sip_transport transports[] = {CT_SIP_UDP, CT_SIP_TCP, CT_SIP_TLS, CT_SIP_WS,
                                                   CT_SIP_WSS};

enum ct_result ct_voice_listen(const struct ct_config *config, struct ct_arena *arena,
                               struct ct_sip_listen *out, size_t *count)
{
    struct ct_sip_entry entries[CT_SIP_ENTRIES_MOST];
    *count = ct_config_sip_entries(config->sip_listen, entries);
    for (size_t i = 0; i < *count; i++) {
        out[i] = (struct ct_sip_listen){
            .transport = transports[entries[i].transport],
            .host = ct_arena_copy(arena, entries[i].host.at, entries[i].host.len),
            .port = entries[i].port};
        if (out[i].host == NULL)
            return CT_NOMEM;
    }
    return CT_OK;
}

void ct_voice_raise_limit(const struct ct_config *config)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)(config->max_connections + config->sip_connections_max + 256);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

void ct_voice_log_listeners(const struct ct_sip_net *net, struct ct_log *log)
{
    const struct ct_sip_listen *listen;
    size_t count = ct_sip_net_listeners(net, &listen);
    for (size_t i = 0; i < count; i++)
        CT_LOG(log, CT_LOG_INFO, "sip_listening",
               CT_F_STR("transport", ct_sip_transport_param(listen[i].transport)),
               CT_F_TEXT("host", listen[i].host), CT_F_INT("port", listen[i].port));
}

static bool is_ipv6(const char *host)
{
    return strchr(host, ':') != NULL;
}

static const struct ct_sip_listen *find_socket(enum ct_sip_transport transport, const char *host,
                                               const struct ct_sip_listen *listen, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (listen[i].transport == transport && is_ipv6(listen[i].host) == is_ipv6(host))
            return &listen[i];
    return NULL;
}

enum ct_result ct_voice_node_address(struct ct_arena *arena, const struct ct_config *config,
                                     const struct ct_sip_net *net, const char **out)
{
    const struct ct_sip_listen *listen;
    const struct ct_sip_listen *found = NULL;
    const char *host = config->sip_node_address;
    size_t count = ct_sip_net_listeners(net, &listen);
    *out = "";
    /* without a key that all servers have nothing could be signed */
    if (host[0] == '\0' || config->secret_key[0] == '\0')
        return CT_OK;
    found = find_socket(CT_SIP_UDP, host, listen, count);
    if (found == NULL)
        found = find_socket(CT_SIP_TCP, host, listen, count);
    if (found != NULL)
        *out = ct_arena_printf(arena, is_ipv6(host) ? "%s:[%s]:%u" : "%s:%s:%u",
                               found->transport == CT_SIP_UDP ? "udp" : "tcp", host, found->port);
    return *out == NULL ? CT_NOMEM : CT_OK;
}
