#ifndef CT_OPS_CERTIFICATE_H
#define CT_OPS_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"

/** What a certificate is good for, as whoever connects would judge it. */
struct ct_certificate {
    int64_t not_before, not_after; /* seconds since 1970 */
    bool key_fits;                 /* the private key is the one that it speaks of */
    bool has_name;                 /* it is for the name that was asked for (RFC 6125) */
    const char *names;             /* those that it is for, separated by blanks */
    const char *distrust;          /* why its chain is not trusted, in words; NULL: it is */
};

/** Reads TLS_CERT_FILE and TLS_KEY_FILE (PEM) and judges them for @p name by the authorities that this system trusts, the
 *  time aside. Texts are in @p arena. When a file cannot be read or taken apart, @p why names its setting. CT_IO,
 *  CT_INVALID, CT_NOMEM. */
CT_CHECKED enum ct_result ct_certificate_judge(struct ct_arena *arena, const char *cert_file,
                                               const char *key_file, const char *name,
                                               struct ct_certificate *out, const char **why);

#endif
