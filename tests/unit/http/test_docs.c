#include "http/docs.h"

#include <stdio.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "harness.h"
#include "http/assets.h"

/* What the room answers to a GET of this pattern, whose one segment is `name`. */
static enum ct_result get(struct ct_arena *arena, struct ct_docs *docs, const char *pattern,
                          const char *name, struct ct_content *out)
{
    struct ct_str path = ct_str_of(name); /* laid out as the path schema says: its only member */
    struct ct_call call = {.arena = arena, .room = docs, .path = &path, .reply = out};
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < ct_docs_route_count; i++) {
        if (strcmp(ct_docs_routes[i].pattern, pattern) == 0)
            return ct_docs_routes[i].run(&call);
    }
    return CT_BUG;
}

/* How often a document was made, and which. */
struct making {
    int times;
    struct ct_str json;
};

static enum ct_result make(void *ctx, struct ct_arena *arena, struct ct_str *out)
{
    struct making *making = ctx;
    making->times++;
    *out =
        (struct ct_str){ct_arena_copy(arena, making->json.at, making->json.len), making->json.len};
    return out->at == NULL ? CT_NOMEM : CT_OK;
}

static enum ct_result fail_once(void *ctx, struct ct_arena *arena, struct ct_str *out)
{
    struct making *making = ctx;
    if (making->times > 0)
        return make(ctx, arena, out);
    making->times++;
    return CT_BUG;
}

static enum ct_result open_docs(struct making *making, struct ct_docs **out)
{
    return ct_docs_new((struct ct_docs_maker){make, making}, out);
}

static enum ct_result unpack(struct ct_arena *arena, struct ct_str packed, struct ct_str *out)
{
    enum ct_result result = CT_BUG;
    size_t room = (size_t)8 << 20;
    z_stream stream = {0};
    char *at = ct_arena_alloc(arena, room);
    if (at == NULL)
        return CT_NOMEM;
    if (inflateInit2(&stream, 15 + 16) != Z_OK)
        return CT_NOMEM;
    stream.next_in = (const Bytef *)packed.at;
    stream.avail_in = (uInt)packed.len;
    stream.next_out = (Bytef *)at;
    stream.avail_out = (uInt)room;
    if (inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0) {
        *out = (struct ct_str){at, stream.total_out};
        result = CT_OK;
    }
    (void)inflateEnd(&stream);
    return result;
}

static bool holds(struct ct_str text, const char *part)
{
    return memmem(text.at, text.len, part, strlen(part)) != NULL;
}

static bool policy_has(const struct ct_content *content, const char *part)
{
    return content->policy != NULL && strstr(content->policy, part) != NULL;
}

static enum ct_result test_routes_stay_out_of_openapi(void)
{
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < ct_docs_route_count; i++) {
        const struct ct_route *route = &ct_docs_routes[i];
        EXPECT(route->method == CT_GET);
        EXPECT(route->tag == NULL && route->reply == NULL);
        EXPECT(route->access == CT_NO_DATABASE && route->auth == CT_PUBLIC);
    }
out:
    return result;
}

