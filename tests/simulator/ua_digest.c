#include <nettle/md5.h>
#include <stdio.h>
#include <string.h>

#include "simulator/ua.h"

/* Digests of a user agent's own making, as a client and as a server: MD5 (RFC 2617 as RFC 3261 section 22 uses it), with a
 * nonce that it has for as long as that is taken. */

#define HEX (2 * MD5_DIGEST_SIZE + 1)
#define CARRIER_REALM "carrier"

/* The hash of texts with a colon between them, as digits. */
static void hash(char out[HEX], const char *const *texts, size_t count)
{
    struct md5_ctx md5;
    uint8_t sum[MD5_DIGEST_SIZE];

    md5_init(&md5);
    for (size_t i = 0; i < count; i++) {
        md5_update(&md5, strlen(texts[i]), (const uint8_t *)texts[i]);
        if (i + 1 < count)
            md5_update(&md5, 1, (const uint8_t *)":");
    }
    md5_digest(&md5, sizeof(sum), sum);
    for (size_t i = 0; i < sizeof(sum); i++)
        snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

/* ---- as a client ---- */

void ua_authorization(struct ua *ua, const char *method, const char *uri, char *out, size_t size)
{
    char a1[HEX];
    char a2[HEX];
    char response[HEX];
    char count[16];
    char cnonce[16];

    out[0] = '\0';
    if (ua->nonce[0] == '\0')
        return;
    say_in(count, sizeof(count), "%08x", ++ua->nonce_count);
    say_in(cnonce, sizeof(cnonce), "%08x", lan_random(ua->world->lan, UINT32_MAX));
    hash(a1, (const char *const[]){ua->username, ua->realm, ua->password}, 3);
    hash(a2, (const char *const[]){method, uri}, 2);
    hash(response, (const char *const[]){a1, ua->nonce, count, cnonce, "auth", a2}, 6);
    say_in(out, size,
           "Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", "
           "response=\"%s\", algorithm=MD5, cnonce=\"%s\", qop=auth, nc=%s\r\n",
           ua->username, ua->realm, ua->nonce, uri, response, cnonce, count);
}

bool ua_take_challenge(struct ua *ua, const struct said *said)
{
    char value[512];

    for (size_t i = 0; said_header(said, "WWW-Authenticate", NULL, i, value, sizeof(value)); i++)
        if (strstr(value, "algorithm=MD5") != NULL &&
            said_between(value, "realm=\"", "\"", ua->realm, sizeof(ua->realm)) &&
            said_between(value, "nonce=\"", "\"", ua->nonce, sizeof(ua->nonce))) {
            ua->nonce_count = 0;
            return true;
        }
    ua->nonce[0] = '\0';
    return false;
}

/* ---- as a server ---- */

static void challenge(struct ua *ua, struct ua_server *server, bool stale)
{
    char rest[512];
    bool proxy = ua_chance(ua, 50);

    say_in(rest, sizeof(rest),
           "%s: Digest realm=\"" CARRIER_REALM "\", nonce=\"%s-%u\"%s%s\r\nContent-Length: "
           "0\r\n\r\n",
           proxy ? "Proxy-Authenticate" : "WWW-Authenticate", ua->user, ua->next++,
           ua_chance(ua, 70) ? ", algorithm=MD5, qop=\"auth\"" : "", stale ? ", stale=true" : "");
    ua_reply(ua, server, "challenge", proxy ? 407 : 401, rest);
}

bool ua_believes(struct ua *ua, struct ua_server *server, const struct said *said)
{
    char value[512];
    char nonce[96];
    char uri[SAID_TEXT];
    char response[96];
    char count[16] = "";
    char cnonce[96] = "";
    char name[64] = "";
    char a1[HEX];
    char a2[HEX];
    char right[HEX];

    if (!said_header(said, "Proxy-Authorization", NULL, 0, value, sizeof(value)) &&
        !said_header(said, "Authorization", NULL, 0, value, sizeof(value))) {
        challenge(ua, server, false);
        return false;
    }
    if (said_between(value, "nonce=\"", "\"", nonce, sizeof(nonce)) &&
        said_between(value, "uri=\"", "\"", uri, sizeof(uri)) &&
        said_between(value, "response=\"", "\"", response, sizeof(response)) &&
        said_between(value, "username=\"", "\"", name, sizeof(name))) {
        hash(a1, (const char *const[]){name, CARRIER_REALM, ua->customer_password}, 3);
        hash(a2, (const char *const[]){said->method, uri}, 2);
        if (said_between(value, "nc=", ",", count, sizeof(count)) &&
            said_between(value, "cnonce=\"", "\"", cnonce, sizeof(cnonce)))
            hash(right, (const char *const[]){a1, nonce, count, cnonce, "auth", a2}, 6);
        else
            hash(right, (const char *const[]){a1, nonce, a2}, 3);
        if (strcmp(name, ua->customer) == 0 && strcmp(response, right) == 0)
            return true;
    }
    ua->world->wrong_answers++;
    ua_reply(ua, server, "wrong", 403, "Content-Length: 0\r\n\r\n");
    return false;
}
