#include "http/bind.h"

#include <string.h>

#include "harness.h"

/* Everything that a field can be. */
struct thing {
    struct ct_str name;
    struct ct_str password;
    struct ct_str code;
    struct ct_str note;
    int64_t size;
    int64_t count;
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

static const struct ct_field fields[] = {
    CT_FIELD(struct thing, name, CT_FIELD_STRING, .min = 1, .max = 4),
    CT_FIELD(struct thing, password, CT_FIELD_STRING, .flags = CT_FIELD_SECRET | CT_FIELD_BYTES,
             .max = 10, .min_setting = offsetof(struct ct_config, password_min_length)),
    CT_FIELD(struct thing, code, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL, .pattern = "^\\+",
             .normalize = add_plus),
    CT_FIELD(struct thing, note, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE),
    CT_FIELD(struct thing, size, CT_FIELD_INT, .flags = CT_FIELD_OPTIONAL, .min = 1, .max = 100,
             .fallback = 50),
    CT_FIELD(struct thing, count, CT_FIELD_INT, .flags = CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE),
};
static const struct ct_schema schema = CT_SCHEMA("Thing", NULL, struct thing, fields);

static const struct ct_config config = {.password_min_length = 8};

#define GOOD "\"name\":\"Ann\",\"password\":\"12345678\""

/* One fault as it is printed. */
#define FAULT(type, loc, message) \
    "{\"type\":\"" type "\",\"loc\":[" loc "],\"msg\":\"" message "\"}"
#define FAULT_CTX(type, loc, message, ctx) \
    "{\"type\":\"" type "\",\"loc\":[" loc "],\"msg\":\"" message "\",\"ctx\":{" ctx "}}"
#define AT_NAME "\"body\",\"name\""
#define JSON_FAULT(position, why) \
    FAULT_CTX("json_invalid", "\"body\"," #position, "JSON decode error", "\"error\":\"" why "\"")

/* What ct_bind_json says of an input: the thing, or the faults without their frame; "" is none. */
struct bound {
    struct ct_arena *arena;
    struct thing thing;
    struct ct_faults faults;
    const char *text;
};

/* For one input after another. */
static enum ct_result begin(struct bound *bound)
{
    ct_arena_free(bound->arena);
    *bound = (struct bound){.arena = ct_arena_new(), .text = ""};
    bound->faults.arena = bound->arena;
    return bound->arena == NULL ? CT_NOMEM : CT_OK;
}

static enum ct_result end(struct bound *bound)
{
    static const char frame[] = "{\"detail\":[";
    struct ct_buf text = ct_buf_in(bound->arena);

    if (bound->faults.failed)
        return CT_NOMEM;
    ct_faults_print(&bound->faults, &text);
    struct ct_str printed = ct_buf_done(&text);
    char *inside = ct_arena_copy(bound->arena, printed.at + sizeof(frame) - 1,
                                 printed.len > sizeof(frame) ? printed.len - sizeof(frame) - 1 : 0);
    bound->text = inside;
    return text.failed || inside == NULL ? CT_NOMEM : CT_OK;
}

static enum ct_result bind_bytes(struct bound *bound, struct ct_str json)
{
    enum ct_result result = begin(bound);
    if (result == CT_OK)
        result = ct_bind_json(bound->arena, &config, &schema, json, &bound->faults, &bound->thing);
    return result == CT_OK ? end(bound) : result;
}

static enum ct_result bind_json(struct bound *bound, const char *json)
{
    return bind_bytes(bound, ct_str_of(json));
}

static enum ct_result bind_pairs(struct bound *bound, const char *pairs)
{
    enum ct_result result = begin(bound);
    if (result == CT_OK)
        result = ct_bind_pairs(bound->arena, &config, &schema, "query", ct_str_of(pairs),
                               &bound->faults, &bound->thing);
    return result == CT_OK ? end(bound) : result;
}

static bool is(struct ct_str text, const char *expected)
{
    return ct_str_equal(text, ct_str_of(expected));
}

static bool says(const struct bound *bound, const char *expected)
{
    return strcmp(bound->text, expected) == 0;
}

static enum ct_result test_json(void)
{
    enum ct_result result = CT_OK;
    struct bound bound = {0};

    TRY(bind_json(&bound, "{" GOOD ",\"code\":\"1\",\"note\":\"\",\"size\":100,\"count\":-7}"));
    EXPECT(says(&bound, "") && is(bound.thing.name, "Ann"));
    EXPECT(is(bound.thing.password, "12345678") && is(bound.thing.code, "+1"));
    EXPECT(bound.thing.note.at != NULL && bound.thing.note.len == 0);
    EXPECT(bound.thing.size == 100 && bound.thing.count == -7);
out:
    ct_arena_free(bound.arena);
    return result;
}

static enum ct_result test_json_without_what_is_optional(void)
{
    enum ct_result result = CT_OK;
    struct bound bound = {0};

    TRY(bind_json(&bound, " { " GOOD " } \n"));
    EXPECT(says(&bound, "") && bound.thing.code.at == NULL && bound.thing.note.at == NULL);
    EXPECT(bound.thing.size == 50 && bound.thing.count == 0);
    TRY(bind_json(&bound, "{" GOOD ",\"note\":null,\"count\":null}"));
    EXPECT(says(&bound, "") && bound.thing.note.at == NULL && bound.thing.count == 0);
    /* null is a value; only a field that may be null takes it for none */
    TRY(bind_json(&bound, "{" GOOD ",\"code\":null,\"size\":null}"));
    EXPECT(says(&bound, FAULT("string_type", "\"body\",\"code\"",
                              "Input should be a valid string") "," //
                FAULT("int_type", "\"body\",\"size\"", "Input should be a valid integer")));
out:
    ct_arena_free(bound.arena);
    return result;
}

static enum ct_result test_what_json_may_hold_besides(void)
{
    enum ct_result result = CT_OK;
    struct bound bound = {0};

    TRY(bind_json(&bound, "{\"x\":[{\"name\":5}],\"\":{}," GOOD ",\"Name\":1,\"y\":1.5e3}"));
    EXPECT(says(&bound, "") && is(bound.thing.name, "Ann"));
    TRY(bind_json(&bound, "{" GOOD ",\"name\":\"Bob\"}")); /* as Python reads it: the last */
    EXPECT(says(&bound, "") && is(bound.thing.name, "Bob"));
    TRY(bind_json(&bound,
                  "{\"n\\u0061me\":\"\\u00c4\\ud83d\\ude00\",\"password\":\"a\\u0000bcdefg\"}"));
    EXPECT(says(&bound, "") && is(bound.thing.name, "\xC3\x84\xF0\x9F\x98\x80"));
    EXPECT(ct_str_equal(bound.thing.password, (struct ct_str){"a\0bcdefg", 8}));
out:
    ct_arena_free(bound.arena);
    return result;
}

static enum ct_result test_all_faults_of_json_at_once(void)
{
    enum ct_result result = CT_OK;
    struct bound bound = {0};

    TRY(bind_json(&bound, "{}"));
    EXPECT(says(&bound, FAULT("missing", AT_NAME, "Field required") "," //
                FAULT("missing", "\"body\",\"password\"", "Field required")));
    TRY(bind_json(&bound, "{\"name\":5,\"code\":\"bad\",\"size\":\"7\",\"count\":1.0}"));
    EXPECT(says(&bound, FAULT("string_type", AT_NAME, "Input should be a valid string") "," //
                FAULT("missing", "\"body\",\"password\"", "Field required") ","             //
                FAULT_CTX("string_pattern_mismatch", "\"body\",\"code\"",
                          "String should match pattern '^\\\\+'", "\"pattern\":\"^\\\\+\"") "," //
                FAULT("int_type", "\"body\",\"size\"", "Input should be a valid integer") ","   //
                FAULT("int_type", "\"body\",\"count\"", "Input should be a valid integer")));
out:
    ct_arena_free(bound.arena);
    return result;
}

static enum ct_result test_lengths(void)
{
    enum ct_result result = CT_OK;
    struct bound bound = {0};

    TRY(bind_json(&bound, "{\"name\":\"\",\"password\":\"1234567\"}"));
    EXPECT(says(&bound,
                FAULT_CTX("string_too_short", AT_NAME, "String should have at least 1 character",
                          "\"min_length\":1") "," //
                FAULT_CTX("string_too_short", "\"body\",\"password\"",
                          "String should have at least 8 characters", "\"min_length\":8")));
    TRY(bind_json(&bound, "{\"name\":\"12345\",\"password\":\"12345678901\"}"));
    EXPECT(says(&bound,
                FAULT_CTX("string_too_long", AT_NAME, "String should have at most 4 characters",
                          "\"max_length\":4") "," //
                FAULT_CTX("string_too_long", "\"body\",\"password\"",
                          "String should have at most 10 bytes", "\"max_length\":10")));
    /* four characters of 8 bytes; ten bytes of 5 characters */
    TRY(bind_json(&bound, "{\"name\":\"\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\","
                          "\"password\":\"\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\"}"));
    EXPECT(says(&bound, "") && bound.thing.name.len == 8 && bound.thing.password.len == 10);
    TRY(bind_json(&bound,
                  "{\"name\":\"Ann\",\"password\":\"\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4x\"}"));
    EXPECT(strstr(bound.text, "at most 10 bytes") != NULL);
out:
    ct_arena_free(bound.arena);
    return result;
}

static enum ct_result test_values_of_integers(void)
{
    enum ct_result result = CT_OK;
    struct bound bound = {0};

    TRY(bind_json(&bound, "{" GOOD ",\"size\":0,\"count\":9223372036854775807}"));
    EXPECT(says(&bound, FAULT_CTX("greater_than_equal", "\"body\",\"size\"",
                                  "Input should be greater than or equal to 1", "\"ge\":1")));
    EXPECT(bound.thing.count == INT64_MAX);
    TRY(bind_json(&bound, "{" GOOD ",\"size\":101,\"count\":-9223372036854775808}"));
    EXPECT(says(&bound, FAULT_CTX("less_than_equal", "\"body\",\"size\"",
                                  "Input should be less than or equal to 100", "\"le\":100")));
    EXPECT(bound.thing.count == INT64_MIN);
    TRY(bind_json(&bound, "{" GOOD ",\"size\":1,\"count\":true}"));
    EXPECT(
        says(&bound, FAULT("int_type", "\"body\",\"count\"", "Input should be a valid integer")));
out:
    ct_arena_free(bound.arena);
    return result;
}

static enum ct_result test_what_is_no_object(void)
{
    static const char *const other[] = {"[]", "\"{}\"", "1", "null", "true", "[{}]"};
    static const char *const blank[] = {"", " \t\r\n "};
    enum ct_result result = CT_OK;
    struct bound bound = {0};

    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        TRY(bind_json(&bound, other[i]));
        EXPECT(says(&bound, FAULT("model_attributes_type", "\"body\"",
                                  "Input should be a valid dictionary or object to extract "
                                  "fields from")));
    }
    for (size_t i = 0; i < sizeof(blank) / sizeof(blank[0]); i++) {
        TRY(bind_json(&bound, blank[i]));
        EXPECT(says(&bound, FAULT("missing", "\"body\"", "Field required")));
    }
    TRY(bind_bytes(&bound, (struct ct_str){0}));
    EXPECT(says(&bound, FAULT("missing", "\"body\"", "Field required")));
out:
    ct_arena_free(bound.arena);
    return result;
}

static enum ct_result test_what_is_no_json(void)
{
    static const struct {
        const char *json, *fault;
    } cases[] = {
        {"{", JSON_FAULT(1, "Unexpected end of input")},
        {"[1,2", JSON_FAULT(4, "Unexpected end of input")},
        {"{\"a\":01}", JSON_FAULT(6, "Invalid JSON")},
        {"{\"a\":\"\n\"}", JSON_FAULT(6, "Invalid JSON")},
        /* the position counts characters, not bytes */
        {"{\"\xC3\xA4\xC3\xA4\":01}", JSON_FAULT(7, "Invalid JSON")},
    };
    enum ct_result result = CT_OK;
    struct bound bound = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        TRY(bind_json(&bound, cases[i].json));
        EXPECT(says(&bound, cases[i].fault));
    }
    /* only the reason is sure */
    TRY(bind_json(&bound, "{} x"));
    EXPECT(strstr(bound.text, "\"error\":\"Extra data\"") != NULL);
    TRY(bind_json(&bound, "{\"name\":\"\xFF\"}"));
    EXPECT(strstr(bound.text, "\"error\":\"Invalid UTF-8\"") != NULL);
    TRY(bind_json(&bound, "{\"name\":\"\\ud800\"}"));
    EXPECT(strstr(bound.text, "json_invalid") != NULL);
    TRY(bind_json(&bound, "{'name':1}"));
    EXPECT(strstr(bound.text, "\"error\":\"Invalid JSON\"") != NULL);
    TRY(bind_bytes(&bound, (struct ct_str){"{}\0", 3}));
    EXPECT(strstr(bound.text, "json_invalid") != NULL);
    TRY(bind_bytes(&bound, (struct ct_str){"\0", 1}));
    EXPECT(strstr(bound.text, "json_invalid") != NULL);
out:
    ct_arena_free(bound.arena);
    return result;
}

