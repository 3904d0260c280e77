#include "voice/registrar.h"

#include <poll.h>
#include <stdio.h>

#include "harness.h"
#include "outside.h"
#include "scratch.h"
#include "sip/digest.h"
#include "voice/bindings.h"

#define USER "d7-abcdefgh"
#define PASSWORD "open sesame"
#define REALM "example.com"

/* A registrar on a database, and one phone. */
struct site {
    struct scratch scratch;
    struct outside outside;
    struct ct_sip *sip;
    struct ct_reader reader;
    struct ct_sip_mailbox *mailbox;
    struct ct_authenticator *authenticator;
    struct ct_registrar *registrar;
    char sent[4096]; /* the last that was sent */
    size_t size;
    size_t good, failed; /* attempts to authenticate */
    size_t taken;        /* replies of 200 */
    struct ct_digest_challenge challenge;
    struct ct_sip_hop from;
    uint32_t cseq, count;
    bool shared;
    const char *asked, *said; /* the Request-URI, and that of the credentials */
};

static enum ct_result keep(void *ctx, const struct ct_sip_hop *to, struct ct_str bytes)
{
    struct site *site = ((struct outside *)ctx)->user;
    (void)to;
    if (bytes.len > sizeof(site->sent))
        return CT_UNAVAILABLE;
    memcpy(site->sent, bytes.at, bytes.len);
    site->size = bytes.len;
    site->taken += bytes.len > 12 && memcmp(bytes.at, "SIP/2.0 200", 11) == 0 ? 1 : 0;
    return CT_OK;
}

static void tell_local(void *ctx, const struct ct_sip_hop *to, struct ct_sip_local *out)
{
    (void)ctx;
    *out = (struct ct_sip_local){.host = CT_STR("192.0.2.99"), .transport = to->transport};
}

static void request(void *ctx, struct ct_sip_server *transaction,
                    const struct ct_sip_message *message)
{
    struct site *site = ctx;
    ct_registrar_request(site->registrar, transaction, message);
}

static void post(void *ctx, struct ct_sip_letter *letter)
{
    ct_sip_mailbox_post(ctx, letter);
}

static void tried(void *ctx, const struct ct_sip_hop *from, bool failed)
{
    struct site *site = ctx;
    (void)from;
    site->good += failed ? 0 : 1;
    site->failed += failed ? 1 : 0;
}

static enum ct_result run_sql(struct ct_db *db, const char *sql, struct ct_str md5,
                              struct ct_str sha256)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, sql, &stmt);
    if (result != CT_OK)
        return result;
    if (md5.len > 0) {
        ct_bind_str(stmt, 1, md5);
        ct_bind_str(stmt, 2, sha256);
    }
    return ct_run(stmt);
}

static enum ct_result run_people(void *ctx, struct ct_db *db)
{
    struct ct_digest_hex md5;
    struct ct_digest_hex sha256;
    (void)ctx;
    ct_digest_ha1(CT_DIGEST_MD5, CT_STR(USER), CT_STR(REALM), CT_STR(PASSWORD), &md5);
    ct_digest_ha1(CT_DIGEST_SHA256, CT_STR(USER), CT_STR(REALM), CT_STR(PASSWORD), &sha256);
    enum ct_result result =
        run_sql(db, "INSERT INTO users (id, username) VALUES (1, 'alice')", CT_STR(""), CT_STR(""));
    if (result == CT_OK)
        result = run_sql(db, "INSERT INTO sip_realm (id, realm) VALUES (1, '" REALM "')",
                         CT_STR(""), CT_STR(""));
    if (result == CT_OK)
        result = run_sql(db,
                         "INSERT INTO devices (id, user_id, name, username, ha1_md5, ha1_sha256, "
                         "created_at) VALUES (7, 1, 'a', '" USER "', $1, $2, 0)",
                         ct_str_of(md5.text), ct_str_of(sha256.text));
    return result;
}

static enum ct_result run_forget(void *ctx, struct ct_db *db)
{
    return run_sql(db, ctx, CT_STR(""), CT_STR(""));
}

static void stop(struct site *site)
{
    ct_registrar_free(site->registrar);
    ct_sip_free(site->sip);
    ct_authenticator_free(site->authenticator);
    ct_sip_mailbox_free(site->mailbox);
    site->registrar = NULL;
    site->sip = NULL;
    site->authenticator = NULL;
    site->mailbox = NULL;
}

