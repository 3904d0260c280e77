#ifndef CT_ACCOUNTS_NEAR_WORDS_H
#define CT_ACCOUNTS_NEAR_WORDS_H

#include <stdbool.h>

#include "base/text.h"

/** Whether a password is one of the words that lie near in this program, such as its name, without regard
 *  to the case of A-Z, and to ASCII characters other than letters anywhere: "Cloud-Telephony 2026!". The
 *  words are listed in docs/security.md (OWASP ASVS 5.0, 6.1.2). */
bool ct_password_is_near_word(struct ct_str password);

#endif
