#include "voice/locations.h"

#include "harness.h"
#include "outside.h"

/* Where devices are, on a clock of its own. */
struct place {
    struct outside outside;
    struct ct_wheel *wheel;
    struct ct_locations *all;
};

static enum ct_result open_place(struct place *place)
{
    *place = (struct place){.wheel = NULL};
    outside_open(&place->outside);
    enum ct_result result = ct_wheel_new(place->outside.now_ms, &place->wheel);
    return result == CT_OK ? ct_locations_new(place->wheel, &place->outside.env, &place->all)
                           : result;
}

static void close_place(struct place *place)
{
    ct_locations_free(place->all);
    ct_wheel_free(place->wheel);
}

static void wait(struct place *place, int64_t ms)
{
    place->outside.now_ms += ms;
    ct_wheel_turn(place->wheel, place->outside.now_ms);
}

static struct ct_binding_row row_of(int64_t device_id, int64_t at, const char *contact, int64_t q,
                                    int64_t registered_at)
{
    return (struct ct_binding_row){.device_id = device_id,
                                   .place = at,
                                   .contact = ct_str_of(contact),
                                   .path = CT_STR("<sip:p>"),
                                   .user_agent = CT_STR("phone"),
                                   .instance = CT_STR("<urn:1>"),
                                   .reg_id = 3,
                                   .transport = CT_STR("udp"),
                                   .source = CT_STR("192.0.2.1:5062"),
                                   .q = q,
                                   .call_id = CT_STR("c"),
                                   .cseq = 9,
                                   .registered_at = OUTSIDE_UNIX + registered_at,
                                   .expires_at = OUTSIDE_UNIX + 1000 + 60000};
}

static bool has(const struct place *place, int64_t device_id, const char *contacts)
{
    char text[64];
    size_t size = 0;
    struct ct_location_list list = ct_locations_find(place->all, device_id);
    for (size_t i = 0; i < list.count; i++) {
        memcpy(text + size, list.all[i]->contact.at, list.all[i]->contact.len);
        size += list.all[i]->contact.len;
        text[size++] = ' ';
    }
    return ct_str_equal((struct ct_str){text, size}, ct_str_of(contacts));
}

static enum ct_result put(struct place *place, struct ct_binding_row row,
                          const struct ct_sip_hop *hop)
{
    return ct_locations_put(place->all, &row, hop);
}

static enum ct_result test_order(void)
{
    enum ct_result result = CT_OK;
    struct place place;
    TRY(open_place(&place));
    EXPECT(has(&place, 1, "") && ct_locations_count(place.all) == 0);
    TRY(put(&place, row_of(1, 0, "sip:a", 500, 1), NULL));
    TRY(put(&place, row_of(1, 1, "sip:b", 1000, 2), NULL));
    TRY(put(&place, row_of(1, 2, "sip:c", 1000, 3), NULL));
    TRY(put(&place, row_of(65537, 0, "sip:x", 1000, 3), NULL)); /* in the same bucket */
    EXPECT(has(&place, 1, "sip:c sip:b sip:a ") && has(&place, 65537, "sip:x "));
    TRY(put(&place, row_of(1, 0, "sip:d", 1000, 4), NULL));
    EXPECT(has(&place, 1, "sip:d sip:c sip:b ") && ct_locations_count(place.all) == 4);
    const struct ct_location *first =
        (const struct ct_location *)(const void *)ct_locations_find(place.all, 1).all[0];
    EXPECT(first->reg_id == 3 && first->cseq == 9 && first->place == 0);
    EXPECT(ct_str_equal(first->call_id, CT_STR("c")));
    EXPECT(ct_str_equal(first->binding.path, CT_STR("<sip:p>")));
    EXPECT(ct_str_equal(first->binding.instance, CT_STR("<urn:1>")));
    EXPECT(ct_str_equal(first->binding.user_agent, CT_STR("phone")));
    ct_locations_remove(place.all, 1, 2);
    ct_locations_remove(place.all, 1, 7);
    ct_locations_remove(place.all, 2, 0);
    EXPECT(has(&place, 1, "sip:d sip:b "));
    ct_locations_forget(place.all, 1);
    ct_locations_forget(place.all, 1);
    EXPECT(has(&place, 1, "") && has(&place, 65537, "sip:x ") &&
           ct_locations_count(place.all) == 1);
    ct_locations_remove(place.all, 65537, 0);
    EXPECT(has(&place, 65537, ""));
out:
    close_place(&place);
    return result;
}

static enum ct_result test_expiry(void)
{
    enum ct_result result = CT_OK;
    struct place place;
    struct ct_binding_row later = row_of(1, 1, "sip:b", 1000, 2);
    TRY(open_place(&place));
    later.expires_at += 1;
    TRY(put(&place, row_of(1, 0, "sip:a", 1000, 1), NULL));
    TRY(put(&place, later, NULL));
    wait(&place, 59999);
    EXPECT(has(&place, 1, "sip:b sip:a ") && !ct_locations_take_expired(place.all));
    wait(&place, 1);
    EXPECT(has(&place, 1, "sip:b "));
    EXPECT(ct_locations_take_expired(place.all) && !ct_locations_take_expired(place.all));
    later.expires_at += 1000;
    TRY(put(&place, later, NULL));
    wait(&place, 1000);
    EXPECT(has(&place, 1, "sip:b "));
    wait(&place, 1);
    EXPECT(has(&place, 1, "") && ct_locations_count(place.all) == 0);
out:
    close_place(&place);
    return result;
}

