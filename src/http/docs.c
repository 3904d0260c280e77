#include "http/docs.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

#include "http/assets.h"

/* Asked for again each time, and answered 304 as long as it is the same. */
#define CACHE_PAGE "no-cache"
/* The name holds the hash, so the answer never changes (RFC 8246). */
#define CACHE_ASSET "public, max-age=31536000, immutable"

/* What both pages may do: run this program's own scripts and ask this program, nobody else. */
#define POLICY_PAGE                                                                     \
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " \
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "

#define POLICY_DOCS POLICY_PAGE "style-src 'self'"
/* ReDoc writes its styles into the page, and searches in a worker that it makes of its own text. */
#define POLICY_REDOC POLICY_PAGE "style-src 'self' 'unsafe-inline'; worker-src blob:"

struct ct_docs {
    struct ct_docs_maker maker;
    pthread_mutex_t mutex;     /* of what follows */
    struct ct_arena *arena;    /* where the document is; NULL until somebody asks */
    struct ct_content openapi; /* never changes once it has a type */
};

static void fill(struct ct_content *content, const struct ct_asset *asset, const char *cache)
{
    content->type = asset->type;
    content->etag = asset->etag;
    content->cache = cache;
    content->gzip_body = (struct ct_str){asset->gzip, asset->gzip_size};
}

static enum ct_result get_root(struct ct_call *call)
{
    struct ct_content *content = call->reply;
    content->location = "/docs";
    content->cache = CACHE_PAGE;
    return CT_OK;
}

static enum ct_result get_docs(struct ct_call *call)
{
    struct ct_content *content = call->reply;
    fill(content, &ct_page_docs, CACHE_PAGE);
    content->policy = POLICY_DOCS;
    return CT_OK;
}

static enum ct_result get_redoc(struct ct_call *call)
{
    struct ct_content *content = call->reply;
    fill(content, &ct_page_redoc, CACHE_PAGE);
    content->policy = POLICY_REDOC;
    return CT_OK;
}

static enum ct_result get_favicon(struct ct_call *call)
{
    fill(call->reply, &ct_page_favicon, CACHE_PAGE);
    return CT_OK;
}

/* zlib's memory is the workshop's, and goes when that goes. */
static void *workshop_take(void *workshop, unsigned count, unsigned size)
{
    return ct_arena_alloc(workshop, (size_t)count * size);
}

static void workshop_leave(void *workshop, void *at)
{
    (void)workshop;
    (void)at;
}

/* Packs a text with gzip. The result is empty when that makes it no smaller. */
static enum ct_result pack(struct ct_arena *arena, struct ct_str plain, struct ct_str *out)
{
    enum ct_result result = CT_NOMEM;
    struct ct_str packed = {0};
    struct ct_arena *workshop = ct_arena_new();
    if (workshop == NULL)
        return CT_NOMEM;
    z_stream stream = {.zalloc = workshop_take, .zfree = workshop_leave, .opaque = workshop};
    /* 15 bits of window, and 16 more for a gzip header, which holds no time. */
    if (plain.len > UINT_MAX / 2 || deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16,
                                                 8, Z_DEFAULT_STRATEGY) != Z_OK)
        goto out;
    uLong bound = deflateBound(&stream, (uLong)plain.len);
    char *room = ct_arena_alloc(workshop, bound);
    if (room == NULL)
        goto out;
    stream.next_in = (const Bytef *)plain.at;
    stream.avail_in = (uInt)plain.len;
    stream.next_out = (Bytef *)room;
    stream.avail_out = (uInt)bound;
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END) {
        result = CT_BUG;
        goto out;
    }
    if (stream.total_out < plain.len) {
        packed = (struct ct_str){ct_arena_copy(arena, room, stream.total_out), stream.total_out};
        if (packed.at == NULL)
            goto out;
    }
    *out = packed;
    result = CT_OK;

out:
    ct_arena_free(workshop);
    return result;
}

