#ifndef CT_VOICE_WORDS_H
#define CT_VOICE_WORDS_H

#include "accounts/scopes.h"

/*
 * Lists of words without spaces, as a row keeps them: separated by single spaces.
 */

/** All of them in one text, of equal ones the first. CT_NOMEM. */
CT_CHECKED static inline enum ct_result
ct_words_join(struct ct_arena *arena, const struct ct_texts *words, struct ct_str *out)
{
    return ct_scopes_join(arena, words, out);
}
/** The reverse, borrowing @p joined. CT_NOMEM. */
CT_CHECKED static inline enum ct_result ct_words_split(struct ct_arena *arena, struct ct_str joined,
                                                       struct ct_texts *out)
{
    return ct_scopes_split(arena, joined, out);
}

#endif
