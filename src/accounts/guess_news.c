#include "accounts/guess_news.h"

#include <string.h>

#include "base/clock.h"
#include "base/digest.h"

/* What a text begins with, so that there can be others one day. */
static const struct ct_str KIND = {"wrong-password ", 15};
static const char PURPOSE[] = "cloud-telephony wrong passwords";

#define ROOM 4096

/* A key for an address and a name: the length of the first in one byte, then both. */
static struct ct_str pack(struct ct_arena *arena, struct ct_str address, struct ct_str name)
{
    struct ct_buf buf = ct_buf_in(arena);
    ct_buf_char(&buf, (char)address.len);
    ct_buf_str(&buf, address);
    ct_buf_str(&buf, name);
    struct ct_str text = ct_buf_done(&buf);
    return buf.failed ? (struct ct_str){0} : text;
}

enum ct_result ct_guess_news_text(const struct ct_guess_news *news, struct ct_arena *arena,
                                  struct ct_str address, struct ct_str name, struct ct_str *out)
{
    struct ct_str secret = {(const char *)news->key, sizeof(news->key)};
    struct ct_str sealed;
    struct ct_str plain = pack(arena, address, name);
    if (plain.len == 0)
        return CT_NOMEM;
    enum ct_result result = ct_seal(arena, PURPOSE, &secret, 1, plain, &sealed);
    if (result != CT_OK)
        return result;
    const char *digits = ct_base64url(arena, sealed.at, sealed.len);
    char *text = digits == NULL ? NULL : ct_arena_printf(arena, "%s%s", KIND.at, digits);
    *out = ct_str_of(text);
    return text == NULL ? CT_NOMEM : CT_OK;
}

static void tell(void *ctx, struct ct_str address, struct ct_str name)
{
    const struct ct_guess_news *news = ctx;
    _Alignas(max_align_t) uint8_t room[ROOM];
    struct ct_str text;
    struct ct_arena *arena = ct_arena_in(room, sizeof(room));
    if (arena == NULL)
        return;
    if (ct_guess_news_text(news, arena, address, name, &text) == CT_OK)
        ct_store_tell(news->store, text);
    ct_arena_free(arena);
}

enum ct_result ct_guess_news_heard(struct ct_guess_news *news, struct ct_str text)
{
    _Alignas(max_align_t) uint8_t room[ROOM];
    struct ct_str secret = {(const char *)news->key, sizeof(news->key)};
    struct ct_str sealed;
    struct ct_str plain = {0};
    if (text.len < KIND.len || memcmp(text.at, KIND.at, KIND.len) != 0)
        return CT_INVALID;
    struct ct_arena *arena = ct_arena_in(room, sizeof(room));
    if (arena == NULL)
        return CT_NOMEM;
    struct ct_str digits = {text.at + KIND.len, text.len - KIND.len};
    enum ct_result result = ct_base64url_decode(arena, digits, &sealed);
    if (result == CT_OK)
        result = ct_open(arena, PURPOSE, &secret, 1, sealed, &plain);
    size_t size = plain.len > 0 ? (unsigned char)plain.at[0] : 0;
    if (result == CT_OK && size >= plain.len)
        result = CT_INVALID;
    if (result == CT_OK)
        result = ct_guess_count(news->guessing, arena, (struct ct_str){plain.at + 1, size},
                                (struct ct_str){plain.at + 1 + size, plain.len - 1 - size},
                                ct_clock_monotonic_us());
    ct_arena_free(arena);
    return result;
}

static void heard(void *ctx, struct ct_str text)
{
    enum ct_result result = ct_guess_news_heard(ctx, text);
    (void)result; /* what is not counted here is counted where it was seen */
}

enum ct_result ct_guess_news_start(struct ct_guess_news *news, struct ct_guessing *guessing,
                                   struct ct_store *store)
{
    news->guessing = guessing;
    news->store = store;
    ct_guessing_tell(guessing, tell, news);
    return ct_store_listen(store, heard, news);
}
