#include "numbers/pool_pieces.h"

#include <string.h>

#include "harness.h"

static enum ct_result test_sorting(void)
{
    enum ct_result result = CT_OK;
    struct ct_pool_piece pieces[] = {{.first = 4940, .last = 4940}, {.first = 4910, .last = 4920},
                                     {.first = 4915, .last = 4916}, {.first = 4921, .last = 4921},
                                     {.first = 4940, .last = 4940}, {.first = 4918, .last = 4925},
                                     {.first = 4927, .last = 4927}};
    struct ct_pool_pieces out;
    ct_pool_pieces_sort(pieces, sizeof(pieces) / sizeof(pieces[0]), &out);
    EXPECT(out.count == 3 && out.ranges == 3 && out.size == 16 + 1 + 1);
    EXPECT(out.at[0].first == 4910 && out.at[0].last == 4925);
    EXPECT(out.at[1].first == 4927 && out.at[1].last == 4927);
    EXPECT(out.at[2].first == 4940 && out.country[0] == '\0');
out:
    return result;
}

static bool is_of(const struct ct_pool_piece *piece, const char *country)
{
    return memcmp(piece->country, country, sizeof(piece->country)) == 0;
}

/* Sorts, describes, and sees to it that the same numbers are there, in order. */
static enum ct_result describe(struct ct_plan *plan, struct ct_arena *arena,
                               struct ct_pool_piece *pieces, size_t count,
                               struct ct_pool_pieces *out)
{
    ct_pool_pieces_sort(pieces, count, out);
    int64_t size = out->size;
    enum ct_result result = ct_pool_pieces_describe(plan, arena, out);
    for (size_t i = 0; result == CT_OK && i < out->count; i++) {
        if (i > 0 && out->at[i].first <= out->at[i - 1].last)
            result = CT_BUG;
        size -= out->at[i].last - out->at[i].first + 1;
    }
    return result == CT_OK && size != 0 ? CT_BUG : result;
}

static enum ct_result test_countries(void)
{
    enum ct_result result = CT_OK;
    struct ct_plan *plan = NULL;
    struct ct_pool_pieces out;
    const char *why;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(ct_plan_new(NULL, arena, &plan, &why));

    struct ct_pool_piece berlin[] = {{.first = 493010000000, .last = 493019999999}};
    TRY(describe(plan, arena, berlin, 1, &out));
    EXPECT(out.count == 1 && is_of(out.at, "DE") && memcmp(out.country, "DE", 2) == 0);

    /* France ends and Spain begins between two thousands */
    struct ct_pool_piece two[] = {{.first = 33999995500, .last = 34000700000}};
    TRY(describe(plan, arena, two, 1, &out));
    EXPECT(out.count >= 2 && out.ranges == 1 && out.country[0] == '\0');
    for (size_t i = 0; i < out.count; i++)
        EXPECT(is_of(&out.at[i], out.at[i].last < 34000000000 ? "FR" : "ES"));

    /* and numbers that belong to none */
    struct ct_pool_piece none[] = {{.first = 80012345000, .last = 80012345999}};
    TRY(describe(plan, arena, none, 1, &out));
    EXPECT(out.count == 1 && is_of(out.at, "--") && out.country[0] == '\0');

    /* single numbers of one block, and of others */
    struct ct_pool_piece list[] = {{.first = 493012000001, .last = 493012000001},
                                   {.first = 493012000007, .last = 493012000008},
                                   {.first = 493012000500, .last = 493012000500},
                                   {.first = 33123456789, .last = 33123456789}};
    TRY(describe(plan, arena, list, 4, &out));
    EXPECT(out.count == 4 && out.ranges == 4 && is_of(&out.at[0], "FR") &&
           is_of(&out.at[1], "DE") && is_of(&out.at[3], "DE") && out.country[0] == '\0');

    /* nobody to ask */
    TRY(describe(NULL, arena, list, 4, &out));
    EXPECT(out.count == 4);
out:
    ct_plan_end(plan);
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_sorting),
        CT_UNIT(test_countries),
    };
    return ct_unit_main("numbers/pool_pieces", units, sizeof(units) / sizeof(units[0]));
}
