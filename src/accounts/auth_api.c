#include "accounts/accounts.h"

#include "accounts/password.h"
#include "base/clock.h"

struct credentials {
    struct ct_str username;
    struct ct_str password;
};

static const struct ct_field register_fields[] = {
    CT_FIELD(struct credentials, username, CT_FIELD_STRING, .min = 1, .max = CT_USERNAME_MAX,
             .pattern = CT_USERNAME_PATTERN, .normalize = ct_username_normalize,
             .doc = "1 to 64 characters, no control characters, unique without regard to case.",
             .example = "\"alice\""),
    CT_FIELD(struct credentials, password, CT_FIELD_STRING,
             .flags = CT_FIELD_SECRET | CT_FIELD_BYTES, .max = 1024,
             .min_setting = offsetof(struct ct_config, password_min_length),
             .doc = "Any characters, at most 1,024 bytes of UTF-8.",
             .example = "\"correct horse battery staple\""),
};

static const struct ct_schema register_schema =
    CT_SCHEMA("Registration", "A new account.", struct credentials, register_fields);

/* Whoever has a name or password of an earlier time, with other limits, must be able to log in. */
static const struct ct_field login_fields[] = {
    CT_FIELD(struct credentials, username, CT_FIELD_STRING, .flags = CT_FIELD_BYTES, .max = 1024,
             .doc = "The name of the account; its case does not matter.", .example = "\"alice\""),
    CT_FIELD(struct credentials, password, CT_FIELD_STRING,
             .flags = CT_FIELD_SECRET | CT_FIELD_BYTES, .max = 1024, .doc = "Its password.",
             .example = "\"correct horse battery staple\""),
};

static const struct ct_schema login_schema =
    CT_SCHEMA("Login", "Who wants a token.", struct credentials, login_fields);

struct token_reply {
    struct ct_str access_token;
    struct ct_str token_type;
};

static const struct ct_field token_fields[] = {
    CT_FIELD(struct token_reply, access_token, CT_FIELD_STRING,
             .doc = "A JWT (RFC 7519), to be sent as `Authorization: Bearer …`."),
    CT_FIELD(struct token_reply, token_type, CT_FIELD_STRING, .doc = "Always `bearer`.",
             .example = "\"bearer\""),
};

static const struct ct_schema token_schema = CT_SCHEMA(
    "Token", "A token for ACCESS_TOKEN_EXPIRE_MINUTES.", struct token_reply, token_fields);

static const struct ct_field user_fields[] = {
    CT_FIELD(struct ct_user, id, CT_FIELD_INT, .doc = "The user's number.", .example = "1"),
    CT_FIELD(struct ct_user, username, CT_FIELD_STRING, .doc = "As it was registered.",
             .example = "\"alice\""),
    CT_FIELD(struct ct_user, created_at, CT_FIELD_TIME, .flags = CT_FIELD_NULLABLE,
             .doc = "When the account was made; null for one that an earlier service made.",
             .example = "\"2026-01-31T12:00:00.000Z\""),
    CT_FIELD(struct ct_user, last_login_at, CT_FIELD_TIME, .flags = CT_FIELD_NULLABLE,
             .doc = "When a password was last accepted; null before the first time.",
             .example = "\"2026-01-31T12:30:00.000Z\""),
};

static const struct ct_schema user_schema =
    CT_SCHEMA("User", "Who the token belongs to.", struct ct_user, user_fields);

static enum ct_result give_token(struct ct_call *call, int64_t user_id)
{
    const struct ct_accounts *accounts = call->room;
    struct token_reply *reply = call->reply;
    reply->token_type = CT_STR("bearer");
    return ct_token_issue(call->arena, &accounts->key, user_id, ct_clock_unix_ms() / 1000,
                          call->config->access_token_expire_minutes * 60, &reply->access_token);
}

