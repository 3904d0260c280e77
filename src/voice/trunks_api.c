#include <stddef.h>

#include "accounts/audit.h"
#include "base/clock.h"
#include "numbers/name.h"
#include "voice/devices.h"
#include "voice/trunk_states.h"
#include "voice/trunks.h"

/* ---- what comes in and goes out ---- */

struct trunk_body {
    int64_t id;
    struct ct_str name;
    bool enabled;
    struct ct_str host;
    struct ct_texts fallback_hosts;
    struct ct_str transport;
    bool tls_verify;
    struct ct_str username;
    struct ct_str password;
    bool registers;
    struct ct_texts prefixes;
    struct ct_texts allow_from;
    bool trusted;
    int64_t channels;
    int64_t out_strip;
    struct ct_str out_prepend;
    int64_t in_strip;
    struct ct_str in_prepend;
    struct ct_str inbound_username;
    struct ct_str inbound_password;
    const void *registration; /* of replies, as what follows */
    struct ct_objects hosts;
    int64_t created_at;
};

struct trunk_registration {
    struct ct_str state;
    int64_t until;
    int64_t status;
    struct ct_str reason;
};

struct trunk_host {
    struct ct_str host;
    struct ct_str state;
};

static const char *const transports[] = {"udp", "tcp", "tls", NULL};

#define TRUNK(member, kind, ...) CT_FIELD(struct trunk_body, member, kind, __VA_ARGS__)
#define NONE_TOO CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE
/* A word of digest credentials. */
#define CREDENTIAL(member, bits, ...)                                                \
    TRUNK(member, CT_FIELD_STRING, .flags = NONE_TOO | (bits), .min = 1, .max = 128, \
          .pattern = CT_NAME_PATTERN, .normalize = ct_name_normalize, __VA_ARGS__)
#define REWRITE(strip, prepend, what)                                                         \
    TRUNK(strip, CT_FIELD_INT, .flags = CT_FIELD_OPTIONAL, .min = 0, .max = 16,               \
          .doc = "How many characters are taken away in front of " what ".", .example = "1"), \
        TRUNK(prepend, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL, .max = 16,                \
              .pattern = CT_DIALLED_PATTERN, .normalize = ct_dialled_normalize,               \
              .doc = "What is then put there.", .example = "\"00\"")

#define FIELDS_FRONT                                                                               \
    CT_NAME_FIELD(struct trunk_body, name, 0, .doc = "What it is called; no two alike.",           \
                  .example = "\"Carrier\""),                                                       \
        TRUNK(enabled, CT_FIELD_BOOL, .flags = CT_FIELD_OPTIONAL, .fallback = 1,                   \
              .doc = "Whether calls go over it.", .example = "true"),                              \
        TRUNK(host, CT_FIELD_STRING, .min = 1, .max = 255, .pattern = CT_HOST_PATTERN,             \
              .normalize = ct_host_normalize,                                                      \
              .doc = "A name, which is looked up as RFC 3263 says, or an address; with a port if " \
                     "need be.",                                                                   \
              .example = "\"sip.example.com\""),                                                   \
        TRUNK(fallback_hosts, CT_FIELD_TEXTS, .flags = CT_FIELD_OPTIONAL, .min = 1, .max = 255,    \
              .max_count = 8, .pattern = CT_HOST_PATTERN, .normalize = ct_host_normalize,          \
              .doc = "What is tried, in this order, when that one does not answer.",               \
              .example = "[\"192.0.2.1:5080\"]"),                                                  \
        TRUNK(transport, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL, .words = transports,         \
              .doc = "How it is reached; `udp` without it.", .example = "\"udp\""),                \
        TRUNK(tls_verify, CT_FIELD_BOOL, .flags = CT_FIELD_OPTIONAL, .fallback = 1,                \
              .doc =                                                                               \
                  "Whether, with `tls`, the certificate of a host must be one of that name and "   \
                  "vouched for by an authority that this machine trusts. Without it, whoever "     \
                  "is on the way can listen.",                                                     \
              .example = "true"),                                                                  \
        CREDENTIAL(username, 0, .doc = "What its challenges are answered with.",                   \
                   .example = "\"4930123\"")