static enum ct_result test_deep_json(void)
{
    enum ct_result result = CT_OK;
    static char deep[100000];
    struct bound bound = {0};

    memset(deep, '[', sizeof(deep));
    TRY(bind_bytes(&bound, (struct ct_str){deep, sizeof(deep)}));
    EXPECT(strstr(bound.text, "Nested too deeply") != NULL);
out:
    ct_arena_free(bound.arena);
    return result;
}

/* A text that is long enough to need memory several times while it is read must come out whole or
 * not at all. */
static enum ct_result test_long_texts_are_whole(void)
{
    static const char code[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    enum ct_result result = CT_OK;
    struct bound bound = {0};
    char json[300];

    (void)snprintf(json, sizeof(json), "{%s,\"code\":\"%s\"}", GOOD, code);
    TRY(bind_json(&bound, json));
    EXPECT(says(&bound, "") && bound.thing.code.len == sizeof(code));
    EXPECT(strcmp(bound.thing.code.at + 1, code) == 0);
    TRY(bind_json(&bound, "{\"password\":\"12345678\",       \n       \"name\":\"Ann\"}"));
    EXPECT(says(&bound, "") && is(bound.thing.name, "Ann"));
out:
    ct_arena_free(bound.arena);
    return result;
}

static enum ct_result test_pairs(void)
{
    enum ct_result result = CT_OK;
    struct bound bound = {0};