static enum ct_result start(struct site *site)
{
    const struct ct_sip_options sip = {.env = site->outside.env,
                                       .user = {.ctx = site, .request = request},
                                       .methods = CT_STR("REGISTER"),
                                       .extensions = CT_STR("path"),
                                       .name = CT_STR("test")};
    const struct ct_authenticator_options authenticator = {.env = &site->outside.env,
                                                           .reader = &site->reader,
                                                           .domain = "localhost",
                                                           .cached = 16,
                                                           .misses_per_s = 3,
                                                           .tried = tried,
                                                           .tried_ctx = site};
    enum ct_result result = ct_sip_mailbox_new(&site->mailbox);
    if (result == CT_OK)
        result = ct_sip_new(&sip, &site->sip);
    if (result == CT_OK)
        result = ct_authenticator_new(&authenticator, &site->authenticator);
    if (result != CT_OK)
        return result;
    const struct ct_registrar_options registrar = {.sip = site->sip,
                                                   .env = &site->outside.env,
                                                   .post = {.ctx = site->mailbox, .post = post},
                                                   .store = site->scratch.store,
                                                   .reader = &site->reader,
                                                   .authenticator = site->authenticator,
                                                   .expires_min_s = 60,
                                                   .expires_max_s = 3600,
                                                   .expires_default_s = 3600,
                                                   .contacts_max = 3,
                                                   .shared = site->shared};
    return ct_registrar_new(&registrar, &site->registrar);
}

static enum ct_result open_site(struct site *site)
{
    memset(site, 0, sizeof(*site));
    enum ct_result result = scratch_open(&site->scratch);
    if (result != CT_OK)
        return result;
    outside_open(&site->outside);
    site->outside.user = site;
    site->outside.env.send = keep;
    site->outside.env.local = tell_local;
    site->reader = (struct ct_reader){.store = site->scratch.store};
    site->from = outside_hop(CT_SIP_UDP, "192.0.2.1", 5062, 0);
    ct_unit_spare(true);
    site->asked = site->said = "sip:" REALM;
    result = ct_store_write(site->scratch.store, run_people, NULL);
    ct_unit_spare(false);
    return result == CT_OK ? start(site) : result;
}

static void settle(struct site *site)
{
    while (!ct_registrar_settled(site->registrar)) {
        struct pollfd poller = {.fd = ct_sip_mailbox_fd(site->mailbox), .events = POLLIN};
        (void)poll(&poller, 1, -1);
        ct_sip_mailbox_open(site->mailbox);
    }
    ct_reader_rest(&site->reader);
}

static void close_site(struct site *site)
{
    if (site->registrar != NULL)
        settle(site);
    ct_reader_rest(&site->reader);
    stop(site);
    scratch_close(&site->scratch);
}

/* Sends a REGISTER with what the phone knows of the challenge. */
static enum ct_result send_register(struct site *site, const char *to, const char *headers,
                                    const char *password)
{
    struct ct_buf text = ct_buf_in(site->scratch.arena);
    site->cseq++;
    ct_buf_printf(&text,
                  "REGISTER %s"
                  " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK%u"
                  ";rport\r\nMax-Forwards: 70\r\nFrom: <sip:" USER "@" REALM
                  ">;tag=1\r\nTo: <sip:%s@" REALM ">\r\nCall-ID: c\r\nCSeq: %u REGISTER\r\n%s",
                  site->asked, site->cseq, to, site->cseq, headers);
    if (site->challenge.nonce.len > 0) {
        struct ct_digest_hex ha1;
        const struct ct_digest_request answer = {.method = CT_STR("REGISTER"),
                                                 .uri = ct_str_of(site->said),
                                                 .username = CT_STR(USER),
                                                 .cnonce = CT_STR("c"),
                                                 .nc = ++site->count,
                                                 .ha1 = &ha1};
        ct_digest_ha1(site->challenge.algorithm, CT_STR(USER), CT_STR(REALM), ct_str_of(password),
                      &ha1);
        ct_buf_text(&text, "Authorization: ");
        enum ct_result result = ct_digest_answer(&site->challenge, &answer, &text);
        if (result != CT_OK)
            return result;
        ct_buf_text(&text, "\r\n");
    }
    ct_buf_text(&text, "Content-Length: 0\r\n\r\n");
    if (text.failed)
        return CT_NOMEM;
    site->size = 0;
    ct_sip_receive(site->sip, &site->from, ct_buf_done(&text));
    return CT_OK;
}

