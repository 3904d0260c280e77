#include "sip/digest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "sip/digest_text.h"

/* A nonce in hexadecimal digits: 8 bytes of time, 8 of chance, and the first 16 of an HMAC over them. */
#define NONCE_SEED_BYTES 16
#define NONCE_MAC_BYTES 16
#define NONCE_BYTES (NONCE_SEED_BYTES + NONCE_MAC_BYTES)
/* How far the clock of this server may have been set back since it made a nonce, or that of another one with
 * the same key be ahead. */
#define CLOCK_SLACK_MS 60000

/* The counts that came with a nonce: the highest, and which of the 64 up to it. */
struct seen {
    int64_t made_ms; /* 0: free */
    uint64_t chance;
    uint64_t window;
    uint32_t highest;
};

#define WAYS 8
struct seen_set {
    struct seen of[WAYS];
    int64_t forgotten_ms; /* of the latest nonce that had to make room */
};

struct ct_digest_server {
    uint8_t key[CT_DIGEST_KEY_BYTES];
    int64_t nonce_ms;
    size_t sets;
    struct seen_set set[];
};

static const char *const algorithm_names[CT_DIGEST_ALGORITHMS] = {"MD5", "SHA-256"};

const char *ct_digest_algorithm_name(enum ct_digest_algorithm algorithm)
{
    return algorithm_names[algorithm];
}

static void write_hex(const uint8_t *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

static void hash(enum ct_digest_algorithm algorithm, const struct ct_str *pieces, size_t count,
                 struct ct_digest_hex *out)
{
    uint8_t bytes[CT_SHA256_BYTES];
    if (algorithm == CT_DIGEST_MD5)
        ct_md5_of(pieces, count, bytes);
    else
        ct_sha256_of(pieces, count, bytes);
    write_hex(bytes, algorithm == CT_DIGEST_MD5 ? CT_MD5_BYTES : CT_SHA256_BYTES, out->text);
    explicit_bzero(bytes, sizeof(bytes));
}

#define COLON CT_STR(":")

void ct_digest_ha1(enum ct_digest_algorithm algorithm, struct ct_str username, struct ct_str realm,
                   struct ct_str password, struct ct_digest_hex *out)
{
    const struct ct_str pieces[] = {username, COLON, realm, COLON, password};
    hash(algorithm, pieces, sizeof(pieces) / sizeof(pieces[0]), out);
}

/* RFC 7616 section 3.4.1; without a quality of protection RFC 2069's form of it. */
static void make_response(enum ct_digest_algorithm algorithm, const struct ct_digest_hex *ha1,
                          struct ct_str nonce, struct ct_str nc, struct ct_str cnonce, bool qop,
                          struct ct_str method, struct ct_str uri, struct ct_digest_hex *out)
{
    struct ct_digest_hex ha2;
    const struct ct_str request[] = {method, COLON, uri};
    hash(algorithm, request, 3, &ha2);
    const struct ct_str all[] = {
        ct_str_of(ha1->text), COLON, nonce, COLON, nc, COLON, cnonce, COLON, CT_STR("auth"), COLON,
        ct_str_of(ha2.text)};
    const struct ct_str old[] = {ct_str_of(ha1->text), COLON, nonce, COLON, ct_str_of(ha2.text)};
    if (qop)
        hash(algorithm, all, sizeof(all) / sizeof(all[0]), out);
    else
        hash(algorithm, old, sizeof(old) / sizeof(old[0]), out);
}

static bool read_algorithm(struct ct_str name, enum ct_digest_algorithm *out)
{
    for (int i = 0; i < CT_DIGEST_ALGORITHMS; i++)
        if (ct_str_equal_nocase(name, ct_str_of(algorithm_names[i]))) {
            *out = (enum ct_digest_algorithm)i;
            return true;
        }
    return false;
}

/* 8LHEX; 0 for what is none. */
static uint32_t read_count(struct ct_str text)
{
    uint32_t count = 0;
    if (text.len != 8)
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = ct_hex_value(text.at[i]);
        if (digit < 0)
            return 0;
        count = count << 4 | (uint32_t)digit;
    }
    return count;
}

