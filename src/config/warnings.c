#include <string.h>

#include "config/settings.h"

#define MAKE_ONE "make a random one, as with: head -c 32 /dev/urandom | base64"

/* RFC 7518 section 3.2: a key is at least as long as the output of the hash. */
static const size_t KEY_LEAST[] = {[CT_HS256] = 32, [CT_HS384] = 48, [CT_HS512] = 64};
static const char *const ALGORITHM_NAME[] = {
    [CT_HS256] = "HS256", [CT_HS384] = "HS384", [CT_HS512] = "HS512"};

/* Keys that stand in tutorials, templates and documentation, and what people type to get it over
 * with; as letters in lower case and digits alone, so that "Your-Secret-Key!" is found too. */
static const char *const EXAMPLES[] = {
    /* FastAPI's tutorial, and the database template that grew out of it */
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    "changethis",
    /* jwt.io */
    "secret",
    "your256bitsecret",
    "your384bitsecret",
    "your512bitsecret",
    "astringsecretatleast256bitslong",
    "avalidstringsecretthatisatleast512bitslongwhichisverylong",
    /* placeholders */
    "secretkey",
    "thesecretkey",
    "mysecret",
    "mysecretkey",
    "mysupersecretkey",
    "asecretkey",
    "averysecretkey",
    "verysecret",
    "verysecretkey",
    "supersecret",
    "supersecretkey",
    "supersecretpassword",
    "topsecret",
    "yoursecret",
    "yoursecretkey",
    "yoursecretkeyhere",
    "yoursupersecretkey",
    "yoursecretkeyforjwt",
    "yourjwtsecret",
    "yourjwtsecretkey",
    "yourkeyhere",
    "yourrandomsecretkey",
    "putyoursecretkeyhere",
    "insertyoursecretkeyhere",
    "jwtsecret",
    "jwtsecretkey",
    "changeme",
    "changemenow",
    "changemeplease",
    "pleasechangeme",
    "pleasechangethis",
    "changethiskey",
    "changethissecret",
    "changethissecretkey",
    "changethisinproduction",
    "changemeinproduction",
    "yoursecretkeychangethisinproduction",
    "yoursecretkeychangeinproduction",
    "replaceme",
    "replacethis",
    "replacewithyoursecretkey",
    "default",
    "defaultsecret",
    "defaultsecretkey",
    "dev",
    "devsecret",
    "devsecretkey",
    "development",
    "developmentsecretkey",
    "example",
    "examplekey",
    "examplesecret",
    "examplesecretkey",
    "insecure",
    "insecuresecretkey",
    "key",
    "keyboardcat",
    "password",
    "test",
    "testing",
    "testkey",
    "testsecret",
    "testsecretkey",
    "todo",
};

/* Compares, leaving out of `text` what is no letter and no digit. */
static bool is_spelling_of(const char *example, const char *text)
{
    for (;; text++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
        if (c != '\0' && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
            continue;
        if (c != *example)
            return false;
        if (c == '\0')
            return true;
        example++;
    }
}

static bool is_example(const char *key)
{
    for (size_t i = 0; i < sizeof(EXAMPLES) / sizeof(EXAMPLES[0]); i++) {
        if (is_spelling_of(EXAMPLES[i], key))
            return true;
    }
    return false;
}

/* The line on a weak key, or NULL; CT_NOMEM. */
static enum ct_result judge_key(struct ct_arena *arena, const struct ct_config *config,
                                const char **out)
{
    size_t size = strlen(config->secret_key);
    size_t least = KEY_LEAST[config->algorithm];

    *out = NULL;
    if (size == 0)
        return CT_OK;
    if (is_example(config->secret_key))
        *out = ct_arena_printf(arena, "SECRET_KEY is a well-known example: anybody can sign tokens "
                                      "with it; " MAKE_ONE);
    else if (size < least)
        *out = ct_arena_printf(arena,
                               "SECRET_KEY has %zu bytes, %s needs at least %zu (RFC 7518 section "
                               "3.2): a short key can be guessed; make a random one, as with: "
                               "head -c %zu /dev/urandom | base64",
                               size, ALGORITHM_NAME[config->algorithm], least, least);
    else
        return CT_OK;
    return *out == NULL ? CT_NOMEM : CT_OK;
}

enum ct_result ct_config_warnings(struct ct_arena *arena, const struct ct_config *config,
                                  const char *const **out)
{
    size_t count = 0;
    const char *key;
    enum ct_result result = judge_key(arena, config, &key);

    if (result != CT_OK)
        return result;
    while (config->notices != NULL && config->notices[count] != NULL)
        count++;
    const char **lines = ct_arena_alloc(arena, (count + 2) * sizeof(*lines));
    if (lines == NULL)
        return CT_NOMEM;
    if (key != NULL)
        *lines = key;
    if (count > 0)
        memcpy(lines + (key == NULL ? 0 : 1), config->notices, count * sizeof(*lines));
    *out = lines;
    return CT_OK;
}

enum ct_result ct_config_require_secret(const struct ct_config *config, const char **why)
{
    if (config->secret_key[0] != '\0')
        return CT_OK;
    *why = "SECRET_KEY is not set, and access tokens are signed with it; to put a random one into "
           ".env: printf '\\nSECRET_KEY=%s\\n' \"$(head -c 32 /dev/urandom | base64)\" >> .env";
    return CT_INVALID;
}
