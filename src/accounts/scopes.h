#ifndef CT_ACCOUNTS_SCOPES_H
#define CT_ACCOUNTS_SCOPES_H

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "http/schema.h"

/** The words of scopes.def, ended by NULL. */
extern const char *const ct_scope_words[];
/** For the docs: each word and what it allows. */
extern const char ct_scope_doc[];

/** Joins words for the database, with single spaces, each once. In @p arena. CT_NOMEM. */
CT_CHECKED enum ct_result ct_scopes_join(struct ct_arena *arena, const struct ct_texts *words,
                                         struct ct_str *out);
/** The reverse; the words are pieces of @p joined. CT_NOMEM. */
CT_CHECKED enum ct_result ct_scopes_split(struct ct_arena *arena, struct ct_str joined,
                                          struct ct_texts *out);

#endif
