#include "voice/shield.h"

#include <stdlib.h>
#include <string.h>

#include "base/limiter.h"
#include "voice/bans.h"

/* Addresses whose rates and failures are remembered. */
#define ADDRESSES ((size_t)65536)

struct ct_shield {
    struct ct_shield_options options;
    struct ct_rate_limiter *rates; /* NULL: no limit */
    struct ct_failure_counter *failures;
    struct ct_bans *bans;
};

/* What tools that look for SIP servers call themselves, in lower case and with a letter in front; who wants in can
 * change it, but most do not. */
static const char *const scanners[] = {
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sipscan",
    "sipsak",
    "sundayddr",
    "iwar",
    "sivus",
    "gulp",
    "sipv",
    "smap",
    "vaxsipuseragent",
    "vaxasip",
    "siparmyknife",
    "test agent",
    "pplsip",
    "sip-probe",
    "csipsimple-scan",
    "eyebeam release 3006o",
    "conaito",
    "miosip",
    "nm@nm2",
    "elite voice scan",
    "n1ctscan",
    "mirkoscan",
};

static bool has_word(struct ct_str text, const char *word)
{
    size_t length = strlen(word);
    for (size_t at = 0; at + length <= text.len; at++)
        if ((text.at[at] | 0x20) == word[0] &&
            ct_str_equal_nocase((struct ct_str){text.at + at, length},
                                (struct ct_str){word, length}))
            return true;
    return false;
}

static bool is_scanner(const struct ct_sip_message *message)
{
    struct ct_str agent = ct_sip_header(message, CT_SIP_H_USER_AGENT);
    /* They are named in front; a longer text costs no more. */
    if (agent.len > 64)
        agent.len = 64;
    for (size_t i = 0; agent.len > 0 && i < sizeof(scanners) / sizeof(scanners[0]); i++)
        if (has_word(agent, scanners[i]))
            return true;
    return false;
}

enum ct_result ct_shield_new(const struct ct_shield_options *options, struct ct_shield **out)
{
    const struct ct_limiter_options rates = {
        .slots = ADDRESSES, .limit = options->rate_per_s, .window_us = 1000000};
    const struct ct_limiter_options failures = {.slots = ADDRESSES / 8,
                                                .limit = options->failures_max,
                                                .window_us = options->ban_ms * 1000};
    struct ct_shield *shield = calloc(1, sizeof(*shield));
    if (shield == NULL)
        return CT_NOMEM;
    shield->options = *options;
    enum ct_result result = ct_bans_new(CT_BANS_MOST, &shield->bans);
    if (result == CT_OK && options->rate_per_s > 0)
        result = ct_rate_limiter_new(&rates, &shield->rates);
    if (result == CT_OK)
        result = ct_failure_counter_new(&failures, &shield->failures);
    if (result != CT_OK) {
        ct_shield_free(shield);
        return result;
    }
    *out = shield;
    return CT_OK;
}

void ct_shield_free(struct ct_shield *shield)
{
    if (shield == NULL)
        return;
    ct_rate_limiter_free(shield->rates);
    ct_failure_counter_free(shield->failures);
    ct_bans_free(shield->bans);
    free(shield);
}

static int64_t unix_ms(const struct ct_shield *shield)
{
    const struct ct_sip_env *env = shield->options.env;
    return env->unix_ms(env->ctx);
}

static int64_t now_us(const struct ct_shield *shield)
{
    const struct ct_sip_env *env = shield->options.env;
    return env->now_ms(env->ctx) * 1000;
}

static bool is_from_known(const struct ct_shield *shield, const struct ct_sip_hop *from)
{
    const struct ct_shield_knows *knows = &shield->options.knows;
    return (knows->registered != NULL && knows->registered(knows->ctx, from)) ||
           (knows->trunk != NULL && knows->trunk(knows->ctx, from));
}

bool ct_shield_accept(struct ct_shield *shield, const struct ct_sip_hop *from)
{
    return !ct_bans_has(shield->bans, &from->peer, unix_ms(shield));
}

bool ct_shield_admit(struct ct_shield *shield, const struct ct_sip_hop *from)
{
    if (ct_bans_has(shield->bans, &from->peer, unix_ms(shield)))
        return false;
    if (shield->rates == NULL || is_from_known(shield, from))
        return true;
    return ct_rate_limiter_take(shield->rates, ct_bans_key(&from->peer), now_us(shield)) == 0;
}

bool ct_shield_admit_message(struct ct_shield *shield, const struct ct_sip_hop *from,
                             const struct ct_sip_message *message)
{
    const struct ct_shield_knows *knows = &shield->options.knows;
    const struct ct_sip_address *who =
        message->method == CT_SIP_REGISTER ? &message->to : &message->from;
    if (is_from_known(shield, from))
        return true;
    if (is_scanner(message))
        return false;
    if (knows->device != NULL && who->uri.user.len > 0 && knows->device(knows->ctx, who->uri.user))
        return true;
    if (knows->credentials != NULL && knows->credentials(knows->ctx, message))
        return true;
    return shield->options.reject_unknown;
}

bool ct_shield_failed(struct ct_shield *shield, const struct ct_sip_hop *from)
{
    struct ct_str key = ct_bans_key(&from->peer);
    int64_t now = unix_ms(shield);
    if (ct_failure_counter_reserve(shield->failures, key, now_us(shield)) == 0 &&
        ct_failure_counter_peek(shield->failures, key, now_us(shield)) == 0)
        return false;
    ct_bans_add(shield->bans, &from->peer, now, now + shield->options.ban_ms);
    return true;
}

size_t ct_shield_bans(struct ct_shield *shield, struct ct_str after, struct ct_sip_ban *out,
                      size_t room)
{
    return ct_bans_list(shield->bans, unix_ms(shield), after, out, room);
}

bool ct_shield_lift(struct ct_shield *shield, struct ct_str address)
{
    struct ct_sip_socket socket;
    if (!ct_sip_address_parse(address, &socket))
        return false;
    /* first: a failure that comes in between counts anew */
    if (ct_bans_has(shield->bans, &socket, unix_ms(shield)))
        ct_failure_counter_clear(shield->failures, ct_bans_key(&socket));
    return ct_bans_remove(shield->bans, &socket, unix_ms(shield));
}
