/* Whatever a REGISTER asks for, what is read of it is within bounds, and what it changes are places of the device,
 * each once. The first byte says what the device has already. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "voice/registration_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CONTACTS_MAX 4

static int64_t stand_still(void *ctx)
{
    (void)ctx;
    return 1000;
}

static void check_wish(const struct ct_registration_wish *wish)
{
    assert(wish->count <= CT_REGISTRATION_CONTACTS && (!wish->star || wish->count == 0));
    for (size_t i = 0; i < wish->count; i++) {
        const struct ct_registration_contact *contact = &wish->contacts[i];
        assert(contact->expires_s == 0 || (contact->expires_s >= 60 && contact->expires_s <= 3600));
        assert(contact->q >= 0 && contact->q <= 1000 && contact->reg_id >= 0);
        assert(contact->uri.len > 0 && memchr(contact->uri.at, '\n', contact->uri.len) == NULL);
    }
}

static void check_plan(const struct ct_registration_plan *plan)
{
    bool seen[CONTACTS_MAX] = {false};
    assert(plan->status == 0 || plan->status == 403 || plan->status == 500);
    for (size_t i = 0; plan->status == 0 && i < plan->count; i++) {
        const struct ct_binding_row *row = &plan->changes[i].row;
        assert(row->device_id == 1 && row->place >= 0 && row->place < CONTACTS_MAX);
        assert(!seen[row->place]);
        seen[row->place] = true;
    }
}

static void plan(struct ct_arena *arena, const struct ct_registration_wish *wish, uint8_t has)
{
    static const char *const contacts[] = {"sip:a@h", "sip:b@192.0.2.1:5062;transport=tcp",
                                           "sip:c@h;x=1"};
    const struct ct_sip_env env = {.now_ms = stand_still, .unix_ms = stand_still};
    const struct ct_sip_hop from = {.peer = {.family = CT_SIP_IPV4, .port = 5060}};
    struct ct_wheel *wheel;
    struct ct_locations *locations;
    assert(ct_wheel_new(1000, &wheel) == CT_OK);
    assert(ct_locations_new(wheel, &env, &locations) == CT_OK);
    for (int64_t i = 0; i < 3; i++) {
        const struct ct_binding_row row = {.device_id = 1,
                                           .place = i,
                                           .contact = ct_str_of(contacts[i]),
                                           .call_id = CT_STR("c"),
                                           .cseq = has >> 4,
                                           .reg_id = 1,
                                           .instance = CT_STR("<urn:1>"),
                                           .expires_at = 100000};
        if ((has >> i & 1) != 0)
            assert(ct_locations_put(locations, &row, &from) == CT_OK);
    }
    struct ct_registration_plan made = {.arena = arena,
                                        .device_id = 1,
                                        .wish = wish,
                                        .from = &from,
                                        .contacts_max = CONTACTS_MAX,
                                        .now = 1000,
                                        .list = ct_locations_find(locations, 1)};
    assert(ct_registration_plan(&made) == CT_OK);
    check_plan(&made);
    ct_locations_free(locations);
    ct_wheel_free(wheel);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ct_registration_limits limits = {
        .min_s = 60, .max_s = 3600, .default_s = 3600};
    struct ct_registration_wish wish;
    struct ct_sip_message *message;
    int status = -1;
    if (size == 0)
        return 0;
    struct ct_arena *arena = ct_arena_new();
    assert(arena != NULL);
    struct ct_str bytes = {(const char *)data + 1, size - 1};
    if (ct_sip_message_read(arena, bytes, false, &message) == CT_OK && message->request &&
        message->fault.status == 0) {
        assert(ct_registration_read(arena, message, &limits, &wish, &status) == CT_OK);
        assert(status == 0 || status == 400 || status == 423);
        if (status == 0) {
            check_wish(&wish);
            plan(arena, &wish, data[0]);
        }
    }
    ct_arena_free(arena);
    return 0;
}
