#include "http/print.h"

#include <string.h>

#include "harness.h"

struct thing {
    int64_t id;
    struct ct_str name;
    struct ct_str note;
    int64_t made_at;
    int64_t secret; /* no field: never printed */
};

static const struct ct_field thing_fields[] = {
    CT_FIELD(struct thing, id, CT_FIELD_INT, .doc = "Which one."),
    CT_FIELD(struct thing, name, CT_FIELD_STRING, .doc = "Its name."),
    CT_FIELD(struct thing, note, CT_FIELD_STRING, .flags = CT_FIELD_NULLABLE),
    CT_FIELD(struct thing, made_at, CT_FIELD_TIME, .flags = CT_FIELD_NULLABLE),
};
static const struct ct_schema thing_schema = CT_SCHEMA("Thing", NULL, struct thing, thing_fields);

static const struct thing full = {1, {"Ann", 3}, {"x", 1}, INT64_C(1769860800123), 4711};
#define FULL "{\"id\":1,\"name\":\"Ann\",\"note\":\"x\",\"made_at\":\"2026-01-31T12:00:00.123Z\"}"
static const struct thing bare = {INT64_MIN, {0}, {0}, CT_NO_TIME, 4711};
#define BARE "{\"id\":-9223372036854775808,\"name\":\"\",\"note\":null,\"made_at\":null}"

/* Ends the printing of @p text and compares. */
static enum ct_result is(struct ct_buf *text, const char *expected, bool *same)
{
    const char *done = ct_buf_done(text).at;
    *same = strcmp(done, expected) == 0;
    return text->failed ? CT_NOMEM : CT_OK;
}

static enum ct_result test_object(void)
{
    enum ct_result result = CT_OK;
    bool same;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    struct ct_buf text = ct_buf_in(arena);
    ct_print_object(&thing_schema, &full, &text);
    TRY(is(&text, FULL, &same));
    EXPECT(same);
    text = ct_buf_in(arena);
    ct_print_object(&thing_schema, &bare, &text);
    TRY(is(&text, BARE, &same));
    EXPECT(same);
out:
    ct_arena_free(arena);
    return result;
}

/* ---- the other types ---- */

struct parcel {
    bool fragile;
    int64_t owner;
    struct ct_texts tags;
    struct ct_texts marks;
    struct ct_str route;
    struct ct_str name;
    int64_t sent_at;
    struct ct_texts notes;
};

static const struct ct_field parcel_fields[] = {
    CT_FIELD(struct parcel, name, CT_FIELD_STRING, .flags = CT_FIELD_OMITTED),
    CT_FIELD(struct parcel, fragile, CT_FIELD_BOOL, .doc = "Handle with care."),
    CT_FIELD(struct parcel, owner, CT_FIELD_INT, .flags = CT_FIELD_NULLABLE),
    CT_FIELD(struct parcel, tags, CT_FIELD_TEXTS, .max_count = 9),
    CT_FIELD(struct parcel, marks, CT_FIELD_TEXTS, .flags = CT_FIELD_NULLABLE),
    CT_FIELD(struct parcel, route, CT_FIELD_JSON, .flags = CT_FIELD_NULLABLE),
    CT_FIELD(struct parcel, sent_at, CT_FIELD_TIME, .flags = CT_FIELD_OMITTED),
    CT_FIELD(struct parcel, notes, CT_FIELD_TEXTS, .flags = CT_FIELD_OMITTED),
};
static const struct ct_schema parcel_schema =
    CT_SCHEMA("Parcel", NULL, struct parcel, parcel_fields);
/* one that may be without any member */
static const struct ct_schema name_schema = {
    .name = "Name", .size = sizeof(struct parcel), .fields = parcel_fields, .count = 1};

static enum ct_result test_other_types(void)
{
    static const struct ct_str texts[] = {{"a", 1}, {"b\"", 2}};
    static const struct parcel all = {true,       5,        {texts, 2},        {texts, 0},
                                      {"[1]", 3}, {"n", 1}, INT64_C(86400000), {texts, 1}};
    static const struct parcel none = {.owner = INT64_MIN, .sent_at = CT_NO_TIME};
    enum ct_result result = CT_OK;
    bool same;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    struct ct_buf text = ct_buf_in(arena);
    ct_print_object(&parcel_schema, &all, &text);
    TRY(is(&text,
           "{\"name\":\"n\",\"fragile\":true,\"owner\":5,\"tags\":[\"a\",\"b\\\"\"],\"marks\":[],"
           "\"route\":[1],\"sent_at\":\"1970-01-02T00:00:00.000Z\",\"notes\":[\"a\"]}",
           &same));
    EXPECT(same);
    text = ct_buf_in(arena);
    ct_print_object(&parcel_schema, &none, &text);
    TRY(is(&text, "{\"fragile\":false,\"owner\":null,\"tags\":[],\"marks\":null,\"route\":null}",
           &same));
    EXPECT(same);
    text = ct_buf_in(arena);
    ct_print_object(&name_schema, &none, &text);
    TRY(is(&text, "{}", &same));
    EXPECT(same);
    text = ct_buf_in(arena);
    const struct parcel names[] = {{.name = {"x", 1}}, {.name = {0}}};
    ct_print_array(&name_schema, &(const struct ct_page){.items = names, .count = 2}, &text);
    TRY(is(&text, "[{\"name\":\"x\"},{}]", &same));
    EXPECT(same);
out:
    ct_arena_free(arena);
    return result;
}

