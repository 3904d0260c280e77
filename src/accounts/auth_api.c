#include "accounts/accounts.h"

#include "accounts/audit.h"
#include "accounts/password.h"
#include "base/clock.h"

struct credentials {
    struct ct_str username;
    struct ct_str password;
};

#define PASSWORD_FIELD(structure, member, ...)                                              \
    CT_FIELD(structure, member, CT_FIELD_STRING, .flags = CT_FIELD_SECRET | CT_FIELD_BYTES, \
             .max = 1024, .example = "\"correct horse battery staple\"", __VA_ARGS__)
#define NEW_PASSWORD_FIELD(structure, member)                                                    \
    PASSWORD_FIELD(structure, member,                                                            \
                   .min_setting = offsetof(struct ct_config, password_min_length),               \
                   .doc = "Any characters, at most 1,024 bytes of UTF-8; not the username, and " \
                          "none of the most common passwords.")

static const struct ct_field register_fields[] = {
    CT_FIELD(struct credentials, username, CT_FIELD_STRING, .min = 1, .max = CT_USERNAME_MAX,
             .pattern = CT_USERNAME_PATTERN, .normalize = ct_username_normalize,
             .doc = "1 to 64 characters, no control characters, unique without regard to case.",
             .example = "\"alice\""),
    NEW_PASSWORD_FIELD(struct credentials, password),
};

static const struct ct_schema register_schema =
    CT_SCHEMA("Registration", "A new account.", struct credentials, register_fields);

/* Whoever has a name or password of an earlier time, with other limits, must be able to log in. */
static const struct ct_field login_fields[] = {
    CT_FIELD(struct credentials, username, CT_FIELD_STRING, .flags = CT_FIELD_BYTES, .max = 1024,
             .doc = "The name of the account; its case does not matter.", .example = "\"alice\""),
    PASSWORD_FIELD(struct credentials, password, .doc = "Its password."),
};

static const struct ct_schema login_schema =
    CT_SCHEMA("Login", "Who wants a token.", struct credentials, login_fields);

static const struct ct_field token_fields[] = {
    CT_FIELD(struct ct_token_reply, access_token, CT_FIELD_STRING,
             .doc = "A JWT (RFC 7519), to be sent as `Authorization: Bearer …`.",
             .example = "\"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9…\""),
    CT_FIELD(struct ct_token_reply, token_type, CT_FIELD_STRING, .doc = "Always `bearer`.",
             .example = "\"bearer\""),
};

const struct ct_schema ct_token_schema = CT_SCHEMA(
    "Token", "A token for ACCESS_TOKEN_EXPIRE_MINUTES.", struct ct_token_reply, token_fields);

struct account_reply {
    int64_t id;
    struct ct_str username;
    struct ct_str role;
    int64_t created_at;
    int64_t last_login_at;
};

static const char *const roles[] = {"user", "admin", NULL};

static const struct ct_field account_fields[] = {
    CT_FIELD(struct account_reply, id, CT_FIELD_INT, .doc = "The user's number.", .example = "1"),
    CT_FIELD(struct account_reply, username, CT_FIELD_STRING, .doc = "As it was registered.",
             .example = "\"alice\""),
    CT_FIELD(struct account_reply, role, CT_FIELD_STRING, .words = roles,
             .doc = "What the account may do besides its own things.", .example = "\"user\""),
    CT_FIELD(struct account_reply, created_at, CT_FIELD_TIME, .flags = CT_FIELD_NULLABLE,
             .doc = "When the account was made; null for one that an earlier service made.",
             .example = "\"2026-01-31T12:00:00.000Z\""),
    CT_FIELD(struct account_reply, last_login_at, CT_FIELD_TIME, .flags = CT_FIELD_NULLABLE,
             .doc = "When a password was last accepted; null before the first time.",
             .example = "\"2026-01-31T12:30:00.000Z\""),
};

static const struct ct_schema account_schema =
    CT_SCHEMA("User", "Who the token belongs to.", struct account_reply, account_fields);

struct password_change {
    struct ct_str current_password;
    struct ct_str new_password;
};

static const struct ct_field password_change_fields[] = {
    PASSWORD_FIELD(struct password_change, current_password, .doc = "The password until now."),
    NEW_PASSWORD_FIELD(struct password_change, new_password),
};

static const struct ct_schema password_change_schema =
    CT_SCHEMA("PasswordChange", "A new password.", struct password_change, password_change_fields);

struct deletion {
    struct ct_str password;
};

static const struct ct_field deletion_fields[] = {
    PASSWORD_FIELD(struct deletion, password, .doc = "The password of the account."),
};

static const struct ct_schema deletion_schema =
    CT_SCHEMA("AccountDeletion", "Proof that it is meant.", struct deletion, deletion_fields);