/* A parameter of a header: its name, and where its value goes. */
struct wanted {
    const char *name;
    struct ct_str *value;
    bool seen;
};

static enum ct_result read_params(struct ct_arena *arena, struct ct_str value,
                                  struct wanted *wanted, size_t count)
{
    struct ct_digest_param param;
    struct ct_str rest;
    enum ct_result result = CT_ROW;
    if (!ct_digest_text_begin(value, &rest))
        return CT_INVALID;
    while (result == CT_ROW) {
        result = ct_digest_text_next(arena, &rest, &param);
        if (result != CT_ROW && result != CT_OK)
            return result;
        for (size_t i = 0; i < count; i++) {
            if (!ct_str_equal_nocase(param.name, ct_str_of(wanted[i].name)))
                continue;
            if (wanted[i].seen)
                return CT_INVALID;
            wanted[i].seen = true;
            *wanted[i].value = param.value;
        }
    }
    return CT_OK;
}

enum ct_result ct_digest_read_credentials(struct ct_arena *arena, struct ct_str value,
                                          struct ct_digest_credentials *out)
{
    struct ct_digest_credentials read = {0};
    struct ct_str algorithm = {0};
    struct wanted wanted[] = {
        {"username", &read.username, false}, {"realm", &read.realm, false},
        {"nonce", &read.nonce, false},       {"uri", &read.uri, false},
        {"response", &read.response, false}, {"cnonce", &read.cnonce, false},
        {"opaque", &read.opaque, false},     {"qop", &read.qop, false},
        {"nc", &read.nc_text, false},        {"algorithm", &algorithm, false},
    };
    enum ct_result result = read_params(arena, value, wanted, sizeof(wanted) / sizeof(wanted[0]));
    if (result != CT_OK)
        return result;
    for (size_t i = 0; i < 5; i++) /* up to `response` they are required */
        if (!wanted[i].seen)
            return CT_INVALID;
    read.nc = read_count(read.nc_text);
    read.algorithm_known = algorithm.len == 0 || read_algorithm(algorithm, &read.algorithm);
    *out = read;
    return CT_OK;
}

enum ct_result ct_digest_read_challenge(struct ct_arena *arena, struct ct_str value,
                                        struct ct_digest_challenge *out)
{
    struct ct_digest_challenge read = {0};
    struct ct_str algorithm = {0};
    struct ct_str stale = {0};
    struct ct_str qop = {0};
    struct wanted wanted[] = {
        {"realm", &read.realm, false},   {"nonce", &read.nonce, false},
        {"opaque", &read.opaque, false}, {"algorithm", &algorithm, false},
        {"stale", &stale, false},        {"qop", &qop, false},
    };
    enum ct_result result = read_params(arena, value, wanted, sizeof(wanted) / sizeof(wanted[0]));
    if (result != CT_OK)
        return result;
    if (!wanted[0].seen || !wanted[1].seen)
        return CT_INVALID;
    read.algorithm_known = algorithm.len == 0 || read_algorithm(algorithm, &read.algorithm);
    read.stale = ct_str_equal_nocase(stale, CT_STR("true"));
    read.qop = wanted[5].seen;
    read.qop_auth = ct_digest_text_lists(qop, CT_STR("auth"));
    *out = read;
    return CT_OK;
}

bool ct_digest_can_answer(const struct ct_digest_challenge *challenge)
{
    return challenge->algorithm_known && (!challenge->qop || challenge->qop_auth);
}

