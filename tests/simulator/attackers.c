#include "simulator/attackers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulator/people.h"

#define FLOOD 100
#define ANSWERS_MOST 80 /* in a second: twice what the server lets one address send */

static const char *const addresses[ATTACKERS] = {"198.51.100.66", "198.51.100.67", "198.51.100.68"};

static void send_to(struct attackers *attackers, const char *from, enum ct_sip_transport transport,
                    const char *text)
{
    struct ct_sip_hop hop = lan_hop(attackers->server);

    hop.transport = transport;
    if (transport == CT_SIP_UDP)
        lan_drop_in(attackers->lan, from, attackers->server, text);
    else
        lan_send(attackers->lan, from, &hop, ct_str_of(text));
}

/* A request; @p extra are further fields. */
static void say(struct attackers *attackers, const char *from, enum ct_sip_transport transport,
                const char *method, const char *name, const char *extra)
{
    char text[2048];
    unsigned number = attackers->next++;

    say_in(text, sizeof(text),
           "%s sip:%s SIP/2.0\r\nVia: SIP/2.0/%s %s:5060;branch=z9hG4bKatt%u;rport\r\n"
           "Max-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=a%u\r\nTo: <sip:%s@%s>\r\nCall-ID: att-%u\r\n"
           "CSeq: %u %s\r\nContact: <sip:%s@198.51.100.66>\r\n%sContent-Length: 0\r\n\r\n",
           method, attackers->server, transport == CT_SIP_UDP ? "UDP" : "TCP", from, number, name,
           attackers->server, number, name, attackers->server, number, number, method, name, extra);
    send_to(attackers, from, transport, text);
}

static const char *some_method(struct attackers *attackers)
{
    static const char *const methods[] = {"REGISTER", "INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE"};

    return methods[lan_random(attackers->lan, 5)];
}

static void device_name(struct attackers *attackers, char *out, size_t size)
{
    say_in(out, size, "d%u-phone", 1001 + lan_random(attackers->lan, PEOPLE_DEVICES));
}

/* ---- who knows nothing ---- */

static void junk(struct attackers *attackers)
{
    static const char *const texts[] = {
        "\r\n\r\n",
        "INVITE sip:1001@192.0.2.1 SIP/2.0\r\n\r\n",
        "BYE sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.66;branch=z9hG4bKjunk\r\n"
        "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: att-junk\r\nCSeq: 1 "
        "BYE\r\nContent-Length: 0\r\n\r\n",
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKnever\r\nFrom: "
        "<sip:a@b>;tag=1\r\n"
        "To: <sip:a@b>;tag=2\r\nCall-ID: att-junk\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
        "ACK sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.66;branch=z9hG4bKjunk2\r\n"
        "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: att-junk\r\nCSeq: 1 "
        "ACK\r\nContent-Length: 0\r\n\r\n",
        "OPTIONS sip:x@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.66;branch=z9hG4bKjunk3\r\n",
    };

    send_to(attackers, addresses[ATTACKER_STRANGER], CT_SIP_UDP,
            texts[lan_random(attackers->lan, sizeof(texts) / sizeof(texts[0]))]);
}

static void scan(struct attackers *attackers)
{
    static const char *const names[] = {"100", "1001", "admin", "d1001-phonx", "d7-aaaaaaaaaa"};
    char name[32];
    const char *agent = "";

    say_in(name, sizeof(name), "%s", names[lan_random(attackers->lan, 5)]);
    if (lan_random(attackers->lan, 3) == 0) {
        device_name(attackers, name, sizeof(name));
        agent = "User-Agent: friendly-scanner\r\n";
    }
    say(attackers, addresses[ATTACKER_STRANGER], CT_SIP_UDP, some_method(attackers), name, agent);
}

/* ---- who knows a name ---- */

static enum ct_sip_transport transport_of(const struct attacker *attacker)
{
    return attacker->kind == ATTACKER_CONNECTED ? CT_SIP_TCP : CT_SIP_UDP;
}

