#include "voice/shield.h"

#include <stdio.h>

#include "harness.h"
#include "outside.h"
#include "voice/bans.h"

#define BAN_MS 60000

struct gate {
    struct outside outside;
    struct ct_arena *arena;
    struct ct_shield *shield;
};

static bool knows_device(void *ctx, struct ct_str username)
{
    (void)ctx;
    return ct_str_equal(username, CT_STR("d1-known"));
}

static bool knows_credentials(void *ctx, const struct ct_sip_message *message)
{
    (void)ctx;
    return ct_sip_has(message, CT_SIP_H_AUTHORIZATION);
}

static bool knows_registered(void *ctx, const struct ct_sip_hop *from)
{
    (void)ctx;
    return from->peer.port == 7777;
}

static bool knows_trunk(void *ctx, const struct ct_sip_hop *from)
{
    (void)ctx;
    return from->peer.port == 8888;
}

static enum ct_result open_gate(struct gate *gate, bool reject, size_t rate)
{
    *gate = (struct gate){.arena = ct_arena_new()};
    outside_open(&gate->outside);
    const struct ct_shield_options options = {.env = &gate->outside.env,
                                              .knows = {.ctx = gate,
                                                        .device = knows_device,
                                                        .credentials = knows_credentials,
                                                        .registered = knows_registered,
                                                        .trunk = knows_trunk},
                                              .reject_unknown = reject,
                                              .rate_per_s = rate,
                                              .failures_max = 3,
                                              .ban_ms = BAN_MS};
    return gate->arena == NULL ? CT_NOMEM : ct_shield_new(&options, &gate->shield);
}

static void close_gate(struct gate *gate)
{
    ct_shield_free(gate->shield);
    ct_arena_free(gate->arena);
}

static enum ct_result ask(struct gate *gate, const char *method, const char *from, const char *to,
                          const char *more, uint16_t port, bool *out)
{
    struct ct_sip_message *message;
    struct ct_sip_hop hop = outside_hop(CT_SIP_UDP, "192.0.2.1", port, 0);
    char *text =
        ct_arena_printf(gate->arena,
                        "%s sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
                        "From: <sip:%sexample.com>;tag=1\r\nTo: <sip:%sexample.com>\r\n"
                        "Call-ID: 1\r\nCSeq: 1 %s\r\n%sContent-Length: 0\r\n\r\n",
                        method, from, to, method, more);
    if (text == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_sip_message_read(gate->arena, ct_str_of(text), false, &message);
    if (result == CT_OK)
        *out = ct_shield_admit_message(gate->shield, &hop, message);
    return result;
}

#define KNOWN "d1-known@"

static enum ct_result test_who_is_known(void)
{
    static const struct {
        const char *method, *from, *to, *more;
        uint16_t port;
        bool known, scanner;
    } cases[] = {
        {"REGISTER", KNOWN, KNOWN, "", 5060, true, false},
        {"REGISTER", "", KNOWN, "", 5060, true, false},
        {"REGISTER", KNOWN, "100@", "", 5060, false, false},
        {"REGISTER", "", "", "", 5060, false, false},
        {"REGISTER", "100@", "100@", "", 7777, true, false},
        {"REGISTER", "100@", "100@", "Authorization: Digest x\r\n", 5060, true, false},
        {"INVITE", KNOWN, "100@", "", 5060, true, false},
        {"INVITE", "100@", KNOWN, "", 5060, false, false},
        {"INVITE", "100@", "200@", "", 8888, true, false},
        {"OPTIONS", "100@", "200@", "", 5060, false, false},
        {"OPTIONS", "", "", "User-Agent: friendly-scanner\r\n", 5060, false, true},
        {"REGISTER", KNOWN, KNOWN, "User-Agent: SIPVicious/0.3\r\n", 5060, false, true},
        {"OPTIONS", "", "", "User-Agent: The vAXsIPuSERaGENT 3.1\r\n", 5060, false, true},
        {"REGISTER", KNOWN, KNOWN, "User-Agent: sipcli/v1.8\r\n", 7777, true, false},
        {"INVITE", "100@", "200@", "User-Agent: Linphone/4.0\r\n", 5060, false, false},
    };
    enum ct_result result = CT_OK;
    struct gate gate = {.arena = NULL};
    for (int reject = 0; reject < 2; reject++) {
        close_gate(&gate);
        gate = (struct gate){.arena = NULL};
        TRY(open_gate(&gate, reject == 1, 0));
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            bool admitted = false;
            TRY(ask(&gate, cases[i].method, cases[i].from, cases[i].to, cases[i].more,
                    cases[i].port, &admitted));
            EXPECT(admitted == (cases[i].known || (reject == 1 && !cases[i].scanner)));
        }
    }
out:
    close_gate(&gate);
    return result;
}

