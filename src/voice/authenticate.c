#include "voice/authenticate.h"

#include <stdlib.h>
#include <string.h>

#include "sip/digest.h"
#include "voice/devices.h"

#define NONCE_MS (5 * 60 * 1000)
#define NONCES ((size_t)65536)
/* For how long a device is remembered: other servers of the database may change it. */
#define REMEMBER_MS 30000
#define WAYS 4
#define RETRY_AFTER "Retry-After: 5\r\n"
/* Who sends datagrams may write any address as his own: no limit of an address keeps him from asking for names, each of
 * which is a question to the database. */
#define MISSES_PER_S 1000

/* A device that was asked for. */
struct known {
    int64_t until_ms; /* 0: free */
    struct ct_sip_caller caller;
    struct ct_digest_hex ha1[CT_DIGEST_ALGORITHMS];
};

struct ct_authenticator {
    struct ct_authenticator_options options;
    struct ct_digest_server *digest;
    struct ct_arena *arena; /* of the realm */
    struct ct_str realm;    /* empty: the database has none yet */
    uint32_t seed;
    int64_t misses_from_ms; /* the second in which they were counted */
    size_t misses;
    size_t sets;
    struct known known[];
};

enum ct_result ct_authenticator_new(const struct ct_authenticator_options *options,
                                    struct ct_authenticator **out)
{
    struct ct_digest_server_options digest = {.nonce_ms = NONCE_MS, .slots = NONCES};
    const struct ct_sip_env *env = options->env;
    size_t sets = options->cached / WAYS + 1;
    struct ct_authenticator *made = calloc(1, sizeof(*made) + sets * WAYS * sizeof(made->known[0]));
    if (made == NULL)
        return CT_NOMEM;
    made->options = *options;
    if (made->options.misses_per_s == 0)
        made->options.misses_per_s = MISSES_PER_S;
    made->sets = sets;
    env->random(env->ctx, &made->seed, sizeof(made->seed));
    /* of this process alone: which counts came with the nonces of another one is not known here */
    env->random(env->ctx, digest.key, sizeof(digest.key));
    enum ct_result result = ct_digest_server_new(&digest, &made->digest);
    explicit_bzero(&digest, sizeof(digest));
    made->arena = ct_arena_new();
    if (result == CT_OK && made->arena == NULL)
        result = CT_NOMEM;
    if (result != CT_OK) {
        ct_authenticator_free(made);
        return result;
    }
    *out = made;
    return CT_OK;
}

void ct_authenticator_free(struct ct_authenticator *authenticator)
{
    if (authenticator == NULL)
        return;
    ct_digest_server_free(authenticator->digest);
    ct_arena_free(authenticator->arena);
    explicit_bzero(authenticator->known,
                   authenticator->sets * WAYS * sizeof(authenticator->known[0]));
    free(authenticator);
}

/* Usernames are made here: a d and the id of the device in front, chance behind. Whatever else somebody tries is
 * not worth a look into the database. */
static bool is_plausible(struct ct_str username)
{
    return username.len >= 8 && username.len <= CT_DEVICE_USERNAME_MOST && username.at[0] == 'd' &&
           username.at[1] >= '1' && username.at[1] <= '9';
}

static struct known *set_of(struct ct_authenticator *authenticator, struct ct_str username)
{
    uint32_t hash = authenticator->seed;
    for (size_t i = 0; i < username.len; i++)
        hash = (hash ^ (uint8_t)username.at[i]) * 16777619u;
    return &authenticator->known[(hash ^ hash >> 16) % authenticator->sets * WAYS];
}

static bool copy_hex(struct ct_str from, struct ct_digest_hex *to)
{
    if (from.len >= sizeof(to->text))
        return false;
    memcpy(to->text, from.at, from.len);
    to->text[from.len] = '\0';
    return true;
}

