/* Every setting of settings.def: its default, its value from .env, overridden by the environment,
 * and a wrong one. A setting without a line in this table fails. */
#include "base/log.h"
#include "config/settings.h"
#include "fixture.h"

struct expectation {
    const char *name;
    const char *fallback; /* the default as it is shown */
    const char *dotenv;   /* another value, and how it is shown */
    const char *dotenv_shown;
    const char *environment; /* a third */
    const char *environment_shown;
    const char *wrong;         /* a value that is refused, or NULL */
    const char *wrong_problem; /* what the line says behind "NAME is " and in front of "allowed" */
    const char *allowed;
    const char *companion; /* what else has to be set, or NULL */
};

#define DIGITS_64 "0123456789012345678901234567890123456789012345678901234567890123"
#define DIGITS_512 DIGITS_64 DIGITS_64 DIGITS_64 DIGITS_64 DIGITS_64 DIGITS_64 DIGITS_64 DIGITS_64
#define DIGITS_2048 DIGITS_512 DIGITS_512 DIGITS_512 DIGITS_512

static const struct expectation expectations[] = {
    {"SECRET_KEY", "(not set)", "abc", "(set, 3 bytes)", DIGITS_2048, "(set, 2048 bytes)",
     DIGITS_2048 "4", "(set, 2049 bytes) (environment): it is too long",
     "a text of at most 2048 bytes", NULL},
    {"ALGORITHM", "HS256", "HS384", "HS384", "HS512", "HS512", "hs256", "\"hs256\" (environment)",
     "HS256, HS384, HS512, RS256 or ES256", NULL},
    {"SECRET_KEY_PREVIOUS", "(not set)", "abc", "(set, 3 bytes)", DIGITS_2048, "(set, 2048 bytes)",
     DIGITS_2048 "4", "(set, 2049 bytes) (environment): it is too long",
     "a text of at most 2048 bytes, or empty", NULL},
    {"JWT_PRIVATE_KEY_FILE", "", "a.pem", "a.pem", "/b.pem", "/b.pem", "a\nb",
     "\"a\\x0ab\" (environment): it holds a control character",
     "the path of a PEM file with a private key, or empty", NULL},
    {"JWT_PREVIOUS_KEY_FILE", "", "a.pem", "a.pem", "/b.pem", "/b.pem", "a\nb",
     "\"a\\x0ab\" (environment): it holds a control character",
     "the path of a PEM file with a private or public key, or empty", NULL},
    {"SESSION_MAX_HOURS", "24", "1", "1", "8760", "8760", "8761", "\"8761\" (environment)",
     "a whole number of hours from 1 to 8760", NULL},
    {"LOGIN_FAILURES_MAX", "10", "1", "1", "100", "100", "101", "\"101\" (environment)",
     "a whole number of attempts from 1 to 100", NULL},
    {"LOGIN_FAILURES_MINUTES", "15", "1", "1", "1440", "1440", "1441", "\"1441\" (environment)",
     "a whole number of minutes from 1 to 1440", NULL},
    {"MAX_CONNECTIONS_PER_ADDRESS", "0", "1", "1", "1000000", "1000000", "1000001",
     "\"1000001\" (environment)", "a whole number of connections from 0 to 1000000", NULL},
    {"REQUEST_TIMEOUT_SECONDS", "60", "1", "1", "3600", "3600", "0", "\"0\" (environment)",
     "a whole number of seconds from 1 to 3600", NULL},
    {"QUEUE_WAIT_MS", "1000", "100", "100", "600000", "600000", "99", "\"99\" (environment)",
     "a whole number of milliseconds from 100 to 600000", NULL},
    {"RATE_LIMIT_PER_ADDRESS", "0", "0", "0", "10000000", "10000000", "10000001",
     "\"10000001\" (environment)", "a whole number of requests a minute from 0 to 10000000", NULL},
    {"RATE_LIMIT_PER_ACCOUNT", "0", "0", "0", "10000000", "10000000", "10000001",
     "\"10000001\" (environment)", "a whole number of requests a minute from 0 to 10000000", NULL},
    {"QUOTA_API_KEYS", "100", "0", "0", "1000000", "1000000", "1000001",
     "\"1000001\" (environment)", "a whole number of keys from 0 to 1000000", NULL},
    {"QUOTA_DEVICES", "100", "0", "0", "1000000", "1000000", "1000001", "\"1000001\" (environment)",
     "a whole number of devices from 0 to 1000000", NULL},
    {"CALLS_KEEP_DAYS", "0", "0", "0", "36500", "36500", "36501", "\"36501\" (environment)",
     "a whole number of days from 0 to 36500", NULL},
    {"EVENTS_KEEP_DAYS", "7", "1", "1", "365", "365", "0", "\"0\" (environment)",
     "a whole number of days from 1 to 365", NULL},
    {"EVENT_STREAMS_MAX", "1000", "0", "0", "100000", "100000", "100001",
     "\"100001\" (environment)", "a whole number of streams from 0 to 100000", NULL},
    {"EVENT_STREAMS_PER_ACCOUNT", "10", "0", "0", "100000", "100000", "100001",
     "\"100001\" (environment)", "a whole number of streams from 0 to 100000", NULL},
    {"QUOTA_WEBHOOKS", "10", "0", "0", "100", "100", "101", "\"101\" (environment)",
     "a whole number of webhooks from 0 to 100", NULL},
    {"WEBHOOK_PRIVATE_ADDRESSES", "", "127.0.0.1", "127.0.0.1", "10.0.0.0/8, fd00::/8",
     "10.0.0.0/8, fd00::/8", "::1, all",
     "\"::1, all\" (environment): entry 2 does not begin with an IPv4 or IPv6 address",
     "addresses and networks such as 127.0.0.1, 10.0.0.0/8, fd00::/8, separated by commas, or "
     "empty",
     NULL},
    {"CALL_MESSAGES_KEEP_DAYS", "7", "1", "1", "3650", "3650", "0", "\"0\" (environment)",
     "a whole number of days from 1 to 3650", NULL},
    {"NUMBER_POLICY", "open", "pool", "pool", "open", "open", "both", "\"both\" (environment)",
     "open or pool", NULL},
    {"NUMBER_CHECK", "describe", "strict", "strict", "describe", "describe", "both",
     "\"both\" (environment)", "describe or strict", NULL},
    {"NUMBER_QUARANTINE_DAYS", "30", "0", "0", "3650", "3650", "3651", "\"3651\" (environment)",
     "a whole number of days from 0 to 3650", NULL},
    {"NUMBER_TRANSFER_HOURS", "72", "1", "1", "8760", "8760", "8761", "\"8761\" (environment)",
     "a whole number of hours from 1 to 8760", NULL},
    {"QUOTA_NUMBERS", "0", "0", "0", "1000000", "1000000", "1000001", "\"1000001\" (environment)",
     "a whole number of numbers from 0 to 1000000", NULL},
    {"QUOTA_CLAIMS_PER_DAY", "0", "0", "0", "1000000", "1000000", "1000001",
     "\"1000001\" (environment)", "a whole number of numbers from 0 to 1000000", NULL},
    {"ACCESS_TOKEN_EXPIRE_MINUTES", "30", "1", "1", "525600", "525600", "0", "\"0\" (environment)",
     "a whole number of minutes from 1 to 525600", NULL},
    {"PASSWORD_HASH", "argon2id", "bcrypt", "bcrypt", "argon2id", "argon2id", "md5",
     "\"md5\" (environment)", "argon2id or bcrypt", NULL},
    {"PASSWORD_MIN_LENGTH", "8", "1", "1", "1024", "1024", "1025", "\"1025\" (environment)",
     "a whole number of bytes from 1 to 1024", NULL},
    {"HOST", "127.0.0.1", "::1", "::1", "0.0.0.0", "0.0.0.0", "http://0.0.0.0",
     "\"http://0.0.0.0\" (environment): only the address belongs here",
     "an IPv4 or IPv6 address, or a name of this machine", NULL},
    {"PORT", "8000", "0", "0", "65535", "65535", "65536", "\"65536\" (environment)",
     "a whole number from 0 to 65535", NULL},
    {"TLS_CERT_FILE", "", "a.pem", "a.pem", "/b.pem", "/b.pem", "a\nb",
     "\"a\\x0ab\" (environment): it holds a control character",
     "the path of a PEM file, together with TLS_KEY_FILE, or empty", "TLS_KEY_FILE=k.pem"},
    {"TLS_KEY_FILE", "", "a.pem", "a.pem", "/b.pem", "/b.pem", "a\xFF",
     "\"a\\xff\" (environment): it is not well-formed UTF-8",
     "the path of a PEM file, together with TLS_CERT_FILE, or empty", "TLS_CERT_FILE=c.pem"},
    {"TRUSTED_PROXIES", "", "10.0.0.0/8", "10.0.0.0/8", "::1, 127.0.0.1", "::1, 127.0.0.1",
     "::1, proxy",
     "\"::1, proxy\" (environment): entry 2 does not begin with an IPv4 or IPv6 address",
     "addresses and networks such as 127.0.0.1, 10.0.0.0/8, fd00::/8, separated by commas, or "
     "empty",
     NULL},
    {"CORS_ORIGINS", "", "*", "*", "https://A.example:443 , http://b:8080",
     "https://a.example,http://b:8080", "https://a.example/",
     "\"https://a.example/\" (environment): entry 1 has a path (a slash at the end is one)",
     "`*` for any, or origins such as https://app.example.com or http://localhost:3000, separated "
     "by "
     "commas, or empty",
     NULL},
    {"DATABASE_URL", "sqlite:///./cloud_telephony.db", "sqlite:////a.db", "sqlite:////a.db",
     "postgresql://joe:hunter2@db/x", "postgresql://joe:***@db/x",
     "postgresql://joe:hun\tter2@db/x",
     "\"postgresql://joe:***@db/x\" (environment): it holds a control character",
     "a URL such as sqlite:///./cloud_telephony.db", NULL},
    {"HTTP_THREADS", "0", "1", "1", "64", "64", "two", "\"two\" (environment)",
     "a whole number of threads from 0 to 64", NULL},
    {"DATABASE_READERS", "8", "1", "1", "128", "128", "0", "\"0\" (environment)",
     "a whole number of threads from 1 to 128", NULL},
    {"MAX_CONNECTIONS", "16384", "16", "16", "1000000", "1000000", "15", "\"15\" (environment)",
     "a whole number of connections from 16 to 1000000", NULL},
    {"MAX_BODY_BYTES", "65536", "1024", "1024", "16777216", "16777216", "1 MiB",
     "\"1 MiB\" (environment)", "a whole number of bytes from 1024 to 16777216", NULL},
    {"SIP_LISTEN", "udp:127.0.0.1:5060,tcp:127.0.0.1:5060,ws:127.0.0.1:5066", "", "",
     "tls:[::1]:5061, wss:0.0.0.0:0", "tls:[::1]:5061, wss:0.0.0.0:0", "udp:localhost:5060",
     "\"udp:localhost:5060\" (environment): an address has to be a numeric one, IPv6 in brackets: "
     "0.0.0.0, [::1]",
     "`off` or empty, or sockets such as udp:0.0.0.0:5060, tls:[::1]:5061, separated by commas",
     NULL},
    {"SIP_DOMAIN", "localhost", "sip.example.com", "sip.example.com", "[2001:db8::1]",
     "[2001:db8::1]", "sip:example.com", "\"sip:example.com\" (environment)",
     "a domain name or an address, without a port", NULL},
    {"SIP_PUBLIC_ADDRESS", "", "192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::1",
     "192.0.2.1:5060", "\"192.0.2.1:5060\" (environment)",
     "an address or a domain name, without a port, or empty", NULL},
    {"SIP_NODE_ADDRESS", "", "192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::1",
     "sip.example.com", "\"sip.example.com\" (environment)", "a numeric address, or empty", NULL},
    {"SIP_UNKNOWN", "drop", "reject", "reject", "drop", "drop", "silence",
     "\"silence\" (environment)", "drop or reject", NULL},
    {"SIP_DIGEST", "md5", "both", "both", "sha-256", "sha-256", "sha", "\"sha\" (environment)",
     "md5, both or sha-256", NULL},
    {"SIP_CONNECTIONS_MAX", "4096", "1", "1", "1000000", "1000000", "0", "\"0\" (environment)",
     "a whole number of connections from 1 to 1000000", NULL},
    {"SIP_CONNECTIONS_PER_ADDRESS", "64", "1", "1", "1000000", "1000000", "0",
     "\"0\" (environment)", "a whole number of connections from 1 to 1000000", NULL},
    {"SIP_RATE_PER_ADDRESS", "200", "0", "0", "1000000", "1000000", "-1", "\"-1\" (environment)",
     "a whole number of messages a second from 0 to 1000000", NULL},
    {"SIP_FAILURES_MAX", "10", "1", "1", "100", "100", "101", "\"101\" (environment)",
     "a whole number of attempts from 1 to 100", NULL},
    {"SIP_BAN_MINUTES", "60", "1", "1", "525600", "525600", "0", "\"0\" (environment)",
     "a whole number of minutes from 1 to 525600", NULL},
    {"SIP_TRUNK_PROBE_SECONDS", "30", "0", "0", "3600", "3600", "3601", "\"3601\" (environment)",
     "a whole number of seconds from 0 to 3600", NULL},
    {"SIP_CONTACTS_MAX", "10", "1", "1", "100", "100", "0", "\"0\" (environment)",
     "a whole number of contacts from 1 to 100", NULL},
    {"SIP_TRANSACTIONS_PER_ADDRESS", "4096", "0", "0", "1000000", "1000000", "-1",
     "\"-1\" (environment)", "a whole number of requests from 0 to 1000000", NULL},
    {"SIP_MESSAGES_PER_MINUTE", "60", "0", "0", "100000", "100000", "-1", "\"-1\" (environment)",
     "a whole number of messages from 0 to 100000", NULL},
    {"CALLS_PER_ACCOUNT", "100", "0", "0", "1000000", "1000000", "-1", "\"-1\" (environment)",
     "a whole number of calls from 0 to 1000000", NULL},
    {"CALLS_PER_MINUTE", "300", "0", "0", "1000000", "1000000", "-1", "\"-1\" (environment)",
     "a whole number of calls from 0 to 1000000", NULL},
    {"STOP_DELAY_SECONDS", "0", "1", "1", "600", "600", "601", "\"601\" (environment)",
     "a whole number of seconds from 0 to 600", NULL},
    {"METRICS_ALLOW", "127.0.0.0/8, ::1", "10.0.0.0/8", "10.0.0.0/8", "::1, 127.0.0.1",
     "::1, 127.0.0.1", "::1, all",
     "\"::1, all\" (environment): entry 2 does not begin with an IPv4 or IPv6 address",
     "addresses and networks such as 127.0.0.1, 10.0.0.0/8, fd00::/8, separated by commas, or "
     "empty",
     NULL},
    {"LOG_FORMAT", "auto", "text", "text", "json", "json", "xml", "\"xml\" (environment)",
     "auto, text or json", NULL},
    {"LOG_LEVEL", "info", "debug", "debug", "error", "error", "warn", "\"warn\" (environment)",
     "debug, info, warning or error", NULL},
    {"LOG_FILE", "", "a.log", "a.log", "/var/log/b.log", "/var/log/b.log", "\x1B[2J",
     "\"\\x1b[2J\" (environment): it holds a control character", "the path of a file, or empty",
     NULL},
};

