#ifndef CT_TESTS_SIMULATOR_REGISTRY_H
#define CT_TESTS_SIMULATOR_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sip/mailbox.h"
#include "voice/authenticate.h"
#include "voice/registrar.h"

/**
 * The real registrar of the simulated server, with digest credentials, over the same database as the records. Device n
 * is the phone with the number 1000 + n.
 */
#define REGISTRY_DEVICES 6
#define REGISTRY_CONTACTS 3
#define REGISTRY_BINDINGS (REGISTRY_DEVICES * REGISTRY_CONTACTS)
#define REGISTRY_PASSWORD "secret"

struct registry {
    struct ct_reader reader;
    struct ct_authenticator *authenticator;
    struct ct_registrar *registrar;
};

/** A binding, to be looked for after a restart. */
struct registry_binding {
    int64_t device_id;
    char contact[192];
    int64_t expires_at;
};
struct registry_list {
    struct registry_binding all[REGISTRY_BINDINGS];
    size_t count;
};

/** Writes the devices into an empty database. */
CT_CHECKED enum ct_result registry_people(struct ct_store *store);
/** A server begins. CT_UNAVAILABLE, CT_NOMEM. */
CT_CHECKED enum ct_result registry_begin(struct registry *registry, struct ct_sip *sip,
                                         const struct ct_sip_env *env, struct ct_sip_post post,
                                         struct ct_store *store);
/** None of its writes is under way. */
void registry_end(struct registry *registry);
/** The best binding of the phone with this number; NULL: there is none. */
const struct ct_binding *registry_find(struct registry *registry, struct ct_str number);
/** All that there are. */
void registry_look(struct registry *registry, struct registry_list *out);
/** Whether all of those that have not expired are in the other list too, at least as long. */
bool registry_kept(const struct registry_list *before, const struct registry_list *after,
                   int64_t now);
/** Plants a fault: a device is registered no more. */
void registry_lose(struct ct_store *store, struct registry *registry, int64_t device_id);

#endif
