#include "voice/trunks.h"

#include "room.h"
#include "voice/trunk_password.h"

static const struct ct_str hosts[] = {{"a.example", 9}, {"[::1]:5080", 10}};
static const struct ct_str prefixes[] = {{"+49", 3}, {"+", 1}};

struct saving {
    struct ct_config config;
    struct ct_trunk trunk;
};

static enum ct_result run_save(void *ctx, struct ct_db *db)
{
    struct saving *saving = ctx;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_trunk_save(&saving->config, arena, db, &saving->trunk);
    ct_arena_free(arena);
    return result;
}

static enum ct_result get_trunk(struct scratch *scratch, const struct ct_config *config, int64_t id,
                                struct ct_trunk *out)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_trunk_get(config, scratch->arena, db, id, out);
    ct_store_read_end(db);
    return result;
}

#define FIRST_KEY "the first key of some thirty characters"
#define SECOND_KEY "the second key of some thirty characters"

static struct saving one(const char *name)
{
    return (struct saving){.config = {.secret_key = FIRST_KEY, .secret_key_previous = ""},
                           .trunk = {.name = ct_str_of(name),
                                     .enabled = true,
                                     .hosts = {hosts, 2},
                                     .transport = CT_STR("tcp"),
                                     .username = CT_STR("us"),
                                     .password = CT_STR("open sesame"),
                                     .registers = true,
                                     .prefixes = {prefixes, 2},
                                     .trusted = true,
                                     .channels = 3,
                                     .out = {1, CT_STR("00")},
                                     .in = {2, CT_STR("+49")},
                                     .created_at = NOW}};
}

static enum ct_result test_rows(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_db *db = NULL;
    struct ct_trunk trunk;
    const struct ct_trunk *loaded;
    size_t count;
    struct saving first = one("first");
    struct saving second = one("second");

    TRY(scratch_open(&scratch));
    TRY(ct_store_write(scratch.store, run_save, &first));
    EXPECT(first.trunk.id == 1);
    TRY(get_trunk(&scratch, &first.config, 1, &trunk));
    EXPECT(is(trunk.name, "first") && trunk.enabled && trunk.hosts.count == 2 &&
           is(trunk.hosts.at[1], "[::1]:5080") && is(trunk.transport, "tcp") &&
           is(trunk.username, "us") && is(trunk.password, "open sesame") && trunk.registers &&
           trunk.prefixes.count == 2 && trunk.allow_from.count == 0 && trunk.trusted &&
           trunk.channels == 3);
    EXPECT(trunk.out.strip == 1 && is(trunk.out.prepend, "00") && trunk.in.strip == 2 &&
           is(trunk.in.prepend, "+49") && trunk.inbound_username.at == NULL &&
           trunk.created_at == NOW);
    /* two of one name */
    second.trunk.name = CT_STR("first");
    EXPECT_RESULT(CT_CONFLICT, ct_store_write(scratch.store, run_save, &second));
    second.trunk.name = CT_STR("second");
    second.trunk.enabled = false;
    second.trunk.id = 0;
    second.trunk.inbound_username = CT_STR("them");
    TRY(ct_store_write(scratch.store, run_save, &second));
    first.trunk.inbound_username = CT_STR("them");
    EXPECT_RESULT(CT_CONFLICT, ct_store_write(scratch.store, run_save, &first));
    first.trunk.inbound_username = CT_STR("others");
    first.trunk.channels = 0;
    TRY(ct_store_write(scratch.store, run_save, &first));
    TRY(get_trunk(&scratch, &first.config, 1, &trunk));
    EXPECT(trunk.channels == 0 && is(trunk.inbound_username, "others"));
    first.trunk.id = 77;
    first.trunk.name = CT_STR("third");
    first.trunk.inbound_username = (struct ct_str){0};
    EXPECT_RESULT(CT_NOT_FOUND, ct_store_write(scratch.store, run_save, &first));
    TRY(ct_store_read_begin(scratch.store, &db));
    TRY(ct_trunk_load(&first.config, scratch.arena, db, &loaded, &count));
    EXPECT(count == 1 && loaded[0].id == 1);
out:
    if (db != NULL)
        ct_store_read_end(db);
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_passwords(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_trunk trunk;
    struct saving saving = one("a");
    const char *kept;

    TRY(scratch_open(&scratch));
    TRY(ct_store_write(scratch.store, run_save, &saving));
    TRY(one_value(&scratch, "SELECT password FROM trunks", &kept));
    EXPECT(kept[0] == 's' && strstr(kept, "sesame") == NULL);
    /* after a change of the key, and after another one */
    const struct ct_config changed = {.secret_key = SECOND_KEY, .secret_key_previous = FIRST_KEY};
    const struct ct_config lost = {.secret_key = SECOND_KEY, .secret_key_previous = ""};
    const struct ct_config none = {.secret_key = "", .secret_key_previous = ""};
    TRY(get_trunk(&scratch, &changed, 1, &trunk));
    EXPECT(is(trunk.password, "open sesame"));
    TRY(get_trunk(&scratch, &lost, 1, &trunk));
    EXPECT(trunk.password.at == NULL);
    /* the old key may go once a server has started with both */
    TRY(ct_trunk_passwords_renew(&changed, scratch.store));
    TRY(ct_trunk_passwords_renew(&lost, scratch.store));
    TRY(get_trunk(&scratch, &lost, 1, &trunk));
    EXPECT(is(trunk.password, "open sesame"));
    TRY(get_trunk(&scratch, &saving.config, 1, &trunk));
    EXPECT(trunk.password.at == NULL);
    /* without a key */
    saving.config = none;
    TRY(ct_store_write(scratch.store, run_save, &saving));
    TRY(get_trunk(&scratch, &lost, 1, &trunk));
    EXPECT(is(trunk.password, "open sesame"));
    saving.trunk.password = (struct ct_str){0};
    TRY(ct_store_write(scratch.store, run_save, &saving));
    TRY(get_trunk(&scratch, &none, 1, &trunk));
    EXPECT(trunk.password.at == NULL);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_numbers(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch = {0};
    struct ct_str text;
    const struct ct_trunk trunk = {.prefixes = {prefixes, 2}};
    const struct ct_trunk narrow = {.prefixes = {prefixes, 1}};
    scratch.arena = ct_arena_new();
    TRY_MEMORY(scratch.arena);

    TRY(ct_rewrite_apply(scratch.arena, &(struct ct_rewrite){1, CT_STR("00")}, CT_STR("+49"),
                         &text));
    EXPECT(is(text, "0049"));
    TRY(ct_rewrite_apply(scratch.arena, &(struct ct_rewrite){9, CT_STR("1")}, CT_STR("+49"),
                         &text));
    EXPECT(is(text, "1"));
    TRY(ct_rewrite_apply(scratch.arena, &(struct ct_rewrite){0}, CT_STR("+49"), &text));
    EXPECT(is(text, "+49"));
    EXPECT(ct_trunk_match(&trunk, CT_STR("+4930")) == 2);
    EXPECT(ct_trunk_match(&trunk, CT_STR("+4")) == 0);
    EXPECT(ct_trunk_match(&narrow, CT_STR("+4")) == -1);
    EXPECT(ct_trunk_match(&(struct ct_trunk){0}, CT_STR("+4")) == -1);
out:
    ct_arena_free(scratch.arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_rows),
        CT_UNIT(test_passwords),
        CT_UNIT(test_numbers),
    };
    return ct_unit_main("trunks", units, sizeof(units) / sizeof(units[0]));
}
