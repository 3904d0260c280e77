#include "simulator/people.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/digest.h"

#define VOICE(ring, strategy, seconds, forward, no_answer)                      \
    "{\"ring\":[" ring "],\"strategy\":\"" strategy "\",\"timeout_s\":" seconds \
    ",\"forward_to\":" forward ",\"on_no_answer\":" no_answer ",\"record\":false}"
#define OUTSIDE(id) "\"+4477000" id "\""

/* Their ids count from 1; the first six are those of the devices. */
static const struct {
    const char *number;
    int64_t owner;
    const char *voice; /* NULL: it rings all devices of its owner */
} numbers[] = {
    {"+4930100001", 1, VOICE("1", "all", "30", "null", "null")},
    {"+4930100002", 1, VOICE("2", "all", "5", "null", "\"+4930100007\"")},
    {"+4930100003", 1, VOICE("3", "all", "30", "null", "null")},
    {"+4930100004", 2, VOICE("4", "all", "30", "null", "null")},
    {"+4930100005", 2, VOICE("5", "all", "10", "null", OUTSIDE("05"))},
    {"+4930100006", 3, VOICE("6", "all", "20", "null", "\"+4930100010\"")},
    {"+4930100007", 1, NULL},
    {"+4930100008", 2, VOICE("4,5", "in_order", "5", "null", "null")},
    {"+4930100009", 3, VOICE("6", "all", "30", "\"+4930100001\"", "null")},
    {"+4930100010", 2, VOICE("4", "all", "30", OUTSIDE("10"), "null")},
    {"+4930100011", 3, VOICE("6", "all", "5", "null", OUTSIDE("11"))},
    {"+4930100012", 1, VOICE("1", "all", "30", "\"+4930100013\"", "null")},
    {"+4930100013", 2, VOICE("5", "all", "30", "\"+4930100012\"", "null")},
    {"+4930100014", 3, VOICE("6", "all", "30", "\"+4930100011\"", "null")},
    {"+4930100015", 1, VOICE("1,2,3,4,5,6", "all", "15", "null", "null")},
};
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

int64_t people_account_of(int64_t device_id)
{
    return device_id <= 3 ? 1 : device_id <= 5 ? 2 : 3;
}

void people_own_number(int64_t device_id, char out[PEOPLE_NUMBER])
{
    snprintf(out, PEOPLE_NUMBER, "%s", numbers[device_id - 1].number);
}

void people_number(struct lan *lan, int64_t device_id, bool transfers, char out[PEOPLE_NUMBER])
{
    static const char *const countries[] = {"44", "44", "33", "1"};
    uint32_t what = lan_random(lan, 100);

    if (what < 40 && device_id > 0)
        snprintf(out, PEOPLE_NUMBER, "+%s7%c000%02d", countries[lan_random(lan, 4)],
                 transfers ? '8' : '9', (int)device_id);
    else if (what < 70)
        snprintf(out, PEOPLE_NUMBER, "%s", numbers[lan_random(lan, PEOPLE_DEVICES)].number);
    else if (what < 95)
        snprintf(out, PEOPLE_NUMBER, "%s", numbers[lan_random(lan, NUMBERS)].number);
    else
        snprintf(out, PEOPLE_NUMBER, "+4930109999");
}

int64_t people_payer(const char *number)
{
    const char *at = number[0] != '+' ? NULL : strstr(number, "000");
    int64_t id;

    if (at == NULL || at - number < 4 || at[-2] != '7' || strlen(at) != 5)
        return 0;
    id = atoll(at + 3);
    if (at[-1] == '7')
        return id >= 1 && id <= (int64_t)NUMBERS ? numbers[id - 1].owner : 0;
    return (at[-1] == '8' || at[-1] == '9') && id >= 1 && id <= PEOPLE_DEVICES
               ? people_account_of(id)
               : 0;
}

/* ---- the database ---- */

struct settling {
    const char *const *carriers;
    const struct people_caps *caps;
};

static enum ct_result run_sql(struct ct_db *db, const char *sql, const int64_t *ints, int int_count,
                              const char *const *texts, int text_count)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, sql, &stmt);

    if (result != CT_OK)
        return result;
    for (int i = 0; i < int_count; i++)
        ct_bind_int(stmt, i + 1, ints[i]);
    for (int i = 0; i < text_count; i++)
        if (texts[i] == NULL)
            ct_bind_null(stmt, int_count + i + 1);
        else
            ct_bind_str(stmt, int_count + i + 1, ct_str_of(texts[i]));
    return ct_run(stmt);
}

