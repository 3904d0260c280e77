#include "numbers/plan_cache.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "harness.h"

/* An answer that tells of which number it is. */
static struct ct_plan_answer answer_of(uint64_t number)
{
    struct ct_plan_answer answer = {.calling_code = (uint16_t)(number % 999),
                                    .country = {'A', (char)('A' + number % 26)},
                                    .type = (uint8_t)(number % 12),
                                    .format_size = sizeof(number)};
    memcpy(answer.format, &number, sizeof(number));
    return answer;
}

static bool is_of(const struct ct_plan_answer *answer, uint64_t number)
{
    const struct ct_plan_answer right = answer_of(number);
    return memcmp(answer, &right, sizeof(right)) == 0;
}

static enum ct_result test_what_is_remembered(void)
{
    enum ct_result result = CT_OK;
    struct ct_plan_answer answer = answer_of(4930120000);
    struct ct_plan_cache *cache = ct_plan_cache_new();
    TRY_MEMORY(cache);

    EXPECT(!ct_plan_cache_find(cache, 4930120000, &answer));
    ct_plan_cache_put(cache, 4930120000, &answer);
    EXPECT(ct_plan_cache_find(cache, 4930120000, &answer) && is_of(&answer, 4930120000));
    EXPECT(!ct_plan_cache_find(cache, 4930120001, &answer));
    EXPECT(!ct_plan_cache_find(cache, 493012000, &answer));
    EXPECT(!ct_plan_cache_find(cache, 49301200000, &answer));
out:
    ct_plan_cache_free(cache);
    return result;
}

static enum ct_result test_two_numbers_for_one_place(void)
{
    enum ct_result result = CT_OK;
    struct ct_plan_answer first = answer_of(999999999999999);
    struct ct_plan_answer second;
    uint64_t number = 10;
    struct ct_plan_cache *cache = ct_plan_cache_new();
    TRY_MEMORY(cache);

    while (ct_plan_cache_place(number) != ct_plan_cache_place(999999999999999))
        number++;
    second = answer_of(number);
    ct_plan_cache_put(cache, 999999999999999, &first);
    EXPECT(!ct_plan_cache_find(cache, number, &second));
    ct_plan_cache_put(cache, number, &second);
    EXPECT(!ct_plan_cache_find(cache, 999999999999999, &first));
    EXPECT(ct_plan_cache_find(cache, number, &second) && is_of(&second, number));
out:
    ct_plan_cache_free(cache);
    return result;
}

/* More numbers than places: what is found is right, and neighbours do not crowd into a few places. */
static enum ct_result test_many_numbers(void)
{
    enum ct_result result = CT_OK;
    struct ct_plan_answer answer;
    unsigned found = 0;
    struct ct_plan_cache *cache = ct_plan_cache_new();
    TRY_MEMORY(cache);

    for (uint64_t i = 0; i < 40000; i++) {
        answer = answer_of(4930120000 + i);
        ct_plan_cache_put(cache, 4930120000 + i, &answer);
    }
    for (uint64_t i = 0; i < 40000; i++) {
        if (!ct_plan_cache_find(cache, 4930120000 + i, &answer))
            continue;
        EXPECT(is_of(&answer, 4930120000 + i));
        found++;
    }
    EXPECT(found > 12000 && found <= 16384);
out:
    ct_plan_cache_free(cache);
    return result;
}

/* An answer takes the page that it is in. */
static enum ct_result test_memory_that_was_not_written(void)
{
    enum ct_result result = CT_OK;
    const struct ct_plan_answer answer = {0};
    unsigned char resident[256];
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t count = 0;
    struct ct_plan_cache *cache = ct_plan_cache_new();
    TRY_MEMORY(cache);

    EXPECT(mincore(cache, sizeof(resident) * page, resident) == 0);
    for (size_t i = 0; i < sizeof(resident); i++)
        count += resident[i] & 1;
    EXPECT(count == 0);
    ct_plan_cache_put(cache, 4930120000, &answer);
    EXPECT(mincore(cache, sizeof(resident) * page, resident) == 0);
    for (size_t i = 0; i < sizeof(resident); i++)
        count += resident[i] & 1;
    EXPECT(count == 1);
out:
    ct_plan_cache_free(cache);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_what_is_remembered),
        CT_UNIT(test_two_numbers_for_one_place),
        CT_UNIT(test_many_numbers),
        CT_UNIT(test_memory_that_was_not_written),
    };
    return ct_unit_main("numbers/plan_cache", units, sizeof(units) / sizeof(units[0]));
}
