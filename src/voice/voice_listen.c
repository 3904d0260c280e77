#include "voice/voice_listen.h"

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
