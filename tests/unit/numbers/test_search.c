#include "numbers/search.h"

#include "stock.h"

#define FIRST INT64_C(493010000000)
#define BLOCKS 10000 /* 10 million numbers */

static enum ct_result open_with_ten_million(struct scratch *scratch)
{
    enum ct_result result = open_with_alice(scratch);
    return result == CT_OK ? add_pool(scratch, "a", FIRST, FIRST + 9999999) : result;
}

/* Full thousands, and those in which nothing fits, are not looked at: the work is counted, not timed. */
static enum ct_result test_little_is_looked_at(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_search_result found;
    int64_t numbers[100];
    TRY(open_with_ten_million(&scratch));
    TRY(find(&scratch, "", "", 0, NOW, 100, numbers, &found));
    EXPECT(found.count == 100 && found.looked_at == 1 && numbers[99] == FIRST + 99);
    TRY(find(&scratch, "", "7777777", 0, NOW, 100, numbers, &found));
    EXPECT(found.count == 1 && numbers[0] == 493017777777 && found.looked_at == 2);
    TRY(find(&scratch, "", "000111222", 0, NOW, 100, numbers, &found));
    EXPECT(found.count == 0 && found.looked_at <= 1 && found.reached == CT_NUMBER_MAX);
    TRY(find(&scratch, "4930199999", "", 0, NOW, 100, numbers, &found));
    EXPECT(found.count == 100 && found.looked_at == 2 && numbers[0] == 493019999900);
    TRY(find(&scratch, "48", "", 0, NOW, 100, numbers, &found));
    EXPECT(found.count == 0 && found.looked_at == 1);
    /* all but the last number are taken */
    TRY(execute(&scratch, "UPDATE pool_blocks SET free = 0 WHERE block < 493019999"));
    TRY(execute(&scratch, "UPDATE pool_blocks SET free = 1, bits = "
                          "substr('0000000000000000000000000000000000000000000000000000000000000000"
                          "0000000000000000000000000000000000000000000000000000000000000000000000"
                          "0000000000000000000000000000000000000000000000000000000000000000000000"
                          "0000000000000000000000000000000000000000000000000', 1, 249) || '8' "
                          "WHERE block = 493019999"));
    TRY(find(&scratch, "", "", 0, NOW, 100, numbers, &found));
    EXPECT(found.count == 1 && numbers[0] == FIRST + 9999999 && found.looked_at == 1);
    /* and that one too */
    TRY(execute(&scratch, "UPDATE pool_blocks SET free = 0, bits = NULL WHERE free > 0"));
    TRY(find(&scratch, "", "", 0, NOW, 100, numbers, &found));
    EXPECT(found.count == 0 && found.looked_at <= 1 && found.reached == CT_NUMBER_MAX);
out:
    scratch_close(&scratch);
    return result;
}

/* One free number in every thousand, and none of them fits. */
static enum ct_result test_work_is_bounded(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_search_result found = {0};
    struct ct_search search = {.contains = CT_STR("***********7"), .now_ms = NOW, .work = 300};
    int64_t numbers[10];
    struct ct_db *db = NULL;
    int pages = 0;
    TRY(open_with_ten_million(&scratch));
    TRY(execute(&scratch, "UPDATE pool_blocks SET free = 1, bits = "
                          "'1' || substr('000000000000000000000000000000000000000000000000000000000"
                          "0000000000000000000000000000000000000000000000000000000000000000000000"
                          "0000000000000000000000000000000000000000000000000000000000000000000000"
                          "00000000000000000000000000000000000000000000000000000000', 1, 249)"));
    TRY(ct_store_read_begin(scratch.store, &db));
    while (found.reached < CT_NUMBER_MAX) {
        TRY(ct_search(db, scratch.arena, &search, found.reached, 10, numbers, &found));
        EXPECT(found.count == 0 && found.looked_at <= 300 && ++pages <= BLOCKS / 300 + 1);
    }
    /* what fits is found in the end, too */
    search.contains = CT_STR("9999000");
    found = (struct ct_search_result){0};
    TRY(ct_search(db, scratch.arena, &search, 0, 10, numbers, &found));
    EXPECT(found.count == 1 && numbers[0] == FIRST + 9999000);
out:
    if (db != NULL)
        ct_store_read_end(db);
    scratch_close(&scratch);
    return result;
}

/* Ranges of another country are passed over, and pools that are not complete. */
static enum ct_result test_ranges_are_passed_over(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_search_result found;
    struct ct_search search = {.country = CT_STR("FR"), .now_ms = NOW};
    int64_t numbers[10];
    struct ct_db *db = NULL;
    TRY(open_with_ten_million(&scratch));
    TRY(add_pool(&scratch, "b", FIRST + 10000000, FIRST + 10000004));
    TRY(execute(&scratch, "UPDATE pool_blocks SET country = 'DE'"));
    TRY(execute(&scratch, "UPDATE number_pools SET country = 'DE'"));
    TRY(ct_store_read_begin(scratch.store, &db));
    TRY(ct_search(db, scratch.arena, &search, 0, 10, numbers, &found));
    EXPECT(found.count == 0 && found.looked_at == 3 && found.reached == CT_NUMBER_MAX);
    /* without the numbering plans nobody knows a country */
    search.country = CT_STR("DE");
    TRY(ct_search(db, scratch.arena, &search, 0, 10, numbers, &found));
    EXPECT(found.count == 0 && found.reached == CT_NUMBER_MAX);
    ct_store_read_end(db);
    db = NULL;
    TRY(execute(&scratch, "UPDATE number_pools SET import_id = 1 WHERE name = 'a'"));
    TRY(find(&scratch, "", "", 0, NOW, 10, numbers, &found));
    EXPECT(found.count == 5 && numbers[0] == FIRST + 10000000 && found.looked_at == 3);
out:
    if (db != NULL)
        ct_store_read_end(db);
    scratch_close(&scratch);
    return result;
}

/* In the order of the numbers, shorter ones first, from pools of all kinds. */
static enum ct_result test_order(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_search_result found;
    int64_t numbers[10];
    TRY(open_with_alice(&scratch));
    TRY(add_pool(&scratch, "long", 999999999999998, 999999999999999));
    TRY(add_pool(&scratch, "short", 998, 1001));
    TRY(add_pool(&scratch, "shortest", 12, 12));
    TRY(find(&scratch, "", "", 0, NOW, 10, numbers, &found));
    EXPECT(found.count == 7 && numbers[0] == 12 && numbers[1] == 998 && numbers[4] == 1001 &&
           numbers[6] == 999999999999999 && found.reached == CT_NUMBER_MAX);
    TRY(find(&scratch, "", "", 12, NOW, 2, numbers, &found));
    EXPECT(found.count == 2 && numbers[1] == 999 && found.reached == 999);
    TRY(find(&scratch, "1", "0", 0, NOW, 10, numbers, &found));
    EXPECT(found.count == 2 && numbers[0] == 1000);
    TRY(find(&scratch, "", "", CT_NUMBER_MAX, NOW, 10, numbers, &found));
    EXPECT(found.count == 0);
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_little_is_looked_at),
        CT_UNIT(test_work_is_bounded),
        CT_UNIT(test_ranges_are_passed_over),
        CT_UNIT(test_order),
    };
    return ct_unit_main("numbers/search", units, sizeof(units) / sizeof(units[0]));
}
