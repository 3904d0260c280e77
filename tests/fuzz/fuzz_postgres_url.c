/* Any text is read as a URL of PostgreSQL or refused with one line, and that line repeats nothing of it. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "store/postgres_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct ct_pg_url *url)
{
    assert(url->count >= 1 && url->count <= CT_PG_MAX_SERVERS);
    assert(url->connect_us >= 1000000 && url->connect_us <= 60000000);
    for (size_t i = 0; i < url->count; i++) {
        const struct ct_pg_server *server = &url->servers[i];
        size_t encodings = 0;
        size_t targets = 0;
        for (size_t k = 0; server->keywords[k] != NULL; k++) {
            assert(server->values[k] != NULL);
            bool encoding = strcmp(server->keywords[k], "client_encoding") == 0;
            bool target = strcmp(server->keywords[k], "target_session_attrs") == 0;
            assert(!encoding || strcmp(server->values[k], "UTF8") == 0);
            assert(!target || strcmp(server->values[k], "read-write") == 0);
            encodings += encoding;
            targets += target;
        }
        assert(encodings == 1 && targets == 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_pg_url url;
    const char *why = NULL;
    struct ct_arena *arena = ct_arena_new();
    assert(arena != NULL);
    char *text = ct_arena_copy(arena, data, size);
    assert(text != NULL);
    enum ct_result result = ct_pg_url_read(text, arena, &url, &why);
    if (result == CT_OK) {
        check(&url);
    } else {
        assert(result == CT_INVALID && why != NULL && strchr(why, '\n') == NULL);
        /* all of its lines are static */
        assert(strstr(why, "DATABASE_URL") == why);
    }
    ct_arena_free(arena);
    return 0;
}
