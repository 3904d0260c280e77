#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "world.h"

/* The user of these tests: answers 200 and counts. */
struct user {
    struct world world;
    int admits;
    int admit_messages;
    bool deny;
    bool deny_message;
    int requests;
    bool keep; /* the transactions: nothing is answered */
    struct ct_sip_server *servers[16];
    int in_dialog;
    int acks;
    int traced_in, traced_out;
    struct ct_sip_dialog_entry dialog;
};

static bool admit(void *ctx, const struct ct_sip_hop *from, struct ct_str bytes)
{
    struct user *user = ctx;
    (void)from;
    (void)bytes;
    user->admits++;
    return !user->deny;
}

static bool admit_message(void *ctx, const struct ct_sip_hop *from,
                          const struct ct_sip_message *message)
{
    struct user *user = ctx;
    (void)from;
    (void)message;
    user->admit_messages++;
    return !user->deny_message;
}

static void take(struct user *user, struct ct_sip_server *server)
{
    static const struct ct_sip_server_events events = {NULL, NULL};
    if (user->keep) {
        ct_sip_server_watch(server, &events, user);
        user->servers[user->requests++] = server;
        return;
    }
    if (ct_sip_reply(server, 200, NULL) == CT_OK)
        user->requests++;
}

static void request(void *ctx, struct ct_sip_server *server, const struct ct_sip_message *message)
{
    (void)message;
    take(ctx, server);
}

static void dialog_request(void *ctx, struct ct_sip_server *server,
                           const struct ct_sip_message *message)
{
    struct user *user = ctx;
    (void)message;
    user->in_dialog++;
    take(user, server);
}

static void dialog_ack(void *ctx, const struct ct_sip_message *message)
{
    struct user *user = ctx;
    (void)message;
    user->acks++;
}

static const struct ct_sip_dialog_events dialog_events = {dialog_request, dialog_ack};

static void trace(void *ctx, bool sent, const struct ct_sip_hop *hop, struct ct_str bytes,
                  struct ct_str call_id)
{
    struct user *user = ctx;
    (void)hop;
    if (bytes.len > 0 && (call_id.len > 0 || !sent))
        (*(sent ? &user->traced_out : &user->traced_in))++;
}

static enum ct_result open_user_with(struct user *user, size_t per_address)
{
    memset(user, 0, sizeof(*user));
    world_init(&user->world);
    const struct ct_sip_options options = {.env = world_env(&user->world),
                                           .max_transactions = 6,
                                           .max_per_address = per_address,
                                           .max_message = 2000,
                                           .user = {.ctx = user,
                                                    .admit = admit,
                                                    .admit_message = admit_message,
                                                    .request = request,
                                                    .trace = trace},
                                           .methods = CT_STR("INVITE, ACK, CANCEL, BYE, OPTIONS, "
                                                             "REGISTER, MESSAGE"),
                                           .extensions = CT_STR("100rel, timer")};
    return ct_sip_new(&options, &user->world.sip);
}

static enum ct_result open_user(struct user *user)
{
    return open_user_with(user, 0);
}

static void close_user(struct user *user)
{
    for (size_t i = 0; i < 16; i++)
        if (user->servers[i] != NULL)
            ct_sip_server_forget(user->servers[i]);
    ct_sip_dialog_remove(&user->dialog);
    ct_sip_free(user->world.sip);
}

/* A request made of the parts that differ; @p rest are further header lines. */
struct parts {
    const char *method, *uri, *branch, *rest;
    const char *to_tag; /* ";tag=…" or "" */
    int cseq;
};

static void receive(struct user *user, struct parts parts)
{
    static int next;
    char text[2048];
    char branch[32];
    snprintf(branch, sizeof(branch), "z9hG4bK%d", next++);
    snprintf(text, sizeof(text),
             "%s %s SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=%s\nFrom: <sip:a@b>;tag=f\n"
             "To: <sip:c@d>%s\nCall-ID: r\nCSeq: %d %s\n%sContent-Length: 0\n\n",
             parts.method, parts.uri == NULL ? "sip:c@us.example.org" : parts.uri,
             parts.branch == NULL ? branch : parts.branch, parts.to_tag == NULL ? "" : parts.to_tag,
             parts.cseq == 0 ? 1 : parts.cseq, parts.method, parts.rest == NULL ? "" : parts.rest);
    world_receive(&user->world, CT_SIP_UDP, text);
}

