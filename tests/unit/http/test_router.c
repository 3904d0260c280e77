#include "http/router.h"

#include <string.h>

#include "harness.h"

#define BIT(method) (1U << (method))

static enum ct_result never(struct ct_call *call)
{
    (void)call;
    return CT_BUG;
}

enum { ROOT, LIST, CREATE, GET_ONE, MINE, DEEP };
static const struct ct_route routes[] = {
    [ROOT] = {.method = CT_GET, .pattern = "/", .run = never},
    [LIST] = {.method = CT_GET, .pattern = "/things", .run = never},
    [CREATE] = {.method = CT_POST, .pattern = "/things", .run = never},
    [GET_ONE] = {.method = CT_GET, .pattern = "/things/{id}", .run = never},
    [MINE] = {.method = CT_DELETE, .pattern = "/things/mine", .run = never},
    [DEEP] = {.method = CT_PUT, .pattern = "/a/{one}/b/{two}/{three}/{four}", .run = never},
};
static const struct ct_route more[] = {
    {.method = CT_GET, .pattern = "/things", .run = never}, /* hidden by the first */
    {.method = CT_PATCH, .pattern = "/things/{id}", .run = never},
    {.method = CT_GET, .pattern = "/{a}/{b}/{c}/{d}/{e}", .run = never}, /* one too many */
};
static int first_room, second_room;
static const struct ct_mount mounts[] = {
    {routes, sizeof(routes) / sizeof(routes[0]), &first_room},
    {more, sizeof(more) / sizeof(more[0]), &second_room},
};

static struct ct_match match(enum ct_method method, const char *path)
{
    struct ct_match found;
    memset(&found, 0xA5, sizeof(found));
    ct_router_match(mounts, 2, method, ct_str_of(path), &found);
    return found;
}

static bool is(struct ct_str text, const char *expected)
{
    return ct_str_equal(text, ct_str_of(expected));
}

static enum ct_result test_methods(void)
{
    enum ct_result result = CT_OK;

    for (int i = 0; i < CT_METHOD_COUNT; i++)
        EXPECT(ct_method_of(ct_str_of(ct_method_name((enum ct_method)i))) == (enum ct_method)i);
    EXPECT(strcmp(ct_method_name(CT_DELETE), "DELETE") == 0);
    EXPECT(ct_method_of(CT_STR("get")) == CT_METHOD_COUNT);
    EXPECT(ct_method_of(CT_STR("GETS")) == CT_METHOD_COUNT);
    EXPECT(ct_method_of(CT_STR("GE")) == CT_METHOD_COUNT);
    EXPECT(ct_method_of((struct ct_str){0}) == CT_METHOD_COUNT);
    EXPECT(strcmp(ct_method_name(CT_METHOD_COUNT), "-") == 0);
out:
    return result;
}

static enum ct_result test_targets(void)
{
    static const struct {
        const char *target, *path, *query;
    } cases[] = {
        {"/", "/", ""},
        {"/a/b", "/a/b", ""},
        {"/a?b=c", "/a", "b=c"},
        {"/a?", "/a", ""},
        {"/a?b?c", "/a", "b?c"},
        {"/?/x", "/", "/x"},
        {"//a", "//a", ""},
        {"http://host/a?b", "/a", "b"},
        {"https://host:80/", "/", ""},
        {"http://host", "/", ""},
        {"", "", ""},
        {"*", "", ""},
        {"host:443", "", ""},
        {"a/b", "", ""},
    };
    enum ct_result result = CT_OK;
    struct ct_str path;
    struct ct_str query;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ct_target_split(ct_str_of(cases[i].target), &path, &query);
        EXPECT(is(path, cases[i].path) && is(query, cases[i].query));
    }
    ct_target_split((struct ct_str){0}, &path, &query);
    EXPECT(path.len == 0 && query.len == 0);
out:
    return result;
}

static enum ct_result test_found(void)
{
    enum ct_result result = CT_OK;
    struct ct_match found = match(CT_GET, "/");

