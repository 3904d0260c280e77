#include "voice/trunk_watch.h"

#include <stdlib.h>
#include <string.h>

#include "voice/trunk_watch_parts.h"

#define LOOK_MS 1000
/* What a carrier gets to answer when its contact is taken back. */
#define LEAVE_MS 4000
#define LEAVE_AT_STOP_MS 1500

int64_t ct_trunk_watch_now(const struct ct_trunk_watch *watch)
{
    const struct ct_sip_env *env = ct_sip_env(watch->options.sip);
    return env->unix_ms(env->ctx);
}

const struct ct_trunk_state *ct_trunk_watch_state(const struct ct_trunk_watch *watch,
                                                  int64_t trunk_id)
{
    for (size_t i = 0; i < watch->state_count; i++)
        if (watch->states[i].trunk_id == trunk_id)
            return &watch->states[i];
    return NULL;
}

struct ct_trunk_entry *ct_trunk_watch_entry(const struct ct_trunk_watch *watch, int64_t trunk_id)
{
    for (struct ct_trunk_entry *entry = watch->entries; entry != NULL; entry = entry->next)
        if (entry->trunk_id == trunk_id)
            return entry;
    return NULL;
}

void ct_trunk_watch_soon(struct ct_trunk_watch *watch)
{
    ct_timer_start(ct_sip_wheel(watch->options.sip), &watch->timer, CT_TRUNK_TELL_MS);
}

/* ---- one trunk ---- */

static struct ct_str copy(struct ct_arena *arena, struct ct_str text, bool *failed)
{
    if (text.at == NULL)
        return text;
    const char *at = ct_str_dup(arena, text);
    *failed = *failed || at == NULL;
    return ct_str_of(at);
}

/* Keeps what a registration and probes depend on. */
static enum ct_result keep_trunk(struct ct_trunk_entry *entry, const struct ct_trunk *trunk)
{
    bool failed = false;
    struct ct_str *hosts = ct_arena_alloc(entry->arena, trunk->hosts.count * sizeof(*hosts));
    if (hosts == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < trunk->hosts.count; i++)
        hosts[i] = copy(entry->arena, trunk->hosts.at[i], &failed);
    entry->trunk = (struct ct_trunk){.id = trunk->id,
                                     .name = copy(entry->arena, trunk->name, &failed),
                                     .hosts = {hosts, trunk->hosts.count},
                                     .transport = copy(entry->arena, trunk->transport, &failed),
                                     .tls_verify = trunk->tls_verify,
                                     .username = copy(entry->arena, trunk->username, &failed),
                                     .password = copy(entry->arena, trunk->password, &failed),
                                     .registers = trunk->registers};
    return failed ? CT_NOMEM : CT_OK;
}

static bool is_as_before(const struct ct_trunk_entry *entry, const struct ct_trunk *trunk)
{
    const struct ct_trunk *before = &entry->trunk;
    if (before->hosts.count != trunk->hosts.count || before->registers != trunk->registers ||
        before->tls_verify != trunk->tls_verify ||
        !ct_str_equal(before->transport, trunk->transport) ||
        !ct_str_equal(before->username, trunk->username) ||
        !ct_str_equal(before->password, trunk->password))
        return false;
    for (size_t i = 0; i < trunk->hosts.count; i++)
        if (!ct_str_equal(before->hosts.at[i], trunk->hosts.at[i]))
            return false;
    return true;
}

static void entry_changed(void *ctx)
{
    struct ct_trunk_entry *entry = ctx;
    entry->news++;
    ct_trunk_watch_soon(entry->watch);
}

static void free_entry(struct ct_trunk_entry *entry)
{
    ct_trunk_registration_free(entry->registration);
    ct_trunk_hosts_free(entry->hosts);
    explicit_bzero(&entry->trunk, sizeof(entry->trunk));
    ct_arena_free(entry->arena);
    free(entry);
}

/* What the certificate of each host must say. */
static enum ct_result find_names(struct ct_trunk_entry *entry, const char *const **out)
{
    const struct ct_trunk *trunk = &entry->trunk;
    const char **names = ct_arena_alloc(entry->arena, trunk->hosts.count * sizeof(*names));
    *out = NULL;
    if (!trunk->tls_verify)
        return CT_OK;
    if (names == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < trunk->hosts.count; i++) {
        names[i] = ct_carriers_name(entry->watch->options.carriers, trunk->hosts.at[i]);
        if (names[i] == NULL)
            return CT_NOMEM;
    }
    *out = names;
    return CT_OK;
}

