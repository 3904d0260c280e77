#include "voice/carrier.h"
#include "voice/trunk_registration.h"

#define UNIX_MS INT64_C(1795000000000) /* of the lan's clock at its beginning */
#define CONTACT "0123456789abcdef"

struct site {
    struct outpost outpost;
    struct ct_trunk_hosts *hosts;
    struct ct_trunk_registration *registration;
    int answered; /* challenges */
};

static bool answer(void *ctx, const struct ct_sip_message *challenge, struct ct_str method,
                   struct ct_str uri, struct ct_buf *out)
{
    struct site *site = ctx;
    (void)challenge;
    site->answered++;
    ct_buf_text(out, "Authorization: Digest of=\"");
    ct_buf_str(out, method);
    ct_buf_char(out, ' ');
    ct_buf_str(out, uri);
    ct_buf_text(out, "\"\r\n");
    return true;
}

static enum ct_result begin(struct site *site, struct ct_str first, int64_t probe_ms)
{
    struct ct_str names[] = {first, CT_STR("two.example:5060")};
    const struct ct_trunk trunk = {
        .id = 1, .transport = CT_STR("udp"), .hosts = {names, 2}, .username = CT_STR("us er")};
    const struct ct_trunk_hosts_options hosts = {.sip = site->outpost.sip,
                                                 .domain = CT_STR("us.example"),
                                                 .probe_ms = probe_ms,
                                                 .changed = outpost_changed,
                                                 .ctx = &site->outpost};
    enum ct_result result = ct_trunk_hosts_new(&hosts, &trunk, &site->hosts);
    const struct ct_trunk_registration_options options = {.sip = site->outpost.sip,
                                                          .hosts = site->hosts,
                                                          .credentials = answer,
                                                          .credentials_ctx = site,
                                                          .contact = CT_STR(CONTACT),
                                                          .changed = outpost_changed,
                                                          .ctx = &site->outpost};
    return result == CT_OK ? ct_trunk_registration_new(&options, &trunk, &site->registration)
                           : result;
}

static enum ct_result open_site(struct site *site)
{
    *site = (struct site){0};
    return outpost_open(&site->outpost);
}

static void close_site(struct site *site)
{
    ct_trunk_registration_free(site->registration);
    ct_trunk_hosts_free(site->hosts);
    outpost_close(&site->outpost);
}

static struct ct_trunk_registration_view view(const struct site *site)
{
    return ct_trunk_registration_view(site->registration);
}

static bool is_registered(const struct site *site)
{
    return view(site).standing == CT_TRUNK_IS_REGISTERED;
}

static bool says(const struct site *site, int status, const char *reason)
{
    return view(site).status == status && ct_str_equal(view(site).reason, ct_str_of(reason));
}

/* It is there, with what it needs, and comes again when half of its time is over. */
static enum ct_result test_register(void)
{
    struct site site;
    struct lan *lan;
    enum ct_result result = open_site(&site);
    if (result != CT_OK)
        goto out;
    struct carrier *one = &site.outpost.one;
    lan = site.outpost.lan;
    one->asks = true;
    one->expires = "120";
    lan_slow_names(lan, 300);
    TRY(begin(&site, CT_STR("one.example"), 0));
    SEE(view(&site).standing == CT_TRUNK_IS_PENDING && view(&site).status == 0);
    lan_run(lan, 1000);
    SEE(is_registered(&site) && says(&site, 200, "OK"));
    SEE(one->asked == 2 && one->cseq == 2 && site.answered == 1 && site.outpost.two.asked == 0);
    SEE(carrier_heard(one, "REGISTER sip:one.example SIP/2.0\r\n") &&
        carrier_heard(one, "To: <sip:us%20er@one.example>\r\n") &&
        carrier_heard(one, "From: <sip:us%20er@one.example>;tag=") &&
        carrier_heard(one, "Contact: <sip:" CONTACT "@" OUTPOST ">\r\n") &&
        carrier_heard(one, "Expires: 600\r\n") &&
        carrier_heard(one, "Authorization: Digest of=\"REGISTER sip:one.example\"\r\n"));
    int64_t left = view(&site).until_ms - UNIX_MS - lan_now_ms(lan);
    SEE(left > 118000 && left <= 120000);
    int64_t first_ms = one->asked_ms;
    lan_run(lan, 80000);
    SEE(one->asked == 4 && is_registered(&site) && one->cseq == 4);
    SEE(one->asked_ms - first_ms >= 60000 && one->asked_ms - first_ms <= 76000);
    /* and goes, so that nothing is left */
    ct_trunk_registration_leave(site.registration, 4000);
    SEE(view(&site).state == CT_TRUNK_LEAVING && view(&site).until_ms == 0);
    ct_trunk_registration_leave(site.registration, 4000);
    lan_run(lan, 1000);
    SEE(view(&site).state == CT_TRUNK_OVER && one->asked == 6);
    SEE(carrier_heard(one, "Expires: 0\r\n") &&
        carrier_heard(one, "Contact: <sip:" CONTACT "@" OUTPOST ">\r\n"));
    lan_run(lan, 400000);
    SEE(one->asked == 6);
out:
    close_site(&site);
    return result;
}

