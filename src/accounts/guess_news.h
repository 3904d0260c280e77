#ifndef CT_ACCOUNTS_GUESS_NEWS_H
#define CT_ACCOUNTS_GUESS_NEWS_H

#include <stdint.h>

#include "accounts/guessing.h"
#include "base/result.h"
#include "store/store.h"

#define CT_GUESS_NEWS_KEY_BYTES 32

/**
 * Wrong passwords, told to the other servers of the database and counted by all of them: who guesses gets no
 * more attempts from many servers than from one. What is told is sealed with a key that the servers share, so
 * that neither a name nor an address can be read on its way. Nothing waits for it, and it may be lost: then
 * each server counts what it sees itself.
 */
struct ct_guess_news {
    struct ct_guessing *guessing;
    struct ct_store *store;
    uint8_t key[CT_GUESS_NEWS_KEY_BYTES];
};

/** From now on @p guessing tells and hears. @p news has its key set, and is, as is all else, borrowed until
 *  the store is closed. CT_NOMEM. */
CT_CHECKED enum ct_result ct_guess_news_start(struct ct_guess_news *news,
                                              struct ct_guessing *guessing, struct ct_store *store);
/** What is told of a wrong password, of the key of an address and of a name with its case folded. In
 *  @p arena. CT_NOMEM, CT_IO (no randomness). */
CT_CHECKED enum ct_result ct_guess_news_text(const struct ct_guess_news *news,
                                             struct ct_arena *arena, struct ct_str address,
                                             struct ct_str name, struct ct_str *out);
/** What another server told: a failure is counted. CT_INVALID or CT_DENIED for anything else, which changes
 *  nothing; CT_NOMEM. */
CT_CHECKED enum ct_result ct_guess_news_heard(struct ct_guess_news *news, struct ct_str text);

#endif
