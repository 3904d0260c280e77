#include "voice/routing.h"

#include "accounts/rows.h"
#include "numbers/e164.h"
#include "numbers/inventory.h"
#include "voice/number_voice.h"

#define TEXT_MAX 64

/* ---- numbers ---- */

enum ct_result ct_dialled_number(struct ct_arena *arena, const struct ct_trunk *trunk,
                                 struct ct_str dialled, struct ct_str *out)
{
    bool plain = dialled.len > 0 && dialled.at[0] == '+';
    if (trunk != NULL && !plain) {
        enum ct_result result = ct_rewrite_apply(arena, &trunk->in, dialled, &dialled);
        if (result != CT_OK)
            return result;
    }
    enum ct_result result = ct_e164_normalize(arena, dialled, out);
    if (result != CT_INVALID || dialled.len == 0 || dialled.at[0] < '1' || dialled.at[0] > '9')
        return result;
    const char *with_plus = ct_arena_printf(arena, "+%.*s", (int)dialled.len, dialled.at);
    return with_plus == NULL ? CT_NOMEM : ct_e164_normalize(arena, ct_str_of(with_plus), out);
}

/* A number of this server. */
struct found {
    int64_t id;
    int64_t user_id; /* 0: nobody has it */
    struct ct_str voice;
};

/* CT_NOT_FOUND when there is no such number on this server. */
static enum ct_result find_number(struct ct_arena *arena, struct ct_db *db, struct ct_str number,
                                  struct found *out)
{
    struct ct_stmt *stmt;
    enum ct_result result = ct_db_query(
        db, "SELECT id, user_id, voice FROM virtual_phone_numbers WHERE phone_number = $1", &stmt);
    if (result != CT_OK)
        return result;
    ct_bind_str(stmt, 1, number);
    result = ct_step(stmt);
    if (result == CT_ROW) {
        *out = (struct found){.id = ct_column_int(stmt, 0), .user_id = ct_column_int(stmt, 1)};
        return ct_column_text(stmt, 2, arena, &out->voice);
    }
    if (result != CT_OK)
        return result;
    /* What a pool holds is this server's too, and nobody has it. */
    bool held = false;
    *out = (struct found){0};
    result = ct_inventory_holds(db, number, &held);
    return result == CT_OK && !held ? CT_NOT_FOUND : result;
}

/* ---- who calls ---- */

/* A text of a stranger as it may be kept and shown: at most TEXT_MAX characters, no control characters. */
static struct ct_str presentable(struct ct_str text)
{
    const struct ct_str none = {0};
    if (text.len == 0 || !ct_utf8_valid(text) || ct_utf8_has_control(text) ||
        ct_utf8_length(text) > TEXT_MAX)
        return none;
    return text;
}

static enum ct_result identity_of_trunk(struct ct_arena *arena, struct ct_db *db,
                                        const struct ct_routing_call *call, struct ct_identity *out)
{
    bool asserts = call->trunk->trusted && call->asserted.len > 0;
    struct ct_str text = asserts ? call->asserted : call->presented;
    struct found found;
    *out = (struct ct_identity){.anonymous = call->anonymous};
    /* From of an anonymous call says nothing. */
    if (call->anonymous && !asserts)
        return CT_OK;
    enum ct_result result = ct_dialled_number(arena, call->trunk, text, &out->number);
    if (result == CT_INVALID) {
        out->number = presentable(text);
        return CT_OK;
    }
    if (result != CT_OK || asserts)
        return result;
    /* Nobody outside is somebody here because he says so. The record keeps what he said. */
    result = find_number(arena, db, out->number, &found);
    if (result == CT_OK && found.user_id != 0)
        out->anonymous = true;
    return result == CT_NOT_FOUND ? CT_OK : result;
}

static enum ct_result identity_of_device(struct ct_arena *arena, struct ct_db *db,
                                         const struct ct_routing_call *call,
                                         struct ct_identity *out)
{
    const struct ct_device *device = call->device;
    struct ct_str presented;
    struct found found;
    *out = (struct ct_identity){.number = device->caller_id,
                                .number_id = device->caller_id_number,
                                .anonymous = call->anonymous};
    enum ct_result result = ct_dialled_number(arena, NULL, call->presented, &presented);
    if (result == CT_OK)
        result = find_number(arena, db, presented, &found);
    if (result == CT_INVALID || result == CT_NOT_FOUND)
        return CT_OK;
    if (result == CT_OK && found.user_id == device->user_id) {
        out->number = presented;
        out->number_id = found.id;
    }
    return result;
}