/* How long it lasts is what the contact says, or Expires, or what was asked for; nothing at all is a refusal. */
static enum ct_result test_times(void)
{
    static const struct {
        const char *expires, *headers;
        int64_t seconds; /* 0: it is not registered */
    } cases[] = {
        {"300", NULL, 300},
        {"300", "Expires: 50\r\n", 300},
        {NULL, "Expires: 50\r\n", 50},
        {NULL, NULL, 600},
        {"0", NULL, 0},
        {"4294967295", NULL, 86400},
        {"nothing", NULL, 600},
        {NULL, "Expires: 0\r\n", 0},
    };
    struct site site;
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        result = open_site(&site);
        if (result != CT_OK)
            goto out;
        site.outpost.one.expires = cases[i].expires;
        site.outpost.one.headers = cases[i].headers;
        TRY(begin(&site, CT_STR("one.example"), 0));
        lan_run(site.outpost.lan, 1000);
        SEE(is_registered(&site) == (cases[i].seconds > 0));
        int64_t left = view(&site).until_ms - UNIX_MS - site.outpost.one.asked_ms;
        SEE(!is_registered(&site) ||
            (left >= cases[i].seconds * 1000 && left < cases[i].seconds * 1000 + 100));
        SEE(is_registered(&site) || says(&site, 200, "It was not kept"));
        /* before there was an answer, one that may have come is taken back too */
        close_site(&site);
    }
    return CT_OK;
out:
    close_site(&site);
    return result;
}

/* 423: once more, for as long as the carrier wants, and only once. */
static enum ct_result test_too_short(void)
{
    struct site site;
    enum ct_result result = open_site(&site);
    if (result != CT_OK)
        goto out;
    struct carrier *one = &site.outpost.one;
    one->once = "423 Min-Expires: 1800\r\n";
    TRY(begin(&site, CT_STR("one.example"), 0));
    lan_run(site.outpost.lan, 1000);
    SEE(is_registered(&site) && one->asked == 2 && carrier_heard(one, "Expires: 1800\r\n"));
    /* one that always wants more */
    one->status = 423;
    one->headers = "Min-Expires: 7200\r\n";
    for (int i = 0; i < 1200 && is_registered(&site); i++)
        lan_run(site.outpost.lan, 1000);
    SEE(!is_registered(&site) && view(&site).status == 423 && one->asked == 4);
    SEE(site.outpost.two.asked == 0);
out:
    close_site(&site);
    return result;
}

/* Who does not answer, or says 5xx, is passed over; the next time the one that took it is asked first. */
static enum ct_result test_hosts(void)
{
    struct site site;
    enum ct_result result = open_site(&site);
    if (result != CT_OK)
        goto out;
    struct carrier *one = &site.outpost.one;
    struct carrier *two = &site.outpost.two;
    one->status = 503;
    two->expires = "100";
    TRY(begin(&site, CT_STR("one.example"), 0));
    lan_run(site.outpost.lan, 1000);
    SEE(is_registered(&site) && one->asked == 1 && two->asked == 1);
    SEE(carrier_heard(two, "REGISTER sip:two.example:5060 SIP/2.0\r\n") &&
        carrier_heard(two, "To: <sip:us%20er@two.example>\r\n"));
    lan_run(site.outpost.lan, 65000);
    SEE(is_registered(&site) && one->asked == 1 && two->asked == 2);
    /* it falls silent: after 32 s the other has its turn */
    two->status = 0;
    one->status = 200;
    lan_run(site.outpost.lan, 100000);
    SEE(is_registered(&site) && two->asked == 3 && one->asked == 2);
    /* both: it is tried again and again, and what the carrier still has stays */
    one->status = 0;
    lan_run(site.outpost.lan, 455000);
    SEE(view(&site).standing == CT_TRUNK_IS_FAILED && says(&site, 408, "No answer"));
    SEE(view(&site).until_ms > UNIX_MS + lan_now_ms(site.outpost.lan));
    one->status = 500;
    one->headers = "Retry-After: 100\r\n";
    two->status = 500;
    lan_run(site.outpost.lan, 60000);
    int asked = one->asked;
    SEE(says(&site, 500, "Server Internal Error"));
    lan_run(site.outpost.lan, 30000);
    SEE(one->asked == asked);
    one->status = 200;
    lan_run(site.outpost.lan, 70000);
    SEE(is_registered(&site));
out:
    close_site(&site);
    return result;
}

