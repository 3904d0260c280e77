#include "site.h"

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

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_register), CT_UNIT(test_replay),
                                           CT_UNIT(test_other_uris), CT_UNIT(test_refusals),
                                           CT_UNIT(test_order)};
    return ct_unit_main("voice/registrar", units, sizeof(units) / sizeof(units[0]));
}
