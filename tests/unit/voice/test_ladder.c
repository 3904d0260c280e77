#include "voice/ladder.h"

#include "room.h"

static enum ct_result blanked(struct scratch *scratch, const char *in, const char **out)
{
    struct ct_str text;
    enum ct_result result = ct_ladder_blank(scratch->arena, ct_str_of(in), &text);
    *out = text.at;
    return result;
}

#define EXPECT_BLANKED(in, expected)                                \
    do {                                                            \
        const char *text_;                                          \
        TRY(blanked(&scratch, (in), &text_));                       \
        bool as_expected = strcmp(text_, (expected)) == 0;          \
        if (!as_expected)                                           \
            (void)fprintf(stderr, "%s, not %s\n", text_, expected); \
        EXPECT(as_expected);                                        \
    } while (0)

#define LINE "REGISTER sip:a SIP/2.0\r\n"

static enum ct_result test_credentials(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch = {0};
    scratch.arena = ct_arena_new();
    TRY_MEMORY(scratch.arena);

    EXPECT_BLANKED(LINE
                   "Authorization: Digest username=\"d1\", response=\"0123abcd\", nc=1\r\n\r\n",
                   LINE "Authorization: Digest username=\"d1\", response=\"***\", nc=1\r\n\r\n");
    EXPECT_BLANKED(LINE "proxy-authorization :digest RESPONSE = abc,a=b\r\nTo: x\r\n",
                   LINE "proxy-authorization :digest RESPONSE = \"***\",a=b\r\nTo: x\r\n");
    /* on a continuation line, and last */
    EXPECT_BLANKED(LINE "Authorization: Digest a=b,\r\n response=\"c\"\r\nResponse: d\r\n",
                   LINE "Authorization: Digest a=b,\r\n response=\"***\"\r\nResponse: d\r\n");
    /* a text that only looks like it */
    EXPECT_BLANKED("Authorization: Digest nonce=\"x, response=\\\"y\\\"\", response=z\r\n",
                   "Authorization: Digest nonce=\"x, response=\\\"y\\\"\", response=\"***\"\r\n");
    /* what has another form, or is another scheme */
    EXPECT_BLANKED("Authorization: Digest response\r\n", "Authorization: Digest ***\r\n");
    EXPECT_BLANKED("Authorization: Digest a=b, =x, response=y\r\n",
                   "Authorization: Digest a=b ***\r\n");
    EXPECT_BLANKED("Authorization: Digest response=\"open\r\n",
                   "Authorization: Digest response=\"***\"\r\n");
    EXPECT_BLANKED("Authorization: Basic QWxhZGRpbg==\r\n", "Authorization: Basic ***\r\n");
    EXPECT_BLANKED("Authorization: Bearer a.b.c", "Authorization: Bearer ***");
    EXPECT_BLANKED("Authorization:\r\n", "Authorization:\r\n");
    EXPECT_BLANKED("Authorization: \r\n secret\r\n", "Authorization: ***\r\n");
    EXPECT_BLANKED("Authorization: Digest\r\n", "Authorization: ***\r\n");
    /* no secret */
    EXPECT_BLANKED("WWW-Authenticate: Digest nonce=\"n\"\r\n",
                   "WWW-Authenticate: Digest nonce=\"n\"\r\n");
    EXPECT_BLANKED("", "");
    EXPECT_BLANKED("\n\n", "\n\n");
out:
    ct_arena_free(scratch.arena);
    return result;
}

static enum ct_result test_keys_of_media(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch = {0};
    scratch.arena = ct_arena_new();
    TRY_MEMORY(scratch.arena);

    EXPECT_BLANKED(LINE
                   "\r\nv=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc|2^20;inline:d e\r\n"
                   "a=ice-pwd:secret\r\na=ice-ufrag:x\r\n",
                   LINE "\r\nv=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***;inline:*** e\r\n"
                        "a=ice-pwd:***\r\na=ice-ufrag:x\r\n");
    /* a body has no headers */
    EXPECT_BLANKED("A: b\n\nAuthorization: Basic x\n", "A: b\n\nAuthorization: Basic x\n");
out:
    ct_arena_free(scratch.arena);
    return result;
}

static enum ct_result test_any_bytes(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch = {0};
    struct ct_str text;
    scratch.arena = ct_arena_new();
    TRY_MEMORY(scratch.arena);

    TRY(ct_ladder_blank(scratch.arena, (struct ct_str){"a\0\xC3\xA9", 4}, &text));
    EXPECT(is(text, "a\xEF\xBF\xBD\xC3\xA9"));
    TRY(ct_ladder_blank(scratch.arena, CT_STR("a\xFF\xC3"), &text));
    EXPECT(is(text, "a\xEF\xBF\xBD\xEF\xBF\xBD"));
    /* cut off between characters */
    char *large = ct_arena_alloc(scratch.arena, 3 * (size_t)CT_LADDER_BYTES);
    TRY_MEMORY(large);
    for (size_t i = 0; i < CT_LADDER_BYTES; i++)
        memcpy(large + 3 * i, "\xE2\x98\x8E", 3);
    TRY(ct_ladder_blank(scratch.arena, (struct ct_str){large, 3 * (size_t)CT_LADDER_BYTES}, &text));
    EXPECT(text.len == CT_LADDER_BYTES - CT_LADDER_BYTES % 3 && ct_utf8_valid(text));
out:
    ct_arena_free(scratch.arena);
    return result;
}

struct added {
    int64_t first;
    size_t count;
};

static enum ct_result run_add(void *ctx, struct ct_db *db)
{
    const struct added *added = ctx;
    struct ct_ladder_message messages[CT_LADDER_MESSAGES + 1];
    for (size_t i = 0; i < added->count; i++)
        messages[i] = (struct ct_ladder_message){.at = NOW + (int64_t)i,
                                                 .sent = i % 2 == 1,
                                                 .leg = CT_STR("callee"),
                                                 .transport = CT_STR("tcp"),
                                                 .peer = CT_STR("[::1]:5060"),
                                                 .bytes = CT_STR("Authorization: Basic x")};
    return ct_ladder_add(db, 7, added->first, messages, added->count);
}

static enum ct_result test_rows(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct ct_db *db = NULL;
    struct ct_ladder_message *rows;
    size_t count;

    TRY(scratch_open(&scratch));
    TRY(ct_store_write(scratch.store, run_add, &(struct added){2, 2}));
    TRY(ct_store_write(scratch.store, run_add, &(struct added){0, 3}));
    TRY(ct_store_read_begin(scratch.store, &db));
    TRY(ct_ladder_read(scratch.arena, db, 7, &rows, &count));
    EXPECT(count == 4 && rows[2].at == NOW && !rows[2].sent && rows[3].sent);
    EXPECT(is(rows[0].bytes, "Authorization: Basic ***") && is(rows[0].leg, "callee") &&
           is(rows[0].peer, "[::1]:5060") && is(rows[0].transport, "tcp"));
    ct_store_read_end(db);
    db = NULL;
    /* no more than there may be */
    TRY(ct_store_write(scratch.store, run_add, &(struct added){CT_LADDER_MESSAGES - 1, 5}));
    EXPECT_VALUE(&scratch, "5", "SELECT count(*) FROM call_messages");
out:
    if (db != NULL)
        ct_store_read_end(db);
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_credentials),
        CT_UNIT(test_keys_of_media),
        CT_UNIT(test_any_bytes),
        CT_UNIT(test_rows),
    };
    return ct_unit_main("ladder", units, sizeof(units) / sizeof(units[0]));
}
