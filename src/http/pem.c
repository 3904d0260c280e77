#include "http/pem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE_BYTES ((size_t)1 << 20)

enum ct_result ct_pem_read(struct ct_arena *arena, const char *setting, const char *path,
                           char **out, const char **why)
{
    enum ct_result result = CT_IO;
    char *text = NULL;
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        *why = ct_arena_printf(arena, "%s: cannot read %s: %s", setting, path, strerror(errno));
        return CT_IO;
    }
    text = malloc(MAX_FILE_BYTES + 1);
    if (text == NULL) {
        result = CT_NOMEM;
        goto out;
    }
    size_t size = fread(text, 1, MAX_FILE_BYTES, file);
    text[size] = '\0';
    if (ferror(file) != 0 || strstr(text, "-----BEGIN ") == NULL) {
        *why = ct_arena_printf(arena, "%s: %s is not a PEM file", setting, path);
        goto out;
    }
    *out = text;
    text = NULL;
    result = CT_OK;
out:
    (void)fclose(file);
    free(text);
    return result;
}