#define FIELDS_BACK                                                                                \
    {.name = "register",                                                                           \
     .type = CT_FIELD_BOOL,                                                                        \
     .offset = offsetof(struct trunk_body, registers),                                             \
     .flags = CT_FIELD_OPTIONAL,                                                                   \
     .doc =                                                                                        \
         "Whether this server registers there, with `username` and `password`. With an empty "     \
         "`allow_from`, calls from the addresses of its hosts are then the trunk's, as long as "   \
         "it is registered.",                                                                      \
     .example = "false"},                                                                          \
        TRUNK(prefixes, CT_FIELD_TEXTS, .flags = CT_FIELD_OPTIONAL, .max = 16, .max_count = 200,   \
              .pattern = CT_CALL_PREFIX_PATTERN, .normalize = ct_call_prefix_normalize,            \
              .doc = "Which numbers go out over it; `+` is all. Of several trunks it is the one "  \
                     "with the longest prefix that fits.",                                         \
              .example = "[\"+49\"]"),                                                             \
        TRUNK(allow_from, CT_FIELD_TEXTS, .flags = CT_FIELD_OPTIONAL, .max = 64, .max_count = 50,  \
              .pattern = CT_NETWORK_PATTERN, .normalize = ct_network_normalize,                    \
              .doc = "Addresses and networks that its calls come from; nobody else's are.",        \
              .example = "[\"192.0.2.0/24\"]"),                                                    \
        TRUNK(trusted, CT_FIELD_BOOL, .flags = CT_FIELD_OPTIONAL,                                  \
              .doc = "Whether its P-Asserted-Identity (RFC 3325) is believed, and who calls "      \
                     "anonymously is told to it.",                                                 \
              .example = "false"),                                                                 \
        TRUNK(channels, CT_FIELD_INT, .flags = CT_FIELD_OPTIONAL, .min = 0, .max = 100000,         \
              .doc = "How many calls it takes at the same time, in and out; 0 is any number.",     \
              .example = "30"),                                                                    \
        REWRITE(out_strip, out_prepend, "a number that is called there, which begins with a `+`"), \
        REWRITE(in_strip, in_prepend,                                                              \
                "the numbers of its calls, so that they begin with a `+`; what does so already "   \
                "stays"),                                                                          \
        CREDENTIAL(inbound_username, 0,                                                            \
                   .doc = "What its calls must authenticate with, besides coming from "            \
                          "`allow_from`; null: nothing.",                                          \
                   .example = "null")

static const struct ct_field body_fields[] = {
    FIELDS_FRONT,
    CREDENTIAL(password, CT_FIELD_SECRET,
               .doc = "Kept sealed under SECRET_KEY. PUT without it leaves that of before."),
    FIELDS_BACK,
    CREDENTIAL(inbound_password, CT_FIELD_SECRET,
               .doc = "Only digests are kept. PUT without it leaves those of before, as long as "
                      "`inbound_username` is the same."),
};
static const struct ct_schema body_schema =
    CT_SCHEMA("TrunkSet", "A way to another network.", struct trunk_body, body_fields);

#define REGISTRATION(member, kind, ...) \
    CT_FIELD(struct trunk_registration, member, kind, __VA_ARGS__)

static const struct ct_field registration_fields[] = {
    REGISTRATION(state, CT_FIELD_STRING, .words = ct_trunk_standing_words,
                 .doc = "`pending`: it was not answered yet.", .example = "\"registered\""),
    REGISTRATION(until, CT_FIELD_TIME, .flags = CT_FIELD_NULLABLE,
                 .doc =
                     "When the carrier forgets it, unless it is renewed, which is done when half "
                     "of its time is over; null: the carrier does not have it.",
                 .example = "\"2026-01-31T12:10:00.000Z\""),
    REGISTRATION(status, CT_FIELD_INT, .flags = CT_FIELD_NULLABLE,
                 .doc = "What the last REGISTER was answered with; 408 and 503 also when nothing "
                        "came; null: there was none.",
                 .example = "200"),
    REGISTRATION(reason, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE, .doc = "In words.",
                 .example = "\"OK\""),
};
static const struct ct_schema registration_schema =
    CT_SCHEMA("TrunkRegistration", NULL, struct trunk_registration, registration_fields);

#define HOST(member, kind, ...) CT_FIELD(struct trunk_host, member, kind, __VA_ARGS__)

static const struct ct_field host_fields[] = {
    HOST(host, CT_FIELD_STRING, .doc = "`host`, or one of `fallback_hosts`.",
         .example = "\"sip.example.com\""),
    HOST(state, CT_FIELD_STRING, .words = ct_trunk_host_words,
         .doc =
             "`down`: it does not answer OPTIONS, or its name leads nowhere, and calls pass it by; "
             "`unknown`: it was not asked, see SIP_TRUNK_PROBE_SECONDS.",
         .example = "\"up\""),
};
static const struct ct_schema host_schema =
    CT_SCHEMA("TrunkHost", NULL, struct trunk_host, host_fields);

