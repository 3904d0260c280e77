#include "voice/messages.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "outside.h"
#include "room.h"
#include "sip/mailbox.h"

#define PHONES 2

/* Messages on a database, their endpoint, and phones that are registered for bob's number. */
struct post {
    struct scratch scratch;
    struct outside outside;
    struct ct_sip *sip;
    struct ct_reader reader;
    struct ct_sip_mailbox *mailbox;
    struct ct_authenticator *authenticator;
    struct ct_registrar *registrar;
    struct ct_messages *messages;
    struct ct_config config;
    struct ct_sip_hop from;
    struct ct_sip_hop phones[PHONES];
    unsigned sequence;
    size_t copies;   /* requests that were sent */
    int status;      /* of the last answer; 0: none */
    char copy[2048]; /* the last request */
    size_t size;
};

static enum ct_result keep(void *ctx, const struct ct_sip_hop *to, struct ct_str bytes)
{
    struct post *post = ((struct outside *)ctx)->user;
    (void)to;
    if (bytes.len > 12 && memcmp(bytes.at, "SIP/2.0 ", 8) == 0) {
        post->status = (bytes.at[8] - '0') * 100 + (bytes.at[9] - '0') * 10 + bytes.at[10] - '0';
    } else if (bytes.len <= sizeof(post->copy)) {
        memcpy(post->copy, bytes.at, bytes.len);
        post->size = bytes.len;
        post->copies++;
    }
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
    static const struct ct_sip_caller alice = {
        .device_id = 100, .user_id = ALICE, .username = "d100-a"};
    struct post *post = ctx;
    ct_messages_request(post->messages, transaction, message, &alice);
}

static void deliver(void *ctx, struct ct_sip_letter *letter)
{
    ct_sip_mailbox_post(ctx, letter);
}

static enum ct_result bind_phones(struct post *post)
{
    enum ct_result result = CT_OK;
    for (int i = 0; result == CT_OK && i < PHONES; i++) {
        post->phones[i] = outside_hop(CT_SIP_UDP, "192.0.2.2", (uint16_t)(5070 + i), 0);
        const char *sql = ct_arena_printf(
            post->scratch.arena,
            "INSERT INTO sip_bindings (device_id, place, contact, path, user_agent, instance, "
            "reg_id, call_id, cseq, transport, source, q, registered_at, expires_at) VALUES (200, "
            "%d, 'sip:b%d@192.0.2.2:%d', '', '', '', 0, 'c', 1, 'udp', '192.0.2.2:%d', 1000, 5, "
            "%lld)",
            i, i, 5070 + i, 5070 + i, (long long)(OUTSIDE_UNIX + DAY));
        result = sql == NULL ? CT_NOMEM : execute(&post->scratch, sql);
    }
    return result;
}

static enum ct_result open_post(struct post *post, int64_t per_minute)
{
    memset(post, 0, sizeof(*post));
    enum ct_result result = open_house(&post->scratch);
    if (result == CT_OK)
        result = bind_phones(post);
    outside_open(&post->outside);
    post->outside.user = post;
    post->outside.env.send = keep;
    post->outside.env.local = tell_local;
    post->reader = (struct ct_reader){.store = post->scratch.store};
    post->from = outside_hop(CT_SIP_UDP, "192.0.2.1", 5062, 0);
    post->config =
        (struct ct_config){.sip_domain = "example.com", .sip_messages_per_minute = per_minute};
    const struct ct_sip_options sip = {.env = post->outside.env,
                                       .user = {.ctx = post, .request = request},
                                       .methods = CT_STR("MESSAGE"),
                                       .name = CT_STR("test")};
    const struct ct_authenticator_options authenticator = {
        .env = &post->outside.env, .reader = &post->reader, .domain = "example.com", .cached = 16};
    if (result == CT_OK)
        result = ct_sip_mailbox_new(&post->mailbox);
    if (result == CT_OK)
        result = ct_sip_new(&sip, &post->sip);
    if (result == CT_OK)
        result = ct_authenticator_new(&authenticator, &post->authenticator);
    if (result != CT_OK)
        return result;
    const struct ct_registrar_options registrar = {.sip = post->sip,
                                                   .env = &post->outside.env,
                                                   .post = {.ctx = post->mailbox, .post = deliver},
                                                   .store = post->scratch.store,
                                                   .reader = &post->reader,
                                                   .authenticator = post->authenticator,
                                                   .expires_min_s = 60,
                                                   .expires_max_s = 3600,
                                                   .expires_default_s = 3600,
                                                   .contacts_max = 3};
    result = ct_registrar_new(&registrar, &post->registrar);
    if (result != CT_OK)
        return result;
    const struct ct_messages_options messages = {.config = &post->config,
                                                 .sip = post->sip,
                                                 .env = &post->outside.env,
                                                 .store = post->scratch.store,
                                                 .reader = &post->reader,
                                                 .registrar = post->registrar};
    return ct_messages_new(&messages, &post->messages);
}