static enum ct_result prepare_register(struct ct_call *call)
{
    const struct credentials *body = call->body;
    struct ct_str *hash = call->scratch;
    /* A name that is taken needs no hash. The write decides again, for those who come together. */
    struct ct_user taken;
    enum ct_result result = ct_user_by_name(call->arena, call->db, body->username, &taken);
    if (result != CT_NOT_FOUND)
        return result == CT_OK ? CT_CONFLICT : result;
    ct_call_end_read(call);
    result = ct_password_hash(call->arena, (enum ct_password_hash)call->config->password_hash,
                              body->password, hash);
    if (result == CT_INVALID)
        return ct_call_refuse(call, "body", "password", "value_error",
                              "Value error, this server's PASSWORD_HASH=bcrypt takes passwords of "
                              "at most 72 bytes without NUL");
    return result;
}

static enum ct_result run_register(struct ct_call *call)
{
    const struct credentials *body = call->body;
    const struct ct_str *hash = call->scratch;
    int64_t id = 0;
    enum ct_result result =
        ct_user_insert(call->arena, call->db, body->username, *hash, ct_clock_unix_ms(), &id);
    return result == CT_OK ? give_token(call, id) : result;
}

/** From the comparison to the write. */
struct login {
    struct ct_user user;
    struct ct_str new_hash;
};

static enum ct_result prepare_login(struct ct_call *call)
{
    const struct ct_accounts *accounts = call->room;
    const struct credentials *body = call->body;
    struct login *login = call->scratch;
    enum ct_password_hash kind = (enum ct_password_hash)call->config->password_hash;
    enum ct_result result = ct_user_by_name(call->arena, call->db, body->username, &login->user);
    ct_call_end_read(call);
    if (result == CT_NOT_FOUND) {
        struct ct_str like = ct_accounts_seems_old(accounts, body->username)
                                 ? accounts->old_hash
                                 : (struct ct_str){"", 0};
        ct_password_spend(kind, body->password, like);
        return CT_DENIED;
    }
    if (result != CT_OK)
        return result;
    bool outdated = false;
    result = ct_password_verify(kind, body->password, login->user.password_hash, &outdated);
    if (result != CT_OK || !outdated)
        return result;
    result = ct_password_hash(call->arena, kind, body->password, &login->new_hash);
    /* A password that the current kind cannot take keeps its old hash. */
    return result == CT_INVALID ? CT_OK : result;
}

static enum ct_result run_login(struct ct_call *call)
{
    const struct login *login = call->scratch;
    enum ct_result result =
        ct_user_logged_in(call->arena, call->db, login->user.id, login->user.password_hash,
                          login->new_hash, ct_clock_unix_ms());
    if (result == CT_NOT_FOUND)
        return CT_DENIED; /* deleted since */
    return result == CT_OK ? give_token(call, login->user.id) : result;
}

static enum ct_result get_me(struct ct_call *call)
{
    return ct_user_by_id(call->arena, call->db, call->user_id, call->reply);
}

const struct ct_route ct_accounts_routes[] = {
    {.method = CT_POST,
     .pattern = "/auth/register",
     .body = &register_schema,
     .reply = &token_schema,
     .access = CT_WRITE,
     .prepare = prepare_register,
     .run = run_register,
     .scratch_size = sizeof(struct ct_str),
     .errors =
         (const struct ct_route_error[]){{CT_CONFLICT, 409, "Username already registered"}, {0}},
     .summary = "Register",
     .doc = "Makes an account and answers a token for it.",
     .tag = "Accounts"},
    {.method = CT_POST,
     .pattern = "/auth/login",
     .body = &login_schema,
     .reply = &token_schema,
     .form = true,
     .access = CT_WRITE,
     .prepare = prepare_login,
     .run = run_login,
     .scratch_size = sizeof(struct login),
     .errors =
         (const struct ct_route_error[]){{CT_DENIED, 401, "Incorrect username or password"}, {0}},
     .summary = "Log in",
     .doc = "Answers a token. The body is JSON or the form of OAuth2's password flow "
            "(RFC 6749 section 4.3).",
     .tag = "Accounts"},
    {.method = CT_GET,
     .pattern = "/auth/me",
     .reply = &user_schema,
     .access = CT_READ,
     .auth = CT_USER,
     .run = get_me,
     .summary = "See who the token belongs to",
     .tag = "Accounts"},
};
const size_t ct_accounts_route_count = sizeof(ct_accounts_routes) / sizeof(ct_accounts_routes[0]);