    EXPECT(found.route == &routes[ROOT] && found.room == &first_room);
    EXPECT(match(CT_GET, "/things").route == &routes[LIST]);
    EXPECT(match(CT_HEAD, "/things").route == &routes[LIST]);
    EXPECT(match(CT_POST, "/things").route == &routes[CREATE]);
    /* however its letters are written */
    EXPECT(match(CT_POST, "/%74h%69ng%73").route == &routes[CREATE]);
    EXPECT(match(CT_PUT, "/%61/1/%62/2/3/4").route == &routes[DEEP]);
    found = match(CT_GET, "/things/%31");
    EXPECT(found.route == &routes[GET_ONE] && is(found.segments[0], "%31"));
    found = match(CT_PATCH, "/things/12");
    EXPECT(found.route == &more[1] && found.room == &second_room && is(found.segments[0], "12"));
    EXPECT(match(CT_DELETE, "/things/mine").route == &routes[MINE]);
    EXPECT(is(match(CT_GET, "/things/mine").segments[0], "mine"));
    found = match(CT_PUT, "/a/1/b/2/3/4");
    EXPECT(found.route == &routes[DEEP]);
    EXPECT(is(found.segments[0], "1") && is(found.segments[1], "2"));
    EXPECT(is(found.segments[2], "3") && is(found.segments[3], "4"));
out:
    return result;
}

static enum ct_result test_not_found(void)
{
    static const char *const paths[] = {"",
                                        "things",
                                        "/thing",
                                        "/thingss",
                                        "/things/",
                                        "//things",
                                        "/things//",
                                        "/things/1/",
                                        "/things/1/2",
                                        "/Things",
                                        "/%74hing",
                                        "/%7things",
                                        "/%74hings%2F",
                                        "/%2574hings",
                                        "/things%",
                                        "/things%0",
                                        "/things%00",
                                        "/%54hings",
                                        "/a//b/2/3/4",
                                        "/a/1/b/2/3",
                                        "/a/1/b/2/3/4/5",
                                        "/1/2/3/4/5"};
    enum ct_result result = CT_OK;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct ct_match found = match(CT_GET, paths[i]);
        EXPECT(found.route == NULL && found.allowed == 0);
    }
    EXPECT(match(CT_GET, "/things/{id}").route == &routes[GET_ONE]);
    EXPECT(match(CT_GET, "/things/{x").route == &routes[GET_ONE]);
out:
    return result;
}

static enum ct_result test_another_method(void)
{
    enum ct_result result = CT_OK;
    struct ct_match found = match(CT_DELETE, "/things");

    EXPECT(found.route == NULL && found.room == NULL);
    EXPECT(found.allowed == (BIT(CT_GET) | BIT(CT_HEAD) | BIT(CT_POST)));
    EXPECT(match(CT_METHOD_COUNT, "/").allowed == (BIT(CT_GET) | BIT(CT_HEAD)));
    EXPECT(match(CT_HEAD, "/a/1/b/2/3/4").allowed == BIT(CT_PUT));
    EXPECT(match(CT_OPTIONS, "/things/mine").allowed ==
           (BIT(CT_GET) | BIT(CT_HEAD) | BIT(CT_DELETE) | BIT(CT_PATCH)));
    EXPECT(match(CT_POST, "/things").room == &first_room);
out:
    return result;
}

static enum ct_result test_allow(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    const char *text = ct_allow(arena, BIT(CT_POST) | BIT(CT_GET) | BIT(CT_HEAD));

    TRY_MEMORY(text);
    EXPECT(strcmp(text, "GET, HEAD, POST") == 0);
    text = ct_allow(arena, BIT(CT_OPTIONS));
    TRY_MEMORY(text);
    EXPECT(strcmp(text, "OPTIONS") == 0);
    text = ct_allow(arena, 0);
    TRY_MEMORY(text);
    EXPECT(text[0] == '\0');
out:
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_methods),   CT_UNIT(test_targets), CT_UNIT(test_found),
        CT_UNIT(test_not_found), CT_UNIT(test_allow),   CT_UNIT(test_another_method),
    };
    return ct_unit_main("http/router", units, sizeof(units) / sizeof(units[0]));
}
