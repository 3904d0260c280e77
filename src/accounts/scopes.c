#include "accounts/scopes.h"

#include <string.h>

const char *const ct_scope_words[] = {
#define CT_SCOPE(word, ...) word,
#include "accounts/scopes.def"
    NULL,
};

const char ct_scope_doc[] =
    "What the key may do; without it, everything (`*`). A request that needs "
    "another scope is answered with 403."
#define CT_SCOPE(word, allows) "\n- `" word "`: " allows
#include "accounts/scopes.def"
    ;

static bool is_among(const struct ct_texts *words, size_t count, struct ct_str word)
{
    for (size_t i = 0; i < count; i++) {
        if (ct_str_equal(words->at[i], word))
            return true;
    }
    return false;
}

enum ct_result ct_scopes_join(struct ct_arena *arena, const struct ct_texts *words,
                              struct ct_str *out)
{
    struct ct_buf buf = ct_buf_in(arena);
    for (size_t i = 0; i < words->count; i++) {
        if (is_among(words, i, words->at[i]))
            continue;
        if (buf.len > 0)
            ct_buf_char(&buf, ' ');
        ct_buf_str(&buf, words->at[i]);
    }
    struct ct_str joined = ct_buf_done(&buf);
    if (buf.failed)
        return CT_NOMEM;
    *out = joined;
    return CT_OK;
}

enum ct_result ct_scopes_split(struct ct_arena *arena, struct ct_str joined, struct ct_texts *out)
{
    size_t most = 1;
    for (size_t i = 0; i < joined.len; i++)
        most += joined.at[i] == ' ';
    struct ct_str *words = ct_arena_alloc(arena, most * sizeof(*words));
    if (words == NULL)
        return CT_NOMEM;
    size_t count = 0;
    const char *end = joined.at + joined.len;
    for (const char *at = joined.at; at < end;) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const char *stop = space == NULL ? end : space;
        words[count++] = (struct ct_str){at, (size_t)(stop - at)};
        at = stop == end ? end : stop + 1;
    }
    *out = (struct ct_texts){words, count};
    return CT_OK;
}
