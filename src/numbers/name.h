#ifndef CT_NUMBERS_NAME_H
#define CT_NUMBERS_NAME_H

#include "accounts/users.h"

/** What people call things: 1 to 64 characters, none of them a control character. */
#define CT_NAME_MAX 64
#define CT_NAME_PATTERN CT_USERNAME_PATTERN
#define ct_name_normalize ct_username_normalize
/** The field of such a name. */
#define CT_NAME_FIELD(structure, member, bits, ...)                                             \
    CT_FIELD(structure, member, CT_FIELD_STRING, .flags = (bits), .min = 1, .max = CT_NAME_MAX, \
             .pattern = CT_NAME_PATTERN, .normalize = ct_name_normalize, __VA_ARGS__)

#endif
