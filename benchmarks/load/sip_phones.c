/* Phones: one that registers, one that calls, one that is called. */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sip_load.h"

#define T1_NS 500000000LL
#define T2_NS 4000000000LL
#define COOKIE "z9hG4bK"

struct text {
    char bytes[WIRE_BYTES];
    size_t size;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size =
        vsnprintf(text->bytes + text->size, sizeof(text->bytes) - text->size, format, arguments);
    va_end(arguments);
    text->size += (size_t)size;
    if (text->size >= sizeof(text->bytes)) {
        fprintf(stderr, "sip_load: a message is longer than it may be\n");
        exit(1);
    }
}

static uint32_t index_of(const struct load *load, const struct slot *slot)
{
    return (uint32_t)(slot - load->slots);
}

static void make_branch(struct load *load, struct slot *slot, char out[40])
{
    (void)snprintf(out, 40, COOKIE "%08x%08x%02x", index_of(load, slot), slot->generation,
                   (unsigned)++slot->step & 0xff);
}

/* The slot that is named by its place and generation. NULL: that one is over, and something came again; or nobody ever
 * was named so, which is counted as stray. */
static struct slot *slot_of(struct load *load, struct part name)
{
    char text[17];
    uint64_t value = UINT64_MAX;
    if (name.size >= 16) {
        part_copy((struct part){name.at, 16}, text, sizeof(text));
        value = strtoull(text, NULL, 16);
    }
    uint32_t place = (uint32_t)(value >> 32);
    if (place >= SLOTS || (uint32_t)value > load->slots[place].generation) {
        load->counts.stray++;
        return NULL;
    }
    if (load->slots[place].generation == (uint32_t)value && load->slots[place].kind != FREE)
        return &load->slots[place];
    load->counts.repeated++;
    return NULL;
}

/* ---- sending ---- */

static void say(struct load *load, struct said *said, const struct phone *who,
                const struct text *text, bool again, int64_t *sent_ns)
{
    memcpy(said->text, text->bytes, text->size);
    said->size = text->size;
    said->interval_ns = T1_NS;
    said->due_ns = again ? wire_now_ns() + T1_NS : 0;
    wire_send(&load->wire, who->at, text->bytes, text->size, sent_ns);
}

static void say_again(struct load *load, struct said *said, const struct phone *who)
{
    wire_send(&load->wire, who->at, said->text, said->size, NULL);
}

static void repeat(struct load *load, struct said *said, const struct phone *who, int64_t now_ns)
{
    if (said->due_ns == 0 || now_ns < said->due_ns)
        return;
    said->interval_ns = 2 * said->interval_ns < T2_NS ? 2 * said->interval_ns : T2_NS;
    said->due_ns = now_ns + said->interval_ns;
    load->counts.retransmitted++;
    say_again(load, said, who);
}

void phones_repeat(struct load *load, struct slot *slot, int64_t now_ns)
{
    repeat(load, &slot->caller_said, slot->caller, now_ns);
    if (slot->kind == CALL)
        repeat(load, &slot->callee_said, slot->callee, now_ns);
}

static void begin(struct text *text, const char *method, const char *uri, const struct phone *who,
                  const char *branch)
{
    add(text, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=%s\r\nMax-Forwards: 70\r\n",
        method, uri, who->address, branch);
}

/* ---- registering ---- */

void phones_register(struct load *load, struct slot *slot)
{
    struct phone *phone = slot->caller;
    struct text text = {.size = 0};

    make_branch(load, slot, slot->branch);
    begin(&text, "REGISTER", "sip:" DOMAIN, phone, slot->branch);
    add(&text,
        "From: <sip:%s@" DOMAIN ">;tag=r%x\r\nTo: <sip:%s@" DOMAIN ">\r\nCall-ID: r%tx-%x\r\n"
        "CSeq: %u REGISTER\r\nContact: <sip:%s@%s>\r\nExpires: 3600\r\nUser-Agent: load/1\r\n",
        phone->user, load->run, phone->user, phone - load->phones, load->run, ++phone->cseq,
        phone->user, phone->address);
    if (slot->authorized) {
        char credentials[700];
        challenge_answer(&phone->challenge, phone->user, phone->password, "REGISTER", "sip:" DOMAIN,
                         credentials, sizeof(credentials));
        add(&text, "Authorization: %s\r\n", credentials);
    }
    add(&text, "Content-Length: 0\r\n\r\n");
    say(load, &slot->caller_said, phone, &text, true, NULL);
}

