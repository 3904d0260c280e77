#include <nettle/md5.h>
#include <stdio.h>
#include <string.h>

#include "simulator/ua.h"

/* How a phone registers: with MD5 digests (RFC 2617 as RFC 3261 section 22 uses it), with a nonce that it has for as
 * long as that is taken. */

#define EXPIRES_MS 120000
#define TRIES 3
#define HEX (2 * MD5_DIGEST_SIZE + 1)

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

/* The field with CRLF; nothing while there is no nonce. */
static void authorization(struct ua *ua, char *out, size_t size)
{
    char a1[HEX];
    char a2[HEX];
    char response[HEX];
    char count[16];
    char cnonce[16];
    char uri[40];

    out[0] = '\0';
    if (ua->nonce[0] == '\0')
        return;
    say_in(uri, sizeof(uri), "sip:%s", ua->world->server);
    say_in(count, sizeof(count), "%08x", ++ua->nonce_count);
    say_in(cnonce, sizeof(cnonce), "%08x", lan_random(ua->world->lan, UINT32_MAX));
    hash(a1, (const char *const[]){ua->username, ua->realm, ua->password}, 3);
    hash(a2, (const char *const[]){"REGISTER", uri}, 2);
    hash(response, (const char *const[]){a1, ua->nonce, count, cnonce, "auth", a2}, 6);
    say_in(out, size,
           "Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", "
           "response=\"%s\", algorithm=MD5, cnonce=\"%s\", qop=auth, nc=%s\r\n",
           ua->username, ua->realm, ua->nonce, uri, response, cnonce, count);
}

static void send_register(struct ua *ua)
{
    char start[SAID_TEXT];
    char rest[2048];
    char field[1024];

    authorization(ua, field, sizeof(field));
    ua->register_ms = ua_now(ua);
    say_in(start, sizeof(start), "REGISTER sip:%s SIP/2.0", ua->world->server);
    say_in(rest, sizeof(rest),
           "Max-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=%s%u\r\nTo: <sip:%s@%s>\r\nCall-ID: %s\r\n"
           "CSeq: %u REGISTER\r\nContact: <sip:%s@%s%s>\r\nExpires: %d\r\n%s"
           "Content-Length: 0\r\n\r\n",
           ua->username, ua->world->server, ua->user, ua->next++, ua->username, ua->world->server,
           ua->register_id, ++ua->register_cseq, ua->user, ua->address,
           ua->transport == CT_SIP_UDP ? "" : ";transport=tcp", EXPIRES_MS / 1000, field);
    ua_request(ua, "REGISTER", ua->register_cseq, -1, start, rest, NULL);
}

void ua_register(void *ctx)
{
    struct ua *ua = ctx;

    if (ua->world->quiet)
        return;
    ua->register_tries = 0;
    if (ua_chance(ua, 30))
        ua->nonce[0] = '\0';
    send_register(ua);
    ct_timer_start(lan_wheel(ua->world->lan), &ua->refresh, EXPIRES_MS / 2);
}

/* The challenge for MD5 among those of a 401. */
static bool take_challenge(struct ua *ua, const struct said *said)
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

void ua_on_register_response(struct ua *ua, int status, const struct said *said)
{
    if (status == 200) {
        ua->registered = true;
        ua->registered_until_ms = ua->register_ms + EXPIRES_MS;
    } else if (status == 401 && said != NULL && ++ua->register_tries <= TRIES &&
               take_challenge(ua, said)) {
        send_register(ua);
    } else if (!ua->world->quiet) {
        ct_timer_start(lan_wheel(ua->world->lan), &ua->refresh, ua_between(ua, 1000, 20000));
    }
}
