#include "voice/spent.h"

#include "voice/caps.h"

/* At once; the others when it is looked again. */
#define SPENT_MOST 64

static void look_outside(void *ctx, const struct ct_call_facts *facts)
{
    bool *outside = ctx;
    if (facts->parties.to_trunk_id != 0 && facts->status == CT_CALL_IN_PROGRESS)
        *outside = true;
}

void ct_calls_end_spent(struct ct_calls *calls, struct ct_reader *reader,
                        const struct ct_sip_env *env, struct ct_str node)
{
    struct ct_str keys[SPENT_MOST];
    size_t count = 0;
    bool outside = false;
    struct ct_db *db;
    ct_calls_each(calls, look_outside, &outside);
    struct ct_arena *arena = outside ? ct_arena_new() : NULL;
    if (arena == NULL)
        return;
    if (ct_reader_begin(reader, &db) == CT_OK) {
        if (ct_call_caps_spent(arena, db, node, env->unix_ms(env->ctx), SPENT_MOST, keys, &count) !=
            CT_OK)
            count = 0;
        ct_reader_end(reader, db);
    }
    /* CT_NOT_FOUND: it is over, and on its way to the disk */
    for (size_t i = 0; i < count; i++)
        (void)!ct_calls_end(calls, keys[i].at,
                            CT_STR("The account has used its minutes of the day"));
    ct_arena_free(arena);
}
