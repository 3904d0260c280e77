#include "voice/carriers.h"

#include <stdlib.h>
#include <string.h>

#include "sip/digest.h"

#define LOOK_MS 1000
#define TEXT_MOST ((size_t)256)

/* What a trunk's challenges are answered with. It stays when the trunk goes: a leg may still end with a BYE. */
struct answers {
    struct answers *next;
    struct ct_carriers *carriers;
    int64_t trunk_id;
    char username[TEXT_MOST];
    char password[TEXT_MOST];
};

/* The name of a host. It stays likewise: hops hold it. */
struct name {
    struct name *next;
    char text[];
};

struct ct_carriers {
    struct ct_carriers_options options;
    struct ct_arena *arena; /* of the trunks */
    const struct ct_trunk *trunks;
    size_t count;
    struct answers *answers;
    struct name *names;
    struct ct_timer timer;
};

static bool has(const struct ct_trunk *trunks, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++)
        if (trunks[i].id == id)
            return true;
    return false;
}

/* One that is only disabled is still there, and so are its calls. */
static enum ct_result is_deleted(struct ct_db *db, int64_t id, bool *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(db, "SELECT 1 FROM trunks WHERE id = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_int(stmt, 1, id);
    result = ct_step(stmt);
    *out = result == CT_OK;
    return result == CT_ROW ? CT_OK : result;
}

/* The trunks that were there before and are not any more, in @p arena. */
static enum ct_result find_gone(const struct ct_carriers *carriers, struct ct_arena *arena,
                                struct ct_db *db, const struct ct_trunk *trunks, size_t count,
                                struct ct_ints *out)
{
    int64_t *ids = ct_arena_alloc(arena, carriers->count * sizeof(*ids));
    enum ct_result result = ids == NULL ? CT_NOMEM : CT_OK;
    *out = (struct ct_ints){ids, 0};
    for (size_t i = 0; result == CT_OK && i < carriers->count; i++) {
        int64_t id = carriers->trunks[i].id;
        bool deleted = false;
        if (has(trunks, count, id))
            continue;
        result = is_deleted(db, id, &deleted);
        if (deleted)
            ids[out->count++] = id;
    }
    return result;
}

static void look(struct ct_carriers *carriers)
{
    struct ct_ints gone = {0};
    const struct ct_trunk *trunks = NULL;
    size_t count = 0;
    struct ct_db *db;
    struct ct_arena *arena = ct_arena_new();
    enum ct_result result =
        arena == NULL ? CT_NOMEM : ct_reader_begin(carriers->options.reader, &db);
    if (result == CT_OK) {
        result = ct_trunk_load(carriers->options.config, arena, db, &trunks, &count);
        if (result == CT_OK)
            result = find_gone(carriers, arena, db, trunks, count, &gone);
        ct_reader_end(carriers->options.reader, db);
    }
    /* while the database is away those are trusted that were there */
    if (result != CT_OK) {
        ct_arena_free(arena);
        return;
    }
    ct_arena_free(carriers->arena);
    carriers->arena = arena;
    carriers->trunks = trunks;
    carriers->count = count;
    for (size_t i = 0; carriers->options.gone != NULL && i < gone.count; i++)
        carriers->options.gone(carriers->options.ctx, gone.at[i]);
}

static void look_again(void *ctx)
{
    struct ct_carriers *carriers = ctx;
    look(carriers);
    ct_timer_start(carriers->options.wheel, &carriers->timer, LOOK_MS);
}

enum ct_result ct_carriers_new(const struct ct_carriers_options *options, struct ct_carriers **out)
{
    struct ct_carriers *carriers = calloc(1, sizeof(*carriers));
    if (carriers == NULL)
        return CT_NOMEM;
    carriers->options = *options;
    carriers->timer = (struct ct_timer){.fire = look_again, .ctx = carriers};
    ct_timer_start(options->wheel, &carriers->timer, 1);
    *out = carriers;
    return CT_OK;
}

void ct_carriers_free(struct ct_carriers *carriers)
{
    if (carriers == NULL)
        return;
    ct_timer_stop(&carriers->timer);
    while (carriers->answers != NULL) {
        struct answers *next = carriers->answers->next;
        explicit_bzero(carriers->answers, sizeof(*carriers->answers));
        free(carriers->answers);
        carriers->answers = next;
    }
    while (carriers->names != NULL) {
        struct name *next = carriers->names->next;
        free(carriers->names);
        carriers->names = next;
    }
    ct_arena_free(carriers->arena);
    free(carriers);
}

const struct ct_trunk *ct_carriers_all(const struct ct_carriers *carriers, size_t *count)
{
    *count = carriers->count;
    return carriers->trunks;
}

static size_t size_of(const struct ct_sip_hop *hop)
{
    return hop->peer.family == CT_SIP_IPV4 ? 4 : 16;
}

const struct ct_trunk *ct_carriers_from(const struct ct_carriers *carriers,
                                        const struct ct_sip_hop *from)
{
    return ct_trunk_from(carriers->trunks, carriers->count, from->peer.bytes, size_of(from));
}

bool ct_carriers_allow(const struct ct_trunk *trunk, const struct ct_sip_hop *from)
{
    return ct_trunk_allows(trunk, from->peer.bytes, size_of(from));
}

const char *ct_carriers_name(struct ct_carriers *carriers, struct ct_str host)
{
    struct ct_str name;
    uint16_t port;
    size_t size;
    if (!ct_sip_host_port_read(host, &name, &port, &size))
        name = host;
    if (name.len > 2 && name.at[0] == '[')
        name = (struct ct_str){name.at + 1, name.len - 2};
    for (const struct name *one = carriers->names; one != NULL; one = one->next)
        if (ct_str_equal(ct_str_of(one->text), name))
            return one->text;
    struct name *one = calloc(1, sizeof(*one) + name.len + 1);
    if (one == NULL)
        return NULL;
    memcpy(one->text, name.at, name.len);
    one->next = carriers->names;
    carriers->names = one;
    return one->text;
}

/* ---- challenges ---- */

static void copy(char to[TEXT_MOST], struct ct_str from)
{
    size_t length = from.len < TEXT_MOST ? from.len : 0;
    if (length > 0)
        memcpy(to, from.at, length);
    to[length] = '\0';
}

void *ct_carriers_answers(struct ct_carriers *carriers, const struct ct_trunk *trunk)
{
    struct answers *answers = carriers->answers;
    while (answers != NULL && answers->trunk_id != trunk->id)
        answers = answers->next;
    if (answers == NULL) {
        answers = calloc(1, sizeof(*answers));
        if (answers == NULL)
            return NULL;
        answers->carriers = carriers;
        answers->trunk_id = trunk->id;
        answers->next = carriers->answers;
        carriers->answers = answers;
    }
    copy(answers->username, trunk->username);
    copy(answers->password, trunk->password);
    return answers;
}

/* The strongest that can be answered. */
static bool choose(struct ct_arena *arena, const struct ct_sip_message *message,
                   enum ct_sip_header_id header, struct ct_digest_challenge *out)
{
    struct ct_sip_cursor cursor = {0};
    struct ct_str value;
    bool found = false;
    while (ct_sip_next_value(message, header, &cursor, &value)) {
        struct ct_digest_challenge challenge;
        if (ct_digest_read_challenge(arena, value, &challenge) != CT_OK ||
            !ct_digest_can_answer(&challenge) || (found && challenge.algorithm <= out->algorithm))
            continue;
        *out = challenge;
        found = true;
    }
    return found;
}

bool ct_carriers_credentials(void *ctx, const struct ct_sip_message *challenge,
                             struct ct_str method, struct ct_str uri, struct ct_buf *out)
{
    const struct answers *answers = ctx;
    const struct ct_sip_env *env = answers->carriers->options.env;
    bool proxy = challenge->status == 407;
    struct ct_digest_challenge chosen;
    struct ct_digest_hex ha1;
    uint8_t chance[8];
    char cnonce[2 * sizeof(chance) + 1];
    if (answers->username[0] == '\0')
        return false;
    struct ct_arena *arena = ct_arena_new();
    if (arena == NULL)
        return false;
    bool done = choose(arena, challenge,
                       proxy ? CT_SIP_H_PROXY_AUTHENTICATE : CT_SIP_H_WWW_AUTHENTICATE, &chosen);
    if (done) {
        env->random(env->ctx, chance, sizeof(chance));
        for (size_t i = 0; i < sizeof(chance); i++) {
            cnonce[2 * i] = "0123456789abcdef"[chance[i] >> 4];
            cnonce[2 * i + 1] = "0123456789abcdef"[chance[i] & 15];
        }
        cnonce[2 * sizeof(chance)] = '\0';
        ct_digest_ha1(chosen.algorithm, ct_str_of(answers->username), chosen.realm,
                      ct_str_of(answers->password), &ha1);
        const struct ct_digest_request request = {.method = method,
                                                  .uri = uri,
                                                  .username = ct_str_of(answers->username),
                                                  .cnonce = ct_str_of(cnonce),
                                                  .nc = 1,
                                                  .ha1 = &ha1};
        ct_buf_text(out, proxy ? "Proxy-Authorization: " : "Authorization: ");
        done = ct_digest_answer(&chosen, &request, out) == CT_OK;
        ct_buf_text(out, "\r\n");
        explicit_bzero(&ha1, sizeof(ha1));
    }
    ct_arena_free(arena);
    return done;
}
