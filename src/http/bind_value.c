#include "http/bind_value.h"

#include <string.h>

#include "http/time_text.h"

/** A field, or one text of a list. */
struct subject {
    const struct ct_binding *b;
    const struct ct_field *field;
    size_t item; /* from 1; 0: the field itself */
};

/* Adds a fault. @p message and ctx_text NULL where memory was short. */
static void add_fault(const struct subject *s, struct ct_fault fault)
{
    fault.place = s->b->place;
    fault.field = s->field->name;
    fault.item = s->item;
    if (fault.message == NULL)
        s->b->faults->failed = true;
    else
        ct_fault_add(s->b->faults, &fault);
}

static void refuse(const struct subject *s, const char *type, const char *message)
{
    add_fault(s, (struct ct_fault){.type = type, .message = message});
}

/* A fault whose message is a sentence around a number: "… at least 8 characters". */
static void refuse_limit(const struct subject *s, const char *type, const char *before,
                         const char *after, const char *ctx_name, int64_t limit)
{
    const char *plural = limit == 1 || after[0] == '\0' ? "" : "s";
    add_fault(s, (struct ct_fault){.type = type,
                                   .message = ct_arena_printf(s->b->arena, "%s%lld%s%s", before,
                                                              (long long)limit, after, plural),
                                   .ctx_name = ctx_name,
                                   .ctx_number = limit});
}

/* One whose message ends with the text of its ctx. */
static void refuse_because(const struct subject *s, const char *type, const char *before,
                           const char *ctx_name, const char *why, const char *after)
{
    add_fault(
        s, (struct ct_fault){.type = type,
                             .message = ct_arena_printf(s->b->arena, "%s%s%s", before, why, after),
                             .ctx_name = ctx_name,
                             .ctx_text = why});
}

static void refuse_words(const struct subject *s)
{
    const char *const *words = s->field->words;
    struct ct_buf text = ct_buf_in(s->b->arena);
    for (size_t i = 0; words[i] != NULL; i++) {
        if (i > 0)
            ct_buf_text(&text, words[i + 1] == NULL ? " or " : ", ");
        ct_buf_printf(&text, "'%s'", words[i]);
    }
    struct ct_str expected = ct_buf_done(&text);
    if (text.failed)
        s->b->faults->failed = true;
    else
        refuse_because(s, "literal_error", "Input should be ", "expected", expected.at, "");
}

static bool is_word(const char *const *words, struct ct_str text)
{
    for (; *words != NULL; words++) {
        if (ct_str_equal(text, ct_str_of(*words)))
            return true;
    }
    return false;
}

static void put(const struct subject *s, const void *value, size_t size)
{
    memcpy(s->b->out + s->field->offset, value, size);
}

static int64_t minimum_of(const struct subject *s)
{
    if (s->field->min_setting == 0)
        return s->field->min;
    int64_t setting;
    memcpy(&setting, (const char *)s->b->config + s->field->min_setting, sizeof(setting));
    return setting;
}

/* Judges a text and brings it to the stored form. CT_INVALID: the fault has been added. */
static enum ct_result judge_string(const struct subject *s, struct ct_str text, struct ct_str *out)
{
    const struct ct_field *field = s->field;
    bool bytes = (field->flags & CT_FIELD_BYTES) != 0;
    int64_t length = (int64_t)(bytes ? text.len : ct_utf8_length(text));
    int64_t min = minimum_of(s);
    if (field->words != NULL && !is_word(field->words, text)) {
        refuse_words(s);
        return CT_INVALID;
    }
    if (length < min) {
        refuse_limit(s, "string_too_short", "String should have at least ", " character",
                     "min_length", min);
        return CT_INVALID;
    }
    if (field->max > 0 && length > field->max) {
        refuse_limit(s, "string_too_long", "String should have at most ",
                     bytes ? " byte" : " character", "max_length", field->max);
        return CT_INVALID;
    }
    *out = text;
    enum ct_result result =
        field->normalize == NULL ? CT_OK : field->normalize(s->b->arena, text, out);
    if (result == CT_INVALID)
        refuse_because(s, "string_pattern_mismatch", "String should match pattern '", "pattern",
                       field->pattern, "'");
    return result;
}

static enum ct_result put_string(const struct subject *s, struct ct_str text)
{
    struct ct_str stored;
    enum ct_result result = judge_string(s, text, &stored);
    if (result == CT_OK)
        put(s, &stored, sizeof(stored));
    return result == CT_INVALID ? CT_OK : result;
}

