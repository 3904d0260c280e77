#include "events/event_types.h"

#include <string.h>

#include "harness.h"

static enum ct_result test_words(void)
{
    enum ct_result result = CT_OK;
    enum ct_event_type type;

    for (size_t i = 0; i < CT_EVENT_TYPES; i++) {
        const char *word = ct_event_word((enum ct_event_type)i);
        const char *dot = strchr(word, '.');
        EXPECT(dot != NULL && dot > word && dot[1] != '\0');
        EXPECT(strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789.") == strlen(word));
        /* the subject ends as the word begins, but messages are of who sent them and where they came */
        size_t length = (size_t)(dot - word);
        const char *subject = ct_event_subject((enum ct_event_type)i);
        if (strncmp(word, "message.", 8) == 0) {
            EXPECT(strcmp(subject, "device") == 0 || strcmp(subject, "phone_number") == 0);
        } else {
            EXPECT(strlen(subject) >= length);
            EXPECT(strncmp(word, subject + strlen(subject) - length, length) == 0);
        }
        TRY(ct_event_type_of(ct_str_of(word), &type));
        EXPECT(type == (enum ct_event_type)i);
    }
    EXPECT_RESULT(CT_NOT_FOUND, ct_event_type_of(CT_STR("call"), &type));
    EXPECT_RESULT(CT_NOT_FOUND, ct_event_type_of(CT_STR(""), &type));
    EXPECT_RESULT(CT_NOT_FOUND, ct_event_type_of(CT_STR("call.ended "), &type));
out:
    return result;
}

static enum ct_result test_patterns(void)
{
    enum ct_result result = CT_OK;
    uint64_t ended = ct_event_bit(CT_EVENT_CALL_ENDED);
    uint64_t found;
    static const char *const wrong[] = {"",       "call",    "call.", "ca*",    "c*",  ".*",
                                        "call*",  "call.x",  "**",    "*.*",    "* x", "call.*.*",
                                        "CALL.*", "call.x*", "x.*",   "call.e*"};

    TRY(ct_event_pattern(CT_STR("*"), &found));
    EXPECT(found == CT_EVENT_ALL_TYPES);
    TRY(ct_event_pattern(CT_STR("call.ended"), &found));
    EXPECT(found == ended);
    TRY(ct_event_pattern(CT_STR("call.*"), &found));
    EXPECT((found & ended) != 0 && (found & ct_event_bit(CT_EVENT_DEVICE_CREATED)) == 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        EXPECT_RESULT(CT_INVALID, ct_event_pattern(ct_str_of(wrong[i]), &found));

    TRY(ct_event_patterns(CT_STR(" call.ended, device.created webhook.test,"), &found));
    EXPECT(found ==
           (ended | ct_event_bit(CT_EVENT_DEVICE_CREATED) | ct_event_bit(CT_EVENT_WEBHOOK_TEST)));
    EXPECT_RESULT(CT_INVALID, ct_event_patterns(CT_STR("call.ended,x"), &found));
    EXPECT_RESULT(CT_INVALID, ct_event_patterns(CT_STR(" , "), &found));
    EXPECT_RESULT(CT_INVALID, ct_event_patterns(CT_STR(""), &found));
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_words), CT_UNIT(test_patterns)};
    return ct_unit_main("event_types", units, sizeof(units) / sizeof(units[0]));
}
