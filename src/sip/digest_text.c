/* Reading and writing the headers of digest authentication. */
#include <string.h>

#include "sip/digest.h"
#include "sip/digest_text.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* token, RFC 3261 section 25.1 */
static bool is_token(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("-.!%*_+`'~", c) != NULL);
}

static void skip_space(struct ct_str *rest)
{
    while (rest->len > 0 && is_space(rest->at[0])) {
        rest->at++;
        rest->len--;
    }
}

static bool skip_char(struct ct_str *rest, char c)
{
    if (rest->len == 0 || rest->at[0] != c)
        return false;
    rest->at++;
    rest->len--;
    return true;
}

static struct ct_str take_token(struct ct_str *rest)
{
    struct ct_str token = {rest->at, 0};
    while (rest->len > 0 && is_token(rest->at[0])) {
        token.len++;
        rest->at++;
        rest->len--;
    }
    return token;
}

/* Behind the opening quote. */
static enum ct_result take_quoted(struct ct_arena *arena, struct ct_str *rest, struct ct_str *out)
{
    char *text = ct_arena_room(arena, rest->len + 1);
    size_t length = 0;
    if (text == NULL)
        return CT_NOMEM;
    while (rest->len > 0 && rest->at[0] != '"') {
        if (rest->at[0] == '\\') {
            rest->at++;
            rest->len--;
        }
        /* A NUL, or the end of a line that is not folded, is in no quoted text. */
        if (rest->len == 0 || rest->at[0] == '\0' || rest->at[0] == '\n' || rest->at[0] == '\r')
            return CT_INVALID;
        text[length++] = rest->at[0];
        rest->at++;
        rest->len--;
    }
    if (!skip_char(rest, '"'))
        return CT_INVALID;
    *out = (struct ct_str){text, length};
    return CT_OK;
}

bool ct_digest_text_begin(struct ct_str value, struct ct_str *rest)
{
    *rest = value;
    skip_space(rest);
    return ct_str_equal_nocase(take_token(rest), CT_STR("Digest")) && rest->len > 0 &&
           is_space(rest->at[0]);
}

enum ct_result ct_digest_text_next(struct ct_arena *arena, struct ct_str *rest,
                                   struct ct_digest_param *out)
{
    skip_space(rest);
    out->name = take_token(rest);
    skip_space(rest);
    if (out->name.len == 0 || !skip_char(rest, '='))
        return CT_INVALID;
    skip_space(rest);
    if (skip_char(rest, '"')) {
        enum ct_result result = take_quoted(arena, rest, &out->value);
        if (result != CT_OK)
            return result;
    } else {
        struct ct_str token = take_token(rest);
        char *copy = token.len == 0 ? NULL : ct_arena_copy(arena, token.at, token.len);
        if (copy == NULL)
            return token.len == 0 ? CT_INVALID : CT_NOMEM;
        out->value = (struct ct_str){copy, token.len};
    }
    skip_space(rest);
    if (rest->len == 0)
        return CT_OK;
    if (!skip_char(rest, ','))
        return CT_INVALID;
    skip_space(rest);
    return rest->len == 0 ? CT_INVALID : CT_ROW;
}

bool ct_digest_text_lists(struct ct_str list, struct ct_str word)
{
    while (list.len > 0) {
        while (list.len > 0 && (list.at[0] == ',' || is_space(list.at[0]))) {
            list.at++;
            list.len--;
        }
        if (ct_str_equal_nocase(take_token(&list), word))
            return true;
        if (list.len > 0 && list.at[0] != ',' && !is_space(list.at[0]))
            return false;
    }
    return false;
}

void ct_digest_text_quoted(struct ct_buf *out, const char *before, struct ct_str value)
{
    ct_buf_text(out, before);
    ct_buf_char(out, '"');
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] == '"' || value.at[i] == '\\')
            ct_buf_char(out, '\\');
        ct_buf_char(out, value.at[i]);
    }
    ct_buf_char(out, '"');
}
