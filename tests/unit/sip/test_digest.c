#include "sip/digest.h"

#include <string.h>

#include "harness.h"

#define NOW INT64_C(1790000000000)
#define NONCE_MS 300000

static const struct ct_digest_moment moment = {
    .unix_ms = NOW, .random = 7, .for_whom = {"\xc0\0\2\1", 4}};

/* RFC 7616 section 3.9.1, for both algorithms. */
static enum ct_result test_examples(void)
{
    static const char *const responses[] = {
        "8ca523f5e9506fed4657c9700eebdbec",
        "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"};
    const struct ct_digest_request request = {
        .method = CT_STR("GET"),
        .uri = CT_STR("/dir/index.html"),
        .username = CT_STR("Mufasa"),
        .cnonce = CT_STR("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"),
        .nc = 1};
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    for (int i = 0; i < CT_DIGEST_ALGORITHMS; i++) {
        struct ct_digest_challenge challenge;
        struct ct_digest_credentials read;
        struct ct_digest_hex ha1;
        struct ct_digest_request this = request;
        struct ct_buf text = ct_buf_in(arena);
        struct ct_buf out = ct_buf_in(arena);
        ct_buf_printf(&text,
                      "Digest realm=\"http-auth@example.org\",\r\n qop=\"auth, auth-int\", "
                      "algorithm=%s, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", "
                      "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
                      ct_digest_algorithm_name((enum ct_digest_algorithm)i));
        if (text.failed) {
            result = CT_NOMEM;
            goto out;
        }
        TRY(ct_digest_read_challenge(arena, ct_buf_done(&text), &challenge));
        EXPECT(ct_digest_can_answer(&challenge) && challenge.qop_auth && !challenge.stale);
        ct_digest_ha1(challenge.algorithm, request.username, challenge.realm,
                      CT_STR("Circle of Life"), &ha1);
        this.ha1 = &ha1;
        TRY(ct_digest_answer(&challenge, &this, &out));
        if (out.failed) {
            result = CT_NOMEM;
            goto out;
        }
        TRY(ct_digest_read_credentials(arena, ct_buf_done(&out), &read));
        EXPECT(ct_str_equal(read.response, ct_str_of(responses[i])));
        EXPECT(ct_str_equal(read.username, CT_STR("Mufasa")) && read.nc == 1);
        EXPECT(ct_str_equal(read.opaque, challenge.opaque));
        EXPECT(ct_str_equal(read.cnonce, request.cnonce));
        EXPECT(read.algorithm_known && read.algorithm == (enum ct_digest_algorithm)i);
    }
out:
    ct_arena_free(arena);
    return result;
}

/* RFC 2069's form, for carriers that offer no quality of protection. */
static enum ct_result test_without_qop(void)
{
    enum ct_result result = CT_OK;
    struct ct_digest_challenge challenge;
    struct ct_digest_credentials read;
    struct ct_digest_hex ha1;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    struct ct_buf out = ct_buf_in(arena);
    TRY(ct_digest_read_challenge(arena,
                                 CT_STR("digest realm=\"testrealm@host.com\" , "
                                        "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\",stale=TRUE"),
                                 &challenge));
    EXPECT(!challenge.qop && challenge.stale && challenge.algorithm == CT_DIGEST_MD5);
    ct_digest_ha1(CT_DIGEST_MD5, CT_STR("Mufasa"), challenge.realm, CT_STR("CircleOfLife"), &ha1);
    const struct ct_digest_request request = {.method = CT_STR("GET"),
                                              .uri = CT_STR("/dir/index.html"),
                                              .username = CT_STR("Mufasa"),
                                              .ha1 = &ha1};
    TRY(ct_digest_answer(&challenge, &request, &out));
    if (out.failed) {
        result = CT_NOMEM;
        goto out;
    }
    TRY(ct_digest_read_credentials(arena, ct_buf_done(&out), &read));
    EXPECT(ct_str_equal(read.response, CT_STR("1949323746fe6a43ef61f9606e7febea")));
    EXPECT(read.qop.len == 0 && read.nc == 0 && read.cnonce.len == 0);
out:
    ct_arena_free(arena);
    return result;
}

