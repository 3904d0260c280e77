#include "numbers/claim.h"

#include "numbers/inventory.h"
#include "numbers/number_mask.h"
#include "numbers/numbers.h"

#define DAY_MS INT64_C(86400000)

enum ct_result ct_claim(struct ct_db *db, struct ct_arena *arena, const struct ct_search *search,
                        int64_t user_id, size_t quantity, int64_t *ids, size_t *count)
{
    int64_t *numbers = ct_arena_alloc(arena, quantity * sizeof(*numbers));
    if (numbers == NULL)
        return CT_NOMEM;
    struct ct_search_result found = {0};
    enum ct_result result = CT_OK;
    *count = 0;
    while (result == CT_OK && *count < quantity && found.reached < CT_NUMBER_MAX) {
        result = ct_search(db, arena, search, found.reached, quantity - *count, numbers, &found);
        for (size_t i = 0; result == CT_OK && i < found.count; i++) {
            struct ct_str e164;
            result = ct_number_e164(arena, numbers[i], &e164);
            if (result == CT_OK)
                result = ct_number_insert(db, e164, user_id, (struct ct_str){0}, search->now_ms,
                                          &ids[*count]);
            if (result == CT_OK)
                ++*count;
            else if (result == CT_CONFLICT) /* a program that knows no pools made it */
                result = ct_inventory_take(db, e164, CT_NO_TIME);
        }
    }
    return result == CT_OK && *count < quantity ? CT_CONFLICT : result;
}

enum ct_result ct_claim_count(struct ct_db *db, int64_t user_id, int64_t now_ms, int64_t quantity,
                              int64_t *out)
{
    struct ct_stmt *stmt;
    int64_t day = now_ms / DAY_MS;
    enum ct_result result =
        ct_db_query(db,
                    "INSERT INTO number_claims (user_id, day, claimed) VALUES ($1, $2, $3) "
                    "ON CONFLICT (user_id, day) DO UPDATE SET claimed = number_claims.claimed + $3 "
                    "RETURNING claimed",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, day);
    ct_bind_int(stmt, 3, quantity);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *out = ct_column_int(stmt, 0);
    result = ct_run(stmt);
    if (result != CT_OK || *out > quantity)
        return result;
    /* The first claim of a day: the days before count no more. */
    result = ct_db_query(db, "DELETE FROM number_claims WHERE user_id = $1 AND day < $2", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, day);
    return ct_run(stmt);
}
