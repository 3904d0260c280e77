#include "ops/doctor.h"

#include <string.h>

#include "base/text.h"
#include "events/address.h"
#include "ops/doctor_addresses.h"

/* This program is younger than that: a clock that says less has never been set. */
#define YEAR_OF_PROGRAM_MS 1767225600000 /* 2026-01-01 */
#define RENEWAL_S (INT64_C(14) * 24 * 3600)
/* The database, the log, pipes, what libraries open. */
#define OTHER_FILES 256

/* What the checks have in common, found out once. */
struct doctor {
    const struct ct_config *config;
    const struct ct_machine *machine;
    struct ct_arena *arena;
    struct ct_sip_entry entries[CT_SIP_ENTRIES_MOST];
    size_t count;
    bool reached; /* a socket is not on the loopback */
    bool secured; /* a certificate is used */
    struct ct_addresses own, public, domain;
    enum ct_port_owner owners[CT_SIP_ENTRIES_MOST];
    const char *who[CT_SIP_ENTRIES_MOST];
    bool has_certificate;
    struct ct_certificate certificate;
    const char *unreadable; /* why there is none */
};

/* Appends the faults that it finds, one a line. CT_NOT_FOUND: with these settings there is nothing to look at. */
typedef enum ct_result ct_doctor_check(struct doctor *doctor, struct ct_buf *found);

static const char *transport_name(const struct ct_sip_entry *entry)
{
    static const char *const names[] = {"udp", "tcp", "tls", "ws", "wss"};
    return names[entry->transport];
}

__attribute__((format(printf, 2, 3))) static void fault(struct ct_buf *found, const char *format,
                                                        ...)
{
    va_list args;
    if (found->len > 0)
        ct_buf_char(found, '\n');
    va_start(args, format);
    ct_buf_vprintf(found, format, args);
    va_end(args);
}

static void socket_fault(struct ct_buf *found, const struct ct_sip_entry *entry, const char *what)
{
    bool six = memchr(entry->host.at, ':', entry->host.len) != NULL;
    fault(found, "%s:%s%.*s%s:%u %s", transport_name(entry), six ? "[" : "", (int)entry->host.len,
          entry->host.at, six ? "]" : "", entry->port, what);
}

static bool entry_is_loopback(const struct ct_sip_entry *entry)
{
    return (entry->host.len > 4 && memcmp(entry->host.at, "127.", 4) == 0) ||
           ct_str_equal(entry->host, CT_STR("::1"));
}

