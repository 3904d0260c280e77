#include "voice/relay.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "outside.h"
#include "scratch.h"
#include "sip/endpoint.h"
#include "sip/message.h"
#include "voice/bindings.h"
#include "voice/relay_token.h"

/* Two servers: one has the call, one the phone. */
#define CALLER "udp:192.0.2.10:5060"
#define KEEPER "udp:192.0.2.11:5060"

struct pair {
    struct scratch scratch;
    struct outside outside;
    struct ct_sip *sip;
    struct ct_reader reader;
    struct ct_registrar *at_caller, *at_keeper;
    struct ct_relay *caller, *keeper;
    struct ct_sip_hop from_caller, from_phone, from_stranger;
    char sent[4096]; /* the last that was sent, and where */
    size_t size;
    struct ct_sip_hop to;
    bool broken; /* nothing can be sent */
};

static enum ct_result keep(void *ctx, const struct ct_sip_hop *to, struct ct_str bytes)
{
    struct pair *pair = ((struct outside *)ctx)->user;
    if (bytes.len >= sizeof(pair->sent))
        return CT_UNAVAILABLE;
    if (pair->broken && ct_sip_socket_equal(&to->peer, &pair->from_phone.peer))
        return CT_UNAVAILABLE;
    memcpy(pair->sent, bytes.at, bytes.len);
    pair->sent[bytes.len] = '\0';
    pair->size = bytes.len;
    pair->to = *to;
    return CT_OK;
}

static void tell_local(void *ctx, const struct ct_sip_hop *to, struct ct_sip_local *out)
{
    (void)ctx;
    *out = (struct ct_sip_local){.host = CT_STR("192.0.2.11"), .transport = to->transport};
}

static void post(void *ctx, struct ct_sip_letter *letter)
{
    (void)ctx;
    (void)letter;
}

static enum ct_result run_begin(void *ctx, struct ct_db *db)
{
    static const char *const before[] = {
        "INSERT INTO users (id, username) VALUES (1, 'alice')",
        "INSERT INTO devices (id, user_id, name, username, ha1_md5, ha1_sha256, created_at) "
        "VALUES (7, 1, 'a', 'u', 'x', 'y', 0)"};
    const struct ct_binding_row row = {.device_id = 7,
                                       .place = 3,
                                       .contact = CT_STR("sip:p@10.0.0.1"),
                                       .path = CT_STR("<sip:edge;lr>"),
                                       .transport = CT_STR("udp"),
                                       .source = CT_STR("192.0.2.1:5062"),
                                       .q = 1000,
                                       .expires_at = OUTSIDE_UNIX + 86400000,
                                       .node = CT_STR(KEEPER)};
    (void)ctx;
    for (size_t i = 0; i < 2; i++) {
        struct ct_stmt *stmt;
        enum ct_result result = ct_db_query(db, before[i], &stmt);
        if (result == CT_OK)
            result = ct_run(stmt);
        if (result != CT_OK)
            return result;
    }
    return ct_binding_put(db, &row);
}

