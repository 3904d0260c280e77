#include "base/json.h"

#include <assert.h>
#include <string.h>
#include <unistr.h>

#define MAX_DEPTH 1000

/** What is left to be read. */
struct reader {
    const char *at;
    const char *end;
    struct ct_json_fault *fault; /* `at` counts from `start` */
    const char *start;
};

static bool refuse(struct reader *in, const char *at, const char *why)
{
    *in->fault = (struct ct_json_fault){(size_t)(at - in->start), why};
    return false;
}

/* Something else was to stand here. */
static bool refuse_here(struct reader *in)
{
    return refuse(in, in->at, in->at == in->end ? "Unexpected end of input" : "Invalid JSON");
}

static bool next_is(const struct reader *in, char c)
{
    return in->at < in->end && *in->at == c;
}

static bool take(struct reader *in, char c)
{
    if (!next_is(in, c))
        return false;
    in->at++;
    return true;
}

static void skip_blanks(struct reader *in)
{
    while (take(in, ' ') || take(in, '\t') || take(in, '\n') || take(in, '\r'))
        ;
}

/* The four digits behind \u at `at`, or -1. */
static int code_unit(const char *at, const char *end)
{
    int unit = 0;
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        int digit = ct_hex_value(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* The character of the escape at `at` and how many bytes the escape takes; 0 bytes: it is none. */
static size_t read_escape(const char *at, const char *end, ucs4_t *out)
{
    static const char plain[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    for (size_t i = 0; end - at >= 2 && i + 1 < sizeof(plain); i += 2) {
        if (plain[i] == at[1]) {
            *out = (unsigned char)plain[i + 1];
            return 2;
        }
    }
    int first = code_unit(at, end);
    if (first < 0 || (first >= 0xDC00 && first <= 0xDFFF))
        return 0;
    *out = (ucs4_t)first;
    if (first < 0xD800 || first > 0xDFFF)
        return 6;
    int second = code_unit(at + 6, end);
    if (second < 0xDC00 || second > 0xDFFF)
        return 0;
    *out = 0x10000 + ((ucs4_t)(first - 0xD800) << 10) + (ucs4_t)(second - 0xDC00);
    return 12;
}

static bool take_string(struct reader *in)
{
    const char *quote = in->at;
    if (!take(in, '"'))
        return refuse_here(in);
    while (!next_is(in, '"')) {
        ucs4_t character;
        if (in->at == in->end)
            return refuse(in, quote, "Unterminated string");
        if ((unsigned char)*in->at < ' ')
            return refuse_here(in);
        size_t size = *in->at == '\\' ? read_escape(in->at, in->end, &character) : 1;
        if (size == 0)
            return refuse(in, in->at, "Invalid escape");
        in->at += size;
    }
    in->at++;
    return true;
}

static bool take_digits(struct reader *in)
{
    if (in->at == in->end || *in->at < '0' || *in->at > '9')
        return refuse_here(in);
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
        in->at++;
    return true;
}

static bool take_number(struct reader *in, enum ct_json_kind *kind)
{
    *kind = CT_JSON_INTEGER;
    (void)take(in, '-');
    if (!take(in, '0') && !take_digits(in))
        return false;
    if (take(in, '.')) {
        *kind = CT_JSON_REAL;
        if (!take_digits(in))
            return false;
    }
    if (take(in, 'e') || take(in, 'E')) {
        *kind = CT_JSON_REAL;
        if (!take(in, '+'))
            (void)take(in, '-');
        return take_digits(in);
    }
    return true;
}

static bool take_word(struct reader *in, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(in->end - in->at) < size || memcmp(in->at, word, size) != 0)
        return refuse(in, in->at, "Invalid JSON");
    in->at += size;
    return true;
}

static bool take_value(struct reader *in, int depth, struct ct_json *out);

/* A string, the colon and the blanks between them. */
static bool take_name(struct reader *in, struct ct_json *out)
{
    const char *start = in->at;
    if (!take_string(in))
        return false;
    *out = (struct ct_json){CT_JSON_STRING, {start, (size_t)(in->at - start)}};
    skip_blanks(in);
    return take(in, ':') || refuse_here(in);
}

static bool take_all(struct reader *in, int depth, bool object)
{
    struct ct_json ignored;
    char close = object ? '}' : ']';
    if (depth == MAX_DEPTH)
        return refuse(in, in->at, "Nested too deeply");
    in->at++;
    skip_blanks(in);
    if (take(in, close))
        return true;
    do {
        skip_blanks(in);
        if ((object && !take_name(in, &ignored)) || !take_value(in, depth + 1, &ignored))
            return false;
    } while (take(in, ','));
    return take(in, close) || refuse_here(in);
}

/* A value and the blanks around it. */
static bool take_value(struct reader *in, int depth, struct ct_json *out)
{
    bool valid;
    skip_blanks(in);
    const char *start = in->at;
    switch (start == in->end ? '\0' : *start) {
    case '{':
        out->kind = CT_JSON_OBJECT;
        valid = take_all(in, depth, true);
        break;
    case '[':
        out->kind = CT_JSON_ARRAY;
        valid = take_all(in, depth, false);
        break;
    case '"':
        out->kind = CT_JSON_STRING;
        valid = take_string(in);
        break;
    case 't':
        out->kind = CT_JSON_TRUE;
        valid = take_word(in, "true");
        break;
    case 'f':
        out->kind = CT_JSON_FALSE;
        valid = take_word(in, "false");
        break;
    case 'n':
        out->kind = CT_JSON_NULL;
        valid = take_word(in, "null");
        break;
    default:
        valid = take_number(in, &out->kind);
    }
    out->text = (struct ct_str){start, (size_t)(in->at - start)};
    skip_blanks(in);
    return valid;
}

bool ct_json_read(struct ct_str text, struct ct_json *out, struct ct_json_fault *fault)
{
    const char *start = text.at == NULL ? "" : text.at;
    struct reader in = {start, start + text.len, fault, start};
    const uint8_t *broken = u8_check((const uint8_t *)start, text.len);
    if (broken != NULL)
        return refuse(&in, (const char *)broken, "Invalid UTF-8");
    if (!take_value(&in, 0, out))
        return false;
    return in.at == in.end || refuse(&in, in.at, "Extra data");
}

bool ct_json_next_member(struct ct_json object, size_t *at, struct ct_json *name,
                         struct ct_json *value)
{
    struct ct_json_fault ignored;
    struct ct_str text = object.text;
    struct reader in = {text.at + *at, text.at + text.len, &ignored, text.at};
    assert(object.kind == CT_JSON_OBJECT);
    if (*at == text.len)
        return false;
    in.at++; /* the brace or a comma */
    skip_blanks(&in);
    if (next_is(&in, '}'))
        return false;
    bool valid = take_name(&in, name) && take_value(&in, 1, value);
    assert(valid); /* it has been read before */
    *at = next_is(&in, ',') ? (size_t)(in.at - text.at) : text.len;
    return valid;
}

bool ct_json_next_element(struct ct_json array, size_t *at, struct ct_json *value)
{
    struct ct_json_fault ignored;
    struct ct_str text = array.text;
    struct reader in = {text.at + *at, text.at + text.len, &ignored, text.at};
    assert(array.kind == CT_JSON_ARRAY);
    if (*at == text.len)
        return false;
    in.at++; /* the bracket or a comma */
    skip_blanks(&in);
    if (next_is(&in, ']'))
        return false;
    bool valid = take_value(&in, 1, value);
    assert(valid); /* it has been read before */
    *at = next_is(&in, ',') ? (size_t)(in.at - text.at) : text.len;
    return valid;
}

enum ct_result ct_json_string(struct ct_arena *arena, struct ct_json string, struct ct_str *out)
{
    assert(string.kind == CT_JSON_STRING);
    const char *at = string.text.at + 1;
    const char *end = string.text.at + string.text.len - 1;
    /* An escape takes no fewer bytes than its character. */
    char *copy = ct_arena_alloc(arena, (size_t)(end - at) + 1);
    if (copy == NULL)
        return CT_NOMEM;
    size_t size = 0;
    while (at < end) {
        ucs4_t character;
        if (*at != '\\') {
            copy[size++] = *at++;
            continue;
        }
        at += read_escape(at, end, &character);
        int used = u8_uctomb((uint8_t *)copy + size, character, 6);
        assert(used > 0);
        size += (size_t)used;
    }
    *out = (struct ct_str){copy, size};
    return CT_OK;
}
