#include "numbers/number_export.h"

#include "stock.h"

static enum ct_result export(struct scratch *scratch, int64_t after, size_t limit,
                             struct ct_str *out, int64_t *last) {
    struct ct_buf text = ct_buf_in(scratch->arena); struct ct_db * db;
    enum ct_result result = ct_store_read_begin(scratch->store, &db);
    if (result != CT_OK) return result;
    result = ct_number_export(scratch->arena, db, after, limit, NOW, &text, last);
    ct_store_read_end(db);
    *out = ct_buf_done(&text);
    return result == CT_OK && text.failed ? CT_NOMEM : result;
}

static enum ct_result test_pages_of_numbers(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_str text;
    int64_t last;
    TRY(open_with_alice(&scratch));
    TRY(export(&scratch, 0, 9, &text, &last));
    EXPECT(text.len == 0 && last == 0);
    TRY(execute(
        &scratch,
        "INSERT INTO virtual_phone_numbers (id, phone_number, user_id, friendly_name, tags, "
        "status, status_until, created_at) VALUES "
        "(1, '+4912', 1, '=1+1', '[\"a\"]', NULL, NULL, 0), "
        "(3, '+4913', 2, NULL, NULL, 'transferring', 1769860800123, NULL), "
        "(4, '+4914', NULL, NULL, NULL, 'quarantined', 1769860800124, NULL), "
        "(5, '+4915', NULL, NULL, NULL, 'quarantined', 1769860800123, NULL), "
        "(6, '+4916', NULL, NULL, NULL, 'reserved', NULL, NULL)"));
    TRY(export(&scratch, 0, 2, &text, &last));
    EXPECT(last == 3);
    EXPECT(ct_str_equal(text, CT_STR("1,+4912,1,a,assigned,'=1+1,\"[\"\"a\"\"]\","
                                     "1970-01-01T00:00:00.000Z\r\n3,+4913,2,b,assigned,,,\r\n")));
    TRY(export(&scratch, 3, 9, &text, &last));
    EXPECT(last == 6);
    EXPECT(ct_str_equal(text, CT_STR("4,+4914,,,quarantined,,,\r\n5,+4915,,,available,,,\r\n"
                                     "6,+4916,,,reserved,,,\r\n")));
    TRY(export(&scratch, 6, 9, &text, &last));
    EXPECT(text.len == 0 && last == 6);
    TRY(execute(&scratch, "UPDATE virtual_phone_numbers SET status = 'odd' WHERE id = 6"));
    EXPECT_RESULT(CT_BUG, export(&scratch, 0, 9, &text, &last));
out:
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_pages_of_numbers)};
    return ct_unit_main("numbers/number_export", units, sizeof(units) / sizeof(units[0]));
}
