/* TRUSTED_PROXIES. */
#include <string.h>

#include "config/settings.h"
#include "harness.h"

static enum ct_result test_membership(void)
{
    static const struct {
        const char *networks;
        const char *address;
        bool in;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "127.0.0.2", false},
        {"", "127.0.0.1", false},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"192.168.1.128/25", "192.168.1.128", true},
        {"192.168.1.128/25", "192.168.1.127", false},
        {"192.168.1.6/31", "192.168.1.7", true},
        {"192.168.1.6/31", "192.168.1.8", false},
        {"192.168.1.6/32", "192.168.1.7", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "203.0.113.9", false},
        {"::/0", "::ffff:203.0.113.9", false},
        {"::1", "::1", true},
        {"::1", "::2", false},
        {"::1", "0:0:0:0:0:0:0:1", true},
        {"::1", "127.0.0.1", false},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fe00::1", false},
        {"2001:db8::/33", "2001:db8:7fff::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"2001:db8::8/125", "2001:db8::f", true},
        {"2001:db8::8/125", "2001:db8::10", false},
        {"2001:DB8::a/128", "2001:db8::A", true},
        /* An IPv4 client on an IPv6 socket. */
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"10.0.0.0/8", "::ffff:11.1.2.3", false},
        {"::ffff:10.0.0.0/104", "10.1.2.3", true},
        {"::ffff:10.1.2.3", "10.1.2.3", true},
        {"::ffff:0:0/96", "10.1.2.3", true},
        {"10.0.0.0/8, ::1 ,192.0.2.1", "::1", true},
        {"10.0.0.0/8, ::1 ,192.0.2.1", "192.0.2.1", true},
        {"10.0.0.0/8, ::1 ,192.0.2.1", "192.0.2.2", false},
        /* No addresses at all, as a client may claim in a header. */
        {"0.0.0.0/0", "", false},
        {"0.0.0.0/0", "unknown", false},
        {"0.0.0.0/0", "10.0.0.0/8", false},
        {"0.0.0.0/0", "10.0.0.1:80", false},
        {"0.0.0.0/0", "10.0.1", false},
        {"0.0.0.0/0", "010.0.0.1", false},
        {"::/0", "[::1]", false},
        {"::/0", "fe80::1%eth0", false},
        {"::/0", "1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111", false},
        /* Entries that a load would refuse are in nobody's way. */
        {"nonsense,,10.0.0.1/8,10.0.0.2", "10.0.0.2", true},
        {"nonsense,,10.0.0.1/8,10.0.0.2", "10.0.0.1", false},
    };
    enum ct_result result = CT_OK;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        EXPECT(ct_config_in_networks(cases[i].networks, cases[i].address) == cases[i].in);
out:
    return result;
}

static enum ct_result test_lists_that_are_accepted(void)
{
    static const char *const lists[] = {
        "",     "127.0.0.1", "127.0.0.1,::1", " 127.0.0.1 ,\t::1 ", "0.0.0.0/0",
        "::/0", "::/128",    "10.0.0.0/08",   "255.255.255.255/32", "::ffff:10.0.0.0/104"};
    enum ct_result result = CT_OK;
    const char *plain;
    const char *problem;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        TRY(ct_check_networks(arena, lists[i], &plain, &problem));
        EXPECT(strcmp(plain, lists[i]) == 0);
    }
    TRY(ct_check_networks(arena, "  ", &plain, &problem));
    EXPECT(strcmp(plain, "") == 0);
out:
    ct_arena_free(arena);
    return result;
}

#define EMPTY "is empty"
#define NO_ADDRESS "does not begin with an IPv4 or IPv6 address"
#define PREFIX_4 "has a prefix length that is not 0 to 32"
#define PREFIX_6 "has a prefix length that is not 0 to 128"
#define BITS "has bits set behind its prefix length"

static enum ct_result test_lists_that_are_refused(void)
{
    static const struct {
        const char *list;
        const char *problem;
    } cases[] = {
        {"localhost", "entry 1 " NO_ADDRESS},
        {"*", "entry 1 " NO_ADDRESS},
        {"10.0.0", "entry 1 " NO_ADDRESS},
        {"10.0.0.256", "entry 1 " NO_ADDRESS},
        {"10.0.0.1 10.0.0.2", "entry 1 " NO_ADDRESS},
        {"[::1]", "entry 1 " NO_ADDRESS},
        {"fe80::1%eth0", "entry 1 " NO_ADDRESS},
        {"/8", "entry 1 " NO_ADDRESS},
        {",", "entry 1 " EMPTY},
        {"::1,", "entry 2 " EMPTY},
        {"::1, ,::2", "entry 2 " EMPTY},
        {"10.0.0.0/", "entry 1 " PREFIX_4},
        {"10.0.0.0/33", "entry 1 " PREFIX_4},
        {"10.0.0.0/-1", "entry 1 " PREFIX_4},
        {"10.0.0.0/-0", "entry 1 " PREFIX_4},
        {"10.0.0.0/255.0.0.0", "entry 1 " PREFIX_4},
        {"10.0.0.0/8/8", "entry 1 " PREFIX_4},
        {"10.0.0.0/ 8", "entry 1 " PREFIX_4},
        {"10.0.0.0/0008", "entry 1 " PREFIX_4},
        {"::/129", "entry 1 " PREFIX_6},
        {"::/a", "entry 1 " PREFIX_6},
        {"::1,::2,10.0.0.1/8", "entry 3 " BITS},
        {"192.168.1.1/31", "entry 1 " BITS},
        {"fd00::1/8", "entry 1 " BITS},
    };
    enum ct_result result = CT_OK;
    const char *plain;
    const char *problem;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EXPECT_RESULT(CT_INVALID, ct_check_networks(arena, cases[i].list, &plain, &problem));
        EXPECT(strcmp(problem, cases[i].problem) == 0);
    }
out:
    ct_arena_free(arena);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_membership),
    CT_UNIT(test_lists_that_are_accepted),
    CT_UNIT(test_lists_that_are_refused),
};

int main(void)
{
    return ct_unit_main("config_networks", units, sizeof(units) / sizeof(units[0]));
}
