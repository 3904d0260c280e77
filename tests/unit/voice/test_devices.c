#include "voice/devices.h"

#include "room.h"
#include "sip/digest.h"
#include "voice/forget.h"
#include "voice/number_voice.h"

static enum ct_result get_device(struct scratch *scratch, int64_t user_id, int64_t id,
                                 struct ct_device *out)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_device_get(scratch->arena, db, user_id, id, out);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_reading(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_db *db = NULL;
    struct ct_device device;
    struct ct_device rows[3];
    size_t count;
    int64_t many;

    TRY(open_house(&scratch));
    TRY(ct_store_read_begin(scratch.store, &db));
    TRY(ct_device_by_username(scratch.arena, db, CT_STR("d200-c"), &device));
    EXPECT(device.id == 200 && device.user_id == BOB && is(device.name, "c") &&
           is(device.ha1_md5, "m") && is(device.ha1_sha256, "s") && device.created_at == 5);
    EXPECT(is(device.caller_id, "+4930000020") && device.caller_id_number == 20 &&
           device.caller_number_id == 0);
    EXPECT_RESULT(CT_NOT_FOUND,
                  ct_device_by_username(scratch.arena, db, CT_STR("D200-C"), &device));
    TRY(ct_device_by_id(scratch.arena, db, 100, &device));
    EXPECT_RESULT(CT_NOT_FOUND, ct_device_by_id(scratch.arena, db, 1, &device));
    EXPECT_RESULT(CT_NOT_FOUND, ct_device_get(scratch.arena, db, BOB, 100, &device));
    TRY(ct_device_list(scratch.arena, db, ALICE, 0, 3, rows, &count));
    EXPECT(count == 2 && rows[0].id == 100 && rows[1].id == 101);
    TRY(ct_device_list(scratch.arena, db, ALICE, 100, 3, rows, &count));
    EXPECT(count == 1);
    TRY(ct_device_count(db, ALICE, 9, &many));
    EXPECT(many == 2);
    TRY(ct_device_count(db, ALICE, 1, &many));
    EXPECT(many == 1);
out:
    if (db != NULL)
        ct_store_read_end(db);
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_the_number_that_it_presents(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_device device;

    TRY(open_house(&scratch));
    TRY(get_device(&scratch, ALICE, 100, &device));
    EXPECT(is(device.caller_id, "+4930000010"));
    TRY(execute(&scratch, "UPDATE devices SET caller_number_id = 11"));
    TRY(get_device(&scratch, ALICE, 100, &device));
    EXPECT(is(device.caller_id, "+4930000011") && device.caller_id_number == 11);
    /* it is somebody else's */
    TRY(get_device(&scratch, BOB, 200, &device));
    EXPECT(is(device.caller_id, "+4930000020") && device.caller_number_id == 11);
    TRY(execute(&scratch, "UPDATE virtual_phone_numbers SET user_id = NULL WHERE user_id = 2"));
    TRY(get_device(&scratch, BOB, 200, &device));
    EXPECT(device.caller_id.at == NULL && device.caller_id_number == 0);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_secrets(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch = {0};
    struct ct_device_secret first;
    struct ct_device_secret second;
    struct ct_digest_hex hex;
    scratch.arena = ct_arena_new();
    TRY_MEMORY(scratch.arena);

    TRY(ct_device_secret_make(scratch.arena, 42, CT_STR(""), CT_STR("realm"), &first));
    EXPECT(first.username.len == 4 + 26 && memcmp(first.username.at, "d42-", 4) == 0);
    EXPECT(first.password.len == 26 &&
           strspn(first.password.at, "0123456789abcdefghjkmnpqrstvwxyz") == 26);
    ct_digest_ha1(CT_DIGEST_MD5, first.username, CT_STR("realm"), first.password, &hex);
    EXPECT(is(first.ha1_md5, hex.text));
    ct_digest_ha1(CT_DIGEST_SHA256, first.username, CT_STR("realm"), first.password, &hex);
    EXPECT(is(first.ha1_sha256, hex.text));
    /* a new password for the same name */
    TRY(ct_device_secret_make(scratch.arena, 42, first.username, CT_STR("realm"), &second));
    EXPECT(ct_str_equal(first.username, second.username) &&
           !ct_str_equal(first.password, second.password) &&
           !ct_str_equal(first.ha1_md5, second.ha1_md5));
out:
    ct_arena_free(scratch.arena);
    return result;
}

/* ---- changes ---- */

static enum ct_result run_insert(void *ctx, struct ct_db *db)
{
    struct ct_device *device = ctx;
    enum ct_result result = ct_device_next_id(db, &device->id);
    return result == CT_OK ? ct_device_insert(db, device) : result;
}

static enum ct_result run_save(void *ctx, struct ct_db *db)
{
    return ct_device_save(db, ctx);
}

static enum ct_result run_delete(void *ctx, struct ct_db *db)
{
    return ct_device_delete(db, ctx);
}

static enum ct_result run_forget(void *ctx, struct ct_db *db)
{
    return ct_voice_forget_account(db, *(const int64_t *)ctx, NOW);
}

static enum ct_result test_changing(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_device device = {.user_id = CAROL,
                               .name = CT_STR("x"),
                               .username = CT_STR("d-x"),
                               .ha1_md5 = CT_STR("1"),
                               .ha1_sha256 = CT_STR("2"),
                               .created_at = NOW};

    TRY(open_house(&scratch));
    TRY(ct_store_write(scratch.store, run_insert, &device));
    EXPECT(device.id == 201);
    device.name = CT_STR("y");
    device.ha1_md5 = CT_STR("3");
    device.caller_number_id = 30;
    TRY(ct_store_write(scratch.store, run_save, &device));
    EXPECT_VALUE(&scratch, "y 3 2 30",
                 "SELECT name || ' ' || ha1_md5 || ' ' || ha1_sha256 || ' ' || caller_number_id "
                 "FROM devices WHERE id = 201");
    TRY(ct_store_write(scratch.store, run_delete, &device));
    EXPECT_RESULT(CT_NOT_FOUND, ct_store_write(scratch.store, run_delete, &device));
    EXPECT_RESULT(CT_NOT_FOUND, ct_store_write(scratch.store, run_save, &device));
    /* an id is not given again; nor is there a device of nobody */
    TRY(ct_store_write(scratch.store, run_insert, &device));
    EXPECT(device.id == 202);
    device.user_id = 99;
    device.username = CT_STR("d-z");
    EXPECT_RESULT(CT_NOT_FOUND, ct_store_write(scratch.store, run_insert, &device));
out:
    scratch_close(&scratch);
    return result;
}

#define RING(list)                                                                   \
    "{\"ring\":[" list "],\"strategy\":\"all\",\"timeout_s\":9,\"forward_to\":null," \
    "\"on_no_answer\":null,\"record\":true}"

static enum ct_result test_a_device_that_is_gone_rings_no_more(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_device device;
    const int64_t alice = ALICE;

    TRY(open_house(&scratch));
    TRY(execute(&scratch,
                "UPDATE virtual_phone_numbers SET voice = '" RING("101,100") "' "
                                                                             "WHERE id = 10"));
    TRY(execute(&scratch,
                "UPDATE virtual_phone_numbers SET voice = '" RING("100") "' "
                                                                         "WHERE id = 11"));
    /* what only looks like it: 1009, and 100 of somebody else's number */
    TRY(execute(&scratch,
                "UPDATE virtual_phone_numbers SET voice = '" RING("100") "' "
                                                                         "WHERE id = 20"));
    TRY(execute(&scratch,
                "INSERT INTO virtual_phone_numbers (id, phone_number, user_id, voice) "
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) "
                "SELECT 1000 + i, '+77' || i, 1, CASE i WHEN 250 THEN '" RING(
                    "100,101") "' ELSE '" RING("1009") "' END FROM n"));
    TRY(get_device(&scratch, ALICE, 100, &device));
    TRY(ct_store_write(scratch.store, run_delete, &device));
    EXPECT_VALUE(&scratch, RING("101"), "SELECT voice FROM virtual_phone_numbers WHERE id = 10");
    EXPECT_VALUE(&scratch, RING(""), "SELECT voice FROM virtual_phone_numbers WHERE id = 11");
    EXPECT_VALUE(&scratch, RING("100"), "SELECT voice FROM virtual_phone_numbers WHERE id = 20");
    EXPECT_VALUE(&scratch, RING("1009"), "SELECT voice FROM virtual_phone_numbers WHERE id = 1007");
    EXPECT_VALUE(&scratch, RING("101"), "SELECT voice FROM virtual_phone_numbers WHERE id = 1250");
    EXPECT_VALUE(&scratch, "1", "SELECT version FROM virtual_phone_numbers WHERE id = 10");
    EXPECT_VALUE(&scratch, "-", "SELECT version FROM virtual_phone_numbers WHERE id = 1007");
    /* the end of the account */
    TRY(execute(&scratch, "INSERT INTO call_caps VALUES (1, 1, '+', 0, 0, 0, 0)"));
    TRY(execute(&scratch, "INSERT INTO call_usage VALUES (1, 1, 1)"));
    TRY(ct_store_write(scratch.store, run_forget, (void *)(uintptr_t)&alice));
    EXPECT_VALUE(&scratch, "1 0 0",
                 "SELECT (SELECT count(*) FROM devices) || ' ' || (SELECT count(*) FROM "
                 "call_caps) || ' ' || (SELECT count(*) FROM call_usage)");
    /* that of the account comes first */
    EXPECT_VALUE(&scratch, "device.deleted 0",
                 "SELECT type || ' ' || subject_id FROM events ORDER BY id");
    EXPECT_VALUE(&scratch, "device.deleted 101",
                 "SELECT type || ' ' || subject_id FROM events ORDER BY id DESC");
out:
    scratch_close(&scratch);
    return result;
}

struct realm {
    const char *domain;
    char text[32];
};

static enum ct_result run_realm(void *ctx, struct ct_db *db)
{
    struct realm *realm = ctx;
    struct ct_str text = {0};
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = realm->domain == NULL
                                ? ct_realm_read(arena, db, &text)
                                : ct_realm_settle(arena, db, ct_str_of(realm->domain), &text);
    (void)snprintf(realm->text, sizeof(realm->text), "%.*s", (int)text.len,
                   text.at == NULL ? "" : text.at);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_the_realm(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct realm read = {0};
    struct realm first = {.domain = "a.example"};
    struct realm second = {.domain = "b.example"};

    TRY(scratch_open(&scratch));
    EXPECT_RESULT(CT_NOT_FOUND, ct_store_write(scratch.store, run_realm, &read));
    TRY(ct_store_write(scratch.store, run_realm, &first));
    TRY(ct_store_write(scratch.store, run_realm, &second));
    TRY(ct_store_write(scratch.store, run_realm, &read));
    EXPECT(strcmp(first.text, "a.example") == 0 && strcmp(second.text, "a.example") == 0 &&
           strcmp(read.text, "a.example") == 0);
out:
    scratch_close(&scratch);
    return result;
}

/* ---- what happens when a number is called ---- */

static enum ct_result test_the_text_of_a_row(void)
{
    static const int64_t ids[] = {5, 3};
    const struct ct_number_voice voice = {.ring = {ids, 2},
                                          .strategy = CT_STR("in_order"),
                                          .timeout_s = 20,
                                          .forward_to = CT_STR("+12"),
                                          .record = true};
    enum ct_result result = CT_OK;
    struct scratch scratch = {0};
    struct ct_number_voice read;
    struct ct_str text;
    scratch.arena = ct_arena_new();
    TRY_MEMORY(scratch.arena);

    TRY(ct_number_voice_write(scratch.arena, &voice, &text));
    EXPECT(is(text, "{\"ring\":[5,3],\"strategy\":\"in_order\",\"timeout_s\":20,\"forward_to\":"
                    "\"+12\",\"on_no_answer\":null,\"record\":true}"));
    TRY(ct_number_voice_read(scratch.arena, text, &read));
    EXPECT(read.ring.count == 2 && read.ring.at[0] == 5 && read.ring.at[1] == 3 && read.record &&
           read.timeout_s == 20 && is(read.strategy, "in_order") && is(read.forward_to, "+12") &&
           read.on_no_answer.at == NULL);
    /* of a later version */
    TRY(ct_number_voice_read(
        scratch.arena, CT_STR("{\"ring\":[],\"strategy\":\"all\",\"timeout_s\":5,\"more\":1}"),
        &read));
    const char *const broken[] = {
        "",
        "[]",
        "{}",
        "{\"ring\":1,\"strategy\":\"all\",\"timeout_s\":5}",
        "{\"ring\":[\"1\"],\"strategy\":\"all\",\"timeout_s\":5}",
        "{\"ring\":[],\"strategy\":2,\"timeout_s\":5}",
        "{\"ring\":[],\"strategy\":\"all\",\"timeout_s\":\"x\"}",
        "{\"ring\":[],\"strategy\":\"all\",\"timeout_s\":0}",
        "{\"ring\":[],\"strategy\":\"all\",\"timeout_s\":5,\"forward_to\":5}",
        "{\"ring\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21],\"strategy\":\"all\","
        "\"timeout_s\":5}",
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        EXPECT_RESULT(CT_BUG, ct_number_voice_read(scratch.arena, ct_str_of(broken[i]), &read));
out:
    ct_arena_free(scratch.arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_reading),
        CT_UNIT(test_the_number_that_it_presents),
        CT_UNIT(test_secrets),
        CT_UNIT(test_changing),
        CT_UNIT(test_a_device_that_is_gone_rings_no_more),
        CT_UNIT(test_the_realm),
        CT_UNIT(test_the_text_of_a_row),
    };
    return ct_unit_main("devices", units, sizeof(units) / sizeof(units[0]));
}
