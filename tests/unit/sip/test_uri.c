#include "sip/uri.h"

#include <string.h>

#include "harness.h"

static bool equal(struct ct_str a, const char *b)
{
    return ct_str_equal(a, ct_str_of(b));
}

static enum ct_result test_read(void)
{
    static const struct {
        const char *text;
        enum ct_sip_scheme scheme;
        const char *user, *password, *host;
        unsigned port;
        const char *params, *headers;
    } good[] = {
        {"sip:alice@atlanta.com", CT_SIP_URI_SIP, "alice", "", "atlanta.com", 0, "", ""},
        {"sip:alice:secretword@atlanta.com;transport=tcp", CT_SIP_URI_SIP, "alice", "secretword",
         "atlanta.com", 0, ";transport=tcp", ""},
        {"sips:alice@atlanta.com?subject=project%20x&priority=urgent", CT_SIP_URI_SIPS, "alice", "",
         "atlanta.com", 0, "", "subject=project%20x&priority=urgent"},
        {"sip:+1-212-555-1212:1234@gateway.com;user=phone", CT_SIP_URI_SIP, "+1-212-555-1212",
         "1234", "gateway.com", 0, ";user=phone", ""},
        {"sip:alice@192.0.2.4:5080", CT_SIP_URI_SIP, "alice", "", "192.0.2.4", 5080, "", ""},
        {"SIP:atlanta.com;method=REGISTER?to=alice%40atlanta.com", CT_SIP_URI_SIP, "", "",
         "atlanta.com", 0, ";method=REGISTER", "to=alice%40atlanta.com"},
        {"sip:alice;day=tuesday@atlanta.com", CT_SIP_URI_SIP, "alice;day=tuesday", "",
         "atlanta.com", 0, "", ""},
        {"sip:a@[2001:DB8::1]:5061;lr", CT_SIP_URI_SIP, "a", "", "[2001:DB8::1]", 5061, ";lr", ""},
        {"sip:*21#@example.org", CT_SIP_URI_SIP, "*21#", "", "example.org", 0, "", ""},
        {"sip:who?what/@example.org", CT_SIP_URI_SIP, "who?what/", "", "example.org", 0, "", ""},
        {"tel:+49(30)123-4;phone-context=x", CT_SIP_URI_TEL, "+49(30)123-4", "", "", 0,
         ";phone-context=x", ""},
        {"mailto:a@b", CT_SIP_URI_OTHER, "", "", "", 0, "", ""},
        {"urn:service:sos", CT_SIP_URI_OTHER, "", "", "", 0, "", ""},
    };
    static const char *const bad[] = {"",
                                      "sip",
                                      "sip:",
                                      ":a@b",
                                      "1sip:a@b",
                                      "sip:@b",
                                      "sip:a@",
                                      "sip:a@b:",
                                      "sip:a@b:0",
                                      "sip:a@b:65536",
                                      "sip:a@b:5060x",
                                      "sip:a@b c",
                                      "sip:a b@c",
                                      "sip:a%4@b",
                                      "sip:a%zz@b",
                                      "sip:a@b@c",
                                      "sip:a@[::1",
                                      "sip:a@[1.2.3.4]",
                                      "sip:a@[zz]",
                                      "sip:a@b?",
                                      "sip:<a@b>",
                                      "sip:a\"@b",
                                      "sip:\xC3\xA4@b",
                                      "sip:a@b/c",
                                      "tel:",
                                      "tel:alice",
                                      "tel:+49 30",
                                      "mailto:",
                                      "http://a b"};
    struct ct_sip_uri uri;
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        EXPECT(ct_sip_uri_read(ct_str_of(good[i].text), &uri));
        EXPECT(uri.scheme == good[i].scheme && equal(uri.text, good[i].text));
        EXPECT(equal(uri.user, good[i].user) && equal(uri.password, good[i].password));
        EXPECT(equal(uri.host, good[i].host) && uri.port == good[i].port);
        EXPECT(equal(uri.params, good[i].params) && equal(uri.headers, good[i].headers));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        EXPECT(!ct_sip_uri_read(ct_str_of(bad[i]), &uri));

out:
    return result;
}

