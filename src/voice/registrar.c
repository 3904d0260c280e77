#include "voice/registrar.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "voice/registration_reply.h"
#include "voice/registration_shared.h"

/* Devices whose REGISTERs wait for the disk, by their ids; and how many of one may. */
#define BUCKETS ((size_t)1024)
#define WAITING_MOST 8
#define LOOKED ((size_t)64)
#define RETRY_AFTER "Retry-After: 2\r\n"
/* How often what has expired is deleted, and how much at a time. */
#define TIDY_MS 5000
#define TIDY_ROWS 500

/* A REGISTER on its way: read, waiting for those before it, waiting for the disk. */
struct registration {
    struct ct_registrar *registrar;
    struct ct_arena *arena;       /* of itself */
    struct ct_sip_server *server; /* NULL: nobody waits for the answer any more */
    struct ct_sip_caller caller;
    struct ct_sip_hop from;
    bool cut; /* the connection that it came by has ended */
    struct ct_registration_wish wish;
    struct ct_registration_plan plan;
    struct ct_registration_before before; /* of a database that is shared */
    struct ct_job job;
    struct ct_sip_letter letter;
    enum ct_result outcome;
    struct registration *next; /* of the same device, or of another one in the same bucket */
};

struct ct_registrar {
    struct ct_registrar_options options;
    struct ct_locations *locations;
    struct registration *
        waiting[BUCKETS]; /* in the order in which they came; the first of each device is at work */
    size_t under_way;
    struct ct_timer tidy_timer;
    struct ct_job tidy_job;
    struct ct_sip_letter tidy_letter;
    int64_t tidy_now;
    bool tidy_more;
    int64_t looked[LOOKED]; /* devices that were looked for in the store, and in which turn */
    unsigned looked_in[LOOKED];
};

static int64_t unix_ms(const struct ct_registrar *registrar)
{
    return registrar->options.env->unix_ms(registrar->options.env->ctx);
}

/* ---- what other processes have written ---- */

/* The first of a device, which is at work; NULL. */
static const struct registration *first_of(const struct ct_registrar *registrar, int64_t device_id)
{
    const struct registration *one = registrar->waiting[(uint64_t)device_id % BUCKETS];
    while (one != NULL && one->caller.device_id != device_id)
        one = one->next;
    return one;
}

/* What is said of this server is nothing in memory; nor what is said of others, unless they are to be reached. */
static void take_node(const struct ct_registrar *registrar, struct ct_binding_row *row)
{
    struct ct_str own = registrar->options.node;
    if (own.len == 0 || ct_str_equal(row->node, own))
        row->node = (struct ct_str){0};
}

static enum ct_result sync(struct ct_registrar *registrar, int64_t device_id,
                           struct ct_binding_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        take_node(registrar, &rows[i]);
    return ct_locations_sync(registrar->locations, device_id, rows, count);
}

/* With a read of its own, unless one is open. Without an answer what is in memory stands. */
static void look(struct ct_registrar *registrar, int64_t device_id)
{
    struct ct_reader *reader = registrar->options.reader;
    struct ct_arena *arena = ct_arena_new();
    struct ct_binding_row *rows =
        arena == NULL ? NULL : ct_arena_alloc(arena, CT_CONTACTS_MOST * sizeof(*rows));
    struct ct_db *db = reader->open;
    const bool own = db == NULL;
    size_t count = 0;
    if (rows != NULL && (!own || ct_reader_begin(reader, &db) == CT_OK)) {
        if (ct_binding_list(arena, db, device_id, unix_ms(registrar), CT_CONTACTS_MOST, rows,
                            &count) == CT_OK)
            (void)!sync(registrar, device_id, rows, count);
        if (own)
            ct_reader_end(reader, db);
    }
    ct_arena_free(arena);
}

/* While a REGISTER of the device is at work, memory is about to be right. */
static void look_once(struct ct_registrar *registrar, int64_t device_id)
{
    size_t at = (uint64_t)device_id % LOOKED;
    unsigned turn = registrar->options.reader->turn + 1; /* 0: never */
    if (!registrar->options.shared || first_of(registrar, device_id) != NULL ||
        (registrar->looked[at] == device_id && registrar->looked_in[at] == turn))
        return;
    registrar->looked[at] = device_id;
    registrar->looked_in[at] = turn;
    look(registrar, device_id);
}

/* ---- the way of a REGISTER ---- */

static void begin(struct registration *registration);