    TRY(bind_pairs(&bound, "name=A%20b&password=1+2%2B3456&code=x&size=7&count=-3&other=1"));
    EXPECT(says(&bound, "") && is(bound.thing.name, "A b"));
    EXPECT(is(bound.thing.password, "1 2+3456") && is(bound.thing.code, "+x"));
    EXPECT(bound.thing.size == 7 && bound.thing.count == -3);
    TRY(bind_pairs(&bound, "&&name=a&&n%61me=b%&password=a=b=c=d=&n%61me=c&"));
    EXPECT(says(&bound, "") && is(bound.thing.name, "c")); /* the last counts */
    EXPECT(is(bound.thing.password, "a=b=c=d="));
    EXPECT(bound.thing.size == 50 && bound.thing.count == 0 && bound.thing.code.at == NULL);
    /* a name without '=' is an empty text; a broken name is no name */
    TRY(bind_pairs(&bound, "name=a&password=12345678&code&%zz=1&%=2&%f=3&n%ffame=d"));
    EXPECT(says(&bound, "") && is(bound.thing.code, "+") && is(bound.thing.name, "a"));
out:
    ct_arena_free(bound.arena);
    return result;
}

static enum ct_result test_faults_of_pairs(void)
{
#define INT_PARSING(loc)      \
    FAULT("int_parsing", loc, \
          "Input should be a valid integer, unable to parse string as an integer")
#define UNICODE(loc)             \
    FAULT("string_unicode", loc, \
          "Input should be a valid string, unable to parse raw data as a unicode string")
    enum ct_result result = CT_OK;
    struct bound bound = {0};

