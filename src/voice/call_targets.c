#include "voice/call_targets.h"

#include <string.h>

#include "sip/write.h"
#include "voice/relay.h"

#define RETRY_AFTER CT_STR("Retry-After: 5\r\n")

void ct_call_route_refuse(struct ct_call_route *out, int status, struct ct_str reason)
{
    out->status = status;
    out->reason = reason;
    out->target_count = 0;
    if (status == 503)
        out->headers = RETRY_AFTER;
}

static struct ct_str done(struct ct_buf *buf, bool *failed)
{
    struct ct_str text = ct_buf_done(buf);
    *failed = *failed || buf->failed;
    return text;
}

static struct ct_str address_of(struct ct_arena *arena, struct ct_str number, const char *host,
                                bool *failed)
{
    struct ct_buf text = ct_buf_in(arena);
    ct_buf_text(&text, "<sip:");
    if (number.len > 0) {
        ct_sip_escape_user(&text, number);
        ct_buf_char(&text, '@');
    }
    ct_buf_text(&text, host);
    ct_buf_char(&text, '>');
    return done(&text, failed);
}

/* How the caller is shown. The number of one who calls anonymously is told to trunks that are trusted with it. */
static bool fill_identity(const struct ct_call_planner *planner, struct ct_arena *arena,
                          const struct ct_identity *identity, bool trusted,
                          struct ct_sip_invite *invite)
{
    bool failed = false;
    const char *domain = planner->config->sip_domain;
    if (identity->anonymous || identity->number.len == 0)
        invite->from = CT_STR("\"Anonymous\" <sip:anonymous@anonymous.invalid>");
    else
        invite->from = address_of(arena, identity->number, domain, &failed);
    struct ct_buf headers = ct_buf_in(arena);
    if (trusted && identity->number.len > 0) {
        ct_buf_text(&headers, "P-Asserted-Identity: ");
        ct_buf_str(&headers, address_of(arena, identity->number, domain, &failed));
        ct_buf_text(&headers, "\r\n");
    }
    if (identity->anonymous)
        ct_buf_text(&headers, "Privacy: id\r\n");
    invite->headers = done(&headers, &failed);
    return !failed;
}

static bool add_binding(const struct ct_call_planner *planner, struct ct_arena *arena,
                        const struct ct_routing *routing, const struct ct_binding *binding,
                        struct ct_call_target *out)
{
    struct ct_sip_invite *invite = &out->invite;
    struct ct_sip_hop *hop = ct_arena_alloc(arena, sizeof(*hop));
    const char *uri = ct_str_dup(arena, binding->contact);
    const char *path = ct_str_dup(arena, binding->path);
    bool failed = false;
    if (hop == NULL || uri == NULL || path == NULL ||
        !fill_identity(planner, arena, &routing->identity, false, invite))
        return false;
    *hop = binding->hop;
    invite->route = ct_str_of(path);
    if (binding->node.len > 0 &&
        ct_relay_route(planner->relay, arena, binding, hop, &invite->route) != CT_OK)
        return false;
    invite->uri = ct_str_of(uri);
    invite->to = address_of(arena, routing->number, planner->config->sip_domain, &failed);
    invite->hops = hop;
    invite->hop_count = 1;
    invite->user = routing->number;
    invite->stay = true;
    out->device_id = binding->device_id;
    out->account_id = routing->payer_id;
    out->foreign = routing->payer_id != routing->callee_id;
    return !failed;
}

static bool add_devices(const struct ct_call_planner *planner, struct ct_arena *arena,
                        const struct ct_routing *routing, struct ct_call_target *targets,
                        size_t *count)
{
    for (size_t i = 0; i < routing->devices.count; i++) {
        const struct ct_binding *const *all;
        size_t bindings = ct_registrar_find(planner->registrar, routing->devices.at[i], &all);
        for (size_t k = 0; k < bindings && *count < CT_CALL_MAX_TARGETS; k++)
            if (!add_binding(planner, arena, routing, all[k], &targets[(*count)++]))
                return false;
    }
    return true;
}

/* Where the host is, as far as it is known, without what is down. */
static bool add_hops(const struct ct_call_planner *planner, struct ct_arena *arena,
                     const struct ct_way_out *way, struct ct_sip_invite *invite)
{
    struct ct_sip_hop *hops = ct_arena_alloc(arena, CT_TRUNK_HOPS_MOST * sizeof(*hops));
    if (hops == NULL)
        return false;
    invite->hop_count = ct_trunk_watch_hops(planner->watch, way->trunk, way->host, hops);
    invite->hops = hops;
    /* what follows goes where the certificate was looked at */
    invite->stay = invite->hop_count > 0 && hops[0].name != NULL;
    return true;
}

static bool add_way(const struct ct_call_planner *planner, struct ct_arena *arena,
                    const struct ct_routing *routing, const struct ct_way_out *way,
                    struct ct_call_target *out)
{
    const struct ct_trunk *trunk = way->trunk;
    struct ct_sip_invite *invite = &out->invite;
    struct ct_buf uri = ct_buf_in(arena);
    bool failed = false;
    if (!fill_identity(planner, arena, &routing->identity, trunk->trusted, invite))
        return false;
    ct_buf_text(&uri, "sip:");
    ct_sip_escape_user(&uri, way->number);
    ct_buf_char(&uri, '@');
    ct_buf_str(&uri, way->host);
    struct ct_buf to = ct_buf_in(arena);
    ct_buf_char(&to, '<');
    ct_buf_str(&to, ct_buf_done(&uri));
    ct_buf_char(&to, '>');
    invite->to = done(&to, &failed);
    if (!ct_str_equal(trunk->transport, CT_STR("udp"))) {
        ct_buf_text(&uri, ";transport=");
        ct_buf_str(&uri, trunk->transport);
    }
    invite->uri = done(&uri, &failed);
    invite->user = trunk->username.len > 0 ? trunk->username : routing->identity.number;
    invite->user = ct_str_of(ct_str_dup(arena, invite->user));
    if (trunk->username.len > 0) {
        invite->credentials = ct_carriers_credentials;
        invite->credentials_ctx = ct_carriers_answers(planner->carriers, trunk);
        failed = failed || invite->credentials_ctx == NULL;
    }
    out->trunk_id = trunk->id;
    return !failed && add_hops(planner, arena, way, invite);
}

void ct_call_route_fill(const struct ct_call_planner *planner, struct ct_arena *arena,
                        const struct ct_routing *routing, struct ct_call_route *out)
{
    struct ct_call_target targets[CT_CALL_MAX_TARGETS];
    struct ct_call_target *kept = NULL;
    size_t count = 0;
    if (routing->status != 0) {
        ct_call_route_refuse(out, routing->status, ct_str_of(routing->reason));
        return;
    }
    memset(targets, 0, sizeof(targets));
    bool fine = add_devices(planner, arena, routing, targets, &count);
    for (size_t i = 0; fine && i < routing->way_count && count < CT_CALL_MAX_TARGETS; i++)
        fine = add_way(planner, arena, routing, &routing->ways[i], &targets[count++]);
    /* few have many, and they are kept as long as the call */
    if (fine)
        kept = ct_arena_room(arena, count * sizeof(targets[0]));
    if (kept == NULL) {
        ct_call_route_refuse(out, 503, (struct ct_str){0});
        return;
    }
    memcpy(kept, targets, count * sizeof(targets[0]));
    out->targets = kept;
    out->target_count = count;
    out->in_order = routing->in_order;
    out->failover = routing->way_count > 0;
    out->ring_ms = routing->way_count > 0 ? 0 : routing->ring_ms;
}