/* The reply, which a want of memory may make another one, or none. */
static enum ct_result read_reply(struct site *site, struct ct_sip_message **out)
{
    struct ct_str bytes = {ct_arena_copy(site->scratch.arena, site->sent, site->size), site->size};
    if (bytes.at == NULL || bytes.len == 0)
        return CT_NOMEM;
    enum ct_result result = ct_sip_message_read(site->scratch.arena, bytes, false, out);
    /* 500 is the endpoint's, when there was no memory for a reply. */
    return result == CT_OK && ((*out)->status == 503 || (*out)->status == 500) ? CT_NOMEM : result;
}

static enum ct_result registers(struct site *site, const char *headers, struct ct_sip_message **out)
{
    enum ct_result result = send_register(site, USER, headers, PASSWORD);
    if (result != CT_OK)
        return result;
    settle(site);
    return read_reply(site, out);
}

/* Asks for a challenge, and takes the first of the two. */
static enum ct_result be_asked(struct site *site)
{
    struct ct_sip_message *reply;
    site->challenge.nonce.len = 0;
    enum ct_result result = registers(site, "Contact: <sip:a@192.0.2.1:5062>\r\n", &reply);
    if (result != CT_OK)
        return result;
    if (reply->status != 401)
        return CT_BUG;
    site->count = 0;
    return ct_digest_read_challenge(
        site->scratch.arena, ct_sip_header(reply, CT_SIP_H_WWW_AUTHENTICATE), &site->challenge);
}

static enum ct_result rows(struct site *site, size_t *count)
{
    struct ct_binding_row row[4];
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(site->scratch.store, &db);
    if (result != CT_OK)
        return result;
    result = ct_binding_list(site->scratch.arena, db, 7, 0, 4, row, count);
    ct_store_read_end(db);
    return result;
}

static enum ct_result test_register(void)
{
    enum ct_result result = CT_OK;
    struct site site;
    struct ct_sip_message *reply;
    const struct ct_binding *const *found;
    size_t count;
    TRY(open_site(&site));
    TRY(be_asked(&site));
    EXPECT(site.challenge.algorithm == CT_DIGEST_SHA256 && site.challenge.qop_auth);
    EXPECT(ct_str_equal(site.challenge.realm, CT_STR(REALM)));
    EXPECT(site.good == 0 && site.failed == 0);
    TRY(registers(&site, "Contact: <sip:a@192.0.2.1:5062>\r\nUser-Agent: phone\r\n", &reply));
    EXPECT(reply->status == 200 && site.good == 1);
    EXPECT(ct_str_equal(ct_sip_header(reply, CT_SIP_H_CONTACT),
                        CT_STR("<sip:a@192.0.2.1:5062>;expires=3600")));
    EXPECT(
        ct_str_equal(ct_sip_header(reply, CT_SIP_H_DATE), CT_STR("Mon, 21 Sep 2026 14:13:21 GMT")));
    EXPECT(ct_registrar_find(site.registrar, 7, &found) == 1);
    EXPECT(found[0]->device_id == 7 && ct_sip_socket_equal(&found[0]->hop.peer, &site.from.peer));
    EXPECT(ct_registrar_knows(site.registrar, &site.from));
    TRY(rows(&site, &count));
    EXPECT(count == 1);

    /* After a restart all is there. */
    stop(&site);
    TRY(start(&site));
    EXPECT(ct_registrar_count(site.registrar) == 1 &&
           ct_registrar_knows(site.registrar, &site.from));
    TRY(be_asked(&site));
    TRY(registers(&site, "", &reply));
    EXPECT(reply->status == 200 && ct_sip_has(reply, CT_SIP_H_CONTACT));
    TRY(registers(&site, "Contact: *\r\nExpires: 0\r\n", &reply));
    EXPECT(reply->status == 200 && !ct_sip_has(reply, CT_SIP_H_CONTACT));
    EXPECT(ct_registrar_count(site.registrar) == 0);
    TRY(rows(&site, &count));
    EXPECT(count == 0);
out:
    close_site(&site);
    return result;
}

