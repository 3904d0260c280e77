#include "numbers/number_mask.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "numbers/filter.h"

static uint64_t seed;

static int64_t chance(int64_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((seed >> 33) % (uint64_t)below);
}

/* What the mask should say, by the text of the number. */
static bool fits(struct ct_str prefix, struct ct_str contains, int64_t number)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "+%lld", (long long)number);
    return ct_number_has_prefix(ct_str_of(text), prefix) &&
           ct_number_contains(ct_str_of(text), contains);
}

struct question {
    char prefix[16];
    char contains[16];
    struct ct_str prefix_text;
    struct ct_str contains_text;
    struct ct_number_mask mask;
};

/* Short ones and long ones, of few different digits, so that some fit. */
static void ask(struct question *question, int64_t near)
{
    char digits[32];
    (void)snprintf(digits, sizeof(digits), "%lld", (long long)near);
    size_t length = strlen(digits);
    size_t prefix_len = (size_t)chance(3) == 0 ? 0 : (size_t)chance((int64_t)length + 1);
    size_t contains_len = (size_t)chance(4) == 0 ? 0 : (size_t)chance((int64_t)length + 2);
    memcpy(question->prefix, digits, prefix_len);
    if (prefix_len > 0 && chance(4) == 0)
        question->prefix[prefix_len - 1] = (char)('0' + chance(10));
    if (contains_len > CT_NUMBER_MAX_DIGITS)
        contains_len = CT_NUMBER_MAX_DIGITS;
    size_t from = contains_len < length ? (size_t)chance((int64_t)(length - contains_len + 1)) : 0;
    for (size_t i = 0; i < contains_len; i++) {
        char same = from + i < length ? digits[from + i] : '0';
        question->contains[i] =
            chance(2) == 0 ? '*' : (chance(6) == 0 ? (char)('0' + chance(10)) : same);
    }
    question->prefix_text = (struct ct_str){question->prefix, prefix_len};
    question->contains_text = (struct ct_str){question->contains, contains_len};
    question->mask = ct_number_mask_make(question->prefix_text, question->contains_text);
}

static const int64_t places[] = {
    10, 90, 950, 9990, 99900, 1234567, 4930123456, 123456789012345, 999999999998000};

static enum ct_result test_each_number_fits_as_its_text_does(void)
{
    enum ct_result result = CT_OK;
    seed = 1;
    for (int round = 0; round < 3000; round++) {
        struct question question;
        int64_t number = places[chance(9)] + chance(2000);
        if (number > CT_NUMBER_MAX)
            number = CT_NUMBER_MAX;
        ask(&question, number);
        EXPECT(ct_number_mask_fits(&question.mask, number) ==
               fits(question.prefix_text, question.contains_text, number));
    }
out:
    return result;
}

/* Every number that fits is found, one after the other, and none between. */
static enum ct_result test_the_next_number(void)
{
    enum ct_result result = CT_OK;
    seed = 2;
    for (int round = 0; round < 2000; round++) {
        struct question question;
        int64_t from = places[chance(9)] + chance(1000) - 5;
        int64_t last = from + chance(1500);
        if (last > CT_NUMBER_MAX)
            last = CT_NUMBER_MAX;
        ask(&question, from < 10 ? 10 : from);
        int64_t found = ct_number_mask_next(&question.mask, from, last);
        for (int64_t number = from < 10 ? 10 : from; number <= last; number++) {
            bool fitting = fits(question.prefix_text, question.contains_text, number);
            EXPECT(fitting == (number == found));
            if (fitting)
                found = ct_number_mask_next(&question.mask, number + 1, last);
        }
        EXPECT(found == -1);
    }
out:
    return result;
}

