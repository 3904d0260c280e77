#include "voice/registration_shared.h"

/* Rows as the plan looks at them. */
static enum ct_result view_rows(struct ct_arena *arena, const struct ct_registration_before *before,
                                struct ct_location_list *out)
{
    const struct ct_binding **all = ct_arena_alloc(arena, (before->count + 1) * sizeof(*all));
    if (all == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < before->count; i++) {
        const struct ct_binding_row *row = &before->rows[i];
        struct ct_location *location = ct_arena_alloc(arena, sizeof(*location));
        if (location == NULL)
            return CT_NOMEM;
        *location = (struct ct_location){
            .binding = {.contact = row->contact, .instance = row->instance, .q = (int)row->q},
            .place = row->place,
            .reg_id = row->reg_id,
            .call_id = row->call_id,
            .cseq = row->cseq,
            .registered_at = row->registered_at};
        all[i] = &location->binding;
    }
    *out = (struct ct_location_list){all, before->count};
    return CT_OK;
}

enum ct_result ct_registration_share(struct ct_db *db, int64_t user_id,
                                     struct ct_registration_plan *plan,
                                     struct ct_registration_before *before)
{
    before->rows = ct_arena_alloc(plan->arena, CT_CONTACTS_MOST * sizeof(before->rows[0]));
    before->count = 0;
    if (before->rows == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_binding_list(plan->arena, db, plan->device_id, plan->now,
                                            CT_CONTACTS_MOST, before->rows, &before->count);
    if (result == CT_OK)
        result = view_rows(plan->arena, before, &plan->list);
    if (result == CT_OK)
        result = ct_registration_plan(plan);
    return result == CT_OK && plan->status == 0
               ? ct_registration_store(db, user_id, plan->now, plan->changes, plan->count)
               : result;
}
