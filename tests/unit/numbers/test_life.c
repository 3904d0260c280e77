#include "numbers/life.h"

#include <string.h>

#include "harness.h"
#include "store/store.h"

/* The table once more, as a person would read the diagram: a row for each state, a column for each event
 * in the order of enum ct_life_event; the state after it, or '.' for what must not happen. The letters
 * are those of the states: Available, aSsigned, Transferring, Quarantined, Reserved. */
static const char *const expected[CT_LIFE_COUNT] = {
    [CT_LIFE_AVAILABLE] = "S......R.",    [CT_LIFE_ASSIGNED] = ".Q.T.....",
    [CT_LIFE_TRANSFERRING] = ".Q..SSS..", [CT_LIFE_QUARANTINED] = "..S...A..",
    [CT_LIFE_RESERVED] = "........A",
};
static const char letters[CT_LIFE_COUNT] = {'A', 'S', 'T', 'Q', 'R'};

static enum ct_result test_every_step(void)
{
    enum ct_result result = CT_OK;
    for (unsigned state = 0; state < CT_LIFE_COUNT; state++) {
        EXPECT(strlen(expected[state]) == CT_LIFE_EVENT_COUNT);
        for (unsigned event = 0; event < CT_LIFE_EVENT_COUNT; event++) {
            char next = expected[state][event];
            bool allowed = ct_life_allows((enum ct_life)state, (enum ct_life_event)event);
            EXPECT(allowed == (next != '.'));
            if (allowed)
                EXPECT(letters[ct_life_next((enum ct_life)state, (enum ct_life_event)event)] ==
                       next);
        }
    }
out:
    return result;
}

static enum ct_result test_time_runs_out(void)
{
    enum ct_result result = CT_OK;
    static const enum ct_life for_good[] = {CT_LIFE_AVAILABLE, CT_LIFE_ASSIGNED, CT_LIFE_RESERVED};
    EXPECT(ct_life_now(CT_LIFE_QUARANTINED, 1000, 999) == CT_LIFE_QUARANTINED);
    EXPECT(ct_life_now(CT_LIFE_QUARANTINED, 1000, 1000) == CT_LIFE_AVAILABLE);
    EXPECT(ct_life_now(CT_LIFE_QUARANTINED, 1000, INT64_MAX) == CT_LIFE_AVAILABLE);
    EXPECT(ct_life_now(CT_LIFE_TRANSFERRING, 1000, 999) == CT_LIFE_TRANSFERRING);
    EXPECT(ct_life_now(CT_LIFE_TRANSFERRING, 1000, 1000) == CT_LIFE_ASSIGNED);
    EXPECT(ct_life_now(CT_LIFE_QUARANTINED, CT_NO_TIME, INT64_MAX) == CT_LIFE_QUARANTINED);
    EXPECT(ct_life_now(CT_LIFE_TRANSFERRING, CT_NO_TIME, INT64_MAX) == CT_LIFE_TRANSFERRING);
    for (size_t i = 0; i < sizeof(for_good) / sizeof(for_good[0]); i++)
        EXPECT(ct_life_now(for_good[i], 1000, 2000) == for_good[i]);
out:
    return result;
}

static enum ct_result test_words(void)
{
    enum ct_result result = CT_OK;
    static const char *const words[CT_LIFE_COUNT] = {"available", "assigned", "transferring",
                                                     "quarantined", "reserved"};
    enum ct_life state = CT_LIFE_RESERVED;
    for (unsigned i = 0; i < CT_LIFE_COUNT; i++)
        EXPECT(ct_str_equal(ct_life_word((enum ct_life)i), ct_str_of(words[i])));
    TRY(ct_life_read((struct ct_str){0}, &state));
    EXPECT(state == CT_LIFE_ASSIGNED);
    for (unsigned i = CT_LIFE_ASSIGNED; i < CT_LIFE_COUNT; i++) {
        TRY(ct_life_read(ct_str_of(words[i]), &state));
        EXPECT(state == (enum ct_life)i);
    }
    /* no row says that it is available */
    EXPECT_RESULT(CT_BUG, ct_life_read(CT_STR("available"), &state));
    EXPECT_RESULT(CT_BUG, ct_life_read(CT_STR(""), &state));
    EXPECT_RESULT(CT_BUG, ct_life_read(CT_STR("Assigned"), &state));
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_every_step),
        CT_UNIT(test_time_runs_out),
        CT_UNIT(test_words),
    };
    return ct_unit_main("numbers/life", units, sizeof(units) / sizeof(units[0]));
}
