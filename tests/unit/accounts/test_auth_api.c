/* The handlers of accounts and sessions, from the password to the rows. */
#include "accounts/accounts.h"

#include "accounts/password.h"
#include "base/clock.h"
#include "room.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define PASSWORD "a good password"

static const struct ct_config config = {.secret_key = SECRET,
                                        .secret_key_previous = "",
                                        .jwt_private_key_file = "",
                                        .jwt_previous_key_file = "",
                                        .algorithm = CT_HS256,
                                        .access_token_expire_minutes = 30,
                                        .session_max_hours = 24,
                                        .login_failures_max = 2,
                                        .login_failures_minutes = 15,
                                        .password_hash = CT_ARGON2ID,
                                        .password_min_length = 8,
                                        .quota_api_keys = 1};

/** The room, and one user whose password is PASSWORD. */
struct house {
    struct scratch scratch;
    struct ct_accounts accounts;
};

struct user_row {
    struct ct_arena *arena;
    struct ct_str hash;
    int64_t id;
};

static enum ct_result run_insert(void *ctx, struct ct_db *db)
{
    struct user_row *row = ctx;
    return ct_user_insert(row->arena, db, CT_STR("alice"), row->hash, CT_STR("192.0.2.1"), 1,
                          &row->id);
}

static enum ct_result house_open(struct house *house)
{
    const char *why;
    struct user_row row = {0};
    enum ct_result result = scratch_open(&house->scratch);
    house->accounts = (struct ct_accounts){0};
    if (result != CT_OK)
        return result;
    row.arena = house->scratch.arena;
    result = ct_accounts_init(row.arena, &config, house->scratch.store, &house->accounts, &why);
    if (result == CT_OK)
        result = ct_password_hash(row.arena, CT_ARGON2ID, CT_STR(PASSWORD), &row.hash);
    return result == CT_OK ? ct_store_write(house->scratch.store, run_insert, &row) : result;
}

static void house_close(struct house *house)
{
    ct_accounts_end(&house->accounts);
    scratch_close(&house->scratch);
}

static enum ct_result ask(struct house *house, enum ct_method method, const char *pattern,
                          const struct ct_call *call, const char *text, struct trial *out)
{
    struct ct_call asked = *call;
    if (asked.address.at == NULL)
        asked.address = CT_STR("192.0.2.1");
    return try_route(&house->scratch, &house->accounts, route_of(method, pattern), asked, text,
                     out);
}

/* Whose token a reply has. */
static enum ct_result caller_of(struct house *house, const struct trial *trial,
                                struct ct_caller *out)
{
    const struct ct_token_reply *reply = trial->call.reply;
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(house->scratch.store, &db);
    if (result != CT_OK)
        return result;
    result = ct_accounts_authenticate(&house->accounts, house->scratch.arena, db,
                                      reply->access_token, CT_STR("192.0.2.1"), out);
    ct_store_read_end(db);
    return result;
}

static const struct ct_call nobody = {0};

static enum ct_result log_in(struct house *house, const char *password, struct trial *out)
{
    const char *text = ct_arena_printf(house->scratch.arena,
                                       "{\"username\":\"ALICE\",\"password\":\"%s\"}", password);
    return text == NULL ? CT_NOMEM : ask(house, CT_POST, "/auth/login", &nobody, text, out);
}

static enum ct_result test_registering(void)
{
    enum ct_result result = CT_OK;
    struct house house;
    struct trial trial;
    struct ct_caller caller;

    TRY(house_open(&house));
    TRY(ask(&house, CT_POST, "/auth/register", &nobody,
            "{\"username\":\"bob\",\"password\":\"" PASSWORD "\",\"role\":\"admin\"}", &trial));
    TRY(caller_of(&house, &trial, &caller));
    EXPECT(caller.user_id == 2 && caller.role == CT_ROLE_USER && caller.key_id == 0);
    EXPECT(caller.token_id.len > 0 && caller.token_expires_at - caller.login_at == 30 * 60);
    EXPECT_NUMBER(1, &house.scratch,
                  "SELECT count(*) FROM audit WHERE user_id = 2 AND actor_id = 2 AND "
                  "action = 'account.registered' AND target_id = 2 AND address = '192.0.2.1'");
    EXPECT_NUMBER(1, &house.scratch,
                  "SELECT count(*) FROM users WHERE last_login_address = '192.0.2.1' AND id = 2 "
                  "AND last_login_at IS NULL");
    EXPECT_RESULT(CT_CONFLICT, ask(&house, CT_POST, "/auth/register", &nobody,
                                   "{\"username\":\"BOB\",\"password\":\"" PASSWORD "\"}", &trial));
    EXPECT_RESULT(CT_INVALID,
                  ask(&house, CT_POST, "/auth/register", &nobody,
                      "{\"username\":\"carla barla\",\"password\":\"CARLA Barla\"}", &trial));
    EXPECT_RESULT(CT_INVALID, ask(&house, CT_POST, "/auth/register", &nobody,
                                  "{\"username\":\"carl\",\"password\":\"password\"}", &trial));
    EXPECT_NUMBER(2, &house.scratch, "SELECT count(*) FROM users");
out:
    house_close(&house);
    return result;
}