static const struct ct_field reply_fields[] = {
    TRUNK(id, CT_FIELD_INT, .doc = "The trunk's id.", .example = "1"),
    FIELDS_FRONT,
    FIELDS_BACK,
    TRUNK(registration, CT_FIELD_OBJECT, .flags = CT_FIELD_NULLABLE, .of = &registration_schema,
          .doc = "How the registration is; null: `register` is false."),
    TRUNK(hosts, CT_FIELD_OBJECTS, .of = &host_schema, .doc = "Which hosts answer."),
    TRUNK(created_at, CT_FIELD_TIME, .doc = "When it was made.",
          .example = "\"2026-01-31T12:00:00.000Z\""),
};
static const struct ct_schema reply_schema =
    CT_SCHEMA("Trunk", "A way to and from another network.", struct trunk_body, reply_fields);

struct trunk_path {
    int64_t id;
};

static const struct ct_field path_fields[] = {
    CT_FIELD(struct trunk_path, id, CT_FIELD_INT, .doc = "The trunk's id.", .example = "1"),
};
static const struct ct_schema path_schema =
    CT_SCHEMA("TrunkPath", NULL, struct trunk_path, path_fields);

static void describe(const struct ct_trunk *trunk, struct trunk_body *out)
{
    *out = (struct trunk_body){
        .id = trunk->id,
        .name = trunk->name,
        .enabled = trunk->enabled,
        .host = trunk->hosts.at[0],
        .fallback_hosts = {trunk->hosts.at + 1, trunk->hosts.count - 1},
        .transport = trunk->transport,
        .tls_verify = trunk->tls_verify,
        .username = trunk->username,
        .registers = trunk->registers,
        .prefixes = trunk->prefixes,
        .allow_from = trunk->allow_from,
        .trusted = trunk->trusted,
        .channels = trunk->channels,
        .out_strip = trunk->out.strip,
        .out_prepend = trunk->out.prepend,
        .in_strip = trunk->in.strip,
        .in_prepend = trunk->in.prepend,
        .inbound_username = trunk->inbound_username,
        .created_at = trunk->created_at,
    };
}

/* The same, and how it is. */
static enum ct_result show(struct ct_call *call, const struct ct_trunk *trunk,
                           struct trunk_body *out)
{
    struct ct_trunk_state state = {.until = CT_NO_TIME};
    struct trunk_host *hosts = ct_arena_alloc(call->arena, trunk->hosts.count * sizeof(*hosts));
    struct trunk_registration *registration = ct_arena_alloc(call->arena, sizeof(*registration));
    if (hosts == NULL || registration == NULL)
        return CT_NOMEM;
    describe(trunk, out);
    enum ct_result result = ct_trunk_state_get(call->arena, call->db, trunk->id, &state);
    if (result != CT_OK && result != CT_NOT_FOUND)
        return result;
    /* of a server that is gone */
    if (state.until != CT_NO_TIME && state.until <= ct_clock_unix_ms()) {
        state.until = CT_NO_TIME;
        if (state.standing == CT_TRUNK_IS_REGISTERED)
            state.standing = CT_TRUNK_IS_PENDING;
    }
    *registration =
        (struct trunk_registration){.state = ct_str_of(ct_trunk_standing_words[state.standing]),
                                    .until = state.until,
                                    .status = state.status == 0 ? INT64_MIN : state.status,
                                    .reason = state.reason};
    for (size_t i = 0; i < trunk->hosts.count; i++)
        hosts[i] = (struct trunk_host){
            trunk->hosts.at[i],
            ct_str_of(ct_trunk_host_words[ct_trunk_state_of_host(&state, trunk->hosts.at[i])])};
    out->registration = trunk->registers ? registration : NULL;
    out->hosts = (struct ct_objects){hosts, trunk->hosts.count};
    return CT_OK;
}

/* ---- what it does ---- */

static struct ct_str text_or(struct ct_str text, struct ct_str fallback)
{
    return text.at == NULL ? fallback : text;
}

static enum ct_result fill_hosts(struct ct_arena *arena, const struct trunk_body *body,
                                 struct ct_texts *out)
{
    struct ct_str *hosts = ct_arena_alloc(arena, (body->fallback_hosts.count + 1) * sizeof(*hosts));
    if (hosts == NULL)
        return CT_NOMEM;
    hosts[0] = body->host;
    for (size_t i = 0; i < body->fallback_hosts.count; i++)
        hosts[i + 1] = body->fallback_hosts.at[i];
    *out = (struct ct_texts){hosts, body->fallback_hosts.count + 1};
    return CT_OK;
}