static void settle(struct post *post)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    while (post->messages != NULL && !ct_messages_settled(post->messages))
        (void)nanosleep(&moment, NULL);
    while (post->registrar != NULL && !ct_registrar_settled(post->registrar)) {
        struct pollfd poller = {.fd = ct_sip_mailbox_fd(post->mailbox), .events = POLLIN};
        (void)poll(&poller, 1, -1);
        ct_sip_mailbox_open(post->mailbox);
    }
    ct_reader_rest(&post->reader);
}

static void close_post(struct post *post)
{
    settle(post);
    ct_messages_free(post->messages);
    ct_registrar_free(post->registrar);
    ct_sip_free(post->sip);
    ct_authenticator_free(post->authenticator);
    ct_sip_mailbox_free(post->mailbox);
    scratch_close(&post->scratch);
}

/* A message of alice to a number. 500 and 503 are answers for want of memory, and silence may be. */
static enum ct_result send_to(struct post *post, const char *number, size_t length)
{
    struct ct_buf text = ct_buf_in(post->scratch.arena);
    post->sequence++;
    ct_buf_printf(&text,
                  "MESSAGE sip:%s@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;"
                  "branch=z9hG4bK%u;rport\r\nMax-Forwards: 70\r\nFrom: <sip:d100-a@example.com>;"
                  "tag=1\r\nTo: <sip:%s@example.com>\r\nCall-ID: c%u\r\nCSeq: 1 MESSAGE\r\n"
                  "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
                  number, post->sequence, number, post->sequence, length);
    for (size_t i = 0; i < length; i++)
        ct_buf_char(&text, 'x');
    if (text.failed)
        return CT_NOMEM;
    post->status = 0;
    post->copies = 0;
    ct_sip_receive(post->sip, &post->from, ct_buf_done(&text));
    ct_reader_rest(&post->reader);
    return post->status >= 500 || (post->status == 0 && post->copies < PHONES) ? CT_NOMEM : CT_OK;
}

