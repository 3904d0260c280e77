#include <string.h>

#include "config/settings.h"
#include "harness.h"

static enum ct_result test_entries(void)
{
    static const struct {
        enum ct_sip_entry_transport transport;
        const char *host;
        uint16_t port;
    } expected[] = {
        {CT_SIP_ENTRY_UDP, "127.0.0.1", 5060}, {CT_SIP_ENTRY_TCP, "127.0.0.1", 5060},
        {CT_SIP_ENTRY_TLS, "::1", 65535},      {CT_SIP_ENTRY_WS, "0.0.0.0", 0},
        {CT_SIP_ENTRY_WSS, "0.0.0.0", 0},
    };
    enum ct_result result = CT_OK;
    struct ct_sip_entry entries[CT_SIP_ENTRIES_MOST];
    size_t count = ct_config_sip_entries(
        "udp:127.0.0.1:5060,tcp:127.0.0.1:5060 , tls:[::1]:65535,ws:0.0.0.0:0,wss:0.0.0.0:0",
        entries);
    EXPECT(count == sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < count; i++) {
        EXPECT(entries[i].transport == expected[i].transport &&
               entries[i].port == expected[i].port);
        EXPECT(ct_str_equal(entries[i].host, ct_str_of(expected[i].host)));
    }
    EXPECT(ct_config_sip_entries("", entries) == 0);
    EXPECT(ct_config_sip_entries("off", entries) == 0);
out:
    return result;
}

#define EIGHT                                                                                      \
    "udp:0.0.0.0:0,udp:0.0.0.0:0,udp:0.0.0.0:0,udp:0.0.0.0:0,udp:0.0.0.0:0,udp:0.0.0.0:0,udp:0.0." \
    "0.0:0,udp:0.0.0.0:0"

static enum ct_result test_judged(void)
{
    static const struct {
        const char *text;
        const char *problem; /* what it begins with; NULL: none */
    } cases[] = {
        {"off", NULL},
        {EIGHT "," EIGHT, NULL},
        {EIGHT "," EIGHT ",udp:0.0.0.0:0", "there are more"},
        {"off,udp:0.0.0.0:0", "each socket begins"},
        {"127.0.0.1:5060", "each socket begins"},
        {"UDP:127.0.0.1:5060", "each socket begins"},
        {"sctp:127.0.0.1:5060", "each socket begins"},
        {"udp:127.0.0.1:5060,", "each socket begins"},
        {"udp", "each socket ends"},
        {"udp:", "each socket ends"},
        {"udp:5060", "each socket ends"},
        {"udp:127.0.0.1", "each socket ends"},
        {"udp:127.0.0.1:", "each socket ends"},
        {"udp:127.0.0.1:-1", "each socket ends"},
        {"udp:127.0.0.1:65536", "each socket ends"},
        {"udp:127.0.0.1:005060", "each socket ends"},
        {"udp:127.0.0.1:sip", "each socket ends"},
        {"udp::5060", "an address"},
        {"udp:*:5060", "an address"},
        {"udp:::1:5060", "an address"},
        {"udp:[127.0.0.1]:5060", "an address"},
        {"udp:127.0.0.256:5060", "an address"},
        {"udp:[2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999]:5060", "an address"},
        {"udp:0.0.0.0:5060,tcp:0.0.0.0:5060", NULL},
        {"tcp:0.0.0.0:5060,ws:0.0.0.0:5060", "two sockets"},
        {"udp:0.0.0.0:5060,udp:0.0.0.0:5060", "two sockets"},
    };
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *plain = NULL;
        const char *problem = NULL;
        EXPECT(ct_check_sip_listen(NULL, cases[i].text, &plain, &problem) ==
               (cases[i].problem == NULL ? CT_OK : CT_INVALID));
        EXPECT(cases[i].problem == NULL ||
               strncmp(problem, cases[i].problem, strlen(cases[i].problem)) == 0);
    }
out:
    return result;
}

static enum ct_result test_hosts(void)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"example.com", true},  {"sip-1.EXAMPLE.com", true},
        {"192.0.2.1", true},    {"::1", true},
        {"[::1]", true},        {"example.com:5060", false},
        {"a b", false},         {"a@b", false},
        {"sip:a", false},       {"[::1", false},
        {"[]", false},          {"a_b", false},
        {"[192.0.2.1]", false},
    };
    enum ct_result result = CT_OK;
    char longest[256];
    const char *plain;
    const char *problem = NULL;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum ct_result expected = cases[i].good ? CT_OK : CT_INVALID;
        EXPECT(ct_check_sip_domain(NULL, cases[i].text, &plain, &problem) == expected);
        EXPECT(ct_check_sip_public_address(NULL, cases[i].text, &plain, &problem) == expected);
    }
    EXPECT(ct_check_sip_domain(NULL, "", &plain, &problem) == CT_INVALID && problem != NULL);
    EXPECT(ct_check_sip_public_address(NULL, "", &plain, &problem) == CT_OK);
    memset(longest, 'a', sizeof(longest));
    longest[253] = '\0';
    EXPECT(ct_check_sip_domain(NULL, longest, &plain, &problem) == CT_OK);
    longest[253] = 'a';
    longest[254] = '\0';
    EXPECT(ct_check_sip_domain(NULL, longest, &plain, &problem) == CT_INVALID);
out:
    return result;
}

static enum ct_result test_addresses(void)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {{"", true},           {"192.0.2.1", true}, {"2001:db8::1", true},
                 {"::1", true},        {"[::1]", false},    {"192.0.2.1:5060", false},
                 {"a.example", false}, {"192.0.2", false}};
    enum ct_result result = CT_OK;
    const char *plain;
    const char *problem = NULL;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        EXPECT(ct_check_sip_node_address(NULL, cases[i].text, &plain, &problem) ==
               (cases[i].good ? CT_OK : CT_INVALID));
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_entries), CT_UNIT(test_judged),
                                           CT_UNIT(test_hosts), CT_UNIT(test_addresses)};
    return ct_unit_main("config/sip_listen", units, sizeof(units) / sizeof(units[0]));
}
