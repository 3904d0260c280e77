#include "events/streams.h"

#include "accounts/users.h"
#include "base/clock.h"
#include "config/config.h"
#include "room.h"

#define SECOND INT64_C(1000000)

/** Streams that nobody but the test moves on, read by the test in place of a server. */
struct stage {
    struct scratch scratch;
    struct ct_config config;
    struct ct_accounts accounts;
    struct ct_event_streams *streams;
    struct ct_str token;
    struct ct_streams list;
    struct ct_stream *stream;
    struct ct_stream_source source;
    unsigned suspended;
    unsigned resumed;
    char text[4096];
    size_t size;
    bool ended;
};

static void suspend(void *ctx)
{
    ((struct stage *)ctx)->suspended++;
}

static void resume(void *ctx)
{
    ((struct stage *)ctx)->resumed++;
}

static enum ct_result set(struct stage *stage)
{
    const char *why;
    memset(stage, 0, sizeof(*stage));
    ct_streams_init(&stage->list);
    enum ct_result result = open_with_users(&stage->scratch);
    if (result != CT_OK)
        return result;
    static char key[] = "SECRET_KEY=a key of thirty-two bytes, at least";
    char *environment[] = {key, NULL};
    result =
        ct_config_load(stage->scratch.arena, "/nowhere/.env", environment, &stage->config, &why);
    if (result == CT_OK)
        result = ct_accounts_init(stage->scratch.arena, &stage->config, stage->scratch.store,
                                  &stage->accounts, &why);
    if (result == CT_OK)
        result = ct_accounts_issue(&stage->accounts, stage->scratch.arena, ALICE, 0,
                                   ct_clock_unix_ms() / 1000, &stage->token);
    const struct ct_event_streams_options options = {.store = stage->scratch.store,
                                                     .accounts = &stage->accounts,
                                                     .most = 3,
                                                     .most_per_account = 2,
                                                     .still = true};
    return result == CT_OK ? ct_event_streams_new(&options, &stage->streams) : result;
}

static enum ct_result open_as(struct stage *stage, int64_t user_id, uint64_t types,
                              struct ct_stream_source *out)
{
    const struct ct_event_listener listener = {.user_id = user_id,
                                               .types = types,
                                               .token = stage->token,
                                               .scope = CT_STR("events:read"),
                                               .address = CT_STR("192.0.2.1")};
    return ct_event_streams_open(stage->streams, &listener, out);
}

static enum ct_result begin(struct stage *stage)
{
    enum ct_result result = open_as(stage, ALICE, CT_EVENT_ALL_TYPES, &stage->source);
    if (result != CT_OK)
        return result;
    const struct ct_stream_link link = {
        .ctx = stage, .suspend = suspend, .resume = resume, .fd = -1};
    stage->stream = ct_stream_open(&stage->list, stage->scratch.arena, &stage->source, &link);
    return stage->stream == NULL ? CT_NOMEM : CT_OK;
}

/* Reads until the stream sleeps or ends. */
static struct ct_str drain(struct stage *stage)
{
    size_t count = 0;
    stage->size = 0;
    while (stage->size < sizeof(stage->text) &&
           (count = ct_stream_read(stage->stream, stage->text + stage->size, 100)) > 0 &&
           count != CT_STREAM_END)
        stage->size += count;
    stage->ended = count == CT_STREAM_END;
    return (struct ct_str){stage->text, stage->size};
}

static void strike(struct stage *stage)
{
    ct_stream_close(stage->stream);
    if (stage->source.closed != NULL)
        stage->source.closed(stage->source.ctx);
    ct_event_streams_free(stage->streams);
    ct_streams_destroy(&stage->list);
    ct_accounts_end(&stage->accounts);
    scratch_close(&stage->scratch);
}

static enum ct_result test_telling(void)
{
    enum ct_result result;
    struct stage stage;
    int64_t now = ct_clock_monotonic_us();

    TRY(set(&stage));
    TRY(begin(&stage));
    EXPECT(ct_str_equal(drain(&stage), CT_STR("retry: 2000\n\n")));
    EXPECT(stage.suspended == 1 && stage.resumed == 0);
    TRY(write_event(&stage.scratch, BOB, CT_EVENT_CALL_ENDED, 1, NOW));
    ct_event_streams_turn(stage.streams, now);
    EXPECT(stage.resumed == 0);
    TRY(write_event(&stage.scratch, ALICE, CT_EVENT_CALL_ENDED, 2, NOW));
    ct_event_streams_turn(stage.streams, now);
    if (stage.resumed == 0) /* it had no memory, and tries again */
        result = CT_NOMEM;
    TRY(result);
    struct ct_str told = drain(&stage);
    if (told.len == 0 && stage.ended) /* or ends the stream, which the client resumes */
        result = CT_NOMEM;
    TRY(result);
    EXPECT(ct_str_equal(told,
                        CT_STR("id: 2\nevent: call.ended\ndata: {\"id\":2,\"type\":\"call.ended\","
                               "\"created_at\":\"2026-01-31T12:00:00.123Z\",\"subject\":\"call\","
                               "\"subject_id\":2,\"data\":{\"a\":1}}\n\n")));
    EXPECT(stage.suspended == 2 && !stage.ended);
out:
    strike(&stage);
    return result;
}

