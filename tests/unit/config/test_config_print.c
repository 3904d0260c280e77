/* What `settings` prints. */
#include "config/settings.h"
#include "fixture.h"

/* What the printer writes, in the arena. */
static enum ct_result printed(struct ct_arena *arena, enum ct_config_style style,
                              const struct ct_config *config, const char **out)
{
    char *text = ct_arena_alloc(arena, 65536);
    FILE *file = text == NULL ? NULL : fmemopen(text, 65536, "w");

    if (file == NULL)
        return CT_NOMEM;
    ct_config_print(file, style, config);
    bool failed = ferror(file) != 0;
    *out = text;
    return fclose(file) != 0 || failed ? CT_IO : CT_OK;
}

/* The widest line of a text, in bytes, without those of one value that is too long for any column. */
static size_t width_of(const char *text)
{
    size_t widest = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        if (memmem(text, len, "udp:127.0.0.1:5060,", 19) == NULL)
            widest = len > widest ? len : widest;
        text += len + (text[len] == '\n' ? 1 : 0);
    }
    return widest;
}

static enum ct_result test_table_shows_every_setting(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    const char *text;
    const char *line;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(load(arena, "", NULL, &config, &why));
    TRY(printed(arena, CT_CONFIG_TABLE, &config, &text));
    for (size_t i = 0; i < CT_SETTING_COUNT; i++) {
        line = ct_arena_printf(arena, "\n%-29s", ct_settings[i].name);
        TRY_MEMORY(line);
        EXPECT(has(text, line));
    }
    EXPECT(has(text, "\nSECRET_KEY                   (not set)           (none)\n    The key "));
    EXPECT(has(text, "\nPORT                         8000                8000\n    The TCP port "));
    EXPECT(has(text, "\nLOG_FILE                     (empty)             (empty)\n"));
    EXPECT(width_of(text) <= 80);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_table_shows_values_and_no_secrets(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    const char *text;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(load(arena,
             "SECRET_KEY=hunter2\nLOG_LEVEL=error\nHOST=h\xC3\xB6st\n"
             "DATABASE_URL=postgresql://joe:hunter2@db/x\n",
             NULL, &config, &why));
    TRY(printed(arena, CT_CONFIG_TABLE, &config, &text));
    EXPECT(!has(text, "hunter2"));
    EXPECT(has(text, "\nSECRET_KEY                   (set, 7 bytes)      (none)\n"));
    EXPECT(has(text, "\nLOG_LEVEL                    error               info\n"));
    EXPECT(has(text, "\nHOST                         h\xC3\xB6st                127.0.0.1\n"));
    EXPECT(has(text, "\nDATABASE_URL                 postgresql://joe:***@db/x\n"
                     "                                                 sqlite:///"));
out:
    ct_arena_free(arena);
    return result;
}

/* With every setting uncommented, the example file gives the defaults. */
static enum ct_result test_example_file_holds_the_defaults(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config;
    struct ct_config defaults;
    const char *why;
    const char *text;
    const char *plain;
    const char *line;
    char *file;
    const char *again;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(printed(arena, CT_CONFIG_DOTENV, NULL, &text));
    EXPECT(width_of(text) <= 80);
    file = ct_arena_copy(arena, text, strlen(text));
    TRY_MEMORY(file);
    for (size_t i = 0; i < CT_SETTING_COUNT; i++) {
        line = ct_arena_printf(arena, "\n#%s=%s\n", ct_settings[i].name, ct_settings[i].fallback);
        TRY_MEMORY(line);
        char *at = strstr(file, line);
        EXPECT(at != NULL);
        at[1] = ' ';
    }
    TRY(load(arena, file, NULL, &config, &why));
    EXPECT(config.notices[0] == NULL);
    TRY(load(arena, text, NULL, &defaults, &why));
    TRY(printed(arena, CT_CONFIG_TABLE, &config, &again));
    TRY(printed(arena, CT_CONFIG_TABLE, &defaults, &plain));
    EXPECT(same(again, plain));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_page_names_every_setting(void)
{
    enum ct_result result = CT_OK;
    const char *text;
    const char *line;
    char allowed[CT_SETTING_ALLOWED_SIZE];
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(printed(arena, CT_CONFIG_MARKDOWN, NULL, &text));
    for (size_t i = 0; i < CT_SETTING_COUNT; i++) {
        ct_setting_allowed(&ct_settings[i], allowed);
        line = ct_arena_printf(arena, "\n### %s\n\n", ct_settings[i].name);
        TRY_MEMORY(line);
        const char *section = strstr(text, line);
        EXPECT(section != NULL);
        line = ct_arena_printf(arena, "\n- Allowed: %s\n", allowed);
        TRY_MEMORY(line);
        EXPECT(has(section, line));
    }
    EXPECT(has(text, "\n- Default: `30`\n") && has(text, "\n- Default: none\n") &&
           has(text, "\n- Default: empty\n"));
out:
    ct_arena_free(arena);
    return result;
}

/* A file in the repository is what the printer writes now. */
static enum ct_result committed(struct ct_arena *arena, const char *name,
                                enum ct_config_style style)
{
    static const char HERE[] = "tests/unit/config/test_config_print.c";
    enum ct_result result = CT_OK;
    const char *text;
    char *path;
    char *found;
    ssize_t size;
    int file = -1;

    path = ct_arena_printf(arena, "%.*s%s", (int)(strlen(__FILE__) - strlen(HERE)), __FILE__, name);
    found = ct_arena_alloc(arena, 65536);
    TRY_MEMORY(path);
    TRY_MEMORY(found);
    TRY(printed(arena, style, NULL, &text));
    file = open(path, O_RDONLY | O_CLOEXEC);
    EXPECT(file >= 0);
    size = read(file, found, 65535);
    EXPECT(size > 0);
    EXPECT(same(found, text));
out:
    if (file >= 0)
        close(file);
    return result;
}

static enum ct_result test_committed_files_are_current(void)
{
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(committed(arena, ".env.example", CT_CONFIG_DOTENV));
    TRY(committed(arena, "docs/settings.md", CT_CONFIG_MARKDOWN));
out:
    ct_arena_free(arena);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_table_shows_every_setting),       CT_UNIT(test_table_shows_values_and_no_secrets),
    CT_UNIT(test_example_file_holds_the_defaults), CT_UNIT(test_page_names_every_setting),
    CT_UNIT(test_committed_files_are_current),
};

int main(void)
{
    return ct_unit_main("config_print", units, sizeof(units) / sizeof(units[0]));
}
