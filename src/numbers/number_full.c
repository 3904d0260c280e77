#include <stddef.h>

#include "base/json.h"
#include "numbers/e164.h"
#include "numbers/numbers.h"
#include "numbers/plan.h"

static const char *const types[] = {
    "fixed_line", "mobile",          "fixed_line_or_mobile",
    "toll_free",  "premium_rate",    "shared_cost",
    "voip",       "personal_number", "pager",
    "uan",        "voicemail",       "unknown",
    NULL,
};

static const char *const states[] = {
    "available", "assigned", "transferring", "quarantined", "reserved", NULL,
};

#define FULL(member, kind, ...) CT_FIELD(struct ct_number_full, member, kind, __VA_ARGS__)

static const struct ct_field full_fields[] = {
    FULL(id, CT_FIELD_INT, .doc = "The number's id.", .example = "1"),
    FULL(phone_number, CT_FIELD_STRING, .pattern = CT_E164_PATTERN, .doc = "E.164, plain.",
         .example = "\"+4930123456\""),
    FULL(user_id, CT_FIELD_INT, .flags = CT_FIELD_NULLABLE,
         .doc = "Its owner; null while nobody is: quarantined or reserved.", .example = "1"),
    FULL(friendly_name, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE,
         .doc = "What the owner calls it.", .example = "\"Front desk\""),
    FULL(tags, CT_FIELD_TEXTS, .doc = "What the owner sorts it under.",
         .example = "[\"berlin\", \"sales\"]"),
    FULL(country, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE, .min = 2, .max = 2,
         .doc = "ISO 3166-1 alpha-2; null when none is known, or it belongs to none, as +800.",
         .example = "\"DE\""),
    FULL(type, CT_FIELD_STRING, .words = types, .doc = "What kind of line its country uses it for.",
         .example = "\"fixed_line\""),
    FULL(national_format, CT_FIELD_STRING, .doc = "As it is written within its country.",
         .example = "\"030 123456\""),
    FULL(valid, CT_FIELD_BOOL,
         .doc = "Whether a country assigns it. Whether it is in use nobody can tell.",
         .example = "true"),
    FULL(status, CT_FIELD_STRING, .words = states,
         .doc = "Where it is in its life. `transferring`: offered to another account. "
                "`quarantined`: released, and kept for its last owner for a while. `available`: "
                "anyone can have it.",
         .example = "\"assigned\""),
    FULL(created_at, CT_FIELD_TIME, .flags = CT_FIELD_NULLABLE,
         .doc = "When it was created; null for one that an earlier service made.",
         .example = "\"2026-01-31T12:00:00.000Z\""),
    FULL(voice, CT_FIELD_JSON, .flags = CT_FIELD_NULLABLE,
         .doc =
             "What happens when it is called, as `GET /phone_numbers/{id}/voice` answers it; null "
             "when that was never set: then it rings all devices of its owner.",
         .example = "null"),
};

const struct ct_schema ct_number_full_schema = CT_SCHEMA(
    "PhoneNumber", "A virtual phone number, in full.", struct ct_number_full, full_fields);

static const struct ct_field path_fields[] = {
    CT_FIELD(struct ct_number_path, id, CT_FIELD_INT, .doc = "The number's id.", .example = "1"),
};

const struct ct_schema ct_number_path_schema =
    CT_SCHEMA("PhoneNumberPath", NULL, struct ct_number_path, path_fields);

enum ct_result ct_number_tags(struct ct_arena *arena, const struct ct_number *number,
                              struct ct_texts *out)
{
    struct ct_json array;
    struct ct_json element;
    struct ct_json_fault fault;
    size_t at = 0;
    size_t count = 0;
    *out = (struct ct_texts){0};
    if (number->tags.at == NULL)
        return CT_OK;
    if (!ct_json_read(number->tags, &array, &fault) || array.kind != CT_JSON_ARRAY)
        return CT_BUG;
    while (ct_json_next_element(array, &at, &element))
        count++;
    struct ct_str *texts = ct_arena_alloc(arena, count * sizeof(*texts));
    if (texts == NULL)
        return CT_NOMEM;
    at = 0;
    for (size_t i = 0; i < count && ct_json_next_element(array, &at, &element); i++) {
        if (element.kind != CT_JSON_STRING)
            return CT_BUG;
        enum ct_result result = ct_json_string(arena, element, &texts[i]);
        if (result != CT_OK)
            return result;
    }
    *out = (struct ct_texts){texts, count};
    return CT_OK;
}

/* Without libphonenumber, whose lack the log tells of, nothing is known of a number. */
static enum ct_result ask_plan(const struct ct_numbers *room, struct ct_arena *arena,
                               struct ct_str e164, struct ct_plan_info *out)
{
    enum ct_result result =
        room->plan == NULL ? CT_UNAVAILABLE : ct_plan_describe(room->plan, arena, e164, out);
    /* An earlier service may have kept what is no number. */
    if (result != CT_UNAVAILABLE && result != CT_INVALID)
        return result;
    *out = (struct ct_plan_info){.type = CT_STR("unknown"), .national_format = e164};
    return CT_OK;
}

enum ct_result ct_number_describe(const struct ct_numbers *room, struct ct_arena *arena,
                                  const struct ct_number *number, struct ct_number_full *out)
{
    struct ct_plan_info info;
    enum ct_result result = ask_plan(room, arena, number->phone_number, &info);
    if (result != CT_OK)
        return result;
    *out = (struct ct_number_full){.id = number->id,
                                   .phone_number = number->phone_number,
                                   .user_id = number->user_id == 0 ? INT64_MIN : number->user_id,
                                   .friendly_name = number->friendly_name,
                                   .country = info.country,
                                   .type = info.type,
                                   .national_format = info.national_format,
                                   .valid = info.valid,
                                   .status = ct_life_word(number->state),
                                   .created_at = number->created_at,
                                   .voice = number->voice};
    return ct_number_tags(arena, number, &out->tags);
}

const char *ct_number_etag(struct ct_arena *arena, const struct ct_number *number)
{
    /* A time that has run out counts as the change that it is going to be: see ct_number_tidy. */
    int64_t version = number->version + (number->stored != number->state ? 1 : 0);
    struct ct_buf text = ct_buf_in(arena);
    ct_buf_char(&text, '"');
    ct_buf_int(&text, version);
    ct_buf_char(&text, '"');
    struct ct_str done = ct_buf_done(&text);
    return text.failed ? NULL : done.at;
}

enum ct_result ct_number_reply(struct ct_call *call, const struct ct_number *number)
{
    call->etag = ct_number_etag(call->arena, number);
    if (call->etag == NULL)
        return CT_NOMEM;
    return ct_number_describe(call->room, call->arena, number, call->reply);
}