static enum ct_result test_far_numbers(void)
{
    enum ct_result result = CT_OK;
    struct ct_number_mask mask = ct_number_mask_make(CT_STR(""), CT_STR("7777777"));
    EXPECT(ct_number_mask_next(&mask, 0, CT_NUMBER_MAX) == 7777777);
    EXPECT(ct_number_mask_next(&mask, 7777778, CT_NUMBER_MAX) == 17777777);
    EXPECT(ct_number_mask_next(&mask, 493010000000, 493019999999) == 493017777777);
    EXPECT(ct_number_mask_next(&mask, 493017777778, 493019999999) == -1);
    EXPECT(ct_number_mask_next(&mask, 999999999999999, CT_NUMBER_MAX) == -1);
    mask = ct_number_mask_make(CT_STR("4930"), CT_STR("9*9"));
    EXPECT(ct_number_mask_next(&mask, 0, CT_NUMBER_MAX) == 4930909);
    EXPECT(ct_number_mask_next(&mask, 4930999, CT_NUMBER_MAX) == 4930999);
    mask = ct_number_mask_make(CT_STR("0"), CT_STR(""));
    EXPECT(ct_number_mask_next(&mask, 0, CT_NUMBER_MAX) == -1);
    mask = ct_number_mask_make(CT_STR(""), CT_STR(""));
    EXPECT(ct_number_mask_next(&mask, 0, CT_NUMBER_MAX) == 10);
    EXPECT(ct_number_mask_next(&mask, CT_NUMBER_MAX, INT64_MAX) == CT_NUMBER_MAX);
out:
    return result;
}

static enum ct_result test_the_numbers_of_a_block(void)
{
    enum ct_result result = CT_OK;
    seed = 3;
    for (int round = 0; round < 400; round++) {
        struct question question;
        int64_t block = ct_number_block(places[chance(9)]) + chance(2);
        if (block > ct_number_block(CT_NUMBER_MAX))
            block--;
        ask(&question, block == 0 ? 10 + chance(990) : block * CT_BLOCK_SIZE + chance(1000));
        struct ct_mask_blocks blocks = {.mask = &question.mask};
        for (int again = 0; again < 2; again++) {
            struct ct_number_set set;
            ct_mask_block(&blocks, block, &set);
            for (int64_t i = block == 0 ? 10 : 0; i < CT_BLOCK_SIZE; i++)
                EXPECT(ct_number_set_has(&set, i) == fits(question.prefix_text,
                                                          question.contains_text,
                                                          block * CT_BLOCK_SIZE + i));
            block = block == 0 ? 1 : block / 10; /* of another number of digits */
        }
    }
out:
    return result;
}

static enum ct_result test_sets(void)
{
    enum ct_result result = CT_OK;
    seed = 4;
    for (int round = 0; round < 200; round++) {
        struct ct_number_set set = {0};
        struct ct_number_set same;
        bool in[CT_BLOCK_SIZE] = {false};
        char text[CT_NUMBER_SET_TEXT];
        for (int i = 0; i < 4; i++) {
            int64_t first = chance(CT_BLOCK_SIZE);
            int64_t last = first + chance(CT_BLOCK_SIZE - first);
            ct_number_set_add_range(&set, first, last);
            memset(in + first, true, (size_t)(last - first + 1));
            int64_t gone = chance(CT_BLOCK_SIZE);
            ct_number_set_remove(&set, gone);
            in[gone] = false;
        }
        ct_number_set_write(&set, text);
        TRY(ct_number_set_read((struct ct_str){text, sizeof(text)}, &same));
        int64_t count = 0;
        int64_t next = CT_BLOCK_SIZE;
        for (int64_t i = CT_BLOCK_SIZE - 1; i >= 0; i--) {
            EXPECT(ct_number_set_has(&same, i) == in[i]);
            count += in[i];
            next = in[i] ? i : next;
            EXPECT(ct_number_set_next(&same, i) == next);
        }
        EXPECT(ct_number_set_count(&same) == count);
        EXPECT_RESULT(CT_BUG, ct_number_set_read((struct ct_str){text, sizeof(text) - 1}, &same));
        text[chance(CT_NUMBER_SET_TEXT)] = 'g';
        EXPECT_RESULT(CT_BUG, ct_number_set_read((struct ct_str){text, sizeof(text)}, &same));
    }
    struct ct_number_set all = {0};
    ct_number_set_add_range(&all, 0, CT_BLOCK_SIZE - 1);
    EXPECT(ct_number_set_count(&all) == CT_BLOCK_SIZE);
    EXPECT(ct_number_set_next(&all, CT_BLOCK_SIZE) == CT_BLOCK_SIZE);
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_each_number_fits_as_its_text_does),
        CT_UNIT(test_the_next_number),
        CT_UNIT(test_far_numbers),
        CT_UNIT(test_the_numbers_of_a_block),
        CT_UNIT(test_sets),
    };
    return ct_unit_main("numbers/number_mask", units, sizeof(units) / sizeof(units[0]));
}
