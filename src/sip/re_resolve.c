/* Where a URI leads (RFC 3263). */
#include "sip/re_inside.h"
#include "sip/uri.h"

enum ct_result ct_re_resolve(void *ctx, struct ct_str text, ct_sip_found *found, void *found_ctx,
                             struct ct_sip_lookup **out)
{
    struct ct_sip_uri uri;
    struct ct_sip_hop hop = {.transport = CT_SIP_UDP};
    (void)ctx;
    *out = NULL;
    if (!ct_sip_uri_read(text, &uri) || !ct_sip_uri_transport(&uri, &hop.transport) ||
        !ct_sip_address_parse(uri.host, &hop.peer)) {
        found(found_ctx, NULL, 0);
        return CT_OK;
    }
    hop.peer.port = uri.port != 0 ? uri.port : ct_sip_default_port(hop.transport);
    found(found_ctx, &hop, 1);
    return CT_OK;
}

void ct_re_resolve_cancel(void *ctx, struct ct_sip_lookup *lookup)
{
    (void)ctx;
    (void)lookup;
}
