#include "voice/call_log.h"

#include <pthread.h>
#include <sched.h>

#include "outside.h"
#include "room.h"

/* How calls that turn to a trunk come into their records: through the writer, whose letters are opened here. */

struct desk {
    struct scratch scratch;
    struct outside outside;
    struct ct_wheel *wheel;
    struct ct_call_log *log;
    pthread_mutex_t mutex; /* guards `letter` */
    struct ct_sip_letter *letter;
    int judged;
    bool allowed; /* what was judged first */
    int agains;
    struct ct_call_verdict again;
};

static void post(void *ctx, struct ct_sip_letter *letter)
{
    struct desk *desk = ctx;
    pthread_mutex_lock(&desk->mutex);
    desk->letter = letter; /* one call: there is never another one */
    pthread_mutex_unlock(&desk->mutex);
}

static void judged(void *ctx, const char *key)
{
    struct desk *desk = ctx;
    if (desk->judged++ == 0)
        desk->allowed = ct_call_log_verdict(desk->log, key)->why == NULL;
}

static void again(void *ctx, const char *key, const struct ct_call_verdict *verdict)
{
    struct desk *desk = ctx;
    (void)key;
    desk->agains++;
    desk->again = *verdict;
}

static enum ct_result desk_open(struct desk *desk)
{
    *desk = (struct desk){.mutex = PTHREAD_MUTEX_INITIALIZER};
    outside_open(&desk->outside);
    enum ct_result result = open_house(&desk->scratch);
    if (result == CT_OK)
        result = execute(&desk->scratch,
                         "INSERT INTO call_caps (user_id, trunks, prefixes, concurrent_calls, "
                         "calls_per_minute, longest_call_s, minutes_per_day) VALUES "
                         "(2, 1, '+', 1, 0, 0, 0)");
    if (result == CT_OK)
        result = ct_wheel_new(desk->outside.now_ms, &desk->wheel);
    const struct ct_call_log_options options = {.env = &desk->outside.env,
                                                .wheel = desk->wheel,
                                                .post = {.ctx = desk, .post = post},
                                                .store = desk->scratch.store,
                                                .node = CT_STR("node"),
                                                .judged = judged,
                                                .again = again,
                                                .ctx = desk};
    return result == CT_OK ? ct_call_log_new(&options, &desk->log) : result;
}

/* Lets a second go by, in which everything is written, also what has failed once. */
static void settle(struct desk *desk)
{
    for (int i = 0; i < 10; i++) {
        while (!ct_call_log_quiet(desk->log)) {
            pthread_mutex_lock(&desk->mutex);
            struct ct_sip_letter *letter = desk->letter;
            desk->letter = NULL;
            pthread_mutex_unlock(&desk->mutex);
            if (letter != NULL)
                letter->open(letter->ctx);
            else
                (void)sched_yield();
        }
        desk->outside.now_ms += 100;
        ct_wheel_turn(desk->wheel, desk->outside.now_ms);
    }
}

static void desk_close(struct desk *desk)
{
    if (desk->log != NULL) {
        ct_call_log_hurry(desk->log);
        settle(desk);
    }
    ct_call_log_free(desk->log);
    ct_wheel_free(desk->wheel);
    scratch_close(&desk->scratch);
}

#define PAYS "SELECT coalesce(payer_id, 0) || ' ' || coalesce(to_trunk_id, 0) FROM calls"
#define TOLD "SELECT cast(count(*) AS TEXT) FROM events WHERE type = 'call.transferred'"

static enum ct_result talk(struct desk *desk, struct ct_call_facts *facts)
{
    *facts = (struct ct_call_facts){.key = "0123456789abcdef0123456789abcdef",
                                    .parties = {.from = CT_STR("+4930000010"),
                                                .to = CT_STR("+4930000020"),
                                                .caller_id = ALICE,
                                                .callee_id = BOB},
                                    .started_ms = outside_unix(&desk->outside)};
    enum ct_result result = ct_call_log_created(desk->log, facts, false, NULL);
    if (result != CT_OK)
        return result;
    facts->status = CT_CALL_IN_PROGRESS;
    facts->answered_ms = outside_unix(&desk->outside);
    ct_call_log_changed(desk->log, facts);
    settle(desk);
    return CT_OK;
}

static enum ct_result test_transfers(void)
{
    enum ct_result result = CT_OK;
    struct desk desk;
    struct ct_call_facts facts;
    const struct ct_call_toll toll = {BOB, CT_STR("+491")};

    TRY(desk_open(&desk));
    TRY(talk(&desk, &facts));
    EXPECT(ct_call_log_verdict(desk.log, facts.key) == NULL);
    /* one that fails is taken back */
    TRY(ct_call_log_toll(desk.log, &facts, &toll, 5));
    settle(&desk);
    EXPECT(desk.judged == 1 && ct_call_log_verdict(desk.log, facts.key)->why == NULL);
    EXPECT_VALUE(&desk.scratch, "2 5", PAYS);
    ct_call_log_transferred(desk.log, &facts, false);
    /* and another one begins before that is written: there is a place for it */
    TRY(ct_call_log_toll(desk.log, &facts, &toll, 6));
    settle(&desk);
    EXPECT(desk.judged == 2);
    EXPECT_VALUE(&desk.scratch, "0", TOLD);
    facts.parties.to_trunk_id = 6;
    ct_call_log_transferred(desk.log, &facts, true);
    settle(&desk);
    EXPECT(ct_call_log_verdict(desk.log, facts.key)->why == NULL);
    EXPECT_VALUE(&desk.scratch, "2 6", PAYS);
    EXPECT_VALUE(&desk.scratch, "2", TOLD);
    ct_call_log_again(desk.log, facts.key);
    settle(&desk);
    EXPECT(desk.agains <= 1 && desk.again.why == NULL);
out:
    desk_close(&desk);
    return result;
}