static enum ct_result read_device(struct ct_authenticator *authenticator, struct ct_str username,
                                  struct known *out)
{
    struct ct_device device;
    struct ct_db *db;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_reader_begin(authenticator->options.reader, &db);
    if (result == CT_OK) {
        result = ct_device_by_username(arena, db, username, &device);
        ct_reader_end(authenticator->options.reader, db);
    }
    if (result == CT_OK) {
        out->caller.device_id = device.id;
        out->caller.user_id = device.user_id;
        memcpy(out->caller.username, username.at, username.len);
        out->caller.username[username.len] = '\0';
        if (!copy_hex(device.ha1_md5, &out->ha1[CT_DIGEST_MD5]) ||
            !copy_hex(device.ha1_sha256, &out->ha1[CT_DIGEST_SHA256]))
            result = CT_NOT_FOUND;
    }
    ct_arena_free(arena);
    return result;
}

static enum ct_result find(struct ct_authenticator *authenticator, struct ct_str username,
                           const struct known **out)
{
    const struct ct_sip_env *env = authenticator->options.env;
    if (!is_plausible(username))
        return CT_NOT_FOUND;
    int64_t now = env->now_ms(env->ctx);
    struct known *set = set_of(authenticator, username);
    struct known *place = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].until_ms > now && ct_str_equal(ct_str_of(set[i].caller.username), username)) {
            *out = &set[i];
            return CT_OK;
        }
        if (set[i].until_ms < place->until_ms)
            place = &set[i];
    }
    struct known read;
    memset(&read, 0, sizeof(read));
    if (now - authenticator->misses_from_ms >= 1000) {
        authenticator->misses_from_ms = now;
        authenticator->misses = 0;
    }
    if (authenticator->misses >= authenticator->options.misses_per_s)
        return CT_BUSY;
    enum ct_result result = read_device(authenticator, username, &read);
    authenticator->misses += result == CT_NOT_FOUND ? 1 : 0;
    if (result != CT_OK)
        return result;
    /* An older one of the same name must not be found any more. */
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].caller.device_id == read.caller.device_id)
            place = &set[i];
    *place = read;
    place->until_ms = now + REMEMBER_MS;
    *out = place;
    return CT_OK;
}

enum ct_result ct_authenticator_find(struct ct_authenticator *authenticator, struct ct_str username,
                                     struct ct_sip_caller *out)
{
    const struct known *known;
    enum ct_result result = find(authenticator, username, &known);
    if (result == CT_OK)
        *out = known->caller;
    return result;
}

void ct_authenticator_forget(struct ct_authenticator *authenticator, int64_t device_id)
{
    for (size_t i = 0; i < authenticator->sets * WAYS; i++)
        if (device_id == 0 || authenticator->known[i].caller.device_id == device_id)
            explicit_bzero(&authenticator->known[i], sizeof(authenticator->known[i]));
}

/* SIP_DOMAIN until the first device is made; from then on what its digests were made with. */
static enum ct_result read_realm(struct ct_authenticator *authenticator, struct ct_str *out)
{
    struct ct_db *db;
    *out = authenticator->realm;
    if (out->len > 0)
        return CT_OK;
    enum ct_result result = ct_reader_begin(authenticator->options.reader, &db);
    if (result != CT_OK)
        return result;
    result = ct_realm_read(authenticator->arena, db, &authenticator->realm);
    ct_reader_end(authenticator->options.reader, db);
    *out = authenticator->realm;
    if (result != CT_NOT_FOUND)
        return result;
    *out = ct_str_of(authenticator->options.domain);
    return CT_OK;
}

/* A nonce is for an address: that of an IPv6 network, as a phone may change the rest. */
static struct ct_digest_moment moment_of(struct ct_authenticator *authenticator,
                                         const struct ct_sip_hop *from)
{
    const struct ct_sip_env *env = authenticator->options.env;
    struct ct_digest_moment moment = {.unix_ms = env->unix_ms(env->ctx)};
    moment.for_whom =
        (struct ct_str){(const char *)from->peer.bytes, from->peer.family == CT_SIP_IPV4 ? 4 : 8};
    env->random(env->ctx, &moment.random, sizeof(moment.random));
    return moment;
}

static void refuse(struct ct_sip_server *transaction)
{
    const struct ct_sip_reply_options options = {.headers = CT_STR(RETRY_AFTER), .forget = true};
    (void)!ct_sip_reply(transaction, 503, &options);
}

static void refuse_credentials(struct ct_sip_server *transaction)
{
    const struct ct_sip_reply_options options = {.reason = CT_STR("Credentials Of Another Request"),
                                                 .forget = true};
    (void)!ct_sip_reply(transaction, 400, &options);
}

