#include "http/print.h"

#include <string.h>

static void print_field(const struct ct_field *field, const void *object, struct ct_buf *out)
{
    const char *member = (const char *)object + field->offset;
    if (field->type == CT_FIELD_STRING) {
        struct ct_str text;
        memcpy(&text, member, sizeof(text));
        if (text.at == NULL && (field->flags & CT_FIELD_NULLABLE) != 0)
            ct_buf_text(out, "null");
        else
            ct_buf_json(out, text);
        return;
    }
    int64_t number;
    memcpy(&number, member, sizeof(number));
    if (field->type == CT_FIELD_INT) {
        ct_buf_int(out, number);
    } else if (number == CT_NO_TIME) {
        ct_buf_text(out, "null");
    } else {
        ct_buf_char(out, '"');
        ct_buf_time(out, number);
        ct_buf_char(out, '"');
    }
}

void ct_print_object(const struct ct_schema *schema, const void *object, struct ct_buf *out)
{
    for (size_t i = 0; i < schema->count; i++) {
        ct_buf_char(out, i == 0 ? '{' : ',');
        ct_buf_char(out, '"');
        ct_buf_text(out, schema->fields[i].name);
        ct_buf_text(out, "\":");
        print_field(&schema->fields[i], object, out);
    }
    ct_buf_char(out, '}');
}

void ct_print_page(const struct ct_schema *schema, const struct ct_page *page, struct ct_buf *out)
{
    const char *item = page->items;
    ct_buf_text(out, "{\"items\":[");
    for (size_t i = 0; i < page->count; i++, item += schema->size) {
        if (i > 0)
            ct_buf_char(out, ',');
        ct_print_object(schema, item, out);
    }
    ct_buf_text(out, "],\"next\":");
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