static bool read_challenge(struct slot *slot, const char *message, int status)
{
    struct part value =
        header_of(message, status == 407 ? "Proxy-Authenticate" : "WWW-Authenticate");
    return challenge_read(value, &slot->caller->challenge);
}

static void registered(struct load *load, struct slot *slot, const struct wire_datagram *datagram,
                       int status)
{
    /* one that was known may be too old: that is said with a new one */
    bool stale = load->again && strstr(datagram->text, "stale=true") != NULL;
    if (status < 200)
        return;
    if (status == 401 && (!slot->authorized || stale) &&
        read_challenge(slot, datagram->text, status)) {
        slot->authorized = true;
        phones_register(load, slot);
    } else {
        load_over(load, slot, status < 300 ? 0 : status, datagram->at_ns - slot->began_ns);
    }
}

/* ---- calling ---- */

static void add_ends(struct load *load, struct slot *slot, struct text *text, const char *to)
{
    add(text, "From: <sip:%s@" DOMAIN ">;tag=c%08x%08x\r\n", slot->caller->user,
        index_of(load, slot), slot->generation);
    if (to[0] == '\0')
        add(text, "To: <sip:%s@" DOMAIN ">\r\n", slot->callee->number);
    else
        add(text, "To: %s\r\n", to);
    add(text, "Call-ID: c%08x%08x-%x\r\n", index_of(load, slot), slot->generation, load->run);
}

static void add_description(struct text *text, const struct phone *who, const char *name)
{
    struct text body = {.size = 0};
    add(&body,
        "v=0\r\no=load 1 1 IN IP4 %s\r\ns=%s\r\nc=IN IP4 %s\r\nt=0 0\r\n"
        "m=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n",
        inet_ntoa(who->at), name, inet_ntoa(who->at));
    add(text, "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s", body.size,
        body.bytes);
}

void phones_call(struct load *load, struct slot *slot)
{
    struct text text = {.size = 0};
    char uri[96], name[24];

    (void)snprintf(uri, sizeof(uri), "sip:%s@" DOMAIN, slot->callee->number);
    (void)snprintf(name, sizeof(name), "load-%08x%08x", index_of(load, slot), slot->generation);
    make_branch(load, slot, slot->branch);
    begin(&text, "INVITE", uri, slot->caller, slot->branch);
    add_ends(load, slot, &text, "");
    add(&text, "CSeq: %d INVITE\r\nContact: <sip:%s@%s>\r\nUser-Agent: load/1\r\n",
        slot->authorized ? 2 : 1, slot->caller->user, slot->caller->address);
    if (slot->authorized) {
        char credentials[700];
        challenge_answer(&slot->caller->challenge, slot->caller->user, slot->caller->password,
                         "INVITE", uri, credentials, sizeof(credentials));
        add(&text, "%s: %s\r\n", slot->proxy ? "Proxy-Authorization" : "Authorization",
            credentials);
    }
    add_description(&text, slot->caller, name);
    say(load, &slot->caller_said, slot->caller, &text, true, &slot->invite_ns);
}

/* Also of the INVITE before the last one, when it is refused again. */
static void acknowledge_refusal(struct load *load, struct slot *slot, const char *message)
{
    struct text text = {.size = 0};
    char uri[96], to[200], branch[40];

    (void)snprintf(uri, sizeof(uri), "sip:%s@" DOMAIN, slot->callee->number);
    part_copy(header_of(message, "To"), to, sizeof(to));
    part_copy(between(header_of(message, "Via"), "branch=", ";, "), branch, sizeof(branch));
    begin(&text, "ACK", uri, slot->caller, branch);
    add_ends(load, slot, &text, to);
    add(&text, "CSeq: %d ACK\r\nContent-Length: 0\r\n\r\n", atoi(header_of(message, "CSeq").at));
    wire_send(&load->wire, slot->caller->at, text.bytes, text.size, NULL);
}