/* Credentials count once, also when the server has begun anew in between and remembers no count. */
static enum ct_result test_replay(void)
{
    enum ct_result result = CT_OK;
    struct site site;
    struct ct_sip_message *reply;
    TRY(open_site(&site));
    TRY(be_asked(&site));
    TRY(registers(&site, "Contact: <sip:a@h>\r\n", &reply));
    EXPECT(reply->status == 200);
    for (int i = 0; i < 2; i++) {
        struct ct_digest_challenge challenge;
        site.count = 0;
        TRY(registers(&site, "Contact: <sip:b@h>\r\n", &reply));
        EXPECT(reply->status == 401);
        TRY(ct_digest_read_challenge(site.scratch.arena,
                                     ct_sip_header(reply, CT_SIP_H_WWW_AUTHENTICATE), &challenge));
        EXPECT(challenge.stale && site.good == 1 && site.failed == 0);
        stop(&site);
        TRY(start(&site));
    }
out:
    close_site(&site);
    return result;
}

/* Credentials that were made for another Request-URI are for no request here. */
static enum ct_result test_other_uris(void)
{
    static const struct {
        const char *asked, *said;
        bool fine;
    } cases[] = {
        {"sip:" REALM, "sip:" REALM, true},
        {"sip:" REALM, "sip:192.0.2.99:5070;transport=tcp", true},
        {"sips:" REALM, "sip:" REALM, true},
        {"sip:%2B49@" REALM, "sip:+49@" REALM, true},
        {"sip:+49900@" REALM, "sip:+4930@" REALM, false},
        {"sip:+49900@" REALM, "sip:" REALM, true},
        {"sip:" REALM, "sip:+4930@" REALM, false},
        {"tel:+4930", "tel:+4930", true},
        {"tel:+4930", "tel:+49900", false},
        {"sip:+4930@" REALM, "tel:+4930", false},
        {"sip:" REALM, "nonsense", false},
    };
    enum ct_result result = CT_OK;
    struct site site;
    struct ct_sip_message *reply;
    TRY(open_site(&site));
    TRY(be_asked(&site));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t good = site.good;
        site.asked = cases[i].asked;
        site.said = cases[i].said;
        TRY(registers(&site, "", &reply));
        EXPECT(reply->status == (cases[i].fine ? 200 : 400));
        EXPECT(site.good == good + (cases[i].fine ? 1 : 0) && site.failed == 0);
    }
out:
    close_site(&site);
    return result;
}

static enum ct_result test_refusals(void)
{
    enum ct_result result = CT_OK;
    struct site site;
    struct ct_sip_message *reply;
    size_t count;
    TRY(open_site(&site));
    TRY(be_asked(&site));
    TRY(send_register(&site, "d8-somebody", "Contact: <sip:a@h>\r\n", PASSWORD));
    settle(&site);
    TRY(read_reply(&site, &reply));
    EXPECT(reply->status == 403);
    TRY(registers(&site, "Contact: <sip:a@h>;expires=10\r\n", &reply));
    EXPECT(reply->status == 423);
    EXPECT(ct_str_equal(ct_sip_header(reply, CT_SIP_H_MIN_EXPIRES), CT_STR("60")));
    TRY(registers(&site, "Contact: <mailto:a@h>\r\n", &reply));
    EXPECT(reply->status == 400);
    TRY(registers(&site, "Contact: <sip:1@h>,<sip:2@h>,<sip:3@h>,<sip:4@h>\r\n", &reply));
    EXPECT(reply->status == 403 && site.failed == 0);
    TRY(send_register(&site, USER, "Contact: <sip:a@h>\r\n", "wrong"));
    settle(&site);
    TRY(read_reply(&site, &reply));
    EXPECT(reply->status == 401 && site.failed == 1);
    /* A nonce of another address is no failure. */
    site.from.peer.bytes[3] = 2;
    TRY(send_register(&site, USER, "Contact: <sip:a@h>\r\n", "wrong"));
    settle(&site);
    TRY(read_reply(&site, &reply));
    EXPECT(reply->status == 401 && site.failed == 1);
    TRY(rows(&site, &count));
    EXPECT(count == 0);
out:
    close_site(&site);
    return result;
}

