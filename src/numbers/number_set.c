#include "numbers/number_set.h"

#include <assert.h>

#define WORD_BITS 64
#define DIGITS_PER_WORD 16

static uint64_t bit_of(int64_t index)
{
    assert(index >= 0 && index < CT_BLOCK_SIZE);
    return UINT64_C(1) << (index % WORD_BITS);
}

bool ct_number_set_has(const struct ct_number_set *set, int64_t index)
{
    uint64_t bit = bit_of(index);
    return (set->words[index / WORD_BITS] & bit) != 0;
}

void ct_number_set_add(struct ct_number_set *set, int64_t index)
{
    uint64_t bit = bit_of(index);
    set->words[index / WORD_BITS] |= bit;
}

void ct_number_set_remove(struct ct_number_set *set, int64_t index)
{
    uint64_t bit = bit_of(index);
    set->words[index / WORD_BITS] &= ~bit;
}

void ct_number_set_add_range(struct ct_number_set *set, int64_t first, int64_t last)
{
    for (int64_t index = first; index <= last; index++) {
        if (index % WORD_BITS == 0 && last - index >= WORD_BITS) {
            set->words[index / WORD_BITS] = UINT64_MAX;
            index += WORD_BITS - 1;
        } else {
            ct_number_set_add(set, index);
        }
    }
}

void ct_number_set_unite(struct ct_number_set *set, const struct ct_number_set *other)
{
    for (int i = 0; i < 16; i++)
        set->words[i] |= other->words[i];
}

void ct_number_set_intersect(struct ct_number_set *set, const struct ct_number_set *other)
{
    for (int i = 0; i < 16; i++)
        set->words[i] &= other->words[i];
}

int64_t ct_number_set_count(const struct ct_number_set *set)
{
    int64_t count = 0;
    for (int i = 0; i < 16; i++)
        count += __builtin_popcountll(set->words[i]);
    return count;
}

int64_t ct_number_set_next(const struct ct_number_set *set, int64_t from)
{
    if (from >= CT_BLOCK_SIZE)
        return CT_BLOCK_SIZE;
    int64_t word = from / WORD_BITS;
    uint64_t rest = set->words[word] & (UINT64_MAX << (from % WORD_BITS));
    while (rest == 0 && ++word < 16)
        rest = set->words[word];
    return rest == 0 ? CT_BLOCK_SIZE : word * WORD_BITS + __builtin_ctzll(rest);
}

void ct_number_set_write(const struct ct_number_set *set, char out[CT_NUMBER_SET_TEXT])
{
    for (int i = 0; i < CT_NUMBER_SET_TEXT; i++)
        out[i] =
            "0123456789abcdef"[(set->words[i / DIGITS_PER_WORD] >> (i % DIGITS_PER_WORD * 4)) & 15];
}

enum ct_result ct_number_set_read(struct ct_str text, struct ct_number_set *out)
{
    struct ct_number_set set = {0};
    if (text.len != CT_NUMBER_SET_TEXT)
        return CT_BUG;
    for (int i = 0; i < CT_NUMBER_SET_TEXT; i++) {
        int value = ct_hex_value(text.at[i]);
        if (value < 0)
            return CT_BUG;
        set.words[i / DIGITS_PER_WORD] |= (uint64_t)value << (i % DIGITS_PER_WORD * 4);
    }
    *out = set;
    return CT_OK;
}
