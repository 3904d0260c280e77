#include "http/client_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "harness.h"

/* Who sent it: the connection's other end, or whom trusted proxies name. */
static enum ct_result test_clients_behind_proxies(void)
{
    static const struct {
        const char *trusted;
        const char *forwarded;
        const char *client; /* of a request from 10.0.0.2 */
    } cases[] = {
        {"", NULL, "10.0.0.2"},
        {"", "1.1.1.1", "10.0.0.2"},
        {"10.0.0.3", "1.1.1.1", "10.0.0.2"},
        {"10.0.0.2", "1.1.1.1", "1.1.1.1"},
        {"10.0.0.0/8", " 1.1.1.1 ", "1.1.1.1"},
        {"10.0.0.0/8", "", "10.0.0.2"},
        {"10.0.0.0/8", NULL, "10.0.0.2"},
        /* what a client writes itself stands in front */
        {"10.0.0.0/8", "9.9.9.9, 1.1.1.1", "1.1.1.1"},
        {"10.0.0.0/8", "9.9.9.9, 1.1.1.1,10.0.0.7", "1.1.1.1"},
        {"10.0.0.0/8", "10.0.0.9,10.0.0.8", "10.0.0.9"},
        {"10.0.0.0/8", "2001:db8::1", "2001:db8::1"},
        {"10.0.0.0/8,2001:db8::/32", "1.1.1.1, 2001:db8::1", "1.1.1.1"},
        /* one address has one spelling */
        {"10.0.0.0/8", "2001:0DB8:0:0::0001", "2001:db8::1"},
        {"10.0.0.0/8", "1.1.1.1, ::FFFF:10.0.0.7", "1.1.1.1"},
        /* nothing but addresses: no way to write something else into the log */
        {"10.0.0.0/8", "unknown", "10.0.0.2"},
        {"10.0.0.0/8", "1.1.1.1:80", "10.0.0.2"},
        {"10.0.0.0/8", "1.1.1.1, x", "10.0.0.2"},
        {"10.0.0.0/8", "1.1.1.1,", "10.0.0.2"},
        {"10.0.0.0/8", "1.1.1.1, 10.0.0.7, x, 10.0.0.8", "10.0.0.8"},
        {"10.0.0.0/8", "[2001:db8::1]", "10.0.0.2"},
        {"10.0.0.0/8", "1.1.1.1\"}", "10.0.0.2"},
        {"10.0.0.0/8", "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111", "10.0.0.2"},
        {"0.0.0.0/0", "9.9.9.9, 1.1.1.1", "9.9.9.9"},
    };
    enum ct_result result = CT_OK;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char room[CT_ADDRESS_TEXT];
        struct ct_str address =
            ct_client_address(cases[i].trusted, "10.0.0.2", ct_str_of(cases[i].forwarded), room);
        EXPECT(ct_str_equal(address, ct_str_of(cases[i].client)));
        EXPECT(address.at[address.len] == '\0');
    }
    /* an address with a NUL in it is none */
    char room[CT_ADDRESS_TEXT];
    EXPECT(ct_str_equal(ct_client_address("10.0.0.0/8", "10.0.0.2", CT_STR("1.1.1.1\0"), room),
                        CT_STR("10.0.0.2")));
    /* what is no address is no proxy */
    EXPECT(ct_str_equal(ct_client_address("0.0.0.0/0", "-", CT_STR("1.1.1.1"), room), CT_STR("-")));
out:
    return result;
}

static enum ct_result test_ipv6_proxies(void)
{
    enum ct_result result = CT_OK;
    char room[CT_ADDRESS_TEXT];

    /* a socket for both kinds sees IPv4 so */
    EXPECT(ct_str_equal(ct_client_address("10.0.0.0/8", "::ffff:10.0.0.2", CT_STR("1.1.1.1"), room),
                        CT_STR("1.1.1.1")));
    EXPECT(ct_str_equal(ct_client_address("10.0.0.0/8", "2001:db8::7", CT_STR("1.1.1.1"), room),
                        CT_STR("2001:db8::7")));
out:
    return result;
}

static enum ct_result test_the_other_end(void)
{
    enum ct_result result = CT_OK;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    char text[CT_ADDRESS_TEXT];

    EXPECT(inet_pton(AF_INET, "10.0.0.2", &v4.sin_addr) == 1);
    ct_peer_text((const struct sockaddr *)&v4, text);
    EXPECT(strcmp(text, "10.0.0.2") == 0);
    EXPECT(inet_pton(AF_INET6, "2001:db8::7", &v6.sin6_addr) == 1);
    ct_peer_text((const struct sockaddr *)&v6, text);
    EXPECT(strcmp(text, "2001:db8::7") == 0);
    v6.sin6_family = AF_UNIX;
    ct_peer_text((const struct sockaddr *)&v6, text);
    EXPECT(strcmp(text, "-") == 0);
    ct_peer_text(NULL, text);
    EXPECT(strcmp(text, "-") == 0);
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_clients_behind_proxies),
        CT_UNIT(test_ipv6_proxies),
        CT_UNIT(test_the_other_end),
    };
    return ct_unit_main("http/client_address", units, sizeof(units) / sizeof(units[0]));
}