static void guess(void *ctx)
{
    struct attacker *attacker = ctx;
    struct attackers *all = attacker->all;
    char name[32];
    char extra[640] = "";
    const char *method = lan_random(all->lan, 2) == 0 ? "REGISTER" : "INVITE";

    device_name(all, name, sizeof(name));
    if (attacker->nonce[0] != '\0')
        say_in(extra, sizeof(extra),
               "Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", "
               "uri=\"sip:%s\", response=\"%032u\", algorithm=MD5, cnonce=\"c\", qop=auth, "
               "nc=%08u\r\n",
               name, attacker->realm, attacker->nonce, all->server, all->next, 1 + all->next % 100);
    say(all, attacker->address, transport_of(attacker), method, name, extra);
    if (attacker->tries_left == 0 || --attacker->tries_left == 0)
        return;
    ct_timer_start(lan_wheel(all->lan), &attacker->again, 1 + lan_random(all->lan, 2000));
}

static void flood(struct attackers *attackers)
{
    char name[32];

    device_name(attackers, name, sizeof(name));
    for (int i = 0; i < FLOOD; i++)
        say(attackers, addresses[ATTACKER_INSIDER], CT_SIP_UDP, "REGISTER", name, "");
}

/* ---- under another address ---- */

static void pretend(struct attackers *attackers, const char *victim)
{
    char name[32];

    device_name(attackers, name, sizeof(name));
    say(attackers, victim, CT_SIP_UDP, lan_random(attackers->lan, 2) == 0 ? "REGISTER" : "INVITE",
        name, "");
}

/* What a phone has said, once more, as a call or a registration of his own. */
static void repeat(struct attackers *attackers)
{
    struct said said = {.bytes = ct_str_of(attackers->heard)};
    char start[SAID_TEXT];
    char field[1024];
    char text[2048];
    unsigned number = attackers->next++;
    bool own = lan_random(attackers->lan, 2) == 0;
    const char *from = own ? addresses[ATTACKER_INSIDER] : attackers->heard_from;

    if (attackers->heard[0] == '\0' || !said_read(said.bytes, &said) ||
        !said_header(&said, "Authorization", NULL, 0, field, sizeof(field)))
        return;
    say_in(start, sizeof(start), "%s %s SIP/2.0", said.method, said.uri);
    say_in(text, sizeof(text),
           "%s\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bKatt%u;rport\r\nMax-Forwards: 70\r\nFrom: "
           "%s\r\nTo: %s\r\nCall-ID: att-%u\r\nCSeq: %u %s\r\nContact: <sip:x@198.51.100.66>\r\n"
           "Expires: 600\r\nAuthorization: %s\r\nContent-Length: 0\r\n\r\n",
           start, from, number, said.from, said.to, number, said.cseq, said.method, field);
    send_to(attackers, from, CT_SIP_UDP, text);
}

void attackers_hear(struct attackers *attackers, const char *from, const struct said *said)
{
    char field[1024];

    if (said->bytes.len >= sizeof(attackers->heard) ||
        (strcmp(said->method, "REGISTER") != 0 && strcmp(said->method, "INVITE") != 0) ||
        !said_header(said, "Authorization", NULL, 0, field, sizeof(field)))
        return;
    say_in(attackers->heard, sizeof(attackers->heard), "%.*s", (int)said->bytes.len,
           said->bytes.at);
    say_in(attackers->heard_from, sizeof(attackers->heard_from), "%s", from);
}

void attackers_act(struct attackers *attackers, const char *victim)
{
    uint32_t what = lan_random(attackers->lan, 100);
    struct attacker *attacker =
        &attackers->attacker[what % 2 == 0 ? ATTACKER_INSIDER : ATTACKER_CONNECTED];

    if (what < 15) {
        junk(attackers);
    } else if (what < 40) {
        scan(attackers);
    } else if (what < 65) {
        attacker->tries_left = 1 + lan_random(attackers->lan, 16);
        guess(attacker);
    } else if (what < 70) {
        flood(attackers);
    } else if (what < 85) {
        pretend(attackers, victim);
    } else {
        repeat(attackers);
    }
}