#define REQUIRED "username=\"u\",realm=\"r\",nonce=\"n\",uri=\"sip:h\",response=\"x\""

static enum ct_result test_forms(void)
{
    static const struct {
        const char *text;
        enum ct_result result;
    } cases[] = {
        {"Digest " REQUIRED, CT_OK},
        {"DIGEST\t" REQUIRED " , extra=1", CT_OK},
        {"Digest " REQUIRED ",qop=\"auth\",nc=0000000A", CT_OK},
        {"", CT_INVALID},
        {"Digest", CT_INVALID},
        {"Digest ", CT_INVALID},
        {"Basic dTpw", CT_INVALID},
        {"Digestion " REQUIRED, CT_INVALID},
        {"Digest" REQUIRED, CT_INVALID},
        {"Digest " REQUIRED ",", CT_INVALID},
        {"Digest " REQUIRED ",,qop=auth", CT_INVALID},
        {"Digest " REQUIRED " qop=auth", CT_INVALID},
        {"Digest " REQUIRED ",qop", CT_INVALID},
        {"Digest " REQUIRED ",qop=", CT_INVALID},
        {"Digest " REQUIRED ",cnonce=\"open", CT_INVALID},
        {"Digest " REQUIRED ",cnonce=\"open\\", CT_INVALID},
        {"Digest " REQUIRED ",cnonce=\"a\r\nb\"", CT_INVALID},
        {"Digest " REQUIRED ",nonce=\"m\"", CT_INVALID},
        {"Digest " REQUIRED ",NONCE=\"m\"", CT_INVALID},
        {"Digest username=\"u\",realm=\"r\",nonce=\"n\",uri=\"sip:h\"", CT_INVALID},
        {"Digest realm=\"r\",nonce=\"n\",uri=\"sip:h\",response=\"x\"", CT_INVALID},
    };
    enum ct_result result = CT_OK;
    struct ct_digest_credentials read;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        EXPECT_RESULT(cases[i].result,
                      ct_digest_read_credentials(arena, ct_str_of(cases[i].text), &read));
    TRY(ct_digest_read_credentials(
        arena, CT_STR("Digest " REQUIRED ",cnonce=\"a\\\"b\\\\\",algorithm=SHA-512-256,nc=1g"),
        &read));
    EXPECT(ct_str_equal(read.cnonce, CT_STR("a\"b\\")) && !read.algorithm_known && read.nc == 0);
    TRY(ct_digest_read_credentials(
        arena, CT_STR("Digest " REQUIRED ",algorithm=\"sha-256\",nc=ffffffff"), &read));
    EXPECT(read.algorithm_known && read.algorithm == CT_DIGEST_SHA256 && read.nc == UINT32_MAX);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_challenges(void)
{
    static const struct {
        const char *text;
        bool can;
    } cases[] = {
        {"Digest realm=\"r\",nonce=\"n\"", true},
        {"Digest realm=\"r\",nonce=\"n\",qop=\"auth\"", true},
        {"Digest realm=\"r\",nonce=\"n\",qop=\"auth-int,auth\"", true},
        {"Digest realm=\"r\",nonce=\"n\",qop=\"auth-int\"", false},
        {"Digest realm=\"r\",nonce=\"n\",qop=\"\"", false},
        {"Digest realm=\"r\",nonce=\"n\",qop=\"a b,/\"", false},
        {"Digest realm=\"r\",nonce=\"n\",algorithm=MD5-sess", false},
        {"Digest realm=\"r\",nonce=\"n\",algorithm=AKAv1-MD5", false},
    };
    enum ct_result result = CT_OK;
    struct ct_digest_challenge read;
    struct ct_digest_hex ha1;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    ct_digest_ha1(CT_DIGEST_MD5, CT_STR("u"), CT_STR("r"), CT_STR("p"), &ha1);
    const struct ct_digest_request request = {
        .method = CT_STR("GET"), .uri = CT_STR("sip:h"), .username = CT_STR("u"), .ha1 = &ha1};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_buf out = ct_buf_in(arena);
        TRY(ct_digest_read_challenge(arena, ct_str_of(cases[i].text), &read));
        EXPECT(ct_digest_can_answer(&read) == cases[i].can);
        EXPECT_RESULT(cases[i].can ? CT_OK : CT_INVALID, ct_digest_answer(&read, &request, &out));
    }
    EXPECT_RESULT(CT_INVALID, ct_digest_read_challenge(arena, CT_STR("Digest realm=\"r\""), &read));
    EXPECT_RESULT(CT_INVALID, ct_digest_read_challenge(arena, CT_STR("Digest nonce=\"r\""), &read));
out:
    ct_arena_free(arena);
    return result;
}

