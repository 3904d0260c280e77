#include "ops/doctor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

/* A machine that is as a test says. Names are found at their addresses. */
struct machine {
    const char *own;    /* its addresses, separated by blanks */
    const char *domain; /* where sip.example.com leads to */
    enum ct_port_owner owner;
    struct ct_certificate certificate;
    const char *unreadable;
    enum ct_result database;
    int64_t now_s, files;
    bool kept;
    /* what was told */
    char wrong[400], doubtful[200];
    char last[400];
};

#define NOW_S INT64_C(1795305600)
#define DAY_S INT64_C(86400)

static enum ct_result read_addresses(struct ct_arena *arena, const char *text,
                                     struct ct_addresses *out)
{
    out->at = ct_arena_alloc(arena, 8 * sizeof(out->at[0]));
    out->count = 0;
    if (out->at == NULL)
        return CT_NOMEM;
    while (*text != '\0') {
        char one[INET6_ADDRSTRLEN] = "";
        size_t length = strcspn(text, " ");
        memcpy(one, text, length);
        struct sockaddr_in in = {.sin_family = AF_INET};
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
        if (inet_pton(AF_INET, one, &in.sin_addr) == 1)
            memcpy(&out->at[out->count++], &in, sizeof(in));
        else if (inet_pton(AF_INET6, one, &in6.sin6_addr) == 1)
            memcpy(&out->at[out->count++], &in6, sizeof(in6));
        text += length + (text[length] == ' ' ? 1 : 0);
    }
    return CT_OK;
}

static enum ct_result addresses(void *ctx, struct ct_arena *arena, struct ct_addresses *out)
{
    const struct machine *machine = ctx;
    return read_addresses(arena, machine->own, out);
}

static enum ct_result resolve(void *ctx, struct ct_arena *arena, const char *name,
                              struct ct_addresses *out)
{
    const struct machine *machine = ctx;
    return read_addresses(arena, strcmp(name, "sip.example.com") == 0 ? machine->domain : name,
                          out);
}

static enum ct_result port(void *ctx, struct ct_arena *arena, const struct ct_sip_entry *entry,
                           enum ct_port_owner *out, const char **who)
{
    const struct machine *machine = ctx;
    (void)arena;
    *out = entry->transport == CT_SIP_ENTRY_UDP ? machine->owner : CT_PORT_OURS;
    *who = machine->owner == CT_PORT_OTHERS ? "kamailio (process 12)" : NULL;
    return CT_OK;
}

static enum ct_result certificate(void *ctx, struct ct_arena *arena, const struct ct_config *config,
                                  struct ct_certificate *out, const char **why)
{
    const struct machine *machine = ctx;
    (void)arena;
    (void)config;
    *out = machine->certificate;
    *why = machine->unreadable;
    return machine->unreadable == NULL ? CT_OK : CT_IO;
}

static enum ct_result database(void *ctx, struct ct_arena *arena, const char *url, const char **why)
{
    const struct machine *machine = ctx;
    (void)arena;
    (void)url;
    (void)why;
    return machine->database;
}

static int64_t unix_ms(void *ctx)
{
    const struct machine *machine = ctx;
    return machine->now_s * 1000;
}

static bool clock_is_kept(void *ctx)
{
    const struct machine *machine = ctx;
    return machine->kept;
}

static int64_t open_files(void *ctx)
{
    const struct machine *machine = ctx;
    return machine->files;
}

static void append(char *list, size_t size, const char *name)
{
    size_t used = strlen(list);
    (void)snprintf(list + used, size - used, "%s%s", used > 0 ? " " : "", name);
}

static void tell(void *ctx, const char *name, enum ct_diagnosis diagnosis, const char *what,
                 const char *found, const char *remedy)
{
    struct machine *machine = ctx;
    (void)what;
    (void)remedy;
    if (diagnosis == CT_WRONG)
        append(machine->wrong, sizeof(machine->wrong), name);
    if (diagnosis == CT_DOUBTFUL)
        append(machine->doubtful, sizeof(machine->doubtful), name);
    if (diagnosis == CT_WRONG || diagnosis == CT_DOUBTFUL)
        (void)snprintf(machine->last, sizeof(machine->last), "%s", found);
}

