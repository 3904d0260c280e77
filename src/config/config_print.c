#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/settings.h"

/* Columns of the terminal's table. */
#define NAME_WIDTH 29
#define VALUE_WIDTH 20
#define WIDTH 80
/* Columns of the page for docs/. */
#define PAGE_WIDTH 100
/* The most of a value that is shown: a list of proxies may be long. */
#define SHOWN_SIZE 4096

static const char MARKDOWN_HEAD[] =
    "# Settings\n"
    "\n"
    "<!-- Written by `cloud-telephony settings --markdown` from src/config/settings.def. -->\n"
    "\n";

static const char MARKDOWN_SOURCES[] =
    "A setting is taken from the environment; if it is not set there, or empty, from the file "
    "`.env` in the working directory; otherwise the default applies. `cloud-telephony settings` "
    "prints what is in force, without secrets. A value that is not allowed stops the start with "
    "one line that names the setting, the value, where it stands and what is allowed. Changes take "
    "effect with the next start.";

static const char MARKDOWN_SYNTAX[] =
    "\n"
    "## The file .env\n"
    "\n"
    "```ini\n"
    "# A comment. Empty lines are skipped.\n"
    "PORT=8000                        # a comment, because of the space before the #\n"
    "export LOG_LEVEL=debug           # the same as without export\n"
    "SECRET_KEY=q7=Xw#9...            # = and # belong to the value\n"
    "LOG_FILE='/var/log/a b.log'      # single quotes: everything as it is\n"
    "DATABASE_URL=\"sqlite:///./a.db\"  # double quotes: \\n, \\t, \\\" and \\\\ are replaced\n"
    "```\n"
    "\n";

static const char MARKDOWN_RULES[] =
    "Blanks around the name and around an unquoted value are dropped. A value ends with its line. "
    "Nothing is expanded: `${NAME}` and `$(command)` stay as they are. Of two lines with the same "
    "name the later one counts. An empty value (`LOG_FILE=`) is a value here. Names that are no "
    "settings are left to other programs; one that looks like a misspelt setting is warned of. The "
    "file is UTF-8, with LF or CRLF line ends, of 1 MiB at most; a line that cannot be read stops "
    "the start and is named by its number, never by its content.";

static const char MARKDOWN_ACCESS[] =
    "\nThe file holds a secret: only its owner should be able to read it (`chmod 600 .env`).\n";

static const char DOTENV_HEAD[] =
    "# Settings of Cloud Telephony. Copy this file to .env, remove the # in front of\n"
    "# a setting and change its value. A variable of the environment with the same\n"
    "# name goes first. `cloud-telephony settings` prints what is in force, and\n"
    "# docs/settings.md says more.\n"
    "# Written by `cloud-telephony settings --env`.\n";

/* Writes sentences in lines of at most `width` columns, each behind `indent`. The texts are ASCII.
 */
static void print_wrapped(FILE *out, const char *indent, size_t width, const char *const *sentences)
{
    size_t column = 0;

    for (; *sentences != NULL; sentences++) {
        const char *at = *sentences;
        while (*at != '\0') {
            size_t len = strcspn(at, " ");
            if (column > 0 && column + 1 + len > width) {
                fputc('\n', out);
                column = 0;
            }
            if (column == 0) {
                fputs(indent, out);
                column = strlen(indent);
            } else {
                fputc(' ', out);
                column++;
            }
            fwrite(at, 1, len, out);
            column += len;
            at += len;
            at += strspn(at, " ");
        }
    }
    fputc('\n', out);
}

/* Whether a setting is the first of its group. */
static bool begins_group(const struct ct_setting *setting)
{
    return setting == ct_settings || strcmp(setting->group, setting[-1].group) != 0;
}

static void print_cell(FILE *out, const char *text, size_t width)
{
    size_t columns = ct_utf8_length(ct_str_of(text));

    fputs(text, out);
    for (; columns < width; columns++)
        fputc(' ', out);
}

