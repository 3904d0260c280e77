#include "sip/write.h"

#include <string.h>

#include "harness.h"

static bool is(struct ct_buf *buf, const char *expected)
{
    struct ct_str text = ct_buf_done(buf);
    bool same = buf->failed || ct_str_equal(text, ct_str_of(expected));
    buf->len = 0;
    return same;
}

static enum ct_result test_lines(void)
{
    static const struct ct_sip_local udp = {{"us.example.org", 14}, 5070, CT_SIP_UDP};
    static const struct ct_sip_local wss = {{"[2001:db8::1]", 13}, 0, CT_SIP_WSS};
    struct ct_arena *arena = ct_arena_new();
    enum ct_result result = CT_OK;
    TRY_MEMORY(arena);
    struct ct_buf buf = ct_buf_in(arena);
    ct_sip_write_request_line(&buf, CT_STR("BYE"), CT_STR("sip:a@b"));
    EXPECT(is(&buf, "BYE sip:a@b SIP/2.0\r\n"));
    ct_sip_write_status_line(&buf, 486, CT_STR(""));
    EXPECT(is(&buf, "SIP/2.0 486 Busy Here\r\n"));
    ct_sip_write_status_line(&buf, 486, CT_STR("At Lunch"));
    EXPECT(is(&buf, "SIP/2.0 486 At Lunch\r\n"));
    ct_sip_write_header(&buf, CT_SIP_H_SESSION_EXPIRES, CT_STR("90"));
    ct_sip_write_number(&buf, CT_SIP_H_EXPIRES, 60);
    ct_sip_write_named(&buf, CT_STR("X-Mine"), CT_STR("a, b"));
    ct_sip_write_cseq(&buf, 7, CT_STR("INVITE"));
    EXPECT(is(&buf, "Session-Expires: 90\r\nExpires: 60\r\nX-Mine: a, b\r\nCSeq: 7 INVITE\r\n"));
    ct_sip_write_via(&buf, &udp, CT_STR("z9hG4bKx"), true);
    ct_sip_write_via(&buf, &wss, CT_STR("z9hG4bKy"), false);
    EXPECT(is(&buf, "Via: SIP/2.0/UDP us.example.org:5070;branch=z9hG4bKx;rport\r\n"
                    "Via: SIP/2.0/WSS [2001:db8::1];branch=z9hG4bKy\r\n"));
    ct_sip_write_contact_uri(&buf, CT_STR("+49 30"), &udp);
    EXPECT(is(&buf, "sip:+49%2030@us.example.org:5070"));
    ct_sip_write_contact_uri(&buf, CT_STR(""), &wss);
    EXPECT(is(&buf, "sip:[2001:db8::1];transport=wss"));
    ct_sip_write_body(&buf, CT_STR("text/plain"), CT_STR("hello\r\n"));
    EXPECT(is(&buf, "Content-Type: text/plain\r\nContent-Length: 7\r\n\r\nhello\r\n"));
    ct_sip_write_body(&buf, CT_STR("text/plain"), CT_STR(""));
    EXPECT(is(&buf, "Content-Length: 0\r\n\r\n"));
    if (buf.failed)
        result = CT_NOMEM;

out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_reasons(void)
{
    enum ct_result result = CT_OK;
    EXPECT(ct_str_equal(ct_sip_reason(100), CT_STR("Trying")));
    EXPECT(ct_str_equal(ct_sip_reason(404), CT_STR("Not Found")));
    EXPECT(ct_str_equal(ct_sip_reason(606), CT_STR("Not Acceptable")));
    EXPECT(ct_str_equal(ct_sip_reason(498), ct_sip_reason(400)));
    for (int status = 100; status < 700; status++) {
        struct ct_str reason = ct_sip_reason(status);
        EXPECT(reason.len > 0 && strlen(reason.at) == reason.len);
    }

out:
    return result;
}

static enum ct_result test_transports(void)
{
    static const char *const good[][2] = {{"192.0.2.1", "192.0.2.1:0"},
                                          {"2001:DB8:0::1", "[2001:db8::1]:0"},
                                          {"[::1]", "[::1]:0"},
                                          {"::ffff:192.0.2.1", "[::ffff:192.0.2.1]:0"}};
    static const char *const bad[] = {
        "", "[]", "[192.0.2.1", "192.0.2", "example.org", "192.0.2.256", "::1%eth0"};
    struct ct_arena *arena = ct_arena_new();
    struct ct_sip_socket socket;
    struct ct_sip_socket other;
    enum ct_sip_transport transport;
    enum ct_result result = CT_OK;
    TRY_MEMORY(arena);
    struct ct_buf buf = ct_buf_in(arena);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        EXPECT(ct_sip_address_parse(ct_str_of(good[i][0]), &socket));
        ct_sip_socket_write(&buf, &socket);
        EXPECT(is(&buf, good[i][1]));
        other = socket;
        other.port = 1;
        EXPECT(ct_sip_address_equal(&socket, &other) && !ct_sip_socket_equal(&socket, &other));
        other.bytes[3] ^= 1;
        EXPECT(!ct_sip_address_equal(&socket, &other));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        EXPECT(!ct_sip_address_parse(ct_str_of(bad[i]), &socket));
    for (int i = 0; i < CT_SIP_TRANSPORTS; i++) {
        enum ct_sip_transport each = (enum ct_sip_transport)i;
        EXPECT(ct_sip_transport_read(ct_sip_transport_name(each), &transport) && transport == each);
        EXPECT(ct_sip_transport_read(ct_sip_transport_param(each), &transport) &&
               transport == each);
        EXPECT(ct_sip_reliable(each) == (each != CT_SIP_UDP));
        EXPECT(ct_sip_secure(each) == (each == CT_SIP_TLS || each == CT_SIP_WSS));
    }
    EXPECT(!ct_sip_transport_read(CT_STR("SCTP"), &transport));
    EXPECT(ct_sip_default_port(CT_SIP_TLS) == 5061 && ct_sip_default_port(CT_SIP_TCP) == 5060);
    if (buf.failed)
        result = CT_NOMEM;

out:
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_lines), CT_UNIT(test_reasons),
                                           CT_UNIT(test_transports)};
    return ct_unit_main("sip/write", units, sizeof(units) / sizeof(units[0]));
}