static enum ct_result test_sources(void)
{
    enum ct_result result = CT_OK;
    struct place place;
    struct ct_sip_hop phone = outside_hop(CT_SIP_UDP, "192.0.2.1", 5062, 0);
    struct ct_sip_hop other = outside_hop(CT_SIP_UDP, "192.0.2.1", 5063, 0);
    struct ct_sip_hop browser = outside_hop(CT_SIP_WSS, "192.0.2.1", 5062, 7);
    struct ct_sip_hop later = outside_hop(CT_SIP_WSS, "192.0.2.1", 5062, 8);
    TRY(open_place(&place));
    TRY(put(&place, row_of(1, 0, "sip:a", 1000, 1), &phone));
    EXPECT(ct_locations_know(place.all, &phone) && !ct_locations_know(place.all, &other));
    EXPECT(!ct_locations_know(place.all, &browser));
    TRY(put(&place, row_of(1, 1, "sip:b", 1000, 2), &browser));
    EXPECT(ct_locations_know(place.all, &browser) && !ct_locations_know(place.all, &later));
    later.connection = 0;
    EXPECT(!ct_locations_know(place.all, &later));
    ct_locations_lost(place.all, &browser);
    EXPECT(has(&place, 1, "sip:a ") && !ct_locations_know(place.all, &browser));
    ct_locations_lost(place.all, &phone);
    EXPECT(has(&place, 1, "sip:a ") && ct_locations_know(place.all, &phone));
out:
    close_place(&place);
    return result;
}

/* A phone that came by TCP is called at its contact, when that is an address. */
static enum ct_result test_lost_connections(void)
{
    enum ct_result result = CT_OK;
    struct place place;
    struct ct_sip_hop hop = outside_hop(CT_SIP_TCP, "192.0.2.1", 40000, 7);
    TRY(open_place(&place));
    TRY(put(&place, row_of(1, 0, "sip:a@192.0.2.1:5070;transport=tcp", 1000, 1), &hop));
    TRY(put(&place, row_of(1, 1, "sip:a@phone.invalid;transport=tcp", 1000, 1), &hop));
    TRY(put(&place, row_of(2, 0, "sip:a@192.0.2.1", 1000, 1), &hop));
    /* not where somebody else is, whatever the contact says */
    TRY(put(&place, row_of(3, 0, "sip:+1900@192.0.2.9;transport=tcp", 1000, 1), &hop));
    ct_locations_lost(place.all, &hop);
    struct ct_location_list list = ct_locations_find(place.all, 1);
    EXPECT(list.count == 1 && list.all[0]->hop.peer.port == 5070 &&
           list.all[0]->hop.connection == 0);
    EXPECT(list.all[0]->hop.transport == CT_SIP_TCP);
    list = ct_locations_find(place.all, 2);
    EXPECT(list.count == 1 && list.all[0]->hop.peer.port == 5060);
    EXPECT(ct_locations_find(place.all, 3).count == 0);
    EXPECT(!ct_locations_know(place.all, &hop));
out:
    close_place(&place);
    return result;
}

/* What is read from the database after a restart. */
static enum ct_result test_rows(void)
{
    static const struct {
        const char *transport, *source, *contact;
        bool there;
        uint16_t port;
    } cases[] = {
        {"udp", "192.0.2.1:5062", "sip:a", true, 5062},
        {"udp", "[2001:db8::1]:5062", "sip:a", true, 5062},
        {"tcp", "192.0.2.1:40000", "sip:a@192.0.2.1:5070", true, 5070},
        {"tls", "[2001:db8::1]:40000", "sip:a@[2001:db8::1]", true, 5061},
        {"tls", "192.0.2.1:40000", "sip:a@[2001:db8::1]", false, 0},
        {"tcp", "192.0.2.1:40000", "sip:a@192.0.2.2:25", false, 0},
        {"tcp", "192.0.2.1:40000", "sip:a@phone.invalid", false, 0},
        {"ws", "192.0.2.1:40000", "sip:a@192.0.2.1", false, 0},
        {"wss", "192.0.2.1:40000", "sip:a@192.0.2.1", false, 0},
        {"sctp", "192.0.2.1:5062", "sip:a", false, 0},
        {"udp", "192.0.2.1", "sip:a", false, 0},
        {"udp", "192.0.2.1:", "sip:a", false, 0},
        {"udp", "192.0.2.1:65536", "sip:a", false, 0},
        {"udp", "phone.invalid:5060", "sip:a", false, 0},
        {"udp", "", "sip:a", false, 0},
    };
    enum ct_result result = CT_OK;
    struct place place;
    TRY(open_place(&place));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_binding_row row = row_of((int64_t)i, 0, cases[i].contact, 1000, 1);
        row.transport = ct_str_of(cases[i].transport);
        row.source = ct_str_of(cases[i].source);
        TRY(put(&place, row, NULL));
        struct ct_location_list list = ct_locations_find(place.all, (int64_t)i);
        EXPECT(list.count == (cases[i].there ? 1 : 0));
        EXPECT(list.count == 0 || list.all[0]->hop.peer.port == cases[i].port);
    }
out:
    close_place(&place);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_order), CT_UNIT(test_expiry),
                                           CT_UNIT(test_sources), CT_UNIT(test_lost_connections),
                                           CT_UNIT(test_rows)};
    return ct_unit_main("voice/locations", units, sizeof(units) / sizeof(units[0]));
}