/* Several at once are done in their order; more than that are refused. */
static enum ct_result test_order(void)
{
    enum ct_result result = CT_OK;
    struct site site;
    struct ct_sip_message *reply;
    const struct ct_binding *const *found;
    TRY(open_site(&site));
    TRY(be_asked(&site));
    TRY(send_register(&site, USER, "Contact: <sip:a@h>\r\n", PASSWORD));
    for (int i = 0; i < 3; i++) {
        TRY(send_register(&site, USER, "Contact: <sip:a@h>;expires=0, <sip:b@h>\r\n", PASSWORD));
        TRY(send_register(&site, USER, "Contact: <sip:b@h>;expires=0, <sip:a@h>\r\n", PASSWORD));
    }
    TRY(send_register(&site, USER, "Contact: <sip:c@h>\r\n", PASSWORD));
    site.size = 0;
    TRY(send_register(&site, USER, "Contact: <sip:d@h>\r\n", PASSWORD));
    /* Without memory for one of the eight, the ninth has its place; or there is none for its reply. */
    if (site.size == 0 || site.good != 9) {
        result = CT_NOMEM;
        goto out;
    }
    EXPECT(site.size > 12 && memcmp(site.sent, "SIP/2.0 50", 10) == 0);
    settle(&site);
    TRY(read_reply(&site, &reply));
    size_t count = ct_registrar_find(site.registrar, 7, &found);
    if (count != 2 || site.taken < 8) {
        result = CT_NOMEM;
        goto out;
    }
    EXPECT(ct_str_equal(found[0]->contact, CT_STR("sip:c@h")));
    EXPECT(ct_str_equal(found[1]->contact, CT_STR("sip:a@h")));
out:
    close_site(&site);
    return result;
}

static enum ct_result test_changes(void)
{
    static char unbind[] = "DELETE FROM sip_bindings";
    static char deleted[] = "DELETE FROM devices";
    enum ct_result result = CT_OK;
    struct site site;
    struct ct_sip_message *reply;
    struct ct_sip_caller caller;
    TRY(open_site(&site));
    TRY(be_asked(&site));
    TRY(registers(&site, "Contact: <sip:a@h>\r\n", &reply));
    EXPECT(reply->status == 200);
    ct_registrar_changed(site.registrar, 7);
    EXPECT(ct_registrar_count(site.registrar) == 1);
    TRY(ct_store_write(site.scratch.store, run_forget, unbind));
    ct_reader_rest(&site.reader);
    ct_registrar_changed(site.registrar, 7);
    if (ct_registrar_count(site.registrar) != 0) {
        result = CT_NOMEM;
        goto out;
    }
    TRY(ct_authenticator_find(site.authenticator, CT_STR(USER), &caller));
    EXPECT(caller.device_id == 7 && caller.user_id == 1);
    /* A device that goes while its REGISTER waits. */
    TRY(ct_store_write(site.scratch.store, run_forget, deleted));
    ct_reader_rest(&site.reader);
    TRY(registers(&site, "Contact: <sip:a@h>\r\n", &reply));
    EXPECT(reply->status == 404);
    ct_authenticator_forget(site.authenticator, 7);
    EXPECT_RESULT(CT_NOT_FOUND, ct_authenticator_find(site.authenticator, CT_STR(USER), &caller));
    EXPECT_RESULT(CT_NOT_FOUND, ct_authenticator_find(site.authenticator, CT_STR("100"), &caller));
out:
    close_site(&site);
    return result;
}

/* What has expired goes from memory at once, and from the database soon after. */
static enum ct_result test_expiry(void)
{
    enum ct_result result = CT_OK;
    struct site site;
    struct ct_sip_message *reply;
    size_t count;
    TRY(open_site(&site));
    TRY(be_asked(&site));
    TRY(registers(&site, "Contact: <sip:a@h>;expires=60\r\n", &reply));
    EXPECT(reply->status == 200);
    site.outside.now_ms += 60000;
    ct_sip_turn(site.sip);
    settle(&site);
    EXPECT(ct_registrar_count(site.registrar) == 0);
    for (int i = 0; i < 3; i++) {
        site.outside.now_ms += 5000;
        ct_sip_turn(site.sip);
        settle(&site);
    }
    TRY(rows(&site, &count));
    if (count != 0)
        result = CT_NOMEM;
out:
    close_site(&site);
    return result;
}

/* Names that are none keep the database busy no longer than they may; who is remembered does not notice. */
static enum ct_result test_names_of_nobody(void)
{
    enum ct_result result = CT_OK;
    struct site site;
    struct ct_sip_caller caller;
    static const char *const names[] = {"d9-aaaaaaaa", "d9-bbbbbbbb", "d9-cccccccc"};
    TRY(open_site(&site));
    for (size_t i = 0; i < 3; i++)
        EXPECT_RESULT(CT_NOT_FOUND,
                      ct_authenticator_find(site.authenticator, ct_str_of(names[i]), &caller));
    EXPECT_RESULT(CT_BUSY, ct_authenticator_find(site.authenticator, CT_STR(USER), &caller));
    site.outside.now_ms += 1000;
    TRY(ct_authenticator_find(site.authenticator, CT_STR(USER), &caller));
    for (size_t i = 0; i < 3; i++)
        EXPECT_RESULT(CT_NOT_FOUND,
                      ct_authenticator_find(site.authenticator, ct_str_of(names[i]), &caller));
    EXPECT_RESULT(CT_BUSY, ct_authenticator_find(site.authenticator, ct_str_of(names[0]), &caller));
    TRY(ct_authenticator_find(site.authenticator, CT_STR(USER), &caller));
out:
    close_site(&site);
    return result;
}

