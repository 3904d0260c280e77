#include <stdlib.h>
#include <string.h>

#include "simulator/exchange.h"

/* Whom the server of the simulated world rings. */

static void add_target(struct exchange *exchange, const struct ct_binding *binding,
                       struct ct_arena *arena, struct ct_call_target *targets, size_t *count)
{
    struct ct_sip_hop *hop = ct_arena_alloc(arena, sizeof(*hop));
    char *to = ct_arena_printf(arena, "<sip:%lld@%s>", (long long)(1000 + binding->device_id),
                               exchange->address);

    if (hop == NULL || to == NULL)
        abort();
    *hop = binding->hop;
    targets[(*count)++] = (struct ct_call_target){
        .invite = {.uri = ct_str_of(ct_arena_printf(arena, "%.*s", (int)binding->contact.len,
                                                    binding->contact.at)),
                   .from = CT_STR("<sip:anonymous@anonymous.invalid>"),
                   .to = ct_str_of(to),
                   .hops = hop,
                   .hop_count = 1,
                   .user = CT_STR("exchange"),
                   .stay = true},
        .device_id = binding->device_id,
    };
}

/* Numbers with two hosts that are tried one after the other. */
static void add_carriers(struct exchange *exchange, struct ct_str number, struct ct_arena *arena,
                         struct ct_call_target *targets, size_t *count)
{
    struct ct_sip_hop *hops = ct_arena_alloc(arena, 2 * sizeof(*hops));
    char *uri =
        ct_arena_printf(arena, "sip:%.*s@%s", (int)number.len, number.at, exchange->carriers[0]);
    char *to = ct_arena_printf(arena, "<%s>", uri);

    if (hops == NULL || uri == NULL || to == NULL)
        abort();
    hops[0] = lan_hop(exchange->carriers[0]);
    hops[1] = lan_hop(exchange->carriers[1]);
    targets[(*count)++] = (struct ct_call_target){
        .invite = {.uri = ct_str_of(uri),
                   .from = CT_STR("<sip:anonymous@anonymous.invalid>"),
                   .to = ct_str_of(to),
                   .hops = hops,
                   .hop_count = 2,
                   .user = CT_STR("exchange")},
        .trunk_id = 1,
    };
}

void exchange_route(struct exchange *exchange, struct ct_str number, struct ct_arena *arena,
                    struct ct_call_route *out)
{
    struct ct_call_target *targets = ct_arena_alloc(arena, CT_CALL_MAX_TARGETS * sizeof(*targets));
    const struct ct_binding *binding = registry_find(&exchange->registry, number);
    size_t count = 0;

    if (targets == NULL)
        abort();
    if (binding != NULL)
        add_target(exchange, binding, arena, targets, &count);
    if (number.len == 4 && number.at[0] == '2')
        add_carriers(exchange, number, arena, targets, &count);
    if (number.len == 4 && number.at[0] == '3')
        for (unsigned i = 1; i <= REGISTRY_DEVICES && count < 5; i++) {
            binding = registry_find(&exchange->registry,
                                    ct_str_of(ct_arena_printf(arena, "%u", 1000 + i)));
            if (binding != NULL)
                add_target(exchange, binding, arena, targets, &count);
        }
    out->targets = targets;
    out->target_count = count;
    out->in_order = number.len == 4 && number.at[3] == '1';
    out->ring_ms = lan_random(exchange->lan, 4) == 0 ? 5000 : 30000;
    out->longest_ms = lan_random(exchange->lan, 6) == 0 ? 20000 : 0;
    out->parties.to = ct_str_of(ct_arena_printf(arena, "%.*s", (int)number.len, number.at));
    if (count == 0)
        out->status = number.len == 4 && number.at[0] == '1' ? 480 : 404;
}

static void plan_incoming(void *ctx, const struct ct_call_facts *facts, void *peer,
                          const struct ct_sip_message *message, struct ct_arena *arena,
                          struct ct_call_route *out)
{
    (void)facts;
    (void)peer;
    exchange_route(ctx, message->uri.user, arena, out);
}

static bool plan_unanswered(void *ctx, const struct ct_call_facts *facts, int status,
                            struct ct_arena *arena, struct ct_call_route *out)
{
    struct exchange *exchange = ctx;

    (void)facts;
    if (status == 404 || lan_random(exchange->lan, 3) > 0)
        return false;
    exchange_route(
        exchange,
        ct_str_of(ct_arena_printf(arena, "%u", 1001 + lan_random(exchange->lan, REGISTRY_DEVICES))),
        arena, out);
    return true;
}

static void plan_transfer(void *ctx, const struct ct_call_facts *facts, enum ct_call_party by,
                          bool outside, struct ct_str target, struct ct_arena *arena,
                          struct ct_call_route *out)
{
    struct ct_sip_uri uri;

    (void)facts;
    (void)by;
    (void)outside;
    if (ct_sip_uri_read(target, &uri))
        exchange_route(ctx, uri.user, arena, out);
    else
        out->status = 404;
}

static bool plan_may_replace(void *ctx, void *peer, const struct ct_call_facts *facts)
{
    (void)ctx;
    (void)peer;
    (void)facts;
    return true;
}

const struct ct_call_plan exchange_plan = {NULL, plan_incoming, plan_unanswered, plan_transfer,
                                           plan_may_replace};
