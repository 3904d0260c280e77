#include "sip_text.h"

#include <nettle/md5.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct part header_next(const char *message, const char *name, const char **at)
{
    size_t length = strlen(name);
    const char *line = *at == NULL ? strstr(message, "\r\n") : *at;

    while (line != NULL && strncmp(line, "\r\n\r\n", 4) != 0) {
        line += 2;
        const char *end = strstr(line, "\r\n");
        if (end == NULL)
            break;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            const char *value = line + length + 1;
            while (*value == ' ')
                value++;
            *at = end;
            return (struct part){value, (size_t)(end - value)};
        }
        line = end;
    }
    *at = message + strlen(message);
    return (struct part){NULL, 0};
}

struct part header_of(const char *message, const char *name)
{
    const char *at = NULL;
    return header_next(message, name, &at);
}

struct part between(struct part in, const char *mark, const char *ends)
{
    size_t length = strlen(mark);
    for (size_t i = 0; i + length <= in.size; i++) {
        if (strncasecmp(in.at + i, mark, length) != 0)
            continue;
        size_t from = i + length;
        size_t to = from;
        while (to < in.size && strchr(ends, in.at[to]) == NULL)
            to++;
        return (struct part){in.at + from, to - from};
    }
    return (struct part){NULL, 0};
}

void part_copy(struct part part, char *out, size_t room)
{
    size_t size = part.size < room - 1 ? part.size : room - 1;
    if (size > 0)
        memcpy(out, part.at, size);
    out[size] = '\0';
}

void md5_hex(char out[MD5_HEX], const char *const *texts, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    struct md5_ctx md5;
    uint8_t digest[MD5_DIGEST_SIZE];

    md5_init(&md5);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            md5_update(&md5, 1, (const uint8_t *)":");
        md5_update(&md5, strlen(texts[i]), (const uint8_t *)texts[i]);
    }
    md5_digest(&md5, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[MD5_HEX - 1] = '\0';
}

bool challenge_read(struct part value, struct challenge *out)
{
    *out = (struct challenge){0};
    part_copy(between(value, "realm=\"", "\""), out->realm, sizeof(out->realm));
    /* not that of cnonce */
    part_copy(between(value, " nonce=\"", "\""), out->nonce, sizeof(out->nonce));
    if (out->nonce[0] == '\0')
        part_copy(between(value, ",nonce=\"", "\""), out->nonce, sizeof(out->nonce));
    part_copy(between(value, "opaque=\"", "\""), out->opaque, sizeof(out->opaque));
    out->qop = between(value, "qop=", ",").size > 0;
    return out->realm[0] != '\0' && out->nonce[0] != '\0';
}

void challenge_answer(struct challenge *challenge, const char *user, const char *password,
                      const char *method, const char *uri, char *out, size_t room)
{
    static const char cnonce[] = "0a4f113b";
    char count[9], first[MD5_HEX], second[MD5_HEX], response[MD5_HEX];

    (void)snprintf(count, sizeof(count), "%08x", ++challenge->used);
    md5_hex(first, (const char *const[]){user, challenge->realm, password}, 3);
    md5_hex(second, (const char *const[]){method, uri}, 2);
    if (challenge->qop)
        md5_hex(response,
                (const char *const[]){first, challenge->nonce, count, cnonce, "auth", second}, 6);
    else
        md5_hex(response, (const char *const[]){first, challenge->nonce, second}, 3);
    int size = snprintf(out, room,
                        "Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", "
                        "response=\"%s\", algorithm=MD5",
                        user, challenge->realm, challenge->nonce, uri, response);
    if (challenge->qop)
        size += snprintf(out + size, room - (size_t)size, ", qop=auth, nc=%s, cnonce=\"%s\"", count,
                         cnonce);
    if (challenge->opaque[0] != '\0')
        (void)snprintf(out + size, room - (size_t)size, ", opaque=\"%s\"", challenge->opaque);
}