static enum ct_result test_rates(void)
{
    enum ct_result result = CT_OK;
    struct gate gate;
    struct ct_sip_hop stranger = outside_hop(CT_SIP_UDP, "192.0.2.1", 5060, 0);
    struct ct_sip_hop other = outside_hop(CT_SIP_UDP, "192.0.2.2", 5060, 0);
    struct ct_sip_hop same_host = outside_hop(CT_SIP_UDP, "192.0.2.1", 5061, 0);
    struct ct_sip_hop phone = outside_hop(CT_SIP_UDP, "192.0.2.1", 7777, 0);
    struct ct_sip_hop trunk = outside_hop(CT_SIP_UDP, "192.0.2.1", 8888, 0);
    TRY(open_gate(&gate, false, 2));
    EXPECT(ct_shield_admit(gate.shield, &stranger) && ct_shield_admit(gate.shield, &stranger));
    EXPECT(!ct_shield_admit(gate.shield, &stranger) && !ct_shield_admit(gate.shield, &same_host));
    EXPECT(ct_shield_admit(gate.shield, &other));
    for (int i = 0; i < 10; i++)
        EXPECT(ct_shield_admit(gate.shield, &phone) && ct_shield_admit(gate.shield, &trunk));
    gate.outside.now_ms += 1000;
    EXPECT(ct_shield_admit(gate.shield, &stranger));
    close_gate(&gate);
    TRY(open_gate(&gate, false, 0));
    for (int i = 0; i < 100; i++)
        EXPECT(ct_shield_admit(gate.shield, &stranger));
out:
    close_gate(&gate);
    return result;
}

static enum ct_result test_bans(void)
{
    enum ct_result result = CT_OK;
    struct gate gate;
    struct ct_sip_ban bans[4];
    struct ct_sip_hop guesser = outside_hop(CT_SIP_UDP, "192.0.2.1", 5060, 0);
    struct ct_sip_hop again = outside_hop(CT_SIP_TCP, "192.0.2.1", 40000, 3);
    struct ct_sip_hop phone = outside_hop(CT_SIP_UDP, "192.0.2.2", 5060, 0);
    TRY(open_gate(&gate, false, 0));
    EXPECT(!ct_shield_failed(gate.shield, &guesser) && !ct_shield_failed(gate.shield, &again));
    EXPECT(ct_shield_admit(gate.shield, &guesser) &&
           ct_shield_bans(gate.shield, CT_STR(""), bans, 4) == 0);
    EXPECT(!ct_shield_failed(gate.shield, &phone));
    EXPECT(ct_shield_failed(gate.shield, &guesser));
    if (ct_shield_bans(gate.shield, CT_STR(""), bans, 4) == 0) {
        result = CT_NOMEM; /* without memory the next failure bans */
        goto out;
    }
    EXPECT(!ct_shield_admit(gate.shield, &guesser) && !ct_shield_accept(gate.shield, &again));
    EXPECT(ct_shield_admit(gate.shield, &phone) && ct_shield_accept(gate.shield, &phone));
    EXPECT(ct_shield_bans(gate.shield, CT_STR(""), bans, 4) == 1 && bans[0].dropped == 2);
    EXPECT(strcmp(bans[0].address, "192.0.2.1") == 0 && bans[0].until - bans[0].since == BAN_MS);
    gate.outside.now_ms += BAN_MS - 1;
    EXPECT(!ct_shield_admit(gate.shield, &guesser));
    gate.outside.now_ms += 1;
    EXPECT(ct_shield_admit(gate.shield, &guesser));
    EXPECT(ct_shield_bans(gate.shield, CT_STR(""), bans, 4) == 0);
    EXPECT(!ct_shield_lift(gate.shield, CT_STR("192.0.2.1")));
out:
    close_gate(&gate);
    return result;
}