/* It has been answered, or nobody wants to know: the next one of its device has its turn. */
static void end(struct registration *registration)
{
    int64_t device_id = registration->caller.device_id;
    struct registration **link = &registration->registrar->waiting[(uint64_t)device_id % BUCKETS];
    while (*link != registration)
        link = &(*link)->next;
    *link = registration->next;
    struct registration *next = registration->next;
    while (next != NULL && next->caller.device_id != device_id)
        next = next->next;
    if (registration->server != NULL)
        ct_sip_server_forget(registration->server);
    ct_arena_free(registration->arena);
    if (next != NULL)
        begin(next);
}

static void answer(struct ct_sip_server *transaction, int status, struct ct_str headers)
{
    const struct ct_sip_reply_options options = {.headers = headers, .forget = true};
    (void)!ct_sip_reply(transaction, status, &options);
}

static void reply(struct registration *registration, int status, struct ct_str headers)
{
    if (registration->server != NULL)
        answer(registration->server, status, headers);
}

static void reply_bindings(struct registration *registration)
{
    struct ct_registrar *registrar = registration->registrar;
    struct ct_buf headers = ct_buf_in(registration->arena);
    ct_registration_write(&headers,
                          ct_locations_find(registrar->locations, registration->caller.device_id),
                          registration->wish.path, unix_ms(registrar));
    if (headers.failed)
        reply(registration, 503, CT_STR(RETRY_AFTER));
    else
        reply(registration, 200, ct_buf_done(&headers));
}

/* ---- the disk ---- */

static enum ct_result run_store(void *ctx, struct ct_db *db)
{
    struct registration *registration = ctx;
    struct ct_registration_plan *plan = &registration->plan;
    if (registration->registrar->options.shared)
        return ct_registration_share(db, registration->caller.user_id, plan, &registration->before);
    return ct_registration_store(db, registration->caller.user_id, plan->now, plan->changes,
                                 plan->count);
}

static void stored(void *ctx, enum ct_result result)
{
    struct registration *registration = ctx;
    const struct ct_sip_post *post = &registration->registrar->options.post;
    registration->outcome = result;
    post->post(post->ctx, &registration->letter);
}

static enum ct_result apply(struct registration *registration)
{
    struct ct_registrar *registrar = registration->registrar;
    struct ct_locations *locations = registrar->locations;
    enum ct_result result = CT_OK;
    if (registrar->options.shared)
        result = sync(registrar, registration->caller.device_id, registration->before.rows,
                      registration->before.count);
    for (size_t i = 0; registration->plan.status == 0 && i < registration->plan.count; i++) {
        struct ct_registration_change *change = &registration->plan.changes[i];
        take_node(registrar, &change->row);
        if (change->kind == CT_REGISTRATION_REMOVE)
            ct_locations_remove(locations, change->row.device_id, change->row.place);
        else if (ct_locations_put(locations, &change->row, &registration->from) != CT_OK)
            result = CT_NOMEM;
    }
    if (registration->cut)
        ct_locations_lost(locations, &registration->from);
    return result;
}

static void on_disk(void *ctx)
{
    struct registration *registration = ctx;
    enum ct_result result = registration->outcome;
    registration->registrar->under_way--;
    if (result == CT_OK)
        result = apply(registration);
    if (result == CT_OK && registration->plan.status != 0)
        reply(registration, registration->plan.status, (struct ct_str){0});
    else if (result == CT_OK)
        reply_bindings(registration);
    else if (result == CT_NOT_FOUND) /* the device was deleted meanwhile */
        reply(registration, 404, (struct ct_str){0});
    else
        reply(registration, 503, CT_STR(RETRY_AFTER));
    end(registration);
}

static void begin(struct registration *registration)
{
    struct ct_registrar *registrar = registration->registrar;
    struct ct_registration_plan *plan = &registration->plan;
    *plan = (struct ct_registration_plan){.arena = registration->arena,
                                          .device_id = registration->caller.device_id,
                                          .wish = &registration->wish,
                                          .from = &registration->from,
                                          .contacts_max = registrar->options.contacts_max,
                                          .node = registrar->options.node,
                                          .now = unix_ms(registrar)};
    enum ct_result result = CT_OK;
    bool writes = registrar->options.shared && (plan->wish->star || plan->wish->count > 0);
    if (!writes) {
        if (registrar->options.shared)
            look(registrar, plan->device_id);
        plan->list = ct_locations_find(registrar->locations, plan->device_id);
        result = ct_registration_plan(plan);
        writes = result == CT_OK && plan->status == 0 && plan->count > 0;
    }
    if (writes) {
        registration->job = (struct ct_job){.run = run_store, .done = stored, .ctx = registration};
        registration->letter = (struct ct_sip_letter){.open = on_disk, .ctx = registration};
        result = ct_store_submit(registrar->options.store, &registration->job);
        if (result == CT_OK) {
            registrar->under_way++;
            return;
        }
    }
    if (result != CT_OK)
        reply(registration, 503, CT_STR(RETRY_AFTER));
    else if (plan->status != 0)
        reply(registration, plan->status, (struct ct_str){0});
    else
        reply_bindings(registration);
    end(registration);
}