static enum ct_result test_logging_in(void)
{
    enum ct_result result = CT_OK;
    struct house house;
    struct trial trial;
    struct ct_caller caller;

    TRY(house_open(&house));
    TRY(log_in(&house, PASSWORD, &trial));
    TRY(caller_of(&house, &trial, &caller));
    EXPECT(caller.user_id == 1);
    EXPECT_NUMBER(1, &house.scratch,
                  "SELECT count(*) FROM audit WHERE action = 'account.logged_in'");
    EXPECT_RESULT(CT_DENIED, log_in(&house, "wrong", &trial));
    EXPECT_RESULT(CT_DENIED, log_in(&house, "wrong", &trial));
    EXPECT_RESULT(CT_LIMITED, log_in(&house, PASSWORD, &trial));
    EXPECT(trial.call.retry_after_s > 0 && trial.call.retry_after_s <= 900);
    EXPECT_NUMBER(1, &house.scratch, "SELECT count(*) FROM audit");
out:
    house_close(&house);
    return result;
}

/* A password that was changed after it was compared, and before the write, opens nothing. */
static enum ct_result test_a_password_that_changes_meanwhile(void)
{
    enum ct_result result = CT_OK;
    struct house house;
    struct trial trial = {0};

    TRY(house_open(&house));
    TRY(log_in(&house, PASSWORD, &trial)); /* its scratch memory is as after the comparison */
    TRY(execute(&house.scratch, "UPDATE users SET token_epoch = 1"));
    EXPECT_RESULT(CT_DENIED, ct_store_write(house.scratch.store, trial_run, &trial));
    EXPECT_NUMBER(1, &house.scratch, "SELECT count(*) FROM audit");
    TRY(execute(&house.scratch, "DELETE FROM users"));
    EXPECT_RESULT(CT_DENIED, ct_store_write(house.scratch.store, trial_run, &trial));
out:
    house_close(&house);
    return result;
}

static enum ct_result test_a_new_password(void)
{
    static const char CHANGE[] =
        "{\"current_password\":\"" PASSWORD "\",\"new_password\":\"another good password\"}";
    enum ct_result result = CT_OK;
    struct house house;
    struct trial first;
    struct trial second;
    struct trial trial;
    struct ct_caller caller;
    struct ct_call call = {0};

    TRY(house_open(&house));
    TRY(log_in(&house, PASSWORD, &first));
    TRY(log_in(&house, PASSWORD, &second));
    TRY(caller_of(&house, &first, &call.caller));
    EXPECT_RESULT(CT_INVALID,
                  ask(&house, CT_PUT, "/auth/password", &call,
                      "{\"current_password\":\"x\",\"new_password\":\"password\"}", &trial));
    TRY(ask(&house, CT_PUT, "/auth/password", &call, CHANGE, &trial));
    TRY(caller_of(&house, &first, &caller));
    EXPECT_RESULT(CT_DENIED, caller_of(&house, &second, &caller));
    EXPECT_NUMBER(
        1, &house.scratch,
        "SELECT count(*) FROM audit WHERE action = 'account.password_changed' AND actor_id = 1");
    EXPECT_RESULT(CT_FORBIDDEN, ask(&house, CT_PUT, "/auth/password", &call, CHANGE, &trial));
    EXPECT_RESULT(CT_FORBIDDEN, ask(&house, CT_PUT, "/auth/password", &call, CHANGE, &trial));
    EXPECT_RESULT(CT_LIMITED, ask(&house, CT_PUT, "/auth/password", &call, CHANGE, &trial));
    EXPECT_RESULT(CT_LIMITED, log_in(&house, "another good password", &trial));
out:
    house_close(&house);
    return result;
}

/* What other rooms do at the end of an account. */
struct neighbour {
    enum ct_result answers;
    int calls;
};

static enum ct_result on_delete(void *room, struct ct_call *call)
{
    struct neighbour *neighbour = room;
    struct ct_stmt *stmt;
    neighbour->calls++;
    enum ct_result result =
        ct_db_query(call->db, "DELETE FROM virtual_phone_numbers WHERE user_id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, call->user_id);
    result = ct_run(stmt);
    return result == CT_OK ? neighbour->answers : result;
}

/* All of it is one transaction: when any part fails, nothing has happened, and nothing was recorded. */
static enum ct_result test_deleting_an_account(void)
{
    static const char PROOF[] = "{\"password\":\"" PASSWORD "\"}";
    enum ct_result result = CT_OK;
    struct house house;
    struct neighbour neighbour = {.answers = CT_CONFLICT};
    struct trial trial;
    struct trial key;
    struct ct_call call = {0};