/* Who was forgiven has all attempts again, and who was not has none. */
static enum ct_result test_lifted(void)
{
    enum ct_result result = CT_OK;
    struct gate gate;
    struct ct_sip_ban ban;
    struct ct_sip_hop phone = outside_hop(CT_SIP_UDP, "192.0.2.1", 5060, 0);
    struct ct_sip_hop other = outside_hop(CT_SIP_UDP, "192.0.2.2", 5060, 0);
    TRY(open_gate(&gate, false, 0));
    for (int i = 0; i < 2; i++)
        EXPECT(!ct_shield_failed(gate.shield, &phone) && !ct_shield_failed(gate.shield, &other));
    EXPECT(ct_shield_failed(gate.shield, &phone));
    if (ct_shield_bans(gate.shield, CT_STR(""), &ban, 1) == 0) {
        result = CT_NOMEM; /* without memory the next failure bans */
        goto out;
    }
    /* what is not banned is not forgiven either */
    EXPECT(!ct_shield_lift(gate.shield, CT_STR("192.0.2.2")));
    EXPECT(ct_shield_lift(gate.shield, CT_STR("192.0.2.1")));
    EXPECT(ct_shield_failed(gate.shield, &other));
    for (int i = 0; i < 2; i++)
        EXPECT(!ct_shield_failed(gate.shield, &phone) && ct_shield_admit(gate.shield, &phone));
    EXPECT(ct_shield_failed(gate.shield, &phone));
out:
    close_gate(&gate);
    return result;
}

static enum ct_result test_lists(void)
{
    static const char *const addresses[] = {"192.0.2.9", "2001:db8:0:1::5", "192.0.2.10",
                                            "10.0.0.1", "2001:db8:0:2::"};
    enum ct_result result = CT_OK;
    struct ct_bans *bans = NULL;
    struct ct_sip_ban list[8];
    struct ct_sip_socket address;
    TRY(ct_bans_new(5, &bans));
    for (size_t i = 0; i < 5; i++) {
        EXPECT(ct_sip_address_parse(ct_str_of(addresses[i]), &address));
        ct_bans_add(bans, &address, 1, 100 + (int64_t)i);
    }
    if (ct_bans_list(bans, 1, CT_STR(""), list, 8) < 5) {
        result = CT_NOMEM;
        goto out;
    }
    EXPECT(strcmp(list[0].address, "10.0.0.1") == 0 && strcmp(list[1].address, "192.0.2.10") == 0);
    EXPECT(strcmp(list[2].address, "192.0.2.9") == 0);
    EXPECT(strcmp(list[3].address, "2001:db8:0:1::") == 0);
    EXPECT(ct_bans_list(bans, 1, CT_STR("192.0.2.10"), list, 2) == 2);
    EXPECT(strcmp(list[0].address, "192.0.2.9") == 0);
    EXPECT(ct_sip_address_parse(CT_STR("2001:db8:0:1:2:3:4:5"), &address));
    EXPECT(ct_bans_has(bans, &address, 1) && ct_bans_remove(bans, &address, 1));
    EXPECT(!ct_bans_has(bans, &address, 1) && !ct_bans_remove(bans, &address, 1));
    EXPECT(ct_sip_address_parse(CT_STR("10.0.0.1"), &address));
    EXPECT(ct_bans_has(bans, &address, 102) && !ct_bans_has(bans, &address, 103));
out:
    ct_bans_free(bans);
    return result;
}

/* In a full table the ban goes that ends the soonest. */
static enum ct_result test_full(void)
{
    enum ct_result result = CT_OK;
    struct ct_bans *bans = NULL;
    struct ct_sip_socket address = {.family = CT_SIP_IPV4};
    TRY(ct_bans_new(5, &bans));
    for (size_t i = 0; i <= 5; i++) {
        address.bytes[1] = (uint8_t)i;
        ct_bans_add(bans, &address, 1, i == 3 ? 50 : 100);
        if (!ct_bans_has(bans, &address, 1)) {
            result = CT_NOMEM;
            goto out;
        }
    }
    address.bytes[1] = 3;
    EXPECT(!ct_bans_has(bans, &address, 1));
    address.bytes[1] = 4;
    EXPECT(ct_bans_has(bans, &address, 1));
out:
    ct_bans_free(bans);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_who_is_known), CT_UNIT(test_rates),
                                           CT_UNIT(test_bans),         CT_UNIT(test_lifted),
                                           CT_UNIT(test_lists),        CT_UNIT(test_full)};
    return ct_unit_main("voice/shield", units, sizeof(units) / sizeof(units[0]));
}
