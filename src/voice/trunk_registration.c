#include "voice/trunk_registration.h"

#include <stdlib.h>
#include <string.h>

#include "sip/write.h"
#include "voice/trunk_request.h"

/* Until the names of the hosts are looked up. */
#define SOON_MS 100
#define EXPIRES_MOST_S 86400
/* However short the carrier wants it. */
#define REFRESH_LEAST_MS 5000
#define RETRY_MOST_S 3600
#define HOPS_MOST 32

/* A hop to try. */
struct candidate {
    size_t host;
    struct ct_sip_hop hop;
};

struct ct_trunk_registration {
    struct ct_trunk_registration_options options;
    struct ct_arena *arena;
    struct ct_str username;
    struct ct_str contact;
    struct ct_sip_token call_id, tag;
    enum ct_trunk_registration_state state;
    enum ct_trunk_standing standing;
    struct ct_timer timer;
    struct ct_trunk_request request;
    struct ct_arena *texts; /* of the request */
    struct candidate candidates[HOPS_MOST];
    size_t count, at;
    struct candidate last; /* which took it; a transport without an address: none */
    int64_t expires_s;
    bool lengthened; /* after a 423 */
    unsigned failures;
    int64_t until_ms;
    int64_t retry_after_s;
    int status;
    char reason[CT_TRUNK_REASON_ROOM];
};

static const struct ct_sip_env *env_of(const struct ct_trunk_registration *registration)
{
    return ct_sip_env(registration->options.sip);
}

static int64_t unix_ms(const struct ct_trunk_registration *registration)
{
    const struct ct_sip_env *env = env_of(registration);
    return env->unix_ms(env->ctx);
}

static uint32_t chance(const struct ct_trunk_registration *registration)
{
    const struct ct_sip_env *env = env_of(registration);
    uint32_t number;
    env->random(env->ctx, &number, sizeof(number));
    return number;
}

static void step(struct ct_trunk_registration *registration, enum ct_trunk_registration_step what)
{
    registration->state = ct_trunk_registration_next(registration->state, what);
}

static void set_timer(struct ct_trunk_registration *registration, int64_t after_ms)
{
    ct_timer_start(ct_sip_wheel(registration->options.sip), &registration->timer, after_ms);
}

/* What is shown of an answer: of the words of strangers what can be read. */
static void note(struct ct_trunk_registration *registration, int status, struct ct_str reason)
{
    size_t length = reason.len < CT_TRUNK_REASON_ROOM - 1 ? reason.len : CT_TRUNK_REASON_ROOM - 1;
    registration->status = status;
    for (size_t i = 0; i < length; i++)
        registration->reason[i] = reason.at[i] >= ' ' && reason.at[i] <= '~' ? reason.at[i] : '?';
    registration->reason[length] = '\0';
}

static void tell(struct ct_trunk_registration *registration)
{
    registration->options.changed(registration->options.ctx);
}

/* ---- what is sent ---- */

/* "sip:host" and "<sip:user@host>", the latter without a port: it is a name, not a place. */
static bool write_texts(struct ct_trunk_registration *registration, struct ct_str host)
{
    struct ct_trunk_request *request = &registration->request;
    struct ct_str name;
    uint16_t port;
    size_t size;
    ct_arena_free(registration->texts);
    registration->texts = ct_arena_new();
    if (registration->texts == NULL)
        return false;
    struct ct_buf uri = ct_buf_in(registration->texts);
    struct ct_buf who = ct_buf_in(registration->texts);
    ct_buf_text(&uri, "sip:");
    ct_buf_str(&uri, host);
    ct_buf_text(&who, "<sip:");
    ct_sip_escape_user(&who, registration->username);
    ct_buf_char(&who, '@');
    ct_buf_str(&who, ct_sip_host_port_read(host, &name, &port, &size) ? name : host);
    ct_buf_char(&who, '>');
    request->uri = ct_buf_done(&uri);
    request->from = request->to = ct_buf_done(&who);
    return !uri.failed && !who.failed;
}

static bool is_same(const struct ct_sip_hop *a, const struct ct_sip_hop *b)
{
    return a->transport == b->transport && ct_sip_socket_equal(&a->peer, &b->peer);
}

static void add_candidate(struct ct_trunk_registration *registration, size_t host,
                          const struct ct_sip_hop *hop)
{
    for (size_t i = 0; i < registration->count; i++)
        if (registration->candidates[i].host == host &&
            is_same(&registration->candidates[i].hop, hop))
            return;
    if (registration->count < HOPS_MOST)
        registration->candidates[registration->count++] = (struct candidate){host, *hop};
}

