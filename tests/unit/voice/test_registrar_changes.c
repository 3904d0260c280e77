#include "site.h"

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
    static const struct ct_unit units[] = {CT_UNIT(test_changes), CT_UNIT(test_expiry),
                                           CT_UNIT(test_names_of_nobody), CT_UNIT(test_shared)};
    return ct_unit_main("voice/registrar_changes", units, sizeof(units) / sizeof(units[0]));
}
