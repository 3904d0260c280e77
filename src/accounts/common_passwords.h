#ifndef CT_ACCOUNTS_COMMON_PASSWORDS_H
#define CT_ACCOUNTS_COMMON_PASSWORDS_H

#include <stdbool.h>

#include "base/text.h"

/** Whether a password is among the most common ones, without regard to the case of A-Z. The list is that
 *  of Django, some 20,000 from published breaches, 8,500 of them with 8 bytes or more; it is put into the
 *  program when that is built, see cmake/common-passwords. Takes about a microsecond. */
bool ct_password_is_common(struct ct_str password);

#endif
