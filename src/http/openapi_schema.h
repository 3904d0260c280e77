#ifndef CT_HTTP_OPENAPI_SCHEMA_H
#define CT_HTTP_OPENAPI_SCHEMA_H

#include "base/json_write.h"
#include "config/config.h"
#include "http/schema.h"

/* The schemas of /openapi.json (JSON Schema 2020-12), made of the fields' descriptors. */

/** Where a value stands. */
enum ct_value_place {
    CT_IN_REPLY,
    CT_IN_BODY,
    CT_IN_PARAMETER, /* of a path or a query */
};

/** Writes {"$ref": "#/components/SECTION/TARGETSUFFIX"}. */
void ct_openapi_reference(struct ct_json_out *out, const char *name, const char *section,
                          const char *target, const char *suffix);
/** Writes the schema of one field as the member @p name. @p config gives limits that are settings. */
void ct_openapi_field(struct ct_json_out *out, const struct ct_config *config, const char *name,
                      const struct ct_field *field, enum ct_value_place place);
/** Writes the schema of a struct as a member with its name. */
void ct_openapi_schema(struct ct_json_out *out, const struct ct_config *config,
                       const struct ct_schema *schema, enum ct_value_place place);
/** Writes that of a page of such structs, under a name of its own. */
void ct_openapi_page(struct ct_json_out *out, const struct ct_schema *item);

#endif
