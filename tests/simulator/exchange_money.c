#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulator/exchange.h"
#include "sip/digest.h"

/* What decides who may do what, and who pays: seen, and made wrong where a fault is to be planted. */

#define TAP(result, name, ...)         \
    result __real_##name(__VA_ARGS__); \
    result __wrap_##name(__VA_ARGS__); \
    result __wrap_##name(__VA_ARGS__)

TAP(enum ct_digest_verdict, ct_digest_judge, struct ct_digest_server *server,
    const struct ct_digest_credentials *credentials, struct ct_str method,
    const struct ct_digest_hex *ha1, const struct ct_digest_moment *moment)
{
    enum ct_digest_verdict verdict =
        __real_ct_digest_judge(server, credentials, method, ha1, moment);

    if (verdict == CT_DIGEST_STALE && exchange_plant(exchange_now, FAULT_REPLAY))
        verdict = CT_DIGEST_RIGHT;
    return verdict;
}

static void plant(struct exchange *exchange, int64_t user_id, struct ct_call_verdict *verdict)
{
    if (exchange_plant(exchange, FAULT_CAP_IGNORED))
        *verdict = (struct ct_call_verdict){.longest_ms = INT64_MAX};
    if (!exchange_plant(exchange, FAULT_CAP_KEPT) || verdict->why != NULL ||
        exchange->caps[user_id - 1].concurrent_calls == 0)
        return;
    for (size_t i = 0; i < exchange->verdict_count; i++)
        if (exchange->verdicts[i].user_id == user_id && exchange->verdicts[i].why == NULL &&
            exchange->verdicts[i].at_ms < lan_now_ms(exchange->lan) - 60000)
            verdict->why = "The account has too many calls at the same time";
}

TAP(enum ct_result, ct_call_caps_judge, struct ct_db *db, int64_t user_id, struct ct_str number,
    int64_t now_ms, struct ct_call_verdict *out)
{
    struct exchange *exchange = exchange_now;
    enum ct_result result = __real_ct_call_caps_judge(db, user_id, number, now_ms, out);
    struct verdict *verdict;

    if (result != CT_OK)
        return result;
    plant(exchange, user_id, out);
    if (exchange->verdict_count == EXCHANGE_VERDICTS)
        abort();
    verdict = &exchange->verdicts[exchange->verdict_count++];
    *verdict = (struct verdict){.user_id = user_id,
                                .asked_ms = now_ms - UNIX_START_MS,
                                .at_ms = lan_now_ms(exchange->lan),
                                .why = out->why};
    snprintf(verdict->number, sizeof(verdict->number), "%.*s", (int)number.len, number.at);
    return result;
}

TAP(enum ct_result, ct_call_usage_add, struct ct_db *db, int64_t user_id, int64_t answered_at,
    int64_t ms)
{
    enum ct_result result = __real_ct_call_usage_add(db, user_id, answered_at, ms);

    if (result == CT_OK && exchange_plant(exchange_now, FAULT_USAGE_TWICE))
        result = __real_ct_call_usage_add(db, user_id, answered_at, ms);
    return result;
}

TAP(enum ct_result, ct_call_log_toll, struct ct_call_log *log, const char *key,
    const struct ct_call_toll *toll, int64_t trunk_id)
{
    struct ct_call_toll planted = *toll;

    if (exchange_plant(exchange_now, FAULT_PAYER))
        planted.payer_id = planted.payer_id % PEOPLE_ACCOUNTS + 1;
    return __real_ct_call_log_toll(log, key, &planted, trunk_id);
}