static enum ct_result describe(struct ct_arena *arena, struct ct_str json, struct ct_content *out)
{
    struct ct_content content = {.type = "application/json", .cache = CACHE_PAGE};
    /* Two checksums and the length tell one version of the text from the next. */
    unsigned long crc = crc32_z(crc32_z(0, NULL, 0), (const Bytef *)json.at, json.len);
    unsigned long adler = adler32_z(adler32_z(0, NULL, 0), (const Bytef *)json.at, json.len);
    content.etag = ct_arena_printf(arena, "W/\"%08lx%08lx%zx\"", crc, adler, json.len);
    if (content.etag == NULL)
        return CT_NOMEM;
    enum ct_result result = pack(arena, json, &content.gzip_body);
    if (result != CT_OK)
        return result;
    /* Plain as well: unpacked for each that asks, it would be in memory as often as there are slow readers. */
    content.body = (struct ct_str){ct_arena_copy(arena, json.at, json.len), json.len};
    if (content.body.at == NULL)
        return CT_NOMEM;
    *out = content;
    return CT_OK;
}

/* The mutex is held. */
static enum ct_result make_openapi(struct ct_docs *docs)
{
    struct ct_str json;
    struct ct_arena *workshop = ct_arena_new();
    struct ct_arena *arena = ct_arena_new();
    enum ct_result result = workshop == NULL || arena == NULL ? CT_NOMEM : CT_OK;
    if (result == CT_OK)
        result = docs->maker.make(docs->maker.ctx, workshop, &json);
    if (result == CT_OK)
        result = describe(arena, json, &docs->openapi);
    ct_arena_free(workshop);
    if (result == CT_OK)
        docs->arena = arena;
    else
        ct_arena_free(arena);
    return result;
}

static enum ct_result get_openapi(struct ct_call *call)
{
    struct ct_docs *docs = call->room;
    enum ct_result result = CT_OK;
    pthread_mutex_lock(&docs->mutex);
    if (docs->arena == NULL)
        result = make_openapi(docs);
    if (result == CT_OK)
        *(struct ct_content *)call->reply = docs->openapi;
    pthread_mutex_unlock(&docs->mutex);
    return result;
}

struct asset_path {
    struct ct_str name;
};

static enum ct_result get_asset(struct ct_call *call)
{
    const struct asset_path *path = call->path;
    for (size_t i = 0; i < ct_asset_count; i++) {
        if (ct_str_equal(path->name, ct_str_of(ct_assets[i].name))) {
            fill(call->reply, &ct_assets[i], CACHE_ASSET);
            return CT_OK;
        }
    }
    return CT_NOT_FOUND;
}

static const struct ct_field asset_path_fields[] = {
    CT_FIELD(struct asset_path, name, CT_FIELD_STRING, .doc = "The file's name, with its hash."),
};

static const struct ct_schema asset_path_schema =
    CT_SCHEMA("AssetPath", NULL, struct asset_path, asset_path_fields);

const struct ct_route ct_docs_routes[] = {
    {.method = CT_GET, .pattern = "/", .status = 307, .run = get_root},
    {.method = CT_GET, .pattern = "/docs", .run = get_docs},
    {.method = CT_GET, .pattern = "/redoc", .run = get_redoc},
    {.method = CT_GET, .pattern = "/favicon.ico", .run = get_favicon},
    {.method = CT_GET, .pattern = "/openapi.json", .run = get_openapi},
    {.method = CT_GET,
     .pattern = "/docs/assets/{name}",
     .path = &asset_path_schema,
     .run = get_asset},
};

const size_t ct_docs_route_count = sizeof(ct_docs_routes) / sizeof(ct_docs_routes[0]);

enum ct_result ct_docs_new(struct ct_docs_maker maker, struct ct_docs **out)
{
    struct ct_docs *docs = calloc(1, sizeof(*docs));
    if (docs == NULL)
        return CT_NOMEM;
    docs->maker = maker;
    pthread_mutex_init(&docs->mutex, NULL);
    *out = docs;
    return CT_OK;
}

void ct_docs_free(struct ct_docs *docs)
{
    if (docs == NULL)
        return;
    pthread_mutex_destroy(&docs->mutex);
    ct_arena_free(docs->arena);
    free(docs);
}