static const struct expectation *expectation_of(const char *name)
{
    for (size_t i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        if (same(expectations[i].name, name))
            return &expectations[i];
    }
    return NULL;
}

static const char *shown(const char *name, const struct ct_config *config, char out[5000])
{
    ct_setting_show(ct_setting_find(ct_str_of(name)), config, out, 5000);
    return out;
}

/* NAME=value for the file or the environment. */
static const char *assignment(struct ct_arena *arena, const char *name, const char *value)
{
    return ct_arena_printf(arena, "%s=%s", name, value);
}

static enum ct_result accepts(const struct expectation *expected)
{
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    const char *line;
    const char *file;
    const char *variable;
    char value[5000];
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(load(arena, "", NULL, &config, &why));
    EXPECT(same(shown(expected->name, &config, value), expected->fallback));

    line = assignment(arena, expected->name, expected->dotenv);
    TRY_MEMORY(line);
    file = ct_arena_printf(arena, "%s\n%s\n", line,
                           expected->companion == NULL ? "" : expected->companion);
    TRY_MEMORY(file);
    TRY(load(arena, file, NULL, &config, &why));
    EXPECT(same(shown(expected->name, &config, value), expected->dotenv_shown));

    variable = assignment(arena, expected->name, expected->environment);
    TRY_MEMORY(variable);
    TRY(load(arena, file, ENVIRONMENT("HOME=/", variable), &config, &why));
    EXPECT(same(shown(expected->name, &config, value), expected->environment_shown));