/* One phone that answers what a server asks. */
struct phone {
    struct ct_arena *arena;
    struct ct_digest_server *server;
    struct ct_digest_challenge challenge;
    struct ct_digest_hex ha1;
    struct ct_str at;
};

static enum ct_result meet(struct phone *phone, size_t slots)
{
    struct ct_digest_server_options options = {.nonce_ms = NONCE_MS, .slots = slots};
    memset(options.key, 9, sizeof(options.key));
    *phone = (struct phone){.arena = ct_arena_new()};
    return phone->arena == NULL ? CT_NOMEM : ct_digest_server_new(&options, &phone->server);
}

static void part(struct phone *phone)
{
    ct_digest_server_free(phone->server);
    ct_arena_free(phone->arena);
}

static enum ct_result be_asked(struct phone *phone, enum ct_digest_algorithm algorithm,
                               const struct ct_digest_moment *when)
{
    struct ct_buf text = ct_buf_in(phone->arena);
    phone->at = when->for_whom;
    ct_digest_print_challenge(phone->server, algorithm, CT_STR("a \"realm\""), false, when, &text);
    if (text.failed)
        return CT_NOMEM;
    ct_digest_ha1(algorithm, CT_STR("u"), CT_STR("a \"realm\""), CT_STR("p"), &phone->ha1);
    return ct_digest_read_challenge(phone->arena, ct_buf_done(&text), &phone->challenge);
}

/* The verdict on an answer with the count @p nc, judged after @p after_ms. */
static enum ct_result answer(struct phone *phone, uint32_t nc, int64_t after_ms,
                             enum ct_digest_verdict *out)
{
    struct ct_digest_credentials read;
    struct ct_buf text = ct_buf_in(phone->arena);
    const struct ct_digest_moment then = {.unix_ms = NOW + after_ms, .for_whom = phone->at};
    const struct ct_digest_request request = {.method = CT_STR("REGISTER"),
                                              .uri = CT_STR("sip:example.com"),
                                              .username = CT_STR("u"),
                                              .cnonce = CT_STR("c"),
                                              .nc = nc,
                                              .ha1 = &phone->ha1};
    enum ct_result result = ct_digest_answer(&phone->challenge, &request, &text);
    if (result == CT_OK && text.failed)
        result = CT_NOMEM;
    if (result == CT_OK)
        result = ct_digest_read_credentials(phone->arena, ct_buf_done(&text), &read);
    if (result == CT_OK)
        *out = ct_digest_judge(phone->server, &read, CT_STR("REGISTER"), &phone->ha1, &then);
    return result;
}