static const char *shown_default(const struct ct_setting *setting)
{
    if ((setting->flags & CT_SETTING_SECRET) != 0)
        return "(none)";
    return setting->fallback[0] == '\0' ? "(empty)" : setting->fallback;
}

/* NAME  value  default, and what it does below. A value too wide for its column pushes the default
 * to a line of its own. */
static void print_row(FILE *out, const struct ct_setting *setting, const struct ct_config *config)
{
    char value[SHOWN_SIZE];

    ct_setting_show(setting, config, value, sizeof(value));
    if (value[0] == '\0')
        (void)snprintf(value, sizeof(value), "(empty)");
    print_cell(out, setting->name, NAME_WIDTH);
    if (ct_utf8_length(ct_str_of(value)) < VALUE_WIDTH)
        print_cell(out, value, VALUE_WIDTH);
    else
        fprintf(out, "%s\n%*s", value, NAME_WIDTH + VALUE_WIDTH, "");
    fprintf(out, "%s\n", shown_default(setting));
    print_wrapped(out, "    ", WIDTH, (const char *const[]){setting->does, NULL});
}

static void print_table(FILE *out, const struct ct_config *config)
{
    print_cell(out, "SETTING", NAME_WIDTH);
    print_cell(out, "VALUE", VALUE_WIDTH);
    fputs("DEFAULT\n", out);
    for (size_t i = 0; i < CT_SETTING_COUNT; i++) {
        if (begins_group(&ct_settings[i]))
            fprintf(out, "\n%s\n\n", ct_settings[i].group);
        print_row(out, &ct_settings[i], config);
    }
}

static void print_dotenv(FILE *out)
{
    char allowed[CT_SETTING_ALLOWED_SIZE];

    fputs(DOTENV_HEAD, out);
    for (size_t i = 0; i < CT_SETTING_COUNT; i++) {
        const struct ct_setting *setting = &ct_settings[i];
        if (begins_group(setting))
            fprintf(out, "\n# --- %s ---\n", setting->group);
        ct_setting_allowed(setting, allowed);
        fputc('\n', out);
        print_wrapped(out, "# ", WIDTH, (const char *const[]){setting->does, setting->more, NULL});
        print_wrapped(out, "# ", WIDTH, (const char *const[]){"Allowed:", allowed, NULL});
        fprintf(out, "#%s=%s\n", setting->name, setting->fallback);
    }
}

static void print_markdown(FILE *out)
{
    char allowed[CT_SETTING_ALLOWED_SIZE];

    fputs(MARKDOWN_HEAD, out);
    print_wrapped(out, "", PAGE_WIDTH, (const char *const[]){MARKDOWN_SOURCES, NULL});
    fputs(MARKDOWN_SYNTAX, out);
    print_wrapped(out, "", PAGE_WIDTH, (const char *const[]){MARKDOWN_RULES, NULL});
    fputs(MARKDOWN_ACCESS, out);
    for (size_t i = 0; i < CT_SETTING_COUNT; i++) {
        const struct ct_setting *setting = &ct_settings[i];
        bool empty = setting->fallback[0] == '\0';
        const char *quote = empty ? "" : "`";
        if (begins_group(setting))
            fprintf(out, "\n## %s\n", setting->group);
        ct_setting_allowed(setting, allowed);
        fprintf(out, "\n### %s\n\n", setting->name);
        print_wrapped(out, "", PAGE_WIDTH,
                      (const char *const[]){setting->does, setting->more, NULL});
        fprintf(out, "\n- Default: %s%s%s\n", quote,
                empty ? (setting->flags & CT_SETTING_SECRET) != 0 ? "none" : "empty"
                      : setting->fallback,
                quote);
        fprintf(out, "- Allowed: %s\n", allowed);
    }
}

void ct_config_print(FILE *out, enum ct_config_style style, const struct ct_config *config)
{
    switch (style) {
    case CT_CONFIG_TABLE:
        assert(config != NULL);
        print_table(out, config);
        break;
    case CT_CONFIG_DOTENV:
        print_dotenv(out);
        break;
    case CT_CONFIG_MARKDOWN:
        print_markdown(out);
        break;
    }
}