    TRY(house_open(&house));
    TRY(log_in(&house, PASSWORD, &trial));
    TRY(caller_of(&house, &trial, &call.caller));
    TRY(ask(&house, CT_POST, "/api_keys", &call, "{\"name\":\"k\"}", &key));
    EXPECT_RESULT(CT_FORBIDDEN, ask(&house, CT_POST, "/api_keys", &call, "{\"name\":\"k\"}", &key));
    TRY(execute(&house.scratch, "INSERT INTO virtual_phone_numbers (id, phone_number, user_id) "
                                "VALUES (1, '+4930', 1)"));
    EXPECT_NUMBER(2, &house.scratch, "SELECT count(*) FROM audit");
    /* what somebody still refers to stays */
    EXPECT_RESULT(CT_NOT_FOUND, ask(&house, CT_DELETE, "/auth/me", &call, PROOF, &trial));
    house.accounts.on_delete = on_delete;
    house.accounts.on_delete_room = &neighbour;
    EXPECT_RESULT(CT_CONFLICT, ask(&house, CT_DELETE, "/auth/me", &call, PROOF, &trial));
    EXPECT(neighbour.calls == 1);
    EXPECT_NUMBER(1, &house.scratch, "SELECT count(*) FROM virtual_phone_numbers");
    EXPECT_NUMBER(1, &house.scratch, "SELECT count(*) FROM api_keys");
    EXPECT_NUMBER(1, &house.scratch, "SELECT count(*) FROM users");
    EXPECT_NUMBER(2, &house.scratch, "SELECT count(*) FROM audit");
    neighbour.answers = CT_OK;
    TRY(ask(&house, CT_DELETE, "/auth/me", &call, PROOF, &trial));
    EXPECT_NUMBER(0, &house.scratch, "SELECT count(*) FROM virtual_phone_numbers");
    EXPECT_NUMBER(0, &house.scratch, "SELECT count(*) FROM api_keys");
    EXPECT_NUMBER(0, &house.scratch, "SELECT count(*) FROM users");
    EXPECT_NUMBER(1, &house.scratch,
                  "SELECT count(*) FROM audit WHERE action = 'account.deleted' AND "
                  "detail = 'alice' AND user_id = 1 AND actor_id = 1");
    EXPECT_RESULT(CT_DENIED, log_in(&house, PASSWORD, &trial));
out:
    house_close(&house);
    return result;
}

/* With claims made by hand: until SESSION_MAX_HOURS after the login. */
static enum ct_result test_refreshing(void)
{
    static const struct {
        int64_t ago_s, lives_s;
    } cases[] = {{0, 1800}, {3600, 1800}, {24 * 3600 - 600, 600}, {24 * 3600, 0}, {90 * 3600, 0}};
    enum ct_result result = CT_OK;
    struct house house;
    struct trial trial;
    struct ct_caller caller;
    int64_t now_s = ct_clock_unix_ms() / 1000;

    TRY(house_open(&house));
    TRY(execute(&house.scratch, "UPDATE users SET token_epoch = 5"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct ct_call call = {.caller = {.user_id = 1,
                                                .token_id = CT_STR("by hand"),
                                                .token_expires_at = now_s + 60,
                                                .login_at = now_s - cases[i].ago_s}};
        if (cases[i].lives_s == 0) {
            EXPECT_RESULT(CT_FORBIDDEN, ask(&house, CT_POST, "/auth/refresh", &call, NULL, &trial));
            continue;
        }
        TRY(ask(&house, CT_POST, "/auth/refresh", &call, NULL, &trial));
        TRY(caller_of(&house, &trial, &caller));
        EXPECT(caller.login_at == call.caller.login_at);
        int64_t lives_s = caller.token_expires_at - now_s;
        EXPECT(lives_s >= cases[i].lives_s - 30 && lives_s <= cases[i].lives_s + 30);
        EXPECT(caller.token_expires_at <= caller.login_at + 24 * 3600);
    }
out:
    house_close(&house);
    return result;
}

static enum ct_result test_logging_out(void)
{
    enum ct_result result = CT_OK;
    struct house house;
    struct trial first;
    struct trial second;
    struct trial trial;
    struct ct_caller caller;
    struct ct_call call = {0};

    TRY(house_open(&house));
    TRY(log_in(&house, PASSWORD, &first));
    TRY(log_in(&house, PASSWORD, &second));
    TRY(caller_of(&house, &first, &call.caller));
    TRY(ask(&house, CT_POST, "/auth/logout", &call, NULL, &trial));
    EXPECT_RESULT(CT_DENIED, caller_of(&house, &first, &caller));
    TRY(caller_of(&house, &second, &caller));
    TRY(ask(&house, CT_POST, "/auth/logout_all", &call, NULL, &trial));
    EXPECT_RESULT(CT_DENIED, caller_of(&house, &second, &caller));
    EXPECT_NUMBER(2, &house.scratch,
                  "SELECT count(*) FROM audit WHERE action IN ('account.logged_out', "
                  "'account.logged_out_all') AND user_id = 1 AND target_id = 1");
out:
    house_close(&house);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_registering),
        CT_UNIT(test_logging_in),
        CT_UNIT(test_a_password_that_changes_meanwhile),
        CT_UNIT(test_a_new_password),
        CT_UNIT(test_deleting_an_account),
        CT_UNIT(test_refreshing),
        CT_UNIT(test_logging_out),
    };
    return ct_unit_main("accounts/auth_api", units, sizeof(units) / sizeof(units[0]));
}
