#include "voice/room.h"
#include "voice/trunk_states.h"

#define ONE CT_STR("node one")
#define TWO CT_STR("node two")

struct asking {
    struct ct_trunk_lease lease;
    int64_t trunk_id;
    const char *contact;
};

static enum ct_result run_take(void *ctx, struct ct_db *db)
{
    const struct asking *asking = ctx;
    return ct_trunk_lease_take(db, &asking->lease, asking->trunk_id, ct_str_of(asking->contact));
}

static enum ct_result take(struct scratch *scratch, struct ct_str node, int64_t now_ms, bool alone)
{
    struct asking asking = {{node, now_ms, alone}, 5, node.at};
    return ct_store_write(scratch->store, run_take, &asking);
}

static enum ct_result run_renew(void *ctx, struct ct_db *db)
{
    return ct_trunk_lease_renew(db, ctx);
}

static enum ct_result run_return(void *ctx, struct ct_db *db)
{
    return ct_trunk_lease_return(db, *(struct ct_str *)ctx);
}

struct telling {
    struct ct_trunk_state state;
    bool registration;
    int64_t now_ms;
};

static enum ct_result run_tell(void *ctx, struct ct_db *db)
{
    const struct telling *telling = ctx;
    struct ct_arena *arena = ct_arena_new();
    enum ct_result result = arena == NULL
                                ? CT_NOMEM
                                : ct_trunk_state_tell(arena, db, &telling->state,
                                                      telling->registration, telling->now_ms);
    ct_arena_free(arena);
    return result;
}

static enum ct_result tell(struct scratch *scratch, struct ct_str node,
                           enum ct_trunk_standing standing, const char *one, const char *two)
{
    struct ct_str hosts[] = {ct_str_of(one), ct_str_of(two)};
    struct telling telling = {
        .state = {.trunk_id = 5,
                  .node = node,
                  .standing = standing,
                  .until = standing == CT_TRUNK_IS_REGISTERED ? NOW + MINUTE : CT_NO_TIME,
                  .status = standing == CT_TRUNK_IS_FAILED ? 403 : 200,
                  .reason = CT_STR("Some \"words\""),
                  .hosts = {hosts, 2}},
        .registration = standing != CT_TRUNK_IS_PENDING,
        .now_ms = NOW};
    return ct_store_write(scratch->store, run_tell, &telling);
}

static enum ct_result run_forget(void *ctx, struct ct_db *db)
{
    (void)ctx;
    return ct_trunk_state_forget(db, 5);
}

static enum ct_result open_trunk(struct scratch *scratch)
{
    ct_unit_spare(true);
    enum ct_result result = open_house(scratch);
    if (result == CT_OK)
        result = execute(scratch, "UPDATE users SET role = 'admin' WHERE id IN (2, 3)");
    if (result == CT_OK)
        result = execute(scratch,
                         "INSERT INTO trunks (id, name, enabled, hosts, transport, tls_verify, "
                         "register, prefixes, allow_from, trusted, channels, out_strip, "
                         "out_prepend, in_strip, in_prepend, created_at) VALUES (5, 'carrier', 1, "
                         "'a b', 'udp', 1, 1, '+', '', 0, 0, 0, '', 0, '', 0)");
    ct_unit_spare(false);
    return result;
}

#define HOLDER "SELECT node FROM trunk_states"
#define UNTIL "SELECT CAST(lease_until AS VARCHAR) FROM trunk_states"

static enum ct_result test_leases(void)
{
    struct scratch scratch;
    struct ct_str two = TWO;
    enum ct_result result = open_trunk(&scratch);
    if (result != CT_OK)
        goto out;
    TRY(take(&scratch, ONE, NOW, false));
    EXPECT_VALUE(&scratch, "node one", HOLDER);
    EXPECT_VALUE(&scratch, "1790000030000", UNTIL);
    /* nobody else has it before its end */
    TRY(take(&scratch, TWO, NOW + CT_TRUNK_LEASE_MS, false));
    EXPECT_VALUE(&scratch, "node one", HOLDER);
    struct ct_trunk_lease lease = {ONE, NOW + 10000, false};
    TRY(ct_store_write(scratch.store, run_renew, &lease));
    EXPECT_VALUE(&scratch, "1790000040000", UNTIL);
    lease.node = TWO;
    TRY(ct_store_write(scratch.store, run_renew, &lease));
    EXPECT_VALUE(&scratch, "1790000040000", UNTIL);
    TRY(take(&scratch, TWO, NOW + 10001 + CT_TRUNK_LEASE_MS, false));
    EXPECT_VALUE(&scratch, "node two", HOLDER);
    /* the contact stays with the trunk */
    EXPECT_VALUE(&scratch, "node one", "SELECT contact FROM trunk_states");
    TRY(ct_store_write(scratch.store, run_return, &two));
    EXPECT_VALUE(&scratch, "0", UNTIL);
    TRY(ct_store_write(scratch.store, run_renew, &lease));
    EXPECT_VALUE(&scratch, "0", UNTIL);
    TRY(take(&scratch, ONE, NOW, false));
    EXPECT_VALUE(&scratch, "node one", HOLDER);
    /* who is alone waits for nobody */
    TRY(take(&scratch, TWO, NOW, true));
    EXPECT_VALUE(&scratch, "node two", HOLDER);
    /* of a trunk that is gone there is nothing */
    TRY(execute(&scratch, "DELETE FROM trunks"));
    TRY(ct_store_write(scratch.store, run_forget, NULL));
    TRY(take(&scratch, ONE, NOW, false));
    EXPECT_VALUE(&scratch, "0", "SELECT CAST(count(*) AS VARCHAR) FROM trunk_states");
out:
    scratch_close(&scratch);
    return result;
}

