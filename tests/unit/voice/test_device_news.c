#include "voice/device_news.h"

#include "room.h"
#include "voice/forget.h"

static enum ct_result run_forget(void *ctx, struct ct_db *db)
{
    (void)ctx;
    return ct_voice_forget_account(db, ALICE, NOW);
}

static enum ct_result look(struct scratch *scratch, int64_t *last,
                           struct ct_device_news out[CT_DEVICE_NEWS_MOST], size_t *count)
{
    struct ct_db *db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK)
        return result;
    result = ct_device_news(db, last, out, count);
    ct_store_read_end(db);
    return result;
}

/* What happens to a database in which nothing has ever happened is told too. */
static enum ct_result test_the_first(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_device_news news[CT_DEVICE_NEWS_MOST];
    int64_t last = -1;
    size_t count;

    TRY(open_house(&scratch));
    TRY(look(&scratch, &last, news, &count));
    EXPECT(last == 0 && count == 0);
    TRY(ct_store_write(scratch.store, run_forget, NULL));
    TRY(look(&scratch, &last, news, &count));
    /* the account, and then its two devices */
    EXPECT(last == 3 && count == 3);
    EXPECT(news[0].device_id == 0 && news[0].user_id == ALICE && news[0].deleted);
    EXPECT(news[1].device_id == 100 && news[2].device_id == 101 && news[2].deleted);
    TRY(look(&scratch, &last, news, &count));
    EXPECT(count == 0);
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_from_somewhere_on(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_device_news news[CT_DEVICE_NEWS_MOST];
    int64_t last = -1;
    size_t count;

    TRY(open_house(&scratch));
    TRY(ct_store_write(scratch.store, run_forget, NULL));
    TRY(look(&scratch, &last, news, &count));
    EXPECT(last == 3 && count == 0);
    TRY(execute(&scratch, "INSERT INTO events (id, user_id, type, created_at, subject_id, data) "
                          "VALUES (4, 2, 'device.updated', 5, 200, '{}'), "
                          "(5, 2, 'call.created', 5, 1, '{}')"));
    TRY(look(&scratch, &last, news, &count));
    EXPECT(last == 5 && count == 1 && news[0].device_id == 200 && !news[0].deleted);
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_the_first),
        CT_UNIT(test_from_somewhere_on),
    };
    return ct_unit_main("device news", units, sizeof(units) / sizeof(units[0]));
}
