#include "http/bind.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"

/* Fields of other types than names and amounts. */
struct parcel {
    bool fragile;
    bool insured;
    bool has_note;
    bool has_tags;
    struct ct_str note;
    struct ct_str kind;
    struct ct_texts tags;
    struct ct_texts marks;
    struct ct_ints sizes;
    int64_t due_at;
};

/* "bad" is refused; anything else gets a "+" in front. */
static enum ct_result add_plus(struct ct_arena *arena, struct ct_str in, struct ct_str *out)
{
    if (ct_str_equal(in, CT_STR("bad")))
        return CT_INVALID;
    char *text = ct_arena_printf(arena, "+%.*s", (int)in.len, in.at);
    if (text == NULL)
        return CT_NOMEM;
    *out = ct_str_of(text);
    return CT_OK;
}

static const char *const kinds[] = {"box", "tube", "roll", NULL};
static const char *const colours[] = {"red", "blue", NULL};

#define NONE_TOO CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE

static const struct ct_field fields[] = {
    CT_FIELD(struct parcel, fragile, CT_FIELD_BOOL, .doc = "Handle with care."),
    CT_FIELD(struct parcel, insured, CT_FIELD_BOOL, .flags = CT_FIELD_OPTIONAL, .fallback = 1),
    CT_FIELD(struct parcel, note, CT_FIELD_STRING, .flags = NONE_TOO, .min = 1, .max = 5,
             .present = offsetof(struct parcel, has_note)),
    CT_FIELD(struct parcel, kind, CT_FIELD_STRING, .flags = NONE_TOO, .words = kinds),
    CT_FIELD(struct parcel, tags, CT_FIELD_TEXTS, .flags = CT_FIELD_OPTIONAL, .min = 1, .max = 4,
             .max_count = 3, .normalize = add_plus, .pattern = "^x",
             .present = offsetof(struct parcel, has_tags)),
    CT_FIELD(struct parcel, marks, CT_FIELD_TEXTS, .flags = NONE_TOO, .words = colours,
             .max_count = 1),
    CT_FIELD(struct parcel, sizes, CT_FIELD_INTS, .flags = NONE_TOO, .min = 1, .max = 9,
             .max_count = 2),
    CT_FIELD(struct parcel, due_at, CT_FIELD_TIME, .flags = NONE_TOO, .fallback = -5),
};
static const struct ct_schema schema = CT_SCHEMA("Parcel", NULL, struct parcel, fields);

struct bound {
    struct ct_arena *arena;
    struct parcel parcel;
    struct ct_faults faults;
    const char *text; /* the faults as they are printed */
};

static enum ct_result begin(struct bound *bound)
{
    ct_arena_free(bound->arena);
    *bound = (struct bound){.arena = ct_arena_new(), .text = ""};
    bound->faults.arena = bound->arena;
    return bound->arena == NULL ? CT_NOMEM : CT_OK;
}

static enum ct_result end(struct bound *bound)
{
    struct ct_buf text = ct_buf_in(bound->arena);
    ct_faults_print(&bound->faults, &text);
    bound->text = ct_buf_done(&text).at;
    return bound->faults.failed || text.failed ? CT_NOMEM : CT_OK;
}

static enum ct_result bind_json(struct bound *bound, const char *json)
{
    const struct ct_config config = {0};
    enum ct_result result = begin(bound);
    if (result == CT_OK)
        result = ct_bind_json(bound->arena, &config, &schema, ct_str_of(json), &bound->faults,
                              &bound->parcel);
    return result == CT_OK ? end(bound) : result;
}

static enum ct_result bind_pairs(struct bound *bound, const char *pairs)
{
    const struct ct_config config = {0};
    enum ct_result result = begin(bound);
    if (result == CT_OK)
        result = ct_bind_pairs(bound->arena, &config, &schema, "query", ct_str_of(pairs),
                               &bound->faults, &bound->parcel);
    return result == CT_OK ? end(bound) : result;
}

static bool is(struct ct_str text, const char *expected)
{
    return ct_str_equal(text, ct_str_of(expected));
}

#define FINE "{\"detail\":[]}"
#define EXPECT_FAULT(json, expected)                                      \
    do {                                                                  \
        TRY(bind_json(&bound, "{\"fragile\":true," json "}"));            \
        EXPECT(strcmp(bound.text, "{\"detail\":[{" expected "}]}") == 0); \
    } while (0)