/* Judges the text of an integer. False: the fault has been added. */
static bool judge_int(const struct subject *s, struct ct_str text, int64_t *out)
{
    const struct ct_field *field = s->field;
    bool limited = field->min != 0 || field->max != 0;
    enum ct_result result = ct_int_parse(text, out);
    if (result == CT_NOT_FOUND)
        refuse(s, "int_parsing_size",
               "Unable to parse input string as an integer, exceeded maximum size");
    else if (result != CT_OK)
        refuse(s, "int_parsing",
               "Input should be a valid integer, unable to parse string as an integer");
    else if (limited && *out < field->min)
        refuse_limit(s, "greater_than_equal", "Input should be greater than or equal to ", "", "ge",
                     field->min);
    else if (limited && *out > field->max)
        refuse_limit(s, "less_than_equal", "Input should be less than or equal to ", "", "le",
                     field->max);
    else
        return true;
    return false;
}

static void put_int(const struct subject *s, struct ct_str text)
{
    int64_t value;
    if (judge_int(s, text, &value))
        put(s, &value, sizeof(value));
}

static void put_time(const struct subject *s, struct ct_str text)
{
    struct ct_time_fault fault;
    int64_t ms;
    if (ct_time_parse(text, &ms, &fault))
        put(s, &ms, sizeof(ms));
    else if (fault.why[0] == '\0')
        refuse(s, fault.type, fault.before);
    else
        refuse_because(s, fault.type, fault.before, "error", fault.why, "");
}

/* A flag of a query or a form, in the words that pydantic knows. */
static void put_bool_text(const struct subject *s, struct ct_str text)
{
    static const char *const yes[] = {"true", "1", "yes", "on", "t", "y"};
    static const char *const no[] = {"false", "0", "no", "off", "f", "n"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        bool value = ct_str_equal_nocase(text, ct_str_of(yes[i]));
        if (value || ct_str_equal_nocase(text, ct_str_of(no[i]))) {
            put(s, &value, sizeof(value));
            return;
        }
    }
    refuse(s, "bool_parsing", "Input should be a valid boolean, unable to interpret input");
}

static size_t count_elements(struct ct_json array)
{
    struct ct_json ignored;
    size_t count = 0;
    for (size_t at = 0; ct_json_next_element(array, &at, &ignored);)
        count++;
    return count;
}

/* Whether a list is longer than it may be: then the fault has been added. */
static bool is_too_long(const struct subject *list, size_t count)
{
    int64_t most = list->field->max_count;
    if (most == 0 || count <= (size_t)most)
        return false;
    add_fault(list, (struct ct_fault){
                        .type = "too_long",
                        .message = ct_arena_printf(
                            list->b->arena,
                            "List should have at most %lld item%s after validation, not %zu",
                            (long long)most, most == 1 ? "" : "s", count),
                        .ctx_name = "max_length",
                        .ctx_number = most});
    return true;
}

static enum ct_result put_texts(const struct subject *list, struct ct_json array)
{
    const struct ct_binding *b = list->b;
    size_t count = count_elements(array);
    if (is_too_long(list, count))
        return CT_OK;
    struct ct_str *texts = ct_arena_alloc(b->arena, count * sizeof(*texts));
    if (texts == NULL)
        return CT_NOMEM;
    struct ct_json value;
    struct subject item = {b, list->field, 0};
    for (size_t at = 0; ct_json_next_element(array, &at, &value);) {
        struct ct_str text;
        item.item++;
        if (value.kind != CT_JSON_STRING) {
            refuse(&item, "string_type", "Input should be a valid string");
            continue;
        }
        enum ct_result result = ct_json_string(b->arena, value, &text);
        if (result == CT_OK)
            result = judge_string(&item, text, &texts[item.item - 1]);
        if (result != CT_OK && result != CT_INVALID)
            return result;
    }
    const struct ct_texts done = {texts, count};
    put(list, &done, sizeof(done));
    return CT_OK;
}