static enum ct_result test_heartbeat(void)
{
    enum ct_result result;
    struct stage stage;
    int64_t now;

    TRY(set(&stage));
    int64_t before = ct_clock_monotonic_us();
    TRY(begin(&stage));
    (void)drain(&stage);
    ct_event_streams_turn(stage.streams, before + CT_STREAM_HEARTBEAT_US - SECOND);
    EXPECT(drain(&stage).len == 0);
    now = ct_clock_monotonic_us() + CT_STREAM_HEARTBEAT_US + SECOND;
    ct_event_streams_turn(stage.streams, now);
    struct ct_str text = drain(&stage);
    if (text.len == 0)
        result = CT_NOMEM; /* it ends then, or comes later */
    TRY(result);
    EXPECT(ct_str_equal(text, CT_STR(":\n\n")));
    ct_event_streams_turn(stage.streams, now + SECOND);
    EXPECT(drain(&stage).len == 0);
out:
    strike(&stage);
    return result;
}

static enum ct_result test_who_takes_nothing(void)
{
    enum ct_result result;
    struct stage stage;

    TRY(set(&stage));
    int64_t before = ct_clock_monotonic_us();
    TRY(begin(&stage));
    ct_event_streams_turn(stage.streams, before + CT_STREAM_LAG_US - SECOND);
    EXPECT(!stage.ended && stage.list.first != NULL);
    ct_event_streams_turn(stage.streams, ct_clock_monotonic_us() + CT_STREAM_LAG_US + SECOND);
    (void)drain(&stage);
    if (!stage.ended)
        result = CT_NOMEM;
    TRY(result);
    EXPECT(stage.size == 0);
out:
    strike(&stage);
    return result;
}

static enum ct_result test_a_token_that_is_revoked(void)
{
    enum ct_result result;
    struct stage stage;
    int64_t now = ct_clock_monotonic_us();

    TRY(set(&stage));
    TRY(begin(&stage));
    (void)drain(&stage);
    ct_event_streams_turn(stage.streams, now);
    TRY(execute(&stage.scratch, "UPDATE users SET token_epoch = 1 WHERE id = 1"));
    TRY(write_event(&stage.scratch, ALICE, CT_EVENT_CALL_ENDED, 1, NOW));
    ct_event_streams_turn(stage.streams, now);
    (void)drain(&stage);
    if (!stage.ended)
        result = CT_NOMEM;
    TRY(result);
    EXPECT(stage.size == 0);
out:
    strike(&stage);
    return result;
}

static enum ct_result test_how_many(void)
{
    enum ct_result result;
    struct stage stage;
    struct ct_stream_source sources[3] = {0};
    struct ct_stream_source more;

    TRY(set(&stage));
    TRY(open_as(&stage, ALICE, 1, &sources[0]));
    TRY(open_as(&stage, ALICE, 1, &sources[1]));
    EXPECT_RESULT(CT_LIMITED, open_as(&stage, ALICE, 1, &more));
    TRY(open_as(&stage, BOB, 1, &sources[2]));
    EXPECT_RESULT(CT_BUSY, open_as(&stage, BOB, 1, &more));
    sources[0].closed(sources[0].ctx);
    sources[0] = (struct ct_stream_source){0};
    TRY(open_as(&stage, ALICE, 1, &sources[0]));
out:
    for (size_t i = 0; i < 3; i++) {
        if (sources[i].closed != NULL)
            sources[i].closed(sources[i].ctx);
    }
    strike(&stage);
    return result;
}

/* A server that stops: nothing sleeps any more, whatever there is to be read. */
static enum ct_result test_the_end_of_all(void)
{
    enum ct_result result;
    struct stage stage;

    TRY(set(&stage));
    TRY(begin(&stage));
    (void)drain(&stage);
    EXPECT(stage.suspended == 1);
    ct_streams_end(&stage.list);
    EXPECT(stage.resumed == 1 && ct_streams_any(&stage.list));
    (void)drain(&stage);
    EXPECT(stage.ended && stage.suspended == 1);
    ct_stream_close(stage.stream);
    stage.stream = NULL;
    EXPECT(!ct_streams_any(&stage.list));
out:
    strike(&stage);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_telling),           CT_UNIT(test_heartbeat),
        CT_UNIT(test_who_takes_nothing), CT_UNIT(test_a_token_that_is_revoked),
        CT_UNIT(test_how_many),          CT_UNIT(test_the_end_of_all)};
    return ct_unit_main("streams", units, sizeof(units) / sizeof(units[0]));
}