enum ct_result ct_digest_answer(const struct ct_digest_challenge *challenge,
                                const struct ct_digest_request *request, struct ct_buf *out)
{
    static const char digits[] = "0123456789abcdef";
    struct ct_digest_hex response;
    char nc[9];
    if (!ct_digest_can_answer(challenge))
        return CT_INVALID;
    for (int i = 0; i < 8; i++)
        nc[i] = digits[request->nc >> (28 - 4 * i) & 15];
    nc[8] = '\0';
    make_response(challenge->algorithm, request->ha1, challenge->nonce, ct_str_of(nc),
                  request->cnonce, challenge->qop, request->method, request->uri, &response);
    ct_digest_text_quoted(out, "Digest username=", request->username);
    ct_digest_text_quoted(out, ", realm=", challenge->realm);
    ct_digest_text_quoted(out, ", nonce=", challenge->nonce);
    ct_digest_text_quoted(out, ", uri=", request->uri);
    ct_digest_text_quoted(out, ", response=", ct_str_of(response.text));
    ct_buf_text(out, ", algorithm=");
    ct_buf_text(out, algorithm_names[challenge->algorithm]);
    if (challenge->qop) {
        ct_digest_text_quoted(out, ", cnonce=", request->cnonce);
        ct_buf_text(out, ", qop=auth, nc=");
        ct_buf_text(out, nc);
    }
    if (challenge->opaque.len > 0)
        ct_digest_text_quoted(out, ", opaque=", challenge->opaque);
    return CT_OK;
}

enum ct_result ct_digest_server_new(const struct ct_digest_server_options *options,
                                    struct ct_digest_server **out)
{
    size_t sets = (options->slots + WAYS - 1) / WAYS;
    if (sets == 0)
        sets = 1;
    struct ct_digest_server *server = calloc(1, sizeof(*server) + sets * sizeof(server->set[0]));
    if (server == NULL)
        return CT_NOMEM;
    memcpy(server->key, options->key, sizeof(server->key));
    server->nonce_ms = options->nonce_ms;
    server->sets = sets;
    *out = server;
    return CT_OK;
}

void ct_digest_server_free(struct ct_digest_server *server)
{
    if (server != NULL)
        explicit_bzero(server->key, sizeof(server->key));
    free(server);
}

static void sign(const struct ct_digest_server *server, const uint8_t seed[NONCE_SEED_BYTES],
                 struct ct_str for_whom, uint8_t out[NONCE_MAC_BYTES])
{
    uint8_t mac[CT_SHA256_BYTES];
    const struct ct_str pieces[] = {{(const char *)seed, NONCE_SEED_BYTES}, for_whom};
    ct_hmac_sha256((struct ct_str){(const char *)server->key, sizeof(server->key)}, pieces, 2, mac);
    memcpy(out, mac, NONCE_MAC_BYTES);
}