static enum ct_result add_entry(struct ct_trunk_watch *watch, const struct ct_trunk *trunk)
{
    struct ct_trunk_hosts_options options = {
        .sip = watch->options.sip,
        .domain = ct_str_of(watch->options.config->sip_domain),
        .probe_ms = watch->options.config->sip_trunk_probe_seconds * 1000,
        .changed = entry_changed};
    struct ct_trunk_entry *entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return CT_NOMEM;
    entry->watch = watch;
    entry->trunk_id = trunk->id;
    entry->news = 1;
    options.ctx = entry;
    entry->arena = ct_arena_new();
    enum ct_result result = entry->arena == NULL ? CT_NOMEM : keep_trunk(entry, trunk);
    if (result == CT_OK)
        result = find_names(entry, &options.names);
    if (result == CT_OK)
        result = ct_trunk_hosts_new(&options, &entry->trunk, &entry->hosts);
    if (result != CT_OK) {
        free_entry(entry);
        return result;
    }
    entry->next = watch->entries;
    watch->entries = entry;
    return CT_OK;
}

static enum ct_result begin_registration(struct ct_trunk_entry *entry, struct ct_str contact)
{
    struct ct_carriers *carriers = entry->watch->options.carriers;
    const struct ct_trunk_registration_options options = {
        .sip = entry->watch->options.sip,
        .hosts = entry->hosts,
        .credentials = ct_carriers_credentials,
        .credentials_ctx = ct_carriers_answers(carriers, &entry->trunk),
        .contact = contact,
        .changed = entry_changed,
        .ctx = entry};
    return options.credentials_ctx == NULL
               ? CT_NOMEM
               : ct_trunk_registration_new(&options, &entry->trunk, &entry->registration);
}

static bool has_left(const struct ct_trunk_entry *entry)
{
    return entry->registration == NULL ||
           ct_trunk_registration_view(entry->registration).state == CT_TRUNK_OVER;
}

/* ---- what is said of them ---- */

static void log_registration(struct ct_trunk_entry *entry)
{
    struct ct_log *log = entry->watch->options.log;
    struct ct_trunk_registration_view view = ct_trunk_registration_view(entry->registration);
    if (view.standing == entry->standing)
        return;
    if (view.standing == CT_TRUNK_IS_REGISTERED)
        CT_LOG(log, CT_LOG_INFO, "trunk_registered", CT_F_INT("trunk", entry->trunk_id));
    else if (view.standing == CT_TRUNK_IS_FAILED)
        CT_LOG(log, CT_LOG_WARNING, "trunk_not_registered", CT_F_INT("trunk", entry->trunk_id),
               CT_F_INT("status", view.status), CT_F_STR("why", view.reason));
    entry->standing = view.standing;
}

static void count(struct ct_trunk_watch *watch)
{
    struct ct_trunk_counts now = {0};
    for (struct ct_trunk_entry *entry = watch->entries; entry != NULL; entry = entry->next) {
        if (entry->registration != NULL)
            log_registration(entry);
        now.registered += entry->registration != NULL && entry->standing == CT_TRUNK_IS_REGISTERED;
        now.failed += entry->registration != NULL && entry->standing == CT_TRUNK_IS_FAILED;
        for (size_t i = 0; i < ct_trunk_hosts_count(entry->hosts); i++) {
            enum ct_trunk_host_state state = ct_trunk_hosts_view(entry->hosts, i).state;
            now.up += state == CT_TRUNK_HOST_UP;
            now.down += state == CT_TRUNK_HOST_DOWN;
        }
    }
    struct ct_metrics *metrics = watch->options.metrics;
    ct_metrics_add(metrics, CT_METRIC_TRUNKS_REGISTERED, now.registered - watch->counts.registered);
    ct_metrics_add(metrics, CT_METRIC_TRUNKS_FAILED, now.failed - watch->counts.failed);
    ct_metrics_add(metrics, CT_METRIC_TRUNK_HOSTS_UP, now.up - watch->counts.up);
    ct_metrics_add(metrics, CT_METRIC_TRUNK_HOSTS_DOWN, now.down - watch->counts.down);
    watch->counts = now;
}

/* ---- the round ---- */