static enum ct_result put_ints(const struct subject *list, struct ct_json array)
{
    size_t count = count_elements(array);
    if (is_too_long(list, count))
        return CT_OK;
    int64_t *ints = ct_arena_alloc(list->b->arena, count * sizeof(*ints));
    if (ints == NULL)
        return CT_NOMEM;
    struct ct_json value;
    struct subject item = {list->b, list->field, 0};
    for (size_t at = 0; ct_json_next_element(array, &at, &value);) {
        item.item++;
        if (value.kind == CT_JSON_INTEGER)
            (void)judge_int(&item, value.text, &ints[item.item - 1]);
        else
            refuse(&item, "int_type", "Input should be a valid integer");
    }
    const struct ct_ints done = {ints, count};
    put(list, &done, sizeof(done));
    return CT_OK;
}

static void note_presence(const struct ct_binding *b, const struct ct_field *field)
{
    const bool yes = true;
    if (field->present != 0)
        memcpy(b->out + field->present, &yes, sizeof(yes));
}

void ct_bind_refuse(const struct ct_binding *b, const struct ct_field *field, const char *type,
                    const char *message)
{
    refuse(&(const struct subject){b, field, 0}, type, message);
}

void ct_bind_missing(const struct ct_binding *b, const struct ct_field *field)
{
    const struct subject s = {b, field, 0};
    if ((field->flags & CT_FIELD_OPTIONAL) == 0)
        refuse(&s, "missing", "Field required");
    else if (field->type == CT_FIELD_INT || field->type == CT_FIELD_TIME)
        put(&s, &field->fallback, sizeof(field->fallback));
    else if (field->type == CT_FIELD_BOOL)
        put(&s, &(const bool){field->fallback != 0}, sizeof(bool));
}

enum ct_result ct_bind_text(const struct ct_binding *b, const struct ct_field *field,
                            struct ct_str text)
{
    const struct subject s = {b, field, 0};
    note_presence(b, field);
    switch (field->type) {
    case CT_FIELD_STRING:
        return put_string(&s, text);
    case CT_FIELD_INT:
        put_int(&s, text);
        return CT_OK;
    case CT_FIELD_TIME:
        put_time(&s, text);
        return CT_OK;
    case CT_FIELD_BOOL:
        put_bool_text(&s, text);
        return CT_OK;
    case CT_FIELD_TEXTS:
    case CT_FIELD_INTS:
        refuse(&s, "list_type", "Input should be a valid list");
        return CT_OK;
    default:
        break; /* for replies only */
    }
    return CT_BUG;
}

/* Whether null may stand for a member that is not there. */
static bool takes_null(const struct ct_field *field)
{
    const unsigned both = CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE;
    return (field->flags & both) == both;
}

enum ct_result ct_bind_member(const struct ct_binding *b, const struct ct_field *field,
                              const struct ct_json *value)
{
    const struct subject s = {b, field, 0};
    struct ct_str text;
    if (value != NULL)
        note_presence(b, field);
    if (value == NULL || (value->kind == CT_JSON_NULL && takes_null(field))) {
        ct_bind_missing(b, field);
        return CT_OK;
    }
    switch (field->type) {
    case CT_FIELD_STRING:
    case CT_FIELD_TIME: {
        if (value->kind != CT_JSON_STRING) {
            if (field->type == CT_FIELD_TIME)
                refuse(&s, "datetime_type", "Input should be a valid datetime");
            else if (field->words != NULL)
                refuse_words(&s);
            else
                refuse(&s, "string_type", "Input should be a valid string");
            return CT_OK;
        }
        enum ct_result result = ct_json_string(b->arena, *value, &text);
        if (result == CT_OK && field->type == CT_FIELD_TIME)
            put_time(&s, text);
        return result == CT_OK && field->type == CT_FIELD_STRING ? put_string(&s, text) : result;
    }
    case CT_FIELD_INT:
        if (value->kind == CT_JSON_INTEGER)
            put_int(&s, value->text);
        else
            refuse(&s, "int_type", "Input should be a valid integer");
        return CT_OK;
    case CT_FIELD_BOOL:
        if (value->kind == CT_JSON_TRUE || value->kind == CT_JSON_FALSE)
            put(&s, &(const bool){value->kind == CT_JSON_TRUE}, sizeof(bool));
        else
            refuse(&s, "bool_type", "Input should be a valid boolean");
        return CT_OK;
    case CT_FIELD_TEXTS:
    case CT_FIELD_INTS:
        if (value->kind == CT_JSON_ARRAY)
            return field->type == CT_FIELD_TEXTS ? put_texts(&s, *value) : put_ints(&s, *value);
        refuse(&s, "list_type", "Input should be a valid list");
        return CT_OK;
    default:
        break; /* for replies only */
    }
    return CT_BUG;
}