/* Each check has its answer, which costs no state and is the same when asked again. */
static enum ct_result scenario_refusals(void)
{
    static const struct {
        struct parts parts;
        int status;
        const char *has;
    } refusals[] = {
        {{.method = "FOO"}, 501, "\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, "},
        {{.method = "invite"}, 501, NULL},
        {{.method = "SUBSCRIBE"}, 405, "\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, "},
        {{.method = "OPTIONS", .uri = "http://example.com"}, 416, NULL},
        {{.method = "OPTIONS", .uri = "sip:"}, 400, "SIP/2.0 400 Bad Request-URI\r\n"},
        {{.method = "INVITE", .rest = "Max-Forwards: 0\n"}, 483, NULL},
        {{.method = "MESSAGE", .rest = "Max-Forwards: 0\n"}, 483, NULL},
        {{.method = "MESSAGE", .rest = "Max-Forwards: 256\n"}, 400, NULL},
        {{.method = "OPTIONS", .rest = "Require: timer, foo\nRequire: bar\n"},
         420,
         "\r\nUnsupported: foo, bar\r\n"},
        {{.method = "BYE", .to_tag = ";tag=x"}, 481, NULL},
        {{.method = "CANCEL"}, 481, NULL},
        {{.method = "OPTIONS", .rest = "Content-Length: 3000\n"}, 513, NULL},
        {{.method = "OPTIONS", .rest = "Call-ID: twice\n"}, 400, NULL},
    };
    static struct user user;
    enum ct_result result = CT_OK;
    TRY(open_user(&user));
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct parts parts = refusals[i].parts;
        parts.branch = "z9hG4bKsame";
        char first[64];
        for (int again = 0; again < 2; again++) {
            world_clear(&user.world);
            receive(&user, parts);
            EXPECT(world_last_status(&user.world) == refusals[i].status);
            EXPECT(refusals[i].has == NULL || world_last_has(&user.world, refusals[i].has));
            struct ct_str to = world_last_header(&user.world, "To");
            EXPECT(memmem(to.at, to.len, ";tag=", 5) != NULL);
            if (again == 0)
                snprintf(first, sizeof(first), "%.*s", (int)to.len, to.at);
            EXPECT(ct_str_equal(to, ct_str_of(first)));
        }
    }
    EXPECT(user.requests == 0 && ct_sip_counts(user.world.sip).servers == 0);
    EXPECT(ct_sip_next_ms(user.world.sip) == INT64_MAX);

out:
    close_user(&user);
    return result;
}
SCENARIO(refusals)

static enum ct_result scenario_taken(void)
{
    static struct user user;
    enum ct_result result = CT_OK;
    TRY(open_user(&user));
    receive(&user, (struct parts){.method = "OPTIONS", .rest = "Max-Forwards: 0\n", .cseq = 1});
    receive(&user, (struct parts){.method = "REGISTER", .rest = "Max-Forwards: 0\n", .cseq = 2});
    receive(&user, (struct parts){.method = "REGISTER", .to_tag = ";tag=x", .cseq = 3});
    receive(&user, (struct parts){.method = "OPTIONS", .uri = "tel:+4930", .cseq = 4});
    receive(&user, (struct parts){.method = "OPTIONS", .rest = "Require: TIMER\n", .cseq = 5});
    EXPECT(user.requests == 5 && user.world.count == 5 && world_last_status(&user.world) == 200);
    EXPECT(user.traced_in == 5 && user.traced_out == 5);

out:
    close_user(&user);
    return result;
}
SCENARIO(taken)

