#include "accounts/scopes.h"

#include <string.h>

#include "harness.h"
#include "http/route.h"

#define MOST 8

static enum ct_result join(struct ct_arena *arena, const char *const *words, struct ct_str *out)
{
    struct ct_str texts[MOST];
    size_t count = 0;
    for (; words[count] != NULL; count++)
        texts[count] = ct_str_of(words[count]);
    return ct_scopes_join(arena, &(struct ct_texts){texts, count}, out);
}

static enum ct_result test_words_are_kept_as_a_text(void)
{
    static const struct {
        const char *words[MOST];
        const char *joined;
        size_t count;
    } cases[] = {
        {{NULL}, "", 0},
        {{"*", NULL}, "*", 1},
        {{"numbers:read", "calls:read", NULL}, "numbers:read calls:read", 2},
        {{"a", "b", "a", "a", "b", NULL}, "a b", 2},
    };
    enum ct_result result = CT_OK;
    struct ct_str joined;
    struct ct_texts split;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        TRY(join(arena, cases[i].words, &joined));
        EXPECT(ct_str_equal(joined, ct_str_of(cases[i].joined)));
        TRY(ct_scopes_split(arena, joined, &split));
        EXPECT(split.count == cases[i].count);
        for (size_t at = 0; at < split.count; at++)
            EXPECT(ct_str_equal(split.at[at], ct_str_of(cases[i].words[at])));
    }
out:
    ct_arena_free(arena);
    return result;
}

/* A word could not be told from two, or from none. */
static enum ct_result test_no_word_has_a_space(void)
{
    enum ct_result result = CT_OK;

    for (size_t i = 0; ct_scope_words[i] != NULL; i++) {
        EXPECT(ct_scope_words[i][0] != '\0' && strchr(ct_scope_words[i], ' ') == NULL);
        EXPECT(strstr(ct_scope_doc, ct_scope_words[i]) != NULL);
    }
    EXPECT(strcmp(ct_scope_words[0], "*") == 0);
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_words_are_kept_as_a_text),
        CT_UNIT(test_no_word_has_a_space),
    };
    return ct_unit_main("accounts/scopes", units, sizeof(units) / sizeof(units[0]));
}
