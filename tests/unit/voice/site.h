#ifndef CT_TESTS_UNIT_VOICE_SITE_H
#define CT_TESTS_UNIT_VOICE_SITE_H

#include <poll.h>
#include <stdio.h>

#include "harness.h"
#include "outside.h"
#include "scratch.h"
#include "sip/digest.h"
#include "voice/bindings.h"
#include "voice/registrar.h"

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

static inline enum ct_result keep(void *ctx, const struct ct_sip_hop *to, struct ct_str bytes)
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

static inline void tell_local(void *ctx, const struct ct_sip_hop *to, struct ct_sip_local *out)
{
    (void)ctx;
    *out = (struct ct_sip_local){.host = CT_STR("192.0.2.99"), .transport = to->transport};
}

static inline void request(void *ctx, struct ct_sip_server *transaction,
                           const struct ct_sip_message *message)
{
    struct site *site = ctx;
    ct_registrar_request(site->registrar, transaction, message);
}

static inline void post(void *ctx, struct ct_sip_letter *letter)
{
    ct_sip_mailbox_post(ctx, letter);
}

static inline void tried(void *ctx, const struct ct_sip_hop *from, bool failed)
{
    struct site *site = ctx;
    (void)from;
    site->good += failed ? 0 : 1;
    site->failed += failed ? 1 : 0;
}

static inline enum ct_result run_sql(struct ct_db *db, const char *sql, struct ct_str md5,
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

static inline enum ct_result run_people(void *ctx, struct ct_db *db)
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

static inline enum ct_result run_forget(void *ctx, struct ct_db *db)
{
    return run_sql(db, ctx, CT_STR(""), CT_STR(""));
}

static inline void stop(struct site *site)
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

static inline enum ct_result start(struct site *site)
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

static inline enum ct_result open_site(struct site *site)
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

static inline void settle(struct site *site)
{
    while (!ct_registrar_settled(site->registrar)) {
        struct pollfd poller = {.fd = ct_sip_mailbox_fd(site->mailbox), .events = POLLIN};
        (void)poll(&poller, 1, -1);
        ct_sip_mailbox_open(site->mailbox);
    }
    ct_reader_rest(&site->reader);
}

static inline void close_site(struct site *site)
{
    if (site->registrar != NULL)
        settle(site);
    ct_reader_rest(&site->reader);
    stop(site);
    scratch_close(&site->scratch);
}

/* Sends a REGISTER with what the phone knows of the challenge. */
static inline enum ct_result send_register(struct site *site, const char *to, const char *headers,
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
static inline enum ct_result read_reply(struct site *site, struct ct_sip_message **out)
{
    struct ct_str bytes = {ct_arena_copy(site->scratch.arena, site->sent, site->size), site->size};
    if (bytes.at == NULL || bytes.len == 0)
        return CT_NOMEM;
    enum ct_result result = ct_sip_message_read(site->scratch.arena, bytes, false, out);
    /* 500 is the endpoint's, when there was no memory for a reply. */
    return result == CT_OK && ((*out)->status == 503 || (*out)->status == 500) ? CT_NOMEM : result;
}

static inline enum ct_result registers(struct site *site, const char *headers,
                                       struct ct_sip_message **out)
{
    enum ct_result result = send_register(site, USER, headers, PASSWORD);
    if (result != CT_OK)
        return result;
    settle(site);
    return read_reply(site, out);
}

/* Asks for a challenge, and takes the first of the two. */
static inline enum ct_result be_asked(struct site *site)
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

static inline enum ct_result rows(struct site *site, size_t *count)
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

#endif
