#include "sip/message.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"

#define HEAD                                                          \
    "Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=f\r\n" \
    "To: <sip:c@d>\r\nCall-ID: i\r\nCSeq: 1 OPTIONS\r\n"
#define OPTIONS "OPTIONS sip:c@d SIP/2.0\r\n" HEAD

static bool equal(struct ct_str a, const char *b)
{
    return ct_str_equal(a, ct_str_of(b));
}

/* What is wrong with each, and that what can be answered is. */
static enum ct_result test_faults(void)
{
    static const struct {
        const char *text;
        bool stream;
        int status; /* 0: nothing; -1: it cannot be answered at all */
        const char *why;
    } all[] = {
        {OPTIONS "\r\n", false, 0, ""},
        {"\r\n\r\n" OPTIONS "\r\n", false, 0, ""},
        {OPTIONS "Content-Length: 0\r\n\r\n", true, 0, ""},
        {OPTIONS "\r\n", true, 400, "Missing Content-Length"},
        {OPTIONS, false, 400, "No Empty Line Behind the Header Fields"},
        {OPTIONS "Content-Length: 1\r\n\r\n", false, 400,
         "The Body Is Shorter Than Content-Length Says"},
        {OPTIONS "Content-Length: -1\r\n\r\n", false, 400, "Bad Content-Length"},
        {OPTIONS "Content-Length: 4294967296\r\n\r\n", false, 400, "Bad Content-Length"},
        {OPTIONS "no colon\r\n\r\n", false, 400, "Header Line Without a Colon"},
        {OPTIONS "two words: x\r\n\r\n", false, 400, "Bad Header Line"},
        {OPTIONS ": x\r\n\r\n", false, 400, "Bad Header Line"},
        {OPTIONS "A: b\rc\r\n\r\n", false, 400, "Bad Header Line"},
        {OPTIONS "A: b\x01\r\n\r\n", false, 400, "Bad Header Line"},
        {OPTIONS "A: \"b\\\r c\"\r\n\r\n", false, 400, "Bad Header Line"},
        {OPTIONS "f: <sip:x@y>\r\n\r\n", false, 400,
         "A Header Field That May Be There Once Is There Twice"},
        {OPTIONS "User-Agent: a\r\nUser-Agent: b\r\n\r\n", false, 0, ""},
        {OPTIONS "Max-Forwards: x\r\n\r\n", false, 400, "Bad Max-Forwards"},
        {OPTIONS "Contact: <sip:x\r\n\r\n", false, 400, "Bad Contact"},
        {OPTIONS "m: *\r\n\r\n", false, 0, ""},
        {OPTIONS "m: <sip:a,b@c>, \"x, \\\"y\" <sip:d@e>\r\n\r\n", false, 0, ""},
        {OPTIONS "v: SIP/2.0/UDP\r\n\r\n", false, 400, "Bad Via"},
        {OPTIONS "v: SIP/2.0/UDP h;;\r\n\r\n", false, 400, "Bad Via"},
        {OPTIONS "v: SIP/2.0/UDP h:0\r\n\r\n", false, 400, "Bad Via"},
        {"OPTIONS sip:c@d SIP/2.0\nVia: SIP/2.0/UDP h\nFrom: <sip:a@b>\nTo: sip:c@d\n"
         "Call-ID: i\nCSeq: 1 OPTIONS\n\n",
         false, 0, ""},
        {"OPTIONS sip:c@d SIP/3.0\r\n" HEAD "\r\n", false, 505, "SIP Version Not Supported"},
        {"OPTIONS sip:c@d HTTP/1.1\r\n" HEAD "\r\n", false, 400, "Bad Request Line"},
        {"OPTIONS sip:c@d\r\n" HEAD "\r\n", false, 400, "Bad Request Line"},
        {"OPTIONS sip:c@d?a=b SIP/2.0\r\n" HEAD "\r\n", false, 400, "Bad Request-URI"},
        {"INVITE sip:c@d SIP/2.0\r\n" HEAD "\r\n", false, 400, "CSeq Is of Another Method"},
        {"OPTIONS sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n", false, 400, "Missing From"},
        {"OPTIONS sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: x\r\n\r\n", false, 400,
         "Bad From"},
        {"OPTIONS sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@b>\r\nTo: *\r\n\r\n", false,
         400, "Bad To"},
        {"OPTIONS sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@b>\r\nTo: <sip:c@d>\r\n"
         "CSeq: 1 OPTIONS\r\n\r\n",
         false, 400, "Missing Call-ID"},
        {"OPTIONS sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@b>\r\nTo: <sip:c@d>\r\n"
         "Call-ID: a b\r\nCSeq: 1 OPTIONS\r\n\r\n",
         false, 400, "Bad Call-ID"},
        {"OPTIONS sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@b>\r\nTo: <sip:c@d>\r\n"
         "Call-ID: i\r\n\r\n",
         false, 400, "Missing CSeq"},
        {"OPTIONS sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@b>\r\nTo: <sip:c@d>\r\n"
         "Call-ID: i\r\nCSeq: 2147483648 OPTIONS\r\n\r\n",
         false, 400, "Bad CSeq"},
        {"OPTIONS sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@b>\r\nTo: <sip:c@d>\r\n"
         "Call-ID: i\r\nCSeq: 1OPTIONS\r\n\r\n",
         false, 400, "Bad CSeq"},
        {"", false, -1, ""},
        {"\r\n\r\n", false, -1, ""},
        {"OPTIONS sip:c@d SIP/2.0", false, -1, ""},
        {"OPTIONS\r\n" HEAD "\r\n", false, -1, ""},
        {"<x> sip:c@d SIP/2.0\r\n" HEAD "\r\n", false, -1, ""},
        {"SIP/2.0 99 X\r\n" HEAD "\r\n", false, -1, ""},
        {"SIP/2.0 700 X\r\n" HEAD "\r\n", false, -1, ""},
        {"SIP/2.0 2000 X\r\n" HEAD "\r\n", false, -1, ""},
        {"SIP/2.0 200 OK\r\n" HEAD "\r\n", false, 0, ""},
        {"SIP/2.0 200\r\n" HEAD "\r\n", false, 0, ""},
        {"OPTIONS sip:c@d SIP/2.0\r\nFrom: <sip:a@b>\r\n\r\n", false, -1, ""},
        {"OPTIONS sip:c@d SIP/2.0\r\nVia: nonsense\r\n\r\n", false, -1, ""},
    };
    struct ct_arena *arena = ct_arena_new();
    struct ct_sip_message *message;
    enum ct_result result = CT_OK;
    TRY_MEMORY(arena);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        result = ct_sip_message_read(arena, ct_str_of(all[i].text), all[i].stream, &message);
        if (result == CT_NOMEM)
            goto out;
        EXPECT((result == CT_INVALID) == (all[i].status < 0));
        if (result == CT_OK &&
            (message->fault.status != all[i].status ||
             (all[i].status != 0 && strcmp(message->fault.why, all[i].why) != 0)))
            ct_unit_report(all[i].text, message->fault.why, message->fault.status);
        EXPECT(result != CT_OK || message->fault.status == all[i].status);
        EXPECT(result != CT_OK || all[i].status == 0 ||
               strcmp(message->fault.why, all[i].why) == 0);
        EXPECT(result != CT_OK || message->via.host.len > 0);
    }
    result = CT_OK;