/* Whether what is sent to an address of this machine arrives somewhere. */
static bool is_heard(const struct doctor *doctor, const struct sockaddr_storage *address)
{
    for (size_t i = 0; i < doctor->count; i++) {
        if (ct_doctor_hears(&doctor->entries[i], address))
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------------------------ SIP_LISTEN */

static enum ct_result settings_sip(struct doctor *doctor, struct ct_buf *found)
{
    if (doctor->count == 0)
        fault(found, "SIP_LISTEN is off");
    return CT_OK;
}

static enum ct_result sip_reach(struct doctor *doctor, struct ct_buf *found)
{
    if (doctor->count == 0)
        return CT_NOT_FOUND;
    if (!doctor->reached)
        fault(found, "all of SIP_LISTEN is on the loopback: %s", doctor->config->sip_listen);
    return CT_OK;
}

static enum ct_result sip_port(struct doctor *doctor, struct ct_buf *found)
{
    for (size_t i = 0; i < doctor->count; i++) {
        if (doctor->entries[i].port == 0)
            socket_fault(found, &doctor->entries[i], "has another port after each start");
    }
    return doctor->count == 0 ? CT_NOT_FOUND : CT_OK;
}

static enum ct_result tell_owners(struct doctor *doctor, enum ct_port_owner owner, const char *what,
                                  struct ct_buf *found)
{
    for (size_t i = 0; i < doctor->count; i++) {
        if (doctor->entries[i].port == 0 || doctor->owners[i] != owner)
            continue;
        socket_fault(found, &doctor->entries[i], what);
        if (doctor->who[i] != NULL)
            ct_buf_printf(found, " %s", doctor->who[i]);
    }
    return doctor->count == 0 ? CT_NOT_FOUND : CT_OK;
}

static enum ct_result sip_address(struct doctor *doctor, struct ct_buf *found)
{
    enum ct_result result =
        tell_owners(doctor, CT_PORT_NO_ADDRESS, "is at an address of another machine", found);
    return result == CT_OK
               ? tell_owners(doctor, CT_PORT_NO_KIND, "needs IPv6, which is off here", found)
               : result;
}

static enum ct_result sip_listening(struct doctor *doctor, struct ct_buf *found)
{
    return tell_owners(doctor, CT_PORT_FREE, "has nobody who listens", found);
}

static enum ct_result sip_taken(struct doctor *doctor, struct ct_buf *found)
{
    return tell_owners(doctor, CT_PORT_OTHERS, "is taken by", found);
}

static enum ct_result sip_owner(struct doctor *doctor, struct ct_buf *found)
{
    return tell_owners(doctor, CT_PORT_HIDDEN, "is taken by", found);
}

/* ------------------------------------------------------------------------------ names and addresses */

typedef bool judge_address(const struct doctor *doctor, const struct sockaddr_storage *address);

/* Those of a list that are so. */
static enum ct_result choose(struct doctor *doctor, const struct ct_addresses *list,
                             judge_address *judge, struct ct_addresses *out)
{
    out->count = 0;
    out->at = ct_arena_alloc(doctor->arena, list->count * sizeof(list->at[0]));
    if (out->at == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < list->count; i++) {
        if (judge(doctor, &list->at[i]))
            out->at[out->count++] = list->at[i];
    }
    return CT_OK;
}

static enum ct_result sip_public(struct doctor *doctor, struct ct_buf *found)
{
    struct ct_addresses heard = {.count = 0};
    if (!doctor->reached || doctor->config->sip_public_address[0] != '\0')
        return doctor->reached ? CT_OK : CT_NOT_FOUND;
    enum ct_result result = choose(doctor, &doctor->own, is_heard, &heard);
    if (result != CT_OK)
        return result;
    for (size_t i = 0; i < heard.count; i++) {
        if (ct_address_is_public((const struct sockaddr *)&heard.at[i], sizeof(heard.at[i])))
            return CT_OK;
    }
    const char *text = ct_doctor_addresses_text(doctor->arena, &heard);
    if (text == NULL)
        return CT_NOMEM;
    if (heard.count == 0)
        fault(found, "SIP_LISTEN is at no address of this machine but the loopback");
    else
        fault(found, "SIP_PUBLIC_ADDRESS is empty, and all addresses of SIP_LISTEN are private: %s",
              text);
    return CT_OK;
}

static enum ct_result sip_public_name(struct doctor *doctor, struct ct_buf *found)
{
    const char *name = doctor->config->sip_public_address;
    if (name[0] == '\0')
        return CT_NOT_FOUND;
    if (doctor->public.count == 0)
        fault(found, "%s is not found", name);
    return CT_OK;
}

static enum ct_result domain_outside(struct doctor *doctor, struct ct_buf *found)
{
    if (!doctor->reached)
        return CT_NOT_FOUND;
    for (size_t i = 0; i < doctor->domain.count; i++) {
        if (!ct_doctor_is_loopback(&doctor->domain.at[i]))
            return CT_OK;
    }
    if (doctor->domain.count > 0)
        fault(found, "SIP_DOMAIN=%s is, to every phone, the phone itself",
              doctor->config->sip_domain);
    return CT_OK;
}

static enum ct_result domain_found(struct doctor *doctor, struct ct_buf *found)
{
    if (doctor->count == 0)
        return CT_NOT_FOUND;
    if (doctor->domain.count == 0)
        fault(found, "SIP_DOMAIN=%s is not found", doctor->config->sip_domain);
    return CT_OK;
}

static bool is_elsewhere(const struct doctor *doctor, const struct sockaddr_storage *address)
{
    return !ct_doctor_is_loopback(address) && !ct_doctor_has_address(&doctor->own, address) &&
           !ct_doctor_has_address(&doctor->public, address);
}

/* Tells of those addresses of SIP_DOMAIN. */
static enum ct_result tell_domain(struct doctor *doctor, judge_address *judge, const char *what,
                                  struct ct_buf *found)
{
    struct ct_addresses those = {.count = 0};
    enum ct_result result = choose(doctor, &doctor->domain, judge, &those);
    if (result != CT_OK || those.count == 0)
        return result;
    const char *text = ct_doctor_addresses_text(doctor->arena, &those);
    if (text == NULL)
        return CT_NOMEM;
    fault(found, "SIP_DOMAIN=%s leads to %s, %s", doctor->config->sip_domain, text, what);
    return CT_OK;
}

static enum ct_result domain_here(struct doctor *doctor, struct ct_buf *found)
{
    if (doctor->count == 0 || doctor->domain.count == 0)
        return CT_NOT_FOUND;
    return tell_domain(doctor, is_elsewhere, "which is not this machine", found);
}

static bool is_deaf(const struct doctor *doctor, const struct sockaddr_storage *address)
{
    return !ct_doctor_is_loopback(address) && ct_doctor_has_address(&doctor->own, address) &&
           !is_heard(doctor, address);
}

static enum ct_result domain_heard(struct doctor *doctor, struct ct_buf *found)
{
    if (!doctor->reached || doctor->domain.count == 0)
        return CT_NOT_FOUND;
    return tell_domain(doctor, is_deaf, "where SIP_LISTEN has no socket", found);
}

/* -------------------------------------------------------------------------------------- certificate */

static enum ct_result tls_files(struct doctor *doctor, struct ct_buf *found)
{
    if (!doctor->secured)
        return CT_NOT_FOUND;
    if (doctor->unreadable != NULL)
        fault(found, "%s", doctor->unreadable);
    return CT_OK;
}

static enum ct_result tls_key(struct doctor *doctor, struct ct_buf *found)
{
    if (doctor->has_certificate && !doctor->certificate.key_fits)
        fault(found, "%s is the key of another certificate", doctor->config->tls_key_file);
    return doctor->has_certificate ? CT_OK : CT_NOT_FOUND;
}

static void time_fault(struct ct_buf *found, const char *what, int64_t seconds)
{
    fault(found, "it %s ", what);
    ct_buf_time(found, seconds * 1000);
}

static enum ct_result tls_time(struct doctor *doctor, struct ct_buf *found)
{
    int64_t now = doctor->machine->unix_ms(doctor->machine->ctx) / 1000;
    if (!doctor->has_certificate)
        return CT_NOT_FOUND;
    if (now < doctor->certificate.not_before)
        time_fault(found, "begins at", doctor->certificate.not_before);
    if (now > doctor->certificate.not_after)
        time_fault(found, "ended at", doctor->certificate.not_after);
    return CT_OK;
}

static enum ct_result tls_renewal(struct doctor *doctor, struct ct_buf *found)
{
    int64_t left =
        doctor->certificate.not_after - doctor->machine->unix_ms(doctor->machine->ctx) / 1000;
    if (!doctor->has_certificate || left < 0)
        return CT_NOT_FOUND;
    if (left < RENEWAL_S)
        time_fault(found, "ends at", doctor->certificate.not_after);
    return CT_OK;
}

static enum ct_result tls_name(struct doctor *doctor, struct ct_buf *found)
{
    if (doctor->has_certificate && !doctor->certificate.has_name)
        fault(found, "it is for %s, not for SIP_DOMAIN=%s",
              doctor->certificate.names[0] == '\0' ? "no name" : doctor->certificate.names,
              doctor->config->sip_domain);
    return doctor->has_certificate ? CT_OK : CT_NOT_FOUND;
}

static enum ct_result tls_chain(struct doctor *doctor, struct ct_buf *found)
{
    if (doctor->has_certificate && doctor->certificate.distrust != NULL)
        fault(found, "%s", doctor->certificate.distrust);
    return doctor->has_certificate ? CT_OK : CT_NOT_FOUND;
}

/* ------------------------------------------------------------------------------------- the machine */

static enum ct_result clock_year(struct doctor *doctor, struct ct_buf *found)
{
    int64_t now = doctor->machine->unix_ms(doctor->machine->ctx);
    if (now < YEAR_OF_PROGRAM_MS) {
        fault(found, "it says ");
        ct_buf_time(found, now);
    }
    return CT_OK;
}

static enum ct_result clock_kept(struct doctor *doctor, struct ct_buf *found)
{
    if (!doctor->machine->clock_is_kept(doctor->machine->ctx))
        fault(found, "the kernel says that its clock is not synchronized");
    return CT_OK;
}

static enum ct_result open_files(struct doctor *doctor, struct ct_buf *found)
{
    int64_t needed =
        doctor->config->max_connections + doctor->config->sip_connections_max + OTHER_FILES;
    int64_t most = doctor->machine->open_files(doctor->machine->ctx);
    if (most < needed)
        fault(found,
              "a process may open %lld; MAX_CONNECTIONS, SIP_CONNECTIONS_MAX and the rest are %lld",
              (long long)most, (long long)needed);
    return CT_OK;
}

static enum ct_result database(struct doctor *doctor, struct ct_buf *found)
{
    const char *why = NULL;
    enum ct_result result = doctor->machine->database(doctor->machine->ctx, doctor->arena,
                                                      doctor->config->database_url, &why);
    if (result == CT_NOMEM)
        return result;
    if (result != CT_OK)
        fault(found, "%s", why == NULL ? ct_result_text(result) : why);
    return CT_OK;
}

/* --------------------------------------------------------------------------------------- the whole */

static const struct {
    const char *name;
    enum ct_diagnosis diagnosis;
    const char *what;
    const char *remedy;
    ct_doctor_check *check;
} CHECKS[] = {
#define CT_DOCTOR(name, diagnosis, what, remedy) {#name, diagnosis, what, remedy, name},
#include "ops/doctor.def"
#undef CT_DOCTOR
};
#define CHECK_COUNT (sizeof(CHECKS) / sizeof(CHECKS[0]))

static enum ct_result look_at_ports(struct doctor *doctor)
{
    const struct ct_machine *machine = doctor->machine;
    enum ct_result result = CT_OK;
    for (size_t i = 0; result == CT_OK && i < doctor->count; i++) {
        const struct ct_sip_entry *entry = &doctor->entries[i];
        doctor->reached |= !entry_is_loopback(entry);
        doctor->secured |=
            entry->transport == CT_SIP_ENTRY_TLS || entry->transport == CT_SIP_ENTRY_WSS;
        if (entry->port != 0)
            result = machine->port(machine->ctx, doctor->arena, entry, &doctor->owners[i],
                                   &doctor->who[i]);
    }
    return result;
}

static enum ct_result look_at_certificate(struct doctor *doctor)
{
    const struct ct_machine *machine = doctor->machine;
    if (!doctor->secured)
        return CT_OK;
    if (doctor->config->tls_cert_file[0] == '\0' || doctor->config->tls_key_file[0] == '\0') {
        doctor->unreadable = "tls: and wss: need TLS_CERT_FILE and TLS_KEY_FILE";
        return CT_OK;
    }
    enum ct_result result = machine->certificate(machine->ctx, doctor->arena, doctor->config,
                                                 &doctor->certificate, &doctor->unreadable);
    doctor->has_certificate = result == CT_OK;
    if (result == CT_NOMEM)
        return result;
    if (result != CT_OK && doctor->unreadable == NULL)
        return CT_NOMEM;
    return CT_OK;
}

static enum ct_result look_around(struct doctor *doctor)
{
    const struct ct_machine *machine = doctor->machine;
    const struct ct_config *config = doctor->config;
    doctor->count = ct_config_sip_entries(config->sip_listen, doctor->entries);
    enum ct_result result = machine->addresses(machine->ctx, doctor->arena, &doctor->own);
    if (result == CT_OK)
        result = look_at_ports(doctor);
    if (result == CT_OK && doctor->count > 0 && config->sip_public_address[0] != '\0')
        result = machine->resolve(machine->ctx, doctor->arena, config->sip_public_address,
                                  &doctor->public);
    if (result == CT_OK && doctor->count > 0)
        result = machine->resolve(machine->ctx, doctor->arena, config->sip_domain, &doctor->domain);
    return result == CT_OK ? look_at_certificate(doctor) : result;
}

enum ct_result ct_doctor_examine(const struct ct_config *config, const struct ct_machine *machine,
                                 ct_doctor_tell *tell, void *ctx, size_t *wrong)
{
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    struct doctor doctor = {.config = config, .machine = machine, .arena = arena};
    *wrong = 0;
    enum ct_result result = look_around(&doctor);
    for (size_t i = 0; result == CT_OK && i < CHECK_COUNT; i++) {
        struct ct_buf found = ct_buf_in(arena);
        result = CHECKS[i].check(&doctor, &found);
        enum ct_diagnosis diagnosis = result == CT_NOT_FOUND ? CT_UNASKED
                                      : found.len > 0        ? CHECKS[i].diagnosis
                                                             : CT_FINE;
        if (result == CT_NOT_FOUND)
            result = CT_OK;
        struct ct_str lines = ct_buf_done(&found);
        if (result == CT_OK && found.failed)
            result = CT_NOMEM;
        if (result != CT_OK)
            break;
        *wrong += diagnosis == CT_WRONG ? 1 : 0;
        tell(ctx, CHECKS[i].name, diagnosis, CHECKS[i].what, lines.at, CHECKS[i].remedy);
    }
    ct_arena_free(arena);
    return result;
}

void ct_doctor_explain(FILE *out, bool markdown)
{
    if (markdown)
        (void)fputs("# What the doctor looks at\n\n"
                    "`cloud-telephony doctor`, run where the server runs and with its settings, "
                    "says what would keep a phone "
                    "from reaching\nthis machine, and what to do. It exits with 1 when something "
                    "is wrong. What is only "
                    "doubtful (italics below) does not count.\n"
                    "This page is written by `cloud-telephony doctor --markdown`.\n\n"
                    "| check | what has to hold | what to do otherwise |\n|---|---|---|\n",
                    out);
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        const char *mark = CHECKS[i].diagnosis == CT_DOUBTFUL ? "*" : "";
        if (markdown)
            (void)fprintf(out, "| `%s` | %s%s%s | %s |\n", CHECKS[i].name, mark, CHECKS[i].what,
                          mark, CHECKS[i].remedy);
        else
            (void)fprintf(out, "%-16s %s\n", CHECKS[i].name, CHECKS[i].what);
    }
}
