#include "voice/routing.h"

#include "room.h"
#include "voice/number_voice.h"

/** The world that calls are routed in: device 100 and 200 are registered, 101 is not. */

static bool is_registered(void *ctx, int64_t device_id)
{
    (void)ctx;
    return device_id != 101;
}

static int64_t how_busy(void *ctx, int64_t trunk_id)
{
    (void)ctx;
    return trunk_id == 3 ? 2 : 1;
}

static const struct ct_str germany[] = {{"+49", 3}, {"+4930", 5}};
static const struct ct_str everything[] = {{"+", 1}};
static const struct ct_str two_hosts[] = {{"a.example", 9}, {"b.example", 9}};
static const struct ct_str one_host[] = {{"c.example", 9}};

#define TRUNK(number, names, areas, ...)                                                         \
    {                                                                                            \
        .id = (number), .enabled = true, .hosts = {(names), sizeof(names) / sizeof((names)[0])}, \
        .prefixes = {(areas), sizeof(areas) / sizeof((areas)[0])}, __VA_ARGS__                   \
    }

static const struct ct_trunk trunks[] = {
    TRUNK(1, one_host, everything, .out = {1, {"00", 2}}),
    TRUNK(2, two_hosts, germany, .out = {3, {"0", 1}}, .in = {1, {"+49", 3}}, .trusted = true),
    TRUNK(3, one_host, germany, .channels = 2),
    TRUNK(4, one_host, germany, .channels = 2),
};

static const struct ct_routing_world world = {.trunks = trunks,
                                              .trunk_count = sizeof(trunks) / sizeof(trunks[0]),
                                              .now_ms = NOW,
                                              .registered = is_registered,
                                              .busy = how_busy};

static enum ct_result route(struct scratch *scratch, int64_t device_id, struct ct_routing_call call,
                            struct ct_routing *out)
{
    struct ct_device device;
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    if (device_id != 0) {
        call.device = &device;
        result = ct_device_by_id(scratch->arena, db, device_id, &device);
    }
    if (result == CT_OK)
        result = ct_route_call(&world, scratch->arena, db, &call, out);
    ct_store_read_end(db);
    return result;
}

static enum ct_result route_on(struct scratch *scratch, const struct ct_routing *before,
                               struct ct_routing *out)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_route_on(&world, scratch->arena, db, before, out);
    ct_store_read_end(db);
    return result;
}

/* Routes a call of device 100 (alice's), or of @p trunk. */
#define ROUTE(number, out) \
    route(&scratch, 100, (struct ct_routing_call){.dialled = CT_STR(number)}, (out))
#define ROUTE_FROM(trunk_at, number, who, out)                                                  \
    route(&scratch, 0,                                                                          \
          (struct ct_routing_call){                                                             \
              .trunk = &trunks[trunk_at], .dialled = CT_STR(number), .presented = CT_STR(who)}, \
          (out))