/* What they authenticate with: of before, unless there is a password. */
static enum ct_result fill_inbound(struct ct_call *call, const struct trunk_body *body,
                                   const struct ct_trunk *before, struct ct_trunk *out)
{
    struct ct_str realm;
    out->inbound_username = body->inbound_username;
    if (body->inbound_username.at == NULL)
        return CT_OK;
    if (body->inbound_password.at == NULL) {
        if (!ct_str_equal(body->inbound_username, before->inbound_username))
            return ct_call_refuse(call, "body", "inbound_password", "missing", "Field required");
        out->inbound_ha1_md5 = before->inbound_ha1_md5;
        out->inbound_ha1_sha256 = before->inbound_ha1_sha256;
        return CT_OK;
    }
    enum ct_result result =
        ct_realm_settle(call->arena, call->db, ct_str_of(call->config->sip_domain), &realm);
    return result == CT_OK ? ct_password_digests(call->arena, body->inbound_username, realm,
                                                 body->inbound_password, &out->inbound_ha1_md5,
                                                 &out->inbound_ha1_sha256)
                           : result;
}

/* @p before is all zero for a new one. */
static enum ct_result fill(struct ct_call *call, const struct ct_trunk *before,
                           struct ct_trunk *out)
{
    const struct trunk_body *body = call->body;
    *out = (struct ct_trunk){
        .id = before->id,
        .name = body->name,
        .enabled = body->enabled,
        .transport = text_or(body->transport, ct_str_of(transports[0])),
        .tls_verify = body->tls_verify,
        .username = body->username,
        .password = text_or(body->password, before->password),
        .registers = body->registers,
        .prefixes = body->prefixes,
        .allow_from = body->allow_from,
        .trusted = body->trusted,
        .channels = body->channels,
        .out = {body->out_strip, text_or(body->out_prepend, CT_STR(""))},
        .in = {body->in_strip, text_or(body->in_prepend, CT_STR(""))},
        .created_at = before->id == 0 ? ct_clock_unix_ms() : before->created_at,
    };
    if (body->registers && body->username.at == NULL)
        return ct_call_refuse(call, "body", "username", "missing", "Field required");
    enum ct_result result = fill_hosts(call->arena, body, &out->hosts);
    return result == CT_OK ? fill_inbound(call, body, before, out) : result;
}

/* Saves a trunk and answers what its row says. */
static enum ct_result save(struct ct_call *call, struct ct_trunk *trunk,
                           enum ct_audit_action action)
{
    struct ct_trunk saved;
    enum ct_result result = ct_trunk_save(call->config, call->arena, call->db, trunk);
    if (result == CT_OK)
        result = ct_audit_call(call, call->user_id, action, trunk->id, trunk->name);
    if (result == CT_OK)
        result = ct_trunk_get(call->config, call->arena, call->db, trunk->id, &saved);
    return result == CT_OK ? show(call, &saved, call->reply) : result;
}

static enum ct_result create_trunk(struct ct_call *call)
{
    const struct ct_trunk none = {0};
    struct ct_trunk trunk;
    enum ct_result result = fill(call, &none, &trunk);
    return result == CT_OK ? save(call, &trunk, CT_AUDIT_TRUNK_CREATED) : result;
}

static enum ct_result put_trunk(struct ct_call *call)
{
    const struct trunk_path *path = call->path;
    struct ct_trunk before;
    struct ct_trunk trunk;
    enum ct_result result = ct_trunk_get(call->config, call->arena, call->db, path->id, &before);
    if (result == CT_OK)
        result = fill(call, &before, &trunk);
    return result == CT_OK ? save(call, &trunk, CT_AUDIT_TRUNK_CHANGED) : result;
}

static enum ct_result get_trunk(struct ct_call *call)
{
    const struct trunk_path *path = call->path;
    struct ct_trunk trunk;
    enum ct_result result = ct_trunk_get(call->config, call->arena, call->db, path->id, &trunk);
    return result == CT_OK ? show(call, &trunk, call->reply) : result;
}