out:
    ct_arena_free(arena);
    return result;
}

/* Every header is found by its name and its compact form, in any case, and by no other. */
static enum ct_result test_names(void)
{
    enum ct_result result = CT_OK;
    char name[64];
    size_t before = 0;
    for (int i = 0; i < CT_SIP_H_OTHER; i++) {
        struct ct_str known = ct_sip_header_name((enum ct_sip_header_id)i);
        EXPECT(known.len >= before && known.len > 1 && known.len < sizeof(name));
        before = known.len;
        for (int form = 0; form < 3; form++) {
            for (size_t at = 0; at < known.len; at++)
                name[at] = (char)(form == 0 || known.at[at] == '-' ? known.at[at]
                                  : form == 1                      ? known.at[at] | 0x20
                                                                   : known.at[at] & ~0x20);
            EXPECT((int)ct_sip_header_of((struct ct_str){name, known.len}) == i);
        }
        name[known.len - 1] = '!';
        EXPECT(ct_sip_header_of((struct ct_str){name, known.len}) == CT_SIP_H_OTHER);
        EXPECT(known.len == 2 || ct_sip_header_of((struct ct_str){known.at, known.len - 1}) !=
                                     (enum ct_sip_header_id)i);
    }
    static const char compact[] = "vftilcmkuesorbxajdy";
    static const enum ct_sip_header_id ids[] = {CT_SIP_H_VIA,
                                                CT_SIP_H_FROM,
                                                CT_SIP_H_TO,
                                                CT_SIP_H_CALL_ID,
                                                CT_SIP_H_CONTENT_LENGTH,
                                                CT_SIP_H_CONTENT_TYPE,
                                                CT_SIP_H_CONTACT,
                                                CT_SIP_H_SUPPORTED,
                                                CT_SIP_H_ALLOW_EVENTS,
                                                CT_SIP_H_CONTENT_ENCODING,
                                                CT_SIP_H_SUBJECT,
                                                CT_SIP_H_EVENT,
                                                CT_SIP_H_REFER_TO,
                                                CT_SIP_H_REFERRED_BY,
                                                CT_SIP_H_SESSION_EXPIRES,
                                                CT_SIP_H_ACCEPT_CONTACT,
                                                CT_SIP_H_REJECT_CONTACT,
                                                CT_SIP_H_REQUEST_DISPOSITION,
                                                CT_SIP_H_IDENTITY};
    for (char c = 1; c < 127; c++) {
        const char *at = strchr(compact, c | 0x20);
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        enum ct_sip_header_id expected = letter && at != NULL ? ids[at - compact] : CT_SIP_H_OTHER;
        EXPECT(ct_sip_header_of((struct ct_str){&c, 1}) == expected);
    }
    EXPECT(ct_sip_header_of(CT_STR("")) == CT_SIP_H_OTHER);
    EXPECT(ct_sip_header_of(CT_STR("A-Header-With-A-Very-Very-Long-Name")) == CT_SIP_H_OTHER);
    EXPECT(ct_sip_method_of(CT_STR("INVITE")) == CT_SIP_INVITE);
    EXPECT(ct_sip_method_of(CT_STR("Invite")) == CT_SIP_OTHER_METHOD);
    EXPECT(equal(ct_sip_method_name(CT_SIP_PUBLISH), "PUBLISH"));
    EXPECT(ct_sip_method_name(CT_SIP_OTHER_METHOD).len == 0);

out:
    return result;
}

