#include "events/event_types.h"

#include <assert.h>
#include <string.h>

static const struct {
    const char *word;
    const char *subject;
    const char *happened;
    const char *data;
} types[] = {
#define CT_EVENT(name, word, subject, happened, data) \
    [CT_EVENT_##name] = {word, subject, happened, data},
#include "events/events.def"
};

_Static_assert(CT_EVENT_TYPES <= 64, "a set of types is 64 bits");

const char ct_event_patterns_doc[] =
    "Types of events: a type, all types that begin alike (`call.*`), or all (`*`)."
#define CT_EVENT(name, word, subject, happened, data) "\n- `" word "`: " happened
#include "events/events.def"
    ;

const char *ct_event_word(enum ct_event_type type)
{
    assert(type < CT_EVENT_TYPES);
    return types[type].word;
}

const char *ct_event_subject(enum ct_event_type type)
{
    assert(type < CT_EVENT_TYPES);
    return types[type].subject;
}

enum ct_result ct_event_type_of(struct ct_str word, enum ct_event_type *out)
{
    for (size_t i = 0; i < CT_EVENT_TYPES; i++) {
        if (ct_str_equal(word, ct_str_of(types[i].word))) {
            *out = (enum ct_event_type)i;
            return CT_OK;
        }
    }
    return CT_NOT_FOUND;
}

enum ct_result ct_event_pattern(struct ct_str pattern, uint64_t *out)
{
    bool open = pattern.len > 0 && pattern.at[pattern.len - 1] == '*';
    size_t size = open ? pattern.len - 1 : pattern.len;
    uint64_t found = 0;
    /* The star stands alone or behind a dot: "ca*" is more likely a mistake. */
    if (open && size > 0 && pattern.at[size - 1] != '.')
        return CT_INVALID;
    for (size_t i = 0; i < CT_EVENT_TYPES; i++) {
        size_t length = strlen(types[i].word);
        bool fits = open ? length > size : length == size;
        if (fits && memcmp(types[i].word, pattern.at, size) == 0)
            found |= ct_event_bit((enum ct_event_type)i);
    }
    *out = found;
    return found == 0 ? CT_INVALID : CT_OK;
}

enum ct_result ct_event_patterns(struct ct_str list, uint64_t *out)
{
    uint64_t all = 0;
    size_t at = 0;
    while (at < list.len) {
        size_t end = at;
        while (end < list.len && list.at[end] != ',' && list.at[end] != ' ')
            end++;
        if (end > at) {
            uint64_t found;
            enum ct_result result =
                ct_event_pattern((struct ct_str){list.at + at, end - at}, &found);
            if (result != CT_OK)
                return result;
            all |= found;
        }
        at = end + 1;
    }
    *out = all;
    return all == 0 ? CT_INVALID : CT_OK;
}

static const char MARKDOWN_HEAD[] =
    "# Events\n"
    "\n"
    "<!-- Written by `cloud-telephony events --markdown` from src/events/events.def. -->\n"
    "\n"
    "What happens to what an account has is written down in the same transaction, kept for\n"
    "[EVENTS_KEEP_DAYS](settings.md#events_keep_days), and told in three ways:\n"
    "\n"
    "- `GET /events` answers a page of them, as every list does.\n"
    "- `GET /events` with `Accept: text/event-stream` is a stream of them as they happen\n"
    "  (Server-Sent Events). Who comes back with `Last-Event-ID` gets what was missed. A comment "
    "is sent every\n"
    "  15 seconds, so that a dead connection is noticed; who reads too slowly, or whose token is "
    "revoked, is cut\n"
    "  off.\n"
    "- Webhooks get them as signed requests: [webhooks.md](webhooks.md).\n"
    "\n"
    "An event looks the same in all of them:\n"
    "\n"
    "```json\n"
    "{\"id\": 12, \"type\": \"device.created\", \"created_at\": \"2026-01-31T12:00:00.000Z\",\n"
    " \"subject\": \"device\", \"subject_id\": 3, \"data\": {\"name\": \"desk\"}}\n"
    "```\n"
    "\n"
    "Ids rise with time, and nothing comes later with a lower id. Ask for some types with\n"
    "`types=call.*,device.created`; types and members of `data` may be added in later versions.\n"
    "\n"
    "With `api` of [README](../README.md#an-account-and-a-number):\n"
    "\n"
    "<!-- run here: ../README.md#start ../README.md#an-account-and-a-number -->\n"
    "\n"
    "```sh\n"
    "api http://localhost:8000/devices -d '{\"name\": \"desk\"}' >/dev/null\n"
    "api 'http://localhost:8000/events?types=device.*'\n"
    "```\n"
    "\n"
    "```json\n"
    "{\"items\":[{\"id\":1,\"type\":\"device.created\",\"created_at\":\"2026-01-31T12:00:00.000Z\","
    "\"subject\":\"device\",\"subject_id\":1,\"data\":{\"name\":\"desk\"}}],\"next\":null}\n"
    "```\n"
    "\n"
    "This follows the stream while something happens, from the first event on:\n"
    "\n"
    "```sh\n"
    "api -N -H 'Accept: text/event-stream' -H 'Last-Event-ID: 0' "
    "http://localhost:8000/events >stream &\n"
    "api -X DELETE http://localhost:8000/devices/1\n"
    "until grep -q deleted stream; do sleep 0.2; done\n"
    "grep -E '^(id|event)' stream\n"
    "```\n"
    "\n"
    "```text\n"
    "id: 1\n"
    "event: device.created\n"
    "id: 2\n"
    "event: device.deleted\n"
    "```\n"
    "\n"
    "| type | subject | what happened | data |\n"
    "|---|---|---|---|\n";

void ct_events_explain(FILE *out, bool markdown)
{
    if (markdown)
        (void)fputs(MARKDOWN_HEAD, out);
    for (size_t i = 0; i < CT_EVENT_TYPES; i++) {
        if (markdown)
            (void)fprintf(out, "| `%s` | %s | %s | %s |\n", types[i].word, types[i].subject,
                          types[i].happened, types[i].data);
        else
            (void)fprintf(out, "%s (%s)\n    %s\n    data: %s\n", types[i].word, types[i].subject,
                          types[i].happened, types[i].data);
    }
}
