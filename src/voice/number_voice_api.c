#include <stddef.h>

#include "accounts/audit.h"
#include "base/clock.h"
#include "numbers/e164.h"
#include "numbers/numbers.h"
#include "voice/devices.h"
#include "voice/number_voice.h"

static const char *const strategies[] = {"all", "in_order", NULL};

#define VOICE(member, kind, ...) CT_FIELD(struct ct_number_voice, member, kind, __VA_ARGS__)
#define NONE_TOO CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE

static const struct ct_field voice_fields[] = {
    VOICE(ring, CT_FIELD_INTS, .min = 1, .max = INT64_MAX, .max_count = CT_RING_MAX,
          .doc = "The ids of your devices that ring. Of equal ones one is kept; a device that is "
                 "deleted leaves the list.",
          .example = "[]"),
    VOICE(strategy, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL, .words = strategies,
          .doc = "`all` at once, which is what they do without it; or one after the other, "
                 "`in_order`.",
          .example = "\"all\""),
    VOICE(timeout_s, CT_FIELD_INT, .flags = CT_FIELD_OPTIONAL, .min = 5, .max = 300,
          .fallback = CT_RING_TIMEOUT_S,
          .doc = "For how many seconds: all of them together, or in order each.", .example = "30"),
    VOICE(forward_to, CT_FIELD_STRING, .flags = NONE_TOO, .max = 64, .pattern = CT_E164_PATTERN,
          .normalize = ct_e164_normalize,
          .doc =
              "A number that is called at once, in place of the devices. One of another account, "
              "or outside, is called as you would call it: with what you may.",
          .example = "null"),
    VOICE(on_no_answer, CT_FIELD_STRING, .flags = NONE_TOO, .max = 64, .pattern = CT_E164_PATTERN,
          .normalize = ct_e164_normalize,
          .doc = "A number that is called when no device has answered, or none is registered.",
          .example = "\"+4930123457\""),
    VOICE(record, CT_FIELD_BOOL, .flags = CT_FIELD_OPTIONAL,
          .doc = "Whether calls are to be recorded.", .example = "false"),
};

const struct ct_schema ct_number_voice_schema =
    CT_SCHEMA("PhoneNumberVoice", "What happens when a number is called.", struct ct_number_voice,
              voice_fields);

static const struct ct_schema set_schema =
    CT_SCHEMA("PhoneNumberVoiceSet", "What is to happen when a number is called.",
              struct ct_number_voice, voice_fields);

static enum ct_result get_voice(struct ct_call *call)
{
    const struct ct_number_path *path = call->path;
    struct ct_number number;
    enum ct_result result =
        ct_number_get(call->arena, call->db, call->user_id, path->id, ct_clock_unix_ms(), &number);
    if (result != CT_OK)
        return result;
    if (number.voice.at == NULL)
        return ct_number_voice_default(call->arena, call->db, call->user_id, call->reply);
    return ct_number_voice_read(call->arena, number.voice, call->reply);
}

static bool among(const int64_t *ids, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id)
            return true;
    }
    return false;
}

/* The ring list with each device once, all of them the caller's. */
static enum ct_result judge_ring(struct ct_call *call, const struct ct_ints *ring,
                                 struct ct_ints *out)
{
    struct ct_device device;
    size_t count = 0;
    int64_t *ids = ct_arena_alloc(call->arena, ring->count * sizeof(*ids));
    if (ids == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < ring->count; i++) {
        if (among(ids, count, ring->at[i]))
            continue;
        enum ct_result result =
            ct_device_get(call->arena, call->db, call->user_id, ring->at[i], &device);
        if (result == CT_NOT_FOUND)
            return ct_call_refuse(call, "body", "ring", "value_error",
                                  "Value error, one of these is no device of yours");
        if (result != CT_OK)
            return result;
        ids[count++] = ring->at[i];
    }
    *out = (struct ct_ints){ids, count};
    return CT_OK;
}

static enum ct_result judge(struct ct_call *call, const struct ct_number *number,
                            struct ct_number_voice *voice)
{
    static const char itself[] = "Value error, this is the number itself";
    if (ct_str_equal(voice->forward_to, number->phone_number))
        return ct_call_refuse(call, "body", "forward_to", "value_error", itself);
    if (ct_str_equal(voice->on_no_answer, number->phone_number))
        return ct_call_refuse(call, "body", "on_no_answer", "value_error", itself);
    if (voice->strategy.len == 0)
        voice->strategy = ct_str_of(strategies[0]);
    return judge_ring(call, &voice->ring, &voice->ring);
}

static enum ct_result put_voice(struct ct_call *call)
{
    const struct ct_number_path *path = call->path;
    int64_t now_ms = ct_clock_unix_ms();
    struct ct_number number;
    struct ct_number_voice voice = *(const struct ct_number_voice *)call->body;
    enum ct_result result =
        ct_number_get(call->arena, call->db, call->user_id, path->id, now_ms, &number);
    if (result == CT_OK)
        result = ct_number_tidy(call->db, &number, now_ms);
    if (result == CT_OK)
        result = judge(call, &number, &voice);
    if (result == CT_OK)
        result = ct_number_voice_write(call->arena, &voice, &number.voice);
    if (result == CT_OK)
        result = ct_number_save(call->db, &number);
    if (result == CT_OK)
        result = ct_audit_call(call, call->user_id, CT_AUDIT_NUMBER_CHANGED, number.id,
                               number.phone_number);
    *(struct ct_number_voice *)call->reply = voice;
    return result;
}

#define UNKNOWN                                        \
    (const struct ct_route_error[])                    \
    {                                                  \
        {CT_NOT_FOUND, 404, "Phone number not found"}, \
        {                                              \
            0                                          \
        }                                              \
    }

const struct ct_route ct_number_voice_routes[] = {
    {.method = CT_GET,
     .pattern = "/phone_numbers/{id}/voice",
     .path = &ct_number_path_schema,
     .reply = &ct_number_voice_schema,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = "numbers:read",
     .run = get_voice,
     .errors = UNKNOWN,
     .summary = "See what happens when a number is called",
     .doc = "As long as nothing was set, all your devices ring at once for 30 seconds: up to 20, "
            "those that you made first.",
     .tag = "Voice"},
    {.method = CT_PUT,
     .pattern = "/phone_numbers/{id}/voice",
     .path = &ct_number_path_schema,
     .body = &set_schema,
     .reply = &ct_number_voice_schema,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "numbers:write",
     .run = put_voice,
     .errors = UNKNOWN,
     .summary = "Say what happens when a number is called",
     .doc = "This replaces what was set before. A number that is released, or goes to another "
            "account, loses it.",
     .tag = "Voice"},
};
const size_t ct_number_voice_route_count =
    sizeof(ct_number_voice_routes) / sizeof(ct_number_voice_routes[0]);
