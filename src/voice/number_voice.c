#include "voice/number_voice.h"

#include "base/json.h"
#include "http/print.h"

/* ---- the text of a row ---- */

enum ct_result ct_number_voice_write(struct ct_arena *arena, const struct ct_number_voice *voice,
                                     struct ct_str *out)
{
    struct ct_buf text = ct_buf_in(arena);
    ct_print_object(&ct_number_voice_schema, voice, &text);
    *out = ct_buf_done(&text);
    return text.failed ? CT_NOMEM : CT_OK;
}

static enum ct_result read_ring(struct ct_arena *arena, struct ct_json array, struct ct_ints *out)
{
    int64_t *ids = ct_arena_alloc(arena, CT_RING_MAX * sizeof(*ids));
    struct ct_json value;
    size_t at = 0;
    size_t count = 0;
    if (ids == NULL)
        return CT_NOMEM;
    if (array.kind != CT_JSON_ARRAY)
        return CT_BUG;
    while (ct_json_next_element(array, &at, &value)) {
        if (count == CT_RING_MAX || ct_int_parse(value.text, &ids[count]) != CT_OK)
            return CT_BUG;
        count++;
    }
    *out = (struct ct_ints){ids, count};
    return CT_OK;
}

static enum ct_result read_text(struct ct_arena *arena, struct ct_json value, struct ct_str *out)
{
    *out = (struct ct_str){0};
    if (value.kind == CT_JSON_NULL)
        return CT_OK;
    return value.kind == CT_JSON_STRING ? ct_json_string(arena, value, out) : CT_BUG;
}

static enum ct_result read_member(struct ct_arena *arena, struct ct_json name, struct ct_json value,
                                  struct ct_number_voice *out)
{
    struct ct_str word = {name.text.at + 1, name.text.len - 2};
    if (ct_str_equal(word, CT_STR("ring")))
        return read_ring(arena, value, &out->ring);
    if (ct_str_equal(word, CT_STR("strategy")))
        return read_text(arena, value, &out->strategy);
    if (ct_str_equal(word, CT_STR("timeout_s")))
        return ct_int_parse(value.text, &out->timeout_s) == CT_OK ? CT_OK : CT_BUG;
    if (ct_str_equal(word, CT_STR("forward_to")))
        return read_text(arena, value, &out->forward_to);
    if (ct_str_equal(word, CT_STR("on_no_answer")))
        return read_text(arena, value, &out->on_no_answer);
    if (ct_str_equal(word, CT_STR("record")))
        out->record = value.kind == CT_JSON_TRUE;
    return CT_OK; /* of a later version */
}

enum ct_result ct_number_voice_read(struct ct_arena *arena, struct ct_str text,
                                    struct ct_number_voice *out)
{
    struct ct_json object;
    struct ct_json name;
    struct ct_json value;
    struct ct_json_fault fault;
    size_t at = 0;
    *out = (struct ct_number_voice){0};
    if (!ct_json_read(text, &object, &fault) || object.kind != CT_JSON_OBJECT)
        return CT_BUG;
    while (ct_json_next_member(object, &at, &name, &value)) {
        enum ct_result result = read_member(arena, name, value, out);
        if (result != CT_OK)
            return result;
    }
    return out->ring.at != NULL && out->strategy.at != NULL && out->timeout_s > 0 ? CT_OK : CT_BUG;
}

enum ct_result ct_number_voice_default(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                       struct ct_number_voice *out)
{
    struct ct_stmt *stmt;
    size_t count = 0;
    int64_t *ids = ct_arena_alloc(arena, CT_RING_MAX * sizeof(*ids));
    if (ids == NULL)
        return CT_NOMEM;
    enum ct_result result =
        ct_db_query(db, "SELECT id FROM devices WHERE user_id = $1 ORDER BY id LIMIT $2", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, CT_RING_MAX);
    while (count < CT_RING_MAX && (result = ct_step(stmt)) == CT_ROW)
        ids[count++] = ct_column_int(stmt, 0);
    *out = (struct ct_number_voice){
        .ring = {ids, count}, .strategy = CT_STR("all"), .timeout_s = CT_RING_TIMEOUT_S};
    return result == CT_ROW ? CT_OK : result;
}

/* ---- a device that is deleted ---- */

#define PAGE_ROWS 100

struct row {
    int64_t id;
    struct ct_str voice;
};

/* The user's next numbers whose text has the digits of the device's id. */
static enum ct_result read_page(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                int64_t device_id, int64_t after_id, struct row *out, size_t *count)
{
    struct ct_stmt *stmt;
    const char *pattern = ct_arena_printf(arena, "%%%lld%%", (long long)device_id);
    if (pattern == NULL)
        return CT_NOMEM;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT id, voice FROM virtual_phone_numbers WHERE user_id = $1 "
                    "AND voice IS NOT NULL AND id > $2 AND voice LIKE $3 ORDER BY id LIMIT $4",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, after_id);
    ct_bind_str(stmt, 3, ct_str_of(pattern));
    ct_bind_int(stmt, 4, PAGE_ROWS);
    *count = 0;
    while (*count < PAGE_ROWS && (result = ct_step(stmt)) == CT_ROW) {
        out[*count].id = ct_column_int(stmt, 0);
        result = ct_column_str(stmt, 1, arena, &out[*count].voice);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
}

static enum ct_result save(struct ct_db *db, int64_t id, struct ct_str voice)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db,
                                        "UPDATE virtual_phone_numbers SET voice = $2, "
                                        "version = coalesce(version, 0) + 1 WHERE id = $1",
                                        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_str(stmt, 2, voice);
    return ct_run(stmt);
}

static enum ct_result drop_from(struct ct_arena *arena, struct ct_db *db, const struct row *row,
                                int64_t device_id)
{
    struct ct_number_voice voice;
    struct ct_str text;
    size_t kept = 0;
    enum ct_result result = ct_number_voice_read(arena, row->voice, &voice);
    if (result != CT_OK)
        return result;
    int64_t *ids = ct_arena_alloc(arena, voice.ring.count * sizeof(*ids));
    if (ids == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < voice.ring.count; i++) {
        if (voice.ring.at[i] != device_id)
            ids[kept++] = voice.ring.at[i];
    }
    if (kept == voice.ring.count)
        return CT_OK;
    voice.ring = (struct ct_ints){ids, kept};
    result = ct_number_voice_write(arena, &voice, &text);
    return result == CT_OK ? save(db, row->id, text) : result;
}

enum ct_result ct_number_voice_drop_device(struct ct_db *db, int64_t user_id, int64_t device_id)
{
    struct row rows[PAGE_ROWS];
    int64_t after = 0;
    size_t count = PAGE_ROWS;
    enum ct_result result = CT_OK;
    while (result == CT_OK && count == PAGE_ROWS) {
        struct ct_arena *arena = ct_arena_new();
        if (arena == NULL)
            return CT_NOMEM;
        result = read_page(arena, db, user_id, device_id, after, rows, &count);
        for (size_t i = 0; result == CT_OK && i < count; i++)
            result = drop_from(arena, db, &rows[i], device_id);
        if (result == CT_OK && count > 0)
            after = rows[count - 1].id;
        ct_arena_free(arena);
    }
    return result;
}