#define EXPECT_QUERY_FAULT(pairs, expected)                               \
    do {                                                                  \
        TRY(bind_pairs(&bound, pairs));                                   \
        EXPECT(strcmp(bound.text, "{\"detail\":[{" expected "}]}") == 0); \
    } while (0)

static enum ct_result test_all_of_it(void)
{
    enum ct_result result = CT_OK;
    struct bound bound = {0};
    const struct parcel *parcel = &bound.parcel;

    TRY(bind_json(&bound, "{\"fragile\":true,\"insured\":false,\"note\":\"x\",\"kind\":\"tube\","
                          "\"tags\":[ \"a\" ,\"\\u00e9\"],\"marks\":[\"red\"],"
                          "\"due_at\":\"2026-01-31T12:00:00.123Z\"}"));
    EXPECT(strcmp(bound.text, FINE) == 0);
    EXPECT(parcel->fragile && !parcel->insured && parcel->has_note && parcel->has_tags);
    EXPECT(is(parcel->note, "x") && is(parcel->kind, "tube"));
    EXPECT(parcel->tags.count == 2 && is(parcel->tags.at[0], "+a"));
    EXPECT(is(parcel->tags.at[1], "+\xC3\xA9"));
    EXPECT(parcel->marks.count == 1 && is(parcel->marks.at[0], "red"));
    EXPECT(parcel->due_at == INT64_C(1769860800123));
    /* nothing that need not be there */
    TRY(bind_json(&bound, "{\"fragile\":false}"));
    EXPECT(strcmp(bound.text, FINE) == 0);
    EXPECT(!parcel->fragile && parcel->insured && !parcel->has_note && !parcel->has_tags);
    EXPECT(parcel->note.at == NULL && parcel->kind.at == NULL && parcel->tags.at == NULL);
    EXPECT(parcel->marks.at == NULL && parcel->due_at == -5);
    /* null is nothing that is there */
    TRY(bind_json(&bound,
                  "{\"fragile\":false,\"note\":null,\"kind\":null,\"marks\":null,\"due_at\":null,"
                  "\"tags\":[]}"));
    EXPECT(strcmp(bound.text, FINE) == 0);
    EXPECT(parcel->has_note && parcel->note.at == NULL && parcel->kind.at == NULL);
    EXPECT(parcel->marks.at == NULL && parcel->due_at == -5);
    EXPECT(parcel->has_tags && parcel->tags.at != NULL && parcel->tags.count == 0);
out:
    ct_arena_free(bound.arena);
    return result;
}

static enum ct_result test_other_types(void)
{
#define LITERAL(loc, words)                                                                  \
    "\"type\":\"literal_error\",\"loc\":[\"body\"," loc "],\"msg\":\"Input should be " words \
    "\",\"ctx\":{\"expected\":\"" words "\"}"
#define KINDS LITERAL("\"kind\"", "'box', 'tube' or 'roll'")
    enum ct_result result = CT_OK;
    struct bound bound = {0};

    TRY(bind_json(&bound, "{\"fragile\":1}"));
    EXPECT(strcmp(bound.text, "{\"detail\":[{\"type\":\"bool_type\",\"loc\":[\"body\",\"fragile\"],"
                              "\"msg\":\"Input should be a valid boolean\"}]}") == 0);
    TRY(bind_json(&bound, "{}"));
    EXPECT(strcmp(bound.text, "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"body\",\"fragile\"],"
                              "\"msg\":\"Field required\"}]}") == 0);
    EXPECT_FAULT("\"insured\":null", "\"type\":\"bool_type\",\"loc\":[\"body\",\"insured\"],"
                                     "\"msg\":\"Input should be a valid boolean\"");
    EXPECT_FAULT("\"kind\":\"Box\"", KINDS);
    EXPECT_FAULT("\"kind\":\"\"", KINDS);
    EXPECT_FAULT("\"kind\":5", KINDS);
    EXPECT_FAULT("\"tags\":\"a\"", "\"type\":\"list_type\",\"loc\":[\"body\",\"tags\"],"
                                   "\"msg\":\"Input should be a valid list\"");
    EXPECT_FAULT("\"tags\":null", "\"type\":\"list_type\",\"loc\":[\"body\",\"tags\"],"
                                  "\"msg\":\"Input should be a valid list\"");
    EXPECT_FAULT("\"due_at\":1796083200", "\"type\":\"datetime_type\",\"loc\":[\"body\","
                                          "\"due_at\"],\"msg\":\"Input should be a valid "
                                          "datetime\"");
    EXPECT_FAULT("\"due_at\":\"now\"",
                 "\"type\":\"datetime_from_date_parsing\",\"loc\":[\"body\",\"due_at\"],"
                 "\"msg\":\"Input should be a valid datetime or date, input is too short\","
                 "\"ctx\":{\"error\":\"input is too short\"}");
    EXPECT_FAULT("\"due_at\":\"2026-12-01T00:00:00\"",
                 "\"type\":\"timezone_aware\",\"loc\":[\"body\",\"due_at\"],"
                 "\"msg\":\"Input should have timezone info\"");
out:
    ct_arena_free(bound.arena);
    return result;
}