static enum ct_result test_not_allowed(void)
{
    enum ct_result result = CT_OK;
    struct desk desk;
    struct ct_call_facts facts;
    const struct ct_call_toll toll = {ALICE, CT_STR("+491")};

    TRY(desk_open(&desk));
    TRY(talk(&desk, &facts));
    TRY(ct_call_log_toll(desk.log, &facts, &toll, 5));
    settle(&desk);
    EXPECT(desk.judged == 1 && ct_call_log_verdict(desk.log, facts.key)->why != NULL);
    ct_call_log_transferred(desk.log, &facts, false);
    settle(&desk);
    EXPECT_VALUE(&desk.scratch, "0 0", PAYS);
    facts.key[0] = 'x';
    EXPECT_RESULT(CT_NOT_FOUND, ct_call_log_toll(desk.log, &facts, &toll, 5));
out:
    desk_close(&desk);
    return result;
}

/* A transfer that is given up before anybody says whether it may be, and another one: what is said of the first is no answer
 * to the second. */
static enum ct_result test_given_up(void)
{
    enum ct_result result = CT_OK;
    struct desk desk;
    struct ct_call_facts facts;
    const struct ct_call_toll first = {BOB, CT_STR("+491")};
    const struct ct_call_toll second = {ALICE, CT_STR("+882")};

    TRY(desk_open(&desk));
    TRY(talk(&desk, &facts));
    TRY(ct_call_log_toll(desk.log, &facts, &first, 5));
    ct_call_log_transferred(desk.log, &facts, false);
    TRY(ct_call_log_toll(desk.log, &facts, &second, 6));
    settle(&desk);
    EXPECT(desk.judged == 1 && !desk.allowed);
    ct_call_log_transferred(desk.log, &facts, false);
    settle(&desk);
    EXPECT_VALUE(&desk.scratch, "0 0", PAYS);
    /* nor is what is said of the first one the end of the second */
    TRY(ct_call_log_toll(desk.log, &facts, &second, 5));
    ct_call_log_transferred(desk.log, &facts, false);
    TRY(ct_call_log_toll(desk.log, &facts, &first, 6));
    settle(&desk);
    EXPECT(desk.judged == 2 && ct_call_log_verdict(desk.log, facts.key)->why == NULL);
    EXPECT_VALUE(&desk.scratch, "2 6", PAYS);
    ct_call_log_transferred(desk.log, &facts, false);
    settle(&desk);
    EXPECT_VALUE(&desk.scratch, "0 0", PAYS);
out:
    desk_close(&desk);
    return result;
}

/* Whoever took this process for gone has ended the record of a call that goes on: it has its limits all the same, and none
 * without a record. */
static enum ct_result test_taken_for_gone(void)
{
    enum ct_result result = CT_OK;
    struct desk desk;
    struct ct_call_facts facts;
    const struct ct_call_toll toll = {BOB, CT_STR("+491")};
    int agains;

    TRY(desk_open(&desk));
    TRY(execute(&desk.scratch, "UPDATE call_caps SET longest_call_s = 100"));
    TRY(talk(&desk, &facts));
    TRY(ct_call_log_toll(desk.log, &facts, &toll, 5));
    settle(&desk);
    ct_call_log_transferred(desk.log, &facts, true);
    settle(&desk);
    TRY(execute(&desk.scratch, "UPDATE calls SET status = 'interrupted', ended_at = 5"));
    ct_call_log_again(desk.log, facts.key);
    settle(&desk);
    /* without memory nobody is asked, and it ends when it would have ended */
    EXPECT(desk.agains == 0 || (desk.again.why == NULL && desk.again.longest_ms == 100000));
    TRY(execute(&desk.scratch, "DELETE FROM calls"));
    agains = desk.agains;
    ct_call_log_again(desk.log, facts.key);
    settle(&desk);
    EXPECT(desk.agains == agains || desk.again.why != NULL);
out:
    desk_close(&desk);
    return result;
}

/* Whoever has dialled a call has asked its limits, which are asked again for the number that it calls. */
static enum ct_result test_dialled(void)
{
    enum ct_result result = CT_OK;
    struct desk desk;
    const struct ct_call_toll toll = {BOB, CT_STR("+491")};
    struct ct_call_facts facts = {.key = "0123456789abcdef0123456789abcdef"};
    int64_t id;

    TRY(desk_open(&desk));
    TRY(BEGIN(&desk.scratch, "0123456789abcdef0123456789abcdef", &id, .caller_id = BOB,
              .payer_id = BOB));
    facts.parties = (struct ct_call_parties){
        .from = CT_STR("+4930000020"), .to = CT_STR("+491"), .caller_id = BOB, .payer_id = BOB};
    facts.started_ms = outside_unix(&desk.outside);
    TRY(ct_call_log_created(desk.log, &facts, true, &toll));
    facts.status = CT_CALL_IN_PROGRESS;
    facts.answered_ms = outside_unix(&desk.outside);
    ct_call_log_changed(desk.log, &facts);
    settle(&desk);
    EXPECT(desk.judged == 0);
    ct_call_log_again(desk.log, facts.key);
    settle(&desk);
    EXPECT(desk.agains <= 1 && desk.again.why == NULL);
out:
    desk_close(&desk);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_transfers),      CT_UNIT(test_not_allowed), CT_UNIT(test_given_up),
        CT_UNIT(test_taken_for_gone), CT_UNIT(test_dialled),
    };
    return ct_unit_main("call log", units, sizeof(units) / sizeof(units[0]));
}
