#include "accounts/password.h"

#include <argon2.h>
#include <crypt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/random.h"

#define SALT_BYTES 16

#define ARGON2_PREFIX "$argon2id$v=19$"
#define ARGON2_MEMORY_KIB 19456
#define ARGON2_PASSES 2
#define ARGON2_LANES 1
#define ARGON2_HASH_BYTES 32

/* What a stored hash may ask for: a doctored row must not take the process down. */
#define MAX_MEMORY_KIB (UINT32_C(1) << 20)
#define MAX_PASSES 100
#define MAX_LANES 64
#define MAX_SALT_BYTES 64
#define MIN_HASH_BYTES 16
#define MAX_HASH_BYTES 64

#define BCRYPT_COST 12
#define BCRYPT_PREFIX "$2b$12$"
#define BCRYPT_CHARS 60

/* Hashes of nothing, in the form and at the cost of the real ones: what a password is compared with
 * when there is no hash to compare it with, so that the refusal takes as long. */
#define NOBODY_ARGON2ID                                     \
    ARGON2_PREFIX "m=19456,t=2,p=1$Y2xvdWQtdGVsZXBob255IQ$" \
                  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define NOBODY_BCRYPT BCRYPT_PREFIX "abcdefghijklmnopqrstuu..............................."

struct argon2_cost {
    uint32_t memory_kib;
    uint32_t passes;
    uint32_t lanes;
};

static const struct argon2_cost argon2_cost_now = {ARGON2_MEMORY_KIB, ARGON2_PASSES, ARGON2_LANES};

/* A stored argon2id hash, decoded. */
struct argon2_hash {
    struct argon2_cost cost;
    struct ct_str salt;
    struct ct_str hash;
};

/* ------------------------------------------------------------------------------------ reading */

static bool take_text(struct ct_str *in, struct ct_str text)
{
    if (in->len < text.len || memcmp(in->at, text.at, text.len) != 0)
        return false;
    in->at += text.len;
    in->len -= text.len;
    return true;
}

/* What is left up to a character, or up to the end. */
static struct ct_str take_until(struct ct_str *in, char end)
{
    const char *at = in->len == 0 ? NULL : memchr(in->at, end, in->len);
    struct ct_str taken = {in->at, at == NULL ? in->len : (size_t)(at - in->at)};
    in->at += taken.len;
    in->len -= taken.len;
    return taken;
}

/* A number from 1 to `max`, without a leading zero. */
static bool take_number(struct ct_str *in, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;
    size_t i = 0;

    for (; i < in->len && in->at[i] >= '0' && in->at[i] <= '9'; i++) {
        value = value * 10 + (uint64_t)(in->at[i] - '0');
        if (value == 0 || value > max)
            return false;
    }
    if (i == 0)
        return false;
    in->at += i;
    in->len -= i;
    *out = (uint32_t)value;
    return true;
}

/* A PHC string's base64 is the standard alphabet without padding. */
static char *base64_encode(struct ct_arena *arena, const void *data, size_t size)
{
    char *text = ct_base64url(arena, data, size);
    for (char *at = text; at != NULL && *at != '\0'; at++)
        *at = *at == '-' ? '+' : *at == '_' ? '/' : *at;
    return text;
}

static enum ct_result base64_decode(struct ct_arena *arena, struct ct_str text, struct ct_str *out)
{
    char *url = ct_str_dup(arena, text);
    if (url == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < text.len; i++) {
        if (url[i] == '-' || url[i] == '_')
            return CT_INVALID;
        url[i] = url[i] == '+' ? '-' : url[i] == '/' ? '_' : url[i];
    }
    return ct_base64url_decode(arena, (struct ct_str){url, text.len}, out);
}

/* CT_INVALID for a text that is no argon2id hash, or one with parameters out of bounds. */
static enum ct_result argon2_parse(struct ct_arena *arena, struct ct_str stored,
                                   struct argon2_hash *out)
{
    struct argon2_cost *cost = &out->cost;
    struct ct_str in = stored;

    if (!take_text(&in, CT_STR(ARGON2_PREFIX "m=")) ||
        !take_number(&in, MAX_MEMORY_KIB, &cost->memory_kib) || !take_text(&in, CT_STR(",t=")) ||
        !take_number(&in, MAX_PASSES, &cost->passes) || !take_text(&in, CT_STR(",p=")) ||
        !take_number(&in, MAX_LANES, &cost->lanes) || !take_text(&in, CT_STR("$")))
        return CT_INVALID;
    struct ct_str salt = take_until(&in, '$');
    if (!take_text(&in, CT_STR("$")))
        return CT_INVALID;
    if (salt.len > MAX_SALT_BYTES * 2 || in.len > MAX_HASH_BYTES * 2)
        return CT_INVALID;

    enum ct_result result = base64_decode(arena, salt, &out->salt);
    if (result == CT_OK)
        result = base64_decode(arena, in, &out->hash);
    if (result != CT_OK)
        return result;
    if (out->salt.len < ARGON2_MIN_SALT_LENGTH || out->salt.len > MAX_SALT_BYTES ||
        out->hash.len < MIN_HASH_BYTES || out->hash.len > MAX_HASH_BYTES)
        return CT_INVALID;
    return CT_OK;
}