static enum ct_result test_lists_of_integers(void)
{
#define AT_SIZE(index) "\"loc\":[\"body\",\"sizes\"," #index "]"
    enum ct_result result = CT_OK;
    struct bound bound = {0};
    const struct parcel *parcel = &bound.parcel;

    TRY(bind_json(&bound, "{\"fragile\":true,\"sizes\":[ 9 ,1]}"));
    EXPECT(strcmp(bound.text, FINE) == 0);
    EXPECT(parcel->sizes.count == 2 && parcel->sizes.at[0] == 9 && parcel->sizes.at[1] == 1);
    TRY(bind_json(&bound, "{\"fragile\":true,\"sizes\":[]}"));
    EXPECT(strcmp(bound.text, FINE) == 0 && parcel->sizes.at != NULL && parcel->sizes.count == 0);
    TRY(bind_json(&bound, "{\"fragile\":true,\"sizes\":null}"));
    EXPECT(strcmp(bound.text, FINE) == 0 && parcel->sizes.at == NULL);
    EXPECT_FAULT("\"sizes\":5", "\"type\":\"list_type\",\"loc\":[\"body\",\"sizes\"],"
                                "\"msg\":\"Input should be a valid list\"");
    EXPECT_FAULT("\"sizes\":[1,2,3]",
                 "\"type\":\"too_long\",\"loc\":[\"body\",\"sizes\"],\"msg\":\"List should have at "
                 "most 2 items after validation, not 3\",\"ctx\":{\"max_length\":2}");
    EXPECT_FAULT("\"sizes\":[1,\"2\"]", "\"type\":\"int_type\"," AT_SIZE(
                                            1) ",\"msg\":\"Input should be a valid integer\"");
    EXPECT_FAULT("\"sizes\":[1.5]", "\"type\":\"int_type\"," AT_SIZE(
                                        0) ",\"msg\":\"Input should be a valid integer\"");
    EXPECT_FAULT(
        "\"sizes\":[0]",
        "\"type\":\"greater_than_equal\"," AT_SIZE(
            0) ",\"msg\":\"Input should be greater than or equal to 1\",\"ctx\":{\"ge\":1}");
    EXPECT_FAULT("\"sizes\":[1,10]",
                 "\"type\":\"less_than_equal\"," AT_SIZE(
                     1) ",\"msg\":\"Input should be less than or equal to 9\",\"ctx\":{\"le\":9}");
    EXPECT_FAULT(
        "\"sizes\":[99999999999999999999]",
        "\"type\":\"int_parsing_size\"," AT_SIZE(
            0) ",\"msg\":\"Unable to parse input string as an integer, exceeded maximum size\"");
    EXPECT_QUERY_FAULT(
        "fragile=1&sizes=1",
        "\"type\":\"list_type\",\"loc\":[\"query\",\"sizes\"],\"msg\":\"Input should be "
        "a valid list\"");
out:
    ct_arena_free(bound.arena);
    return result;
}

static enum ct_result test_lists(void)
{
#define AT(field, index) "\"loc\":[\"body\",\"" field "\"," #index "]"
    enum ct_result result = CT_OK;
    struct bound bound = {0};