static enum ct_result list_trunks(struct ct_call *call)
{
    const struct ct_list_query *query = call->query;
    struct ct_page *reply = call->reply;
    int64_t after = 0;
    enum ct_result result = ct_cursor_read(call, query->after, &after);
    if (result != CT_OK)
        return result;
    /* One more than asked for tells whether there is a next page. */
    size_t limit = (size_t)query->limit;
    struct ct_trunk *rows = ct_arena_alloc(call->arena, (limit + 1) * sizeof(*rows));
    struct trunk_body *items = ct_arena_alloc(call->arena, limit * sizeof(*items));
    if (rows == NULL || items == NULL)
        return CT_NOMEM;
    size_t count = 0;
    result = ct_trunk_list(call->config, call->arena, call->db, after, limit + 1, rows, &count);
    if (result != CT_OK)
        return result;
    reply->items = items;
    reply->count = count < limit ? count : limit;
    for (size_t i = 0; i < reply->count; i++) {
        result = show(call, &rows[i], &items[i]);
        if (result != CT_OK)
            return result;
    }
    return count > limit ? ct_cursor_make(call->arena, rows[limit - 1].id, &reply->next) : CT_OK;
}

static enum ct_result delete_trunk(struct ct_call *call)
{
    const struct trunk_path *path = call->path;
    struct ct_str name;
    enum ct_result result = ct_trunk_delete(call->arena, call->db, path->id, &name);
    return result == CT_OK
               ? ct_audit_call(call, call->user_id, CT_AUDIT_TRUNK_DELETED, path->id, name)
               : result;
}

/* ---- routes ---- */

#define TAKEN                                                                     \
    {                                                                             \
        CT_CONFLICT, 409, "Another trunk has this name, or this inbound username" \
    }
#define UNKNOWN                              \
    {                                        \
        CT_NOT_FOUND, 404, "Trunk not found" \
    }
#define ERRORS(...)                 \
    (const struct ct_route_error[]) \
    {                               \
        __VA_ARGS__,                \
        {                           \
            0                       \
        }                           \
    }

const struct ct_route ct_trunks_routes[] = {
    {.method = CT_POST,
     .pattern = "/trunks",
     .body = &body_schema,
     .reply = &reply_schema,
     .access = CT_WRITE,
     .auth = CT_ADMIN,
     .scope = "trunks:write",
     .idempotent = true,
     .run = create_trunk,
     .errors = ERRORS(TAKEN),
     .summary = "Make a trunk",
     .doc = "For administrators. Calls go out over it once an account may: see "
            "`PUT /users/{id}/call_limits`.",
     .tag = "Trunks",
     .about = "Ways to and from other telephone networks, and what each account may do there: for "
              "administrators. docs/trunks.md says where what a carrier tells you goes."},
    {.method = CT_GET,
     .pattern = "/trunks",
     .query = &ct_list_query_schema,
     .reply = &reply_schema,
     .list = true,
     .access = CT_READ,
     .auth = CT_ADMIN,
     .scope = "trunks:read",
     .run = list_trunks,
     .summary = "List the trunks",
     .doc = "For administrators. In the order of their ids, without their passwords.",
     .tag = "Trunks"},
    {.method = CT_GET,
     .pattern = "/trunks/{id}",
     .path = &path_schema,
     .reply = &reply_schema,
     .access = CT_READ,
     .auth = CT_ADMIN,
     .scope = "trunks:read",
     .run = get_trunk,
     .errors = ERRORS(UNKNOWN),
     .summary = "Get a trunk",
     .doc = "For administrators. Without its passwords.",
     .tag = "Trunks"},
    {.method = CT_PUT,
     .pattern = "/trunks/{id}",
     .path = &path_schema,
     .body = &body_schema,
     .reply = &reply_schema,
     .access = CT_WRITE,
     .auth = CT_ADMIN,
     .scope = "trunks:write",
     .run = put_trunk,
     .errors = ERRORS(UNKNOWN, TAKEN),
     .summary = "Change a trunk",
     .doc = "For administrators. What is not there is as in a new one, but for the passwords, "
            "which stay.",
     .tag = "Trunks"},
    {.method = CT_DELETE,
     .pattern = "/trunks/{id}",
     .path = &path_schema,
     .status = 204,
     .access = CT_WRITE,
     .auth = CT_ADMIN,
     .scope = "trunks:write",
     .run = delete_trunk,
     .errors = ERRORS(UNKNOWN),
     .summary = "Delete a trunk",
     .doc = "For administrators. Calls that go over it go on; the records of calls keep its id.",
     .tag = "Trunks"},
};
const size_t ct_trunks_route_count = sizeof(ct_trunks_routes) / sizeof(ct_trunks_routes[0]);