static void make_digests(const char *username, const char *password, struct ct_digest_hex *md5,
                         struct ct_digest_hex *sha256)
{
    ct_digest_ha1(CT_DIGEST_MD5, ct_str_of(username), CT_STR(PEOPLE_REALM), ct_str_of(password),
                  md5);
    ct_digest_ha1(CT_DIGEST_SHA256, ct_str_of(username), CT_STR(PEOPLE_REALM), ct_str_of(password),
                  sha256);
}

static enum ct_result add_device(struct ct_db *db, int64_t id)
{
    struct ct_digest_hex md5;
    struct ct_digest_hex sha256;
    char username[32];

    snprintf(username, sizeof(username), "d%lld-phone", (long long)(1000 + id));
    make_digests(username, PEOPLE_PASSWORD, &md5, &sha256);
    return run_sql(db,
                   "INSERT INTO devices (id, user_id, caller_number_id, name, username, ha1_md5, "
                   "ha1_sha256, created_at) VALUES ($1, $2, $3, 'phone', $4, $5, $6, 0)",
                   (const int64_t[]){id, people_account_of(id), id}, 3,
                   (const char *const[]){username, md5.text, sha256.text}, 3);
}

static enum ct_result add_trunks(struct ct_db *db, const char *const *carriers)
{
    struct ct_digest_hex md5;
    struct ct_digest_hex sha256;
    char hosts[64];
    enum ct_result result;

    make_digests(PEOPLE_INBOUND_NAME, PEOPLE_INBOUND_PASSWORD, &md5, &sha256);
    snprintf(hosts, sizeof(hosts), "%s %s", carriers[0], carriers[1]);
    result = run_sql(
        db,
        "INSERT INTO trunks (id, name, enabled, hosts, transport, tls_verify, register, prefixes, "
        "allow_from, trusted, channels, out_strip, out_prepend, in_strip, in_prepend, created_at) "
        "VALUES "
        "(1, 'one', 1, $1, 'udp', 1, 0, '+44', $2, 1, 0, 0, '', 0, '', 0)",
        NULL, 0, (const char *const[]){hosts, carriers[0]}, 2);
    if (result != CT_OK)
        return result;
    return run_sql(
        db,
        "INSERT INTO trunks (id, channels, name, enabled, hosts, transport, tls_verify, username, "
        "password, register, prefixes, allow_from, trusted, out_strip, out_prepend, in_strip, "
        "in_prepend, "
        "inbound_username, inbound_ha1_md5, inbound_ha1_sha256, created_at) VALUES (2, $1, 'two', "
        "1, $2, 'udp', 1, $3, $4, 1, '+33', $5, 0, 0, '', 0, '', $6, $7, $8, 0)",
        (const int64_t[]){PEOPLE_CHANNELS}, 1,
        (const char *const[]){carriers[1], PEOPLE_TRUNK_NAME, "p" PEOPLE_TRUNK_PASSWORD,
                              carriers[1], PEOPLE_INBOUND_NAME, md5.text, sha256.text},
        7);
}

static enum ct_result run_settle(void *ctx, struct ct_db *db)
{
    const struct settling *settling = ctx;
    enum ct_result result = run_sql(
        db, "INSERT INTO users (id, username) VALUES (1, 'alice'), (2, 'bob'), (3, 'carol')", NULL,
        0, NULL, 0);

