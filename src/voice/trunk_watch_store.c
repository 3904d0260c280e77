/* How trunks are, between the SIP thread and the store. */
#include <stdlib.h>

#include "voice/trunk_watch_parts.h"

#define CONTACT_BYTES 16

static struct ct_str copy(struct ct_arena *arena, struct ct_str text, bool *failed)
{
    const char *at = ct_str_dup(arena, text);
    *failed = *failed || at == NULL;
    return ct_str_of(at);
}

/* A lease to be taken, or what is to be told of a trunk. */
struct line {
    bool take;
    int64_t trunk_id;
    uint64_t news;
    char contact[2 * CONTACT_BYTES + 1];
    bool registration;
    struct ct_trunk_state state;
};

struct write {
    struct ct_trunk_watch *watch;
    struct ct_arena *arena;
    struct line *lines;
    size_t count;
    bool renew, give_back;
    struct ct_trunk_lease lease;
    enum ct_result result;
    struct ct_job job;
    struct ct_sip_letter letter;
};

static enum ct_result run_write(void *ctx, struct ct_db *db)
{
    const struct write *write = ctx;
    enum ct_result result = CT_OK;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    if (write->renew)
        result = ct_trunk_lease_renew(db, &write->lease);
    for (size_t i = 0; result == CT_OK && i < write->count; i++) {
        const struct line *line = &write->lines[i];
        result = line->take ? ct_trunk_lease_take(db, &write->lease, line->trunk_id,
                                                  ct_str_of(line->contact))
                            : ct_trunk_state_tell(arena, db, &line->state, line->registration,
                                                  write->lease.now_ms);
    }
    if (result == CT_OK && write->give_back)
        result = ct_trunk_lease_return(db, write->lease.node);
    ct_arena_free(arena);
    return result;
}

static void done_write(void *ctx, enum ct_result result)
{
    struct write *write = ctx;
    const struct ct_sip_post *post = &write->watch->options.post;
    write->result = result;
    post->post(post->ctx, &write->letter);
}

static void open_write(void *ctx)
{
    struct write *write = ctx;
    struct ct_trunk_watch *watch = write->watch;
    watch->writing = false;
    for (size_t i = 0; write->result == CT_OK && i < write->count; i++) {
        struct ct_trunk_entry *entry = ct_trunk_watch_entry(watch, write->lines[i].trunk_id);
        if (entry != NULL && !write->lines[i].take)
            entry->told = write->lines[i].news;
    }
    if (write->give_back)
        watch->returned = true;
    else if (write->result == CT_OK)
        ct_trunk_watch_soon(watch);
    ct_arena_free(write->arena);
    atomic_fetch_sub(&watch->letters, 1);
}