/* Who is not admitted hears nothing, whatever he sends. */
static enum ct_result scenario_silence(void)
{
    static struct user user;
    enum ct_result result = CT_OK;
    TRY(open_user(&user));
    user.deny = true;
    receive(&user, (struct parts){.method = "OPTIONS"});
    EXPECT(user.admits == 1 && user.admit_messages == 0);
    user.deny = false;
    user.deny_message = true;
    receive(&user, (struct parts){.method = "OPTIONS"});
    receive(&user, (struct parts){.method = "FOO"});
    receive(&user, (struct parts){.method = "OPTIONS", .uri = "sip:"});
    receive(&user, (struct parts){.method = "CANCEL"});
    receive(&user, (struct parts){.method = "BYE", .to_tag = ";tag=x"});
    EXPECT(user.admit_messages == 5);
    receive(&user, (struct parts){.method = "ACK"});
    receive(&user, (struct parts){.method = "ACK", .to_tag = ";tag=x"});
    world_receive(&user.world, CT_SIP_UDP, "hello\n\n");
    world_receive(&user.world, CT_SIP_UDP, "");
    world_receive(&user.world, CT_SIP_UDP, "\n\n");
    world_receive(&user.world, CT_SIP_UDP, "OPTIONS sip:a SIP/2.0\nTo: <sip:a@b>\n\n");
    EXPECT(user.world.count == 0 && user.requests == 0 && user.admit_messages == 5);
    EXPECT(user.admits == 12);
    /* What belongs to a transaction is not asked about. */
    user.deny_message = false;
    receive(&user, (struct parts){.method = "OPTIONS", .branch = "z9hG4bKx"});
    EXPECT(user.world.count == 1);
    user.deny_message = true;
    receive(&user, (struct parts){.method = "OPTIONS", .branch = "z9hG4bKx"});
    EXPECT(user.world.count == 2 && user.admit_messages == 6);

out:
    close_user(&user);
    return result;
}
SCENARIO(silence)

/* The same request over two ways: the second is refused (section 8.2.2.2). */
static enum ct_result scenario_merged(void)
{
    static struct user user;
    enum ct_result result = CT_OK;
    TRY(open_user(&user));
    user.keep = true;
    receive(&user, (struct parts){.method = "INVITE"});
    receive(&user, (struct parts){.method = "INVITE"});
    EXPECT(user.requests == 1 && world_last_status(&user.world) == 482);
    receive(&user, (struct parts){.method = "INVITE", .cseq = 2});
    receive(&user, (struct parts){.method = "OPTIONS"});
    EXPECT(user.requests == 3 && user.world.count == 1);

out:
    close_user(&user);
    return result;
}
SCENARIO(merged)

/* A request of ours comes back over a proxy: unchanged it is a loop, changed a spiral (section 16.3). */
static enum ct_result scenario_loop(void)
{
    static const struct ct_sip_client_events events = {NULL, NULL, NULL};
    static struct user user;
    struct ct_sip_client *client = NULL;
    struct ct_sip_hop to = world_hop(CT_SIP_UDP);
    char text[4096];
    enum ct_result result = CT_OK;
    TRY(open_user(&user));
    TRY(ct_sip_request(user.world.sip, &to,
                       CT_STR("OPTIONS sip:c@us.example.org SIP/2.0\r\nFrom: <sip:a@b>;tag=f\r\n"
                              "To: <sip:c@d>\r\nCall-ID: loop\r\nCSeq: 1 OPTIONS\r\n"
                              "Content-Length: 0\r\n\r\n"),
                       &events, &user, &client));
    for (int direct = 0; direct < 2; direct++) {
        for (int changed = 0; changed < 2; changed++) {
            const struct world_sent *sent = &user.world.sent[0];
            const char *line = memmem(sent->bytes, sent->size, "\r\n", 2);
            int size = snprintf(
                text, sizeof(text), "OPTIONS sip:%c@us.example.org SIP/2.0\r\n%s%.*s",
                changed ? 'x' : 'c', direct ? "" : "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKp\r\n",
                (int)(sent->bytes + sent->size - line - 2), line + 2);
            int before = user.requests;
            world_receive_from(&user.world, &to, (struct ct_str){text, (size_t)size});
            EXPECT(world_last_status(&user.world) == (changed && before == 0 ? 200 : 482));
            EXPECT(user.requests == before + (changed && before == 0));
        }
    }

out:
    if (client != NULL)
        ct_sip_client_forget(client);
    close_user(&user);
    return result;
}
SCENARIO(loop)