/* The examples of section 19.1.4, and some more. */
static enum ct_result test_equal(void)
{
    static const char *const same[][2] = {
        {"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"},
        {"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"},
        {"sip:carol@chicago.com", "sip:carol@chicago.com;security=on"},
        {"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"},
        {"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
         "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"},
        {"sip:alice@atlanta.com?subject=project%20x&priority=urgent",
         "sip:alice@atlanta.com?priority=urgent&subject=project%20x"},
        {"tel:+1-201-555-0123", "tel:+12015550123"},
        {"tel:7042;phone-context=example.com", "tel:7042;phone-context=Example.com"},
        {"urn:service:sos", "urn:service:sos"},
    };
    static const char *const other[][2] = {
        {"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"},
        {"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"},
        {"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"},
        {"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"},
        {"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"},
        {"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"},
        {"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"},
        {"sip:a%40b@c", "sips:a%40b@c"},
        {"sip:a;b@c", "sip:a%3Bb@c"},
        {"sip:a:x@c", "sip:a:y@c"},
        {"sip:a@c", "sip:c"},
        {"sip:a@c?x=1&x=1", "sip:a@c?x=1&y=1"},
        {"tel:+12015550123", "tel:12015550123"},
        {"tel:7042;phone-context=a", "tel:7042"},
        {"urn:service:sos", "urn:service:SOS"},
    };
    struct ct_sip_uri a;
    struct ct_sip_uri b;
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        EXPECT(ct_sip_uri_read(ct_str_of(same[i][0]), &a));
        EXPECT(ct_sip_uri_read(ct_str_of(same[i][1]), &b));
        EXPECT(ct_sip_uri_equal(&a, &b) && ct_sip_uri_equal(&b, &a));
        EXPECT(ct_sip_uri_equal(&a, &a) && ct_sip_uri_equal(&b, &b));
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        EXPECT(ct_sip_uri_read(ct_str_of(other[i][0]), &a));
        EXPECT(ct_sip_uri_read(ct_str_of(other[i][1]), &b));
        EXPECT(!ct_sip_uri_equal(&a, &b) && !ct_sip_uri_equal(&b, &a));
    }

out:
    return result;
}

static enum ct_result test_pieces(void)
{
    struct ct_arena *arena = ct_arena_new();
    struct ct_sip_uri uri;
    struct ct_str value;
    struct ct_str name;
    struct ct_str plain;
    enum ct_sip_transport transport;
    size_t at = 0;
    enum ct_result result = CT_OK;
    TRY_MEMORY(arena);

    struct ct_str params = CT_STR("; a ; B = c;;d=\"x;\\\";y\" ; e=");
    EXPECT(ct_sip_param(params, CT_STR("A"), &value) && value.len == 0);
    EXPECT(ct_sip_param(params, CT_STR("b"), &value) && equal(value, "c"));
    EXPECT(ct_sip_param(params, CT_STR("d"), &value) && equal(value, "\"x;\\\";y\""));
    EXPECT(ct_sip_param(params, CT_STR("e"), &value) && value.len == 0);
    EXPECT(!ct_sip_param(params, CT_STR("y"), &value) && value.len == 0);
    EXPECT(ct_sip_next_param(params, &at, &name, &value) && equal(name, "a"));

    EXPECT(ct_sip_uri_read(CT_STR("sip:a@b;transport=TLS"), &uri));
    EXPECT(ct_sip_uri_transport(&uri, &transport) && transport == CT_SIP_TLS);
    EXPECT(ct_sip_uri_read(CT_STR("sips:a@b;transport=tcp"), &uri));
    EXPECT(ct_sip_uri_transport(&uri, &transport) && transport == CT_SIP_TLS);
    EXPECT(ct_sip_uri_read(CT_STR("sips:a@b;transport=ws"), &uri));
    EXPECT(ct_sip_uri_transport(&uri, &transport) && transport == CT_SIP_WSS);
    EXPECT(ct_sip_uri_read(CT_STR("sip:a@b"), &uri));
    EXPECT(ct_sip_uri_transport(&uri, &transport) && transport == CT_SIP_UDP);
    EXPECT(ct_sip_uri_read(CT_STR("sip:a@b;transport=sctp"), &uri));
    EXPECT(!ct_sip_uri_transport(&uri, &transport));

    struct ct_buf buf = ct_buf_in(arena);
    EXPECT(ct_sip_uri_read(
        CT_STR("sip:a:p@[::1]:5070;lr;method=INVITE;transport=tcp?Route=%3Cx%3E"), &uri));
    ct_sip_uri_write(&buf, &uri);
    ct_buf_char(&buf, ' ');
    EXPECT(ct_sip_uri_read(CT_STR("tel:+49-30;x=y"), &uri));
    ct_sip_uri_write(&buf, &uri);
    ct_buf_char(&buf, ' ');
    ct_sip_escape_user(&buf, CT_STR("+49 a#\xC3\xA4%@x"));
    struct ct_str written = ct_buf_done(&buf);
    if (buf.failed) {
        result = CT_NOMEM;
        goto out;
    }
    EXPECT(equal(written, "sip:a:p@[::1]:5070;lr;transport=tcp tel:+49-30;x=y "
                          "+49%20a%23%C3%A4%25%40x"));

    TRY(ct_sip_unescape(arena, CT_STR("+49%20a%23%c3%A4%25%40x%00"), &plain));
    EXPECT(ct_str_equal(plain, CT_STR("+49 a#\xC3\xA4%@x\0")));
    TRY(ct_sip_unescape(arena, CT_STR("plain"), &plain));
    EXPECT(equal(plain, "plain"));
    EXPECT_RESULT(CT_INVALID, ct_sip_unescape(arena, CT_STR("a%4"), &plain));
    EXPECT_RESULT(CT_INVALID, ct_sip_unescape(arena, CT_STR("a%4g"), &plain));

out:
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_read), CT_UNIT(test_equal),
                                           CT_UNIT(test_pieces)};
    return ct_unit_main("sip/uri", units, sizeof(units) / sizeof(units[0]));
}