    if (result == CT_OK)
        result = run_sql(db, "INSERT INTO sip_realm (id, realm) VALUES (1, '" PEOPLE_REALM "')",
                         NULL, 0, NULL, 0);
    for (int64_t i = 0; result == CT_OK && i < (int64_t)NUMBERS; i++)
        result = run_sql(db,
                         "INSERT INTO virtual_phone_numbers (id, user_id, phone_number, voice) "
                         "VALUES ($1, $2, $3, $4)",
                         (const int64_t[]){i + 1, numbers[i].owner}, 2,
                         (const char *const[]){numbers[i].number, numbers[i].voice}, 2);
    for (int64_t id = 1; result == CT_OK && id <= PEOPLE_DEVICES; id++)
        result = add_device(db, id);
    if (result == CT_OK)
        result = add_trunks(db, settling->carriers);
    for (int64_t i = 0; result == CT_OK && i < PEOPLE_ACCOUNTS; i++) {
        const struct people_caps *caps = &settling->caps[i];

        result = run_sql(db,
                         "INSERT INTO call_caps (user_id, trunks, concurrent_calls, "
                         "calls_per_minute, longest_call_s, minutes_per_day, prefixes) VALUES "
                         "($1, $2, $3, $4, $5, $6, $7)",
                         (const int64_t[]){i + 1, caps->trunks, caps->concurrent_calls,
                                           caps->calls_per_minute, caps->longest_call_s,
                                           caps->minutes_per_day},
                         6, &caps->prefix, 1);
    }
    return result;
}

/* The first account may do much, the others less. */
static void choose_caps(struct lan *lan, struct people_caps caps[PEOPLE_ACCOUNTS])
{
    /* sometimes nothing but the minutes of the day ends what the first one does */
    bool minutes = lan_random(lan, 3) == 0;

    for (uint32_t i = 0; i < PEOPLE_ACCOUNTS; i++)
        caps[i] = (struct people_caps){
            .trunks = i == 0 || lan_random(lan, 4) > 0,
            .prefix = i == 0 || lan_random(lan, 2) == 0 ? "+" : "+44",
            .concurrent_calls = lan_random(lan, 2) == 0 ? 0 : 1 + lan_random(lan, 2 + (i == 0)),
            .calls_per_minute = lan_random(lan, 2) == 0 ? 0 : 1 + lan_random(lan, 4),
            .longest_call_s = lan_random(lan, 3) == 0 ? 5 + lan_random(lan, 30) : 0,
            .minutes_per_day = lan_random(lan, 3) == 0 ? 1 + lan_random(lan, 2) : 0};
    if (minutes)
        caps[0] = (struct people_caps){.trunks = true, .prefix = "+", .minutes_per_day = 1};
}

enum ct_result people_settle(struct ct_store *store, struct lan *lan, const char *const carriers[2],
                             struct people_caps caps[PEOPLE_ACCOUNTS])
{
    struct settling settling = {carriers, caps};

    choose_caps(lan, caps);
    return ct_store_write(store, run_settle, &settling);
}

/* ---- where they are ---- */

void people_look(struct ct_registrar *registrar, struct people_list *out)
{
    const struct ct_binding *const *all;

    out->count = 0;
    for (int64_t id = 1; id <= PEOPLE_DEVICES; id++) {
        size_t count = ct_registrar_find(registrar, id, &all);

        for (size_t i = 0; i < count && out->count < PEOPLE_BINDINGS; i++) {
            struct people_binding *binding = &out->all[out->count++];

            binding->device_id = id;
            binding->expires_at = all[i]->expires_at;
            binding->transport = all[i]->hop.transport;
            binding->connection = all[i]->hop.connection;
            snprintf(binding->contact, sizeof(binding->contact), "%.*s", (int)all[i]->contact.len,
                     all[i]->contact.at);
        }
    }
}

bool people_kept(const struct people_list *before, const struct people_list *after, int64_t now)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct people_binding *binding = &before->all[i];
        /* nobody can call a browser whose connection has gone */
        bool found = binding->expires_at <= now || binding->transport == CT_SIP_WS;

        for (size_t j = 0; j < after->count; j++)
            found = found || (after->all[j].device_id == binding->device_id &&
                              after->all[j].expires_at >= binding->expires_at &&
                              strcmp(after->all[j].contact, binding->contact) == 0);
        if (!found)
            return false;
    }
    return true;
}

/* ---- faults ---- */

static enum ct_result run_lose(void *ctx, struct ct_db *db)
{
    return run_sql(db, "DELETE FROM sip_bindings WHERE device_id = $1", ctx, 1, NULL, 0);
}

void people_lose(struct ct_store *store, struct ct_registrar *registrar, int64_t device_id)
{
    if (ct_store_write(store, run_lose, &device_id) != CT_OK)
        abort();
    if (registrar != NULL)
        ct_registrar_changed(registrar, device_id);
}