/* ------------------------------------------------------------------------------------ passwords */

/** A password on its way: what was counted for it, whose it is, and its new hash (or the hash of the new
 *  one). */
struct attempt {
    struct ct_guess guess;
    struct ct_user user;
    struct ct_str new_hash;
};

static enum ct_result judge_new_password(struct ct_call *call, struct ct_str username,
                                         const char *field, struct ct_str password)
{
    const char *why;
    enum ct_result result = ct_new_password_judge(call->arena, username, password, &why);
    if (result != CT_INVALID)
        return result;
    const char *message = ct_arena_printf(call->arena, "Value error, %s", why);
    return message == NULL ? CT_NOMEM : ct_call_refuse(call, "body", field, "value_error", message);
}

static enum ct_result hash_new_password(struct ct_call *call, const char *field,
                                        struct ct_str password, struct ct_str *out)
{
    enum ct_result result = ct_password_hash(
        call->arena, (enum ct_password_hash)call->config->password_hash, password, out);
    if (result == CT_INVALID)
        return ct_call_refuse(call, "body", field, "value_error",
                              "Value error, this server's PASSWORD_HASH=bcrypt takes passwords of "
                              "at most 72 bytes without NUL");
    return result;
}

/* What became of a password that somebody gave. */
static void count_check(const struct ct_accounts *accounts, enum ct_result result)
{
    if (result == CT_OK)
        ct_metrics_add(accounts->metrics, CT_METRIC_PASSWORDS_RIGHT, 1);
    else if (result == CT_DENIED)
        ct_metrics_add(accounts->metrics, CT_METRIC_PASSWORDS_WRONG, 1);
    else if (result == CT_LIMITED)
        ct_metrics_add(accounts->metrics, CT_METRIC_PASSWORDS_REFUSED, 1);
}

/* Compares, for a user who may not exist (@p found says so), and keeps count. CT_DENIED, CT_LIMITED. */
static enum ct_result compare_password(struct ct_call *call, struct attempt *attempt, bool found,
                                       struct ct_str username, struct ct_str password,
                                       bool *outdated)
{
    const struct ct_accounts *accounts = call->room;
    enum ct_password_hash kind = (enum ct_password_hash)call->config->password_hash;
    struct ct_str known = found ? attempt->user.last_login_address : (struct ct_str){0};
    enum ct_result result =
        ct_guess_call_account(accounts->guessing, call, username, known, &attempt->guess);
    if (result != CT_OK)
        return result;
    if (!found) {
        struct ct_str like =
            ct_accounts_seems_old(accounts, username) ? accounts->old_hash : (struct ct_str){"", 0};
        ct_password_spend(kind, password, like);
        ct_guess_failed(accounts->guessing, &attempt->guess);
        return CT_DENIED;
    }
    result = ct_password_verify(kind, password, attempt->user.password_hash, outdated);
    if (result == CT_DENIED)
        ct_guess_failed(accounts->guessing, &attempt->guess);
    else
        ct_guess_take_back(accounts->guessing, &attempt->guess);
    return result;
}

/* One password of a caller is compared, unless there were too many wrong ones. CT_DENIED, CT_LIMITED. */
static enum ct_result begin_attempt(struct ct_call *call, struct attempt *attempt)
{
    const struct ct_accounts *accounts = call->room;
    enum ct_result result = ct_guess_call(accounts->guessing, call, &attempt->guess);
    if (result != CT_OK)
        count_check(accounts, result);
    return result;
}

static enum ct_result end_attempt(struct ct_call *call, struct attempt *attempt, bool found,
                                  struct ct_str username, struct ct_str password, bool *outdated)
{
    enum ct_result result = compare_password(call, attempt, found, username, password, outdated);
    count_check(call->room, result);
    return result;
}

/* The caller's own password, before something that the token alone must not do. */
static enum ct_result compare_own_password(struct ct_call *call, struct attempt *attempt,
                                           struct ct_str password, const char *wrong)
{
    bool outdated = false;
    enum ct_result result = begin_attempt(call, attempt);
    if (result != CT_OK)
        return result;
    result = end_attempt(call, attempt, true, attempt->user.username, password, &outdated);
    return result == CT_DENIED ? ct_call_say(call, CT_FORBIDDEN, wrong) : result;
}

/* ----------------------------------------------------------------------------------- the routes */

static enum ct_result give_token(struct ct_call *call, int64_t user_id, int64_t epoch)
{
    struct ct_token_reply *reply = call->reply;
    reply->token_type = CT_STR("bearer");
    return ct_accounts_issue(call->room, call->arena, user_id, epoch, ct_clock_unix_ms() / 1000,
                             &reply->access_token);
}