static enum ct_result run_forget(void *ctx, struct ct_db *db)
{
    struct ct_stmt *stmt;
    (void)ctx;
    enum ct_result result = ct_db_query(db, "DELETE FROM sip_bindings", &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

static enum ct_result start(struct pair *pair, const char *node, struct ct_registrar **registrar,
                            struct ct_relay **relay)
{
    const struct ct_registrar_options options = {.sip = pair->sip,
                                                 .env = &pair->outside.env,
                                                 .post = {.post = post},
                                                 .store = pair->scratch.store,
                                                 .reader = &pair->reader,
                                                 .contacts_max = 5,
                                                 .node = ct_str_of(node)};
    enum ct_result result = ct_registrar_new(&options, registrar);
    if (result != CT_OK)
        return result;
    const struct ct_relay_options relaying = {.sip = pair->sip,
                                              .env = &pair->outside.env,
                                              .find = ct_registrar_at,
                                              .find_ctx = *registrar,
                                              .secret = CT_STR("a secret of both"),
                                              .node = ct_str_of(node)};
    return ct_relay_new(&relaying, relay);
}

static enum ct_result open_pair(struct pair *pair)
{
    memset(pair, 0, sizeof(*pair));
    enum ct_result result = scratch_open(&pair->scratch);
    if (result != CT_OK)
        return result;
    outside_open(&pair->outside);
    pair->outside.user = pair;
    pair->outside.env.send = keep;
    pair->outside.env.local = tell_local;
    pair->reader = (struct ct_reader){.store = pair->scratch.store};
    pair->from_caller = outside_hop(CT_SIP_UDP, "192.0.2.10", 5060, 0);
    pair->from_phone = outside_hop(CT_SIP_UDP, "192.0.2.1", 5062, 0);
    pair->from_stranger = outside_hop(CT_SIP_UDP, "203.0.113.1", 5060, 0);
    const struct ct_sip_options sip = {.env = pair->outside.env, .methods = CT_STR("INVITE")};
    result = ct_store_write(pair->scratch.store, run_begin, NULL);
    if (result == CT_OK)
        result = ct_sip_new(&sip, &pair->sip);
    if (result == CT_OK)
        result = start(pair, CALLER, &pair->at_caller, &pair->caller);
    return result == CT_OK ? start(pair, KEEPER, &pair->at_keeper, &pair->keeper) : result;
}

static void close_pair(struct pair *pair)
{
    ct_relay_free(pair->caller);
    ct_relay_free(pair->keeper);
    ct_registrar_free(pair->at_caller);
    ct_registrar_free(pair->at_keeper);
    ct_sip_free(pair->sip);
    ct_reader_rest(&pair->reader);
    scratch_close(&pair->scratch);
}

/* Hands the server with the phone a message; whether it took it. */
static bool take(struct pair *pair, const struct ct_sip_hop *from, const char *method,
                 const char *route, const char *to_tag, int hops)
{
    struct ct_buf text = ct_buf_in(pair->scratch.arena);
    ct_buf_printf(&text,
                  "%s sip:p@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKabc;"
                  "rport, SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKdef\r\nMax-Forwards: %d\r\n"
                  "Route: %s\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>%s\r\nCall-ID: c\r\n"
                  "CSeq: 1 %s\r\nX-Other: kept\r\nContent-Length: 4\r\n\r\nbody",
                  method, hops, route, to_tag, method);
    pair->size = 0;
    pair->sent[0] = '\0';
    return !text.failed && ct_relay_take(pair->keeper, from, ct_buf_done(&text));
}

static bool has(const struct pair *pair, const char *piece)
{
    return strstr(pair->sent, piece) != NULL;
}

static bool went_to(const struct pair *pair, const struct ct_sip_hop *hop)
{
    return pair->size > 0 && ct_sip_socket_equal(&pair->to.peer, &hop->peer);
}

static enum ct_result find_route(struct pair *pair, struct ct_str *route)
{
    const struct ct_binding *const *all;
    struct ct_sip_hop hop;
    if (ct_registrar_find(pair->at_caller, 7, &all) != 1)
        return CT_BUG;
    enum ct_result result = ct_relay_route(pair->caller, pair->scratch.arena, all[0], &hop, route);
    return result == CT_OK && hop.peer.port != 5060 ? CT_BUG : result;
}

/* For want of memory nothing is sent, or something else. */
#define EXPECT_OR_NOMEM(condition) \
    do {                           \
        if (!(condition)) {        \
            result = CT_NOMEM;     \
            goto out;              \
        }                          \
    } while (0)

static enum ct_result test_there_and_back(void)
{
    enum ct_result result = CT_OK;
    struct pair pair;
    struct ct_str route;
    TRY(open_pair(&pair));
    TRY(find_route(&pair, &route));
    EXPECT(ct_relay_knows(pair.caller, &(struct ct_sip_hop){.peer = {.family = CT_SIP_IPV4,
                                                                     .bytes = {192, 0, 2, 11}}}));
    EXPECT(!ct_relay_knows(pair.keeper, &pair.from_caller));
    EXPECT_OR_NOMEM(take(&pair, &pair.from_caller, "INVITE", route.at, "", 70) &&
                    went_to(&pair, &pair.from_phone));
    EXPECT(has(&pair, "INVITE sip:p@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.11;branch="));
    EXPECT(has(&pair, "\r\nRecord-Route: <sip:ctr-") && has(&pair, "@192.0.2.11;lr>\r\n"));
    EXPECT(has(&pair, "\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKabc;rport"));
    EXPECT(has(&pair, "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKdef\r\n"));
    EXPECT(has(&pair, "\r\nMax-Forwards: 69\r\n") && has(&pair, "\r\nRoute: <sip:edge;lr>\r\n"));
    EXPECT(has(&pair, "\r\nX-Other: kept\r\n") && has(&pair, "\r\n\r\nbody"));
    EXPECT(!has(&pair, "Route: <sip:ctr-97") && ct_relay_knows(pair.keeper, &pair.from_caller));
    /* the answer has the Vias of the request */
    const char *first = strstr(pair.sent, "Via: ");
    const char *second = strstr(first + 1, "\r\nVia: ");
    char via[512];
    (void)snprintf(via, sizeof(via), "%.*s", (int)(strstr(first, "\r\n") - first), first);
    EXPECT(second != NULL);
    struct ct_buf answer = ct_buf_in(pair.scratch.arena);
    struct ct_buf wrong = ct_buf_in(pair.scratch.arena);
    static const char rest[] = "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: c\r\n"
                               "CSeq: 1 INVITE\r\nContent-Length: 4\r\n\r\nbody";
    ct_buf_printf(
        &answer, "SIP/2.0 180 Ringing\r\n%s\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKabc\r\n%s",
        via, rest);
    ct_buf_printf(&wrong,
                  "SIP/2.0 180 Ringing\r\n%s\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKabd\r\n%s",
                  via, rest);
    TRY(answer.failed || wrong.failed ? CT_NOMEM : CT_OK);
    pair.size = 0;
    EXPECT(!ct_relay_take(pair.keeper, &pair.from_phone, ct_buf_done(&wrong)) && pair.size == 0);
    EXPECT_OR_NOMEM(ct_relay_take(pair.keeper, &pair.from_phone, ct_buf_done(&answer)) &&
                    went_to(&pair, &pair.from_caller));
    EXPECT(strncmp(pair.sent,
                   "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKabc\r\nFrom",
                   70) == 0);
    EXPECT(has(&pair, "\r\n\r\nbody"));
out:
    close_pair(&pair);
    return result;
}

static enum ct_result test_who_may(void)
{
    enum ct_result result = CT_OK;
    struct pair pair;
    struct ct_str route;
    char forged[512];
    TRY(open_pair(&pair));
    TRY(find_route(&pair, &route));
    /* within a dialog: to the phone, and to the server that has the call */
    EXPECT_OR_NOMEM(take(&pair, &pair.from_caller, "BYE", route.at, ";tag=2", 70) &&
                    went_to(&pair, &pair.from_phone));
    EXPECT(!has(&pair, "Record-Route"));
    EXPECT_OR_NOMEM(take(&pair, &pair.from_phone, "BYE", route.at, ";tag=2", 70) &&
                    went_to(&pair, &pair.from_caller));
    EXPECT_OR_NOMEM(take(&pair, &pair.from_stranger, "BYE", route.at, ";tag=2", 70) &&
                    went_to(&pair, &pair.from_caller));
    /* no new calls of others */
    EXPECT(!take(&pair, &pair.from_stranger, "INVITE", route.at, "", 70) && pair.size == 0);
    EXPECT(!take(&pair, &pair.from_phone, "INVITE", route.at, "", 70) && pair.size == 0);
    for (size_t i = 5; i < route.len && i < sizeof(forged) && route.at[i] != '@'; i++) {
        (void)snprintf(forged, sizeof(forged), "%s", route.at);
        forged[i] = forged[i] == '5' ? '6' : '5';
        EXPECT(!take(&pair, &pair.from_caller, "INVITE", forged, "", 70) && pair.size == 0);
    }
    /* nor old ones, loops, or to a phone that has gone */
    EXPECT_OR_NOMEM(take(&pair, &pair.from_caller, "INVITE", route.at, "", 0) &&
                    has(&pair, "SIP/2.0 483 "));
    pair.broken = true;
    EXPECT_OR_NOMEM(take(&pair, &pair.from_caller, "INVITE", route.at, "", 70) &&
                    has(&pair, "SIP/2.0 480 "));
    EXPECT_OR_NOMEM(take(&pair, &pair.from_caller, "ACK", route.at, ";tag=2", 70));
    EXPECT(pair.size == 0);
    pair.broken = false;
    pair.outside.now_ms += 301000;
    EXPECT_OR_NOMEM(take(&pair, &pair.from_caller, "INVITE", route.at, "", 70) &&
                    has(&pair, "SIP/2.0 403 "));
    EXPECT_OR_NOMEM(take(&pair, &pair.from_caller, "CANCEL", route.at, "", 70) &&
                    went_to(&pair, &pair.from_phone));
    TRY(ct_store_write(pair.scratch.store, run_forget, NULL));
    ct_registrar_changed(pair.at_keeper, 7);
    EXPECT_OR_NOMEM(take(&pair, &pair.from_caller, "BYE", route.at, ";tag=2", 70) &&
                    has(&pair, "SIP/2.0 480 "));
out:
    close_pair(&pair);
    return result;
}

static enum ct_result test_tokens(void)
{
    enum ct_result result = CT_OK;
    struct ct_relay_key key;
    struct ct_relay_key other;
    struct ct_relay_token read;
    struct ct_sip_hop hop;
    struct ct_sip_via via;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    ct_relay_key_set(&key, CT_STR("a"));
    ct_relay_key_set(&other, CT_STR("b"));
    const struct ct_relay_token token = {.device_id = INT64_C(1234567890123),
                                         .place = 99,
                                         .issued_s = INT64_C(1790000000),
                                         .caller =
                                             outside_hop(CT_SIP_TCP, "2001:db8::1", 65535, 0)};
    struct ct_buf text = ct_buf_in(arena);
    ct_relay_token_write(&text, &key, &token);
    struct ct_str user = ct_buf_done(&text);
    TRY(text.failed ? CT_NOMEM : CT_OK);
    EXPECT(ct_relay_token_read(&key, user, &read) && !ct_relay_token_read(&other, user, &read));
    EXPECT(ct_relay_token_read(&key, user, &read) && read.device_id == token.device_id &&
           read.place == 99 && read.issued_s == token.issued_s &&
           read.caller.transport == CT_SIP_TCP &&
           ct_sip_socket_equal(&read.caller.peer, &token.caller.peer));
    for (size_t i = 0; i < user.len; i++)
        EXPECT(!ct_relay_token_read(&key, (struct ct_str){user.at, i}, &read));
    const struct ct_sip_hop back = outside_hop(CT_SIP_WS, "192.0.2.1", 5062, 77);
    struct ct_buf line = ct_buf_in(arena);
    ct_buf_text(&line, "SIP/2.0/WS h");
    ct_relay_mark_write(&line, &key, &back, CT_STR("z9hG4bKx"));
    TRY(line.failed ? CT_NOMEM : CT_OK);
    EXPECT(ct_sip_via_read(ct_buf_done(&line), &via));
    EXPECT(ct_relay_mark_read(&key, &via, CT_STR("z9hG4bKx"), &hop) && hop.connection == 77 &&
           hop.transport == CT_SIP_WS && ct_sip_socket_equal(&hop.peer, &back.peer));
    EXPECT(!ct_relay_mark_read(&key, &via, CT_STR("z9hG4bKy"), &hop));
    EXPECT(!ct_relay_mark_read(&other, &via, CT_STR("z9hG4bKx"), &hop));
out:
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_there_and_back), CT_UNIT(test_who_may),
                                           CT_UNIT(test_tokens)};
    return ct_unit_main("voice/relay", units, sizeof(units) / sizeof(units[0]));
}