static enum ct_result test_values(void)
{
    static const char text[] =
        OPTIONS "Supported: timer\r\n , 100rel,,\r\nk:\r\n  path\r\n"
                "Authorization: Digest a=\"b\", c=d\r\nProxy-Authorization: Digest e=f\r\n"
                "Contact: \"a, \\\"b\" <sip:x,y@z;p=1?h=a,b>;q=0.5, sip:v@w;expires=60\r\n"
                "Session-Expires: 1800 ; refresher=uac\r\nExpires: 4294967296\r\n"
                "Retry-After: 18000;duration=3600\r\nRSeq: 12x\r\nMin-SE: 90(c)\r\n"
                "X-Mine: first\r\nx-mine: second\r\nContent-Length: 3\r\n\r\nabcdef";
    struct ct_arena *arena = ct_arena_new();
    struct ct_sip_message *message;
    struct ct_sip_cursor cursor = {0};
    struct ct_str value;
    uint32_t number;
    enum ct_result result = CT_OK;
    TRY_MEMORY(arena);
    TRY(ct_sip_message_read(arena, CT_STR(text), false, &message));
    EXPECT(message->fault.status == 0);
    static const char *const supported[] = {"timer", "100rel", "path"};
    for (size_t i = 0; i < 3; i++)
        EXPECT(ct_sip_next_value(message, CT_SIP_H_SUPPORTED, &cursor, &value) &&
               equal(value, supported[i]));
    EXPECT(!ct_sip_next_value(message, CT_SIP_H_SUPPORTED, &cursor, &value));
    EXPECT(!ct_sip_next_value(message, CT_SIP_H_SUPPORTED, &cursor, &value));
    EXPECT(ct_sip_has_token(message, CT_SIP_H_SUPPORTED, CT_STR("100REL")));
    EXPECT(!ct_sip_has_token(message, CT_SIP_H_SUPPORTED, CT_STR("rel")));
    EXPECT(!ct_sip_has_token(message, CT_SIP_H_REQUIRE, CT_STR("rel")));
    cursor = (struct ct_sip_cursor){0};
    EXPECT(ct_sip_next_value(message, CT_SIP_H_AUTHORIZATION, &cursor, &value) &&
           equal(value, "Digest a=\"b\", c=d"));
    cursor = (struct ct_sip_cursor){0};
    EXPECT(ct_sip_next_value(message, CT_SIP_H_CONTACT, &cursor, &value) &&
           equal(value, "\"a, \\\"b\" <sip:x,y@z;p=1?h=a,b>;q=0.5"));
    EXPECT(ct_sip_next_value(message, CT_SIP_H_CONTACT, &cursor, &value) &&
           equal(value, "sip:v@w;expires=60"));
    EXPECT(ct_sip_header_number(message, CT_SIP_H_SESSION_EXPIRES, &number) && number == 1800);
    EXPECT(ct_sip_header_number(message, CT_SIP_H_RETRY_AFTER, &number) && number == 18000);
    EXPECT(ct_sip_header_number(message, CT_SIP_H_MIN_SE, &number) && number == 90);
    EXPECT(!ct_sip_header_number(message, CT_SIP_H_EXPIRES, &number));
    EXPECT(!ct_sip_header_number(message, CT_SIP_H_RSEQ, &number));
    EXPECT(!ct_sip_header_number(message, CT_SIP_H_MIN_EXPIRES, &number));
    EXPECT(equal(ct_sip_header_named(message, CT_STR("X-MINE")), "first"));
    EXPECT(ct_sip_header_named(message, CT_STR("X-Yours")).at == NULL);
    EXPECT(equal(ct_sip_header_named(message, CT_STR("K")), "timer , 100rel,,"));
    EXPECT(ct_sip_header(message, CT_SIP_H_SERVER).at == NULL &&
           ct_sip_has(message, CT_SIP_H_RSEQ));
    EXPECT(equal(message->body, "abc") && message->bytes.len == sizeof(text) - 1 - 3);
    EXPECT(message->max_forwards == -1);

