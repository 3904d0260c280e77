#include "voice/carrier.h"
#include "voice/trunk_hosts.h"

#define PROBE_MS 30000

struct site {
    struct outpost outpost;
    struct ct_trunk_hosts *hosts;
    struct ct_sip_hop hops[CT_TRUNK_HOPS_MOST];
};

static enum ct_result begin(struct site *site, struct ct_str *hosts, size_t count, int64_t probe_ms)
{
    const struct ct_trunk trunk = {
        .id = 1, .transport = CT_STR("udp"), .hosts = {hosts, count}, .tls_verify = true};
    const struct ct_trunk_hosts_options options = {.sip = site->outpost.sip,
                                                   .domain = CT_STR("us.example"),
                                                   .probe_ms = probe_ms,
                                                   .changed = outpost_changed,
                                                   .ctx = &site->outpost};
    return ct_trunk_hosts_new(&options, &trunk, &site->hosts);
}

static enum ct_result open_site(struct site *site)
{
    site->hosts = NULL;
    return outpost_open(&site->outpost);
}

static void close_site(struct site *site)
{
    ct_trunk_hosts_free(site->hosts);
    outpost_close(&site->outpost);
}

static enum ct_trunk_host_state state(const struct site *site, size_t at)
{
    return ct_trunk_hosts_view(site->hosts, at).state;
}

/* What answers is up, whatever it says; what is silent, says 503 or leads nowhere is down, and comes back. */
static enum ct_result test_up_and_down(void)
{
    struct ct_str names[] = {CT_STR("one.example"), CT_STR("two.example"),
                             CT_STR("nobody.example")};
    struct site site;
    enum ct_result result = open_site(&site);
    if (result != CT_OK)
        goto out;
    site.outpost.one.status = 404;
    site.outpost.two.status = 503;
    TRY(begin(&site, names, 3, PROBE_MS));
    SEE(!ct_trunk_hosts_known(site.hosts) && state(&site, 0) == CT_TRUNK_HOST_UNKNOWN);
    SEE(ct_trunk_hosts_hops(site.hosts, 0, site.hops) == 0);
    lan_run(site.outpost.lan, 1000);
    SEE(ct_trunk_hosts_known(site.hosts));
    SEE(state(&site, 0) == CT_TRUNK_HOST_UP && state(&site, 1) == CT_TRUNK_HOST_DOWN &&
        state(&site, 2) == CT_TRUNK_HOST_DOWN && site.outpost.changes == 3);
    SEE(carrier_heard(&site.outpost.one, "OPTIONS sip:one.example SIP/2.0\r\n"));
    SEE(carrier_heard(&site.outpost.one, "From: <sip:us.example>;tag=") &&
        carrier_heard(&site.outpost.one, "To: <sip:one.example>\r\n") &&
        !carrier_heard(&site.outpost.one, "Contact:"));
    /* a datagram that is lost is no host that is lost */
    site.outpost.two.status = 200;
    lan_run(site.outpost.lan, PROBE_MS);
    SEE(state(&site, 1) == CT_TRUNK_HOST_UP && site.outpost.changes == 4);
    SEE(site.outpost.one.asked == 2 && site.outpost.two.asked == 2);
    site.outpost.one.status = 0;
    lan_run(site.outpost.lan, PROBE_MS);
    SEE(state(&site, 0) == CT_TRUNK_HOST_UP); /* it is waited for */
    lan_run(site.outpost.lan, 9000);
    SEE(state(&site, 0) == CT_TRUNK_HOST_DOWN && site.outpost.changes == 5);
    /* the hops of one that is down are there all the same */
    SEE(ct_trunk_hosts_hops(site.hosts, 0, site.hops) == 1);
    SEE(ct_trunk_hosts_find(site.hosts, CT_STR("two.example")) == 1 &&
        ct_trunk_hosts_find(site.hosts, CT_STR("three.example")) == SIZE_MAX);
out:
    close_site(&site);
    return result;
}

/* Of a name with two machines one may be away. */
static enum ct_result test_hops(void)
{
    struct ct_str names[] = {CT_STR("both.example:5060")};
    struct site site;
    const struct ct_sip_hop one = lan_hop("192.0.2.1");
    const struct ct_sip_hop two = lan_hop("192.0.2.2");
    const struct ct_sip_hop three = lan_hop("192.0.2.3");
    enum ct_result result = open_site(&site);
    if (result != CT_OK)
        goto out;
    site.outpost.one.status = 503;
    TRY(begin(&site, names, 1, PROBE_MS));
    lan_run(site.outpost.lan, 1000);
    SEE(state(&site, 0) == CT_TRUNK_HOST_UP);
    SEE(ct_trunk_hosts_hops(site.hosts, 0, site.hops) == 1 &&
        ct_sip_socket_equal(&site.hops[0].peer, &two.peer));
    SEE(ct_trunk_hosts_are_at(site.hosts, &one.peer) &&
        ct_trunk_hosts_are_at(site.hosts, &two.peer) &&
        !ct_trunk_hosts_are_at(site.hosts, &three.peer));
    site.outpost.two.status = 503;
    lan_run(site.outpost.lan, PROBE_MS);
    SEE(state(&site, 0) == CT_TRUNK_HOST_DOWN);
    SEE(ct_trunk_hosts_hops(site.hosts, 0, site.hops) == 2);
out:
    close_site(&site);
    return result;
}

/* Nobody is asked, but names are looked up. */
static enum ct_result test_without_probes(void)
{
    struct ct_str names[] = {CT_STR("one.example")};
    const struct ct_sip_hop one = lan_hop("192.0.2.1");
    struct site site;
    enum ct_result result = open_site(&site);
    if (result != CT_OK)
        goto out;
    lan_slow_names(site.outpost.lan, 200);
    TRY(begin(&site, names, 1, 0));
    lan_run(site.outpost.lan, 100);
    SEE(!ct_trunk_hosts_known(site.hosts));
    lan_run(site.outpost.lan, 200000);
    SEE(ct_trunk_hosts_known(site.hosts) && state(&site, 0) == CT_TRUNK_HOST_UNKNOWN);
    SEE(ct_trunk_hosts_hops(site.hosts, 0, site.hops) == 1 && site.hops[0].name == NULL);
    SEE(ct_trunk_hosts_are_at(site.hosts, &one.peer));
    SEE(site.outpost.one.asked == 0 && site.outpost.changes == 0);
    /* in the middle of a look at a name */
    lan_slow_names(site.outpost.lan, 100000);
    lan_run(site.outpost.lan, 70000);
out:
    close_site(&site);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_up_and_down),
    CT_UNIT(test_hops),
    CT_UNIT(test_without_probes),
};

int main(void)
{
    return ct_unit_main("voice/trunk_hosts", units, sizeof(units) / sizeof(units[0]));
}
