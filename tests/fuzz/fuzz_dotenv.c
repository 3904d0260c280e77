/* Any bytes as a .env file: the reader ends, keeps its promises about what it gives out, and what
 * it reads is judged, warned of and printed in lines without control characters. */
#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "config/config.h"
#include "config/dotenv.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define VARIABLES_MOST 64

static bool is_one_line(const char *text)
{
    return ct_utf8_valid(ct_str_of(text)) && !ct_utf8_has_control(ct_str_of(text));
}

/* What was read, as an environment for ct_config_load. */
static void judge(struct ct_arena *arena, char *const *environment)
{
    struct ct_config config;
    const char *why = NULL;
    const char *const *warnings;
    enum ct_result result = ct_config_load(arena, NULL, environment, &config, &why);

    assert(result == CT_OK || result == CT_INVALID);
    if (result == CT_INVALID) {
        assert(is_one_line(why));
        return;
    }
    result = ct_config_warnings(arena, &config, &warnings);
    assert(result == CT_OK);
    for (; *warnings != NULL; warnings++)
        assert(is_one_line(*warnings));
    assert(!ct_config_in_networks(config.trusted_proxies, "not an address"));
    (void)ct_config_in_networks(config.trusted_proxies, "::ffff:10.1.2.3");

    static char page[65536];
    FILE *file = fmemopen(page, sizeof(page), "w");
    assert(file != NULL);
    ct_config_print(file, CT_CONFIG_TABLE, &config);
    fclose(file);
    for (char *at = page; *at != '\0'; at++) {
        if (*at == '\n')
            *at = ' ';
    }
    assert(is_one_line(page));
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct ct_arena *arena = ct_arena_new();
    char *environment[VARIABLES_MOST + 1] = {0};
    size_t count = 0;
    struct ct_dotenv_entry entry;
    const char *why;
    enum ct_result result;

    assert(arena != NULL);
    struct ct_dotenv dotenv = ct_dotenv_read(arena, (struct ct_str){(const char *)data, size});
    size_t line = 0;
    while ((result = ct_dotenv_next(&dotenv, &entry, &why)) == CT_ROW) {
        assert(entry.line > line && entry.line == dotenv.line);
        line = entry.line;
        assert(entry.name.len > 0 && entry.name.at >= (const char *)data &&
               entry.name.at + entry.name.len <= (const char *)data + size);
        assert(strlen(entry.value) <= CT_DOTENV_LINE_MOST);
        assert(ct_utf8_valid(ct_str_of(entry.value)));
        if (count < VARIABLES_MOST) {
            environment[count] =
                ct_arena_printf(arena, "%.*s=%s", (int)entry.name.len, entry.name.at, entry.value);
            assert(environment[count] != NULL);
            count++;
        }
    }
    if (result == CT_OK) {
        assert(dotenv.rest.len == 0 && why == NULL);
    } else {
        assert(result == CT_INVALID && is_one_line(why) && dotenv.line > line);
    }
    judge(arena, environment);
    ct_arena_free(arena);
    return 0;
}
