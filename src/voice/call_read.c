#include "voice/call_read.h"

#include <string.h>

struct ct_str ct_call_user(struct ct_arena *arena, const struct ct_sip_uri *uri)
{
    struct ct_str user;
    return ct_sip_unescape(arena, uri->user, &user) == CT_OK ? user : (struct ct_str){0};
}

static bool has_privacy(const struct ct_sip_message *message)
{
    static const char *const words[] = {"id", "user", "header"};
    struct ct_str value = ct_sip_header(message, CT_SIP_H_PRIVACY);
    while (value.len > 0) {
        const char *semicolon = memchr(value.at, ';', value.len);
        size_t length = semicolon == NULL ? value.len : (size_t)(semicolon - value.at);
        struct ct_str word = ct_sip_trim((struct ct_str){value.at, length});
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (ct_str_equal_nocase(word, ct_str_of(words[i])))
                return true;
        length += semicolon == NULL ? 0 : 1;
        value = (struct ct_str){value.at + length, value.len - length};
    }
    return ct_str_equal_nocase(message->from.uri.host, CT_STR("anonymous.invalid"));
}

void ct_call_read(struct ct_arena *arena, const struct ct_sip_message *message,
                  struct ct_routing_call *out)
{
    struct ct_sip_cursor cursor = {0};
    struct ct_str value;
    struct ct_sip_address asserted;
    out->dialled = ct_call_user(arena, &message->uri);
    out->presented = ct_call_user(arena, &message->from.uri);
    out->anonymous = has_privacy(message);
    if (ct_sip_next_value(message, CT_SIP_H_P_ASSERTED_IDENTITY, &cursor, &value) &&
        ct_sip_address_read(value, &asserted))
        out->asserted = ct_call_user(arena, &asserted.uri);
}
