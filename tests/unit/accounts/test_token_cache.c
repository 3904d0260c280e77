#include "accounts/token_cache.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"

#define NOW INT64_C(1769860800)

static const struct ct_claims claims = {.user_id = 42,
                                        .issued_at = NOW - 5,
                                        .expires_at = NOW + 60,
                                        .login_at = NOW - 500,
                                        .epoch = 7,
                                        .id = {"jti", 3}};

/* Ends the test without a verdict when a token is not found: only for want of memory may that be. */
#define TRY_FOUND(condition) TRY_MEMORY((condition) ? "found" : NULL)

static enum ct_result test_what_is_remembered(void)
{
    static const struct ct_str token = {"aaaa.bbbb.cccccccc", 18};
    static const char *const others[] = {"",
                                         "cccccccc",
                                         "aaab.bbbb.cccccccc",
                                         "aaaa.bbbb.cccccccd",
                                         "aaaa.bbbb.ccccccc",
                                         "aaaa.bbbb.cccccccc="};
    enum ct_result result = CT_OK;
    struct ct_token_cache *cache = NULL;
    struct ct_claims out = {0};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    cache = ct_token_cache_new(arena);
    TRY_MEMORY(cache);

    EXPECT(!ct_token_cache_find(cache, arena, token, NOW, &out));
    ct_token_cache_put(cache, token, &claims);
    TRY_FOUND(ct_token_cache_find(cache, arena, token, NOW, &out));
    EXPECT(out.user_id == 42 && out.issued_at == NOW - 5 && out.expires_at == NOW + 60);
    EXPECT(out.login_at == NOW - 500 && out.epoch == 7);
    EXPECT(ct_str_equal(out.id, CT_STR("jti")));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        EXPECT(!ct_token_cache_find(cache, arena, ct_str_of(others[i]), NOW, &out));
    /* expiry is judged at every look */
    TRY_FOUND(ct_token_cache_find(cache, arena, token, NOW + 59, &out));
    EXPECT(!ct_token_cache_find(cache, arena, token, NOW + 60, &out));
out:
    ct_token_cache_end(cache);
    ct_arena_free(arena);
    return result;
}

/* A token takes the place of another whose signature ends in the same way, and never its claims. */
static enum ct_result test_two_tokens_for_one_place(void)
{
    enum ct_result result = CT_OK;
    struct ct_token_cache *cache = NULL;
    struct ct_claims second = claims;
    struct ct_claims out;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    cache = ct_token_cache_new(arena);
    TRY_MEMORY(cache);

    second.user_id = 43;
    ct_token_cache_put(cache, CT_STR("aaaa.long.cccccccc"), &claims);
    ct_token_cache_put(cache, CT_STR("bbbb.b.cccccccc"), &second);
    EXPECT(!ct_token_cache_find(cache, arena, CT_STR("aaaa.long.cccccccc"), NOW, &out));
    TRY_FOUND(ct_token_cache_find(cache, arena, CT_STR("bbbb.b.cccccccc"), NOW, &out));
    EXPECT(out.user_id == 43);
out:
    ct_token_cache_end(cache);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_sizes(void)
{
    static const size_t kept[] = {8, 9, 190, 1024, 300};
    static const size_t not_kept[] = {0, 1, 7, 1025, 4096};
    static char text[4096];
    enum ct_result result = CT_OK;
    struct ct_token_cache *cache = NULL;
    struct ct_claims out;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    cache = ct_token_cache_new(arena);
    TRY_MEMORY(cache);

    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        ct_token_cache_put(cache, (struct ct_str){text, kept[i]}, &claims);
        TRY_FOUND(ct_token_cache_find(cache, arena, (struct ct_str){text, kept[i]}, NOW, &out));
    }
    for (size_t i = 0; i < sizeof(not_kept) / sizeof(not_kept[0]); i++) {
        ct_token_cache_put(cache, (struct ct_str){text, not_kept[i]}, &claims);
        EXPECT(!ct_token_cache_find(cache, arena, (struct ct_str){text, not_kept[i]}, NOW, &out));
    }
    EXPECT(!ct_token_cache_find(cache, arena, (struct ct_str){0}, NOW, &out));
out:
    ct_token_cache_end(cache);
    ct_arena_free(arena);
    return result;
}

/* Whoever has logged out is known by the id: a token whose id there is no room for is not remembered. */
static enum ct_result test_ids(void)
{
    static const char id[] = "0123456789012345678901234567890123456789012345";
    static const size_t kept[] = {0, 1, 22, 43};
    enum ct_result result = CT_OK;
    struct ct_token_cache *cache = NULL;
    struct ct_claims its = claims;
    struct ct_claims out;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    cache = ct_token_cache_new(arena);
    TRY_MEMORY(cache);

    its.id = (struct ct_str){id, 44};
    ct_token_cache_put(cache, CT_STR("aaaa.bbbb.cccccccc"), &its);
    EXPECT(!ct_token_cache_find(cache, arena, CT_STR("aaaa.bbbb.cccccccc"), NOW, &out));
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        its.id = (struct ct_str){id, kept[i]};
        ct_token_cache_put(cache, CT_STR("aaaa.bbbb.cccccccc"), &its);
        TRY_FOUND(ct_token_cache_find(cache, arena, CT_STR("aaaa.bbbb.cccccccc"), NOW, &out));
        EXPECT(ct_str_equal(out.id, its.id));
        EXPECT(out.id.at != its.id.at);
    }
out:
    ct_token_cache_end(cache);
    ct_arena_free(arena);
    return result;
}

/* Of a bounded size, and still of use when there are more tokens than places. */
static enum ct_result test_many_tokens(void)
{
    enum ct_result result = CT_OK;
    struct ct_token_cache *cache = NULL;
    struct ct_claims out;
    char text[32];
    unsigned found = 0;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    cache = ct_token_cache_new(arena);
    TRY_MEMORY(cache);

    for (unsigned i = 0; i < 2000; i++) {
        struct ct_claims its = claims;
        its.user_id = i;
        (void)snprintf(text, sizeof(text), "a.b.%08x", i * 2654435761U);
        ct_token_cache_put(cache, ct_str_of(text), &its);
    }
    for (unsigned i = 0; i < 2000; i++) {
        (void)snprintf(text, sizeof(text), "a.b.%08x", i * 2654435761U);
        if (!ct_token_cache_find(cache, arena, ct_str_of(text), NOW, &out))
            continue;
        EXPECT(out.user_id == i);
        found++;
    }
    EXPECT(found <= 1024);
    TRY_FOUND(found > 500);
out:
    ct_token_cache_end(cache);
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_what_is_remembered),
        CT_UNIT(test_two_tokens_for_one_place),
        CT_UNIT(test_sizes),
        CT_UNIT(test_ids),
        CT_UNIT(test_many_tokens),
    };
    return ct_unit_main("accounts/token_cache", units, sizeof(units) / sizeof(units[0]));
}