/* A request of the caller in the dialog; an ACK is said again when the 200 comes again. */
static void say_inside(struct load *load, struct slot *slot, const char *method, int cseq)
{
    struct text text = {.size = 0};
    char branch[40];

    make_branch(load, slot, branch);
    begin(&text, method, slot->contact, slot->caller, branch);
    add(&text, "%s", slot->routes);
    add_ends(load, slot, &text, slot->to);
    add(&text, "CSeq: %d %s\r\nContent-Length: 0\r\n\r\n", cseq, method);
    say(load, &slot->caller_said, slot->caller, &text, strcmp(method, "ACK") != 0, NULL);
}

static void note_dialog(struct slot *slot, const char *message)
{
    const char *at = NULL;
    struct part route;
    size_t size = 0;

    part_copy(header_of(message, "To"), slot->to, sizeof(slot->to));
    part_copy(between(header_of(message, "Contact"), "<", ">"), slot->contact,
              sizeof(slot->contact));
    /* each in front of those before it: RFC 3261 section 12.1.2 */
    slot->routes[0] = '\0';
    while ((route = header_next(message, "Record-Route", &at)).size > 0) {
        size_t length = route.size + sizeof("Route: \r\n") - 1;
        if (size + length >= sizeof(slot->routes))
            break;
        memmove(slot->routes + length, slot->routes, size + 1);
        memcpy(slot->routes, "Route: ", 7);
        memcpy(slot->routes + 7, route.at, route.size);
        memcpy(slot->routes + 7 + route.size, "\r\n", 2);
        size += length;
    }
}

void phones_hang_up(struct load *load, struct slot *slot)
{
    slot->ending = true;
    say_inside(load, slot, "BYE", 3);
}

/* Both sides have what they need to go on. */
static void settled(struct load *load, struct slot *slot)
{
    if (!slot->answered || !slot->acknowledged || slot->ending)
        return;
    if (slot->keep)
        load->counts.up++;
    else
        phones_hang_up(load, slot);
}

static void over_if_done(struct load *load, struct slot *slot)
{
    if (slot->caller_done && slot->callee_done)
        load_over(load, slot, 0,
                  slot->invited_ns - slot->invite_ns + slot->answered_ns - slot->ok_ns);
}

static void invited(struct load *load, struct slot *slot, const struct wire_datagram *datagram,
                    int status)
{
    if (status < 200) {
        slot->caller_said.due_ns = 0;
    } else if (status < 300) {
        if (slot->answered) { /* the ACK was lost, or is on its way */
            load->counts.repeated++;
            if (!slot->ending)
                say_again(load, &slot->caller_said, slot->caller);
            return;
        }
        slot->answered_ns = datagram->at_ns;
        slot->answered = true;
        note_dialog(slot, datagram->text);
        say_inside(load, slot, "ACK", 2);
        settled(load, slot);
    } else {
        acknowledge_refusal(load, slot, datagram->text);
        slot->caller_said.due_ns = 0;
        if ((status == 401 || status == 407) && !slot->authorized &&
            read_challenge(slot, datagram->text, status)) {
            slot->proxy = status == 407;
            slot->authorized = true;
            phones_call(load, slot);
        } else {
            load_over(load, slot, status, 0);
        }
    }
}

static void take_response(struct load *load, const struct wire_datagram *datagram)
{
    struct part branch = between(header_of(datagram->text, "Via"), "branch=" COOKIE, ";, ");
    struct part cseq = header_of(datagram->text, "CSeq");
    struct slot *slot = slot_of(load, branch);
    int status = atoi(datagram->text + 8);

    if (slot == NULL || cseq.size == 0)
        return;
    bool invite = memchr(cseq.at, 'I', cseq.size) != NULL && slot->kind == CALL;
    /* of what was said before the last, and said twice */
    bool late = between(branch, slot->branch + sizeof(COOKIE) - 1, "").at == NULL;
    if (late && (invite || slot->kind == REGISTER)) {
        load->counts.repeated++;
        if (invite && status >= 300)
            acknowledge_refusal(load, slot, datagram->text);
    } else if (slot->kind == REGISTER) {
        registered(load, slot, datagram, status);
    } else if (invite) {
        invited(load, slot, datagram, status);
    } else if (status >= 300) {
        load_over(load, slot, status, 0);
    } else if (status >= 200) {
        slot->caller_said.due_ns = 0;
        slot->caller_done = true;
        over_if_done(load, slot);
    }
}

