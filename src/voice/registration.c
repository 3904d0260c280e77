#include "voice/registration.h"

#include <string.h>

/* A malformed time is taken as this one (RFC 3261 section 10.2.1.1). */
#define MALFORMED_S 3600
/* What is kept of a request; longer texts are none of a phone's. */
#define URI_MOST 1024
#define PATH_MOST 2048
#define CALL_ID_MOST 512
#define USER_AGENT_MOST 200
#define INSTANCE_MOST 200

static bool copy(struct ct_arena *arena, struct ct_str text, struct ct_str *out)
{
    char *made = ct_arena_copy(arena, text.at == NULL ? "" : text.at, text.len);
    *out = (struct ct_str){made, text.len};
    return made != NULL;
}

/* "1", "0.5": in thousandths; 1000 for what is none (section 25.1, qvalue). */
static int64_t read_q(struct ct_str text)
{
    if (text.len == 0 || text.len > 5 || (text.at[0] != '0' && text.at[0] != '1') ||
        (text.len > 1 && text.at[1] != '.'))
        return 1000;
    int64_t value = text.at[0] == '1' ? 1000 : 0;
    int64_t unit = 100;
    for (size_t i = 2; i < text.len; i++, unit /= 10) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return 1000;
        value += unit * (text.at[i] - '0');
    }
    return value > 1000 ? 1000 : value;
}

static int64_t read_seconds(struct ct_str text)
{
    uint32_t seconds;
    return ct_sip_number(text, UINT32_MAX, &seconds) ? seconds : MALFORMED_S;
}

static struct ct_str unquote(struct ct_str text)
{
    if (text.len >= 2 && text.at[0] == '"' && text.at[text.len - 1] == '"')
        return (struct ct_str){text.at + 1, text.len - 2};
    return text;
}

/* 0, or what the request is answered with. */
static int judge_seconds(int64_t seconds, const struct ct_registration_limits *limits, int64_t *out)
{
    *out = seconds > limits->max_s ? limits->max_s : seconds;
    return seconds > 0 && seconds < limits->min_s ? 423 : 0;
}

static enum ct_result read_contact(struct ct_arena *arena, const struct ct_sip_address *address,
                                   int64_t seconds, const struct ct_registration_limits *limits,
                                   struct ct_registration_contact *out, int *status)
{
    struct ct_str value;
    uint32_t number;
    out->q = 1000;
    if (ct_sip_param(address->params, CT_STR("q"), &value))
        out->q = read_q(value);
    if (ct_sip_param(address->params, CT_STR("expires"), &value))
        seconds = read_seconds(value);
    *status = judge_seconds(seconds, limits, &out->expires_s);
    if (ct_sip_param(address->params, CT_STR("reg-id"), &value) &&
        ct_sip_number(value, INT32_MAX, &number))
        out->reg_id = number;
    if (ct_sip_param(address->params, CT_STR("+sip.instance"), &value)) {
        value = unquote(value);
        if (value.len > INSTANCE_MOST)
            *status = 400;
        else if (!copy(arena, value, &out->instance))
            return CT_NOMEM;
    }
    if (address->uri.text.len > URI_MOST ||
        (address->uri.scheme != CT_SIP_URI_SIP && address->uri.scheme != CT_SIP_URI_SIPS))
        *status = 400;
    return *status != 0 || copy(arena, address->uri.text, &out->uri) ? CT_OK : CT_NOMEM;
}

static enum ct_result read_contacts(struct ct_arena *arena, const struct ct_sip_message *message,
                                    int64_t seconds, const struct ct_registration_limits *limits,
                                    struct ct_registration_wish *out, int *status)
{
    struct ct_sip_cursor cursor = {0};
    struct ct_str value;
    while (*status == 0 && ct_sip_next_value(message, CT_SIP_H_CONTACT, &cursor, &value)) {
        struct ct_sip_address address;
        if (out->star || out->count == CT_REGISTRATION_CONTACTS ||
            !ct_sip_address_read(value, &address)) {
            *status = 400;
        } else if (address.star) {
            /* Section 10.3, step 6: alone, and with a time of 0. */
            out->star = true;
            *status =
                out->count > 0 || !ct_sip_has(message, CT_SIP_H_EXPIRES) || seconds != 0 ? 400 : 0;
        } else {
            enum ct_result result = read_contact(arena, &address, seconds, limits,
                                                 &out->contacts[out->count++], status);
            if (result != CT_OK)
                return result;
        }
    }
    return CT_OK;
}

static enum ct_result read_path(struct ct_arena *arena, const struct ct_sip_message *message,
                                struct ct_registration_wish *out, int *status)
{
    struct ct_sip_cursor cursor = {0};
    struct ct_buf path = ct_buf_in(arena);
    struct ct_str value;
    while (ct_sip_next_value(message, CT_SIP_H_PATH, &cursor, &value)) {
        if (path.len > 0)
            ct_buf_text(&path, ", ");
        ct_buf_str(&path, value);
    }
    if (path.len > PATH_MOST)
        *status = 400;
    out->path = ct_buf_done(&path);
    return path.failed ? CT_NOMEM : CT_OK;
}

enum ct_result ct_registration_read(struct ct_arena *arena, const struct ct_sip_message *message,
                                    const struct ct_registration_limits *limits,
                                    struct ct_registration_wish *out, int *status)
{
    struct ct_str agent = ct_sip_header(message, CT_SIP_H_USER_AGENT);
    int64_t seconds = limits->default_s;
    memset(out, 0, sizeof(*out));
    *status = message->call_id.len > CALL_ID_MOST ? 400 : 0;
    out->cseq = message->cseq;
    if (ct_sip_has(message, CT_SIP_H_EXPIRES))
        seconds = read_seconds(ct_sip_trim(ct_sip_header(message, CT_SIP_H_EXPIRES)));
    if (agent.len > USER_AGENT_MOST)
        agent.len = USER_AGENT_MOST;
    /* It is shown to people, and kept as text. */
    if (!ct_utf8_valid(agent))
        agent.len = 0;
    if (!copy(arena, message->call_id, &out->call_id) || !copy(arena, agent, &out->user_agent))
        return CT_NOMEM;
    enum ct_result result = CT_OK;
    if (*status == 0)
        result = read_contacts(arena, message, seconds, limits, out, status);
    if (result == CT_OK && *status == 0)
        result = read_path(arena, message, out, status);
    return result;
}
