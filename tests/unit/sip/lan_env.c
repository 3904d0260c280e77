#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/lan_inside.h"
#include "sip/uri.h"

/* What an endpoint sees of the lan. */

static int64_t env_now_ms(void *ctx)
{
    return ((struct place *)ctx)->lan->now_ms;
}

static int64_t env_unix_ms(void *ctx)
{
    return 1795000000000 + ((struct place *)ctx)->lan->now_ms;
}

static void env_random(void *ctx, void *out, size_t size)
{
    uint8_t *at = out;

    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)lan_next_random(((struct place *)ctx)->lan);
}

static enum ct_result env_send(void *ctx, const struct ct_sip_hop *to, struct ct_str bytes)
{
    struct place *place = ctx;

    return lan_dispatch(place->lan, &place->socket, to, bytes);
}

static void env_local(void *ctx, const struct ct_sip_hop *to, struct ct_sip_local *out)
{
    *out = (struct ct_sip_local){ct_str_of(((struct place *)ctx)->address), 0, to->transport};
}

static size_t look_up(struct lan *lan, struct ct_str host, struct ct_sip_hop *hops, size_t most)
{
    size_t count = 0;

    if (ct_sip_address_parse(host, &hops[0].peer)) {
        hops[0].peer.port = 5060;
        return 1;
    }
    for (size_t i = 0; i < lan->name_count; i++) {
        const char *at = lan->names[i].addresses;

        if (!ct_str_equal_nocase(host, ct_str_of(lan->names[i].name)))
            continue;
        while (count < most) {
            size_t length = strcspn(at, ",");

            if (!ct_sip_address_parse((struct ct_str){at, length}, &hops[count].peer))
                abort();
            hops[count++].peer.port = 5060;
            if (at[length] == '\0')
                break;
            at += length + 1;
        }
    }
    return count;
}

struct ct_sip_lookup {
    struct ct_timer timer;
    ct_sip_found *found;
    void *ctx;
    struct ct_sip_hop hops[8];
    size_t count;
};

static void looked_up(void *ctx)
{
    struct ct_sip_lookup lookup = *(struct ct_sip_lookup *)ctx;

    free(ctx);
    lookup.found(lookup.ctx, lookup.hops, lookup.count);
}

static enum ct_result env_resolve(void *ctx, struct ct_str uri, ct_sip_found *found,
                                  void *found_ctx, struct ct_sip_lookup **out)
{
    struct lan *lan = ((struct place *)ctx)->lan;
    struct ct_sip_lookup lookup = {.found = found, .ctx = found_ctx};
    struct ct_sip_socket address;
    struct ct_sip_uri read;

    *out = NULL;
    if (ct_sip_uri_read(uri, &read))
        lookup.count = look_up(lan, read.host, lookup.hops, 8);
    for (size_t i = 0; i < lookup.count; i++)
        if (!ct_sip_uri_transport(&read, &lookup.hops[i].transport))
            lookup.count = 0;
    if (lan->name_ms == 0 || lookup.count == 0 || ct_sip_address_parse(read.host, &address)) {
        found(found_ctx, lookup.hops, lookup.count);
        return CT_OK;
    }
    *out = malloc(sizeof(**out));
    if (*out == NULL)
        return CT_NOMEM;
    lookup.timer = (struct ct_timer){.fire = looked_up, .ctx = *out};
    **out = lookup;
    ct_timer_start(lan->wheel, &(*out)->timer, lan->name_ms);
    return CT_OK;
}

static void env_resolve_cancel(void *ctx, struct ct_sip_lookup *lookup)
{
    (void)ctx;
    ct_timer_stop(&lookup->timer);
    free(lookup);
}

enum ct_result lan_place(struct lan *lan, const char *address, struct ct_sip_env *out)
{
    struct place *place = &lan->places[lan->place_count];

    if (lan->place_count == PLACES)
        return CT_INVALID;
    lan->place_count++;
    *place = (struct place){.lan = lan, .socket = lan_hop(address).peer};
    snprintf(place->address, sizeof(place->address), "%s", address);
    *out = (struct ct_sip_env){place,    env_now_ms, env_unix_ms, env_random,
                               env_send, env_local,  env_resolve, env_resolve_cancel};
    return CT_OK;
}
