#include "voice/shield_api.h"

#include <string.h>

#include "accounts/audit.h"
#include "base/json_write.h"
#include "voice/bans.h"

struct ban_reply {
    struct ct_str address;
    int64_t banned_at, until, dropped;
};

static const struct ct_field ban_fields[] = {
    CT_FIELD(struct ban_reply, address, CT_FIELD_STRING,
             .doc = "The address; an IPv6 one stands for its whole /64.",
             .example = "\"192.0.2.7\""),
    CT_FIELD(struct ban_reply, banned_at, CT_FIELD_TIME, .doc = "When it was banned.",
             .example = "\"2026-11-22T12:00:00.000Z\""),
    CT_FIELD(struct ban_reply, until, CT_FIELD_TIME, .doc = "When the ban ends by itself.",
             .example = "\"2026-11-22T13:00:00.000Z\""),
    CT_FIELD(struct ban_reply, dropped, CT_FIELD_INT,
             .doc = "How many messages and connections were dropped for it.", .example = "1200"),
};
static const struct ct_schema ban_schema = CT_SCHEMA(
    "SipBan", "An address that nothing on SIP is answered to.", struct ban_reply, ban_fields);

struct ban_path {
    struct ct_str address;
};

static const struct ct_field path_fields[] = {
    CT_FIELD(struct ban_path, address, CT_FIELD_STRING, .max = 64,
             .doc = "The address, as the list shows it.", .example = "\"192.0.2.7\""),
};
static const struct ct_schema path_schema =
    CT_SCHEMA("SipBanPath", NULL, struct ban_path, path_fields);

static enum ct_result list_bans(struct ct_call *call)
{
    struct ct_shield *shield = ct_voice_shield(*(struct ct_voice **)call->room);
    struct ct_page *reply = call->reply;
    struct ct_sip_ban *bans = ct_arena_alloc(call->arena, CT_BANS_MOST * sizeof(*bans));
    if (bans == NULL)
        return CT_NOMEM;
    size_t count =
        shield == NULL ? 0 : ct_shield_bans(shield, (struct ct_str){0}, bans, CT_BANS_MOST);
    struct ban_reply *items = ct_arena_alloc(call->arena, count * sizeof(*items));
    if (items == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < count; i++)
        items[i] = (struct ban_reply){.address = ct_str_of(bans[i].address),
                                      .banned_at = bans[i].since,
                                      .until = bans[i].until,
                                      .dropped = bans[i].dropped};
    reply->items = items;
    reply->count = count;
    return CT_OK;
}

static enum ct_result lift_ban(struct ct_call *call)
{
    struct ct_shield *shield = ct_voice_shield(*(struct ct_voice **)call->room);
    const struct ban_path *path = call->path;
    bool *lifted = call->scratch; /* it may run twice */
    struct ct_sip_socket address;
    if (!ct_sip_address_parse(path->address, &address))
        return ct_call_refuse(call, "path", "address", "value_error",
                              "Value error, this is no IP address");
    *lifted = *lifted || (shield != NULL && ct_shield_lift(shield, path->address));
    if (!*lifted)
        return CT_NOT_FOUND;
    return ct_audit_call(call, call->user_id, CT_AUDIT_SIP_BAN_LIFTED, 0, path->address);
}

const struct ct_route ct_shield_routes[] = {
    {.method = CT_GET,
     .pattern = "/sip_bans",
     .reply = &ban_schema,
     .array = true,
     .access = CT_READ,
     .auth = CT_ADMIN,
     .scope = "sip:read",
     .run = list_bans,
     .summary = "List the banned addresses",
     .doc = "For administrators. An address is banned for SIP_BAN_MINUTES when SIP_FAILURES_MAX "
            "wrong SIP "
            "passwords came from it. Of this server alone; a restart lifts all.",
     .tag = "Voice"},
    {.method = CT_DELETE,
     .pattern = "/sip_bans/{address}",
     .path = &path_schema,
     .status = 204,
     .access = CT_WRITE,
     .auth = CT_ADMIN,
     .scope = "sip:write",
     .run = lift_ban,
     .scratch_size = sizeof(bool),
     .errors = (const struct ct_route_error[]){{CT_NOT_FOUND, 404, "Ban not found"}, {0}},
     .summary = "Lift a ban",
     .doc = "For administrators. The wrong passwords that led to it are forgotten.",
     .tag = "Voice"},
};
const size_t ct_shield_route_count = sizeof(ct_shield_routes) / sizeof(ct_shield_routes[0]);