/* What an account does to itself, before or without a token. */
static enum ct_result audit_self(struct ct_call *call, int64_t user_id, enum ct_audit_action action)
{
    const struct ct_audit entry = {.user_id = user_id,
                                   .actor_id = user_id,
                                   .action = action,
                                   .target_id = user_id,
                                   .address = call->address};
    return ct_audit_write(call->db, ct_clock_unix_ms(), &entry);
}

static enum ct_result prepare_register(struct ct_call *call)
{
    const struct credentials *body = call->body;
    struct ct_str *hash = call->scratch;
    enum ct_result result = judge_new_password(call, body->username, "password", body->password);
    if (result != CT_OK)
        return result;
    /* A name that is taken needs no hash. The write decides again, for those who come together. */
    struct ct_user taken;
    result = ct_user_by_name(call->arena, call->db, body->username, &taken);
    if (result != CT_NOT_FOUND)
        return result == CT_OK ? CT_CONFLICT : result;
    ct_call_end_read(call);
    return hash_new_password(call, "password", body->password, hash);
}

static enum ct_result run_register(struct ct_call *call)
{
    const struct credentials *body = call->body;
    const struct ct_str *hash = call->scratch;
    int64_t id = 0;
    enum ct_result result = ct_user_insert(call->arena, call->db, body->username, *hash,
                                           call->address, ct_clock_unix_ms(), &id);
    if (result == CT_OK)
        result = audit_self(call, id, CT_AUDIT_ACCOUNT_REGISTERED);
    return result == CT_OK ? give_token(call, id, 0) : result;
}

static enum ct_result prepare_login(struct ct_call *call)
{
    const struct ct_accounts *accounts = call->room;
    const struct credentials *body = call->body;
    struct attempt *attempt = call->scratch;
    bool outdated = false;
    enum ct_result result = begin_attempt(call, attempt);
    if (result != CT_OK)
        return result;
    result = ct_user_by_name(call->arena, call->db, body->username, &attempt->user);
    ct_call_end_read(call);
    if (result != CT_OK && result != CT_NOT_FOUND) {
        ct_guess_take_back(accounts->guessing, &attempt->guess);
        return result;
    }
    result = end_attempt(call, attempt, result == CT_OK, body->username, body->password, &outdated);
    if (result != CT_OK || !outdated)
        return result;
    result = ct_password_hash(call->arena, (enum ct_password_hash)call->config->password_hash,
                              body->password, &attempt->new_hash);
    /* A password that the current kind cannot take keeps its old hash. */
    return result == CT_INVALID ? CT_OK : result;
}

static enum ct_result run_login(struct ct_call *call)
{
    const struct attempt *attempt = call->scratch;
    const struct ct_user *user = &attempt->user;
    enum ct_result result =
        ct_user_logged_in(call->db, user, attempt->new_hash, call->address, ct_clock_unix_ms());
    if (result == CT_NOT_FOUND)
        return CT_DENIED; /* deleted, or the password changed, since it was compared */
    if (result == CT_OK)
        result = audit_self(call, user->id, CT_AUDIT_ACCOUNT_LOGGED_IN);
    return result == CT_OK ? give_token(call, user->id, user->token_epoch) : result;
}

static enum ct_result get_me(struct ct_call *call)
{
    struct ct_user user;
    enum ct_result result = ct_user_by_id(call->arena, call->db, call->user_id, &user);
    if (result != CT_OK)
        return result;
    *(struct account_reply *)call->reply =
        (struct account_reply){.id = user.id,
                               .username = user.username,
                               .role = ct_role_word(user.role),
                               .created_at = user.created_at,
                               .last_login_at = user.last_login_at};
    return CT_OK;
}

static enum ct_result prepare_password(struct ct_call *call)
{
    const struct password_change *body = call->body;
    struct attempt *attempt = call->scratch;
    enum ct_result result = ct_user_by_id(call->arena, call->db, call->user_id, &attempt->user);
    ct_call_end_read(call);
    if (result == CT_OK)
        result =
            judge_new_password(call, attempt->user.username, "new_password", body->new_password);
    if (result == CT_OK)
        result = compare_own_password(call, attempt, body->current_password,
                                      "The current password is wrong");
    if (result == CT_OK)
        result = hash_new_password(call, "new_password", body->new_password, &attempt->new_hash);
    return result;
}

static enum ct_result run_password(struct ct_call *call)
{
    const struct attempt *attempt = call->scratch;
    enum ct_result result =
        ct_user_change_password(call->db, &attempt->user, attempt->new_hash, call->caller.token_id);
    if (result == CT_OK)
        result = ct_audit_call(call, call->user_id, CT_AUDIT_ACCOUNT_PASSWORD_CHANGED,
                               call->user_id, CT_STR(""));
    return result;
}

