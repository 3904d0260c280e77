#include <poll.h>

#include "scratch.h"
#include "voice/carrier.h"
#include "voice/trunk_watch.h"

/* One or two servers that share a database, and a carrier. */

#define TRUNK(columns, values)                                                              \
    "INSERT INTO trunks (id, name, enabled, transport, tls_verify, username, prefixes, "    \
    "trusted, channels, out_strip, out_prepend, in_strip, in_prepend, created_at, " columns \
    ") VALUES (5, 'carrier', 1, 'udp', 1, 'us', '+', 0, 0, 0, '', 0, '', 0, " values ")"

struct node {
    struct ct_sip_env env;
    struct ct_sip *sip;
    struct ct_sip_mailbox *mailbox;
    struct ct_carriers *carriers;
    struct ct_trunk_watch *watch;
};

struct site {
    struct scratch scratch;
    struct ct_reader reader;
    struct ct_config config;
    struct lan *lan;
    struct carrier carrier;
    struct node nodes[2];
};

static const char *const places[] = {"192.0.2.100", "192.0.2.101"};

static void post(void *ctx, struct ct_sip_letter *letter)
{
    ct_sip_mailbox_post(ctx, letter);
}

static enum ct_result begin(struct site *site, size_t at, bool alone)
{
    struct node *node = &site->nodes[at];
    enum ct_result result = lan_place(site->lan, places[at], &node->env);
    const struct ct_sip_options options = {.env = node->env, .methods = CT_STR("OPTIONS")};
    if (result == CT_OK)
        result = ct_sip_mailbox_new(&node->mailbox);
    if (result == CT_OK)
        result = ct_sip_new(&options, &node->sip);
    if (result != CT_OK)
        return result;
    lan_inhabit(site->lan, places[at], node->sip);
    const struct ct_carriers_options carriers = {.config = &site->config,
                                                 .env = &node->env,
                                                 .wheel = ct_sip_wheel(node->sip),
                                                 .reader = &site->reader};
    result = ct_carriers_new(&carriers, &node->carriers);
    const struct ct_trunk_watch_options watch = {.config = &site->config,
                                                 .sip = node->sip,
                                                 .post = {.ctx = node->mailbox, .post = post},
                                                 .store = site->scratch.store,
                                                 .reader = &site->reader,
                                                 .carriers = node->carriers,
                                                 .node = ct_str_of(places[at]),
                                                 .alone = alone};
    return result == CT_OK ? ct_trunk_watch_new(&watch, &node->watch) : result;
}

/* Until what was written is written, and its writer knows. */
static void settle(struct site *site)
{
    ct_reader_rest(&site->reader);
    for (size_t i = 0; i < 2; i++) {
        struct node *node = &site->nodes[i];
        while (node->watch != NULL && !ct_trunk_watch_settled(node->watch)) {
            struct pollfd poller = {.fd = ct_sip_mailbox_fd(node->mailbox), .events = POLLIN};
            (void)poll(&poller, 1, -1);
            ct_sip_mailbox_open(node->mailbox);
        }
    }
}

static void run(struct site *site, int64_t ms)
{
    for (; ms > 0; ms -= 10) {
        lan_run(site->lan, 10);
        settle(site);
    }
}

/* As when the process dies. */
static void drop(struct site *site, size_t at)
{
    struct node *node = &site->nodes[at];
    settle(site);
    if (site->lan != NULL && node->sip != NULL)
        lan_inhabit(site->lan, places[at], NULL);
    ct_trunk_watch_free(node->watch);
    ct_carriers_free(node->carriers);
    ct_sip_free(node->sip);
    ct_sip_mailbox_free(node->mailbox);
    *node = (struct node){0};
}

static enum ct_result run_sql(void *ctx, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, ctx, &stmt);
    return result == CT_OK ? ct_run(stmt) : result;
}

static enum ct_result execute(struct site *site, const char *sql)
{
    ct_reader_rest(&site->reader);
    return ct_store_write(site->scratch.store, run_sql, (void *)(uintptr_t)sql);
}

static enum ct_result open_site(struct site *site, const char *trunk)
{
    *site = (struct site){.config = {.sip_domain = "us.example", .secret_key = "a secret"}};
    ct_unit_spare(true);
    enum ct_result result = scratch_open(&site->scratch);
    if (result == CT_OK)
        result = execute(site, trunk);
    ct_unit_spare(false);
    site->reader.store = site->scratch.store;
    if (result == CT_OK)
        result = lan_new(11, &site->lan);
    if (result != CT_OK)
        return result;
    lan_name(site->lan, "one.example", "192.0.2.1");
    result = carrier_open(&site->carrier, site->lan, "192.0.2.1");
    site->carrier.expires = "600";
    return result;
}

static void close_site(struct site *site)
{
    drop(site, 0);
    drop(site, 1);
    ct_reader_rest(&site->reader);
    lan_free(site->lan);
    scratch_close(&site->scratch);
}

static bool is_known(const struct site *site, size_t at, const char *address, const char *user)
{
    const struct ct_sip_hop from = lan_hop(address);
    const struct ct_trunk *trunk =
        ct_trunk_watch_from(site->nodes[at].watch, &from, ct_str_of(user));
    return trunk != NULL && trunk->id == 5;
}

/* The user part of the contact that the carrier was told last. */
static struct ct_str contact(const struct site *site)
{
    const char *at = strstr(site->carrier.request, "Contact: <sip:");
    return at == NULL ? (struct ct_str){0} : (struct ct_str){at + 14, 32};
}