static enum ct_result test_counts(void)
{
    static const struct {
        uint32_t nc;
        enum ct_digest_verdict verdict;
    } cases[] = {
        {1, CT_DIGEST_RIGHT},   {1, CT_DIGEST_STALE},   {3, CT_DIGEST_RIGHT},
        {2, CT_DIGEST_RIGHT},   {2, CT_DIGEST_STALE},   {3, CT_DIGEST_STALE},
        {66, CT_DIGEST_RIGHT},  {3, CT_DIGEST_STALE},   {2, CT_DIGEST_STALE},
        {4, CT_DIGEST_RIGHT},   {4, CT_DIGEST_STALE},   {1000, CT_DIGEST_RIGHT},
        {937, CT_DIGEST_RIGHT}, {936, CT_DIGEST_STALE}, {UINT32_MAX, CT_DIGEST_RIGHT},
        {1, CT_DIGEST_STALE},   {0, CT_DIGEST_WRONG},
    };
    enum ct_result result = CT_OK;
    enum ct_digest_verdict verdict;
    struct phone phone;
    TRY(meet(&phone, 8));
    TRY(be_asked(&phone, CT_DIGEST_SHA256, &moment));
    EXPECT(ct_str_equal(phone.challenge.realm, CT_STR("a \"realm\"")));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        TRY(answer(&phone, cases[i].nc, 0, &verdict));
        EXPECT(verdict == cases[i].verdict);
    }
out:
    part(&phone);
    return result;
}

static enum ct_result test_times(void)
{
    enum ct_result result = CT_OK;
    enum ct_digest_verdict verdict;
    struct phone phone;
    TRY(meet(&phone, 8));
    for (int i = 0; i < CT_DIGEST_ALGORITHMS; i++) {
        const struct ct_digest_moment when = {.unix_ms = NOW, .random = (uint64_t)i};
        TRY(be_asked(&phone, (enum ct_digest_algorithm)i, &when));
        TRY(answer(&phone, 1, NONCE_MS - 1, &verdict));
        EXPECT(verdict == CT_DIGEST_RIGHT);
        TRY(answer(&phone, 2, NONCE_MS, &verdict));
        EXPECT(verdict == CT_DIGEST_STALE);
        TRY(answer(&phone, 2, -60000, &verdict));
        EXPECT(verdict == CT_DIGEST_RIGHT);
        TRY(answer(&phone, 3, -60001, &verdict));
        EXPECT(verdict == CT_DIGEST_STALE);
    }
out:
    part(&phone);
    return result;
}

/* Whoever has another key, or another address, has other nonces; a wrong response is a failure when the nonce is
 * good. */