/* The hops of hosts that are down, or of the others. */
static void add_hosts(struct ct_trunk_registration *registration, bool down)
{
    const struct ct_trunk_hosts *hosts = registration->options.hosts;
    struct ct_sip_hop hops[CT_TRUNK_HOPS_MOST];
    for (size_t i = 0; i < ct_trunk_hosts_count(hosts); i++) {
        if ((ct_trunk_hosts_view(hosts, i).state == CT_TRUNK_HOST_DOWN) != down)
            continue;
        size_t count = ct_trunk_hosts_hops(hosts, i, hops);
        for (size_t k = 0; k < count; k++) {
            /* first where it is registered, if that still is a place to go to */
            bool last = registration->last.host == i && is_same(&registration->last.hop, &hops[k]);
            if (last && registration->count > 0) {
                struct candidate first = registration->candidates[0];
                registration->candidates[0] = (struct candidate){i, hops[k]};
                add_candidate(registration, first.host, &first.hop);
            } else {
                add_candidate(registration, i, &hops[k]);
            }
        }
    }
}

static void choose_candidates(struct ct_trunk_registration *registration)
{
    registration->count = registration->at = 0;
    add_hosts(registration, false);
    if (registration->count == 0)
        add_hosts(registration, true);
}

/* To the hop that it is at. */
static bool send_here(struct ct_trunk_registration *registration)
{
    const struct candidate *candidate = &registration->candidates[registration->at];
    const struct ct_trunk_hosts *hosts = registration->options.hosts;
    registration->request.expires_s =
        registration->state == CT_TRUNK_LEAVING ? 0 : registration->expires_s;
    return write_texts(registration, ct_trunk_hosts_view(hosts, candidate->host).host) &&
           ct_trunk_request_send(&registration->request, &candidate->hop) == CT_OK;
}

static void fail(struct ct_trunk_registration *registration, bool refused)
{
    int64_t wait;
    registration->failures++;
    step(registration, CT_TRUNK_FAILED);
    registration->standing = CT_TRUNK_IS_FAILED;
    wait = ct_trunk_wait_ms(registration->failures, refused, chance(registration));
    if (wait < registration->retry_after_s * 1000)
        wait = registration->retry_after_s * 1000;
    set_timer(registration, wait);
    tell(registration);
}

/* To this hop and, if it cannot be sent there, to the next ones. */
static void send_on(struct ct_trunk_registration *registration)
{
    while (registration->at < registration->count) {
        if (send_here(registration))
            return;
        note(registration, 503, CT_STR("It could not be sent"));
        registration->at++;
    }
    fail(registration, false);
}

static void due(void *ctx)
{
    struct ct_trunk_registration *registration = ctx;
    if (registration->state == CT_TRUNK_LEAVING) {
        ct_trunk_request_stop(&registration->request);
        step(registration, CT_TRUNK_GONE);
        tell(registration);
        return;
    }
    if (!ct_trunk_hosts_known(registration->options.hosts)) {
        set_timer(registration, SOON_MS);
        return;
    }
    step(registration, CT_TRUNK_DUE);
    registration->expires_s = CT_TRUNK_EXPIRES_S;
    registration->lengthened = false;
    registration->retry_after_s = 0;
    choose_candidates(registration);
    if (registration->count == 0)
        note(registration, 503, CT_STR("Its name leads nowhere"));
    send_on(registration);
}

/* ---- what is answered ---- */

/* For how many seconds our contact is registered: what its own value says, else Expires, else what was asked for. */
static int64_t granted(const struct ct_trunk_registration *registration,
                       const struct ct_sip_message *message)
{
    struct ct_sip_cursor cursor = {0};
    struct ct_str value;
    struct ct_sip_address contact;
    uint32_t seconds;
    while (ct_sip_next_value(message, CT_SIP_H_CONTACT, &cursor, &value)) {
        if (!ct_sip_address_read(value, &contact) ||
            !ct_str_equal(contact.uri.user, registration->contact))
            continue;
        if (ct_sip_param(contact.params, CT_STR("expires"), &value) &&
            ct_sip_number(value, UINT32_MAX, &seconds))
            return seconds;
    }
    if (ct_sip_header_number(message, CT_SIP_H_EXPIRES, &seconds))
        return seconds;
    return registration->expires_s;
}

/* Half of the time, and up to an eighth more, so that not all come at once. */
static void accept(struct ct_trunk_registration *registration, int64_t seconds)
{
    if (seconds > EXPIRES_MOST_S)
        seconds = EXPIRES_MOST_S;
    int64_t wait = seconds * 500;
    wait += (int64_t)chance(registration) % (seconds * 125 + 1);
    if (wait < REFRESH_LEAST_MS)
        wait = REFRESH_LEAST_MS;
    step(registration, CT_TRUNK_ACCEPTED);
    registration->standing = CT_TRUNK_IS_REGISTERED;
    registration->failures = 0;
    registration->until_ms = unix_ms(registration) + seconds * 1000;
    registration->last = registration->candidates[registration->at];
    set_timer(registration, wait);
    tell(registration);
}