static enum ct_result test_root_leads_to_docs(void)
{
    enum ct_result result;
    struct ct_arena *arena = ct_arena_new();
    struct ct_docs *docs = NULL;
    struct making making = {.json = CT_STR("{}")};
    struct ct_content content;
    TRY_MEMORY(arena);
    TRY(open_docs(&making, &docs));
    TRY(get(arena, docs, "/", NULL, &content));
    EXPECT(strcmp(content.location, "/docs") == 0);
    EXPECT(ct_docs_routes[0].status == 307);
out:
    ct_docs_free(docs);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_pages(void)
{
    static const char *const patterns[] = {"/docs", "/redoc"};
    enum ct_result result;
    struct ct_arena *arena = ct_arena_new();
    struct ct_docs *docs = NULL;
    struct making making = {.json = CT_STR("{}")};
    struct ct_content content;
    struct ct_str text;
    TRY_MEMORY(arena);
    TRY(open_docs(&making, &docs));
    for (size_t i = 0; i < 2; i++) {
        TRY(get(arena, docs, patterns[i], NULL, &content));
        EXPECT(strcmp(content.type, "text/html; charset=utf-8") == 0);
        EXPECT(strcmp(content.cache, "no-cache") == 0);
        EXPECT(strncmp(content.etag, "W/\"", 3) == 0);
        EXPECT(policy_has(&content, "default-src 'none'"));
        EXPECT(policy_has(&content, "script-src 'self';"));
        EXPECT(policy_has(&content, "frame-ancestors 'none'"));
        TRY(unpack(arena, content.gzip_body, &text));
        EXPECT(holds(text, "<title>Cloud Telephony"));
        EXPECT(!holds(text, "//"));       /* no address of another host */
        EXPECT(!holds(text, "<script>")); /* which the policy forbids */
        EXPECT(!holds(text, "<style"));
    }
    EXPECT(policy_has(&content, "worker-src blob:")); /* ReDoc's */
    TRY(get(arena, docs, "/favicon.ico", NULL, &content));
    EXPECT(strcmp(content.type, "image/vnd.microsoft.icon") == 0);
    TRY(unpack(arena, content.gzip_body, &text));
    EXPECT(text.len > 4 && memcmp(text.at, "\0\0\1\0", 4) == 0);
out:
    ct_docs_free(docs);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_assets(void)
{
    enum ct_result result;
    struct ct_arena *arena = ct_arena_new();
    struct ct_docs *docs = NULL;
    struct making making = {.json = CT_STR("{}")};
    struct ct_content content;
    struct ct_str pages[2];
    TRY_MEMORY(arena);
    TRY(open_docs(&making, &docs));
    TRY(get(arena, docs, "/docs", NULL, &content));
    TRY(unpack(arena, content.gzip_body, &pages[0]));
    TRY(get(arena, docs, "/redoc", NULL, &content));
    TRY(unpack(arena, content.gzip_body, &pages[1]));
    for (size_t i = 0; i < ct_asset_count; i++) {
        const char *name = ct_assets[i].name;
        char etag[64];
        TRY(get(arena, docs, "/docs/assets/{name}", name, &content));
        EXPECT(strcmp(content.cache, "public, max-age=31536000, immutable") == 0);
        EXPECT(content.gzip_body.len > 18);
        EXPECT(memcmp(content.gzip_body.at, "\x1f\x8b", 2) == 0);
        /* The hash of the name is the entity tag: STEM-HASH.EXTENSION. */
        const char *dash = strrchr(name, '-');
        EXPECT(dash != NULL && strspn(dash + 1, "0123456789abcdef") == 16);
        (void)snprintf(etag, sizeof(etag), "W/\"%.16s\"", dash + 1);
        EXPECT(strcmp(content.etag, etag) == 0);
        EXPECT(holds(pages[0], name) || holds(pages[1], name));
    }
    EXPECT_RESULT(CT_NOT_FOUND,
                  get(arena, docs, "/docs/assets/{name}", "swagger-ui.css", &content));
    EXPECT_RESULT(CT_NOT_FOUND, get(arena, docs, "/docs/assets/{name}", "", &content));
out:
    ct_docs_free(docs);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_nothing_is_loaded_from_elsewhere(void)
{
    enum ct_result result;
    struct ct_arena *arena = ct_arena_new();
    struct ct_str text;
    bool found = false;
    TRY_MEMORY(arena);
    result = CT_OK;
    for (size_t i = 0; i < ct_asset_count; i++) {
        if (strncmp(ct_assets[i].name, "redoc.standalone-", 17) != 0)
            continue;
        found = true;
        struct ct_str packed = {ct_assets[i].gzip, ct_assets[i].gzip_size};
        TRY(unpack(arena, packed, &text));
        EXPECT(!holds(text, "cdn.redoc.ly"));
    }
    EXPECT(found);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_openapi(void)
{
    enum ct_result result;
    struct ct_arena *arena = ct_arena_new();
    struct ct_docs *docs = NULL;
    struct making making = {0};
    struct ct_docs *other = NULL;
    struct ct_content first;
    struct ct_content second;
    struct ct_str text;
    struct ct_buf json;
    TRY_MEMORY(arena);
    json = ct_buf_in(arena);
    for (int i = 0; i < 1000; i++)
        ct_buf_printf(&json, "{\"openapi\": \"3.1.0\", \"n\": %d}\n", i);
    TRY(json.failed ? CT_NOMEM : CT_OK);
    making.json = ct_buf_done(&json);
    TRY(open_docs(&making, &docs));
    EXPECT(making.times == 0);
    TRY(get(arena, docs, "/openapi.json", NULL, &first));
    EXPECT(strcmp(first.type, "application/json") == 0);
    EXPECT(strcmp(first.cache, "no-cache") == 0);
    EXPECT(ct_str_equal(first.body, ct_buf_done(&json)));
    EXPECT(first.gzip_body.len > 0 && first.gzip_body.len < first.body.len / 4);
    TRY(unpack(arena, first.gzip_body, &text));
    EXPECT(ct_str_equal(text, ct_buf_done(&json)));
    TRY(get(arena, docs, "/openapi.json", NULL, &second));
    EXPECT(making.times == 1 && second.body.at == first.body.at);

    /* Another text has another tag; a text that does not shrink has no packed form. */
    making.json = CT_STR("{}");
    TRY(open_docs(&making, &other));
    TRY(get(arena, other, "/openapi.json", NULL, &second));
    EXPECT(strcmp(first.etag, second.etag) != 0);
    EXPECT(ct_str_equal(second.body, CT_STR("{}")));
    EXPECT(second.gzip_body.len == 0);
out:
    ct_docs_free(other);
    ct_docs_free(docs);
    ct_arena_free(arena);
    return result;
}

/* What could not be made is made at the next request. */
static enum ct_result test_openapi_again(void)
{
    enum ct_result result;
    struct ct_arena *arena = ct_arena_new();
    struct making making = {.json = CT_STR("{}")};
    struct ct_docs *docs = NULL;
    struct ct_content content;
    TRY_MEMORY(arena);
    TRY(ct_docs_new((struct ct_docs_maker){fail_once, &making}, &docs));
    EXPECT_RESULT(CT_BUG, get(arena, docs, "/openapi.json", NULL, &content));
    TRY(get(arena, docs, "/openapi.json", NULL, &content));
    EXPECT(ct_str_equal(content.body, CT_STR("{}")));
out:
    ct_docs_free(docs);
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_routes_stay_out_of_openapi),
        CT_UNIT(test_root_leads_to_docs),
        CT_UNIT(test_pages),
        CT_UNIT(test_assets),
        CT_UNIT(test_nothing_is_loaded_from_elsewhere),
        CT_UNIT(test_openapi),
        CT_UNIT(test_openapi_again),
    };
    return ct_unit_main("http/docs", units, sizeof(units) / sizeof(units[0]));
}