/* Trunks that went away or became others leave; those that have left are forgotten. */
static void end_entries(struct ct_trunk_watch *watch, const struct ct_trunk *trunks, size_t count)
{
    struct ct_trunk_entry **link = &watch->entries;
    while (*link != NULL) {
        struct ct_trunk_entry *entry = *link;
        const struct ct_trunk *trunk = NULL;
        for (size_t i = 0; i < count; i++)
            if (trunks[i].id == entry->trunk_id)
                trunk = &trunks[i];
        if (!entry->ended && (trunk == NULL || !is_as_before(entry, trunk))) {
            entry->ended = true;
            entry->news++;
            if (entry->registration != NULL)
                ct_trunk_registration_leave(entry->registration, LEAVE_MS);
        }
        bool told = !entry->holds || entry->told == entry->news;
        if (entry->ended && told && has_left(entry)) {
            *link = entry->next;
            free_entry(entry);
        } else {
            link = &entry->next;
        }
    }
}

/* Who holds which lease, as the store has it; while that is away a lease counts until its end. */
static void settle_leases(struct ct_trunk_watch *watch)
{
    int64_t now = ct_trunk_watch_now(watch);
    for (struct ct_trunk_entry *entry = watch->entries; entry != NULL; entry = entry->next) {
        const struct ct_trunk_state *state = ct_trunk_watch_state(watch, entry->trunk_id);
        bool held = entry->holds;
        /* it is deleted with its trunk, which the carriers have yet to hear of */
        if (state == NULL)
            continue;
        entry->holds = ct_str_equal(state->node, watch->options.node) &&
                       (watch->options.alone || state->lease_until > now);
        if (entry->holds && !held)
            entry->news++;
        if (entry->ended)
            continue;
        if (!entry->holds) {
            ct_trunk_registration_free(entry->registration);
            entry->registration = NULL;
            entry->standing = CT_TRUNK_IS_PENDING;
        } else if (entry->trunk.registers && entry->registration == NULL &&
                   begin_registration(entry, state->contact) != CT_OK) {
            entry->registration = NULL; /* the next round tries again */
        }
    }
}

static void go_round(void *ctx)
{
    struct ct_trunk_watch *watch = ctx;
    size_t count_of_trunks;
    const struct ct_trunk *trunks = ct_carriers_all(watch->options.carriers, &count_of_trunks);
    ct_timer_start(ct_sip_wheel(watch->options.sip), &watch->timer, LOOK_MS);
    if (count_of_trunks > 0 || watch->entries != NULL)
        ct_trunk_watch_read(watch);
    end_entries(watch, trunks, count_of_trunks);
    for (size_t i = 0; i < count_of_trunks; i++)
        if (ct_trunk_watch_entry(watch, trunks[i].id) == NULL &&
            add_entry(watch, &trunks[i]) != CT_OK)
            break; /* the next round tries again */
    settle_leases(watch);
    count(watch);
    if (watch->entries != NULL)
        ct_trunk_watch_write(watch, false);
}

/* ---- the whole ---- */

enum ct_result ct_trunk_watch_new(const struct ct_trunk_watch_options *options,
                                  struct ct_trunk_watch **out)
{
    struct ct_trunk_watch *watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return CT_NOMEM;
    watch->options = *options;
    watch->timer = (struct ct_timer){.fire = go_round, .ctx = watch};
    ct_timer_start(ct_sip_wheel(options->sip), &watch->timer, 2);
    *out = watch;
    return CT_OK;
}

void ct_trunk_watch_free(struct ct_trunk_watch *watch)
{
    if (watch == NULL)
        return;
    ct_timer_stop(&watch->timer);
    while (watch->entries != NULL) {
        struct ct_trunk_entry *next = watch->entries->next;
        free_entry(watch->entries);
        watch->entries = next;
    }
    ct_arena_free(watch->arena);
    free(watch);
}

static bool all_have_left(const struct ct_trunk_watch *watch)
{
    for (struct ct_trunk_entry *entry = watch->entries; entry != NULL; entry = entry->next)
        if (!has_left(entry))
            return false;
    return true;
}

static bool holds_any(const struct ct_trunk_watch *watch)
{
    for (struct ct_trunk_entry *entry = watch->entries; entry != NULL; entry = entry->next)
        if (entry->holds)
            return true;
    return false;
}