/* Full: 503, and what is there goes on and ends. */
static enum ct_result scenario_full(void)
{
    static struct user user;
    enum ct_result result = CT_OK;
    TRY(open_user(&user));
    user.keep = true;
    user.dialog = (struct ct_sip_dialog_entry){.events = &dialog_events, .ctx = &user};
    TRY(ct_sip_dialog_register(user.world.sip, &user.dialog, CT_STR("r"), CT_STR("ours"),
                               CT_STR("f")));
    receive(&user, (struct parts){.method = "INVITE", .branch = "z9hG4bKa", .cseq = 1});
    for (int i = 2; i <= 5; i++)
        receive(&user, (struct parts){.method = "OPTIONS", .cseq = i});
    EXPECT(user.requests == 5 && user.world.count == 0);
    receive(&user, (struct parts){.method = "OPTIONS", .cseq = 6});
    EXPECT(user.requests == 5 && world_last_status(&user.world) == 503);
    EXPECT(world_last_has(&user.world, "\r\nRetry-After: 5\r\n"));
    /* a quarter is for those in dialogs */
    receive(&user, (struct parts){.method = "OPTIONS", .cseq = 6, .to_tag = ";tag=ours"});
    EXPECT(user.requests == 6 && user.in_dialog == 1);
    receive(&user, (struct parts){.method = "OPTIONS", .cseq = 7, .to_tag = ";tag=ours"});
    EXPECT(user.requests == 6 && world_last_status(&user.world) == 503);
    /* A CANCEL finds its INVITE all the same. */
    receive(&user, (struct parts){.method = "CANCEL", .branch = "z9hG4bKa"});
    EXPECT(user.world.count == 4);
    EXPECT(world_last_status(&user.world) == 487 && user.world.sent[2].bytes[8] == '2');
    receive(&user, (struct parts){.method = "ACK", .branch = "z9hG4bKa"});
    world_pass(&user.world, 5000);
    receive(&user, (struct parts){.method = "OPTIONS", .cseq = 8});
    EXPECT(user.requests == 6 && world_last_status(&user.world) == 503);
    receive(&user, (struct parts){.method = "OPTIONS", .cseq = 8, .to_tag = ";tag=ours"});
    EXPECT(user.requests == 7);

out:
    close_user(&user);
    return result;
}
SCENARIO(full)

/* One address has its part of the room, and leaves the rest to others. */
static enum ct_result scenario_crowd(void)
{
    static struct user user;
    const struct ct_str other = CT_STR(
        "OPTIONS sip:c@us.example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKo\r\n"
        "From: <sip:a@b>;tag=f\r\nTo: <sip:c@d>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n"
        "Content-Length: 0\r\n\r\n");
    struct ct_sip_hop there = world_hop(CT_SIP_UDP);
    enum ct_result result = CT_OK;
    there.peer.bytes[3] = 9;
    TRY(open_user_with(&user, 2));
    user.keep = true;
    user.dialog = (struct ct_sip_dialog_entry){.events = &dialog_events, .ctx = &user};
    TRY(ct_sip_dialog_register(user.world.sip, &user.dialog, CT_STR("r"), CT_STR("ours"),
                               CT_STR("f")));
    receive(&user, (struct parts){.method = "OPTIONS", .cseq = 1});
    receive(&user, (struct parts){.method = "OPTIONS", .cseq = 2});
    EXPECT(user.requests == 2 && user.world.count == 0);
    receive(&user, (struct parts){.method = "OPTIONS", .cseq = 3});
    EXPECT(user.requests == 2 && world_last_status(&user.world) == 503);
    EXPECT(world_last_has(&user.world, "\r\nRetry-After: 5\r\n"));
    /* another one, and what is in a dialog */
    world_receive_from(&user.world, &there, other);
    EXPECT(user.requests == 3);
    receive(&user, (struct parts){.method = "BYE", .cseq = 4, .to_tag = ";tag=ours"});
    EXPECT(user.requests == 4 && user.in_dialog == 1);
    /* which has no end there either, but after as many again */
    receive(&user, (struct parts){.method = "MESSAGE", .cseq = 5, .to_tag = ";tag=ours"});
    EXPECT(user.requests == 5 && user.in_dialog == 2);
    receive(&user, (struct parts){.method = "MESSAGE", .cseq = 6, .to_tag = ";tag=ours"});
    EXPECT(user.requests == 5 && world_last_status(&user.world) == 503);
    /* what has ended makes room */
    for (size_t i = 0; i < 5; i++) {
        if (i == 1 || i == 2)
            continue;
        ct_sip_server_forget(user.servers[i]);
        user.servers[i] = NULL;
    }
    world_pass(&user.world, 33000);
    receive(&user, (struct parts){.method = "OPTIONS", .cseq = 7});
    EXPECT(user.requests == 6);

out:
    close_user(&user);
    return result;
}
SCENARIO(crowd)

