#ifndef CT_HTTP_PRINT_H
#define CT_HTTP_PRINT_H

#include "base/text.h"
#include "http/route.h"
#include "http/schema.h"

/** Writes a struct as a JSON object, by its descriptors. */
void ct_print_object(const struct ct_schema *schema, const void *object, struct ct_buf *out);
/** Writes {"items": […], "next": …}. */
void ct_print_page(const struct ct_schema *schema, const struct ct_page *page, struct ct_buf *out);
/** Writes […]: the items alone. */
void ct_print_array(const struct ct_schema *schema, const struct ct_page *page, struct ct_buf *out);
/** Writes {"detail": "…"}. */
void ct_print_detail(const char *detail, struct ct_buf *out);

#endif