    TRY(bind_pairs(&bound, ""));
    EXPECT(says(&bound, FAULT("missing", "\"query\",\"name\"", "Field required") "," //
                FAULT("missing", "\"query\",\"password\"", "Field required")));
    TRY(bind_pairs(&bound, "name=%F&password=%ff%ff%ff%ff%ff%ff%ff%ff&code=%&size=&count=1.0"));
    EXPECT(says(&bound, UNICODE("\"query\",\"name\"") "," //
                UNICODE("\"query\",\"password\"") ","     //
                UNICODE("\"query\",\"code\"") ","         //
                INT_PARSING("\"query\",\"size\"") ","     //
                INT_PARSING("\"query\",\"count\"")));
    TRY(bind_pairs(&bound, "name=a&password=12345678&size=101&count=9223372036854775808"));
    EXPECT(says(&bound, FAULT_CTX("less_than_equal", "\"query\",\"size\"",
                                  "Input should be less than or equal to 100", "\"le\":100") "," //
                FAULT("int_parsing_size", "\"query\",\"count\"",
                      "Unable to parse input string as an integer, exceeded maximum "
                      "size")));
out:
    ct_arena_free(bound.arena);
    return result;
}

struct place {
    int64_t id;
    struct ct_str name;
};

static const struct ct_field place_fields[] = {
    CT_FIELD(struct place, id, CT_FIELD_INT, .doc = "Which one."),
    CT_FIELD(struct place, name, CT_FIELD_STRING, .doc = "Its name."),
};
static const struct ct_schema place_schema = CT_SCHEMA("Place", NULL, struct place, place_fields);

static enum ct_result test_path(void)
{
    const struct ct_str good[] = {CT_STR("%31%32"), CT_STR("a+b%2Fc")};
    const struct ct_str bad[] = {CT_STR("1x"), CT_STR("%C3")};
    enum ct_result result = CT_OK;
    struct place place = {0};
    struct bound bound = {0};