static enum ct_result test_to_devices(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_routing found;

    TRY(open_house(&scratch));
    TRY(ROUTE("+4930000020", &found));
    EXPECT(found.status == 0 && found.devices.count == 1 && found.devices.at[0] == 200);
    EXPECT(found.way_count == 0 && !found.in_order && found.ring_ms == 30000 && !found.record);
    EXPECT(found.caller_id == ALICE && found.callee_id == BOB && found.number_id == 20);
    EXPECT(is(found.to, "+4930000020") && is(found.number, "+4930000020"));
    EXPECT(is(found.identity.number, "+4930000010") && found.identity.number_id == 10);
    /* alice's own: 101 is away */
    TRY(ROUTE("+4930000011", &found));
    EXPECT(found.devices.count == 1 && found.devices.at[0] == 100);
    /* dialled in other ways */
    TRY(ROUTE("004930000020", &found));
    EXPECT(is(found.to, "+4930000020"));
    TRY(ROUTE("4930000020", &found));
    EXPECT(is(found.to, "+4930000020") && found.status == 0);
    /* as the number says */
    TRY(execute(&scratch, "UPDATE virtual_phone_numbers SET voice = '{\"ring\":[101,100],"
                          "\"strategy\":\"in_order\",\"timeout_s\":7,\"forward_to\":null,"
                          "\"on_no_answer\":\"+12\",\"record\":true}' WHERE id = 11"));
    TRY(ROUTE("+4930000011", &found));
    EXPECT(found.in_order && found.ring_ms == 7000 && found.record && found.devices.count == 1);
    EXPECT(is(found.on_no_answer, "+12"));
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_what_rings_nobody(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_routing found;

    TRY(open_house(&scratch));
    /* nobody has it; no devices; no number at all */
    TRY(ROUTE("+4930000040", &found));
    EXPECT(found.status == 404);
    TRY(ROUTE("+4930000030", &found));
    EXPECT(found.status == 480 && found.callee_id == CAROL && found.number_id == 30);
    TRY(ROUTE("alice", &found));
    EXPECT(found.status == 404 && is(found.to, "alice"));
    TRY(ROUTE("", &found));
    EXPECT(found.status == 404 && found.to.at == NULL);
    TRY(ROUTE("030123456", &found));
    EXPECT(found.status == 404);
    /* all of them away */
    TRY(execute(&scratch, "UPDATE virtual_phone_numbers SET voice = '{\"ring\":[101],"
                          "\"strategy\":\"all\",\"timeout_s\":7}' WHERE id = 11"));
    TRY(ROUTE("+4930000011", &found));
    EXPECT(found.status == 480);
    /* a pool's number that nobody has */
    TRY(execute(&scratch,
                "INSERT INTO number_pools (id, name, size, ranges, first, last, created_at) "
                "VALUES (1, 'p', 10, 1, 4989000000, 4989000009, 0)"));
    TRY(execute(&scratch, "INSERT INTO pool_ranges (first, last, pool_id) VALUES "
                          "(4989000000, 4989000009, 1)"));
    TRY(ROUTE("+4989000005", &found));
    EXPECT(found.status == 404);
out:
    scratch_close(&scratch);
    return result;
}

#define VOICE(forward, later)                                                   \
    "{\"ring\":[],\"strategy\":\"all\",\"timeout_s\":7,\"forward_to\":" forward \
    ",\"on_no_answer\":" later ",\"record\":false}"
#define SET(id, forward, later)                                           \
    execute(&scratch, "UPDATE virtual_phone_numbers SET voice = '" VOICE( \
                          forward, later) "' WHERE id = " #id)

static enum ct_result test_forwarding(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_routing found;
    struct ct_routing next;

    TRY(open_house(&scratch));
    /* 11 -> 20, which is bob's */
    TRY(SET(11, "\"+4930000020\"", "null"));
    TRY(ROUTE("+4930000011", &found));
    EXPECT(found.status == 0 && found.devices.count == 1 && found.devices.at[0] == 200);
    EXPECT(is(found.to, "+4930000011") && is(found.number, "+4930000020"));
    EXPECT(found.callee_id == ALICE && found.number_id == 11 &&
           is(found.identity.number, "+4930000010"));
    /* in a circle */
    TRY(SET(20, "\"+4930000011\"", "null"));
    TRY(ROUTE("+4930000011", &found));
    EXPECT(found.status == 482);
    /* out: what is presented there is the number that forwards, whose owner pays */
    TRY(SET(20, "\"+12025550123\"", "null"));
    TRY(ROUTE("+4930000011", &found));
    EXPECT(found.status == 0 && found.way_count == 1 && found.payer_id == BOB);
    EXPECT(is(found.ways[0].number, "0012025550123"));
    EXPECT(is(found.identity.number, "+4930000020") && found.identity.number_id == 20);
    /* when nobody answers, or nobody is there */
    TRY(SET(11, "null", "\"+12025550123\""));
    TRY(ROUTE("+4930000011", &found));
    EXPECT(found.way_count == 1 && found.payer_id == ALICE && found.identity.number_id == 11);
    TRY(execute(&scratch, "UPDATE virtual_phone_numbers SET voice = '{\"ring\":[100],"
                          "\"strategy\":\"all\",\"timeout_s\":7,\"on_no_answer\":"
                          "\"+4930000020\"}' WHERE id = 11"));
    TRY(SET(20, "null", "null"));
    TRY(execute(&scratch, "UPDATE virtual_phone_numbers SET voice = NULL WHERE id = 20"));
    TRY(ROUTE("+4930000011", &found));
    EXPECT(found.devices.count == 1 && found.devices.at[0] == 100);
    TRY(route_on(&scratch, &found, &next));
    EXPECT(next.status == 0 && next.devices.count == 1 && next.devices.at[0] == 200);
    EXPECT(is(next.to, "+4930000011") && next.number_id == 11 && next.on_no_answer.at == NULL);
    EXPECT_RESULT(CT_NOT_FOUND, route_on(&scratch, &next, &found));
out:
    scratch_close(&scratch);
    return result;
}

/* As many numbers in a row as may be, and one more. */
static enum ct_result test_a_long_way(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_routing found;

    TRY(open_house(&scratch));
    TRY(execute(&scratch,
                "INSERT INTO virtual_phone_numbers (id, phone_number, user_id, voice) "
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 7) "
                "SELECT 50 + i, '+490' || i, 2, '{\"ring\":[200],\"strategy\":\"all\","
                "\"timeout_s\":7,\"forward_to\":' || CASE i WHEN 7 THEN 'null' ELSE "
                "'\"+490' || (i + 1) || '\"' END || '}' FROM n"));
    TRY(ROUTE("+4902", &found));
    EXPECT(found.status == 0 && found.passed_count == CT_FORWARDS_MAX + 1);
    TRY(ROUTE("+4901", &found));
    EXPECT(found.status == 482);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_ways_out(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_routing found;

    TRY(open_house(&scratch));
    TRY(ROUTE("+12025550123", &found));
    EXPECT(found.status == 0 && found.way_count == 1 && found.ways[0].trunk->id == 1);
    EXPECT(is(found.ways[0].number, "0012025550123") && is(found.ways[0].host, "c.example"));
    EXPECT(found.payer_id == ALICE && found.caller_id == ALICE && found.callee_id == 0);
    /* the longest prefix: both hosts of 2, not 3, which is busy, and 4 */
    TRY(ROUTE("+49301234567", &found));
    EXPECT(found.way_count == 3 && found.ways[0].trunk->id == 2 && found.ways[1].trunk->id == 2 &&
           found.ways[2].trunk->id == 4);
    EXPECT(is(found.ways[0].host, "a.example") && is(found.ways[1].host, "b.example"));
    EXPECT(is(found.ways[0].number, "0301234567") && is(found.ways[2].number, "+49301234567"));
    /* what comes from a trunk does not go out again by itself */
    TRY(ROUTE_FROM(0, "+12025550123", "+12", &found));
    EXPECT(found.status == 404 && found.caller_id == 0);
    /* no way, and none that is free */
    struct ct_routing_world narrow = world;
    const struct ct_way_out *ways;
    size_t count;
    bool any;
    narrow.trunks = &trunks[2];
    narrow.trunk_count = 1;
    TRY(ct_ways_out(&narrow, scratch.arena, CT_STR("+49301"), &ways, &count, &any));
    EXPECT(any && count == 0);
    TRY(ct_ways_out(&narrow, scratch.arena, CT_STR("+1"), &ways, &count, &any));
    EXPECT(!any && count == 0);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_who_calls(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_routing found;

    TRY(open_house(&scratch));
    /* a number that the owner has, one that bob has, one that nobody has, and none */
    const char *const presented[] = {"+4930000011", "+4930000020", "+4930000040", "alice", ""};
    const char *const shown[] = {"+4930000011", "+4930000010", "+4930000010", "+4930000010",
                                 "+4930000010"};
    for (size_t i = 0; i < sizeof(presented) / sizeof(presented[0]); i++) {
        const struct ct_routing_call call = {.dialled = CT_STR("+4930000020"),
                                             .presented = ct_str_of(presented[i]),
                                             .asserted = CT_STR("+4930000020"),
                                             .anonymous = i == 1};
        TRY(route(&scratch, 100, call, &found));
        EXPECT(is(found.identity.number, shown[i]) && found.identity.anonymous == (i == 1));
    }
    /* from a trunk: rewritten; not what it asserts unless it is trusted; whatever it says */
    TRY(ROUTE_FROM(1, "030000020", "089123456", &found));
    EXPECT(is(found.to, "+4930000020") && is(found.identity.number, "+4989123456"));
    EXPECT(found.caller_id == 0 && found.callee_id == BOB && found.status == 0);
    TRY(ROUTE_FROM(0, "+4930000020", "Alice & Bob", &found));
    EXPECT(is(found.identity.number, "Alice & Bob") && found.identity.number_id == 0);
    TRY(ROUTE_FROM(0, "+4930000020", "a\nb", &found));
    EXPECT(found.identity.number.at == NULL);
    for (size_t at = 0; at < 2; at++) {
        const struct ct_routing_call call = {.trunk = &trunks[at],
                                             .dialled = CT_STR("+4930000020"),
                                             .presented = CT_STR("+12"),
                                             .asserted = CT_STR("+13"),
                                             .anonymous = true};
        TRY(route(&scratch, 0, call, &found));
        EXPECT(found.identity.anonymous);
        EXPECT(at == 1 ? is(found.identity.number, "+13") : found.identity.number.at == NULL);
    }
    /* a number that an account here has is what a trusted trunk asserts, and no other */
    for (size_t at = 0; at < 2; at++) {
        struct ct_routing_call call = {.trunk = &trunks[at],
                                       .dialled = CT_STR("+4930000020"),
                                       .presented = CT_STR("+4930000010"),
                                       .asserted = CT_STR("+4930000010")};
        TRY(route(&scratch, 0, call, &found));
        EXPECT(found.identity.anonymous == (at == 0) && found.identity.number_id == 0);
        EXPECT(is(found.identity.number, "+4930000010") && found.status == 0);
        call.asserted.len = 0;
        TRY(route(&scratch, 0, call, &found));
        EXPECT(found.identity.anonymous);
        call.presented = CT_STR("+4930000040"); /* one that nobody has */
        TRY(route(&scratch, 0, call, &found));
        EXPECT(!found.identity.anonymous && is(found.identity.number, "+4930000040"));
    }
    /* one without a number */
    TRY(execute(&scratch, "UPDATE virtual_phone_numbers SET user_id = 3 WHERE user_id = 1"));
    TRY(ROUTE("+4930000020", &found));
    EXPECT(found.identity.number.at == NULL && found.identity.number_id == 0);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_whose_call_it_is(void)
{
    static const struct ct_str allowed[] = {
        {"nonsense", 8}, {"2001:db8::/32", 13}, {"192.0.2.0/24", 12}, {"203.0.113.5", 11}};
    static const unsigned char inside[] = {192, 0, 2, 9};
    static const unsigned char beside[] = {192, 0, 3, 9};
    static const unsigned char alone[] = {203, 0, 113, 5};
    static const unsigned char ipv6[16] = {0x20, 1, 0x0D, 0xB8, [15] = 7};
    static const unsigned char mapped[16] = {[10] = 0xFF, [11] = 0xFF, 192, 0, 2, 9};
    enum ct_result result = CT_OK;
    struct ct_trunk two[] = {{.id = 1, .allow_from = {allowed, 4}},
                             {.id = 2, .enabled = true, .allow_from = {allowed, 4}}};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    for (size_t i = 0; i < 2; i++)
        TRY(ct_trunk_read_networks(arena, &two[i]));
    EXPECT(two[1].network_count == 3);
    EXPECT(ct_trunk_from(two, 2, inside, 4) == &two[1]);
    EXPECT(ct_trunk_from(two, 2, alone, 4) == &two[1]);
    EXPECT(ct_trunk_from(two, 2, ipv6, 16) == &two[1]);
    EXPECT(ct_trunk_from(two, 2, mapped, 16) == &two[1]);
    EXPECT(ct_trunk_from(two, 2, beside, 4) == NULL);
    EXPECT(ct_trunk_from(two, 1, inside, 4) == NULL);
    EXPECT(ct_trunk_from(trunks, 4, inside, 4) == NULL);
out:
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_to_devices),       CT_UNIT(test_what_rings_nobody), CT_UNIT(test_forwarding),
        CT_UNIT(test_a_long_way),       CT_UNIT(test_ways_out),          CT_UNIT(test_who_calls),
        CT_UNIT(test_whose_call_it_is),
    };
    return ct_unit_main("routing", units, sizeof(units) / sizeof(units[0]));
}
