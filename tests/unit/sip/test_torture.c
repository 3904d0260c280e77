/* RFC 4475: every one of its messages (torture/NAME.sip, by the names that the RFC gives them), and what it asks an
 * element such as ours to do with it. */
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "world.h"

enum fate {
    ANSWERED, /* by the endpoint, with `status`: the user never hears of it */
    HANDED,   /* to the user, who answers with `status` */
    READ,     /* a response: well-formed, with `status`, and nobody's */
    DROPPED   /* in silence: a response that is not well-formed, or has a Via too many */
};

struct torture {
    const char *name;
    enum ct_sip_transport transport;
    enum fate fate;
    int status;
    const char *has; /* in the answer; NULL: nothing in particular */
};

static const struct torture messages[] = {
    /* 3.1.1, valid. The tag in To of the first names no dialog here. */
    {"wsinv", CT_SIP_UDP, ANSWERED, 481, "CSeq: 0009 INVITE\r\n"},
    {"intmeth", CT_SIP_TCP, ANSWERED, 501, "\r\nAllow: INVITE, "},
    {"esc01", CT_SIP_UDP, HANDED, 200, NULL},
    {"escnull", CT_SIP_UDP, HANDED, 200, NULL},
    {"esc02", CT_SIP_TCP, ANSWERED, 501, "\r\nAllow: INVITE, "},
    {"lwsdisp", CT_SIP_UDP, HANDED, 200, NULL},
    {"longreq", CT_SIP_TCP, HANDED, 200, NULL},
    {"dblreq", CT_SIP_UDP, HANDED, 200, "CSeq: 8 REGISTER\r\n"},
    {"semiuri", CT_SIP_UDP, HANDED, 200, NULL},
    {"transports", CT_SIP_UDP, HANDED, 200, "Via: SIP/2.0/UNKNOWN"},
    {"mpart01", CT_SIP_TCP, HANDED, 200, NULL},
    {"unreason", CT_SIP_UDP, READ, 200, NULL},
    {"noreason", CT_SIP_UDP, READ, 100, NULL},
    /* 3.1.2, invalid. A Date in another zone than GMT may be ignored. */
    {"badinv01", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"clerr", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"ncl", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"scalar02", CT_SIP_TCP, ANSWERED, 400, NULL},
    {"scalarlg", CT_SIP_TCP, DROPPED, 0, NULL},
    {"quotbal", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"ltgtruri", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"lwsruri", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"lwsstart", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"trws", CT_SIP_TCP, ANSWERED, 400, NULL},
    {"escruri", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"baddate", CT_SIP_UDP, HANDED, 200, NULL},
    {"regbadct", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"badaspec", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"baddn", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"badvers", CT_SIP_UDP, ANSWERED, 505, NULL},
    {"mismatch01", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"mismatch02", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"bigcode", CT_SIP_UDP, DROPPED, 0, NULL},
    /* 3.2, transactions */
    {"badbranch", CT_SIP_UDP, HANDED, 200, NULL},
    /* 3.3, above transactions */
    {"insuf", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"unkscm", CT_SIP_TCP, ANSWERED, 416, NULL},
    {"novelsc", CT_SIP_TCP, ANSWERED, 416, NULL},
    {"unksm2", CT_SIP_TCP, HANDED, 404, NULL},
    {"bext01", CT_SIP_TLS, ANSWERED, 420,
     "\r\nUnsupported: nothingSupportsThis, nothingSupportsThisEither\r\n"},
    {"invut", CT_SIP_UDP, HANDED, 415, NULL},
    {"regaut01", CT_SIP_TCP, HANDED, 401, NULL},
    {"multi01", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"mcl01", CT_SIP_UDP, ANSWERED, 400, NULL},
    {"bcast", CT_SIP_UDP, DROPPED, 0, NULL},
    {"zeromf", CT_SIP_UDP, HANDED, 200, NULL},
    {"cparam01", CT_SIP_UDP, HANDED, 200, NULL},
    {"cparam02", CT_SIP_UDP, HANDED, 200, NULL},
    {"regescrt", CT_SIP_UDP, HANDED, 200, NULL},
    {"sdp01", CT_SIP_UDP, HANDED, 406, NULL},
    /* 3.4, RFC 2543 */
    {"inv2543", CT_SIP_UDP, HANDED, 200, NULL},
};

#define COUNT (sizeof(messages) / sizeof(messages[0]))

struct place {
    struct world world;
    int handed;
    enum ct_result result;
};

