#include "config/dotenv.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool starts_name(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool continues_name(char c)
{
    return starts_name(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

static void skip(struct ct_str *text, size_t count)
{
    text->at += count;
    text->len -= count;
}

static void skip_blanks(struct ct_str *text)
{
    while (text->len > 0 && is_blank(text->at[0]))
        skip(text, 1);
}

static void drop_blanks_behind(struct ct_str *text)
{
    while (text->len > 0 && is_blank(text->at[text->len - 1]))
        text->len--;
}

/* Whether nothing but a comment follows a closing quote. */
static bool ends(struct ct_str rest)
{
    struct ct_str behind = rest;

    skip_blanks(&behind);
    return behind.len == 0 || (behind.at[0] == '#' && behind.len < rest.len);
}

static struct ct_str take_line(struct ct_str *rest)
{
    const char *end = memchr(rest->at, '\n', rest->len);
    struct ct_str line = {rest->at, end == NULL ? rest->len : (size_t)(end - rest->at)};

    skip(rest, line.len + (end == NULL ? 0 : 1));
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    return line;
}

static size_t name_len(struct ct_str text)
{
    size_t len = 0;

    if (text.len > 0 && starts_name(text.at[0])) {
        while (len < text.len && continues_name(text.at[len]))
            len++;
    }
    return len;
}

/* Skips an "export" that stands in front of a name: "export=1" assigns to a name like any other. */
static void skip_export(struct ct_str *text)
{
    struct ct_str behind = *text;
    size_t len = name_len(*text);

    if (!ct_str_equal((struct ct_str){text->at, len}, CT_STR("export")))
        return;
    skip(&behind, len);
    if (behind.len == 0 || !is_blank(behind.at[0]))
        return;
    skip_blanks(&behind);
    if (behind.len > 0 && behind.at[0] != '=')
        *text = behind;
}

static struct ct_str read_plain(struct ct_str text)
{
    /* The blank in front of a comment may be the one behind the '='. */
    for (size_t i = 1; i < text.len; i++) {
        if (text.at[i] == '#' && is_blank(text.at[i - 1]))
            text.len = i;
    }
    skip_blanks(&text);
    drop_blanks_behind(&text);
    return text;
}

static const char *read_single(struct ct_str text, struct ct_str *out)
{
    skip(&text, 1);
    const char *close = memchr(text.at, '\'', text.len);
    if (close == NULL)
        return "the quote is not closed on this line";
    *out = (struct ct_str){text.at, (size_t)(close - text.at)};
    skip(&text, out->len + 1);
    return ends(text) ? NULL : "there is text behind the closing quote";
}

/* `copy` has room for text.len bytes. */
static const char *read_double(struct ct_str text, char *copy, struct ct_str *out)
{
    size_t len = 0;

    skip(&text, 1);
    while (text.len > 0 && text.at[0] != '"') {
        char c = text.at[0];
        if (c == '\\' && text.len > 1 && strchr("nt\"\\", text.at[1]) != NULL) {
            skip(&text, 1);
            c = text.at[0] == 'n' ? '\n' : text.at[0] == 't' ? '\t' : text.at[0];
        }
        copy[len++] = c;
        skip(&text, 1);
    }
    if (text.len == 0)
        return "the quote is not closed on this line";
    skip(&text, 1);
    *out = (struct ct_str){copy, len};
    return ends(text) ? NULL : "there is text behind the closing quote";
}

static enum ct_result read_value(struct ct_dotenv *dotenv, struct ct_str text,
                                 struct ct_dotenv_entry *entry, const char **why)
{
    struct ct_str quoted = text;
    struct ct_str value;
    char *copy;

    skip_blanks(&quoted);
    entry->literal = quoted.len > 0 && quoted.at[0] == '\'';
    if (entry->literal) {
        *why = read_single(quoted, &value);
    } else if (quoted.len > 0 && quoted.at[0] == '"') {
        copy = ct_arena_alloc(dotenv->arena, quoted.len);
        if (copy == NULL)
            return CT_NOMEM;
        *why = read_double(quoted, copy, &value);
    } else {
        value = read_plain(text);
    }
    if (*why != NULL)
        return CT_INVALID;
    entry->value = ct_str_dup(dotenv->arena, value);
    return entry->value == NULL ? CT_NOMEM : CT_ROW;
}

/* CT_OK for a line without an assignment. */
static enum ct_result read_line(struct ct_dotenv *dotenv, struct ct_str line,
                                struct ct_dotenv_entry *entry, const char **why)
{
    if (line.len > CT_DOTENV_LINE_MOST) {
        *why = "the line is longer than 32768 bytes";
        return CT_INVALID;
    }
    if (memchr(line.at, '\0', line.len) != NULL) {
        *why = "the line holds a NUL byte";
        return CT_INVALID;
    }
    if (!ct_utf8_valid(line)) {
        *why = "the line is not well-formed UTF-8";
        return CT_INVALID;
    }
    skip_blanks(&line);
    if (line.len == 0 || line.at[0] == '#')
        return CT_OK;

    skip_export(&line);
    entry->line = dotenv->line;
    entry->name = (struct ct_str){line.at, name_len(line)};
    skip(&line, entry->name.len);
    skip_blanks(&line);
    if (entry->name.len == 0 || line.len == 0 || line.at[0] != '=') {
        *why = memchr(line.at, '=', line.len) != NULL
                   ? "what stands before the \"=\" is not a name (letters, digits and _)"
                   : "there is no \"=\"";
        return CT_INVALID;
    }
    skip(&line, 1);
    return read_value(dotenv, line, entry, why);
}

struct ct_dotenv ct_dotenv_read(struct ct_arena *arena, struct ct_str text)
{
    static const struct ct_str MARK = {"\xEF\xBB\xBF", 3};

    if (text.len >= MARK.len && memcmp(text.at, MARK.at, MARK.len) == 0)
        skip(&text, MARK.len);
    return (struct ct_dotenv){.arena = arena, .rest = text};
}

enum ct_result ct_dotenv_next(struct ct_dotenv *dotenv, struct ct_dotenv_entry *entry,
                              const char **why)
{
    *why = NULL;
    while (dotenv->rest.len > 0) {
        dotenv->line++;
        enum ct_result result = read_line(dotenv, take_line(&dotenv->rest), entry, why);
        if (result != CT_OK)
            return result;
    }
    return CT_OK;
}