    TRY(begin(&bound));
    TRY(ct_bind_path(bound.arena, &config, &place_schema, good, &bound.faults, &place));
    TRY(end(&bound));
    EXPECT(says(&bound, "") && place.id == 12 && is(place.name, "a+b/c"));
    TRY(ct_bind_path(bound.arena, &config, &place_schema, bad, &bound.faults, &place));
    TRY(end(&bound));
    EXPECT(says(&bound, INT_PARSING("\"path\",\"id\"") "," UNICODE("\"path\",\"name\"")));
out:
    ct_arena_free(bound.arena);
    return result;
}

static enum ct_result test_percent_decoding(void)
{
    static const struct {
        const char *text, *plain; /* NULL: refused */
        bool plus;
    } cases[] = {
        {"", "", true},
        {"abc", "abc", false},
        {"a%20b", "a b", false},
        {"a+b", "a+b", false},
        {"a+b", "a b", true},
        {"%2b%2B", "++", true},
        {"%c3%84", "\xC3\x84", false},
        {"%", NULL, false},
        {"a%4", NULL, false},
        {"%4g", NULL, false},
        {"%g4", NULL, false},
        {"%-1", NULL, false},
        {"% 1", NULL, false},
        {"%ff", NULL, false},
        {"\xFF", NULL, false},
        {"%25%34", "%4", false},
    };
    enum ct_result result = CT_OK;
    struct ct_str out;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_str text = ct_str_of(cases[i].text);
        if (cases[i].plain == NULL) {
            EXPECT_RESULT(CT_INVALID, ct_percent_decode(arena, text, cases[i].plus, &out));
        } else {
            TRY(ct_percent_decode(arena, text, cases[i].plus, &out));
            EXPECT(is(out, cases[i].plain) && out.at[out.len] == '\0');
        }
    }
    TRY(ct_percent_decode(arena, CT_STR("a%00b"), false, &out));
    EXPECT(out.len == 3 && memcmp(out.at, "a\0b", 3) == 0);
out:
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_json),
        CT_UNIT(test_json_without_what_is_optional),
        CT_UNIT(test_what_json_may_hold_besides),
        CT_UNIT(test_all_faults_of_json_at_once),
        CT_UNIT(test_lengths),
        CT_UNIT(test_values_of_integers),
        CT_UNIT(test_what_is_no_object),
        CT_UNIT(test_what_is_no_json),
        CT_UNIT(test_deep_json),
        CT_UNIT(test_long_texts_are_whole),
        CT_UNIT(test_pairs),
        CT_UNIT(test_faults_of_pairs),
        CT_UNIT(test_path),
        CT_UNIT(test_percent_decoding),
    };
    return ct_unit_main("http/bind", units, sizeof(units) / sizeof(units[0]));
}