enum ct_result ct_caller_identity(struct ct_arena *arena, struct ct_db *db,
                                  const struct ct_routing_call *call, struct ct_identity *out)
{
    return call->device == NULL ? identity_of_trunk(arena, db, call, out)
                                : identity_of_device(arena, db, call, out);
}

/* ---- out ---- */

static bool has_channel(const struct ct_routing_world *world, const struct ct_trunk *trunk)
{
    return trunk->channels == 0 || world->busy == NULL ||
           world->busy(world->ctx, trunk->id) < trunk->channels;
}

enum ct_result ct_ways_out(const struct ct_routing_world *world, struct ct_arena *arena,
                           struct ct_str number, const struct ct_way_out **out, size_t *count,
                           bool *any)
{
    struct ct_way_out first = {0};
    int longest = -1;
    size_t most = 0;
    for (size_t i = 0; i < world->trunk_count; i++) {
        int match = ct_trunk_match(&world->trunks[i], number);
        longest = match > longest ? match : longest;
        most += world->trunks[i].hosts.count;
    }
    struct ct_way_out *ways = ct_arena_alloc(arena, most * sizeof(*ways));
    if (ways == NULL)
        return CT_NOMEM;
    *any = longest >= 0;
    *out = ways;
    *count = 0;
    for (size_t i = 0; *any && i < world->trunk_count; i++) {
        const struct ct_trunk *trunk = &world->trunks[i];
        struct ct_str written;
        if (ct_trunk_match(trunk, number) != longest || !has_channel(world, trunk))
            continue;
        enum ct_result result = ct_rewrite_apply(arena, &trunk->out, number, &written);
        if (result != CT_OK)
            return result;
        for (size_t h = 0; h < trunk->hosts.count; h++) {
            const struct ct_way_out way = {trunk, trunk->hosts.at[h], written};
            if (first.trunk == NULL)
                first = way;
            if (world->reaches == NULL || world->reaches(world->ctx, trunk, way.host))
                ways[(*count)++] = way;
        }
    }
    /* nothing is lost by trying one when all are down */
    if (*count == 0 && first.trunk != NULL)
        ways[(*count)++] = first;
    return CT_OK;
}

/* ---- whom ---- */

static enum ct_result refuse(struct ct_routing *out, int status, const char *reason)
{
    out->status = status;
    out->reason = reason;
    return CT_OK;
}

static enum ct_result route_out(const struct ct_routing_world *world, struct ct_arena *arena,
                                struct ct_routing *out)
{
    bool any;
    if (out->payer_id == 0)
        return refuse(out, 404, "Not Found");
    enum ct_result result =
        ct_ways_out(world, arena, out->number, &out->ways, &out->way_count, &any);
    if (result != CT_OK || out->way_count > 0)
        return result;
    return any ? refuse(out, 503, "No channel is free") : refuse(out, 404, "Not Found");
}

static bool has_passed(const struct ct_routing *routing, int64_t number_id)
{
    for (size_t i = 0; i < routing->passed_count; i++) {
        if (routing->passed[i] == number_id)
            return true;
    }
    return false;
}

/* The devices of a number that are registered now. */
static enum ct_result ring(const struct ct_routing_world *world, struct ct_arena *arena,
                           const struct ct_number_voice *voice, struct ct_routing *out)
{
    int64_t *ids = ct_arena_alloc(arena, voice->ring.count * sizeof(*ids));
    size_t count = 0;
    if (ids == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < voice->ring.count; i++) {
        if (world->registered(world->ctx, voice->ring.at[i]))
            ids[count++] = voice->ring.at[i];
    }
    out->devices = (struct ct_ints){ids, count};
    out->in_order = ct_str_equal(voice->strategy, CT_STR("in_order"));
    out->ring_ms = voice->timeout_s * 1000;
    out->record = voice->record;
    out->on_no_answer = voice->on_no_answer;
    return CT_OK;
}

static enum ct_result read_voice(struct ct_arena *arena, struct ct_db *db,
                                 const struct found *found, struct ct_number_voice *out)
{
    return found->voice.at == NULL ? ct_number_voice_default(arena, db, found->user_id, out)
                                   : ct_number_voice_read(arena, found->voice, out);
}

