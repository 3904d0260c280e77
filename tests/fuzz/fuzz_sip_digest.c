/* Whatever a header of digest authentication holds, it is read or refused; what was read gives the same when it
 * is answered and read again, and no stranger's credentials are right. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sip/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct ct_digest_credentials *credentials)
{
    const struct ct_digest_server_options options = {.nonce_ms = 1000, .slots = 8};
    struct ct_digest_server *server;
    struct ct_digest_hex ha1;
    if (!credentials->algorithm_known)
        return;
    assert(ct_digest_server_new(&options, &server) == CT_OK);
    ct_digest_ha1(credentials->algorithm, credentials->username, credentials->realm,
                  CT_STR("a password that nobody guesses"), &ha1);
    const struct ct_digest_moment now = {.unix_ms = 1000};
    assert(ct_digest_judge(server, credentials, CT_STR("REGISTER"), &ha1, &now) != CT_DIGEST_RIGHT);
    ct_digest_server_free(server);
}

static void answer(struct ct_arena *arena, const struct ct_digest_challenge *challenge)
{
    struct ct_digest_hex ha1;
    struct ct_digest_credentials read;
    struct ct_buf out = ct_buf_in(arena);
    ct_digest_ha1(challenge->algorithm, CT_STR("u"), challenge->realm, CT_STR("p"), &ha1);
    const struct ct_digest_request request = {.method = CT_STR("INVITE"),
                                              .uri = CT_STR("sip:a@example.com"),
                                              .username = CT_STR("u"),
                                              .cnonce = CT_STR("\\\""),
                                              .nc = 0x12abcdef,
                                              .ha1 = &ha1};
    if (ct_digest_answer(challenge, &request, &out) != CT_OK)
        return;
    assert(ct_digest_read_credentials(arena, ct_buf_done(&out), &read) == CT_OK);
    assert(ct_str_equal(read.realm, challenge->realm) &&
           ct_str_equal(read.nonce, challenge->nonce));
    assert(ct_str_equal(read.opaque, challenge->opaque) && read.algorithm == challenge->algorithm);
    assert(!challenge->qop || (read.nc == 0x12abcdef && ct_str_equal(read.cnonce, request.cnonce)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_str in = {(const char *)data, size};
    struct ct_digest_credentials credentials;
    struct ct_digest_challenge challenge;
    struct ct_arena *arena = ct_arena_new();
    assert(arena != NULL);
    enum ct_result result = ct_digest_read_credentials(arena, in, &credentials);
    assert(result == CT_OK || result == CT_INVALID);
    if (result == CT_OK)
        judge(&credentials);
    result = ct_digest_read_challenge(arena, in, &challenge);
    assert(result == CT_OK || result == CT_INVALID);
    if (result == CT_OK)
        answer(arena, &challenge);
    ct_arena_free(arena);
    return 0;
}