    static const char *const good[] = {"<sip:a@b>", "sip:a@b;tag=x", "A B <tel:+1>;x=\"y;z\"",
                                       "\"\\\"\" <sip:a@b;p>;q", "\xC3\xA4 <sip:a@b>"};
    static const char *const bad[] = {
        "",           "<sip:a@b",     "\"x <sip:a@b>",   "a,b <sip:a@b>",
        "<sip:a@b>x", "< sip:a@b>",   "sip:a@b?c=d",     "\"x\" sip:a@b",
        "<sip:a@b>;", "<sip:a@b>;=x", "<sip:a@b>;x=\"y", "<sip:a@b>;x="};
    struct ct_sip_address address;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        EXPECT(ct_sip_address_read(ct_str_of(good[i]), &address) && !address.star);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        EXPECT(!ct_sip_address_read(ct_str_of(bad[i]), &address));

out:
    ct_arena_free(arena);
    return result;
}

/* More headers than anybody needs. */
static enum ct_result test_many(void)
{
    struct ct_arena *arena = ct_arena_new();
    struct ct_sip_message *message;
    enum ct_result result = CT_OK;
    TRY_MEMORY(arena);
    for (int extra = 0; extra < 2; extra++) {
        struct ct_buf text = ct_buf_in(arena);
        ct_buf_text(&text, OPTIONS);
        for (int i = 5; i < CT_SIP_MAX_HEADERS + extra; i++)
            ct_buf_printf(&text, "X-%d: y\r\n", i);
        ct_buf_text(&text, "\r\n");
        if (text.failed) {
            result = CT_NOMEM;
            goto out;
        }
        TRY(ct_sip_message_read(arena, ct_buf_done(&text), false, &message));
        EXPECT(message->header_count == CT_SIP_MAX_HEADERS);
        EXPECT(message->fault.status == (extra == 0 ? 0 : 400));
    }

out:
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_faults), CT_UNIT(test_names),
                                           CT_UNIT(test_values), CT_UNIT(test_many)};
    return ct_unit_main("sip/message", units, sizeof(units) / sizeof(units[0]));
}
