/* What comes with a request for events: patterns of types, an Accept, the URL of a webhook. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "events/event_types.h"
#include "events/webhooks.h"
#include "http/headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A list means what its patterns mean together. */
static void check_patterns(struct ct_str list)
{
    uint64_t all;
    uint64_t one;
    uint64_t again = 0;
    if (ct_event_patterns(list, &all) != CT_OK)
        return;
    assert(all != 0 && (all & ~CT_EVENT_ALL_TYPES) == 0);
    for (size_t i = 0; i < CT_EVENT_TYPES; i++) {
        assert(ct_event_pattern(ct_str_of(ct_event_word((enum ct_event_type)i)), &one) == CT_OK);
        assert(one == ct_event_bit((enum ct_event_type)i));
    }
    for (size_t at = 0; at <= list.len;) {
        size_t end = at;
        while (end < list.len && list.at[end] != ',' && list.at[end] != ' ')
            end++;
        if (end > at) {
            assert(ct_event_pattern((struct ct_str){list.at + at, end - at}, &one) == CT_OK);
            again |= one;
        }
        at = end + 1;
    }
    assert(again == all);
}

/* A URL that is taken has a host behind its scheme, and nothing that another reader would take for one. */
static void check_url(struct ct_str url)
{
    if (ct_webhook_url_fault(url) != NULL)
        return;
    assert(url.len > 7 && (url.at[0] == 'h' || url.at[0] == 'H'));
    const char *host = memchr(url.at, ':', url.len);
    assert(host != NULL && host[1] == '/' && host[2] == '/');
    host += 3;
    const char *end = url.at + url.len;
    assert(host < end && strchr(":/?", host[0]) == NULL);
    for (const char *c = url.at; c < end; c++)
        assert(*c > ' ' && *c <= '~' && *c != '#');
    for (const char *c = host; c < end && *c != '/' && *c != '?'; c++)
        assert(*c != '@' && *c != '\\');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_str text = {(const char *)data, size};
    struct ct_str type = CT_STR("text/event-stream");

    check_patterns(text);
    check_url(text);
    if (ct_accept_names(text, type))
        assert(size >= type.len);
    return 0;
}