/* The phone that got the last copy answers. */
static enum ct_result answer(struct post *post, int status)
{
    struct ct_sip_message *message;
    struct ct_buf text = ct_buf_in(post->scratch.arena);
    struct ct_str bytes = {ct_arena_copy(post->scratch.arena, post->copy, post->size), post->size};
    if (bytes.at == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_sip_message_read(post->scratch.arena, bytes, false, &message);
    if (result != CT_OK)
        return result;
    ct_buf_printf(
        &text,
        "SIP/2.0 %d Whatever\r\nVia: %.*s\r\nFrom: %.*s\r\nTo: %.*s;tag=x\r\n"
        "Call-ID: %.*s\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n",
        status, (int)message->via.text.len, message->via.text.at,
        (int)ct_sip_header(message, CT_SIP_H_FROM).len, ct_sip_header(message, CT_SIP_H_FROM).at,
        (int)ct_sip_header(message, CT_SIP_H_TO).len, ct_sip_header(message, CT_SIP_H_TO).at,
        (int)message->call_id.len, message->call_id.at);
    if (text.failed)
        return CT_NOMEM;
    ct_sip_receive(post->sip, &post->phones[1], ct_buf_done(&text));
    return CT_OK;
}

static enum ct_result count_events(struct post *post, const char **out)
{
    settle(post);
    return one_value(&post->scratch, "SELECT count(*) FROM events", out);
}

static enum ct_result test_delivered(void)
{
    enum ct_result result = CT_OK;
    struct post post;
    const char *events;
    TRY(open_post(&post, 60));
    TRY(send_to(&post, "+4930000020", 5));
    EXPECT(post.copies == PHONES && post.status == 0 && ct_messages_count(post.messages) == 1);
    EXPECT(post.size > 0 && memmem(post.copy, post.size, "From: <sip:+4930000010@example.com>;tag=",
                                   strlen("From: <sip:+4930000010@example.com>;tag=")) != NULL);
    EXPECT(memmem(post.copy, post.size, "d100-a", 6) == NULL);
    TRY(answer(&post, 180));
    EXPECT(post.status == 0);
    TRY(answer(&post, 200));
    if (post.status != 200) {
        result = CT_NOMEM;
        goto out;
    }
    EXPECT(ct_messages_count(post.messages) == 0);
    TRY(count_events(&post, &events));
    if (strcmp(events, "2") != 0)
        result = CT_NOMEM; /* an event may be lost */
out:
    close_post(&post);
    return result;
}

/* A phone that says nothing is given up before whoever has sent it gives up. */
static enum ct_result test_silence(void)
{
    enum ct_result result = CT_OK;
    struct post post;
    TRY(open_post(&post, 60));
    TRY(send_to(&post, "+4930000020", 5));
    for (int i = 0; i < 19; i++) {
        post.outside.now_ms += 1000;
        ct_sip_turn(post.sip);
    }
    EXPECT(post.status == 0);
    post.outside.now_ms += 1500;
    ct_sip_turn(post.sip);
    if (post.status != 480) {
        result = CT_NOMEM;
        goto out;
    }
    EXPECT(ct_messages_count(post.messages) == 0);
    /* and what is on its way when the server stops is no harm */
    TRY(send_to(&post, "+4930000020", 5));
    EXPECT(ct_messages_count(post.messages) == 1);
out:
    close_post(&post);
    return result;
}

static enum ct_result test_refusals(void)
{
    static const struct {
        const char *number;
        size_t length;
        int status;
    } cases[] = {
        {"+4930000099", 5, 404}, {"+4930000040", 5, 404},    {"alice", 5, 404},
        {"+4930000030", 5, 480}, {"+4930000020", 1200, 413},
    };
    enum ct_result result = CT_OK;
    struct post post;
    TRY(open_post(&post, 6));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum ct_result sent = send_to(&post, cases[i].number, cases[i].length);
        TRY(sent);
        EXPECT(post.status == cases[i].status && post.copies == 0);
    }
    EXPECT(ct_messages_count(post.messages) == 0);
    /* four were counted; two more are */
    for (int i = 0; i < 3; i++)
        TRY(send_to(&post, "+4930000099", 5));
    EXPECT(post.status == 403);
    post.outside.now_ms += 10000;
    TRY(send_to(&post, "+4930000099", 5));
    EXPECT(post.status == 404);
out:
    close_post(&post);
    return result;
}

static enum ct_result test_off(void)
{
    enum ct_result result = CT_OK;
    struct post post;
    TRY(open_post(&post, 0));
    TRY(send_to(&post, "+4930000020", 5));
    EXPECT(post.status == 403 && post.copies == 0);
out:
    close_post(&post);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_delivered), CT_UNIT(test_silence),
                                           CT_UNIT(test_refusals), CT_UNIT(test_off)};
    return ct_unit_main("voice/messages", units, sizeof(units) / sizeof(units[0]));
}
