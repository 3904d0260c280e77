/* Any bytes as a JSON body: what is bound keeps its limits and survives being printed and read
 * again. */
#include <assert.h>
#include <jansson.h>
#include <string.h>

#include "http/bind.h"
#include "http/print.h"
#include "numbers/e164.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct sample {
    struct ct_str name;
    struct ct_str password;
    struct ct_str phone_number;
    int64_t count;
    struct ct_str note;
    struct ct_str kind;
    struct ct_texts tags;
    int64_t due_at;
    bool urgent;
    bool has_note;
};

static const char *const kinds[] = {"box", "tube", NULL};

static const struct ct_field fields[] = {
    CT_FIELD(struct sample, name, CT_FIELD_STRING, .min = 1, .max = 8),
    CT_FIELD(struct sample, password, CT_FIELD_STRING, .flags = CT_FIELD_BYTES | CT_FIELD_SECRET,
             .max = 16, .min_setting = offsetof(struct ct_config, password_min_length)),
    CT_FIELD(struct sample, phone_number, CT_FIELD_STRING, .pattern = CT_E164_PATTERN,
             .normalize = ct_e164_normalize),
    CT_FIELD(struct sample, count, CT_FIELD_INT, .flags = CT_FIELD_OPTIONAL, .min = 1, .max = 100,
             .fallback = 50),
    CT_FIELD(struct sample, note, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE,
             .present = offsetof(struct sample, has_note)),
    CT_FIELD(struct sample, kind, CT_FIELD_STRING, .flags = CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE,
             .words = kinds),
    CT_FIELD(struct sample, tags, CT_FIELD_TEXTS, .flags = CT_FIELD_OPTIONAL, .min = 1, .max = 4,
             .max_count = 3),
    CT_FIELD(struct sample, due_at, CT_FIELD_TIME, .flags = CT_FIELD_OPTIONAL | CT_FIELD_NULLABLE,
             .fallback = INT64_MIN),
    CT_FIELD(struct sample, urgent, CT_FIELD_BOOL, .flags = CT_FIELD_OPTIONAL),
};
static const struct ct_schema schema = CT_SCHEMA("Sample", "", struct sample, fields);
static const struct ct_config config = {.password_min_length = 4};

static void check_limits(const struct sample *sample)
{
    const struct ct_str texts[] = {sample->name, sample->password, sample->phone_number,
                                   sample->note};
    size_t length = ct_utf8_length(sample->name);

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert(ct_utf8_valid(texts[i]));
    assert(length >= 1 && length <= 8);
    assert(sample->password.len >= 4 && sample->password.len <= 16);
    assert(sample->phone_number.len >= 3 && sample->phone_number.len <= 16);
    assert(sample->phone_number.at[0] == '+');
    assert(sample->count >= 1 && sample->count <= 100);
    assert(sample->note.at == NULL || sample->has_note);
    assert(sample->kind.at == NULL || ct_str_equal(sample->kind, CT_STR("box")) ||
           ct_str_equal(sample->kind, CT_STR("tube")));
    assert(sample->tags.count <= 3);
    for (size_t i = 0; i < sample->tags.count; i++) {
        assert(ct_utf8_valid(sample->tags.at[i]));
        size_t tag = ct_utf8_length(sample->tags.at[i]);
        assert(tag >= 1 && tag <= 4);
    }
    /* the years 1970 to 9999 */
    assert(sample->due_at == INT64_MIN ||
           (sample->due_at >= 0 && sample->due_at < INT64_C(253402300800000)));
}

static void check_round_trip(struct ct_arena *arena, const struct sample *sample)
{
    struct ct_faults faults = {.arena = arena};
    struct sample again = {0};
    struct ct_buf buf = ct_buf_in(arena);

    ct_print_object(&schema, sample, &buf);
    struct ct_str printed = ct_buf_done(&buf);
    enum ct_result result = ct_bind_json(arena, &config, &schema, printed, &faults, &again);
    assert(result == CT_OK && faults.first == NULL);
    assert(ct_str_equal(sample->name, again.name));
    assert(ct_str_equal(sample->password, again.password));
    assert(ct_str_equal(sample->phone_number, again.phone_number));
    assert(sample->count == again.count);
    assert(ct_str_equal(sample->note, again.note));
    assert((sample->note.at == NULL) == (again.note.at == NULL));
    assert(ct_str_equal(sample->kind, again.kind));
    assert(sample->due_at == again.due_at && sample->urgent == again.urgent);
    assert(sample->tags.count == again.tags.count);
    for (size_t i = 0; i < sample->tags.count; i++)
        assert(ct_str_equal(sample->tags.at[i], again.tags.at[i]));
}

static void check_faults(const struct ct_faults *faults)
{
    struct ct_buf buf = ct_buf_in(faults->arena);

    ct_faults_print(faults, &buf);
    struct ct_str printed = ct_buf_done(&buf);
    json_t *tree = json_loadb(printed.at, printed.len, 0, NULL);
    assert(json_array_size(json_object_get(tree, "detail")) > 0);
    json_decref(tree);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct ct_arena *arena = ct_arena_new();
    assert(arena != NULL);
    struct ct_faults faults = {.arena = arena};
    struct sample sample = {0};
    struct ct_str body = {(const char *)data, size};

    enum ct_result result = ct_bind_json(arena, &config, &schema, body, &faults, &sample);
    assert(result == CT_OK && !faults.failed);
    if (faults.first == NULL) {
        check_limits(&sample);
        check_round_trip(arena, &sample);
    } else {
        check_faults(&faults);
    }
    ct_arena_free(arena);
    return 0;
}
