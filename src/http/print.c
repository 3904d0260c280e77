#include "http/print.h"

#include <string.h>

/* A member of a reply's struct. */
union member {
    struct ct_str text;
    struct ct_texts texts;
    struct ct_ints ints;
    struct ct_objects objects;
    const void *object;
    int64_t number;
    bool flag;
};

static size_t size_of(enum ct_field_type type)
{
    switch (type) {
    case CT_FIELD_BOOL:
        return sizeof(bool);
    case CT_FIELD_TEXTS:
        return sizeof(struct ct_texts);
    case CT_FIELD_INTS:
        return sizeof(struct ct_ints);
    case CT_FIELD_OBJECT:
        return sizeof(const void *);
    case CT_FIELD_OBJECTS:
        return sizeof(struct ct_objects);
    case CT_FIELD_INT:
    case CT_FIELD_TIME:
    case CT_FIELD_SECONDS:
        return sizeof(int64_t);
    default:
        return sizeof(struct ct_str);
    }
}

/* Whether a member says that there is nothing. */
static bool is_nothing(const struct ct_field *field, const union member *member)
{
    bool allowed = (field->flags & (CT_FIELD_NULLABLE | CT_FIELD_OMITTED)) != 0;
    switch (field->type) {
    case CT_FIELD_STRING:
        return allowed && member->text.at == NULL;
    case CT_FIELD_TEXTS:
        return allowed && member->texts.at == NULL;
    case CT_FIELD_INTS:
        return allowed && member->ints.at == NULL;
    case CT_FIELD_OBJECTS:
        return allowed && member->objects.at == NULL;
    case CT_FIELD_OBJECT:
        return member->object == NULL;
    case CT_FIELD_INT:
    case CT_FIELD_SECONDS:
        return allowed && member->number == INT64_MIN;
    case CT_FIELD_TIME:
        return member->number == CT_NO_TIME;
    case CT_FIELD_JSON:
        return member->text.at == NULL;
    case CT_FIELD_BOOL:
        break;
    }
    return false;
}

static void print_texts(const struct ct_texts *texts, struct ct_buf *out)
{
    ct_buf_char(out, '[');
    for (size_t i = 0; i < texts->count; i++) {
        if (i > 0)
            ct_buf_char(out, ',');
        ct_buf_json(out, texts->at[i]);
    }
    ct_buf_char(out, ']');
}

static void print_ints(const struct ct_ints *ints, struct ct_buf *out)
{
    ct_buf_char(out, '[');
    for (size_t i = 0; i < ints->count; i++) {
        if (i > 0)
            ct_buf_char(out, ',');
        ct_buf_int(out, ints->at[i]);
    }
    ct_buf_char(out, ']');
}

static void print_seconds(int64_t ms, struct ct_buf *out)
{
    ct_buf_int(out, ms / 1000);
    ct_buf_char(out, '.');
    ct_buf_digits(out, ms % 1000, 3);
}

static void print_member(const struct ct_field *field, const union member *member,
                         struct ct_buf *out)
{
    switch (field->type) {
    case CT_FIELD_STRING:
        ct_buf_json(out, member->text);
        break;
    case CT_FIELD_INT:
        ct_buf_int(out, member->number);
        break;
    case CT_FIELD_TIME:
        ct_buf_char(out, '"');
        ct_buf_time(out, member->number);
        ct_buf_char(out, '"');
        break;
    case CT_FIELD_BOOL:
        ct_buf_text(out, member->flag ? "true" : "false");
        break;
    case CT_FIELD_TEXTS:
        print_texts(&member->texts, out);
        break;
    case CT_FIELD_INTS:
        print_ints(&member->ints, out);
        break;
    case CT_FIELD_SECONDS:
        print_seconds(member->number, out);
        break;
    case CT_FIELD_OBJECT:
        ct_print_object(field->of, member->object, out);
        break;
    case CT_FIELD_OBJECTS:
        ct_print_array(
            field->of,
            &(const struct ct_page){.items = member->objects.at, .count = member->objects.count},
            out);
        break;
    case CT_FIELD_JSON:
        ct_buf_str(out, member->text);
        break;
    }
}

void ct_print_object(const struct ct_schema *schema, const void *object, struct ct_buf *out)
{
    char before = '{';
    for (size_t i = 0; i < schema->count; i++) {
        const struct ct_field *field = &schema->fields[i];
        union member member;
        memcpy(&member, (const char *)object + field->offset, size_of(field->type));
        bool nothing = is_nothing(field, &member);
        if (nothing && (field->flags & CT_FIELD_OMITTED) != 0)
            continue;
        ct_buf_member(out, before, field->name);
        if (nothing)
            ct_buf_text(out, "null");
        else
            print_member(field, &member, out);
        before = ',';
    }
    if (before == '{')
        ct_buf_char(out, '{');
    ct_buf_char(out, '}');
}

void ct_print_array(const struct ct_schema *schema, const struct ct_page *page, struct ct_buf *out)
{
    const char *item = page->items;
    ct_buf_char(out, '[');
    for (size_t i = 0; i < page->count; i++, item += schema->size) {
        if (i > 0)
            ct_buf_char(out, ',');
        ct_print_object(schema, item, out);
    }
    ct_buf_char(out, ']');
}

void ct_print_page(const struct ct_schema *schema, const struct ct_page *page, struct ct_buf *out)
{
    ct_buf_text(out, "{\"items\":");
    ct_print_array(schema, page, out);
    ct_buf_text(out, ",\"next\":");
    if (page->next.len > 0)
        ct_buf_json(out, page->next);
    else
        ct_buf_text(out, "null");
    ct_buf_char(out, '}');
}

void ct_print_detail(const char *detail, struct ct_buf *out)
{
    ct_buf_text(out, "{\"detail\":");
    ct_buf_json(out, ct_str_of(detail));
    ct_buf_char(out, '}');
}
