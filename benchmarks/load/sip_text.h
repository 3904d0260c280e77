/* What the load reads of SIP messages, and the digest that it answers with (RFC 2617, MD5, qop=auth). */
#ifndef SIP_TEXT_H
#define SIP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of a message. */
struct part {
    const char *at;
    size_t size;
};

/* The value of the next header of that name from *at on, which then points behind it (NULL: from the beginning, in
 * `message`, which ends with a NUL); size 0 when there is none. */
struct part header_next(const char *message, const char *name, const char **at);
struct part header_of(const char *message, const char *name);
/* Behind `mark` up to one of the characters of `ends`; size 0 when it is not there. */
struct part between(struct part in, const char *mark, const char *ends);
void part_copy(struct part part, char *out, size_t room);

#define MD5_HEX 33
void md5_hex(char out[MD5_HEX], const char *const *texts, size_t count);

/* What a challenge asks for. */
struct challenge {
    char realm[64], nonce[160], opaque[160];
    bool qop;
    uint32_t used; /* requests that answered it */
};

/* From the value of WWW-Authenticate or Proxy-Authenticate. */
bool challenge_read(struct part value, struct challenge *out);
/* The value of Authorization or Proxy-Authorization. */
void challenge_answer(struct challenge *challenge, const char *user, const char *password,
                      const char *method, const char *uri, char *out, size_t room);

#endif
