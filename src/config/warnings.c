#include <string.h>

#include "config/settings.h"

/* The most lines besides the notices. */
#define OWN_LINES 3
#define MAKE_ONE "make a random one, as with: head -c 32 /dev/urandom | base64"

/* RFC 7518 section 3.2: a key is at least as long as the output of the hash; 0: no key of this kind. */
static const size_t KEY_LEAST[] = {
    [CT_HS256] = 32, [CT_HS384] = 48, [CT_HS512] = 64, [CT_RS256] = 0, [CT_ES256] = 0};
static const char *const ALGORITHM_NAME[] = {[CT_HS256] = "HS256",
                                             [CT_HS384] = "HS384",
                                             [CT_HS512] = "HS512",
                                             [CT_RS256] = "RS256",
                                             [CT_ES256] = "ES256"};

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

/* The lines for one start. */
struct lines {
    struct ct_arena *arena;
    const char **at;
    size_t count;
};

static enum ct_result add(struct lines *lines, const char *line)
{
    if (line == NULL)
        return CT_NOMEM;
    lines->at[lines->count++] = line;
    return CT_OK;
}

/* Anybody can sign tokens with a weak key, whether or not the server still does. */
static enum ct_result judge_key(struct lines *lines, const char *name, const char *key,
                                enum ct_algorithm algorithm)
{
    size_t size = strlen(key);
    size_t least = KEY_LEAST[algorithm];

    if (size == 0)
        return CT_OK;
    if (is_example(key))
        return add(lines,
                   ct_arena_printf(
                       lines->arena,
                       "%s is a well-known example: anybody can sign tokens with it; " MAKE_ONE,
                       name));
    if (size >= least)
        return CT_OK;
    return add(lines, ct_arena_printf(lines->arena,
                                      "%s has %zu bytes, %s needs at least %zu (RFC 7518 section "
                                      "3.2): a short key can be guessed; make a random one, as "
                                      "with: head -c %zu /dev/urandom | base64",
                                      name, size, ALGORITHM_NAME[algorithm], least, least));
}

/* Which of the two signs, ALGORITHM says; the other one is set in vain. */
static enum ct_result judge_unused(struct lines *lines, const struct ct_config *config)
{
    bool pair = KEY_LEAST[config->algorithm] == 0;
    const char *unused = pair ? config->secret_key : config->jwt_private_key_file;

    if (unused[0] == '\0')
        return CT_OK;
    return add(lines, ct_arena_printf(lines->arena, "%s is set, and ALGORITHM=%s does not use it",
                                      pair ? "SECRET_KEY" : "JWT_PRIVATE_KEY_FILE",
                                      ALGORITHM_NAME[config->algorithm]));
}

enum ct_result ct_config_warnings(struct ct_arena *arena, const struct ct_config *config,
                                  const char *const **out)
{
    struct lines lines = {.arena = arena};
    enum ct_algorithm algorithm = (enum ct_algorithm)config->algorithm;
    size_t count = 0;

    while (config->notices != NULL && config->notices[count] != NULL)
        count++;
    lines.at = ct_arena_alloc(arena, (count + OWN_LINES + 1) * sizeof(*lines.at));
    if (lines.at == NULL)
        return CT_NOMEM;
    enum ct_result result = judge_unused(&lines, config);
    if (result == CT_OK && KEY_LEAST[algorithm] > 0)
        result = judge_key(&lines, "SECRET_KEY", config->secret_key, algorithm);
    if (result == CT_OK)
        result = judge_key(&lines, "SECRET_KEY_PREVIOUS", config->secret_key_previous, algorithm);
    if (result != CT_OK)
        return result;
    for (size_t i = 0; i < count; i++)
        lines.at[lines.count++] = config->notices[i];
    *out = lines.at;
    return CT_OK;
}

enum ct_result ct_config_require_secret(const struct ct_config *config, const char **why)
{
    if (KEY_LEAST[config->algorithm] == 0) {
        if (config->jwt_private_key_file[0] != '\0')
            return CT_OK;
        *why =
            "JWT_PRIVATE_KEY_FILE is not set, and with ALGORITHM=RS256 or ES256 access tokens are "
            "signed with the private key in it; to make one for ES256: openssl ecparam -name "
            "prime256v1 -genkey -noout -out jwt.pem";
        return CT_INVALID;
    }
    if (config->secret_key[0] != '\0')
        return CT_OK;
    *why = "SECRET_KEY is not set, and access tokens are signed with it; to put a random one into "
           ".env: printf '\\nSECRET_KEY=%s\\n' \"$(head -c 32 /dev/urandom | base64)\" >> .env";
    return CT_INVALID;
}