static enum ct_result test_strangers(void)
{
    static const char *const nonces[] = {
        "", "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "zz00000000000000000000000000000000000000000000000000000000000000"};
    enum ct_result result = CT_OK;
    enum ct_digest_verdict verdict;
    struct phone phone;
    TRY(meet(&phone, 8));
    TRY(be_asked(&phone, CT_DIGEST_MD5, &moment));
    struct ct_str own = phone.challenge.nonce;
    EXPECT(own.len == 64);
    for (size_t i = 0; i < sizeof(nonces) / sizeof(nonces[0]); i++) {
        phone.challenge.nonce = ct_str_of(nonces[i]);
        TRY(answer(&phone, 1, 0, &verdict));
        EXPECT(verdict == CT_DIGEST_STALE);
    }
    for (size_t i = 0; i < own.len; i++) {
        char changed[64];
        memcpy(changed, own.at, sizeof(changed));
        changed[i] = changed[i] == '0' ? '1' : '0';
        phone.challenge.nonce = (struct ct_str){changed, sizeof(changed)};
        TRY(answer(&phone, 1, 0, &verdict));
        EXPECT(verdict == CT_DIGEST_STALE);
    }
    phone.challenge.nonce = own;
    phone.at = CT_STR("\xc0\0\2\2");
    TRY(answer(&phone, 1, 0, &verdict));
    EXPECT(verdict == CT_DIGEST_STALE);
    phone.at = moment.for_whom;
    phone.challenge.qop = false; /* answers as RFC 2069 has it */
    TRY(answer(&phone, 1, 0, &verdict));
    EXPECT(verdict == CT_DIGEST_WRONG);
    phone.challenge.qop = true;
    struct ct_digest_hex right = phone.ha1;
    struct ct_digest_credentials read;
    struct ct_buf text = ct_buf_in(phone.arena);
    const struct ct_digest_request request = {.method = CT_STR("REGISTER"),
                                              .uri = CT_STR("sip:example.com"),
                                              .username = CT_STR("u"),
                                              .cnonce = CT_STR("c"),
                                              .nc = 1,
                                              .ha1 = &right};
    TRY(ct_digest_answer(&phone.challenge, &request, &text));
    if (text.failed) {
        result = CT_NOMEM;
        goto out;
    }
    TRY(ct_digest_read_credentials(phone.arena, ct_buf_done(&text), &read));
    EXPECT(ct_digest_judge(phone.server, &read, CT_STR("INVITE"), &right, &moment) ==
           CT_DIGEST_WRONG);
    phone.ha1.text[0] = phone.ha1.text[0] == 'a' ? 'b' : 'a';
    EXPECT(ct_digest_judge(phone.server, &read, CT_STR("REGISTER"), &phone.ha1, &moment) ==
           CT_DIGEST_WRONG);
    read.response.len--;
    EXPECT(ct_digest_judge(phone.server, &read, CT_STR("REGISTER"), &right, &moment) ==
           CT_DIGEST_WRONG);
    read.response.len++;
    EXPECT(ct_digest_judge(phone.server, &read, CT_STR("REGISTER"), &right, &moment) ==
           CT_DIGEST_RIGHT);
out:
    part(&phone);
    return result;
}

/* In a full table the oldest makes room, and is then stale, as is all that is older. */
static enum ct_result test_full(void)
{
    enum ct_result result = CT_OK;
    enum ct_digest_verdict verdict;
    struct phone phone;
    TRY(meet(&phone, 8));
    for (int64_t i = 0; i < 9; i++) {
        const struct ct_digest_moment when = {.unix_ms = NOW + 2 * i, .random = (uint64_t)i};
        TRY(be_asked(&phone, CT_DIGEST_MD5, &when));
        TRY(answer(&phone, 1, 2 * i, &verdict));
        EXPECT(verdict == CT_DIGEST_RIGHT);
    }
    for (int64_t i = 0; i < 9; i++) {
        const struct ct_digest_moment when = {.unix_ms = NOW + 2 * i, .random = (uint64_t)i};
        TRY(be_asked(&phone, CT_DIGEST_MD5, &when));
        TRY(answer(&phone, 2, 20, &verdict));
        EXPECT(verdict == (i == 0 ? CT_DIGEST_STALE : CT_DIGEST_RIGHT));
    }
    const struct ct_digest_moment older = {.unix_ms = NOW - 1, .random = 99};
    TRY(be_asked(&phone, CT_DIGEST_MD5, &older));
    TRY(answer(&phone, 1, 20, &verdict));
    EXPECT(verdict == CT_DIGEST_STALE);
    /* Older than any that is there, but than none that was forgotten: it would be the next to go. */
    const struct ct_digest_moment between = {.unix_ms = NOW + 1, .random = 98};
    TRY(be_asked(&phone, CT_DIGEST_MD5, &between));
    TRY(answer(&phone, 1, 20, &verdict));
    EXPECT(verdict == CT_DIGEST_STALE);
    /* When the time of all is over, they are in nobody's way. */
    const struct ct_digest_moment later = {.unix_ms = NOW + NONCE_MS + 100, .random = 97};
    TRY(be_asked(&phone, CT_DIGEST_MD5, &later));
    TRY(answer(&phone, 1, NONCE_MS + 100, &verdict));
    EXPECT(verdict == CT_DIGEST_RIGHT);
out:
    part(&phone);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_examples),   CT_UNIT(test_without_qop), CT_UNIT(test_forms),
        CT_UNIT(test_challenges), CT_UNIT(test_counts),      CT_UNIT(test_times),
        CT_UNIT(test_strangers),  CT_UNIT(test_full),
    };
    return ct_unit_main("sip/digest", units, sizeof(units) / sizeof(units[0]));
}
