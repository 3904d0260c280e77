#include <string.h>

#include "config/settings.h"

/* More than any key needs: HMAC hashes what is longer than its block (RFC 2104 section 2). */
#define SECRET_MOST 2048

enum ct_result ct_check_secret(struct ct_arena *arena, const char *text, const char **plain,
                               const char **problem)
{
    (void)arena;
    *plain = text;
    if (strlen(text) <= SECRET_MOST)
        return CT_OK;
    *problem = "it is too long";
    return CT_INVALID;
}

enum ct_result ct_check_not_empty(struct ct_arena *arena, const char *text, const char **plain,
                                  const char **problem)
{
    (void)arena;
    (void)problem;
    *plain = text;
    return text[0] == '\0' ? CT_INVALID : CT_OK;
}

enum ct_result ct_check_host(struct ct_arena *arena, const char *text, const char **plain,
                             const char **problem)
{
    if (strchr(text, ' ') != NULL || strstr(text, "//") != NULL) {
        *problem = "only the address belongs here";
        return CT_INVALID;
    }
    return ct_check_not_empty(arena, text, plain, problem);
}