/* ---- what they get ---- */

static void receive(void *ctx, const struct ct_sip_hop *hop, struct ct_str bytes, bool spoilt)
{
    struct attacker *attacker = ctx;
    struct said said;
    char value[512];
    char text[120];

    (void)hop;
    if (attacker->kind == ATTACKER_STRANGER) {
        attacker->all->complain(attacker->all->ctx, "a stranger gets an answer");
        return;
    }
    if (spoilt || !said_read(bytes, &said))
        return;
    if (said.status < 400 && said.status != 100) {
        say_in(text, sizeof(text), "an attacker hears %d %s of %s", said.status, said.method,
               said.cseq_method);
        attacker->all->complain(attacker->all->ctx, text);
    }
    for (size_t i = 0; said_header(&said, "WWW-Authenticate", NULL, i, value, sizeof(value)); i++)
        if (strstr(value, "algorithm=MD5") != NULL) {
            said_between(value, "realm=\"", "\"", attacker->realm, sizeof(attacker->realm));
            said_between(value, "nonce=\"", "\"", attacker->nonce, sizeof(attacker->nonce));
        }
}

static void lost(void *ctx, const struct ct_sip_hop *hop)
{
    (void)ctx;
    (void)hop;
}

void attackers_see(struct attacker *attacker, const struct said *said)
{
    int64_t now_ms = lan_now_ms(attacker->all->lan);
    unsigned number = strlen(said->call_id) > 4 ? (unsigned)atoi(said->call_id + 4) : 0;

    /* a refusal of an INVITE is repeated until its ACK comes, and this one sends none */
    if (attacker->banned_ms > 0 && now_ms < attacker->banned_until_ms && number >= attacker->free)
        attacker->all->complain(attacker->all->ctx, "an attacker is answered, though banned");
    if (now_ms / 1000 != attacker->second)
        attacker->answers = 0;
    attacker->second = now_ms / 1000;
    if (++attacker->answers == ANSWERS_MOST)
        attacker->all->complain(attacker->all->ctx, "an attacker gets too many answers");
}

void attackers_failed(struct attacker *attacker, bool banned, int64_t ban_ms)
{
    if (!banned)
        return;
    attacker->banned_ms = lan_now_ms(attacker->all->lan);
    attacker->banned_until_ms = attacker->banned_ms + ban_ms;
    attacker->free = attacker->all->next;
}

void attackers_forgiven(struct attackers *attackers)
{
    for (size_t i = 0; i < ATTACKERS; i++)
        attackers->attacker[i].banned_ms = 0;
    /* a new server does not know what has been said to the last one */
    attackers->heard[0] = '\0';
}

struct attacker *attackers_at(struct attackers *attackers, const struct ct_sip_socket *socket)
{
    const char *address = lan_address(attackers->lan, socket);

    for (size_t i = 0; i < ATTACKERS; i++)
        if (strcmp(address, addresses[i]) == 0)
            return &attackers->attacker[i];
    return NULL;
}

/* ---- here and gone ---- */

void attackers_open(struct attackers *attackers)
{
    for (size_t i = 0; i < ATTACKERS; i++) {
        struct attacker *attacker = &attackers->attacker[i];
        const struct lan_resident resident = {.ctx = attacker, .receive = receive, .lost = lost};

        *attacker = (struct attacker){.all = attackers,
                                      .kind = (enum attacker_kind)i,
                                      .address = addresses[i],
                                      .again = {.fire = guess, .ctx = attacker}};
        if (lan_reside(attackers->lan, addresses[i], &resident) != CT_OK)
            abort();
    }
}

void attackers_close(struct attackers *attackers)
{
    for (size_t i = 0; i < ATTACKERS; i++) {
        ct_timer_stop(&attackers->attacker[i].again);
        lan_break(attackers->lan, addresses[i]);
        if (lan_reside(attackers->lan, addresses[i], NULL) != CT_OK)
            abort();
    }
}
