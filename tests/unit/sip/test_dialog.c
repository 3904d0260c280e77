#include "sip/dialog.h"

#include <string.h>

#include "sip/see.h"
#include "sip/world.h"
#include "sip/write.h"

struct bench {
    struct world world;
    struct ct_sip *sip;
    struct ct_arena *arena;
    struct ct_sip_hop hop;
};

static enum ct_result bench_new(struct bench *bench)
{
    struct ct_sip_options options = {.methods = CT_STR("INVITE, ACK, BYE")};
    enum ct_result result;

    *bench = (struct bench){.hop = world_hop(CT_SIP_UDP)};
    world_init(&bench->world);
    options.env = world_env(&bench->world);
    bench->arena = ct_arena_new();
    if (bench->arena == NULL)
        return CT_NOMEM;
    result = ct_sip_new(&options, &bench->sip);
    bench->world.sip = bench->sip;
    return result;
}

static void bench_free(struct bench *bench)
{
    ct_sip_free(bench->sip);
    ct_arena_free(bench->arena);
}

static enum ct_result read(struct bench *bench, const char *text, struct ct_sip_message **out)
{
    return ct_sip_message_read(bench->arena, ct_str_of(text), false, out);
}

static const struct ct_sip_dialog_events events;

#define REQUEST(routes, contact)                                                   \
    "INVITE sip:bob@192.0.2.9 SIP/2.0\r\n"                                         \
    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n" routes "Max-Forwards: 70\r\n" \
    "From: \"Ann; A\" <sip:ann@example.org;x=y>;tag=anns\r\n"                      \
    "To: sip:bob@example.org\r\n"                                                  \
    "Call-ID: one\r\n"                                                             \
    "CSeq: 7 INVITE\r\n" contact "Content-Length: 0\r\n\r\n"

#define RESPONSE(tag, routes, contact)                      \
    "SIP/2.0 200 OK\r\n"                                    \
    "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n" routes \
    "From: <sip:bob@example.org>;tag=ours\r\n"              \
    "To: <sip:carl@example.org>;tag=" tag "\r\n"            \
    "Call-ID: two\r\n"                                      \
    "CSeq: 3 INVITE\r\n" contact "Content-Length: 0\r\n\r\n"

static bool wrote(struct bench *bench, const struct ct_sip_dialog *dialog, const char *expected)
{
    struct ct_buf out = ct_buf_in(bench->arena);
    struct ct_str text;

    ct_sip_dialog_write(dialog, &out, CT_STR("BYE"), 12);
    text = ct_buf_done(&out);
    /* without memory the text is shorter, and the test ends as it must */
    return out.failed || ct_str_equal(text, ct_str_of(expected));
}

static enum ct_result test_called(void)
{
    struct bench bench;
    struct ct_sip_message *message;
    struct ct_sip_dialog *dialog = NULL;
    struct ct_sip_dialog *other = NULL;
    struct ct_sip_dialog *third = NULL;
    enum ct_result result = bench_new(&bench);

    if (result != CT_OK)
        goto out;
    TRY(read(
        &bench,
        REQUEST("Record-Route: <sip:p2;lr>, \"x, y\" <sip:p1;lr>\r\nRecord-Route: <sip:p0;lr>\r\n",
                "Contact: <sip:ann@192.0.2.1:5070>\r\n"),
        &message));
    TRY(ct_sip_dialog_called(bench.sip, message, &bench.hop, CT_STR("mine"), &events, NULL,
                             &dialog));
    SEE(ct_sip_dialog_find(bench.sip, CT_STR("one"), CT_STR("mine"), CT_STR("anns")) ==
        &dialog->entry);
    EXPECT(ct_sip_dialog_find(bench.sip, CT_STR("one"), CT_STR("anns"), CT_STR("mine")) == NULL);
    EXPECT_RESULT(CT_CONFLICT, ct_sip_dialog_called(bench.sip, message, &bench.hop, CT_STR("mine"),
                                                    &events, NULL, &other));
    EXPECT(ct_str_equal(ct_sip_dialog_next_hop(dialog), CT_STR("sip:p2;lr")));
    EXPECT(wrote(&bench, dialog,
                 "BYE sip:ann@192.0.2.1:5070 SIP/2.0\r\n"
                 "Route: <sip:p2;lr>,\"x, y\" <sip:p1;lr>,<sip:p0;lr>\r\n"
                 "Max-Forwards: 70\r\n"
                 "From: sip:bob@example.org;tag=mine\r\n"
                 "To: \"Ann; A\" <sip:ann@example.org;x=y>;tag=anns\r\n"
                 "Call-ID: one\r\n"
                 "CSeq: 12 BYE\r\n"));
    /* numbers go up only (12.2.2) */
    EXPECT(!ct_sip_dialog_take_cseq(dialog, message));
    message->cseq = 9;
    EXPECT(ct_sip_dialog_take_cseq(dialog, message) && !ct_sip_dialog_take_cseq(dialog, message));
    /* another branch of the same INVITE */
    TRY(ct_sip_dialog_fork(bench.sip, dialog, CT_STR("mine2"), &events, NULL, &third));
    EXPECT(ct_str_equal(third->target, dialog->target) && third->remote_cseq == 9);
    EXPECT(ct_sip_counts(bench.sip).dialogs == 2);
out:
    ct_sip_dialog_free(third);
    ct_sip_dialog_free(dialog);
    bench_free(&bench);
    return result;
}

