#include "events/webhooks.h"

#include <string.h>

#include "store/migrations.h"

static bool begins(struct ct_str text, const char *word)
{
    struct ct_str prefix = ct_str_of(word);
    return text.len >= prefix.len &&
           ct_str_equal_nocase((struct ct_str){text.at, prefix.len}, prefix);
}

const char *ct_webhook_url_fault(struct ct_str url)
{
    size_t scheme = begins(url, "https://") ? 8 : begins(url, "http://") ? 7 : 0;
    if (scheme == 0)
        return "a webhook's URL begins with https:// or http://";
    for (size_t i = 0; i < url.len; i++) {
        if (url.at[i] <= ' ' || url.at[i] > '~')
            return "a URL is printable ASCII without blanks: other characters are escaped";
        if (url.at[i] == '#')
            return "a webhook's URL has no fragment";
    }
    size_t end = scheme;
    while (end < url.len && strchr("/?", url.at[end]) == NULL)
        end++;
    struct ct_str host = {url.at + scheme, end - scheme};
    if (host.len == 0 || host.at[0] == ':')
        return "the URL has no host";
    if (memchr(host.at, '@', host.len) != NULL || memchr(host.at, '\\', host.len) != NULL)
        return "a webhook's URL has no username and password: verify the signature in their place";
    return NULL;
}

enum ct_result ct_webhook_insert(struct ct_db *db, int64_t user_id,
                                 const struct ct_webhook *webhook, int64_t *id)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "INSERT INTO webhooks (id, user_id, url, events, secret, since_event_id, "
                    "created_at) VALUES (" CT_NEXT_ID("webhooks") ", $1, $2, $3, $4, " CT_NEXT_ID(
                        "events") " - 1, $5) RETURNING id",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_str(stmt, 2, webhook->url);
    ct_bind_str(stmt, 3, webhook->events);
    ct_bind_str(stmt, 4, webhook->secret);
    ct_bind_int(stmt, 5, webhook->created_at);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *id = ct_column_int(stmt, 0);
    return ct_run(stmt);
}

enum ct_result ct_webhook_count(struct ct_db *db, int64_t user_id, int64_t most, int64_t *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, "SELECT count(*) FROM (SELECT 1 FROM webhooks WHERE user_id = $1 LIMIT $2) AS counted",
        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, most);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_BUG : result;
    *out = ct_column_int(stmt, 0);
    return CT_OK;
}

static enum ct_result read_webhook(struct ct_arena *arena, struct ct_stmt *stmt,
                                   struct ct_webhook *out)
{
    out->id = ct_column_int(stmt, 0);
    out->user_id = ct_column_int(stmt, 1);
    out->created_at = ct_column_time(stmt, 5);
    enum ct_result result = ct_column_str(stmt, 2, arena, &out->url);
    if (result == CT_OK)
        result = ct_column_str(stmt, 3, arena, &out->events);
    if (result == CT_OK)
        result = ct_column_str(stmt, 4, arena, &out->secret);
    return result;
}

enum ct_result ct_webhook_list(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                               int64_t after_id, size_t limit, struct ct_webhook *out,
                               size_t *count)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT id, user_id, url, events, secret, created_at FROM webhooks "
                    "WHERE user_id = $1 AND id > $2 ORDER BY id LIMIT $3",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    ct_bind_int(stmt, 2, after_id);
    ct_bind_int(stmt, 3, (int64_t)limit);
    *count = 0;
    while (*count < limit && (result = ct_step(stmt)) == CT_ROW) {
        result = read_webhook(arena, stmt, &out[*count]);
        if (result != CT_OK)
            return result;
        ++*count;
    }
    return result == CT_ROW ? CT_OK : result;
}

enum ct_result ct_webhook_get(struct ct_arena *arena, struct ct_db *db, int64_t user_id, int64_t id,
                              struct ct_webhook *out)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db,
                    "SELECT id, user_id, url, events, secret, created_at FROM webhooks "
                    "WHERE id = $1 AND user_id = $2",
                    &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_int(stmt, 2, user_id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    return read_webhook(arena, stmt, out);
}

enum ct_result ct_webhook_delete(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                 int64_t id, struct ct_str *url)
{
    struct ct_stmt *stmt;
    enum ct_result result =
        ct_db_query(db, "DELETE FROM webhooks WHERE id = $1 AND user_id = $2 RETURNING url", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    ct_bind_int(stmt, 2, user_id);
    result = ct_step(stmt);
    if (result != CT_ROW)
        return result == CT_OK ? CT_NOT_FOUND : result;
    result = ct_column_str(stmt, 0, arena, url);
    return result == CT_OK ? ct_run(stmt) : result;
}

enum ct_result ct_webhook_forget_account(struct ct_db *db, int64_t user_id)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db,
                                        "DELETE FROM webhook_deliveries WHERE webhook_id IN "
                                        "(SELECT id FROM webhooks WHERE user_id = $1)",
                                        &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    result = ct_run(stmt);
    if (result == CT_OK)
        result = ct_db_query(db, "DELETE FROM webhooks WHERE user_id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, user_id);
    return ct_run(stmt);
}
