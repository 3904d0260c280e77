#ifndef CT_HTTP_BIND_H
#define CT_HTTP_BIND_H

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "http/faults.h"
#include "http/schema.h"

/*
 * From outside bytes to a struct. Every fault of the input is added to `faults`, none stops the
 * search for others; whoever calls looks at `faults->first` afterwards. @p out is a zeroed struct
 * of the schema's size; texts are put into @p arena.
 */

/** Binds a JSON object (RFC 8259). CT_NOMEM. */
CT_CHECKED enum ct_result ct_bind_json(struct ct_arena *arena, const struct ct_config *config,
                                       const struct ct_schema *schema, struct ct_str body,
                                       struct ct_faults *faults, void *out);

/** Binds name=value pairs joined by '&', percent-encoded: a query or a form. @p place is "query" or
 *  "body". A name that comes twice: the last counts. CT_NOMEM. */
CT_CHECKED enum ct_result ct_bind_pairs(struct ct_arena *arena, const struct ct_config *config,
                                        const struct ct_schema *schema, const char *place,
                                        struct ct_str pairs, struct ct_faults *faults, void *out);

/** Binds the segments of a path to the fields of the same index. CT_NOMEM. */
CT_CHECKED enum ct_result ct_bind_path(struct ct_arena *arena, const struct ct_config *config,
                                       const struct ct_schema *schema,
                                       const struct ct_str *segments, struct ct_faults *faults,
                                       void *out);

/** Decodes %XX, and '+' as a space if @p plus says so. The result is in @p arena. CT_INVALID for a
 *  broken escape or what is not UTF-8, CT_NOMEM. */
CT_CHECKED enum ct_result ct_percent_decode(struct ct_arena *arena, struct ct_str text, bool plus,
                                            struct ct_str *out);

#endif
