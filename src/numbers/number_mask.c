#include "numbers/number_mask.h"

#include <assert.h>
#include <string.h>

#define ANY (-1)
#define SMALLEST 10 /* a number has at least two digits */
#define BLOCK_DIGITS 3

static int8_t digit_of(char c)
{
    return c == '*' ? ANY : (int8_t)(c - '0');
}

struct ct_number_mask ct_number_mask_make(struct ct_str prefix, struct ct_str contains)
{
    struct ct_number_mask mask = {.prefix_len = prefix.len, .contains_len = contains.len};
    assert(prefix.len <= CT_NUMBER_MAX_DIGITS && contains.len <= CT_NUMBER_MAX_DIGITS);
    for (size_t i = 0; i < prefix.len; i++)
        mask.prefix[i] = digit_of(prefix.at[i]);
    for (size_t i = 0; i < contains.len; i++)
        mask.contains[i] = digit_of(contains.at[i]);
    return mask;
}

static bool fits_all(const struct ct_number_mask *mask)
{
    return mask->prefix_len == 0 && mask->contains_len == 0;
}

/* The digits of a number, and how many there are. */
static size_t split(int64_t number, int8_t out[CT_NUMBER_MAX_DIGITS])
{
    size_t count = 0;
    for (int64_t rest = number; rest > 0; rest /= 10)
        count++;
    for (size_t i = count; i > 0; i--, number /= 10)
        out[i - 1] = (int8_t)(number % 10);
    return count;
}

static int64_t join(const int8_t *digits, size_t count)
{
    int64_t number = 0;
    for (size_t i = 0; i < count; i++)
        number = number * 10 + digits[i];
    return number;
}

/* What each digit of a number of `count` digits must be when `contains` begins at `place`. False when there
 * is no such number. */
static bool lay_out(const struct ct_number_mask *mask, size_t count, size_t place, int8_t *out)
{
    if (mask->prefix_len > count || place + mask->contains_len > count)
        return false;
    memset(out, ANY, CT_NUMBER_MAX_DIGITS);
    for (size_t i = 0; i < mask->contains_len; i++)
        out[place + i] = mask->contains[i];
    for (size_t i = 0; i < mask->prefix_len; i++) {
        if (out[i] != ANY && out[i] != mask->prefix[i])
            return false;
        out[i] = mask->prefix[i];
    }
    return out[0] != 0;
}

static bool fits(const int8_t *wanted, const int8_t *digits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (wanted[i] != ANY && wanted[i] != digits[i])
            return false;
    }
    return true;
}

bool ct_number_mask_fits(const struct ct_number_mask *mask, int64_t number)
{
    int8_t digits[CT_NUMBER_MAX_DIGITS];
    int8_t wanted[CT_NUMBER_MAX_DIGITS];
    size_t count = split(number, digits);
    for (size_t place = 0; place + mask->contains_len <= count; place++) {
        if (lay_out(mask, count, place, wanted) && fits(wanted, digits, count))
            return true;
    }
    return false;
}

/* The smallest number of `count` digits, not below `from` (of as many), whose digits are as wanted; -1 when
 * there is none. It has as many digits as possible in common with `from`; the next one is larger, and
 * all behind that as small as can be. */
static int64_t next_laid_out(const int8_t *wanted, const int8_t *from, size_t count)
{
    size_t same = 0;
    size_t raised = count; /* where the number is first larger; count: nowhere yet */
    for (; same < count; same++) {
        if (wanted[same] == ANY ? from[same] < 9 : from[same] < wanted[same])
            raised = same;
        if (wanted[same] != ANY && wanted[same] != from[same])
            break;
    }
    if (same == count)
        return join(from, count);
    if (raised == count)
        return -1;
    int8_t digits[CT_NUMBER_MAX_DIGITS];
    memcpy(digits, from, raised);
    digits[raised] = wanted[raised] == ANY ? (int8_t)(from[raised] + 1) : wanted[raised];
    for (size_t i = raised + 1; i < count; i++)
        digits[i] = wanted[i] == ANY ? 0 : wanted[i];
    return join(digits, count);
}

int64_t ct_number_mask_next(const struct ct_number_mask *mask, int64_t from, int64_t last)
{
    if (from < SMALLEST)
        from = SMALLEST;
    if (last > CT_NUMBER_MAX)
        last = CT_NUMBER_MAX;
    while (from <= last && !fits_all(mask)) {
        int8_t digits[CT_NUMBER_MAX_DIGITS];
        int8_t wanted[CT_NUMBER_MAX_DIGITS];
        size_t count = split(from, digits);
        int64_t least = -1;
        int64_t longer = 1; /* the first number of one digit more */
        for (size_t i = 0; i < count; i++)
            longer *= 10;
        for (size_t place = 0; place + mask->contains_len <= count; place++) {
            if (!lay_out(mask, count, place, wanted))
                continue;
            int64_t next = next_laid_out(wanted, digits, count);
            if (next >= 0 && (least < 0 || next < least))
                least = next;
            if (mask->contains_len == 0)
                break; /* every place is the same */
        }
        if (least >= 0)
            return least <= last ? least : -1;
        from = longer;
    }
    return from <= last ? from : -1;
}

/* All ends of three digits that are as wanted. */
static void fill_ends(const int8_t wanted[BLOCK_DIGITS], struct ct_number_set *out)
{
    if (wanted[0] == ANY && wanted[1] == ANY && wanted[2] == ANY) {
        ct_number_set_add_range(out, 0, CT_BLOCK_SIZE - 1);
        return;
    }
    for (int16_t index = 0; index < CT_BLOCK_SIZE; index++) {
        const int8_t digits[BLOCK_DIGITS] = {(int8_t)(index / 100), (int8_t)(index / 10 % 10),
                                             (int8_t)(index % 10)};
        if (fits(wanted, digits, BLOCK_DIGITS))
            ct_number_set_add(out, index);
    }
}

static void make_places(struct ct_mask_blocks *blocks, size_t digits)
{
    const struct ct_number_mask *mask = blocks->mask;
    blocks->digits = digits;
    blocks->count = 0;
    for (size_t place = 0; place + mask->contains_len <= digits; place++) {
        int8_t *wanted = blocks->places[blocks->count].digits;
        if (lay_out(mask, digits, place, wanted)) {
            struct ct_number_set *ends = &blocks->places[blocks->count].ends;
            *ends = (struct ct_number_set){0};
            fill_ends(wanted + digits - BLOCK_DIGITS, ends);
            blocks->count++;
        }
        if (mask->contains_len == 0)
            break; /* every place is the same */
    }
}

void ct_mask_block(struct ct_mask_blocks *blocks, int64_t block, struct ct_number_set *out)
{
    *out = (struct ct_number_set){0};
    if (block == 0) { /* numbers of two and of three digits */
        for (int64_t number = SMALLEST; number < CT_BLOCK_SIZE; number++) {
            if (ct_number_mask_fits(blocks->mask, number))
                ct_number_set_add(out, number);
        }
        return;
    }
    if (fits_all(blocks->mask)) {
        ct_number_set_add_range(out, 0, CT_BLOCK_SIZE - 1);
        return;
    }
    int8_t digits[CT_NUMBER_MAX_DIGITS];
    size_t count = split(block, digits);
    if (blocks->digits != count + BLOCK_DIGITS)
        make_places(blocks, count + BLOCK_DIGITS);
    for (size_t i = 0; i < blocks->count; i++) {
        if (fits(blocks->places[i].digits, digits, count))
            ct_number_set_unite(out, &blocks->places[i].ends);
    }
}