    variable = assignment(arena, expected->name, "");
    TRY_MEMORY(variable);
    TRY(load(arena, file, ENVIRONMENT(variable), &config, &why));
    EXPECT(same(shown(expected->name, &config, value), expected->dotenv_shown));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result refuses(const struct expectation *expected)
{
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    const char *line;
    const char *variable;
    const char *file;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    line = ct_arena_printf(arena, "%s is %s; allowed: %s", expected->name, expected->wrong_problem,
                           expected->allowed);
    variable = assignment(arena, expected->name, expected->wrong);
    TRY_MEMORY(line);
    TRY_MEMORY(variable);
    EXPECT_RESULT(CT_INVALID, load(arena, "", ENVIRONMENT(variable), &config, &why));
    EXPECT(same(why, line));

    file = ct_arena_printf(arena, "# a comment\n%s='%s'\n", expected->name, expected->wrong);
    TRY_MEMORY(file);
    EXPECT_RESULT(CT_INVALID, load(arena, file, NULL, &config, &why));
    EXPECT(has(why, " line 2"));
    EXPECT(!has(why, DIGITS_64) && !has(why, "hun"));
out:
    ct_arena_free(arena);
    return result;
}

/* One test for each setting, whatever it is. */
#define EACH(member, NAME)                                         \
    static enum ct_result test_##member(void)                      \
    {                                                              \
        enum ct_result result = CT_OK;                             \
        const struct expectation *expected = expectation_of(NAME); \
        EXPECT(expected != NULL);                                  \
        TRY(accepts(expected));                                    \
        TRY(refuses(expected));                                    \
    out:                                                           \
        return result;                                             \
    }
#define CT_SETTING_TEXT(member, NAME, ...) EACH(member, NAME)
#define CT_SETTING_INT(member, NAME, ...) EACH(member, NAME)
#define CT_SETTING_CHOICE(member, NAME, ...) EACH(member, NAME)
#include "config/settings.def"

static enum ct_result test_defaults_are_in_the_struct(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(ct_config_load(arena, NULL, NULL, &config, &why));
    EXPECT(config.reserved == 0);
    EXPECT(same(config.secret_key, ""));
    EXPECT(config.algorithm == CT_HS256);
    EXPECT(config.access_token_expire_minutes == 30);
    EXPECT(config.password_hash == CT_ARGON2ID);
    EXPECT(config.password_min_length == 8);
    EXPECT(same(config.host, "127.0.0.1"));
    EXPECT(config.port == 8000);
    EXPECT(same(config.tls_cert_file, "") && same(config.tls_key_file, ""));
    EXPECT(same(config.trusted_proxies, "") && same(config.cors_origins, ""));
    EXPECT(same(config.database_url, "sqlite:///./cloud_telephony.db"));
    EXPECT(config.http_threads == 0);
    EXPECT(config.max_connections == 16384);
    EXPECT(config.max_body_bytes == 65536);
    EXPECT(config.log_format == CT_LOG_FORMAT_AUTO);
    EXPECT(config.log_level == CT_LOG_INFO);
    EXPECT(same(config.log_file, ""));
    EXPECT(config.notices != NULL && config.notices[0] == NULL);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_words_are_in_the_order_of_their_enums(void)
{
    static const struct {
        const char *variable;
        size_t offset;
        int64_t expected;
    } words[] = {
        {"ALGORITHM=HS256", offsetof(struct ct_config, algorithm), CT_HS256},
        {"ALGORITHM=HS384", offsetof(struct ct_config, algorithm), CT_HS384},
        {"ALGORITHM=HS512", offsetof(struct ct_config, algorithm), CT_HS512},
        {"PASSWORD_HASH=argon2id", offsetof(struct ct_config, password_hash), CT_ARGON2ID},
        {"PASSWORD_HASH=bcrypt", offsetof(struct ct_config, password_hash), CT_BCRYPT},
        {"LOG_FORMAT=auto", offsetof(struct ct_config, log_format), CT_LOG_FORMAT_AUTO},
        {"LOG_FORMAT=text", offsetof(struct ct_config, log_format), CT_LOG_FORMAT_TEXT},
        {"LOG_FORMAT=json", offsetof(struct ct_config, log_format), CT_LOG_FORMAT_JSON},
        {"LOG_LEVEL=debug", offsetof(struct ct_config, log_level), CT_LOG_DEBUG},
        {"LOG_LEVEL=info", offsetof(struct ct_config, log_level), CT_LOG_INFO},
        {"LOG_LEVEL=warning", offsetof(struct ct_config, log_level), CT_LOG_WARNING},
        {"LOG_LEVEL=error", offsetof(struct ct_config, log_level), CT_LOG_ERROR},
    };
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    int64_t value;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        TRY(load(arena, "", ENVIRONMENT(words[i].variable), &config, &why));
        memcpy(&value, (const char *)&config + words[i].offset, sizeof(value));
        EXPECT(value == words[i].expected);
    }
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_only_plain_decimal_is_a_number(void)
{
    static const char *const wrong[] = {
        "PORT=+1",  "PORT=0x10", "PORT= 1",    "PORT=1 ",     "PORT=-1",
        "PORT=1.0", "PORT=1e3",  "PORT=1_000", "PORT=8000\n", "PORT=18446744073709551616",
        "PORT=-"};
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        EXPECT_RESULT(CT_INVALID, load(arena, "", ENVIRONMENT(wrong[i]), &config, &why));
        EXPECT(has(why, "PORT is \"") && has(why, "from 0 to 65535"));
        EXPECT(strchr(why, '\n') == NULL);
    }
out:
    ct_arena_free(arena);
    return result;
}

/* A choice is one whole word of its list. */
static enum ct_result test_only_a_whole_word_is_a_choice(void)
{
    static const char *const wrong[] = {"LOG_FORMAT=js", "LOG_FORMAT=text|json", "LOG_FORMAT=|",
                                        "LOG_FORMAT=JSON", "LOG_FORMAT=json "};
    enum ct_result result = CT_OK;
    struct ct_config config;
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        EXPECT_RESULT(CT_INVALID, load(arena, "", ENVIRONMENT(wrong[i]), &config, &why));
    EXPECT_RESULT(CT_INVALID, load(arena, "LOG_FORMAT=\n", NULL, &config, &why));
    EXPECT(has(why, "LOG_FORMAT is \"\" ("));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_long_value_is_cut(void)
{
    enum ct_result result = CT_OK;
    char out[40];
    const struct ct_setting *host = ct_setting_find(CT_STR("HOST"));

    EXPECT(host != NULL);
    ct_setting_show_text(host, DIGITS_64, out, sizeof(out));
    EXPECT(same(out, "012345678901234567890123456789012345..."));
    /* Neither a character nor an escape is cut in two. */
    ct_setting_show_text(host, "01234567890123456789012345678901234\xC3\xA9x", out, sizeof(out));
    EXPECT(same(out, "01234567890123456789012345678901234..."));
    ct_setting_show_text(host, "012345678901234567890123456789012\x01x", out, sizeof(out));
    EXPECT(same(out, "012345678901234567890123456789012..."));
    ct_setting_show_text(host, "a\xC3\xA9\xC2\x85\x7F\xF0\x9F\x98\x80\xED\xA0\x80", out,
                         sizeof(out));
    EXPECT(same(out, "a\xC3\xA9\\xc2\\x85\\x7f\xF0\x9F\x98\x80\\xed\\xa0\\x80"));
out:
    return result;
}

static enum ct_result test_password_in_a_url_is_blanked(void)
{
    static const char *const urls[][2] = {
        {"sqlite:///./a.db", "sqlite:///./a.db"},
        {"sqlite:////home/joe@work/a:b.db", "sqlite:////home/joe@work/a:b.db"},
        {"postgresql://db:5432/x", "postgresql://db:5432/x"},
        {"postgresql://joe@db:5432/x", "postgresql://joe@db:5432/x"},
        {"postgresql://joe:hunter2@db:5432/x", "postgresql://joe:***@db:5432/x"},
        {"postgresql://joe:@db/x", "postgresql://joe:***@db/x"},
        {"postgresql://joe:a:b@c/d?e@db/x", "postgresql://joe:***@db/x"},
        {"postgresql://db/x?user=joe&password=hunter2&a=b",
         "postgresql://db/x?user=joe&password=***&a=b"},
        {"postgresql://db/x?PassWord=hunter2", "postgresql://db/x?PassWord=***"},
        {"postgresql://db/x?sslpassword=a@b&password=c",
         "postgresql://db/x?sslpassword=***&password=***"},
        {"postgresql://joe:a@db/x?password=b@c", "postgresql://joe:***@db/x?password=***"},
        {"host=db password=hunter2 user=joe", "host=db password=*** user=joe"},
        {"joe:hunter2@db", "joe:***@db"},
        {"", ""},
    };
    enum ct_result result = CT_OK;
    char out[100];
    const struct ct_setting *url = ct_setting_find(CT_STR("DATABASE_URL"));

    EXPECT(url != NULL);
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        ct_setting_show_text(url, urls[i][0], out, sizeof(out));
        EXPECT(same(out, urls[i][1]));
    }
out:
    return result;
}

#define CT_SETTING_TEXT(member, ...) CT_UNIT(test_##member),
#define CT_SETTING_INT(member, ...) CT_UNIT(test_##member),
#define CT_SETTING_CHOICE(member, ...) CT_UNIT(test_##member),
static const struct ct_unit units[] = {
#include "config/settings.def"
    CT_UNIT(test_defaults_are_in_the_struct),
    CT_UNIT(test_words_are_in_the_order_of_their_enums),
    CT_UNIT(test_only_plain_decimal_is_a_number),
    CT_UNIT(test_only_a_whole_word_is_a_choice),
    CT_UNIT(test_long_value_is_cut),
    CT_UNIT(test_password_in_a_url_is_blanked),
};

int main(void)
{
    return ct_unit_main("config_settings", units, sizeof(units) / sizeof(units[0]));
}
