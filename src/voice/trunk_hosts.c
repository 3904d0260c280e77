#include "voice/trunk_hosts.h"

#include <stdlib.h>
#include <string.h>

#include "voice/trunk_request.h"

/* What is lost on the way is sent again after 0.5, 1.5, 3.5 and 7.5 s: who is silent then is away. */
#define PATIENCE_MS 8000
/* How often names are looked up when nothing is probed. */
#define LOOK_MS 60000

struct host;

struct hop {
    struct host *host;
    struct ct_sip_hop hop;
    enum ct_trunk_host_state state;
    struct ct_trunk_request request;
    struct ct_sip_token call_id, tag;
};

struct host {
    struct ct_trunk_hosts *hosts;
    struct ct_str name; /* as it was configured */
    struct ct_str uri, lookup_uri, to;
    const char *certificate;
    enum ct_trunk_host_state state;
    bool looked;
    struct ct_sip_lookup *lookup;
    struct ct_timer timer;
    struct hop hops[CT_TRUNK_HOPS_MOST];
    size_t hop_count;
    size_t waiting; /* for so many answers */
};

struct ct_trunk_hosts {
    struct ct_trunk_hosts_options options;
    struct ct_arena *arena; /* of texts */
    struct ct_str from;
    struct host *all;
    size_t count;
};

static const struct ct_sip_env *env_of(const struct ct_trunk_hosts *hosts)
{
    return ct_sip_env(hosts->options.sip);
}

/* Not all at the same moment: up to a tenth earlier. */
static void rest(struct host *host)
{
    const struct ct_trunk_hosts *hosts = host->hosts;
    const struct ct_sip_env *env = env_of(hosts);
    int64_t after = hosts->options.probe_ms > 0 ? hosts->options.probe_ms : LOOK_MS;
    uint32_t chance;
    env->random(env->ctx, &chance, sizeof(chance));
    ct_timer_start(ct_sip_wheel(hosts->options.sip), &host->timer,
                   after - (int64_t)chance % (after / 10 + 1));
}

static void set_state(struct host *host, enum ct_trunk_host_step step)
{
    enum ct_trunk_host_state before = host->state;
    host->state = ct_trunk_host_next(before, step);
    if (host->state != before)
        host->hosts->options.changed(host->hosts->options.ctx);
}

/* All hops have answered, or have not. */
static void settle(struct host *host)
{
    bool any[CT_TRUNK_HOST_STATES] = {false};
    for (size_t i = 0; i < host->hop_count; i++)
        any[host->hops[i].state] = true;
    rest(host);
    if (any[CT_TRUNK_HOST_UP])
        set_state(host, CT_TRUNK_HOST_ANSWERED);
    else if (!any[CT_TRUNK_HOST_UNKNOWN])
        set_state(host, CT_TRUNK_HOST_SILENT);
}

static void probed(void *ctx, int status, const struct ct_sip_message *message)
{
    struct hop *hop = ctx;
    struct host *host = hop->host;
    (void)message;
    hop->state = ct_trunk_host_next(hop->state, ct_trunk_host_step_of(status));
    host->waiting--;
    if (host->waiting == 0)
        settle(host);
}

static void probe(struct hop *hop)
{
    struct host *host = hop->host;
    struct ct_sip *sip = host->hosts->options.sip;
    hop->call_id = ct_sip_token(sip);
    hop->tag = ct_sip_token(sip);
    hop->request = (struct ct_trunk_request){.sip = sip,
                                             .method = CT_STR("OPTIONS"),
                                             .uri = host->uri,
                                             .from = host->hosts->from,
                                             .to = host->to,
                                             .call_id = CT_SIP_TOKEN_STR(hop->call_id),
                                             .tag = CT_SIP_TOKEN_STR(hop->tag),
                                             .wait_ms = PATIENCE_MS,
                                             .done = probed,
                                             .ctx = hop};
    enum ct_result result = ct_trunk_request_send(&hop->request, &hop->hop);
    if (result == CT_OK)
        host->waiting++;
    else if (result == CT_UNAVAILABLE)
        hop->state = ct_trunk_host_next(hop->state, CT_TRUNK_HOST_SILENT);
    /* else it says nothing of the host */
}

