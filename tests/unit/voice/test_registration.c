#include "voice/registration.h"

#include <string.h>

#include "harness.h"
#include "outside.h"
#include "voice/registration_plan.h"

static const struct ct_registration_limits limits = {.min_s = 60, .max_s = 3600, .default_s = 1800};

static enum ct_result read_wish(struct ct_arena *arena, const char *headers,
                                struct ct_registration_wish *out, int *status)
{
    struct ct_sip_message *message;
    char *text = ct_arena_printf(
        arena,
        "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n"
        "To: <sip:a@h>\r\nCall-ID: c1\r\nCSeq: 7 REGISTER\r\n%sContent-Length: 0\r\n\r\n",
        headers);
    if (text == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_sip_message_read(arena, ct_str_of(text), false, &message);
    return result == CT_OK ? ct_registration_read(arena, message, &limits, out, status) : result;
}

/* The first contact as text: uri expires q instance reg-id. */
static enum ct_result test_contacts(void)
{
    static const struct {
        const char *headers;
        int status;
        size_t count;
        const char *uri;
        int64_t expires, q;
        const char *instance;
        int64_t reg_id;
    } cases[] = {
        {"", 0, 0, "", 0, 0, "", 0},
        {"Contact: <sip:a@h;x=1>\r\n", 0, 1, "sip:a@h;x=1", 1800, 1000, "", 0},
        {"m: sip:a@h;expires=100;q=0.7\r\n", 0, 1, "sip:a@h", 100, 700, "", 0},
        {"Contact: <sip:a@h>\r\nExpires: 90\r\n", 0, 1, "sip:a@h", 90, 1000, "", 0},
        {"Contact: <sip:a@h>;expires=70\r\nExpires: 90\r\n", 0, 1, "sip:a@h", 70, 1000, "", 0},
        {"Contact: <sip:a@h>;expires=0\r\n", 0, 1, "sip:a@h", 0, 1000, "", 0},
        {"Contact: <sip:a@h>;expires=59\r\n", 423, 1, "", 0, 0, "", 0},
        {"Contact: <sip:a@h>;expires=60\r\n", 0, 1, "sip:a@h", 60, 1000, "", 0},
        {"Contact: <sip:a@h>;expires=99999999999\r\n", 0, 1, "sip:a@h", 3600, 1000, "", 0},
        {"Contact: <sip:a@h>;expires=\"soon\"\r\n", 0, 1, "sip:a@h", 3600, 1000, "", 0},
        {"Contact: <sip:a@h>;q=1.0\r\n", 0, 1, "sip:a@h", 1800, 1000, "", 0},
        {"Contact: <sip:a@h>;q=0.001\r\n", 0, 1, "sip:a@h", 1800, 1, "", 0},
        {"Contact: <sip:a@h>;q=0\r\n", 0, 1, "sip:a@h", 1800, 0, "", 0},
        {"Contact: <sip:a@h>;q=1.5\r\n", 0, 1, "sip:a@h", 1800, 1000, "", 0},
        {"Contact: <sip:a@h>;q=high\r\n", 0, 1, "sip:a@h", 1800, 1000, "", 0},
        {"Contact: <sips:a@h>;+sip.instance=\"<urn:1>\";reg-id=2\r\n", 0, 1, "sips:a@h", 1800, 1000,
         "<urn:1>", 2},
        {"Contact: <sip:a@h>;reg-id=x\r\n", 0, 1, "sip:a@h", 1800, 1000, "", 0},
        {"Contact: <mailto:a@h>\r\n", 400, 1, "", 0, 0, "", 0},
        {"Contact: <tel:+49301>\r\n", 400, 1, "", 0, 0, "", 0},
        {"Contact: <sip:a@h>, <sip:b@h>\r\nContact: <sip:c@h>\r\n", 0, 3, "sip:a@h", 1800, 1000, "",
         0},
        {"Contact: *\r\nExpires: 0\r\n", 0, 0, "", 0, 0, "", 0},
        {"Contact: *\r\n", 400, 0, "", 0, 0, "", 0},
        {"Contact: *\r\nExpires: 60\r\n", 400, 0, "", 0, 0, "", 0},
        {"Contact: *, <sip:a@h>\r\nExpires: 0\r\n", 400, 0, "", 0, 0, "", 0},
        {"Contact: <sip:a@h>, *\r\nExpires: 0\r\n", 400, 1, "", 0, 0, "", 0},
    };
    enum ct_result result = CT_OK;
    struct ct_registration_wish wish;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status = -1;
        TRY(read_wish(arena, cases[i].headers, &wish, &status));
        EXPECT(status == cases[i].status && wish.cseq == 7);
        EXPECT(wish.star == (strstr(cases[i].headers, "*") != NULL));
        EXPECT(wish.count == cases[i].count);
        if (status != 0 || wish.count == 0)
            continue;
        EXPECT(ct_str_equal(wish.contacts[0].uri, ct_str_of(cases[i].uri)));
        EXPECT(wish.contacts[0].expires_s == cases[i].expires && wish.contacts[0].q == cases[i].q);
        EXPECT(ct_str_equal(wish.contacts[0].instance, ct_str_of(cases[i].instance)));
        EXPECT(wish.contacts[0].reg_id == cases[i].reg_id);
    }
    int status = -1;
    TRY(read_wish(arena, "Path: <sip:p1;lr>,<sip:p2;lr>\r\nUser-Agent: phone\r\n", &wish, &status));
    EXPECT(status == 0 && ct_str_equal(wish.path, CT_STR("<sip:p1;lr>, <sip:p2;lr>")));
    EXPECT(ct_str_equal(wish.user_agent, CT_STR("phone")));
    EXPECT(ct_str_equal(wish.call_id, CT_STR("c1")));
    TRY(read_wish(arena, "User-Agent: \xff\r\n", &wish, &status));
    EXPECT(status == 0 && wish.user_agent.len == 0 && wish.path.len == 0);
out:
    ct_arena_free(arena);
    return result;
}

