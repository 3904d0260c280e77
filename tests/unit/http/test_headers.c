#include "http/headers.h"

#include <string.h>

#include "harness.h"

static void add(struct ct_headers *headers, const char *name, const char *value)
{
    ct_headers_add(headers, ct_str_of(name), ct_str_of(value));
}

static enum ct_result test_what_is_kept(void)
{
    enum ct_result result = CT_OK;
    struct ct_headers headers = {0};

    add(&headers, "AUTHORIZATION", "Bearer a");
    add(&headers, "authorization", "Bearer b");
    add(&headers, "X-Forwarded-For", "10.0.0.1");
    add(&headers, "X-Forwarded-For", "10.0.0.2");
    add(&headers, "Content-Typ", "text/plain");
    add(&headers, "Content-Type2", "text/plain");
    add(&headers, "", "text/plain");
    add(&headers, "Origin", "");
    add(&headers, "Host", "localhost");
    add(&headers, "if-match", "\"1\"");
    add(&headers, "Idempotency-Key", "k");
    add(&headers, "idempotency-key", "l");
    EXPECT(ct_str_equal(headers.authorization, CT_STR("Bearer b")));
    EXPECT(headers.authorization_count == 2 && headers.host_count == 1);
    /* what the nearest proxy has added stands last */
    EXPECT(ct_str_equal(headers.forwarded_for, CT_STR("10.0.0.2")));
    EXPECT(headers.content_type.at == NULL && headers.if_none_match.at == NULL);
    EXPECT(headers.origin.at != NULL && headers.origin.len == 0);
    EXPECT(ct_str_equal(headers.if_match, CT_STR("\"1\"")));
    EXPECT(ct_str_equal(headers.idempotency_key, CT_STR("l")));
    EXPECT(headers.idempotency_key_count == 2);
    EXPECT(!headers.spaced_name && ct_headers_framing_fault(&headers) == 0);
out:
    return result;
}

/* What two servers in a row could read in two ways. */
static enum ct_result test_framing(void)
{
    static const struct {
        const char *names[2];
        const char *values[2];
        int status;
    } cases[] = {
        {{"Content-Length", "Accept"}, {"5", "5"}, 0},
        {{"Transfer-Encoding", "Accept"}, {"Chunked", "x"}, 0},
        {{"Content-Length", "Content-Length"}, {"5", "5"}, 400},
        {{"Content-Length", "content-length"}, {"5", "6"}, 400},
        {{"Content-Length", "Transfer-Encoding"}, {"5", "chunked"}, 400},
        {{"Transfer-Encoding", "Transfer-Encoding"}, {"chunked", "chunked"}, 400},
        {{"Transfer-Encoding", "Accept"}, {"identity", "x"}, 501},
        {{"Transfer-Encoding", "Accept"}, {"gzip, chunked", "x"}, 501},
        {{"Transfer-Encoding", "Accept"}, {"", "x"}, 501},
        {{"Host", "Host"}, {"a", "a"}, 400},
        {{"Accept ", "Host"}, {"x", "a"}, 400},
        {{"Content-Length\t", "Host"}, {"5", "a"}, 400},
    };
    enum ct_result result = CT_OK;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_headers headers = {0};
        add(&headers, cases[i].names[0], cases[i].values[0]);
        add(&headers, cases[i].names[1], cases[i].values[1]);
        EXPECT(ct_headers_framing_fault(&headers) == cases[i].status);
    }
out:
    return result;
}

static enum ct_result test_request_ids(void)
{
    static const char *const sane[] = {"a", "0123456789abcdef", "A.b_c-9", "-"};
    static const char *const others[] = {"", " a", "a b", "a\"", "a\n", "\xC3\xA4", "a/b", "a:b"};
    enum ct_result result = CT_OK;
    char longest[66];

    for (size_t i = 0; i < sizeof(sane) / sizeof(sane[0]); i++)
        EXPECT(ct_request_id_is_sane(ct_str_of(sane[i])));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        EXPECT(!ct_request_id_is_sane(ct_str_of(others[i])));
    memset(longest, 'x', sizeof(longest));
    EXPECT(ct_request_id_is_sane((struct ct_str){longest, 64}));
    EXPECT(!ct_request_id_is_sane((struct ct_str){longest, 65}));
    EXPECT(!ct_request_id_is_sane((struct ct_str){"a\0b", 3}));
    EXPECT(!ct_request_id_is_sane((struct ct_str){0}));
out:
    return result;
}

static enum ct_result test_accept(void)
{
    static const char *const named[] = {
        "text/event-stream",          "TEXT/Event-Stream",
        "a/b, text/event-stream;q=1", "text/event-stream ; q=0.001,a/b",
        "text/event-stream;x=0",      "text/event-stream;charset=utf-8;q=0.5",
        ", ,text/event-stream"};
    static const char *const others[] = {"",
                                         "*/*",
                                         "text/*",
                                         "text/event-stream;q=0",
                                         "text/event-stream; Q=0.000",
                                         "text/event-streams",
                                         "text/event-strea",
                                         "text/event-stream;q=0, */*",
                                         "a/b;text/event-stream"};
    enum ct_result result = CT_OK;
    const struct ct_str type = CT_STR("text/event-stream");

    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
        EXPECT(ct_accept_names(ct_str_of(named[i]), type));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        EXPECT(!ct_accept_names(ct_str_of(others[i]), type));
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_what_is_kept),
        CT_UNIT(test_framing),
        CT_UNIT(test_request_ids),
        CT_UNIT(test_accept),
    };
    return ct_unit_main("http/headers", units, sizeof(units) / sizeof(units[0]));
}