    EXPECT_FAULT("\"tags\":[\"a\",\"b\",\"c\",\"d\"]",
                 "\"type\":\"too_long\",\"loc\":[\"body\",\"tags\"],\"msg\":\"List should have at "
                 "most 3 items after validation, not 4\",\"ctx\":{\"max_length\":3}");
    EXPECT_FAULT("\"marks\":[\"red\",\"red\"]",
                 "\"type\":\"too_long\",\"loc\":[\"body\",\"marks\"],\"msg\":\"List should have at "
                 "most 1 item after validation, not 2\",\"ctx\":{\"max_length\":1}");
    EXPECT_FAULT("\"tags\":[5]", "\"type\":\"string_type\"," AT(
                                     "tags", 0) ",\"msg\":\"Input should be a valid string\"");
    EXPECT_FAULT("\"tags\":[\"a\",\"\"]",
                 "\"type\":\"string_too_short\"," AT(
                     "tags", 1) ",\"msg\":\"String should have at least 1 character\","
                                "\"ctx\":{\"min_length\":1}");
    EXPECT_FAULT("\"tags\":[\"abcde\"]",
                 "\"type\":\"string_too_long\"," AT(
                     "tags", 0) ",\"msg\":\"String should have at most 4 characters\","
                                "\"ctx\":{\"max_length\":4}");
    EXPECT_FAULT("\"tags\":[\"a\",\"b\",\"bad\"]",
                 "\"type\":\"string_pattern_mismatch\"," AT(
                     "tags", 2) ",\"msg\":\"String should match pattern '^x'\","
                                "\"ctx\":{\"pattern\":\"^x\"}");
    EXPECT_FAULT(
        "\"marks\":[\"green\"]",
        "\"type\":\"literal_error\"," AT("marks", 0) ",\"msg\":\"Input should be 'red' or 'blue'\","
                                                     "\"ctx\":{\"expected\":\"'red' or 'blue'\"}");
    /* every fault at once */
    TRY(bind_json(&bound, "{\"fragile\":true,\"tags\":[{},\"a\",[]]}"));
    EXPECT(strcmp(bound.text,
                  "{\"detail\":[{\"type\":\"string_type\"," AT(
                      "tags", 0) ",\"msg\":\"Input should be a valid string\"},{\"type\":"
                                 "\"string_type\"," AT(
                                     "tags", 2) ",\"msg\":\"Input should be a valid string\"}]}") ==
           0);
out:
    ct_arena_free(bound.arena);
    return result;
}

static enum ct_result test_pairs(void)
{
    static const char *const yes[] = {"true", "1", "YES", "on", "T", "y"};
    static const char *const no[] = {"false", "0", "No", "off", "f", "N"};
    enum ct_result result = CT_OK;
    struct bound bound = {0};

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        char pairs[64];
        (void)snprintf(pairs, sizeof(pairs), "fragile=%s&insured=%s", yes[i], no[i]);
        TRY(bind_pairs(&bound, pairs));
        EXPECT(strcmp(bound.text, FINE) == 0 && bound.parcel.fragile && !bound.parcel.insured);
    }
    TRY(bind_pairs(&bound, "fragile=1&note=a&kind=roll&due_at=1970-01-01T00:00:01%2B00:00"));
    EXPECT(strcmp(bound.text, FINE) == 0 && bound.parcel.has_note && bound.parcel.insured);
    EXPECT(is(bound.parcel.kind, "roll") && bound.parcel.due_at == 1000);
    EXPECT_QUERY_FAULT("fragile=maybe",
                       "\"type\":\"bool_parsing\",\"loc\":[\"query\",\"fragile\"],\"msg\":\"Input "
                       "should be a valid boolean, unable to interpret input\"");
    EXPECT_QUERY_FAULT("fragile=1&tags=a", "\"type\":\"list_type\",\"loc\":[\"query\",\"tags\"],"
                                           "\"msg\":\"Input should be a valid list\"");
    EXPECT_QUERY_FAULT("fragile=1&due_at=2026-12-01T00:00:00*01:00",
                       "\"type\":\"datetime_parsing\",\"loc\":[\"query\",\"due_at\"],\"msg\":"
                       "\"Input should be a valid datetime, invalid timezone sign\","
                       "\"ctx\":{\"error\":\"invalid timezone sign\"}");
out:
    ct_arena_free(bound.arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_all_of_it),         CT_UNIT(test_other_types), CT_UNIT(test_lists),
        CT_UNIT(test_lists_of_integers), CT_UNIT(test_pairs),
    };
    return ct_unit_main("http/bind, types", units, sizeof(units) / sizeof(units[0]));
}