static enum ct_result scenario_dialogs(void)
{
    static struct user user;
    struct ct_sip_dialog_entry other = {.events = &dialog_events};
    enum ct_result result = CT_OK;
    TRY(open_user(&user));
    user.dialog = (struct ct_sip_dialog_entry){.events = &dialog_events, .ctx = &user};
    struct ct_sip *sip = user.world.sip;
    TRY(ct_sip_dialog_register(sip, &user.dialog, CT_STR("r"), CT_STR("ours"), CT_STR("f")));
    EXPECT_RESULT(CT_CONFLICT,
                  ct_sip_dialog_register(sip, &other, CT_STR("r"), CT_STR("ours"), CT_STR("f")));
    EXPECT(other.sip == NULL);
    EXPECT(ct_sip_dialog_find(sip, CT_STR("r"), CT_STR("ours"), CT_STR("f")) == &user.dialog);
    EXPECT(ct_sip_dialog_find(sip, CT_STR("r"), CT_STR("f"), CT_STR("ours")) == NULL);
    EXPECT(ct_sip_dialog_find(sip, CT_STR("rours"), CT_STR(""), CT_STR("f")) == NULL);
    EXPECT(ct_sip_counts(sip).dialogs == 1);
    user.deny_message = true; /* is not asked */
    receive(&user,
            (struct parts){.method = "BYE", .to_tag = ";tag=ours", .rest = "Max-Forwards: 0\n"});
    EXPECT(user.in_dialog == 1 && user.requests == 1 && world_last_status(&user.world) == 200);
    EXPECT(ct_str_equal(world_last_header(&user.world, "To"), CT_STR("<sip:c@d>;tag=ours")));
    receive(&user, (struct parts){.method = "ACK", .to_tag = ";tag=ours"});
    receive(&user, (struct parts){.method = "ACK", .to_tag = ";tag=other"});
    EXPECT(user.acks == 1 && user.world.count == 1);
    user.deny_message = false;
    receive(&user, (struct parts){.method = "BYE", .to_tag = ";tag=other", .cseq = 2});
    EXPECT(user.in_dialog == 1 && world_last_status(&user.world) == 481);
    ct_sip_dialog_remove(&user.dialog);
    ct_sip_dialog_remove(&user.dialog);
    receive(&user, (struct parts){.method = "BYE", .to_tag = ";tag=ours", .cseq = 3});
    EXPECT(user.in_dialog == 1 && world_last_status(&user.world) == 481);
    /* An entry that is still there when the endpoint goes is taken out. */
    TRY(ct_sip_dialog_register(sip, &user.dialog, CT_STR("r"), CT_STR("ours"), CT_STR("")));
    user.world.sip = NULL;
    ct_sip_free(sip);
    EXPECT(user.dialog.sip == NULL);

out:
    close_user(&user);
    return result;
}
SCENARIO(dialogs)

/* Two endpoints in one process know nothing of each other. */
static enum ct_result scenario_two(void)
{
    static struct user one;
    static struct user two;
    enum ct_result result = CT_OK;
    memset(&two, 0, sizeof(two));
    TRY(open_user(&one));
    TRY(open_user(&two));
    receive(&one, (struct parts){.method = "OPTIONS", .branch = "z9hG4bKx"});
    receive(&two, (struct parts){.method = "OPTIONS", .branch = "z9hG4bKx"});
    EXPECT(one.requests == 1 && two.requests == 1);

out:
    close_user(&one);
    close_user(&two);
    return result;
}
SCENARIO(two)

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(refusals), CT_UNIT(taken),   CT_UNIT(silence),
                                           CT_UNIT(merged),   CT_UNIT(loop),    CT_UNIT(full),
                                           CT_UNIT(crowd),    CT_UNIT(dialogs), CT_UNIT(two)};
    return ct_unit_main("sip/receive", units, sizeof(units) / sizeof(units[0]));
}
