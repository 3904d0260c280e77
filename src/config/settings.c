#include "config/settings.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct ct_setting ct_settings[CT_SETTING_COUNT] = {
#define CT_SETTING_TEXT(member, NAME, GROUP, FALLBACK, FLAGS, CHECK, ALLOWS, DOES, MORE) \
    {.name = (NAME),                                                                     \
     .group = (GROUP),                                                                   \
     .kind = CT_SETTING_IS_TEXT,                                                         \
     .flags = (FLAGS),                                                                   \
     .offset = offsetof(struct ct_config, member),                                       \
     .fallback = (FALLBACK),                                                             \
     .unit = "",                                                                         \
     .allows = (ALLOWS),                                                                 \
     .check = (CHECK),                                                                   \
     .does = (DOES),                                                                     \
     .more = (MORE)},
#define CT_SETTING_INT(member, NAME, GROUP, FALLBACK, MINIMUM, MAXIMUM, UNIT, DOES, MORE) \
    {.name = (NAME),                                                                      \
     .group = (GROUP),                                                                    \
     .kind = CT_SETTING_IS_INT,                                                           \
     .offset = offsetof(struct ct_config, member),                                        \
     .fallback = #FALLBACK,                                                               \
     .minimum = (MINIMUM),                                                                \
     .maximum = (MAXIMUM),                                                                \
     .unit = (UNIT),                                                                      \
     .allows = "",                                                                        \
     .does = (DOES),                                                                      \
     .more = (MORE)},
#define CT_SETTING_CHOICE(member, NAME, GROUP, FALLBACK, WORDS, DOES, MORE) \
    {.name = (NAME),                                                        \
     .group = (GROUP),                                                      \
     .kind = CT_SETTING_IS_CHOICE,                                          \
     .offset = offsetof(struct ct_config, member),                          \
     .fallback = (FALLBACK),                                                \
     .unit = "",                                                            \
     .allows = (WORDS),                                                     \
     .does = (DOES),                                                        \
     .more = (MORE)},
#include "config/settings.def"
};

const struct ct_setting *ct_setting_find(struct ct_str name)
{
    for (size_t i = 0; i < CT_SETTING_COUNT; i++) {
        if (ct_str_equal(name, ct_str_of(ct_settings[i].name)))
            return &ct_settings[i];
    }
    return NULL;
}

/* Longer names are nobody's misspelling. */
#define NAME_MOST 32