/* Of two servers one registers; the other one takes over when it stops in order, and when it dies. */
static enum ct_result test_two(void)
{
    struct site site;
    char first[33] = "";
    enum ct_result result =
        open_site(&site, TRUNK("hosts, register, allow_from", "'one.example', 1, ''"));
    if (result != CT_OK)
        goto out;
    TRY(begin(&site, 0, false));
    run(&site, 1500);
    TRY(begin(&site, 1, false));
    run(&site, 40000);
    SEE(site.carrier.asked == 1 && carrier_heard(&site.carrier, "@192.0.2.100>"));
    memcpy(first, contact(&site).at, 32);
    /* both know where calls come from */
    SEE(is_known(&site, 0, "192.0.2.1", "") && is_known(&site, 1, "192.0.2.1", ""));
    SEE(!is_known(&site, 0, "192.0.2.2", first) && !is_known(&site, 1, "192.0.2.2", first));
    SEE(ct_trunk_watch_is_contact(site.nodes[1].watch, 5, contact(&site)));
    SEE(!ct_trunk_watch_is_contact(site.nodes[1].watch, 5, CT_STR("")));
    ct_trunk_watch_close(site.nodes[0].watch);
    SEE(!ct_trunk_watch_is_over(site.nodes[0].watch));
    run(&site, 100);
    SEE(ct_trunk_watch_is_over(site.nodes[0].watch));
    SEE(site.carrier.asked == 2 && carrier_heard(&site.carrier, "Expires: 0\r\n"));
    run(&site, 3000);
    SEE(site.carrier.asked == 3 && carrier_heard(&site.carrier, "@192.0.2.101>") &&
        carrier_heard(&site.carrier, first));
    drop(&site, 0);
    TRY(begin(&site, 0, false));
    run(&site, 15000);
    drop(&site, 1);
    run(&site, 10000);
    SEE(site.carrier.asked == 3); /* the lease is not over */
    run(&site, 25000);
    SEE(site.carrier.asked == 4 && carrier_heard(&site.carrier, "@192.0.2.100>"));
out:
    close_site(&site);
    return result;
}

/* Who comes from where is a trunk's, as long as it is registered; with allow_from it is that alone. */
static enum ct_result test_from(void)
{
    struct site site;
    enum ct_result result =
        open_site(&site, TRUNK("hosts, register, allow_from", "'one.example', 1, ''"));
    if (result != CT_OK)
        goto out;
    site.carrier.status = 0;
    TRY(begin(&site, 0, true));
    run(&site, 1500);
    SEE(site.carrier.asked == 1 && !is_known(&site, 0, "192.0.2.1", ""));
    site.carrier.status = 200;
    run(&site, 4000);
    SEE(is_known(&site, 0, "192.0.2.1", "") && is_known(&site, 0, "192.0.2.1", "anybody"));
    SEE(!is_known(&site, 0, "192.0.2.3", ""));
    TRY(execute(&site, "UPDATE trunks SET allow_from = '192.0.2.3'"));
    run(&site, 2500);
    SEE(!is_known(&site, 0, "192.0.2.1", "") && is_known(&site, 0, "192.0.2.3", ""));
    SEE(site.carrier.asked == 1); /* that is no other registration */
    TRY(execute(&site, "UPDATE trunks SET allow_from = ''"));
    run(&site, 2500);
    SEE(is_known(&site, 0, "192.0.2.1", ""));
    /* deleted: taken back, and nobody's from then on */
    TRY(execute(&site, "DELETE FROM trunk_states"));
    TRY(execute(&site, "DELETE FROM trunks"));
    run(&site, 2500);
    SEE(site.carrier.asked == 2 && carrier_heard(&site.carrier, "Expires: 0\r\n"));
    SEE(!is_known(&site, 0, "192.0.2.1", ""));
out:
    close_site(&site);
    return result;
}

/* Hosts that are down are passed by; what is not known is tried. */
static enum ct_result test_reach(void)
{
    struct site site;
    struct ct_sip_hop hops[CT_TRUNK_HOPS_MOST];
    size_t count;
    const struct ct_trunk *trunk;
    enum ct_result result = open_site(
        &site, TRUNK("hosts, register, allow_from", "'one.example nobody.example', 0, ''"));
    if (result != CT_OK)
        goto out;
    site.config.sip_trunk_probe_seconds = 30;
    TRY(begin(&site, 0, true));
    run(&site, 2500);
    trunk = ct_carriers_all(site.nodes[0].carriers, &count);
    SEE(count == 1);
    const struct ct_trunk_watch *watch = site.nodes[0].watch;
    SEE(ct_trunk_watch_reaches(watch, trunk, CT_STR("one.example")));
    SEE(!ct_trunk_watch_reaches(watch, trunk, CT_STR("nobody.example")));
    SEE(ct_trunk_watch_reaches(watch, trunk, CT_STR("other.example")));
    SEE(ct_trunk_watch_hops(watch, trunk, CT_STR("one.example"), hops) == 1);
    SEE(ct_trunk_watch_hops(watch, trunk, CT_STR("other.example"), hops) == 0);
    SEE(strcmp(site.carrier.method, "OPTIONS") == 0);
    /* it is not registered, so that nobody calls from there */
    SEE(!is_known(&site, 0, "192.0.2.1", ""));
    ct_trunk_watch_close(site.nodes[0].watch);
    run(&site, 100);
    SEE(ct_trunk_watch_is_over(site.nodes[0].watch));
out:
    close_site(&site);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_two),
    CT_UNIT(test_from),
    CT_UNIT(test_reach),
};

int main(void)
{
    return ct_unit_main("voice/trunk_watch", units, sizeof(units) / sizeof(units[0]));
}
