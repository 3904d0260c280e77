#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulator/ua.h"

/* How a phone registers. */

#define EXPIRES_MS 120000
#define TRIES 3

static void send_register(struct ua *ua)
{
    char start[SAID_TEXT];
    char rest[2048];
    char field[1024];
    char where[96];
    char uri[40];

    say_in(uri, sizeof(uri), "sip:%s", ua->world->server);
    ua_authorization(ua, "REGISTER", uri, field, sizeof(field));
    ua_contact(ua, where, sizeof(where));
    ua->register_ms = ua_now(ua);
    say_in(start, sizeof(start), "REGISTER sip:%s SIP/2.0", ua->world->server);
    say_in(rest, sizeof(rest),
           "Max-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=%s%u\r\nTo: <sip:%s@%s>\r\nCall-ID: %s\r\n"
           "CSeq: %u REGISTER\r\nContact: %s\r\nExpires: %d\r\n%s"
           "Content-Length: 0\r\n\r\n",
           ua->username, ua->world->server, ua->user, ua->next++, ua->username, ua->world->server,
           ua->register_id, ++ua->register_cseq, where, EXPIRES_MS / 1000, field);
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

void ua_on_register_response(struct ua *ua, int status, const struct said *said)
{
    if (status == 200) {
        ua->registered = true;
        ua->registered_until_ms = ua->register_ms + EXPIRES_MS;
    } else if (status == 401 && said != NULL && ++ua->register_tries <= TRIES &&
               ua_take_challenge(ua, said)) {
        send_register(ua);
    } else if (!ua->world->quiet) {
        ct_timer_start(lan_wheel(ua->world->lan), &ua->refresh, ua_between(ua, 1000, 20000));
    }
}

/* ---- a carrier's customer ---- */

void ua_registered(struct ua *ua, struct ua_server *server, const struct said *said)
{
    char value[32] = "3600";
    char contact[SAID_TEXT];
    char rest[512];
    const char *at;
    int expires;

    if (!ua_believes(ua, server, said))
        return;
    said_header(said, "Expires", NULL, 0, value, sizeof(value));
    if (said_header(said, "Contact", "m", 0, contact, sizeof(contact)) &&
        (at = strstr(contact, ";expires=")) != NULL)
        say_in(value, sizeof(value), "%d", atoi(at + 9));
    expires = atoi(value) > 30 ? 30 + (int)lan_random(ua->world->lan, 600) : atoi(value);
    ua->customer_until_ms = expires == 0 ? 0 : ua_now(ua) + (int64_t)expires * 1000;
    say_in(rest, sizeof(rest), "Contact: <%s>;expires=%d\r\nContent-Length: 0\r\n\r\n",
           said->contact, expires);
    ua_reply(ua, server, "registered", 200, rest);
}
