#include "voice/locations.h"

#include <stdlib.h>
#include <string.h>

#include "sip/uri.h"

/* Chains stay short up to a million bindings; 1 MB that is touched where it is used. */
#define BUCKETS ((size_t)65536)

/* What a device has, in its order. */
struct device {
    struct device *next;
    int64_t id;
    struct ct_location_list list;
    size_t room;
};

struct ct_locations {
    struct ct_wheel *wheel;
    const struct ct_sip_env *env;
    size_t count;
    bool expired;
    struct device *device[BUCKETS];
    struct ct_location *source[BUCKETS];
};

static struct device **find_device(const struct ct_locations *locations, int64_t id)
{
    /* The ids are ours, one behind the other. The table is not written by who only looks. */
    struct device *const *link = &locations->device[(uint64_t)id % BUCKETS];
    while (*link != NULL && (*link)->id != id)
        link = &(*link)->next;
    return (struct device **)(uintptr_t)link;
}

static struct ct_location **source_of(const struct ct_locations *locations,
                                      const struct ct_sip_hop *hop)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < sizeof(hop->peer.bytes); i++)
        hash = (hash ^ hop->peer.bytes[i]) * 16777619u;
    hash = (hash ^ hop->peer.port) * 16777619u;
    return (struct ct_location **)(uintptr_t)&locations->source[(hash ^ hash >> 16) % BUCKETS];
}

static struct ct_location *location_of(const struct ct_binding *binding)
{
    return (struct ct_location *)(uintptr_t)binding;
}

static bool is_from(const struct ct_binding *binding, const struct ct_sip_hop *from)
{
    if (ct_sip_reliable(from->transport))
        return from->connection != 0 && binding->hop.connection == from->connection;
    return binding->hop.transport == CT_SIP_UDP &&
           ct_sip_socket_equal(&binding->hop.peer, &from->peer);
}

static void unlink_source(struct ct_location *location)
{
    *location->link_of_source = location->next_of_source;
    if (location->next_of_source != NULL)
        location->next_of_source->link_of_source = location->link_of_source;
}

static void link_source(struct ct_location *location)
{
    struct ct_location **first = source_of(location->all, &location->binding.hop);
    location->next_of_source = *first;
    location->link_of_source = first;
    if (*first != NULL)
        (*first)->link_of_source = &location->next_of_source;
    *first = location;
}

static void free_location(struct ct_location *location)
{
    ct_timer_stop(&location->timer);
    unlink_source(location);
    location->all->count--;
    free(location);
}

static void free_device(struct device **link)
{
    struct device *device = *link;
    *link = device->next;
    free(device->list.all);
    free(device);
}

enum ct_result ct_locations_new(struct ct_wheel *wheel, const struct ct_sip_env *env,
                                struct ct_locations **out)
{
    struct ct_locations *locations = calloc(1, sizeof(*locations));
    if (locations == NULL)
        return CT_NOMEM;
    locations->wheel = wheel;
    locations->env = env;
    *out = locations;
    return CT_OK;
}

