#include "voice/ladder.h"

#include <string.h>

#include "accounts/rows.h"

#define BLANK "***"

/* ---- what is secret ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct ct_str text, size_t *at)
{
    while (*at < text.len && is_blank(text.at[*at]))
        ++*at;
}

/* A quoted string, or a token; where it ends. */
static size_t value_end(struct ct_str text, size_t at)
{
    if (at < text.len && text.at[at] == '"') {
        for (at++; at < text.len && text.at[at] != '"'; at++) {
            if (text.at[at] == '\\')
                at++;
        }
        return at < text.len ? at + 1 : text.len;
    }
    while (at < text.len && text.at[at] != ',' && !is_blank(text.at[at]))
        at++;
    return at;
}

/* Adds the parameters of Digest credentials but for the value of `response`. What does not have their form is left
 * out from there on. */
static void add_parameters(struct ct_str text, struct ct_buf *out)
{
    size_t at = 0;
    while (at < text.len) {
        size_t start = at;
        while (at < text.len && (is_blank(text.at[at]) || text.at[at] == ','))
            at++;
        size_t name = at;
        while (at < text.len && text.at[at] != '=' && text.at[at] != ',' && !is_blank(text.at[at]))
            at++;
        struct ct_str word = {text.at + name, at - name};
        skip_blanks(text, &at);
        if (word.len == 0 && at == text.len) {
            ct_buf_add(out, text.at + start, at - start);
            return;
        }
        if (word.len == 0 || at == text.len || text.at[at] != '=') {
            ct_buf_text(out, " " BLANK);
            return;
        }
        at++;
        skip_blanks(text, &at);
        size_t end = value_end(text, at);
        bool secret = ct_str_equal_nocase(word, CT_STR("response"));
        ct_buf_add(out, text.at + start, (secret ? at : end) - start);
        if (secret)
            ct_buf_text(out, "\"" BLANK "\"");
        at = end;
    }
}

/* The value of Authorization: a scheme and what proves it; a single word is no scheme. Blanks at its end stay, its
 * line ends among them. */
static void add_credentials(struct ct_str value, struct ct_buf *out)
{
    size_t end = value.len;
    while (end > 0 && is_blank(value.at[end - 1]))
        end--;
    size_t at = 0;
    struct ct_str kept = {value.at, end};
    skip_blanks(kept, &at);
    size_t scheme = at;
    while (at < end && !is_blank(kept.at[at]))
        at++;
    bool digest =
        ct_str_equal_nocase((struct ct_str){kept.at + scheme, at - scheme}, CT_STR("Digest"));
    if (at < end)
        ct_buf_add(out, kept.at, at);
    if (digest && at < end)
        add_parameters((struct ct_str){kept.at + at, end - at}, out);
    else if (at > scheme)
        ct_buf_text(out, " " BLANK);
    ct_buf_add(out, value.at + end, value.len - end);
}

/* The length of a line with its end; with @p fold, and of those that go on with it. */
static size_t line_length(struct ct_str text, bool fold)
{
    size_t at = 0;
    while (at < text.len) {
        const char *newline = memchr(text.at + at, '\n', text.len - at);
        if (newline == NULL)
            return text.len;
        at = (size_t)(newline - text.at) + 1;
        if (!fold || at == text.len || (text.at[at] != ' ' && text.at[at] != '\t'))
            return at;
    }
    return text.len;
}

/* A header, with its continuation lines. */
static void add_header(struct ct_str line, struct ct_buf *out)
{
    const char *colon = memchr(line.at, ':', line.len);
    size_t size = colon == NULL ? 0 : (size_t)(colon - line.at);
    struct ct_str name = {line.at, size};
    while (name.len > 0 && is_blank(name.at[name.len - 1]))
        name.len--;
    if (ct_str_equal_nocase(name, CT_STR("Authorization")) ||
        ct_str_equal_nocase(name, CT_STR("Proxy-Authorization"))) {
        ct_buf_add(out, line.at, size + 1);
        add_credentials((struct ct_str){line.at + size + 1, line.len - size - 1}, out);
    } else {
        ct_buf_str(out, line);
    }
}

static bool begins(struct ct_str text, size_t at, const char *words)
{
    size_t size = strlen(words);
    return text.len - at >= size &&
           ct_str_equal_nocase((struct ct_str){text.at + at, size}, (struct ct_str){words, size});
}

/* A line of a body: keys of a session description are left out. */
static void add_body_line(struct ct_str line, struct ct_buf *out)
{
    if (begins(line, 0, "a=ice-pwd:")) {
        ct_buf_text(out, "a=ice-pwd:" BLANK "\r\n");
        return;
    }
    if (!begins(line, 0, "a=crypto:")) {
        ct_buf_str(out, line);
        return;
    }
    for (size_t at = 0; at < line.len;) {
        if (!begins(line, at, "inline:")) {
            ct_buf_char(out, line.at[at++]);
            continue;
        }
        ct_buf_text(out, "inline:" BLANK);
        while (at < line.len && !is_blank(line.at[at]) && line.at[at] != ';')
            at++;
    }
}

