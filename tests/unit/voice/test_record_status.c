#include "voice/record_status.h"

#include <string.h>

#include "harness.h"
#include "voice/call.h"

/* The diagram of the header, a line for each status: where it may go. */
static const char *const lines[CT_RECORD_STATUS_COUNT] = {
    [CT_RECORD_QUEUED] = "ringing in-progress busy failed no-answer canceled interrupted",
    [CT_RECORD_RINGING] = "in-progress busy failed no-answer canceled interrupted",
    [CT_RECORD_IN_PROGRESS] = "completed failed interrupted",
    [CT_RECORD_COMPLETED] = "",
    [CT_RECORD_BUSY] = "",
    [CT_RECORD_FAILED] = "",
    [CT_RECORD_NO_ANSWER] = "",
    [CT_RECORD_CANCELED] = "",
    [CT_RECORD_INTERRUPTED] = "in-progress completed busy failed no-answer canceled",
};

static bool has_word(const char *line, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = strstr(line, word); at != NULL; at = strstr(at + 1, word)) {
        if ((at == line || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0'))
            return true;
    }
    return false;
}

static enum ct_result test_every_step(void)
{
    enum ct_result result = CT_OK;
    for (enum ct_record_status from = 0; from < CT_RECORD_STATUS_COUNT; from++) {
        for (enum ct_record_status to = 0; to < CT_RECORD_STATUS_COUNT; to++)
            EXPECT(ct_record_status_allows(from, to) ==
                   has_word(lines[from], ct_record_status_words[to]));
        EXPECT(ct_record_status_is_end(from) == (from >= CT_RECORD_COMPLETED));
    }
out:
    return result;
}

static enum ct_result test_words(void)
{
    enum ct_result result = CT_OK;
    enum ct_record_status status;
    for (enum ct_record_status each = 0; each < CT_RECORD_STATUS_COUNT; each++) {
        TRY(ct_record_status_read(ct_record_status_word(each), &status));
        EXPECT(status == each);
    }
    EXPECT_RESULT(CT_BUG, ct_record_status_read(CT_STR("over"), &status));
    EXPECT(ct_record_status_words[CT_RECORD_STATUS_COUNT] == NULL);
    EXPECT(ct_record_ender_word(CT_ENDED_BY_NOBODY).at == NULL);
    EXPECT(ct_str_equal(ct_record_ender_word(CT_ENDED_BY_SYSTEM), CT_STR("system")));
    EXPECT(ct_record_ender_words[CT_ENDED_BY_COUNT - 1] == NULL);
out:
    return result;
}

/* What calls say is what records say. */
static enum ct_result test_the_order_is_that_of_calls(void)
{
    enum ct_result result = CT_OK;
    EXPECT((int)CT_RECORD_QUEUED == (int)CT_CALL_QUEUED);
    EXPECT((int)CT_RECORD_RINGING == (int)CT_CALL_RINGING);
    EXPECT((int)CT_RECORD_IN_PROGRESS == (int)CT_CALL_IN_PROGRESS);
    EXPECT((int)CT_RECORD_COMPLETED == (int)CT_CALL_COMPLETED);
    EXPECT((int)CT_RECORD_BUSY == (int)CT_CALL_BUSY);
    EXPECT((int)CT_RECORD_FAILED == (int)CT_CALL_FAILED);
    EXPECT((int)CT_RECORD_NO_ANSWER == (int)CT_CALL_NO_ANSWER);
    EXPECT((int)CT_RECORD_CANCELED == (int)CT_CALL_CANCELED);
    EXPECT((int)CT_ENDED_BY_NOBODY == (int)CT_CALL_NOBODY);
    EXPECT((int)CT_ENDED_BY_CALLER == (int)CT_CALL_CALLER);
    EXPECT((int)CT_ENDED_BY_CALLEE == (int)CT_CALL_CALLEE);
    EXPECT((int)CT_ENDED_BY_SYSTEM == (int)CT_CALL_SYSTEM);
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_every_step),
        CT_UNIT(test_words),
        CT_UNIT(test_the_order_is_that_of_calls),
    };
    return ct_unit_main("record_status", units, sizeof(units) / sizeof(units[0]));
}