void ct_locations_free(struct ct_locations *locations)
{
    if (locations == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (locations->device[i] != NULL)
            ct_locations_forget(locations, locations->device[i]->id);
    free(locations);
}

static void take_out(struct device *device, size_t index)
{
    device->list.count--;
    memmove(&device->list.all[index], &device->list.all[index + 1],
            (device->list.count - index) * sizeof(device->list.all[0]));
}

void ct_locations_remove(struct ct_locations *locations, int64_t device_id, int64_t place)
{
    struct device **link = find_device(locations, device_id);
    struct device *device = *link;
    for (size_t i = 0; device != NULL && i < device->list.count; i++)
        if (location_of(device->list.all[i])->place == place) {
            struct ct_location *location = location_of(device->list.all[i]);
            take_out(device, i);
            free_location(location);
        }
    if (device != NULL && device->list.count == 0)
        free_device(link);
}

void ct_locations_forget(struct ct_locations *locations, int64_t device_id)
{
    struct device **link = find_device(locations, device_id);
    if (*link == NULL)
        return;
    for (size_t i = 0; i < (*link)->list.count; i++)
        free_location(location_of((*link)->list.all[i]));
    free_device(link);
}

/* A wheel counts no further than some days, and wakes up early when the clock of the day was set back. */
static void expire(void *ctx)
{
    struct ct_location *location = ctx;
    const struct ct_sip_env *env = location->all->env;
    int64_t left = location->binding.expires_at - env->unix_ms(env->ctx);
    if (left > 0) {
        ct_timer_start(location->all->wheel, &location->timer, left);
        return;
    }
    location->all->expired = true;
    ct_locations_remove(location->all, location->binding.device_id, location->place);
}

/* The best first; of equals what was registered later. */
static bool is_better(const struct ct_location *a, const struct ct_location *b)
{
    if (a->binding.q != b->binding.q)
        return a->binding.q > b->binding.q;
    return a->registered_at >= b->registered_at;
}

static bool read_hop(const struct ct_binding_row *row, struct ct_sip_hop *out)
{
    const char *colon = row->source.len == 0 ? NULL : memrchr(row->source.at, ':', row->source.len);
    uint32_t port;
    memset(out, 0, sizeof(*out));
    if (colon == NULL || !ct_sip_transport_read(row->transport, &out->transport))
        return false;
    size_t length = (size_t)(colon - row->source.at);
    if (!ct_sip_address_parse((struct ct_str){row->source.at, length}, &out->peer) ||
        !ct_sip_number((struct ct_str){colon + 1, row->source.len - length - 1}, 65535, &port))
        return false;
    out->peer.port = (uint16_t)port;
    return true;
}

/* Where a connection may be opened to: the address that the contact names, if that is where the device was when it
 * registered. Elsewhere somebody may take our word for it: a trunk, who knows us by our address. False: there is no such
 * place. */
static bool find_contact(struct ct_binding *binding)
{
    struct ct_sip_uri uri;
    struct ct_sip_socket address;
    binding->hop.connection = 0;
    if (binding->hop.transport != CT_SIP_TCP && binding->hop.transport != CT_SIP_TLS)
        return false;
    if (!ct_sip_uri_read(binding->contact, &uri) || !ct_sip_address_parse(uri.host, &address))
        return false;
    if (address.family != binding->hop.peer.family ||
        memcmp(address.bytes, binding->hop.peer.bytes, sizeof(address.bytes)) != 0)
        return false;
    address.port = uri.port != 0 ? uri.port : ct_sip_default_port(binding->hop.transport);
    binding->hop.peer = address;
    return true;
}

static struct ct_str keep(char **at, struct ct_str text)
{
    struct ct_str kept = {*at, text.len};
    if (text.len > 0)
        memcpy(*at, text.at, text.len);
    *at += text.len;
    return kept;
}

static struct ct_location *make_location(struct ct_locations *locations,
                                         const struct ct_binding_row *row,
                                         const struct ct_sip_hop *hop)
{
    size_t size = row->contact.len + row->path.len + row->user_agent.len + row->instance.len +
                  row->call_id.len + row->node.len;
    struct ct_location *made = calloc(1, sizeof(*made) + size);
    if (made == NULL)
        return NULL;
    char *at = made->text;
    made->binding = (struct ct_binding){.device_id = row->device_id,
                                        .contact = keep(&at, row->contact),
                                        .path = keep(&at, row->path),
                                        .user_agent = keep(&at, row->user_agent),
                                        .instance = keep(&at, row->instance),
                                        .node = keep(&at, row->node),
                                        .hop = *hop,
                                        .expires_at = row->expires_at,
                                        .q = (int)row->q};
    made->place = row->place;
    made->reg_id = row->reg_id;
    made->call_id = keep(&at, row->call_id);
    made->cseq = row->cseq;
    made->registered_at = row->registered_at;
    made->all = locations;
    made->timer = (struct ct_timer){.fire = expire, .ctx = made};
    return made;
}

const struct ct_location *ct_locations_at(const struct ct_locations *locations, int64_t device_id,
                                          int64_t place)
{
    struct ct_location_list list = ct_locations_find(locations, device_id);
    for (size_t i = 0; i < list.count; i++)
        if (location_of(list.all[i])->place == place)
            return location_of(list.all[i]);
    return NULL;
}

/* Room for one more in the list of a device. */
static struct device *prepare_device(struct ct_locations *locations, int64_t id)
{
    struct device **link = find_device(locations, id);
    if (*link == NULL) {
        *link = calloc(1, sizeof(**link));
        if (*link == NULL)
            return NULL;
        (*link)->id = id;
    }
    struct device *device = *link;
    if (device->list.count < device->room)
        return device;
    size_t room = device->room == 0 ? 2 : 2 * device->room;
    const struct ct_binding **larger =
        reallocarray(device->list.all, room, sizeof(device->list.all[0]));
    if (larger == NULL) {
        if (device->list.count == 0)
            free_device(link);
        return NULL;
    }
    device->list.all = larger;
    device->room = room;
    return device;
}

enum ct_result ct_locations_put(struct ct_locations *locations, const struct ct_binding_row *row,
                                const struct ct_sip_hop *hop)
{
    struct ct_sip_hop read;
    bool reachable = true;
    if (hop == NULL && !read_hop(row, &read))
        return CT_OK;
    struct ct_location *made = make_location(locations, row, hop == NULL ? &read : hop);
    if (made == NULL)
        return CT_NOMEM;
    if (hop == NULL && row->node.len == 0 && ct_sip_reliable(read.transport))
        reachable = find_contact(&made->binding);
    if (!reachable) {
        free(made);
        return CT_OK;
    }
    struct device *device = prepare_device(locations, row->device_id);
    if (device == NULL) {
        free(made);
        return CT_NOMEM;
    }
    size_t index = 0;
    for (size_t i = 0; i < device->list.count; i++)
        if (location_of(device->list.all[i])->place == row->place) {
            struct ct_location *old = location_of(device->list.all[i]);
            take_out(device, i);
            free_location(old);
            break;
        }
    while (index < device->list.count && !is_better(made, location_of(device->list.all[index])))
        index++;
    memmove(&device->list.all[index + 1], &device->list.all[index],
            (device->list.count - index) * sizeof(device->list.all[0]));
    device->list.all[index] = &made->binding;
    device->list.count++;
    locations->count++;
    link_source(made);
    int64_t left = row->expires_at - locations->env->unix_ms(locations->env->ctx);
    ct_timer_start(locations->wheel, &made->timer, left > 1 ? left : 1);
    return CT_OK;
}

static const struct ct_binding_row *row_of(const struct ct_location *location,
                                           const struct ct_binding_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].place == location->place)
            return &rows[i];
    return NULL;
}