/* "$2b$12$", 22 characters of salt, 31 of hash. libcrypt judges the rest: the cost and the salt. */
static bool bcrypt_parse(struct ct_str stored)
{
    struct ct_str in = stored;

    return stored.len == BCRYPT_CHARS &&
           (take_text(&in, CT_STR("$2a$")) || take_text(&in, CT_STR("$2b$")) ||
            take_text(&in, CT_STR("$2y$")));
}

/* ------------------------------------------------------------------------------------ hashing */

/* Pages of their own, in place of malloc's: they go back to the kernel with each hash, where malloc
 * would keep them resident in every thread that ever hashed, and huge pages save a quarter of the
 * time. */
static int pages_take(uint8_t **memory, size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return -1;
    (void)madvise(pages, size, MADV_HUGEPAGE); /* some kernels have none */
    *memory = pages;
    return 0;
}

static void pages_give(uint8_t *memory, size_t size)
{
    (void)munmap(memory, size);
}

/* libargon2 takes pointers to what it only reads without const. */
static uint8_t *readable(struct ct_str text)
{
    return text.len == 0 ? NULL : (uint8_t *)(uintptr_t)text.at;
}

/* CT_NOMEM; CT_INVALID for parameters that libargon2 does not take. */
static enum ct_result argon2_compute(struct argon2_cost cost, struct ct_str password,
                                     struct ct_str salt, uint8_t *hash, size_t size)
{
    argon2_context context = {
        .out = hash,
        .outlen = (uint32_t)size,
        .pwd = readable(password),
        .pwdlen = (uint32_t)password.len,
        .salt = readable(salt),
        .saltlen = (uint32_t)salt.len,
        .t_cost = cost.passes,
        .m_cost = cost.memory_kib,
        .lanes = cost.lanes,
        .threads = 1, /* the result depends on the lanes alone */
        .version = ARGON2_VERSION_13,
        .allocate_cbk = pages_take,
        .free_cbk = pages_give,
        .flags = ARGON2_DEFAULT_FLAGS,
    };

    switch (argon2id_ctx(&context)) {
    case ARGON2_OK:
        return CT_OK;
    case ARGON2_MEMORY_ALLOCATION_ERROR:
        return CT_NOMEM;
    default:
        return CT_INVALID;
    }
}

/* `setting` is a salt or a whole hash, terminated. CT_NOMEM; CT_INVALID for a setting that libcrypt
 * does not take. */
static enum ct_result bcrypt_compute(struct ct_str password, const char *setting,
                                     char hash[static BCRYPT_CHARS])
{
    struct work {
        struct crypt_data data; /* 32 KB: too much for the stack of a small thread */
        char phrase[CT_BCRYPT_MAX_BYTES + 1];
    };
    struct work *work = calloc(1, sizeof(*work));
    if (work == NULL)
        return CT_NOMEM;

    size_t size = password.len < CT_BCRYPT_MAX_BYTES ? password.len : CT_BCRYPT_MAX_BYTES;
    if (size > 0)
        memcpy(work->phrase, password.at, size);
    const char *text = crypt_rn(work->phrase, setting, &work->data, (int)sizeof(work->data));
    bool computed = text != NULL && strlen(text) == BCRYPT_CHARS;
    if (computed)
        memcpy(hash, text, BCRYPT_CHARS);

    explicit_bzero(work, sizeof(*work));
    free(work);
    return computed ? CT_OK : CT_INVALID;
}

static bool has_nul(struct ct_str text)
{
    return text.len > 0 && memchr(text.at, '\0', text.len) != NULL;
}

static enum ct_result argon2_make(struct ct_arena *arena, struct ct_str password,
                                  struct ct_str *out)
{
    uint8_t salt[SALT_BYTES];
    uint8_t hash[ARGON2_HASH_BYTES];

    enum ct_result result = ct_random_bytes(salt, sizeof(salt));
    if (result == CT_OK)
        result =
            argon2_compute(argon2_cost_now, password,
                           (struct ct_str){(const char *)salt, sizeof(salt)}, hash, sizeof(hash));
    if (result == CT_OK) {
        const char *salt_text = base64_encode(arena, salt, sizeof(salt));
        const char *hash_text = base64_encode(arena, hash, sizeof(hash));
        const char *text =
            salt_text == NULL || hash_text == NULL
                ? NULL
                : ct_arena_printf(arena, ARGON2_PREFIX "m=%d,t=%d,p=%d$%s$%s", ARGON2_MEMORY_KIB,
                                  ARGON2_PASSES, ARGON2_LANES, salt_text, hash_text);
        if (text == NULL)
            result = CT_NOMEM;
        else
            *out = ct_str_of(text);
    }
    explicit_bzero(hash, sizeof(hash));
    return result;
}