static bool offers(const struct ct_authenticator *authenticator, enum ct_digest_algorithm algorithm)
{
    return algorithm == CT_DIGEST_MD5 ? !authenticator->options.no_md5
                                      : !authenticator->options.no_sha256;
}

static void challenge(struct ct_authenticator *authenticator, struct ct_sip_server *transaction,
                      struct ct_str realm, bool stale)
{
    static const enum ct_digest_algorithm best_first[] = {CT_DIGEST_SHA256, CT_DIGEST_MD5};
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL) {
        refuse(transaction);
        return;
    }
    struct ct_buf headers = ct_buf_in(arena);
    const struct ct_digest_moment moment =
        moment_of(authenticator, ct_sip_server_from(transaction));
    for (size_t i = 0; i < CT_DIGEST_ALGORITHMS; i++) {
        if (!offers(authenticator, best_first[i]))
            continue;
        ct_buf_text(&headers, "WWW-Authenticate: ");
        ct_digest_print_challenge(authenticator->digest, best_first[i], realm, stale, &moment,
                                  &headers);
        ct_buf_text(&headers, "\r\n");
    }
    const struct ct_sip_reply_options options = {.headers = ct_buf_done(&headers), .forget = true};
    if (headers.failed)
        refuse(transaction);
    else
        (void)!ct_sip_reply(transaction, 401, &options);
    ct_arena_free(arena);
}

/* The first credentials for our realm that can be judged. CT_NOT_FOUND: there are none. */
static enum ct_result read_credentials(const struct ct_authenticator *authenticator,
                                       struct ct_arena *arena, const struct ct_sip_message *message,
                                       struct ct_str realm, struct ct_digest_credentials *out)
{
    struct ct_sip_cursor cursor = {0};
    struct ct_str value;
    while (ct_sip_next_value(message, CT_SIP_H_AUTHORIZATION, &cursor, &value)) {
        enum ct_result result = ct_digest_read_credentials(arena, value, out);
        if (result == CT_NOMEM)
            return result;
        if (result == CT_OK && out->algorithm_known && offers(authenticator, out->algorithm) &&
            (realm.len == 0 || ct_str_equal(out->realm, realm)))
            return CT_OK;
    }
    return CT_NOT_FOUND;
}

bool ct_authenticator_is_named(struct ct_authenticator *authenticator,
                               const struct ct_sip_message *message)
{
    struct ct_digest_credentials credentials;
    const struct known *known;
    if (!ct_sip_has(message, CT_SIP_H_AUTHORIZATION))
        return false;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return false;
    bool named = read_credentials(authenticator, arena, message, (struct ct_str){0},
                                  &credentials) == CT_OK &&
                 find(authenticator, credentials.username, &known) == CT_OK;
    ct_arena_free(arena);
    return named;
}

/* Whether credentials are for this request: their URI names the same user (RFC 7616 section 3.4.6). Who hears them under
 * way could call whom he likes with them otherwise. Host, port and parameters may be another's on the way here, where
 * proxies write them anew (RFC 3261 section 22.4); scheme and user are left as they are by all of them. Some clients
 * (SIPp) always name the server alone, without a user: what they sign is good for each number, once. CT_INVALID: they are
 * not. */
static enum ct_result check_uri(struct ct_arena *arena, const struct ct_sip_message *message,
                                const struct ct_digest_credentials *credentials)
{
    struct ct_sip_uri uri;
    struct ct_str said;
    struct ct_str asked;
    if (!ct_sip_uri_read(credentials->uri, &uri) ||
        (uri.scheme == CT_SIP_URI_TEL) != (message->uri.scheme == CT_SIP_URI_TEL))
        return CT_INVALID;
    enum ct_result result = ct_sip_unescape(arena, uri.user, &said);
    if (result == CT_OK)
        result = ct_sip_unescape(arena, message->uri.user, &asked);
    return result == CT_OK && said.len > 0 && !ct_str_equal(said, asked) ? CT_INVALID : result;
}

/* What is to be done with a request. */
enum outcome { GOOD, ASK, ASK_AGAIN, FAILED, ANOTHER, AWAY };