static void say_goodbye(void *ctx)
{
    struct ct_trunk_watch *watch = ctx;
    ct_timer_start(ct_sip_wheel(watch->options.sip), &watch->timer, CT_TRUNK_TELL_MS);
    if (all_have_left(watch) && !watch->returned)
        ct_trunk_watch_write(watch, true);
}

void ct_trunk_watch_close(struct ct_trunk_watch *watch)
{
    watch->closed = true;
    watch->returned = !holds_any(watch);
    for (struct ct_trunk_entry *entry = watch->entries; entry != NULL; entry = entry->next)
        if (entry->registration != NULL)
            ct_trunk_registration_leave(entry->registration, LEAVE_AT_STOP_MS);
    watch->timer.fire = say_goodbye;
    ct_trunk_watch_soon(watch);
}

bool ct_trunk_watch_is_over(const struct ct_trunk_watch *watch)
{
    return watch->closed && watch->returned && all_have_left(watch) && !watch->writing;
}

bool ct_trunk_watch_settled(const struct ct_trunk_watch *watch)
{
    return atomic_load(&watch->letters) == 0;
}

/* ---- what it knows ---- */

bool ct_trunk_watch_is_contact(const struct ct_trunk_watch *watch, int64_t trunk_id,
                               struct ct_str user)
{
    const struct ct_trunk_state *state = ct_trunk_watch_state(watch, trunk_id);
    return user.len > 0 && state != NULL && ct_str_equal_secret(state->contact, user);
}

/* Whether a trunk that says not where its calls come from is registered with a host at that address. */
static bool is_registered_at(const struct ct_trunk_watch *watch, const struct ct_trunk *trunk,
                             const struct ct_sip_hop *from)
{
    const struct ct_trunk_state *state = ct_trunk_watch_state(watch, trunk->id);
    const struct ct_trunk_entry *entry = ct_trunk_watch_entry(watch, trunk->id);
    if (!trunk->registers || entry == NULL || !ct_trunk_hosts_are_at(entry->hosts, &from->peer))
        return false;
    if (entry->registration != NULL &&
        ct_trunk_registration_view(entry->registration).until_ms > ct_trunk_watch_now(watch))
        return true;
    return state != NULL && state->until != CT_NO_TIME && state->until > ct_trunk_watch_now(watch);
}

const struct ct_trunk *ct_trunk_watch_from(const struct ct_trunk_watch *watch,
                                           const struct ct_sip_hop *from, struct ct_str user)
{
    size_t count_of_trunks;
    const struct ct_trunk *trunks = ct_carriers_all(watch->options.carriers, &count_of_trunks);
    const struct ct_trunk *found = ct_carriers_from(watch->options.carriers, from);
    for (size_t i = 0; i < count_of_trunks; i++) {
        if (!trunks[i].registers || (found != NULL && user.len == 0))
            continue;
        bool named = ct_trunk_watch_is_contact(watch, trunks[i].id, user);
        bool here = trunks[i].allow_from.count > 0 ? ct_carriers_allow(&trunks[i], from)
                                                   : is_registered_at(watch, &trunks[i], from);
        if (here && named)
            return &trunks[i];
        if (here && found == NULL)
            found = &trunks[i];
    }
    return found;
}

static const struct ct_trunk_entry *find_host(const struct ct_trunk_watch *watch,
                                              const struct ct_trunk *trunk, struct ct_str host,
                                              size_t *at)
{
    const struct ct_trunk_entry *entry = ct_trunk_watch_entry(watch, trunk->id);
    if (entry == NULL || entry->ended)
        return NULL;
    *at = ct_trunk_hosts_find(entry->hosts, host);
    return *at == SIZE_MAX ? NULL : entry;
}

bool ct_trunk_watch_reaches(const struct ct_trunk_watch *watch, const struct ct_trunk *trunk,
                            struct ct_str host)
{
    size_t at;
    const struct ct_trunk_entry *entry = find_host(watch, trunk, host, &at);
    return entry == NULL || ct_trunk_hosts_view(entry->hosts, at).state != CT_TRUNK_HOST_DOWN;
}

size_t ct_trunk_watch_hops(const struct ct_trunk_watch *watch, const struct ct_trunk *trunk,
                           struct ct_str host, struct ct_sip_hop *out)
{
    size_t at;
    const struct ct_trunk_entry *entry = find_host(watch, trunk, host, &at);
    return entry == NULL ? 0 : ct_trunk_hosts_hops(entry->hosts, at, out);
}
