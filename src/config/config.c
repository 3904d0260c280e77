#include "config/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "config/dotenv.h"
#include "config/settings.h"

#define FILE_MOST ((size_t)1024 * 1024)
/* Who writes more than these names wrong will come back for the others. */
#define NOTICES_MOST 16
/* How much of a wrong value an error line repeats. */
#define SHOWN_SIZE 200

/* Where a value comes from: a line of the file, or the environment. */
struct source {
    const char *value; /* NULL: nowhere, the default applies */
    size_t line;       /* 0: the environment */
};

struct loader {
    struct ct_arena *arena;
    const char *path;
    struct source sources[CT_SETTING_COUNT];
    const char *notices[NOTICES_MOST + 1];
    size_t notice_count;
    const char *why;
};

/* Sets the line that says why, and answers `result`. */
static enum ct_result fail(struct loader *loader, enum ct_result result, const char *line)
{
    loader->why = line;
    return line == NULL ? CT_NOMEM : result;
}

/* ".env line 3" or "environment"; NULL without memory. */
static const char *place(const struct loader *loader, size_t line)
{
    if (line == 0)
        return "environment";
    return ct_arena_printf(loader->arena, "%s line %zu", loader->path, line);
}

static enum ct_result notice(struct loader *loader, const char *line)
{
    if (line == NULL)
        return CT_NOMEM;
    if (loader->notice_count < NOTICES_MOST)
        loader->notices[loader->notice_count++] = line;
    return CT_OK;
}

static enum ct_result notice_misspelling(struct loader *loader, struct ct_str name, size_t line)
{
    const struct ct_setting *meant = ct_setting_meant(name);

    if (meant == NULL)
        return CT_OK;
    const char *where = place(loader, line);
    if (where == NULL)
        return CT_NOMEM;
    return notice(loader, ct_arena_printf(loader->arena, "%.*s (%s) is not a setting; is %s meant?",
                                          (int)name.len, name.at, where, meant->name));
}

static enum ct_result notice_expansion(struct loader *loader, const struct ct_setting *setting,
                                       size_t line)
{
    const char *where = place(loader, line);
    if (where == NULL)
        return CT_NOMEM;
    return notice(loader, ct_arena_printf(loader->arena,
                                          "%s (%s) contains ${, which is not expanded; put the "
                                          "value into single quotes if it is meant like that",
                                          setting->name, where));
}

static enum ct_result read_all(int file, struct ct_buf *out)
{
    char piece[4096];
    ssize_t size;

    while (out->len <= FILE_MOST) {
        size = read(file, piece, sizeof(piece));
        if (size == 0)
            break;
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return CT_IO;
        ct_buf_add(out, piece, (size_t)size);
        if (out->failed)
            return CT_NOMEM;
    }
    return CT_OK;
}

/* The text of the file, or an empty one when there is no file. */
static enum ct_result read_file(struct loader *loader, struct ct_str *out)
{
    struct ct_buf buf = ct_buf_in(loader->arena);
    char reason[128];
    enum ct_result result;

    *out = (struct ct_str){"", 0};
    int file = open(loader->path, O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT)
        return CT_OK;
    result = file < 0 ? CT_IO : read_all(file, &buf);
    if (result == CT_IO)
        result = fail(loader, CT_IO,
                      ct_arena_printf(loader->arena, "%s cannot be read: %s", loader->path,
                                      strerror_r(errno, reason, sizeof(reason))));
    else if (result == CT_OK && buf.len > FILE_MOST)
        result = fail(loader, CT_INVALID,
                      ct_arena_printf(loader->arena, "%s is larger than 1 MiB", loader->path));
    else
        *out = (struct ct_str){buf.at, buf.len};
    if (file >= 0)
        close(file);
    return result;
}

static enum ct_result read_dotenv(struct loader *loader)
{
    struct ct_str text;
    struct ct_dotenv_entry entry;
    const char *why;
    enum ct_result result = read_file(loader, &text);

    if (result != CT_OK)
        return result;
    struct ct_dotenv dotenv = ct_dotenv_read(loader->arena, text);
    while ((result = ct_dotenv_next(&dotenv, &entry, &why)) == CT_ROW) {
        const struct ct_setting *setting = ct_setting_find(entry.name);
        if (setting == NULL)
            result = notice_misspelling(loader, entry.name, entry.line);
        else if (!entry.literal && strstr(entry.value, "${") != NULL)
            result = notice_expansion(loader, setting, entry.line);
        else
            result = CT_OK;
        if (result != CT_OK)
            return result;
        if (setting != NULL)
            loader->sources[setting - ct_settings] = (struct source){entry.value, entry.line};
    }
    if (result == CT_INVALID)
        return fail(
            loader, CT_INVALID,
            ct_arena_printf(loader->arena, "%s line %zu: %s", loader->path, dotenv.line, why));
    return result;
}