static enum ct_result test_calling(void)
{
    const struct ct_sip_dialog_caller caller = {CT_STR("<sip:bob@example.org>"),
                                                CT_STR("<sip:carl@example.org>"),
                                                CT_STR("sip:carl@192.0.2.3"),
                                                CT_STR("two"),
                                                CT_STR("ours"),
                                                3};
    struct bench bench;
    struct ct_sip_message *message;
    struct ct_sip_dialog *dialog = NULL;
    struct ct_sip_dialog *bare = NULL;
    struct ct_sip_dialog *damaged = NULL;
    struct ct_sip_dialog_caller other = caller;
    enum ct_result result = bench_new(&bench);

    if (result != CT_OK)
        goto out;
    /* the route set of the caller is the other way round (12.1.2), and here begins with a strict router */
    TRY(read(&bench,
             RESPONSE("x", "Record-Route: <sip:p1;lr>, <sip:p2>\r\n",
                      "Contact: <sip:carl@192.0.2.3>\r\n"),
             &message));
    TRY(ct_sip_dialog_calling(bench.sip, message, &bench.hop, &caller, &events, NULL, &dialog));
    EXPECT(dialog->local_cseq == 3);
    EXPECT(ct_str_equal(ct_sip_dialog_next_hop(dialog), CT_STR("sip:p2")));
    EXPECT(wrote(&bench, dialog,
                 "BYE sip:p2 SIP/2.0\r\n"
                 "Route: <sip:p1;lr>,<sip:carl@192.0.2.3>\r\n"
                 "Max-Forwards: 70\r\n"
                 "From: <sip:bob@example.org>;tag=ours\r\n"
                 "To: <sip:carl@example.org>;tag=x\r\n"
                 "Call-ID: two\r\n"
                 "CSeq: 12 BYE\r\n"));
    /* what the 2xx says is what counts (13.2.2.4) */
    TRY(read(&bench, RESPONSE("x", "", "Contact: <sip:carl@192.0.2.4>\r\n"), &message));
    TRY(ct_sip_dialog_confirm(dialog, message, &bench.hop));
    EXPECT(dialog->routes.len == 0);
    EXPECT(ct_str_equal(ct_sip_dialog_next_hop(dialog), CT_STR("sip:carl@192.0.2.4")));
    /* a re-INVITE changes the target, not the route set (12.2.1.2) */
    TRY(read(&bench,
             RESPONSE("x", "Record-Route: <sip:p9;lr>\r\n", "Contact: <sip:c2@192.0.2.5>\r\n"),
             &message));
    TRY(ct_sip_dialog_refresh(dialog, message, &bench.hop));
    EXPECT(dialog->routes.len == 0 && ct_str_equal(dialog->target, CT_STR("sip:c2@192.0.2.5")));
    /* without a Contact it is the Request-URI */
    TRY(read(&bench, RESPONSE("y", "", ""), &message));
    TRY(ct_sip_dialog_calling(bench.sip, message, &bench.hop, &caller, &events, NULL, &bare));
    EXPECT(ct_str_equal(bare->target, CT_STR("sip:carl@192.0.2.3")));
    /* what we called it, whatever a damaged response says (12.1.2) */
    other.call_id = CT_STR("one");
    other.tag = CT_STR("other");
    other.cseq = 7;
    TRY(ct_sip_dialog_calling(bench.sip, message, &bench.hop, &other, &events, NULL, &damaged));
    EXPECT(ct_str_equal(damaged->call_id, CT_STR("one")));
    EXPECT(ct_str_equal(damaged->local_tag, CT_STR("other")));
    EXPECT(damaged->local_cseq == 7);
out:
    ct_sip_dialog_free(dialog);
    ct_sip_dialog_free(damaged);
    ct_sip_dialog_free(bare);
    bench_free(&bench);
    return result;
}

static enum ct_result test_bad_contacts(void)
{
    static const char *const requests[] = {
        REQUEST("", ""),
        REQUEST("", "Contact: *\r\n"),
        REQUEST("", "Contact: <mailto:ann@example.org>\r\n"),
        REQUEST("", "Contact: <tel:+15550001>\r\n"),
    };
    struct bench bench;
    struct ct_sip_message *message;
    struct ct_sip_dialog *dialog;
    enum ct_result result = bench_new(&bench);

    if (result != CT_OK)
        goto out;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        TRY(read(&bench, requests[i], &message));
        EXPECT_RESULT(CT_INVALID, ct_sip_dialog_called(bench.sip, message, &bench.hop,
                                                       CT_STR("mine"), &events, NULL, &dialog));
    }
    EXPECT(ct_sip_counts(bench.sip).dialogs == 0);
out:
    bench_free(&bench);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_called),
    CT_UNIT(test_calling),
    CT_UNIT(test_bad_contacts),
};

int main(void)
{
    return ct_unit_main("sip/dialog", units, sizeof(units) / sizeof(units[0]));
}