static bool is_row(const struct ct_location *location, const struct ct_binding_row *row)
{
    return location->registered_at == row->registered_at && location->cseq == row->cseq &&
           location->binding.expires_at == row->expires_at &&
           ct_str_equal(location->call_id, row->call_id) &&
           ct_str_equal(location->binding.node, row->node) &&
           ct_str_equal(location->binding.contact, row->contact);
}

enum ct_result ct_locations_sync(struct ct_locations *locations, int64_t device_id,
                                 const struct ct_binding_row *rows, size_t count)
{
    enum ct_result result = CT_OK;
    struct ct_location_list list = ct_locations_find(locations, device_id);
    for (size_t i = list.count; i-- > 0;) {
        int64_t place = location_of(list.all[i])->place;
        if (row_of(location_of(list.all[i]), rows, count) == NULL) {
            ct_locations_remove(locations, device_id, place);
            list = ct_locations_find(locations, device_id);
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct ct_location *known = ct_locations_at(locations, device_id, rows[i].place);
        struct ct_sip_hop hop;
        if (known != NULL && is_row(known, &rows[i]))
            continue;
        bool stays = known != NULL && read_hop(&rows[i], &hop) &&
                     hop.transport == known->binding.hop.transport &&
                     ct_sip_socket_equal(&hop.peer, &known->binding.hop.peer);
        if (stays)
            hop = known->binding.hop;
        else
            ct_locations_remove(locations, device_id, rows[i].place);
        if (ct_locations_put(locations, &rows[i], stays ? &hop : NULL) != CT_OK)
            result = CT_NOMEM;
    }
    return result;
}

void ct_locations_lost(struct ct_locations *locations, const struct ct_sip_hop *hop)
{
    struct ct_location *next;
    for (struct ct_location *location = *source_of(locations, hop); location != NULL;
         location = next) {
        next = location->next_of_source;
        if (hop->connection == 0 || !is_from(&location->binding, hop))
            continue;
        if (find_contact(&location->binding)) {
            unlink_source(location);
            link_source(location);
        } else {
            ct_locations_remove(locations, location->binding.device_id, location->place);
        }
    }
}

struct ct_location_list ct_locations_find(const struct ct_locations *locations, int64_t device_id)
{
    const struct device *device = *find_device(locations, device_id);
    return device == NULL ? (struct ct_location_list){0} : device->list;
}

bool ct_locations_know(const struct ct_locations *locations, const struct ct_sip_hop *from)
{
    const struct ct_location *location = *source_of(locations, from);
    while (location != NULL && !is_from(&location->binding, from))
        location = location->next_of_source;
    return location != NULL;
}

bool ct_locations_take_expired(struct ct_locations *locations)
{
    bool expired = locations->expired;
    locations->expired = false;
    return expired;
}

size_t ct_locations_count(const struct ct_locations *locations)
{
    return locations->count;
}