static bool is_text(struct ct_str text)
{
    return ct_utf8_valid(text) && (text.len == 0 || memchr(text.at, '\0', text.len) == NULL);
}

/* Text for a database: well-formed, without NUL. */
static void make_plain(struct ct_str text, struct ct_buf *out)
{
    bool fine = ct_utf8_valid(text);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == 0 || (c >= 0x80 && !fine))
            ct_buf_text(out, "\xEF\xBF\xBD");
        else
            ct_buf_char(out, (char)c);
    }
}

enum ct_result ct_ladder_blank(struct ct_arena *arena, struct ct_str bytes, struct ct_str *out)
{
    struct ct_buf blanked = ct_buf_in(arena);
    bool body = false;
    while (bytes.len > 0) {
        struct ct_str line = {bytes.at, line_length(bytes, !body)};
        if (body)
            add_body_line(line, &blanked);
        else
            add_header(line, &blanked);
        body = body || line.at[0] == '\n' || (line.len >= 2 && line.at[0] == '\r');
        bytes = (struct ct_str){bytes.at + line.len, bytes.len - line.len};
    }
    struct ct_buf plain = ct_buf_in(arena);
    *out = ct_buf_done(&blanked);
    if (!is_text(*out)) {
        make_plain(*out, &plain);
        *out = ct_buf_done(&plain);
    }
    if (blanked.failed || plain.failed)
        return CT_NOMEM;
    if (out->len > CT_LADDER_BYTES) {
        out->len = CT_LADDER_BYTES;
        while (((unsigned char)out->at[out->len] & 0xC0) == 0x80)
            out->len--;
    }
    return CT_OK;
}

/* ---- rows ---- */

static enum ct_result add_one(struct ct_db *db, int64_t call_id, int64_t place,
                              const struct ct_ladder_message *message)
{
    struct ct_str text;
    struct ct_stmt *stmt;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_ladder_blank(arena, message->bytes, &text);
    if (result == CT_OK)
        result = ct_db_query(db,
                             "INSERT INTO call_messages (call_id, place, at, sent, leg, transport, "
                             "peer, message) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
                             "ON CONFLICT (call_id, place) DO NOTHING",
                             &stmt);
    if (result == CT_OK) {
        ct_bind_int(stmt, 1, call_id);
        ct_bind_int(stmt, 2, place);
        ct_bind_int(stmt, 3, message->at);
        ct_bind_int(stmt, 4, message->sent);
        ct_bind_str(stmt, 5, message->leg);
        ct_bind_str(stmt, 6, message->transport);
        ct_bind_str(stmt, 7, message->peer);
        ct_bind_str(stmt, 8, text);
        result = ct_run(stmt);
    }
    ct_arena_free(arena);
    return result;
}

enum ct_result ct_ladder_add(struct ct_db *db, int64_t call_id, int64_t first,
                             const struct ct_ladder_message *messages, size_t count)
{
    enum ct_result result = CT_OK;
    for (size_t i = 0; result == CT_OK && i < count && first + (int64_t)i < CT_LADDER_MESSAGES; i++)
        result = add_one(db, call_id, first + (int64_t)i, &messages[i]);
    return result;
}

static enum ct_result read_message(struct ct_arena *arena, struct ct_stmt *stmt,
                                   struct ct_ladder_message *out)
{
    out->at = ct_column_int(stmt, 0);
    out->sent = ct_column_int(stmt, 1) != 0;
    enum ct_result result = ct_column_str(stmt, 2, arena, &out->leg);
    if (result == CT_OK)
        result = ct_column_str(stmt, 3, arena, &out->transport);
    if (result == CT_OK)
        result = ct_column_str(stmt, 4, arena, &out->peer);
    return result == CT_OK ? ct_column_str(stmt, 5, arena, &out->bytes) : result;
}

enum ct_result ct_ladder_read(struct ct_arena *arena, struct ct_db *db, int64_t call_id,
                              struct ct_ladder_message **out, size_t *count)
{
    struct ct_stmt *stmt;
    struct ct_ladder_message *rows = ct_arena_alloc(arena, CT_LADDER_MESSAGES * sizeof(*rows));
    if (rows == NULL)
        return CT_NOMEM;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT at, sent, leg, transport, peer, message FROM call_messages "
                    "WHERE call_id = $1 ORDER BY place LIMIT $2",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, call_id);
    ct_bind_int(stmt, 2, CT_LADDER_MESSAGES);
    *count = 0;
    while (*count < CT_LADDER_MESSAGES && (result = ct_step(stmt)) == CT_ROW) {
        result = read_message(arena, stmt, &rows[*count]);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    *out = rows;
    return result == CT_ROW ? CT_OK : result;
}

enum ct_result ct_ladder_discard(struct ct_db *db, int64_t before_ms, size_t limit, size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "DELETE FROM call_messages WHERE at <= coalesce((SELECT at FROM call_messages "
                    "WHERE at < $1 ORDER BY at LIMIT 1 OFFSET $2), $1 - 1) RETURNING place",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, before_ms);
    ct_bind_int(stmt, 2, (int64_t)limit - 1);
    *count = 0;
    while ((result = ct_step(stmt)) == CT_ROW)
        ++*count;
    return result;
}