static void put_u64(uint8_t *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static uint64_t get_u64(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

void ct_digest_print_challenge(const struct ct_digest_server *server,
                               enum ct_digest_algorithm algorithm, struct ct_str realm, bool stale,
                               const struct ct_digest_moment *moment, struct ct_buf *out)
{
    uint8_t nonce[NONCE_BYTES];
    char text[2 * NONCE_BYTES + 1];
    put_u64(nonce, (uint64_t)moment->unix_ms);
    put_u64(nonce + 8, moment->random);
    sign(server, nonce, moment->for_whom, nonce + NONCE_SEED_BYTES);
    write_hex(nonce, sizeof(nonce), text);
    ct_digest_text_quoted(out, "Digest realm=", realm);
    ct_digest_text_quoted(out, ", nonce=", ct_str_of(text));
    ct_buf_text(out, ", algorithm=");
    ct_buf_text(out, algorithm_names[algorithm]);
    ct_buf_text(out, ", qop=\"auth\"");
    if (stale)
        ct_buf_text(out, ", stale=true");
}

/* Whether a nonce is one of ours and of its time. */
static bool read_nonce(const struct ct_digest_server *server, struct ct_str text,
                       const struct ct_digest_moment *moment, int64_t *made_ms, uint64_t *chance)
{
    int64_t now = moment->unix_ms;
    uint8_t nonce[NONCE_BYTES];
    uint8_t mac[NONCE_MAC_BYTES];
    if (text.len != 2 * sizeof(nonce))
        return false;
    for (size_t i = 0; i < sizeof(nonce); i++) {
        int high = ct_hex_value(text.at[2 * i]);
        int low = ct_hex_value(text.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        nonce[i] = (uint8_t)(high << 4 | low);
    }
    sign(server, nonce, moment->for_whom, mac);
    *made_ms = (int64_t)get_u64(nonce);
    *chance = get_u64(nonce + 8);
    return ct_str_equal_secret(
               (struct ct_str){(const char *)mac, sizeof(mac)},
               (struct ct_str){(const char *)nonce + NONCE_SEED_BYTES, sizeof(mac)}) &&
           *made_ms > 0 && *made_ms <= now + CLOCK_SLACK_MS && now - *made_ms < server->nonce_ms;
}

/* Whether a count comes for the first time. */
static bool count_once(struct seen *seen, uint32_t count)
{
    if (count > seen->highest) {
        uint32_t ahead = count - seen->highest;
        seen->window = ahead < 64 ? seen->window << ahead | 1 : 1;
        seen->highest = count;
        return true;
    }
    uint32_t behind = seen->highest - count;
    if (behind >= 64 || (seen->window >> behind & 1) != 0)
        return false;
    seen->window |= (uint64_t)1 << behind;
    return true;
}

/* The place of a nonce that was not seen before: a free one, or that of the oldest. NULL when it may have been
 * seen and forgotten. */
static struct seen *make_room(const struct ct_digest_server *server, struct seen_set *set,
                              int64_t made_ms, int64_t now)
{
    struct seen *place = &set->of[0];
    if (made_ms <= set->forgotten_ms)
        return NULL;
    for (size_t i = 1; i < WAYS; i++)
        if (set->of[i].made_ms < place->made_ms)
            place = &set->of[i];
    if (place->made_ms != 0 && now - place->made_ms < server->nonce_ms) {
        if (made_ms <= place->made_ms)
            return NULL;
        set->forgotten_ms = place->made_ms;
    }
    return place;
}

static bool is_first(struct ct_digest_server *server, int64_t made_ms, uint64_t chance,
                     uint32_t count, int64_t now)
{
    struct seen_set *set = &server->set[chance % server->sets];
    for (size_t i = 0; i < WAYS; i++)
        if (set->of[i].made_ms == made_ms && set->of[i].chance == chance)
            return count_once(&set->of[i], count);
    struct seen *place = make_room(server, set, made_ms, now);
    if (place == NULL)
        return false;
    *place = (struct seen){.made_ms = made_ms, .chance = chance, .window = 1, .highest = count};
    return true;
}

enum ct_digest_verdict ct_digest_judge(struct ct_digest_server *server,
                                       const struct ct_digest_credentials *credentials,
                                       struct ct_str method, const struct ct_digest_hex *ha1,
                                       const struct ct_digest_moment *moment)
{
    struct ct_digest_hex expected;
    struct ct_digest_hex sent = {{0}};
    int64_t made_ms;
    uint64_t chance;
    assert(credentials->algorithm_known);
    make_response(credentials->algorithm, ha1, credentials->nonce, credentials->nc_text,
                  credentials->cnonce, true, method, credentials->uri, &expected);
    size_t length = strlen(expected.text);
    bool formed = credentials->response.len == length && credentials->nc != 0 &&
                  credentials->cnonce.len > 0 &&
                  ct_str_equal_nocase(credentials->qop, CT_STR("auth"));
    for (size_t i = 0; formed && i < length; i++) {
        char c = credentials->response.at[i];
        sent.text[i] = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
    }
    bool right = ct_str_equal_secret((struct ct_str){sent.text, length},
                                     (struct ct_str){expected.text, length});
    if (!read_nonce(server, credentials->nonce, moment, &made_ms, &chance))
        return CT_DIGEST_STALE;
    if (!right)
        return CT_DIGEST_WRONG;
    if (!is_first(server, made_ms, chance, credentials->nc, moment->unix_ms))
        return CT_DIGEST_STALE;
    return CT_DIGEST_RIGHT;
}