static bool is_same(const struct ct_sip_hop *a, const struct ct_sip_hop *b)
{
    return a->transport == b->transport && ct_sip_socket_equal(&a->peer, &b->peer);
}

/* Takes the hops that were found over, in their order; those that were there keep their state. */
static void take_hops(struct host *host, const struct ct_sip_hop *found, size_t count)
{
    struct ct_sip_hop before[CT_TRUNK_HOPS_MOST];
    enum ct_trunk_host_state states[CT_TRUNK_HOPS_MOST];
    size_t before_count = host->hop_count;
    for (size_t i = 0; i < before_count; i++) {
        before[i] = host->hops[i].hop;
        states[i] = host->hops[i].state;
    }
    host->hop_count = count < CT_TRUNK_HOPS_MOST ? count : CT_TRUNK_HOPS_MOST;
    for (size_t i = 0; i < host->hop_count; i++) {
        struct hop *hop = &host->hops[i];
        *hop = (struct hop){.host = host, .hop = found[i]};
        hop->hop.name = ct_sip_secure(hop->hop.transport) ? host->certificate : NULL;
        for (size_t k = 0; k < before_count; k++)
            if (is_same(&before[k], &hop->hop))
                hop->state = states[k];
    }
}

static void on_found(void *ctx, const struct ct_sip_hop *found, size_t count)
{
    struct host *host = ctx;
    host->lookup = NULL;
    host->looked = true;
    /* while the DNS is away the hops are where they were */
    if (count > 0)
        take_hops(host, found, count);
    if (host->hosts->options.probe_ms == 0) {
        rest(host);
        return;
    }
    for (size_t i = 0; i < host->hop_count; i++)
        probe(&host->hops[i]);
    if (host->waiting == 0)
        settle(host);
}

static void look(void *ctx)
{
    struct host *host = ctx;
    const struct ct_sip_env *env = env_of(host->hosts);
    struct ct_sip_lookup *lookup = NULL;
    if (env->resolve(env->ctx, host->lookup_uri, on_found, host, &lookup) != CT_OK)
        rest(host);
    else
        host->lookup = lookup;
}

/* ---- the whole ---- */

static enum ct_result write_texts(struct ct_trunk_hosts *hosts, const struct ct_trunk *trunk)
{
    bool udp = ct_str_equal(trunk->transport, CT_STR("udp"));
    bool failed = false;
    struct ct_buf from = ct_buf_in(hosts->arena);
    ct_buf_text(&from, "<sip:");
    ct_buf_str(&from, hosts->options.domain);
    ct_buf_char(&from, '>');
    hosts->from = ct_buf_done(&from);
    for (size_t i = 0; i < hosts->count; i++) {
        struct host *host = &hosts->all[i];
        struct ct_buf uri = ct_buf_in(hosts->arena);
        struct ct_buf lookup = ct_buf_in(hosts->arena);
        ct_buf_text(&uri, "sip:");
        ct_buf_str(&uri, trunk->hosts.at[i]);
        ct_buf_str(&lookup, ct_buf_done(&uri));
        if (!udp) {
            ct_buf_text(&lookup, ";transport=");
            ct_buf_str(&lookup, trunk->transport);
        }
        struct ct_buf to = ct_buf_in(hosts->arena);
        ct_buf_char(&to, '<');
        ct_buf_str(&to, ct_buf_done(&uri));
        ct_buf_char(&to, '>');
        host->uri = ct_buf_done(&uri);
        host->to = ct_buf_done(&to);
        host->lookup_uri = ct_buf_done(&lookup);
        host->name = (struct ct_str){host->uri.at + 4, host->uri.len - 4};
        failed = failed || uri.failed || lookup.failed || to.failed;
    }
    return failed || from.failed ? CT_NOMEM : CT_OK;
}