static enum ct_result bcrypt_make(struct ct_arena *arena, struct ct_str password,
                                  struct ct_str *out)
{
    char salt[SALT_BYTES];
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    char hash[BCRYPT_CHARS];

    if (password.len > CT_BCRYPT_MAX_BYTES || has_nul(password))
        return CT_INVALID;
    enum ct_result result = ct_random_bytes(salt, sizeof(salt));
    if (result != CT_OK)
        return result;
    if (crypt_gensalt_rn("$2b$", BCRYPT_COST, salt, (int)sizeof(salt), setting,
                         (int)sizeof(setting)) == NULL)
        return CT_BUG;
    result = bcrypt_compute(password, setting, hash);
    if (result != CT_OK)
        return result == CT_INVALID ? CT_BUG : result;
    const char *text = ct_arena_copy(arena, hash, sizeof(hash));
    if (text == NULL)
        return CT_NOMEM;
    *out = (struct ct_str){text, sizeof(hash)};
    return CT_OK;
}

/* ---------------------------------------------------------------------------------- comparing */

/* CT_DENIED when the password is another; CT_INVALID when the stored text is no argon2id hash. */
static enum ct_result argon2_compare(struct ct_str password, struct ct_str stored, bool *outdated)
{
    struct argon2_hash parsed;
    uint8_t hash[MAX_HASH_BYTES];
    enum ct_result result = CT_NOMEM;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        goto out;
    result = argon2_parse(arena, stored, &parsed);
    if (result != CT_OK)
        goto out;
    result = argon2_compute(parsed.cost, password, parsed.salt, hash, parsed.hash.len);
    if (result != CT_OK)
        goto out;
    if (!ct_str_equal_secret((struct ct_str){(const char *)hash, parsed.hash.len}, parsed.hash)) {
        result = CT_DENIED;
        goto out;
    }
    *outdated = memcmp(&parsed.cost, &argon2_cost_now, sizeof(parsed.cost)) != 0 ||
                parsed.salt.len != SALT_BYTES || parsed.hash.len != ARGON2_HASH_BYTES;
out:
    explicit_bzero(hash, sizeof(hash));
    ct_arena_free(arena);
    return result;
}

/* The same for bcrypt. */
static enum ct_result bcrypt_compare(struct ct_str password, struct ct_str stored, bool *outdated)
{
    char setting[BCRYPT_CHARS + 1] = {0};
    char hash[BCRYPT_CHARS];

    if (!bcrypt_parse(stored))
        return CT_INVALID;
    memcpy(setting, stored.at, BCRYPT_CHARS);
    enum ct_result result = bcrypt_compute(password, setting, hash);
    if (result != CT_OK)
        return result;
    /* A password with a NUL was hashed up to it, so that its refusal takes as long as any. */
    bool same = ct_str_equal_secret((struct ct_str){hash, sizeof(hash)}, stored);
    explicit_bzero(hash, sizeof(hash));
    if (!same || has_nul(password))
        return CT_DENIED;
    *outdated = memcmp(stored.at, BCRYPT_PREFIX, strlen(BCRYPT_PREFIX)) != 0;
    return CT_OK;
}

/* CT_INVALID when the stored text is no hash. */
static enum ct_result compare(enum ct_password_hash kind, struct ct_str password,
                              struct ct_str stored, bool *outdated)
{
    struct ct_str in = stored;
    bool old = false;
    bool argon2 = take_text(&in, CT_STR(ARGON2_PREFIX));
    enum ct_result result =
        argon2 ? argon2_compare(password, stored, &old) : bcrypt_compare(password, stored, &old);
    if (result == CT_OK)
        *outdated = old || kind != (argon2 ? CT_ARGON2ID : CT_BCRYPT);
    return result;
}

/* CT_DENIED, whatever the password; CT_NOMEM. */
static enum ct_result compare_with_nobody(enum ct_password_hash kind, struct ct_str password)
{
    struct ct_str nobody = kind == CT_BCRYPT ? CT_STR(NOBODY_BCRYPT) : CT_STR(NOBODY_ARGON2ID);
    bool ignored;
    return compare(kind, password, nobody, &ignored) == CT_NOMEM ? CT_NOMEM : CT_DENIED;
}

/* ----------------------------------------------------------------------------------- the face */

enum ct_result ct_password_hash(struct ct_arena *arena, enum ct_password_hash kind,
                                struct ct_str password, struct ct_str *out)
{
    return kind == CT_BCRYPT ? bcrypt_make(arena, password, out)
                             : argon2_make(arena, password, out);
}

enum ct_result ct_password_verify(enum ct_password_hash kind, struct ct_str password,
                                  struct ct_str stored, bool *outdated)
{
    enum ct_result result = compare(kind, password, stored, outdated);
    if (result == CT_INVALID)
        result = compare_with_nobody(kind, password);
    return result;
}

void ct_password_spend(enum ct_password_hash kind, struct ct_str password, struct ct_str like)
{
    bool ignored;
    if (like.len == 0 || compare(kind, password, like, &ignored) == CT_INVALID)
        (void)compare_with_nobody(kind, password);
}