/* Those that are down are not asked, unless all are. */
static enum ct_result test_down(void)
{
    struct site site;
    enum ct_result result = open_site(&site);
    if (result != CT_OK)
        goto out;
    struct carrier *one = &site.outpost.one;
    struct carrier *two = &site.outpost.two;
    two->expires = "60";
    TRY(begin(&site, CT_STR("nobody.example"), 20000));
    lan_run(site.outpost.lan, 1000);
    SEE(is_registered(&site) && one->asked == 0);
    two->status = 503;
    lan_run(site.outpost.lan, 60000);
    SEE(view(&site).standing == CT_TRUNK_IS_FAILED && view(&site).status == 503);
    two->status = 200;
    lan_run(site.outpost.lan, 60000);
    SEE(is_registered(&site));
out:
    close_site(&site);
    return result;
}

/* A refusal is the carrier's word: no other host, and a minute at least. Words are cut, and made fit to be shown. */
static enum ct_result test_refused(void)
{
    struct site site;
    enum ct_result result = open_site(&site);
    if (result != CT_OK)
        goto out;
    struct carrier *one = &site.outpost.one;
    one->status = 403;
    TRY(begin(&site, CT_STR("one.example"), 0));
    lan_run(site.outpost.lan, 1000);
    SEE(view(&site).standing == CT_TRUNK_IS_FAILED && says(&site, 403, "Forbidden"));
    SEE(one->asked == 1 && site.outpost.two.asked == 0 && view(&site).until_ms == 0);
    lan_run(site.outpost.lan, 29000);
    SEE(one->asked == 1);
    lan_run(site.outpost.lan, 32000);
    SEE(one->asked == 2 && site.outpost.two.asked == 0);
    /* asked for a password again and again: it says it twice */
    one->status = 401;
    one->headers = "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n\"\r\n";
    lan_run(site.outpost.lan, 125000);
    SEE(one->asked == 5 && site.answered == 2 && says(&site, 401, "Unauthorized"));
    /* nobody has it: nothing is taken back */
    ct_trunk_registration_leave(site.registration, 4000);
    lan_run(site.outpost.lan, 10);
    SEE(view(&site).state == CT_TRUNK_OVER && one->asked == 5);
out:
    close_site(&site);
    return result;
}

/* It is taken back while the answer is under way, and from a host that is silent for no longer than is given. */
static enum ct_result test_leave(void)
{
    struct site site;
    enum ct_result result = open_site(&site);
    if (result != CT_OK)
        goto out;
    struct carrier *one = &site.outpost.one;
    one->status = 0;
    TRY(begin(&site, CT_STR("one.example"), 0));
    lan_run(site.outpost.lan, 200);
    SEE(view(&site).state == CT_TRUNK_TRYING && one->asked == 1);
    ct_trunk_registration_leave(site.registration, 4000);
    lan_run(site.outpost.lan, 3900);
    SEE(view(&site).state == CT_TRUNK_LEAVING && one->asked == 2 &&
        carrier_heard(one, "Expires: 0\r\n") && one->cseq == 2);
    lan_run(site.outpost.lan, 200);
    SEE(view(&site).state == CT_TRUNK_OVER);
out:
    close_site(&site);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_register), CT_UNIT(test_times),   CT_UNIT(test_too_short), CT_UNIT(test_hosts),
    CT_UNIT(test_down),     CT_UNIT(test_refused), CT_UNIT(test_leave),
};

int main(void)
{
    return ct_unit_main("voice/trunk_registration", units, sizeof(units) / sizeof(units[0]));
}