/* Of a name that is there twice the first counts, as for getenv. */
static enum ct_result read_environment(struct loader *loader, char *const *environment)
{
    bool found[CT_SETTING_COUNT] = {0};

    for (size_t i = 0; environment[i] != NULL; i++) {
        const char *equals = strchr(environment[i], '=');
        if (equals == NULL)
            continue;
        struct ct_str name = {environment[i], (size_t)(equals - environment[i])};
        const struct ct_setting *setting = ct_setting_find(name);
        if (equals[1] == '\0' && (setting == NULL || !(setting->flags & CT_SETTING_EMPTY)))
            continue;
        if (setting == NULL) {
            enum ct_result result = notice_misspelling(loader, name, 0);
            if (result != CT_OK)
                return result;
        } else if (!found[setting - ct_settings]) {
            found[setting - ct_settings] = true;
            loader->sources[setting - ct_settings] = (struct source){equals + 1, 0};
        }
    }
    return CT_OK;
}

/* SETTING is "value" (place): problem; allowed: ... */
static enum ct_result refuse(struct loader *loader, const struct ct_setting *setting,
                             const struct source *source, const char *problem)
{
    char shown[SHOWN_SIZE];
    char allowed[CT_SETTING_ALLOWED_SIZE];
    bool secret = (setting->flags & CT_SETTING_SECRET) != 0;
    const char *quote = secret ? "" : "\"";
    const char *where = place(loader, source->line);

    if (where == NULL)
        return CT_NOMEM;
    ct_setting_show_text(setting, source->value, shown, sizeof(shown));
    ct_setting_allowed(setting, allowed);
    return fail(loader, CT_INVALID,
                ct_arena_printf(loader->arena, "%s is %s%s%s (%s)%s%s; allowed: %s", setting->name,
                                quote, shown, quote, where, problem == NULL ? "" : ": ",
                                problem == NULL ? "" : problem, allowed));
}

static enum ct_result apply(struct loader *loader, struct ct_config *config)
{
    for (size_t i = 0; i < CT_SETTING_COUNT; i++) {
        const struct ct_setting *setting = &ct_settings[i];
        const struct source *source = &loader->sources[i];
        bool given = source->value != NULL;
        const char *problem;
        enum ct_result result = ct_setting_apply(
            setting, loader->arena, given ? source->value : setting->fallback, config, &problem);
        assert(result != CT_INVALID || given);
        if (result == CT_INVALID)
            return refuse(loader, setting, source, problem);
        if (result != CT_OK)
            return result;
    }
    return CT_OK;
}

/* What no setting can judge alone. */
static enum ct_result judge_together(struct loader *loader, const struct ct_config *config)
{
    bool cert = config->tls_cert_file[0] != '\0';
    bool key = config->tls_key_file[0] != '\0';

    if (cert == key)
        return CT_OK;
    const char *name = cert ? "TLS_CERT_FILE" : "TLS_KEY_FILE";
    const char *other = cert ? "TLS_KEY_FILE" : "TLS_CERT_FILE";
    const struct ct_setting *setting = ct_setting_find(ct_str_of(name));
    const char *problem = ct_arena_printf(loader->arena, "%s is not set", other);
    if (problem == NULL)
        return CT_NOMEM;
    return refuse(loader, setting, &loader->sources[setting - ct_settings], problem);
}

enum ct_result ct_config_load(struct ct_arena *arena, const char *dotenv_path,
                              char *const *environment, struct ct_config *out, const char **why)
{
    struct loader loader = {.arena = arena, .path = dotenv_path};
    struct ct_config config = {0};
    const char **notices;
    enum ct_result result = CT_OK;

    if (dotenv_path != NULL)
        result = read_dotenv(&loader);
    if (result == CT_OK && environment != NULL)
        result = read_environment(&loader, environment);
    if (result == CT_OK)
        result = apply(&loader, &config);
    if (result == CT_OK)
        result = judge_together(&loader, &config);
    if (result != CT_OK)
        goto out;

    notices = ct_arena_alloc(arena, (loader.notice_count + 1) * sizeof(*notices));
    if (notices == NULL) {
        result = CT_NOMEM;
        goto out;
    }
    memcpy(notices, loader.notices, loader.notice_count * sizeof(*notices));
    config.notices = notices;
    *out = config;
out:
    if (result != CT_OK)
        *why = result == CT_NOMEM || loader.why == NULL ? ct_result_text(result) : loader.why;
    return result;
}
