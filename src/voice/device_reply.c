#include "voice/device_reply.h"

#include <string.h>

#include "base/clock.h"
#include "numbers/e164.h"
#include "voice/bindings.h"

/* ---- what it looks like ---- */

#define SIP(member, kind, ...) CT_FIELD(struct ct_device_sip, member, kind, __VA_ARGS__)

static const struct ct_field sip_fields[] = {
    SIP(username, CT_FIELD_STRING,
        .doc = "The name that the phone registers and authenticates with.",
        .example = "\"d1-7k3mq9x2v5w8z4t6n1r0p3s7ya\""),
    SIP(password, CT_FIELD_STRING, .flags = CT_FIELD_OMITTED | CT_FIELD_SECRET,
        .doc = "Shown this once, when it was made: only digests are kept.",
        .example = "\"2h5j8m1n4p7q0r3s6t9vwxyz1a\""),
    SIP(domain, CT_FIELD_STRING,
        .doc = "SIP_DOMAIN: what phones call the domain, or the registrar.",
        .example = "\"sip.example.com\""),
    SIP(transports, CT_FIELD_TEXTS, .doc = "What this server listens on.",
        .example = "[\"udp\", \"tcp\", \"ws\"]"),
};
static const struct ct_schema sip_schema =
    CT_SCHEMA("DeviceSip", NULL, struct ct_device_sip, sip_fields);

#define REGISTRATION(member, kind, ...) \
    CT_FIELD(struct ct_device_registration, member, kind, __VA_ARGS__)

static const struct ct_field registration_fields[] = {
    REGISTRATION(contact, CT_FIELD_STRING, .doc = "The URI that the phone registered.",
                 .example = "\"sip:d1@192.0.2.1:5060\""),
    REGISTRATION(transport, CT_FIELD_STRING, .doc = "How it is reached.", .example = "\"udp\""),
    REGISTRATION(source, CT_FIELD_STRING, .doc = "The address and port that it came from.",
                 .example = "\"192.0.2.1:5060\""),
    REGISTRATION(user_agent, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE,
                 .doc = "What it says it is.", .example = "\"baresip v3\""),
    REGISTRATION(expires_at, CT_FIELD_TIME, .doc = "Until when, unless it registers again.",
                 .example = "\"2026-01-31T12:00:00.000Z\""),
};
static const struct ct_schema registration_schema =
    CT_SCHEMA("DeviceRegistration", NULL, struct ct_device_registration, registration_fields);

#define DEVICE(member, kind, ...) CT_FIELD(struct ct_device_reply, member, kind, __VA_ARGS__)

static const struct ct_field device_fields[] = {
    DEVICE(id, CT_FIELD_INT, .doc = "The device's id.", .example = "1"),
    DEVICE(name, CT_FIELD_STRING, .doc = "What you call it.", .example = "\"Desk\""),
    DEVICE(caller_id, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE, .pattern = CT_E164_PATTERN,
           .doc = "The number that its calls present: the one that was chosen as long as you have "
                  "it, else your first; null when you have none.",
           .example = "\"+4930123456\""),
    DEVICE(sip, CT_FIELD_OBJECT, .of = &sip_schema, .doc = "What to type into the phone."),
    DEVICE(registrations, CT_FIELD_OBJECTS, .of = &registration_schema,
           .doc = "Where it is registered now."),
    DEVICE(created_at, CT_FIELD_TIME, .doc = "When it was made.",
           .example = "\"2026-01-31T12:00:00.000Z\""),
};

const struct ct_schema ct_device_schema =
    CT_SCHEMA("Device", "What registers and makes calls.", struct ct_device_reply, device_fields);

/* ---- filling it ---- */

/* The transports of SIP_LISTEN ("udp:127.0.0.1:5060,…", or "off"), each once. */
static enum ct_result find_transports(struct ct_arena *arena, const char *listen,
                                      struct ct_texts *out)
{
    size_t most = 1;
    for (const char *at = listen; *at != '\0'; at++)
        most += *at == ',';
    struct ct_str *texts = ct_arena_alloc(arena, most * sizeof(*texts));
    if (texts == NULL)
        return CT_NOMEM;
    size_t count = 0;
    while (*listen != '\0') {
        listen += strspn(listen, " \t,");
        struct ct_str word = {listen, strcspn(listen, ":,")};
        bool known = word.len == 0 || listen[word.len] != ':';
        for (size_t i = 0; i < count; i++)
            known = known || ct_str_equal(texts[i], word);
        if (!known)
            texts[count++] = word;
        listen += strcspn(listen, ",");
    }
    *out = (struct ct_texts){texts, count};
    return CT_OK;
}

/* SIP_CONTACTS_MAX is no more. */
#define REGISTRATIONS_MAX 100

static enum ct_result find_registrations(struct ct_arena *arena, struct ct_db *db,
                                         int64_t device_id, struct ct_objects *out)
{
    struct ct_binding_row rows[REGISTRATIONS_MAX];
    size_t count = 0;
    enum ct_result result =
        ct_binding_list(arena, db, device_id, ct_clock_unix_ms(), REGISTRATIONS_MAX, rows, &count);
    if (result != CT_OK)
        return result;
    struct ct_device_registration *items = ct_arena_alloc(arena, count * sizeof(*items));
    if (items == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct ct_str none = {0};
        items[i] = (struct ct_device_registration){
            .contact = rows[i].contact,
            .transport = rows[i].transport,
            .source = rows[i].source,
            .user_agent = rows[i].user_agent.len == 0 ? none : rows[i].user_agent,
            .expires_at = rows[i].expires_at};
    }
    *out = (struct ct_objects){items, count};
    return CT_OK;
}

enum ct_result ct_device_describe(const struct ct_config *config, struct ct_arena *arena,
                                  struct ct_db *db, const struct ct_device *device,
                                  struct ct_str password, struct ct_device_reply *out)
{
    struct ct_device_sip *sip = ct_arena_alloc(arena, sizeof(*sip));
    if (sip == NULL)
        return CT_NOMEM;
    *sip = (struct ct_device_sip){.username = device->username,
                                  .password = password,
                                  .domain = ct_str_of(config->sip_domain)};
    *out = (struct ct_device_reply){.id = device->id,
                                    .name = device->name,
                                    .caller_id = device->caller_id,
                                    .sip = sip,
                                    .created_at = device->created_at};
    enum ct_result result = find_transports(arena, config->sip_listen, &sip->transports);
    return result == CT_OK ? find_registrations(arena, db, device->id, &out->registrations)
                           : result;
}