/* What a registrar and a phone would say. */
static int judge(const struct ct_sip_message *message)
{
    struct ct_str accept = ct_sip_header(message, CT_SIP_H_ACCEPT);
    struct ct_str credentials = ct_sip_header(message, CT_SIP_H_AUTHORIZATION);
    bool invite = message->method == CT_SIP_INVITE;

    if (invite && message->body.len > 0 &&
        !ct_str_equal(message->content_type, CT_STR("application/sdp")))
        return 415;
    if (invite && accept.len > 0 && memmem(accept.at, accept.len, "application/sdp", 15) == NULL)
        return 406;
    if (credentials.len > 0 && strncasecmp(credentials.at, "Digest ", 7) != 0)
        return 401;
    if (message->method == CT_SIP_REGISTER && message->to.uri.scheme > CT_SIP_URI_SIPS)
        return 404;
    return 200;
}

static void request(void *ctx, struct ct_sip_server *server, const struct ct_sip_message *message)
{
    struct place *place = ctx;
    place->handed++;
    place->result = ct_sip_reply(server, judge(message), NULL);
}

static enum ct_result open_place(struct place *place)
{
    memset(place, 0, sizeof(*place));
    world_init(&place->world);
    const struct ct_sip_options options = {
        .env = world_env(&place->world),
        .max_transactions = 8,
        .user = {.ctx = place, .request = request},
        .methods = CT_STR("INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, MESSAGE"),
        .extensions = CT_STR("100rel, timer, replaces")};
    return ct_sip_new(&options, &place->world.sip);
}

static struct ct_str load(const char *name, char *room, size_t size)
{
    char path[512];
    snprintf(path, sizeof(path), CT_TORTURE "/%s.sip", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return CT_STR("");
    size_t length = fread(room, 1, size, file);
    fclose(file);
    return (struct ct_str){room, length};
}

/* A name in the report says more than a line number. */
#define AS_ASKED(condition)                                    \
    do {                                                       \
        if (!(condition)) {                                    \
            ct_unit_report(torture->name, __FILE__, __LINE__); \
            result = CT_BUG;                                   \
            goto out;                                          \
        }                                                      \
    } while (0)

static enum ct_result meet(const struct torture *torture)
{
    static struct place place;
    static char room[8192];
    struct ct_sip_hop from = world_hop(torture->transport);
    struct ct_str bytes = load(torture->name, room, sizeof(room));
    struct ct_arena *arena = ct_arena_new();
    struct ct_sip_message *message = NULL;
    enum ct_result result = arena == NULL ? CT_NOMEM : open_place(&place);
    if (result != CT_OK) {
        ct_arena_free(arena);
        return result;
    }
    AS_ASKED(bytes.len > 0);
    world_receive_from(&place.world, &from, bytes);
    AS_ASKED((place.world.count == 1) == (torture->fate <= HANDED));
    AS_ASKED((place.handed == 1) == (torture->fate == HANDED));
    if (torture->fate <= HANDED) {
        AS_ASKED(world_last_status(&place.world) == torture->status);
        AS_ASKED(torture->has == NULL || world_last_has(&place.world, torture->has));
        /* Once more: the same answer, and the user hears nothing of it. */
        world_receive_from(&place.world, &from, bytes);
        AS_ASKED(torture->fate == ANSWERED || place.handed == 1 ||
                 ct_sip_reliable(torture->transport));
    } else {
        result = ct_sip_message_read(arena, bytes, ct_sip_reliable(torture->transport), &message);
        if (result == CT_NOMEM)
            goto out;
        bool good = result == CT_OK && message->fault.status == 0 && message->via_count == 1;
        AS_ASKED(good == (torture->fate == READ));
        AS_ASKED(!good || message->status == torture->status);
        result = CT_OK;
    }

out:
    ct_sip_free(place.world.sip);
    ct_arena_free(arena);
    return result;
}

static enum ct_result scenario_every_message(void)
{
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < COUNT && result == CT_OK; i++)
        result = meet(&messages[i]);
    return result;
}
SCENARIO(every_message)

/* What some of them are about beyond their answer. */
static enum ct_result read_one(struct ct_arena *arena, const char *name, bool stream, char *room,
                               struct ct_sip_message **out)
{
    struct ct_str bytes = load(name, room, 8192);
    return ct_sip_message_read(arena, bytes, stream, out);
}

static enum ct_result details(void)
{
    static char room[8192];
    struct ct_sip_message *message;
    struct ct_sip_address address;
    struct ct_sip_cursor cursor = {0};
    struct ct_str value;
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(read_one(arena, "wsinv", false, room, &message));
    EXPECT(message->fault.status == 0 && message->via_count == 3 && message->cseq == 9);
    EXPECT(message->max_forwards == 68 && message->body.len == 150);
    EXPECT(ct_str_equal(message->to.tag, CT_STR("1918181833n")));
    EXPECT(ct_str_equal(message->from.tag, CT_STR("98asjd8")));
    EXPECT(ct_str_equal(message->from.display, CT_STR("\"J Rosenberg \\\\\\\"\"")));
    EXPECT(ct_str_equal(message->via.host, CT_STR("192.0.2.2")));
    EXPECT(ct_str_equal(message->via.branch, CT_STR("390skdjuw")));
    EXPECT(ct_sip_has(message, CT_SIP_H_SUBJECT));
    EXPECT(ct_sip_header(message, CT_SIP_H_SUBJECT).len == 0);
    EXPECT(ct_str_equal(ct_sip_header_named(message, CT_STR("newfangledheader")),
                        CT_STR("newfangled value continued newfangled value")));
    EXPECT(ct_sip_address_read(ct_sip_header(message, CT_SIP_H_CONTACT), &address));
    EXPECT(ct_sip_param(address.params, CT_STR("Q"), &value));
    EXPECT(ct_str_equal(value, CT_STR("0.33")));