static void fill_contact(const struct ct_trunk_watch *watch, struct line *line)
{
    const struct ct_sip_env *env = ct_sip_env(watch->options.sip);
    uint8_t bytes[CONTACT_BYTES];
    env->random(env->ctx, bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        line->contact[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        line->contact[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
}

static enum ct_result fill_told(struct ct_arena *arena, const struct ct_trunk_entry *entry,
                                struct line *line)
{
    bool failed = false;
    size_t count = ct_trunk_hosts_count(entry->hosts);
    struct ct_str *words = ct_arena_alloc(arena, count * sizeof(*words));
    if (words == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < count; i++) {
        struct ct_trunk_host_view view = ct_trunk_hosts_view(entry->hosts, i);
        struct ct_buf word = ct_buf_in(arena);
        ct_buf_str(&word, view.host);
        ct_buf_char(&word, '=');
        ct_buf_text(&word, ct_trunk_host_words[view.state]);
        words[i] = ct_buf_done(&word);
        failed = failed || word.failed;
    }
    line->news = entry->news;
    line->state = (struct ct_trunk_state){.trunk_id = entry->trunk_id,
                                          .node = entry->watch->options.node,
                                          .until = CT_NO_TIME,
                                          .hosts = {words, count}};
    line->registration = entry->registration != NULL || !entry->trunk.registers;
    if (entry->registration != NULL) {
        struct ct_trunk_registration_view view = ct_trunk_registration_view(entry->registration);
        /* one that has just begun says nothing of the one before a restart */
        line->registration = view.standing != CT_TRUNK_IS_PENDING || view.state >= CT_TRUNK_LEAVING;
        line->state.standing = view.standing;
        line->state.until = view.until_ms > 0 ? view.until_ms : CT_NO_TIME;
        line->state.status = view.status;
        line->state.reason = copy(arena, view.reason, &failed);
    }
    return failed ? CT_NOMEM : CT_OK;
}

/* Whether the lease of a trunk can be had. */
static bool is_free(const struct ct_trunk_watch *watch, const struct ct_trunk_entry *entry)
{
    const struct ct_trunk_state *state = ct_trunk_watch_state(watch, entry->trunk_id);
    return state == NULL || watch->options.alone || state->lease_until < ct_trunk_watch_now(watch);
}

static enum ct_result fill_write(struct ct_trunk_watch *watch, struct write *write)
{
    size_t most = 0;
    for (struct ct_trunk_entry *entry = watch->entries; entry != NULL; entry = entry->next)
        most++;
    write->lines = ct_arena_alloc(write->arena, (most + 1) * sizeof(*write->lines));
    if (write->lines == NULL)
        return CT_NOMEM;
    for (struct ct_trunk_entry *entry = watch->entries; entry != NULL; entry = entry->next) {
        struct line *line = &write->lines[write->count];
        *line = (struct line){.trunk_id = entry->trunk_id};
        if (!entry->holds && !entry->ended && is_free(watch, entry)) {
            line->take = true;
            fill_contact(watch, line);
            write->count++;
        } else if (entry->holds && entry->told != entry->news) {
            enum ct_result result = fill_told(write->arena, entry, line);
            if (result != CT_OK)
                return result;
            write->count++;
        }
    }
    return CT_OK;
}

static bool renews(const struct ct_trunk_watch *watch)
{
    int64_t now = ct_trunk_watch_now(watch);
    for (struct ct_trunk_entry *entry = watch->entries; entry != NULL; entry = entry->next) {
        const struct ct_trunk_state *state = ct_trunk_watch_state(watch, entry->trunk_id);
        if (entry->holds && !watch->options.alone && state != NULL &&
            state->lease_until - now < CT_TRUNK_LEASE_RENEW_MS)
            return true;
    }
    return false;
}

void ct_trunk_watch_write(struct ct_trunk_watch *watch, bool give_back)
{
    if (watch->writing)
        return;
    struct ct_arena *arena = ct_arena_new();
    struct write *write = arena == NULL ? NULL : ct_arena_alloc(arena, sizeof(*write));
    if (write == NULL) {
        ct_arena_free(arena);
        return;
    }
    *write = (struct write){.watch = watch,
                            .arena = arena,
                            .renew = renews(watch),
                            .give_back = give_back,
                            .lease = {.node = watch->options.node,
                                      .now_ms = ct_trunk_watch_now(watch),
                                      .alone = watch->options.alone}};
    write->job = (struct ct_job){.run = run_write, .done = done_write, .ctx = write};
    write->letter = (struct ct_sip_letter){.open = open_write, .ctx = write};
    bool wanted =
        give_back || (fill_write(watch, write) == CT_OK && (write->count > 0 || write->renew));
    atomic_fetch_add(&watch->letters, 1);
    watch->writing = wanted && ct_store_submit(watch->options.store, &write->job) == CT_OK;
    if (!watch->writing) {
        atomic_fetch_sub(&watch->letters, 1);
        ct_arena_free(arena);
    }
}

void ct_trunk_watch_read(struct ct_trunk_watch *watch)
{
    const struct ct_trunk_state *states = NULL;
    size_t count = 0;
    struct ct_db *db;
    struct ct_arena *arena = ct_arena_new();
    enum ct_result result = arena == NULL ? CT_NOMEM : ct_reader_begin(watch->options.reader, &db);
    if (result == CT_OK) {
        result = ct_trunk_state_all(arena, db, &states, &count);
        ct_reader_end(watch->options.reader, db);
    }
    if (result != CT_OK) {
        ct_arena_free(arena);
        return;
    }
    ct_arena_free(watch->arena);
    watch->arena = arena;
    watch->states = states;
    watch->state_count = count;
}
