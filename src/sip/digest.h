#ifndef CT_SIP_DIGEST_H
#define CT_SIP_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"

/**
 * Digest authentication (RFC 7616, for SIP RFC 3261 section 22 and RFC 8760), both sides. Of the qualities of
 * protection `auth` alone; of the algorithms MD5 and SHA-256, not their -sess forms. Pure functions of what they
 * are handed, but for the table of counts that were seen.
 */
enum ct_digest_algorithm { CT_DIGEST_MD5, CT_DIGEST_SHA256 };
#define CT_DIGEST_ALGORITHMS 2

/** A hash as lower-case hexadecimal digits with a NUL behind them: 32 of them, or 64. */
#define CT_DIGEST_HEX_ROOM 65
struct ct_digest_hex {
    char text[CT_DIGEST_HEX_ROOM];
};

/** "MD5" or "SHA-256". */
const char *ct_digest_algorithm_name(enum ct_digest_algorithm algorithm);
/** H(username ":" realm ":" password), RFC 7616 section 3.4.2: what is stored in place of a password. */
void ct_digest_ha1(enum ct_digest_algorithm algorithm, struct ct_str username, struct ct_str realm,
                   struct ct_str password, struct ct_digest_hex *out);

/** What Authorization or Proxy-Authorization says (RFC 7616 section 3.4). Texts are in the arena, quotes and
 *  escapes removed; absent ones are empty. */
struct ct_digest_credentials {
    struct ct_str username, realm, nonce, uri, response, cnonce, opaque;
    struct ct_str qop;                  /* as it was sent */
    struct ct_str nc_text;              /* the 8 hexadecimal digits */
    uint32_t nc;                        /* 0: none, or none that fits */
    enum ct_digest_algorithm algorithm; /* MD5 when none is named */
    bool algorithm_known;               /* false: another one is named */
};
/** Reads the value of such a header. CT_INVALID when it is not of the scheme Digest, does not have the required
 *  form, or names a parameter twice; CT_NOMEM. */
CT_CHECKED enum ct_result ct_digest_read_credentials(struct ct_arena *arena, struct ct_str value,
                                                     struct ct_digest_credentials *out);

/** What WWW-Authenticate or Proxy-Authenticate says (RFC 7616 section 3.3). */
struct ct_digest_challenge {
    struct ct_str realm, nonce, opaque;
    enum ct_digest_algorithm algorithm;
    bool algorithm_known;
    bool stale;
    bool qop;      /* it names qualities of protection */
    bool qop_auth; /* `auth` is among them */
};
CT_CHECKED enum ct_result ct_digest_read_challenge(struct ct_arena *arena, struct ct_str value,
                                                   struct ct_digest_challenge *out);
/** Whether ct_digest_answer can answer it; of several a client takes the strongest, SHA-256, if it can. */
bool ct_digest_can_answer(const struct ct_digest_challenge *challenge);

/** The client's side: writes the value of Authorization or Proxy-Authorization. @p nc counts the requests with
 *  this nonce from 1; @p cnonce is a random text of the client's. @p ha1 is of the challenge's algorithm and realm.
 *  CT_INVALID when ct_digest_can_answer says no. */
struct ct_digest_request {
    struct ct_str method, uri, username, cnonce;
    uint32_t nc;
    const struct ct_digest_hex *ha1;
};
CT_CHECKED enum ct_result ct_digest_answer(const struct ct_digest_challenge *challenge,
                                           const struct ct_digest_request *request,
                                           struct ct_buf *out);

/**
 * The server's side. A nonce is a time, a random number and an HMAC-SHA256 over both and whom it is for, so that none is kept: who
 * has the key knows its own. What is kept, in memory of a fixed size, are the counts (nc) that came with the right
 * response, so that none is accepted twice: the key must not outlive them. When a nonce has to be forgotten before its
 * time, all of its age and older that are not in the table's set are called stale.
 */
struct ct_digest_server;

#define CT_DIGEST_KEY_BYTES 32
struct ct_digest_server_options {
    uint8_t key[CT_DIGEST_KEY_BYTES];
    int64_t nonce_ms; /* for how long a nonce counts */
    size_t slots;     /* nonces in use at the same time that are remembered; rounded up */
};
/** The owner frees it with ct_digest_server_free. CT_NOMEM. */
CT_CHECKED enum ct_result ct_digest_server_new(const struct ct_digest_server_options *options,
                                               struct ct_digest_server **out);
/** NULL is allowed. */
void ct_digest_server_free(struct ct_digest_server *server);

/** What a nonce is made of. */
struct ct_digest_moment {
    int64_t unix_ms; /* now, since 1970 */
    uint64_t random; /* for a challenge */
    struct ct_str
        for_whom; /* an address: a nonce counts from there alone, so that who sends under a forged address
                               has none that counts */
};
/** Writes the value of WWW-Authenticate or Proxy-Authenticate for one algorithm. A server writes one header for
 *  each, the one it likes best first (RFC 8760 section 2.4), all with the same moment. */
void ct_digest_print_challenge(const struct ct_digest_server *server,
                               enum ct_digest_algorithm algorithm, struct ct_str realm, bool stale,
                               const struct ct_digest_moment *moment, struct ct_buf *out);

enum ct_digest_verdict {
    CT_DIGEST_RIGHT,
    CT_DIGEST_STALE, /* the nonce is too old, not ours, somebody else's, or was used with this count before: ask again
                        with stale=true. No failed attempt. */
    CT_DIGEST_WRONG, /* the nonce is good, the response is not: a failed attempt */
};
/** Judges credentials whose username and realm the caller has compared: the nonce, the response against @p ha1, which
 *  is of the credentials' algorithm, the count. In time that does not depend on how much of it is right. */
CT_CHECKED enum ct_digest_verdict ct_digest_judge(struct ct_digest_server *server,
                                                  const struct ct_digest_credentials *credentials,
                                                  struct ct_str method,
                                                  const struct ct_digest_hex *ha1,
                                                  const struct ct_digest_moment *moment);

#endif
