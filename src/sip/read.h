#ifndef CT_SIP_READ_H
#define CT_SIP_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sip/message.h"

/* What the files that read messages share. */

/** Whether a character is in a set: a bit for each, 32 bytes. */
static inline bool ct_sip_in(const uint8_t set[32], char c)
{
    unsigned char place = (unsigned char)c;
    return (set[place >> 3] >> (place & 7) & 1) != 0;
}

/** Where the value that begins at @p from ends: at a comma outside of quotes and of <>, or with the text. */
size_t ct_sip_value_end(struct ct_str text, size_t from);
/** Whether a header may be there only once. */
bool ct_sip_header_is_single(enum ct_sip_header_id id);
/** Whether a text is a list of parameters, or empty: ";name=value;name". */
bool ct_sip_params_valid(struct ct_str text);
/** The values of Content-Length: CT_OK and the number; CT_NOT_FOUND: there is none; CT_INVALID: none that could be
 *  understood, or two. @p head is a message up to its body. */
CT_CHECKED enum ct_result ct_sip_content_length(struct ct_str head, size_t *out);

#endif