/* ---- from the endpoint ---- */

static void gone(void *ctx, enum ct_sip_gone why)
{
    struct registration *registration = ctx;
    (void)why;
    ct_sip_server_forget(registration->server);
    registration->server = NULL;
}

static const struct ct_sip_server_events server_events = {.gone = gone};

/* Behind all that wait; false: too many of this device do. */
static bool enqueue(struct registration *registration)
{
    size_t same = 0;
    struct registration **link =
        &registration->registrar->waiting[(uint64_t)registration->caller.device_id % BUCKETS];
    for (; *link != NULL; link = &(*link)->next)
        same += (*link)->caller.device_id == registration->caller.device_id ? 1 : 0;
    if (same >= WAITING_MOST)
        return false;
    *link = registration;
    return true;
}

static void accept_request(struct ct_registrar *registrar, struct ct_sip_server *transaction,
                           const struct ct_sip_message *message, const struct ct_sip_caller *caller,
                           struct ct_arena *arena)
{
    const struct ct_registration_limits limits = {.min_s = registrar->options.expires_min_s,
                                                  .max_s = registrar->options.expires_max_s,
                                                  .default_s =
                                                      registrar->options.expires_default_s};
    struct registration *registration = ct_arena_alloc(arena, sizeof(*registration));
    int status = 503;
    if (registration == NULL ||
        ct_registration_read(arena, message, &limits, &registration->wish, &status) != CT_OK)
        status = 503;
    if (status == 0) {
        registration->registrar = registrar;
        registration->arena = arena;
        registration->caller = *caller;
        registration->from = *ct_sip_server_from(transaction);
        registration->server = transaction;
        if (enqueue(registration)) {
            ct_sip_server_watch(transaction, &server_events, registration);
            if (first_of(registrar, caller->device_id) == registration)
                begin(registration);
            return;
        }
        status = 503;
    }
    char min_expires[48];
    (void)snprintf(min_expires, sizeof(min_expires), "Min-Expires: %lld\r\n",
                   (long long)limits.min_s);
    answer(transaction, status,
           status == 423   ? ct_str_of(min_expires)
           : status == 503 ? CT_STR(RETRY_AFTER)
                           : (struct ct_str){0});
    ct_arena_free(arena);
}

void ct_registrar_request(struct ct_registrar *registrar, struct ct_sip_server *transaction,
                          const struct ct_sip_message *message)
{
    struct ct_sip_caller caller;
    if (!ct_authenticate(registrar->options.authenticator, transaction, message, &caller))
        return;
    /* Nobody registers for somebody else. */
    if (!ct_str_equal(message->to.uri.user, ct_str_of(caller.username))) {
        answer(transaction, 403, (struct ct_str){0});
        return;
    }
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        answer(transaction, 503, CT_STR(RETRY_AFTER));
    else
        accept_request(registrar, transaction, message, &caller, arena);
}

/* ---- what has expired ---- */

static enum ct_result run_tidy(void *ctx, struct ct_db *db)
{
    struct ct_registrar *registrar = ctx;
    return ct_registration_expire(db, registrar->tidy_now, TIDY_ROWS, &registrar->tidy_more);
}

static void tidied(void *ctx, enum ct_result result)
{
    struct ct_registrar *registrar = ctx;
    if (result != CT_OK)
        registrar->tidy_more = false; /* it is tried again, but not at once */
    registrar->options.post.post(registrar->options.post.ctx, &registrar->tidy_letter);
}

static void tidy_again(void *ctx)
{
    struct ct_registrar *registrar = ctx;
    registrar->under_way--;
    ct_timer_start(ct_sip_wheel(registrar->options.sip), &registrar->tidy_timer,
                   registrar->tidy_more ? 1 : TIDY_MS);
}

static void tidy(void *ctx)
{
    struct ct_registrar *registrar = ctx;
    int64_t now = unix_ms(registrar);
    if (registrar->tidy_more || ct_locations_take_expired(registrar->locations)) {
        registrar->tidy_now = now;
        registrar->under_way++;
        if (ct_store_submit(registrar->options.store, &registrar->tidy_job) == CT_OK)
            return;
        registrar->under_way--;
    }
    ct_timer_start(ct_sip_wheel(registrar->options.sip), &registrar->tidy_timer, TIDY_MS);
}