enum ct_result ct_trunk_hosts_new(const struct ct_trunk_hosts_options *options,
                                  const struct ct_trunk *trunk, struct ct_trunk_hosts **out)
{
    struct ct_trunk_hosts *hosts = calloc(1, sizeof(*hosts));
    if (hosts == NULL)
        return CT_NOMEM;
    hosts->options = *options;
    hosts->count = trunk->hosts.count;
    hosts->arena = ct_arena_new();
    hosts->all = calloc(hosts->count, sizeof(*hosts->all));
    enum ct_result result =
        hosts->arena == NULL || hosts->all == NULL ? CT_NOMEM : write_texts(hosts, trunk);
    if (result != CT_OK) {
        hosts->count = 0;
        ct_trunk_hosts_free(hosts);
        return result;
    }
    for (size_t i = 0; i < hosts->count; i++) {
        struct host *host = &hosts->all[i];
        host->hosts = hosts;
        host->certificate = options->names == NULL ? NULL : options->names[i];
        host->timer = (struct ct_timer){.fire = look, .ctx = host};
        ct_timer_start(ct_sip_wheel(options->sip), &host->timer, 1);
    }
    *out = hosts;
    return CT_OK;
}

void ct_trunk_hosts_free(struct ct_trunk_hosts *hosts)
{
    if (hosts == NULL)
        return;
    for (size_t i = 0; i < hosts->count; i++) {
        struct host *host = &hosts->all[i];
        const struct ct_sip_env *env = env_of(hosts);
        ct_timer_stop(&host->timer);
        if (host->lookup != NULL)
            env->resolve_cancel(env->ctx, host->lookup);
        for (size_t k = 0; k < host->hop_count; k++)
            ct_trunk_request_stop(&host->hops[k].request);
    }
    free(hosts->all);
    ct_arena_free(hosts->arena);
    free(hosts);
}

/* ---- what it knows ---- */

size_t ct_trunk_hosts_count(const struct ct_trunk_hosts *hosts)
{
    return hosts->count;
}

struct ct_trunk_host_view ct_trunk_hosts_view(const struct ct_trunk_hosts *hosts, size_t at)
{
    return (struct ct_trunk_host_view){hosts->all[at].name, hosts->all[at].state};
}

bool ct_trunk_hosts_known(const struct ct_trunk_hosts *hosts)
{
    for (size_t i = 0; i < hosts->count; i++)
        if (!hosts->all[i].looked)
            return false;
    return true;
}

size_t ct_trunk_hosts_hops(const struct ct_trunk_hosts *hosts, size_t at, struct ct_sip_hop *out)
{
    const struct host *host = &hosts->all[at];
    size_t count = 0;
    for (size_t i = 0; i < host->hop_count; i++)
        if (host->hops[i].state != CT_TRUNK_HOST_DOWN)
            out[count++] = host->hops[i].hop;
    for (size_t i = 0; count == 0 && i < host->hop_count; i++)
        out[i] = host->hops[i].hop;
    return count == 0 ? host->hop_count : count;
}

size_t ct_trunk_hosts_find(const struct ct_trunk_hosts *hosts, struct ct_str name)
{
    for (size_t i = 0; i < hosts->count; i++)
        if (ct_str_equal(hosts->all[i].name, name))
            return i;
    return SIZE_MAX;
}

bool ct_trunk_hosts_are_at(const struct ct_trunk_hosts *hosts, const struct ct_sip_socket *address)
{
    for (size_t i = 0; i < hosts->count; i++)
        for (size_t k = 0; k < hosts->all[i].hop_count; k++)
            if (ct_sip_address_equal(&hosts->all[i].hops[k].hop.peer, address))
                return true;
    return false;
}