/* What a device has, and what its next REGISTERs do. */
struct book {
    struct outside outside;
    struct ct_arena *arena;
    struct ct_wheel *wheel;
    struct ct_locations *all;
    struct ct_registration_wish wish;
    struct ct_registration_plan plan;
    struct ct_sip_hop from;
};

static enum ct_result open_book(struct book *book)
{
    *book = (struct book){.arena = ct_arena_new()};
    outside_open(&book->outside);
    book->from = outside_hop(CT_SIP_UDP, "192.0.2.1", 5062, 0);
    if (book->arena == NULL)
        return CT_NOMEM;
    enum ct_result result = ct_wheel_new(book->outside.now_ms, &book->wheel);
    return result == CT_OK ? ct_locations_new(book->wheel, &book->outside.env, &book->all) : result;
}

static void close_book(struct book *book)
{
    ct_locations_free(book->all);
    ct_wheel_free(book->wheel);
    ct_arena_free(book->arena);
}

/* Plans one, and does what was planned. Changes as text: "+0" an addition in the place 0, "=" an update, "-" a
 * removal. */
static enum ct_result registers(struct book *book, const char *headers, const char *call_id,
                                uint32_t cseq, char out[32])
{
    struct ct_registration_plan *plan = &book->plan;
    int status = 0;
    enum ct_result result = read_wish(book->arena, headers, &book->wish, &status);
    if (result != CT_OK)
        return result;
    book->wish.call_id = ct_str_of(call_id);
    book->wish.cseq = cseq;
    book->outside.now_ms++;
    *plan = (struct ct_registration_plan){.arena = book->arena,
                                          .device_id = 1,
                                          .wish = &book->wish,
                                          .from = &book->from,
                                          .contacts_max = 3,
                                          .now = OUTSIDE_UNIX + book->outside.now_ms,
                                          .list = ct_locations_find(book->all, 1)};
    result = ct_registration_plan(plan);
    for (size_t i = 0; result == CT_OK && plan->status == 0 && i < plan->count; i++) {
        const struct ct_registration_change *change = &plan->changes[i];
        *out++ = "+=-"[change->kind];
        *out++ = (char)('0' + change->row.place);
        if (change->kind == CT_REGISTRATION_REMOVE)
            ct_locations_remove(book->all, 1, change->row.place);
        else
            result = ct_locations_put(book->all, &change->row, &book->from);
    }
    *out = '\0';
    return result;
}