/* One number of the way. @p next is where it is forwarded to; `at` NULL: it ends here. */
static enum ct_result pass(const struct ct_routing_world *world, struct ct_arena *arena,
                           struct ct_db *db, const struct found *found, struct ct_routing *out,
                           struct ct_str *next)
{
    struct ct_number_voice voice;
    *next = (struct ct_str){0};
    if (found->user_id == 0)
        return refuse(out, 404, "Not Found");
    if (has_passed(out, found->id) || out->passed_count > CT_FORWARDS_MAX)
        return refuse(out, 482, "Loop Detected");
    if (out->passed_count == 0) {
        out->callee_id = found->user_id;
        out->number_id = found->id;
    }
    out->passed[out->passed_count++] = found->id;
    out->payer_id = found->user_id; /* of what it is forwarded to from here */
    enum ct_result result = read_voice(arena, db, found, &voice);
    if (result != CT_OK)
        return result;
    if (voice.forward_to.at == NULL) {
        result = ring(world, arena, &voice, out);
        if (result != CT_OK || out->devices.count > 0)
            return result;
        if (voice.on_no_answer.at == NULL)
            return refuse(out, 480, "Temporarily Unavailable");
        *next = voice.on_no_answer;
    } else {
        *next = voice.forward_to;
    }
    out->on_no_answer = (struct ct_str){0};
    return CT_OK;
}

static enum ct_result follow(const struct ct_routing_world *world, struct ct_arena *arena,
                             struct ct_db *db, struct ct_routing *out)
{
    for (;;) {
        struct found found;
        struct ct_str next;
        struct ct_str number = out->number;
        enum ct_result result = find_number(arena, db, number, &found);
        if (result == CT_NOT_FOUND)
            return route_out(world, arena, out);
        if (result == CT_OK)
            result = pass(world, arena, db, &found, out, &next);
        if (result != CT_OK || out->status != 0 || next.at == NULL)
            return result;
        out->number = next;
        out->forwarded_by = number;
    }
}

/* Outside only a number of the account that pays for the call may be presented. */
static void settle_identity(struct ct_routing *out)
{
    if (out->way_count > 0 && out->forwarded_by.at != NULL)
        out->identity = (struct ct_identity){.number = out->forwarded_by,
                                             .number_id = out->passed[out->passed_count - 1],
                                             .anonymous = out->identity.anonymous};
}

enum ct_result ct_route_call(const struct ct_routing_world *world, struct ct_arena *arena,
                             struct ct_db *db, const struct ct_routing_call *call,
                             struct ct_routing *out)
{
    *out = (struct ct_routing){.caller_id = call->device == NULL ? 0 : call->device->user_id,
                               .payer_id = call->device == NULL ? 0 : call->device->user_id,
                               .from_trunk = call->device == NULL};
    enum ct_result result = ct_caller_identity(arena, db, call, &out->identity);
    if (result == CT_OK)
        result = ct_dialled_number(arena, call->trunk, call->dialled, &out->to);
    if (result == CT_INVALID) {
        out->to = presentable(call->dialled);
        return refuse(out, 404, "Not Found");
    }
    out->number = out->to;
    if (result == CT_OK)
        result = follow(world, arena, db, out);
    if (result == CT_OK)
        settle_identity(out);
    return result;
}

enum ct_result ct_route_on(const struct ct_routing_world *world, struct ct_arena *arena,
                           struct ct_db *db, const struct ct_routing *before,
                           struct ct_routing *out)
{
    if (before->on_no_answer.at == NULL)
        return CT_NOT_FOUND;
    *out = *before;
    out->devices = (struct ct_ints){0};
    out->way_count = 0;
    out->forwarded_by = before->number;
    out->number = before->on_no_answer;
    out->on_no_answer = (struct ct_str){0};
    enum ct_result result = follow(world, arena, db, out);
    if (result == CT_OK)
        settle_identity(out);
    return result;
}

enum ct_result ct_route_message(const struct ct_routing_world *world, struct ct_arena *arena,
                                struct ct_db *db, const struct ct_routing_call *call,
                                struct ct_routing *out)
{
    struct ct_number_voice voice;
    struct found found = {0};
    *out = (struct ct_routing){.caller_id = call->device->user_id};
    enum ct_result result = ct_caller_identity(arena, db, call, &out->identity);
    if (result == CT_OK)
        result = ct_dialled_number(arena, NULL, call->dialled, &out->to);
    if (result == CT_OK)
        result = find_number(arena, db, out->to, &found);
    if (result == CT_INVALID || result == CT_NOT_FOUND || (result == CT_OK && found.user_id == 0))
        return refuse(out, 404, "Not Found");
    if (result == CT_OK)
        result = read_voice(arena, db, &found, &voice);
    if (result == CT_OK)
        result = ring(world, arena, &voice, out);
    if (result != CT_OK)
        return result;
    out->callee_id = found.user_id;
    out->number_id = found.id;
    return out->devices.count > 0 ? CT_OK : refuse(out, 480, "Temporarily Unavailable");
}