/* ---- being called ---- */

static void add_copied(struct text *text, const char *message, const char *name)
{
    const char *at = NULL;
    struct part value;
    while ((value = header_next(message, name, &at)).size > 0)
        add(text, "%s: %.*s\r\n", name, (int)value.size, value.at);
}

static void begin_reply(struct text *text, const char *message, const char *status, const char *tag)
{
    struct part to = header_of(message, "To");
    add(text, "SIP/2.0 %s\r\n", status);
    add_copied(text, message, "Via");
    add_copied(text, message, "Record-Route");
    add_copied(text, message, "From");
    add(text, "To: %.*s%s%s\r\n", (int)to.size, to.at, tag[0] == '\0' ? "" : ";tag=", tag);
    add_copied(text, message, "Call-ID");
    add_copied(text, message, "CSeq");
}

static void reply(struct load *load, const struct wire_datagram *datagram, const char *status)
{
    struct text text = {.size = 0};
    begin_reply(&text, datagram->text, status, "");
    add(&text, "Content-Length: 0\r\n\r\n");
    wire_send(&load->wire, datagram->to, text.bytes, text.size, NULL);
}

static void ring_and_answer(struct load *load, struct slot *slot,
                            const struct wire_datagram *datagram)
{
    const struct phone *phone = slot->callee;
    char name[24];

    if (slot->invited_ns != 0) {
        load->counts.repeated++;
        if (slot->callee_said.due_ns != 0)
            say_again(load, &slot->callee_said, phone);
        return;
    }
    slot->invited_ns = datagram->at_ns;
    (void)snprintf(name, sizeof(name), "u%08x%08x", index_of(load, slot), slot->generation);
    struct text ringing = {.size = 0};
    begin_reply(&ringing, datagram->text, "180 Ringing", name);
    add(&ringing, "Contact: <sip:%s@%s>\r\nContent-Length: 0\r\n\r\n", phone->user, phone->address);
    wire_send(&load->wire, phone->at, ringing.bytes, ringing.size, NULL);
    struct text answer = {.size = 0};
    begin_reply(&answer, datagram->text, "200 OK", name);
    add(&answer, "Contact: <sip:%s@%s>\r\nUser-Agent: load/1\r\n", phone->user, phone->address);
    add_description(&answer, phone, "-");
    say(load, &slot->callee_said, phone, &answer, true, &slot->ok_ns);
}

static void take_request(struct load *load, const struct wire_datagram *datagram)
{
    const char *text = datagram->text;
    bool invite = strncmp(text, "INVITE ", 7) == 0;
    const char *body = strstr(text, "\r\n\r\n");
    const struct part name =
        invite ? between((struct part){body, body == NULL ? 0 : strlen(body)}, "\r\ns=load-", "\r")
               : between(header_of(text, "To"), ";tag=u", ";> ");
    struct slot *slot = slot_of(load, name);

    if (slot == NULL || slot->kind != CALL) {
        if (strncmp(text, "ACK ", 4) != 0)
            reply(load, datagram, "200 OK");
    } else if (invite) {
        ring_and_answer(load, slot, datagram);
    } else if (strncmp(text, "ACK ", 4) == 0) {
        slot->callee_said.due_ns = 0;
        if (slot->acknowledged)
            return;
        slot->acknowledged = true;
        settled(load, slot);
    } else if (strncmp(text, "BYE ", 4) == 0) {
        reply(load, datagram, "200 OK");
        load->counts.repeated += slot->callee_done ? 1 : 0;
        slot->callee_done = true;
        slot->callee_said.due_ns = 0;
        over_if_done(load, slot);
    } else {
        load->counts.stray++;
        reply(load, datagram, "200 OK");
    }
}

void phones_take(void *ctx, const struct wire_datagram *datagram)
{
    struct load *load = ctx;
    if (strncmp(datagram->text, "SIP/2.0 ", 8) == 0)
        take_response(load, datagram);
    else if (datagram->size > 8)
        take_request(load, datagram);
}