static unsigned char upper(char c)
{
    return (unsigned char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters to insert, delete, replace or swap with their neighbour to get from one name to
 * the other, without regard to case (optimal string alignment). Both have NAME_MOST bytes at most.
 */
static size_t distance(struct ct_str a, struct ct_str b)
{
    size_t rows[3][NAME_MOST + 1];
    size_t *before = rows[0];
    size_t *last = rows[1];
    size_t *row = rows[2];

    for (size_t j = 0; j <= b.len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = upper(a.at[i - 1]) == upper(b.at[j - 1]);
            row[j] = least(least(row[j - 1], last[j]) + 1, last[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && upper(a.at[i - 1]) == upper(b.at[j - 2]) &&
                upper(a.at[i - 2]) == upper(b.at[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = last;
        last = row;
        row = oldest;
    }
    return last[b.len];
}

/* Whether a name can be shown in a line as it is: the environment's may hold any byte. */
static bool is_ascii_word(struct ct_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] <= ' ' || name.at[i] >= 0x7F)
            return false;
    }
    return true;
}

const struct ct_setting *ct_setting_meant(struct ct_str name)
{
    const struct ct_setting *meant = NULL;
    size_t nearest = SIZE_MAX;

    if (name.len == 0 || name.len > NAME_MOST || !is_ascii_word(name))
        return NULL;
    for (size_t i = 0; i < CT_SETTING_COUNT; i++) {
        struct ct_str known = ct_str_of(ct_settings[i].name);
        assert(known.len <= NAME_MOST);
        if (name.len > known.len + 2 || known.len > name.len + 2)
            continue;
        /* Two slips in a short word make another word, and hardly anybody slips on the first letter
         * and again: SSL_CERT_FILE is OpenSSL's own name, not a misspelt TLS_CERT_FILE. */
        bool two_slips_possible = known.len >= 6 && upper(name.at[0]) == upper(known.at[0]);
        size_t slips = distance(name, known);
        if (slips <= (two_slips_possible ? 2 : 1) && slips < nearest) {
            nearest = slips;
            meant = &ct_settings[i];
        }
    }
    return meant;
}

/* Takes the next word off a list. */
static bool next_word(const char **words, struct ct_str *out)
{
    if (**words == '\0')
        return false;
    size_t len = strcspn(*words, "|");
    *out = (struct ct_str){*words, len};
    *words += len + ((*words)[len] == '|' ? 1 : 0);
    return true;
}

static enum ct_result apply_text(const struct ct_setting *setting, struct ct_arena *arena,
                                 const char *text, const char **out, const char **problem)
{
    struct ct_str whole = ct_str_of(text);

    if ((setting->flags & CT_SETTING_SECRET) == 0) {
        if (!ct_utf8_valid(whole)) {
            *problem = "it is not well-formed UTF-8";
            return CT_INVALID;
        }
        if (ct_utf8_has_control(whole)) {
            *problem = "it holds a control character";
            return CT_INVALID;
        }
    }
    *out = text;
    if (setting->check != NULL) {
        enum ct_result result = setting->check(arena, text, out, problem);
        if (result != CT_OK)
            return result;
    }
    *out = ct_str_dup(arena, ct_str_of(*out));
    return *out == NULL ? CT_NOMEM : CT_OK;
}

static enum ct_result find_word(const char *words, struct ct_str text, int64_t *out)
{
    struct ct_str word;

    for (int64_t i = 0; next_word(&words, &word); i++) {
        if (ct_str_equal(word, text)) {
            *out = i;
            return CT_OK;
        }
    }
    return CT_INVALID;
}

enum ct_result ct_setting_apply(const struct ct_setting *setting, struct ct_arena *arena,
                                const char *text, struct ct_config *config, const char **problem)
{
    char *member = (char *)config + setting->offset;
    const char *kept;
    int64_t number = 0;
    enum ct_result result;

    *problem = NULL;
    switch (setting->kind) {
    case CT_SETTING_IS_TEXT:
        result = apply_text(setting, arena, text, &kept, problem);
        if (result == CT_OK)
            memcpy(member, &kept, sizeof(kept));
        return result;
    case CT_SETTING_IS_INT:
        result = ct_int_parse(ct_str_of(text), &number);
        if (result != CT_OK || number < setting->minimum || number > setting->maximum)
            return CT_INVALID;
        break;
    case CT_SETTING_IS_CHOICE:
        result = find_word(setting->allows, ct_str_of(text), &number);
        if (result != CT_OK)
            return result;
        break;
    }
    memcpy(member, &number, sizeof(number));
    return CT_OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct ct_str ct_setting_next_entry(const char **list)
{
    size_t len = strcspn(*list, ",");
    struct ct_str entry = {*list, len};

    *list = (*list)[len] == ',' ? *list + len + 1 : NULL;
    while (entry.len > 0 && is_blank(entry.at[0])) {
        entry.at++;
        entry.len--;
    }
    while (entry.len > 0 && is_blank(entry.at[entry.len - 1]))
        entry.len--;
    return entry;
}

static void allowed_words(const char *words, char *out, size_t size)
{
    size_t len = 0;
    struct ct_str word;

    while (next_word(&words, &word)) {
        const char *between = *words == '\0' ? " or " : ", ";
        int wrote = snprintf(out + len, size - len, "%s%.*s", len == 0 ? "" : between,
                             (int)word.len, word.at);
        assert(wrote >= 0 && (size_t)wrote < size - len);
        len += (size_t)wrote;
    }
}

void ct_setting_allowed(const struct ct_setting *setting, char out[CT_SETTING_ALLOWED_SIZE])
{
    int wrote = 0;

    switch (setting->kind) {
    case CT_SETTING_IS_TEXT:
        wrote = snprintf(out, CT_SETTING_ALLOWED_SIZE, "%s", setting->allows);
        break;
    case CT_SETTING_IS_INT:
        wrote = snprintf(out, CT_SETTING_ALLOWED_SIZE,
                         "a whole number%s%s from %" PRId64 " to %" PRId64,
                         setting->unit[0] == '\0' ? "" : " of ", setting->unit, setting->minimum,
                         setting->maximum);
        break;
    case CT_SETTING_IS_CHOICE:
        allowed_words(setting->allows, out, CT_SETTING_ALLOWED_SIZE);
        break;
    }
    assert(wrote >= 0 && wrote < CT_SETTING_ALLOWED_SIZE);
}

void ct_setting_show(const struct ct_setting *setting, const struct ct_config *config, char *out,
                     size_t size)
{
    const char *member = (const char *)config + setting->offset;
    const char *text;
    const char *words = setting->allows;
    struct ct_str word = {"", 0};
    int64_t number;

    switch (setting->kind) {
    case CT_SETTING_IS_TEXT:
        memcpy(&text, member, sizeof(text));
        ct_setting_show_text(setting, text, out, size);
        break;
    case CT_SETTING_IS_INT:
        memcpy(&number, member, sizeof(number));
        (void)snprintf(out, size, "%" PRId64, number);
        break;
    case CT_SETTING_IS_CHOICE:
        memcpy(&number, member, sizeof(number));
        for (int64_t i = 0; i <= number; i++)
            (void)next_word(&words, &word);
        (void)snprintf(out, size, "%.*s", (int)word.len, word.at);
        break;
    }
}