static enum ct_result test_plans(void)
{
    static const struct {
        const char *headers, *call_id;
        uint32_t cseq;
        int status;
        const char *changes;
        size_t left;
    } steps[] = {
        {"", "c", 1, 0, "", 0},
        {"Contact: <sip:a@h>;expires=0\r\n", "c", 2, 0, "", 0},
        {"Contact: <sip:a@h>\r\n", "c", 3, 0, "+0", 1},
        {"Contact: <sip:a@h>\r\n", "c", 4, 0, "=0", 1},
        {"Contact: <sip:%61@H>\r\n", "c", 5, 0, "=0", 1},
        {"Contact: <sip:a@h>\r\n", "c", 5, 500, "", 1},
        {"Contact: <sip:a@h>\r\n", "c", 4, 500, "", 1},
        {"Contact: <sip:a@h>\r\n", "d", 1, 0, "=0", 1},
        {"Contact: <sip:b@h>, <sip:c@h>\r\n", "d", 2, 0, "+1+2", 3},
        /* The first was registered the longest ago: it makes room. */
        {"Contact: <sip:e@h>\r\n", "d", 3, 0, "+0", 3},
        {"Contact: <sip:f@h>, <sip:f@h>\r\n", "d", 4, 0, "+1", 3},
        {"Contact: <sip:1@h>, <sip:2@h>, <sip:3@h>, <sip:4@h>\r\n", "d", 5, 403, "", 3},
        {"Contact: <sip:f@h>;expires=0, <sip:g@h>\r\n", "d", 6, 0, "-1+2", 2},
        {"Contact: *\r\nExpires: 0\r\n", "d", 6, 500, "", 2},
        {"Contact: *\r\nExpires: 0\r\n", "d", 7, 0, "-2-0", 0},
        {"Contact: <sip:a@h>;+sip.instance=\"<urn:1>\";reg-id=1\r\n", "e", 1, 0, "+0", 1},
        {"Contact: <sip:b@h>;+sip.instance=\"<urn:1>\";reg-id=1\r\n", "e", 2, 0, "=0", 1},
        {"Contact: <sip:b@h>;+sip.instance=\"<urn:1>\";reg-id=2\r\n", "e", 3, 0, "+1", 2},
        {"Contact: <sip:b@h>;+sip.instance=\"<urn:2>\";reg-id=1\r\n", "e", 4, 0, "+2", 3},
    };
    enum ct_result result = CT_OK;
    struct book book;
    TRY(open_book(&book));
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        char changes[32];
        TRY(registers(&book, steps[i].headers, steps[i].call_id, steps[i].cseq, changes));
        EXPECT(book.plan.status == steps[i].status);
        EXPECT(strcmp(changes, steps[i].changes) == 0);
        EXPECT(ct_locations_find(book.all, 1).count == steps[i].left);
    }
    const struct ct_binding_row *row = &book.plan.changes[0].row;
    EXPECT(row->device_id == 1 && row->reg_id == 1 && row->cseq == 4 && row->q == 1000);
    EXPECT(ct_str_equal(row->transport, CT_STR("udp")));
    EXPECT(ct_str_equal(row->source, CT_STR("192.0.2.1:5062")));
    EXPECT(row->expires_at == book.plan.now + 1800000 && row->registered_at == book.plan.now);
out:
    close_book(&book);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_contacts), CT_UNIT(test_plans)};
    return ct_unit_main("voice/registration", units, sizeof(units) / sizeof(units[0]));
}
