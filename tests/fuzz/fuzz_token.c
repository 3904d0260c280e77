/* The first byte chooses how the rest is taken: as a token; as claims; as header, a newline, claims. The
 * last two get a signature that is right, or a fuzzer would never come past it. What is accepted must say
 * the same to another reader of JSON. */
#include <assert.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../unit/accounts/forge.h"
#include "accounts/token.h"

#define NOW INT64_C(1700000000)
#define HEADER CT_STR("{\"alg\":\"HS256\",\"typ\":\"JWT\"}")
#define SECRET "0123456789abcdef0123456789abcdef"
/* HMAC-SHA256(SECRET, "kid"), the first 64 bits */
#define KEY_ID "UsVPKXn6Hy0"

static const struct ct_config config = {
    .algorithm = CT_HS256,
    .secret_key = SECRET,
    .secret_key_previous = "",
    .jwt_private_key_file = "",
    .jwt_previous_key_file = "",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What this program accepts, jansson reads too, but for a number too large or U+0000 in a value that is
 * of no interest here. */
static json_t *read_again(struct ct_str json)
{
    json_error_t error = {0};
    json_t *value = json_loadb(json.at, json.len, 0, &error);

    assert(value != NULL || strstr(error.text, "\\u0000") != NULL ||
           strstr(error.text, "NUL byte") != NULL ||
           json_error_code(&error) == json_error_numeric_overflow);
    assert(value == NULL || json_is_object(value));
    return value;
}

static void check(struct ct_str header, struct ct_str json, const struct ct_claims *claims)
{
    json_t *head = read_again(header);
    json_t *body = read_again(json);
    char user_id[32];

    assert(claims->user_id > 0 && claims->expires_at > NOW && claims->issued_at >= 0 &&
           claims->login_at >= 0 && claims->epoch >= 0);
    if (head != NULL) {
        assert(strcmp(json_string_value(json_object_get(head, "alg")), "HS256") == 0);
        assert(json_object_get(head, "crit") == NULL);
        const json_t *key_id = json_object_get(head, "kid");
        assert(key_id == NULL || strcmp(json_string_value(key_id), KEY_ID) == 0);
    }
    if (body != NULL) {
        const char *id = json_string_value(json_object_get(body, "jti"));
        (void)snprintf(user_id, sizeof(user_id), "%lld", (long long)claims->user_id);
        assert(strcmp(json_string_value(json_object_get(body, "sub")), user_id) == 0);
        assert(json_integer_value(json_object_get(body, "exp")) == claims->expires_at);
        assert(json_integer_value(json_object_get(body, "iat")) == claims->issued_at);
        const json_t *login = json_object_get(body, "auth_time");
        assert(claims->login_at == (login == NULL ? claims->issued_at : json_integer_value(login)));
        assert(json_integer_value(json_object_get(body, "epoch")) == claims->epoch);
        assert(json_integer_value(json_object_get(body, "nbf")) <= NOW);
        assert(json_object_get(body, "aud") == NULL);
        assert(ct_str_equal(claims->id, ct_str_of(id)));
    }
    json_decref(head);
    json_decref(body);
}

static struct ct_str token_of(struct ct_arena *arena, int how, struct ct_str input,
                              struct ct_str *header, struct ct_str *claims)
{
    const char *newline = input.len == 0 ? NULL : memchr(input.at, '\n', input.len);

    *header = HEADER;
    *claims = input;
    if (how == 0)
        return input;
    if (how == 2 && newline != NULL) {
        *header = (struct ct_str){input.at, (size_t)(newline - input.at)};
        *claims = (struct ct_str){newline + 1, input.len - header->len - 1};
    }
    return forge_token(arena, CT_STR(SECRET), *header, *claims);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_str header;
    struct ct_str json;
    struct ct_claims claims;

    if (size == 0)
        return 0;
    struct ct_arena *arena = ct_arena_new();
    assert(arena != NULL);
    struct ct_token_keys *keys = NULL;
    const char *why;
    enum ct_result result = ct_token_keys_load(arena, &config, &keys, &why);
    assert(result == CT_OK);
    int how = data[0] % 3;
    struct ct_str input = {(const char *)data + 1, size - 1};
    struct ct_str token = token_of(arena, how, input, &header, &json);
    result = ct_token_verify(arena, keys, token, NOW, &claims);
    assert(result == CT_OK || result == CT_DENIED);
    if (result == CT_OK && how != 0)
        check(header, json, &claims);
    ct_token_keys_free(keys);
    ct_arena_free(arena);
    return 0;
}
