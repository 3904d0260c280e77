#include "events/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "harness.h"

/* As a resolver answers it. */
static socklen_t parse(const char *text, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        return sizeof(*in);
    }
    if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
        return 0;
    in6->sin6_family = AF_INET6;
    return sizeof(*in6);
}

static bool is_public(const char *text)
{
    struct sockaddr_storage address;
    socklen_t size = parse(text, &address);
    return ct_address_is_public((struct sockaddr *)&address, size);
}

static enum ct_result test_public(void)
{
    enum ct_result result = CT_OK;
    static const char *const good[] = {
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2000::1",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2606:4700::1111",
        "3ffe:ffff::1",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        EXPECT(is_public(good[i]));
out:
    return result;
}

static enum ct_result test_special(void)
{
    enum ct_result result = CT_OK;
    static const char *const bad[] = {
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.255",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.255",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:1ff::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "3fff:fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
    };
    struct sockaddr unknown = {.sa_family = AF_UNIX};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        EXPECT(!is_public(bad[i]));
    EXPECT(!ct_address_is_public(&unknown, sizeof(unknown)));
out:
    return result;
}

static enum ct_result test_text(void)
{
    enum ct_result result = CT_OK;
    static const char *const texts[][2] = {{"192.0.2.1", "192.0.2.1"},
                                           {"2001:db8::1", "2001:db8::1"},
                                           {"::ffff:10.1.2.3", "10.1.2.3"},
                                           {"64:ff9b::a01:203", "10.1.2.3"}};
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_storage address;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        socklen_t size = parse(texts[i][0], &address);
        ct_address_text((struct sockaddr *)&address, size, text);
        EXPECT(strcmp(text, texts[i][1]) == 0);
    }
    ct_address_text((struct sockaddr *)&address, 3, text);
    EXPECT(strcmp(text, "-") == 0);
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_public), CT_UNIT(test_special),
                                           CT_UNIT(test_text)};
    return ct_unit_main("address", units, sizeof(units) / sizeof(units[0]));
}