static struct machine healthy(void)
{
    return (struct machine){.own = "10.0.0.5 8.8.4.4",
                            .domain = "8.8.4.4",
                            .owner = CT_PORT_OURS,
                            .certificate = {.not_before = NOW_S - DAY_S,
                                            .not_after = NOW_S + 60 * DAY_S,
                                            .key_fits = true,
                                            .has_name = true,
                                            .names = "sip.example.com"},
                            .now_s = NOW_S,
                            .files = 100000,
                            .kept = true};
}

static struct ct_config settings(void)
{
    return (struct ct_config){
        .sip_listen = "udp:0.0.0.0:5060,tcp:[::]:5060,tls:0.0.0.0:5061",
        .sip_domain = "sip.example.com",
        .sip_public_address = "",
        .tls_cert_file = "cert.pem",
        .tls_key_file = "key.pem",
        .database_url = "sqlite:///x",
        .max_connections = 1000,
        .sip_connections_max = 1000,
    };
}

static enum ct_result examine(const struct ct_config *config, struct machine *machine)
{
    const struct ct_machine seen = {machine,  addresses, resolve,       port,      certificate,
                                    database, unix_ms,   clock_is_kept, open_files};
    size_t wrong;
    machine->wrong[0] = machine->doubtful[0] = machine->last[0] = '\0';
    return ct_doctor_examine(config, &seen, tell, machine, &wrong);
}

/* Examines, and compares the names of what was wrong and doubtful. */
#define FINDS(machine, config, expected_wrong, expected_doubtful)     \
    do {                                                              \
        TRY(examine(&(config), &(machine)));                          \
        EXPECT(strcmp((machine).wrong, (expected_wrong)) == 0);       \
        EXPECT(strcmp((machine).doubtful, (expected_doubtful)) == 0); \
    } while (0)

static enum ct_result test_all_is_well(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config = settings();
    struct machine machine = healthy();

    FINDS(machine, config, "", "");
    /* behind a router, which others reach it by */
    machine.own = "192.168.1.5";
    config.sip_public_address = "8.8.4.4";
    FINDS(machine, config, "", "");
    machine.domain = "::ffff:8.8.4.4";
    FINDS(machine, config, "", "");
    /* one network without a router */
    config.sip_public_address = "192.168.1.5";
    config.sip_domain = "192.168.1.5";
    FINDS(machine, config, "", "");
out:
    return result;
}

static enum ct_result test_sockets(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config = settings();
    struct machine machine = healthy();

    config.sip_listen = "off";
    FINDS(machine, config, "settings_sip", "");
    config.sip_listen = "udp:127.0.0.1:5060,tcp:[::1]:5060";
    config.sip_domain = "127.0.0.1";
    FINDS(machine, config, "sip_reach", "");
    config = settings();
    config.sip_listen = "udp:0.0.0.0:5060,tcp:0.0.0.0:0";
    FINDS(machine, config, "sip_port", "");
    EXPECT(strcmp(machine.last, "tcp:0.0.0.0:0 has another port after each start") == 0);
    config.sip_listen = "udp:[::]:5060";
    machine.owner = CT_PORT_FREE;
    FINDS(machine, config, "sip_listening", "");
    EXPECT(strcmp(machine.last, "udp:[::]:5060 has nobody who listens") == 0);
    machine.owner = CT_PORT_OTHERS;
    FINDS(machine, config, "sip_taken", "");
    EXPECT(strcmp(machine.last, "udp:[::]:5060 is taken by kamailio (process 12)") == 0);
    machine.owner = CT_PORT_NO_ADDRESS;
    FINDS(machine, config, "sip_address", "");
    machine.owner = CT_PORT_NO_KIND;
    FINDS(machine, config, "sip_address", "");
    EXPECT(strcmp(machine.last, "udp:[::]:5060 needs IPv6, which is off here") == 0);
    machine.owner = CT_PORT_HIDDEN;
    FINDS(machine, config, "", "sip_owner");
out:
    return result;
}

static enum ct_result test_names(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config = settings();
    struct machine machine = healthy();

    machine.own = "192.168.1.5 100.64.0.1 fd00::1";
    machine.domain = "192.168.1.5";
    FINDS(machine, config, "sip_public", "");
    EXPECT(strstr(machine.last, "192.168.1.5, 100.64.0.1, fd00::1") != NULL);
    machine.own = "";
    FINDS(machine, config, "sip_public domain_here", "");
    machine = healthy();
    config.sip_public_address = "nowhere.example.com";
    FINDS(machine, config, "sip_public_name", "");
    config = settings();
    machine.domain = "";
    FINDS(machine, config, "domain_found", "");
    machine.domain = "8.8.4.4 9.9.9.9";
    FINDS(machine, config, "domain_here", "");
    EXPECT(strcmp(machine.last,
                  "SIP_DOMAIN=sip.example.com leads to 9.9.9.9, which is not this machine") == 0);
    machine.domain = "127.0.0.1 ::1";
    FINDS(machine, config, "domain_outside", "");
out:
    return result;
}

