#ifndef CT_HTTP_ASSETS_H
#define CT_HTTP_ASSETS_H

#include <stddef.h>

/**
 * A file that is embedded in the program, packed with gzip (RFC 1952). The tables are written at
 * build by cmake/embed.cmake, from web/ and the packages that web/package.json names.
 */
struct ct_asset {
    const char *name; /* "docs.html"; in ct_assets with a hash of the bytes: "docs-5f0c….css" */
    const char *type; /* Content-Type */
    const char *etag; /* weak, because it stands for the packed bytes and for the plain ones */
    const char *gzip;
    size_t gzip_size;
};

/** Whole pages, at addresses that stay. */
extern const struct ct_asset ct_page_docs;
extern const struct ct_asset ct_page_redoc;
extern const struct ct_asset ct_page_favicon;

/** What the pages are made of. An address that holds the hash always means the same bytes. */
extern const struct ct_asset ct_assets[];
extern const size_t ct_asset_count;

#endif