    TRY(read_one(arena, "intmeth", true, room, &message));
    EXPECT(message->fault.status == 0 && message->method == CT_SIP_OTHER_METHOD);
    EXPECT(ct_str_equal(message->uri.host, CT_STR("example.com")));
    EXPECT(ct_str_equal(message->uri.user, CT_STR("1_unusual.URI~(to-be!sure)&isn't+it$/"
                                                  "crazy?,/;;*")));
    EXPECT(message->to.display.len == 22 && message->to.display.at[13] == '\0');

    TRY(read_one(arena, "escnull", false, room, &message));
    EXPECT(ct_sip_next_value(message, CT_SIP_H_CONTACT, &cursor, &value));
    EXPECT(ct_str_equal(value, CT_STR("<sip:%00@host5.example.com>")));
    EXPECT(ct_sip_next_value(message, CT_SIP_H_CONTACT, &cursor, &value));
    EXPECT(ct_str_equal(value, CT_STR("<sip:%00%00@host5.example.com>")));
    EXPECT(!ct_sip_next_value(message, CT_SIP_H_CONTACT, &cursor, &value));

    /* What lies behind the first message of the datagram is dropped. */
    TRY(read_one(arena, "dblreq", false, room, &message));
    EXPECT(message->body.len == 0 && message->method == CT_SIP_REGISTER);
    EXPECT(memmem(message->bytes.at, message->bytes.len, "INVITE", 6) == NULL);

    TRY(read_one(arena, "semiuri", false, room, &message));
    EXPECT(ct_str_equal(message->uri.user, CT_STR("user;par=u%40example.net")));
    TRY(read_one(arena, "unreason", false, room, &message));
    EXPECT(message->reason.len > 10 && memcmp(message->reason.at, "= 2**3 * 5**2 ", 14) == 0);
    TRY(read_one(arena, "noreason", false, room, &message));
    EXPECT(message->status == 100 && message->reason.len == 0);

    /* The parameter is the header's, or the URI's. */
    TRY(read_one(arena, "cparam01", false, room, &message));
    EXPECT(ct_sip_address_read(ct_sip_header(message, CT_SIP_H_CONTACT), &address));
    EXPECT(address.uri.params.len == 0 &&
           ct_sip_param(address.params, CT_STR("unknownparam"), &value));
    TRY(read_one(arena, "cparam02", false, room, &message));
    EXPECT(ct_sip_address_read(ct_sip_header(message, CT_SIP_H_CONTACT), &address));
    EXPECT(address.params.len == 0 &&
           ct_sip_param(address.uri.params, CT_STR("unknownparam"), &value));
    TRY(read_one(arena, "regescrt", false, room, &message));
    EXPECT(ct_sip_address_read(ct_sip_header(message, CT_SIP_H_CONTACT), &address));
    EXPECT(ct_str_equal(address.uri.headers, CT_STR("Route=%3Csip:sip.example.com%3E")));

out:
    ct_arena_free(arena);
    return result;
}

/* In a stream the length decides: these cannot be framed. */
static enum ct_result framing(void)
{
    static const struct {
        const char *name;
        enum ct_sip_frame frame;
    } framed[] = {{"ncl", CT_SIP_FRAME_BAD},         {"mcl01", CT_SIP_FRAME_BAD},
                  {"clerr", CT_SIP_FRAME_MORE},      {"intmeth", CT_SIP_FRAME_MESSAGE},
                  {"longreq", CT_SIP_FRAME_MESSAGE}, {"mpart01", CT_SIP_FRAME_MESSAGE}};
    static char room[8192];
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < sizeof(framed) / sizeof(framed[0]); i++) {
        struct ct_sip_framer framer = {0};
        size_t size;
        struct ct_str bytes = load(framed[i].name, room, sizeof(room));
        EXPECT(ct_sip_frame(&framer, bytes, 65535, &size) == framed[i].frame);
    }

out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(every_message), CT_UNIT(details),
                                           CT_UNIT(framing)};
    return ct_unit_main("sip/torture", units, sizeof(units) / sizeof(units[0]));
}