#define EVENTS "SELECT CAST(count(*) AS VARCHAR) FROM events"
#define LAST(column) "SELECT " column " FROM events ORDER BY id DESC LIMIT 1"

static enum ct_result test_telling(void)
{
    struct scratch scratch;
    struct ct_db *db = NULL;
    const struct ct_trunk_state *all;
    struct ct_trunk_state state;
    size_t count;
    enum ct_result result = open_trunk(&scratch);
    if (result != CT_OK)
        goto out;
    /* who does not hold the lease tells nothing */
    TRY(tell(&scratch, ONE, CT_TRUNK_IS_REGISTERED, "a=up", "b=up"));
    TRY(take(&scratch, ONE, NOW, false));
    TRY(tell(&scratch, TWO, CT_TRUNK_IS_REGISTERED, "a=up", "b=up"));
    EXPECT_VALUE(&scratch, "pending", "SELECT registration FROM trunk_states");
    EXPECT_VALUE(&scratch, "0", EVENTS);
    /* hosts alone: that they are up is no news, that one is down is, to both administrators */
    TRY(tell(&scratch, ONE, CT_TRUNK_IS_PENDING, "a=up", "b=unknown"));
    EXPECT_VALUE(&scratch, "0", EVENTS);
    TRY(tell(&scratch, ONE, CT_TRUNK_IS_PENDING, "a=up", "b=down"));
    EXPECT_VALUE(&scratch, "2", EVENTS);
    EXPECT_VALUE(&scratch, "trunk.unreachable", LAST("type"));
    EXPECT_VALUE(&scratch, "{\"name\":\"carrier\",\"host\":\"b\"}", LAST("data"));
    EXPECT_VALUE(&scratch, "3", LAST("CAST(user_id AS VARCHAR)"));
    EXPECT_VALUE(&scratch, "5", LAST("CAST(subject_id AS VARCHAR)"));
    TRY(tell(&scratch, ONE, CT_TRUNK_IS_PENDING, "a=up", "b=down"));
    EXPECT_VALUE(&scratch, "2", EVENTS);
    TRY(tell(&scratch, ONE, CT_TRUNK_IS_PENDING, "a=up", "b=up"));
    EXPECT_VALUE(&scratch, "4", EVENTS);
    EXPECT_VALUE(&scratch, "trunk.reachable", LAST("type"));
    /* the registration, each once */
    TRY(tell(&scratch, ONE, CT_TRUNK_IS_REGISTERED, "a=up", "b=up"));
    TRY(tell(&scratch, ONE, CT_TRUNK_IS_REGISTERED, "a=up", "b=up"));
    EXPECT_VALUE(&scratch, "6", EVENTS);
    EXPECT_VALUE(&scratch, "trunk.registered", LAST("type"));
    TRY(tell(&scratch, ONE, CT_TRUNK_IS_PENDING, "a=up", "b=up"));
    EXPECT_VALUE(&scratch, "registered", "SELECT registration FROM trunk_states");
    TRY(ct_store_read_begin(scratch.store, &db));
    TRY(ct_trunk_state_all(scratch.arena, db, &all, &count));
    EXPECT(count == 1 && all[0].trunk_id == 5 && all[0].standing == CT_TRUNK_IS_REGISTERED);
    EXPECT(all[0].until == NOW + MINUTE && all[0].status == 200 && is(all[0].node, "node one"));
    EXPECT(ct_trunk_state_of_host(&all[0], CT_STR("b")) == CT_TRUNK_HOST_UP);
    EXPECT(ct_trunk_state_of_host(&all[0], CT_STR("c")) == CT_TRUNK_HOST_UNKNOWN);
    EXPECT(ct_trunk_state_of_host(&all[0], CT_STR("")) == CT_TRUNK_HOST_UNKNOWN);
    EXPECT_RESULT(CT_NOT_FOUND, ct_trunk_state_get(scratch.arena, db, 6, &state));
    ct_store_read_end(db);
    db = NULL;
    TRY(tell(&scratch, ONE, CT_TRUNK_IS_FAILED, "a=up", "b=up"));
    EXPECT_VALUE(&scratch, "8", EVENTS);
    EXPECT_VALUE(&scratch, "trunk.unregistered", LAST("type"));
    EXPECT_VALUE(&scratch,
                 "{\"name\":\"carrier\",\"status\":403,\"reason\":\"Some \\\"words\\\"\"}",
                 LAST("data"));
    /* nobody to tell it to */
    TRY(execute(&scratch, "UPDATE users SET role = NULL"));
    TRY(tell(&scratch, ONE, CT_TRUNK_IS_REGISTERED, "a=down", "b=up"));
    EXPECT_VALUE(&scratch, "8", EVENTS);
    EXPECT_VALUE(&scratch, "a=down b=up", "SELECT hosts FROM trunk_states");
out:
    if (db != NULL)
        ct_store_read_end(db);
    scratch_close(&scratch);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_leases),
    CT_UNIT(test_telling),
};

int main(void)
{
    return ct_unit_main("voice/trunk_states", units, sizeof(units) / sizeof(units[0]));
}