/* Whether the same is asked once more, for the time that the carrier wants. */
static bool lengthen(struct ct_trunk_registration *registration,
                     const struct ct_sip_message *message)
{
    uint32_t least;
    if (message == NULL || message->status != 423 || registration->lengthened ||
        !ct_sip_header_number(message, CT_SIP_H_MIN_EXPIRES, &least) || least > EXPIRES_MOST_S ||
        least <= registration->expires_s)
        return false;
    registration->lengthened = true;
    registration->expires_s = least;
    return send_here(registration);
}

static void answered(void *ctx, int status, const struct ct_sip_message *message)
{
    struct ct_trunk_registration *registration = ctx;
    uint32_t seconds;
    int64_t kept = 0;
    if (registration->state == CT_TRUNK_LEAVING) {
        set_timer(registration, 1);
        return;
    }
    note(registration, status,
         message != NULL ? message->reason
                         : (status == 408 ? CT_STR("No answer") : CT_STR("Not reachable")));
    if (message != NULL && status < 300) {
        kept = granted(registration, message);
        if (kept > 0) {
            accept(registration, kept);
            return;
        }
        note(registration, status, CT_STR("It was not kept"));
    }
    if (lengthen(registration, message))
        return;
    if (message != NULL && ct_sip_header_number(message, CT_SIP_H_RETRY_AFTER, &seconds))
        registration->retry_after_s = seconds < RETRY_MOST_S ? seconds : RETRY_MOST_S;
    if (status == 408 || status / 100 == 5) {
        registration->at++;
        if (registration->at < registration->count)
            send_on(registration);
        else
            fail(registration, false);
        return;
    }
    /* the carrier has no contact of who may not have one; of one that it had before it says nothing */
    fail(registration, true);
}

/* ---- the whole ---- */

static struct ct_str copy(struct ct_arena *arena, struct ct_str text)
{
    return ct_str_of(ct_str_dup(arena, text));
}

enum ct_result ct_trunk_registration_new(const struct ct_trunk_registration_options *options,
                                         const struct ct_trunk *trunk,
                                         struct ct_trunk_registration **out)
{
    struct ct_trunk_registration *registration = calloc(1, sizeof(*registration));
    struct ct_arena *arena = ct_arena_new();
    if (registration == NULL || arena == NULL)
        goto fail;
    registration->options = *options;
    registration->arena = arena;
    registration->username = copy(arena, trunk->username);
    registration->contact = copy(arena, options->contact);
    if (registration->username.at == NULL || registration->contact.at == NULL)
        goto fail;
    registration->call_id = ct_sip_token(options->sip);
    registration->tag = ct_sip_token(options->sip);
    registration->request =
        (struct ct_trunk_request){.sip = options->sip,
                                  .method = CT_STR("REGISTER"),
                                  .call_id = CT_SIP_TOKEN_STR(registration->call_id),
                                  .tag = CT_SIP_TOKEN_STR(registration->tag),
                                  .contact = registration->contact,
                                  .credentials = options->credentials,
                                  .credentials_ctx = options->credentials_ctx,
                                  .done = answered,
                                  .ctx = registration};
    registration->last.hop.peer.family = CT_SIP_NO_ADDRESS;
    registration->timer = (struct ct_timer){.fire = due, .ctx = registration};
    set_timer(registration, 1);
    *out = registration;
    return CT_OK;
fail:
    ct_arena_free(arena);
    free(registration);
    return CT_NOMEM;
}

void ct_trunk_registration_free(struct ct_trunk_registration *registration)
{
    if (registration == NULL)
        return;
    ct_timer_stop(&registration->timer);
    ct_trunk_request_stop(&registration->request);
    ct_arena_free(registration->texts);
    ct_arena_free(registration->arena);
    free(registration);
}

/* Whether the carrier may have our contact: it was told of it and the time is not over, or is being told. */
static bool may_be_known(const struct ct_trunk_registration *registration)
{
    return registration->state == CT_TRUNK_TRYING || registration->state == CT_TRUNK_REFRESHING ||
           registration->until_ms > unix_ms(registration);
}

void ct_trunk_registration_leave(struct ct_trunk_registration *registration, int64_t wait_ms)
{
    bool known = may_be_known(registration);
    if (!ct_trunk_registration_allows(registration->state, CT_TRUNK_LEAVE))
        return;
    if (registration->state != CT_TRUNK_TRYING && registration->state != CT_TRUNK_REFRESHING) {
        registration->candidates[0] = registration->last;
        registration->at = 0;
    }
    step(registration, CT_TRUNK_LEAVE);
    registration->standing = CT_TRUNK_IS_PENDING;
    registration->until_ms = 0;
    ct_trunk_request_stop(&registration->request);
    set_timer(registration, known && send_here(registration) ? wait_ms : 1);
}

struct ct_trunk_registration_view
ct_trunk_registration_view(const struct ct_trunk_registration *registration)
{
    return (struct ct_trunk_registration_view){.state = registration->state,
                                               .standing = registration->standing,
                                               .until_ms = registration->until_ms,
                                               .status = registration->status,
                                               .reason = ct_str_of(registration->reason)};
}
