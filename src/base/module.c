#include "base/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define INSTALLED "../lib/cloud-telephony"

/* The folder that the running program is in, or NULL with *result set. */
static const char *program_folder(struct ct_arena *arena, enum ct_result *result)
{
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
    if (size <= 0 || (size_t)size == sizeof(path)) {
        *result = CT_IO;
        return NULL;
    }
    while (size > 1 && path[size - 1] != '/')
        size--;
    const char *folder = ct_arena_copy(arena, path, (size_t)size);
    *result = folder == NULL ? CT_NOMEM : CT_OK;
    return folder;
}

enum ct_result ct_module_find(struct ct_arena *arena, const char *name, const char **out,
                              const char **why)
{
    static const char *const places[] = {"", INSTALLED "/"};
    enum ct_result result;
    const char *folder = program_folder(arena, &result);
    if (result == CT_IO) {
        *why = ct_arena_printf(
            arena, "/proc/self/exe cannot be read, which tells where %s is: mount /proc", name);
        return *why == NULL ? CT_NOMEM : CT_IO;
    }
    if (result != CT_OK)
        return result;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const char *path = ct_arena_printf(arena, "%s%s%s", folder, places[i], name);
        if (path == NULL)
            return CT_NOMEM;
        if (access(path, R_OK) == 0) {
            *out = path;
            return CT_OK;
        }
    }
    *why = ct_arena_printf(arena,
                           "%s can be read neither in %s nor in %s" INSTALLED
                           ": install it together with the program",
                           name, folder, folder);
    return *why == NULL ? CT_NOMEM : CT_IO;
}

/* Bound at once: a library that is missing shows here and not in the middle of an answer. Never unloaded: libraries
 * keep memory and threads' variables that nobody could give back afterwards. */
const void *ct_module_open(const char *path, const char *symbol, const char **why)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    const char *const *table = handle == NULL ? NULL : dlsym(handle, symbol);
    if (table == NULL) {
        const char *error = dlerror();
        *why = error == NULL ? "it is not the module" : error;
    } else if (strcmp(*table, CT_VERSION) != 0) {
        *why = "it belongs to another version of the program: start the program again";
        table = NULL;
    }
    return table;
}
