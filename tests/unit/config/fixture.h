#ifndef CT_TESTS_UNIT_CONFIG_FIXTURE_H
#define CT_TESTS_UNIT_CONFIG_FIXTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"
#include "config/config.h"
#include "harness.h"

/* Loads settings from a file with these bytes (in memory, so that tests run side by side) and an
 * environment; either may be missing. */
static inline enum ct_result load_bytes(struct ct_arena *arena, struct ct_str dotenv,
                                        const char *const *environment, struct ct_config *out,
                                        const char **why)
{
    char path[64];
    char *variables[16] = {0};
    enum ct_result result = CT_IO;
    int file = memfd_create(".env", MFD_CLOEXEC);

    *why = "";
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        variables[i] = ct_arena_copy(arena, environment[i], strlen(environment[i]));
        if (variables[i] == NULL) {
            result = CT_NOMEM;
            goto out;
        }
    }
    if (file < 0 || write(file, dotenv.at, dotenv.len) != (ssize_t)dotenv.len)
        goto out;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    result = ct_config_load(arena, path, variables, out, why);
out:
    if (file >= 0)
        close(file);
    return result;
}

static inline enum ct_result load(struct ct_arena *arena, const char *dotenv,
                                  const char *const *environment, struct ct_config *out,
                                  const char **why)
{
    return load_bytes(arena, ct_str_of(dotenv), environment, out, why);
}

static inline bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static inline bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* An environment. */
#define ENVIRONMENT(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