/* What is private, and what a name leads to, counts as far as SIP_LISTEN has a socket there. */
static enum ct_result test_two_kinds(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config = settings();
    struct machine machine = healthy();

    machine.own = "192.168.1.5 2a00:1450::1";
    machine.domain = "192.168.1.5 2a00:1450::1";
    FINDS(machine, config, "", "");
    config.sip_listen = "udp:0.0.0.0:5060";
    FINDS(machine, config, "sip_public", "domain_heard");
    EXPECT(strcmp(machine.last, "SIP_DOMAIN=sip.example.com leads to 2a00:1450::1, where "
                                "SIP_LISTEN has no socket") == 0);
    machine.domain = "192.168.1.5";
    FINDS(machine, config, "sip_public", "");
    EXPECT(strcmp(machine.last, "SIP_PUBLIC_ADDRESS is empty, and all addresses of SIP_LISTEN are "
                                "private: 192.168.1.5") == 0);
    config.sip_listen = "udp:[2a00:1450:0::1]:5060";
    FINDS(machine, config, "", "domain_heard");
    config.sip_listen = "udp:192.168.1.5:5060";
    FINDS(machine, config, "sip_public", "");
    config.sip_listen = "udp:0.0.0.0:5060";
    machine.own = "2a00:1450::1";
    machine.domain = "2a00:1450::1";
    FINDS(machine, config, "sip_public", "domain_heard");
    machine.domain = "127.0.0.1 2a00:1450::1 9.9.9.9";
    FINDS(machine, config, "sip_public domain_here", "domain_heard");
out:
    return result;
}

static enum ct_result test_certificates(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config = settings();
    struct machine machine = healthy();

    machine.unreadable = "TLS_CERT_FILE: cannot read cert.pem";
    FINDS(machine, config, "tls_files", "");
    EXPECT(strcmp(machine.last, machine.unreadable) == 0);
    machine = healthy();
    config.tls_cert_file = "";
    FINDS(machine, config, "tls_files", "");
    config.sip_listen = "udp:0.0.0.0:5060"; /* nobody asks for one */
    FINDS(machine, config, "", "");
    config = settings();
    machine.certificate.key_fits = false;
    machine.certificate.has_name = false;
    machine.certificate.distrust = "it is signed by itself";
    FINDS(machine, config, "tls_key tls_name tls_chain", "");
    machine = healthy();
    machine.certificate.not_after = NOW_S - 1;
    FINDS(machine, config, "tls_time", "");
    machine.certificate.not_after = NOW_S + 13 * DAY_S;
    FINDS(machine, config, "", "tls_renewal");
    EXPECT(strcmp(machine.last, "it ends at 2026-12-05T00:00:00.000Z") == 0);
    machine = healthy();
    machine.certificate.not_before = NOW_S + 1;
    FINDS(machine, config, "tls_time", "");
out:
    return result;
}

static enum ct_result test_the_rest(void)
{
    enum ct_result result = CT_OK;
    struct ct_config config = settings();
    struct machine machine = healthy();

    machine.now_s = 3600;
    machine.certificate.not_before = 0;
    FINDS(machine, config, "clock_year", "");
    EXPECT(strcmp(machine.last, "it says 1970-01-01T01:00:00.000Z") == 0);
    machine = healthy();
    machine.kept = false;
    machine.files = 2255;
    FINDS(machine, config, "", "clock_kept open_files");
    machine.files = 2256;
    FINDS(machine, config, "", "clock_kept");
    machine = healthy();
    machine.database = CT_UNAVAILABLE;
    FINDS(machine, config, "database", "");
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_all_is_well), CT_UNIT(test_sockets),      CT_UNIT(test_names),
        CT_UNIT(test_two_kinds),   CT_UNIT(test_certificates), CT_UNIT(test_the_rest),
    };
    return ct_unit_main("ops/doctor", units, sizeof(units) / sizeof(units[0]));
}