/* Another process registers a phone of the device. */
static enum ct_result run_neighbour(void *ctx, struct ct_db *db)
{
    const struct ct_binding_row row = {.device_id = 7,
                                       .place = 0,
                                       .contact = CT_STR("sip:n@192.0.2.7"),
                                       .transport = CT_STR("udp"),
                                       .source = CT_STR("192.0.2.7:5060"),
                                       .q = 1000,
                                       .call_id = CT_STR("n"),
                                       .cseq = 1,
                                       .registered_at = OUTSIDE_UNIX,
                                       .expires_at = OUTSIDE_UNIX + 3600000};
    (void)ctx;
    return ct_binding_put(db, &row);
}

/* What others have written is found when somebody is called, once in a turn, and is not overwritten. */
static enum ct_result test_shared(void)
{
    static char unbind[] = "DELETE FROM sip_bindings WHERE place = 0";
    enum ct_result result = CT_OK;
    struct site site;
    struct ct_sip_message *reply;
    const struct ct_binding *const *all;
    size_t count;
    TRY(open_site(&site));
    stop(&site);
    site.shared = true;
    TRY(start(&site));
    TRY(be_asked(&site));
    EXPECT(ct_registrar_find(site.registrar, 7, &all) == 0);
    TRY(ct_store_write(site.scratch.store, run_neighbour, NULL));
    EXPECT(ct_registrar_find(site.registrar, 7, &all) == 0);
    TRY(registers(&site, "Contact: <sip:a@192.0.2.1:5062>\r\n", &reply));
    EXPECT(reply->status == 200);
    TRY(rows(&site, &count));
    EXPECT(count == 2);
    EXPECT(ct_registrar_find(site.registrar, 7, &all) == 2);
    EXPECT(ct_str_equal(all[0]->contact, CT_STR("sip:a@192.0.2.1:5062")));
    EXPECT(ct_sip_socket_equal(&all[0]->hop.peer, &site.from.peer));
    TRY(ct_store_write(site.scratch.store, run_forget, unbind));
    ct_reader_rest(&site.reader);
    if (ct_registrar_find(site.registrar, 7, &all) == 2)
        result = CT_NOMEM; /* the store could not be asked */
    if (result != CT_OK)
        goto out;
    EXPECT(ct_registrar_find(site.registrar, 7, &all) == 1);
    EXPECT(ct_str_equal(all[0]->contact, CT_STR("sip:a@192.0.2.1:5062")));
    /* a REGISTER that asks, one that is late, and one that takes all away */
    TRY(ct_store_write(site.scratch.store, run_neighbour, NULL));
    ct_reader_rest(&site.reader);
    TRY(registers(&site, "", &reply));
    EXPECT(reply->status == 200);
    if (ct_registrar_count(site.registrar) == 1)
        result = CT_NOMEM;
    if (result != CT_OK)
        goto out;
    site.cseq = 0;
    TRY(send_register(&site, USER, "Contact: <sip:a@192.0.2.1:5062>\r\n", PASSWORD));
    settle(&site);
    EXPECT(site.size == 0 || memcmp(site.sent, "SIP/2.0 50", 10) == 0);
    EXPECT(ct_registrar_count(site.registrar) == 2);
    site.cseq = 100;
    TRY(registers(&site, "Contact: *\r\nExpires: 0\r\n", &reply));
    EXPECT(reply->status == 200);
    EXPECT(ct_registrar_count(site.registrar) == 0);
    TRY(rows(&site, &count));
    EXPECT(count == 0);
out:
    close_site(&site);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_register), CT_UNIT(test_replay),          CT_UNIT(test_other_uris),
        CT_UNIT(test_refusals), CT_UNIT(test_order),           CT_UNIT(test_changes),
        CT_UNIT(test_expiry),   CT_UNIT(test_names_of_nobody), CT_UNIT(test_shared)};
    return ct_unit_main("voice/registrar", units, sizeof(units) / sizeof(units[0]));
}