/* ---- the whole ---- */

static enum ct_result load_row(void *ctx, const struct ct_binding_row *row)
{
    struct ct_registrar *registrar = ctx;
    struct ct_binding_row here = *row;
    take_node(registrar, &here);
    return row->place < 0 || row->place >= (int64_t)CT_CONTACTS_MOST
               ? CT_OK
               : ct_locations_put(registrar->locations, &here, NULL);
}

static enum ct_result load(struct ct_registrar *registrar)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(registrar->options.store, &db);
    if (result != CT_OK)
        return result;
    result = ct_binding_each(db, unix_ms(registrar), load_row, registrar);
    ct_store_read_end(db);
    return result;
}

enum ct_result ct_registrar_new(const struct ct_registrar_options *options,
                                struct ct_registrar **out)
{
    assert(options->contacts_max >= 1 && options->contacts_max <= CT_CONTACTS_MOST);
    struct ct_registrar *registrar = calloc(1, sizeof(*registrar));
    if (registrar == NULL)
        return CT_NOMEM;
    registrar->options = *options;
    registrar->tidy_timer = (struct ct_timer){.fire = tidy, .ctx = registrar};
    registrar->tidy_job = (struct ct_job){.run = run_tidy, .done = tidied, .ctx = registrar};
    registrar->tidy_letter = (struct ct_sip_letter){.open = tidy_again, .ctx = registrar};
    registrar->tidy_more = true; /* some may have expired while nobody looked */
    enum ct_result result =
        ct_locations_new(ct_sip_wheel(options->sip), options->env, &registrar->locations);
    if (result == CT_OK)
        result = load(registrar);
    if (result != CT_OK) {
        ct_registrar_free(registrar);
        return result;
    }
    ct_timer_start(ct_sip_wheel(options->sip), &registrar->tidy_timer, TIDY_MS);
    *out = registrar;
    return CT_OK;
}

void ct_registrar_free(struct ct_registrar *registrar)
{
    if (registrar == NULL)
        return;
    assert(registrar->under_way == 0);
    ct_timer_stop(&registrar->tidy_timer);
    ct_locations_free(registrar->locations);
    free(registrar);
}

bool ct_registrar_settled(const struct ct_registrar *registrar)
{
    return registrar->under_way == 0;
}

size_t ct_registrar_find(struct ct_registrar *registrar, int64_t device_id,
                         const struct ct_binding *const **out)
{
    look_once(registrar, device_id);
    struct ct_location_list list = ct_locations_find(registrar->locations, device_id);
    *out = list.all;
    return list.count;
}

const struct ct_binding *ct_registrar_at(void *registrar, int64_t device_id, int64_t place)
{
    const struct ct_registrar *all = registrar;
    const struct ct_location *location = ct_locations_at(all->locations, device_id, place);
    return location != NULL && location->binding.node.len == 0 ? &location->binding : NULL;
}

int64_t ct_registrar_place(const struct ct_binding *binding)
{
    return ((const struct ct_location *)(const void *)binding)->place;
}

bool ct_registrar_knows(const struct ct_registrar *registrar, const struct ct_sip_hop *from)
{
    return ct_locations_know(registrar->locations, from);
}

void ct_registrar_lost(struct ct_registrar *registrar, const struct ct_sip_hop *hop)
{
    ct_locations_lost(registrar->locations, hop);
    /* and who is on his way to the disk will not be reached by it either */
    for (size_t i = 0; registrar->under_way > 0 && i < BUCKETS; i++)
        for (struct registration *one = registrar->waiting[i]; one != NULL; one = one->next)
            if (hop->connection != 0 && one->from.connection == hop->connection)
                one->cut = true;
}

void ct_registrar_changed(struct ct_registrar *registrar, int64_t device_id)
{
    struct ct_binding_row row;
    struct ct_db *db;
    size_t count = 1;
    struct ct_arena *arena = registrar->options.shared ? NULL : ct_arena_new();
    if (registrar->options.shared && first_of(registrar, device_id) == NULL)
        look(registrar, device_id);
    if (arena != NULL && ct_reader_begin(registrar->options.reader, &db) == CT_OK) {
        if (ct_binding_list(arena, db, device_id, unix_ms(registrar), 1, &row, &count) != CT_OK)
            count = 1;
        ct_reader_end(registrar->options.reader, db);
    }
    if (count == 0)
        ct_locations_forget(registrar->locations, device_id);
    ct_arena_free(arena);
}

size_t ct_registrar_count(const struct ct_registrar *registrar)
{
    return ct_locations_count(registrar->locations);
}
