#include "base/json_write.h"

void ct_json_begin(struct ct_json_out *out, const char *name)
{
    if (out->comma)
        ct_buf_char(&out->text, ',');
    out->comma = true;
    if (name != NULL) {
        ct_buf_json(&out->text, ct_str_of(name));
        ct_buf_char(&out->text, ':');
    }
}

void ct_json_open(struct ct_json_out *out, const char *name, char bracket)
{
    ct_json_begin(out, name);
    ct_buf_char(&out->text, bracket);
    out->comma = false;
}

void ct_json_close(struct ct_json_out *out, char bracket)
{
    ct_buf_char(&out->text, bracket);
    out->comma = true;
}

void ct_json_text(struct ct_json_out *out, const char *name, const char *text)
{
    ct_json_begin(out, name);
    ct_buf_json(&out->text, ct_str_of(text));
}

void ct_json_int(struct ct_json_out *out, const char *name, int64_t number)
{
    ct_json_begin(out, name);
    ct_buf_int(&out->text, number);
}

void ct_json_raw(struct ct_json_out *out, const char *name, const char *json)
{
    ct_json_begin(out, name);
    ct_buf_text(&out->text, json);
}

/* How many bytes the string takes that begins at `at`, quotes included. */
static size_t string_size(struct ct_str json, size_t at)
{
    size_t end = at + 1;
    while (end < json.len && json.at[end] != '"')
        end += json.at[end] == '\\' ? 2 : 1;
    return end < json.len ? end + 1 - at : json.len - at;
}

static void new_line(struct ct_buf *out, int depth)
{
    ct_buf_printf(out, "\n%*s", depth * 2, "");
}

void ct_json_indent(struct ct_buf *out, struct ct_str json)
{
    int depth = 0;
    for (size_t i = 0; i < json.len;) {
        char c = json.at[i];
        char next = i + 1 < json.len ? json.at[i + 1] : '\0';
        size_t size = c == '"' ? string_size(json, i) : 1;
        if (c == '}' || c == ']')
            new_line(out, --depth);
        ct_buf_add(out, json.at + i, size);
        i += size;
        if ((c == '{' && next == '}') || (c == '[' && next == ']')) {
            ct_buf_char(out, next);
            i++;
        } else if (c == '{' || c == '[') {
            new_line(out, ++depth);
        } else if (c == ',') {
            new_line(out, depth);
        } else if (c == ':') {
            ct_buf_char(out, ' ');
        }
    }
}
