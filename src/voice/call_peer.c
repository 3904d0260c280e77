#include "voice/call_peer.h"

#include "voice/trunk_watch.h"

bool ct_call_peer_find(const struct ct_call_sources *sources, struct ct_sip_server *transaction,
                       const struct ct_sip_message *message, struct ct_call_peer *out)
{
    const struct ct_trunk *trunk =
        ct_trunk_watch_from(sources->watch, ct_sip_server_from(transaction), message->uri.user);
    *out = (struct ct_call_peer){0};
    /* a device behind the address of a trunk says that it is one */
    enum ct_result named = CT_OK;
    if (trunk != NULL && !ct_authenticator_is_named(sources->authenticator, message))
        named = ct_authenticator_find(sources->authenticator, message->from.uri.user, &out->device);
    if (named != CT_OK && named != CT_NOT_FOUND) {
        const struct ct_sip_reply_options options = {.headers = CT_STR("Retry-After: 5\r\n"),
                                                     .forget = true};
        (void)!ct_sip_reply(transaction, 503, &options);
        return false;
    }
    if (named == CT_NOT_FOUND) {
        out->device = (struct ct_sip_caller){0};
        out->trunk_id = trunk->id;
        return trunk->inbound_username.len == 0 ||
               ct_authenticate_as(sources->authenticator, transaction, message,
                                  trunk->inbound_username, trunk->inbound_ha1_md5,
                                  trunk->inbound_ha1_sha256);
    }
    return ct_authenticate(sources->authenticator, transaction, message, &out->device);
}

bool ct_call_peer_may_call(struct ct_call_counts *counts, struct ct_sip_server *transaction,
                           const struct ct_call_peer *peer)
{
    const char *why;
    if (ct_call_counts_may(counts, peer->device.user_id, &why))
        return true;
    const struct ct_sip_reply_options options = {.reason = ct_str_of(why), .forget = true};
    (void)!ct_sip_reply(transaction, 403, &options);
    return false;
}
