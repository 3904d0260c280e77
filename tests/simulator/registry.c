#include "simulator/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sip/digest.h"

#define REALM "sip.example.com"

/* ---- who there is ---- */

static enum ct_result add_device(struct ct_db *db, int64_t id)
{
    struct ct_digest_hex md5;
    struct ct_digest_hex sha256;
    struct ct_stmt *stmt;
    char username[32];
    enum ct_result result = ct_db_query(
        db,
        "INSERT INTO devices (id, user_id, name, username, ha1_md5, ha1_sha256, created_at) "
        "VALUES ($1, 1, 'phone', $2, $3, $4, 0)",
        &stmt);

    if (result != CT_OK)
        return result;
    snprintf(username, sizeof(username), "d%lld-phone", (long long)(1000 + id));
    ct_digest_ha1(CT_DIGEST_MD5, ct_str_of(username), CT_STR(REALM), CT_STR(REGISTRY_PASSWORD),
                  &md5);
    ct_digest_ha1(CT_DIGEST_SHA256, ct_str_of(username), CT_STR(REALM), CT_STR(REGISTRY_PASSWORD),
                  &sha256);
    ct_bind_int(stmt, 1, id);
    ct_bind_str(stmt, 2, ct_str_of(username));
    ct_bind_str(stmt, 3, ct_str_of(md5.text));
    ct_bind_str(stmt, 4, ct_str_of(sha256.text));
    return ct_run(stmt);
}

static enum ct_result run_people(void *ctx, struct ct_db *db)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "INSERT INTO users (id, username) VALUES (1, 'alice')", &stmt);

    (void)ctx;
    if (result == CT_OK)
        result = ct_run(stmt);
    if (result == CT_OK)
        result =
            ct_db_query(db, "INSERT INTO sip_realm (id, realm) VALUES (1, '" REALM "')", &stmt);
    if (result == CT_OK)
        result = ct_run(stmt);
    for (int64_t id = 1; result == CT_OK && id <= REGISTRY_DEVICES; id++)
        result = add_device(db, id);
    return result;
}

enum ct_result registry_people(struct ct_store *store)
{
    return ct_store_write(store, run_people, NULL);
}

/* ---- the lives of the server ---- */

enum ct_result registry_begin(struct registry *registry, struct ct_sip *sip,
                              const struct ct_sip_env *env, struct ct_sip_post post,
                              struct ct_store *store)
{
    const struct ct_authenticator_options authenticator = {.env = env,
                                                           .reader = &registry->reader,
                                                           .domain = "localhost",
                                                           .secret = CT_STR("of all lives"),
                                                           .cached = 16};
    struct ct_registrar_options registrar = {.sip = sip,
                                             .env = env,
                                             .post = post,
                                             .store = store,
                                             .reader = &registry->reader,
                                             .expires_min_s = 60,
                                             .expires_max_s = 3600,
                                             .expires_default_s = 3600,
                                             .contacts_max = REGISTRY_CONTACTS};
    enum ct_result result;

    registry->reader = (struct ct_reader){.store = store};
    result = ct_authenticator_new(&authenticator, &registry->authenticator);
    if (result != CT_OK)
        return result;
    registrar.authenticator = registry->authenticator;
    result = ct_registrar_new(&registrar, &registry->registrar);
    ct_reader_rest(&registry->reader);
    return result;
}

void registry_end(struct registry *registry)
{
    ct_reader_rest(&registry->reader);
    ct_registrar_free(registry->registrar);
    ct_authenticator_free(registry->authenticator);
    registry->registrar = NULL;
    registry->authenticator = NULL;
}

/* ---- where they are ---- */

const struct ct_binding *registry_find(struct registry *registry, struct ct_str number)
{
    const struct ct_binding *const *all;
    char text[8];

    for (int64_t id = 1; id <= REGISTRY_DEVICES; id++) {
        snprintf(text, sizeof(text), "%lld", (long long)(1000 + id));
        if (ct_str_equal(number, ct_str_of(text)))
            return ct_registrar_find(registry->registrar, id, &all) > 0 ? all[0] : NULL;
    }
    return NULL;
}

void registry_look(struct registry *registry, struct registry_list *out)
{
    const struct ct_binding *const *all;

    out->count = 0;
    for (int64_t id = 1; id <= REGISTRY_DEVICES; id++) {
        size_t count = ct_registrar_find(registry->registrar, id, &all);

        for (size_t i = 0; i < count && out->count < REGISTRY_BINDINGS; i++) {
            struct registry_binding *binding = &out->all[out->count++];

            binding->device_id = id;
            binding->expires_at = all[i]->expires_at;
            snprintf(binding->contact, sizeof(binding->contact), "%.*s", (int)all[i]->contact.len,
                     all[i]->contact.at);
        }
    }
}

bool registry_kept(const struct registry_list *before, const struct registry_list *after,
                   int64_t now)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct registry_binding *binding = &before->all[i];
        bool found = binding->expires_at <= now;

        for (size_t j = 0; j < after->count; j++)
            found = found || (after->all[j].device_id == binding->device_id &&
                              after->all[j].expires_at >= binding->expires_at &&
                              strcmp(after->all[j].contact, binding->contact) == 0);
        if (!found)
            return false;
    }
    return true;
}

/* ---- faults ---- */

static enum ct_result run_lose(void *ctx, struct ct_db *db)
{
    const int64_t *device_id = ctx;
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "DELETE FROM sip_bindings WHERE device_id = $1", &stmt);

    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, *device_id);
    return ct_run(stmt);
}

void registry_lose(struct ct_store *store, struct registry *registry, int64_t device_id)
{
    if (ct_store_write(store, run_lose, &device_id) != CT_OK)
        abort();
    if (registry->registrar != NULL) {
        ct_registrar_changed(registry->registrar, device_id);
        ct_reader_rest(&registry->reader);
    }
}