/* Finds who is meant by a username. */
typedef enum ct_result lookup(void *ctx, struct ct_str username, const struct known **out);

static enum outcome judge(struct ct_authenticator *authenticator, struct ct_sip_server *transaction,
                          const struct ct_sip_message *message, struct ct_arena *arena,
                          struct ct_str realm, lookup *look, void *look_ctx,
                          struct ct_sip_caller *out)
{
    struct ct_digest_credentials credentials;
    const struct known *known;
    enum ct_result result = read_credentials(authenticator, arena, message, realm, &credentials);
    if (result != CT_OK)
        return result == CT_NOT_FOUND ? ASK : AWAY;
    /* before anything is told of the password */
    result = check_uri(arena, message, &credentials);
    if (result != CT_OK)
        return result == CT_INVALID ? ANOTHER : AWAY;
    result = look(look_ctx, credentials.username, &known);
    if (result == CT_NOT_FOUND) {
        /* It is asked as if there were such a device. A nonce that is good says that the address is no forged one. */
        static const struct known nobody;
        known = &nobody;
    } else if (result != CT_OK) {
        return AWAY;
    }
    const struct ct_digest_moment moment =
        moment_of(authenticator, ct_sip_server_from(transaction));
    switch (ct_digest_judge(authenticator->digest, &credentials, message->method_name,
                            &known->ha1[credentials.algorithm], &moment)) {
    case CT_DIGEST_RIGHT:
        if (result != CT_OK)
            return FAILED;
        *out = known->caller;
        return GOOD;
    case CT_DIGEST_STALE:
        return ASK_AGAIN;
    case CT_DIGEST_WRONG:
    default:
        return FAILED;
    }
}

static bool authenticate(struct ct_authenticator *authenticator, struct ct_sip_server *transaction,
                         const struct ct_sip_message *message, lookup *look, void *look_ctx,
                         struct ct_sip_caller *out)
{
    const struct ct_authenticator_options *options = &authenticator->options;
    struct ct_str realm;
    struct ct_arena *arena = ct_arena_new();
    enum outcome outcome = AWAY;
    if (arena != NULL && read_realm(authenticator, &realm) == CT_OK)
        outcome = judge(authenticator, transaction, message, arena, realm, look, look_ctx, out);
    ct_arena_free(arena);
    if ((outcome == GOOD || outcome == FAILED) && options->tried != NULL)
        options->tried(options->tried_ctx, ct_sip_server_from(transaction), outcome == FAILED);
    if (outcome == AWAY)
        refuse(transaction);
    else if (outcome == ANOTHER)
        refuse_credentials(transaction);
    else if (outcome != GOOD)
        challenge(authenticator, transaction, realm, outcome == ASK_AGAIN);
    return outcome == GOOD;
}

static enum ct_result find_device(void *ctx, struct ct_str username, const struct known **out)
{
    return find(ctx, username, out);
}

bool ct_authenticate(struct ct_authenticator *authenticator, struct ct_sip_server *transaction,
                     const struct ct_sip_message *message, struct ct_sip_caller *out)
{
    return authenticate(authenticator, transaction, message, find_device, authenticator, out);
}

/* A trunk. */
struct handed {
    struct ct_str username;
    struct known known;
};

static enum ct_result find_handed(void *ctx, struct ct_str username, const struct known **out)
{
    const struct handed *handed = ctx;
    *out = &handed->known;
    return ct_str_equal(username, handed->username) ? CT_OK : CT_NOT_FOUND;
}

bool ct_authenticate_as(struct ct_authenticator *authenticator, struct ct_sip_server *transaction,
                        const struct ct_sip_message *message, struct ct_str username,
                        struct ct_str ha1_md5, struct ct_str ha1_sha256)
{
    struct ct_sip_caller caller;
    struct handed handed = {.username = username};
    if (!copy_hex(ha1_md5, &handed.known.ha1[CT_DIGEST_MD5]) ||
        !copy_hex(ha1_sha256, &handed.known.ha1[CT_DIGEST_SHA256])) {
        refuse(transaction);
        return false;
    }
    bool good = authenticate(authenticator, transaction, message, find_handed, &handed, &caller);
    explicit_bzero(&handed, sizeof(handed));
    return good;
}