/* Structs within structs, and what else only replies hold. */
struct crate {
    struct ct_ints sizes;
    struct ct_ints spares;
    int64_t lasts_ms;
    int64_t left_ms;
    const void *owner;
    const void *guest;
    struct ct_objects parcels;
    struct ct_objects others;
};

#define CRATE(member, kind, ...) CT_FIELD(struct crate, member, kind, __VA_ARGS__)
static const struct ct_field crate_fields[] = {
    CRATE(sizes, CT_FIELD_INTS, .max_count = 3),
    CRATE(spares, CT_FIELD_INTS, .flags = CT_FIELD_NULLABLE),
    CRATE(lasts_ms, CT_FIELD_SECONDS, .min = 0),
    CRATE(left_ms, CT_FIELD_SECONDS, .flags = CT_FIELD_NULLABLE),
    CRATE(owner, CT_FIELD_OBJECT, .of = &name_schema),
    CRATE(guest, CT_FIELD_OBJECT, .of = &name_schema, .flags = CT_FIELD_OMITTED),
    CRATE(parcels, CT_FIELD_OBJECTS, .of = &name_schema),
    CRATE(others, CT_FIELD_OBJECTS, .of = &name_schema, .flags = CT_FIELD_NULLABLE),
};
static const struct ct_schema crate_schema = CT_SCHEMA("Crate", NULL, struct crate, crate_fields);

static enum ct_result test_objects_and_lists(void)
{
    static const int64_t sizes[] = {5, -7, INT64_MAX};
    static const struct parcel named = {.name = {"n", 1}};
    static const struct parcel two[] = {{.name = {"x", 1}}, {.name = {0}}};
    static const struct crate all = {{sizes, 3}, {sizes, 0}, 62345,    7,
                                     &named,     &two[1],    {two, 2}, {two, 0}};
    static const struct crate none = {.lasts_ms = 3600000, .left_ms = INT64_MIN};
    enum ct_result result = CT_OK;
    bool same;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    struct ct_buf text = ct_buf_in(arena);
    ct_print_object(&crate_schema, &all, &text);
    TRY(is(&text,
           "{\"sizes\":[5,-7,9223372036854775807],\"spares\":[],\"lasts_ms\":62.345,"
           "\"left_ms\":0.007,\"owner\":{\"name\":\"n\"},\"guest\":{},"
           "\"parcels\":[{\"name\":\"x\"},{}],\"others\":[]}",
           &same));
    EXPECT(same);
    text = ct_buf_in(arena);
    ct_print_object(&crate_schema, &none, &text);
    TRY(is(&text,
           "{\"sizes\":[],\"spares\":null,\"lasts_ms\":3600.000,\"left_ms\":null,"
           "\"owner\":null,\"parcels\":[],\"others\":null}",
           &same));
    EXPECT(same);
out:
    ct_arena_free(arena);
    return result;
}

/* An empty text that is there is no null. */
static enum ct_result test_text_of_any_bytes(void)
{
    const struct thing odd = {INT64_MAX, {"\xFF\"\0\\\n\xC3\xA9", 7}, {"", 0}, -1, 0};
    enum ct_result result = CT_OK;
    bool same;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    struct ct_buf text = ct_buf_in(arena);
    ct_print_object(&thing_schema, &odd, &text);
    TRY(is(&text,
           "{\"id\":9223372036854775807,\"name\":\"\xEF\xBF\xBD\\\"\\u0000\\\\\\n\xC3\xA9\","
           "\"note\":\"\",\"made_at\":\"1969-12-31T23:59:59.999Z\"}",
           &same));
    EXPECT(same);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_page(void)
{
    const struct thing items[] = {full, bare};
    const struct ct_page more = {items, 2, CT_STR("MTA")};
    const struct ct_page last = {items, 1, {0}};
    const struct ct_page empty = {0};
    enum ct_result result = CT_OK;
    bool same;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    struct ct_buf text = ct_buf_in(arena);
    ct_print_page(&thing_schema, &more, &text);
    TRY(is(&text, "{\"items\":[" FULL "," BARE "],\"next\":\"MTA\"}", &same));
    EXPECT(same);
    text = ct_buf_in(arena);
    ct_print_page(&thing_schema, &last, &text);
    TRY(is(&text, "{\"items\":[" FULL "],\"next\":null}", &same));
    EXPECT(same);
    text = ct_buf_in(arena);
    ct_print_page(&thing_schema, &empty, &text);
    TRY(is(&text, "{\"items\":[],\"next\":null}", &same));
    EXPECT(same);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_detail(void)
{
    enum ct_result result = CT_OK;
    bool same;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    struct ct_buf text = ct_buf_in(arena);
    ct_print_detail("No \"such\" thing", &text);
    TRY(is(&text, "{\"detail\":\"No \\\"such\\\" thing\"}", &same));
    EXPECT(same);
    text = ct_buf_in(arena);
    ct_print_detail(NULL, &text);
    TRY(is(&text, "{\"detail\":\"\"}", &same));
    EXPECT(same);
out:
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_object),
        CT_UNIT(test_other_types),
        CT_UNIT(test_objects_and_lists),
        CT_UNIT(test_text_of_any_bytes),
        CT_UNIT(test_page),
        CT_UNIT(test_detail),
    };
    return ct_unit_main("http/print", units, sizeof(units) / sizeof(units[0]));
}