static enum ct_result prepare_deletion(struct ct_call *call)
{
    const struct deletion *body = call->body;
    struct attempt *attempt = call->scratch;
    enum ct_result result = ct_user_by_id(call->arena, call->db, call->user_id, &attempt->user);
    ct_call_end_read(call);
    if (result == CT_OK)
        result = compare_own_password(call, attempt, body->password, "The password is wrong");
    return result;
}

static enum ct_result run_deletion(struct ct_call *call)
{
    const struct ct_accounts *accounts = call->room;
    const struct attempt *attempt = call->scratch;
    enum ct_result result = CT_OK;
    if (accounts->on_delete != NULL)
        result = accounts->on_delete(accounts->on_delete_room, call);
    if (result == CT_OK)
        result = ct_user_delete(call->db, &attempt->user);
    /* Nobody can read it over HTTP any more; the record is the operator's too. */
    if (result == CT_OK)
        result = ct_audit_call(call, call->user_id, CT_AUDIT_ACCOUNT_DELETED, call->user_id,
                               attempt->user.username);
    return result;
}

#define TOO_MANY                                                     \
    {                                                                \
        CT_LIMITED, 429, "Too many wrong passwords; try again later" \
    }
/* The account was deleted, or its tokens were ended, since the token was looked at. */
#define ENDED_SINCE                                         \
    {                                                       \
        CT_NOT_FOUND, 401, "Could not validate credentials" \
    }

const struct ct_route ct_auth_routes[] = {
    {.method = CT_POST,
     .pattern = "/auth/register",
     .body = &register_schema,
     .reply = &ct_token_schema,
     .access = CT_WRITE,
     .idempotent = true,
     .prepare = prepare_register,
     .run = run_register,
     .scratch_size = sizeof(struct ct_str),
     .errors =
         (const struct ct_route_error[]){{CT_CONFLICT, 409, "Username already registered"}, {0}},
     .summary = "Register",
     .doc = "Makes an account and answers a token for it. A name that differs from another in case "
            "alone is taken (409). A password that is among the most common ones, or is the "
            "username, is refused with the reason (422).",
     .tag = "Accounts",
     .about =
         "Registering, logging in, sessions that can be ended; what was done to an account, and "
         "by whom."},
    {.method = CT_POST,
     .pattern = "/auth/login",
     .body = &login_schema,
     .reply = &ct_token_schema,
     .form = true,
     .access = CT_WRITE,
     .prepare = prepare_login,
     .run = run_login,
     .scratch_size = sizeof(struct attempt),
     .errors = (const struct ct_route_error[]){{CT_DENIED, 401, "Incorrect username or password"},
                                               TOO_MANY,
                                               {0}},
     .summary = "Log in",
     .doc =
         "Answers a token. The body is JSON or the form of OAuth2's password flow "
         "(RFC 6749 section 4.3). After too many wrong passwords (LOGIN_FAILURES_MAX) the answer "
         "is 429, whatever the password, until the time that Retry-After says.",
     .tag = "Accounts"},
    {.method = CT_GET,
     .pattern = "/auth/me",
     .reply = &account_schema,
     .access = CT_READ,
     .auth = CT_USER,
     .run = get_me,
     .summary = "See who the token belongs to",
     .doc = "The account, its role, and when a password was last accepted. An API key of any scope "
            "may ask for the account that it acts for.",
     .tag = "Accounts"},
    {.method = CT_PUT,
     .pattern = "/auth/password",
     .body = &password_change_schema,
     .status = 204,
     .access = CT_WRITE,
     .auth = CT_SESSION,
     .prepare = prepare_password,
     .run = run_password,
     .scratch_size = sizeof(struct attempt),
     .errors =
         (const struct ct_route_error[]){
             {CT_FORBIDDEN, 403, "The current password is wrong"}, TOO_MANY, ENDED_SINCE, {0}},
     .summary = "Change the password",
     .doc =
         "Every other token of the account is refused from now on. API keys stay. A wrong password "
         "counts as a failed login.",
     .tag = "Accounts"},
    {.method = CT_DELETE,
     .pattern = "/auth/me",
     .body = &deletion_schema,
     .status = 204,
     .access = CT_WRITE,
     .auth = CT_SESSION,
     .prepare = prepare_deletion,
     .run = run_deletion,
     .scratch_size = sizeof(struct attempt),
     .errors =
         (const struct ct_route_error[]){
             {CT_FORBIDDEN, 403, "The password is wrong"}, TOO_MANY, ENDED_SINCE, {0}},
     .summary = "Delete the account",
     .doc = "Its numbers are released, its tokens and API keys are refused from now on. A wrong "
            "password counts as a failed login.",
     .tag = "Accounts"},
};
const size_t ct_auth_route_count = sizeof(ct_auth_routes) / sizeof(ct_auth_routes[0]);
