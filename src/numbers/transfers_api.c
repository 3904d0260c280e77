#include "numbers/number_tell.h"
#include "numbers/transfers.h"

#include "accounts/audit.h"
#include "accounts/users.h"
#include "base/clock.h"

#define HOUR_MS INT64_C(3600000)

/* ---- POST /phone_numbers/{id}/transfer ---- */

struct transfer_offer {
    struct ct_str username;
};

static const struct ct_field offer_fields[] = {
    CT_FIELD(struct transfer_offer, username, CT_FIELD_STRING, .min = 1, .max = CT_USERNAME_MAX,
             .pattern = CT_USERNAME_PATTERN, .normalize = ct_username_normalize,
             .doc = "Whom the number is offered to.", .example = "\"bob\""),
};

static const struct ct_schema offer_schema =
    CT_SCHEMA("TransferOffer", "The offer of a number to another account.", struct transfer_offer,
              offer_fields);

static enum ct_result find_receiver(struct ct_call *call, struct ct_user *out)
{
    const struct transfer_offer *body = call->body;
    enum ct_result result = ct_user_by_name(call->arena, call->db, body->username, out);
    if (result == CT_NOT_FOUND)
        return ct_call_say(call, CT_NOT_FOUND, "User not found");
    if (result == CT_OK && out->id == call->user_id)
        return ct_call_say(call, CT_CONFLICT, "This number is yours already");
    return result;
}

static enum ct_result note_offer(const struct ct_call *call, const struct ct_number *number,
                                 const struct ct_user *receiver)
{
    const char *detail = ct_arena_printf(call->arena, "%.*s to %.*s", (int)number->phone_number.len,
                                         number->phone_number.at, (int)receiver->username.len,
                                         receiver->username.at);
    return detail == NULL ? CT_NOMEM
                          : ct_audit_call(call, call->user_id, CT_AUDIT_NUMBER_OFFERED, number->id,
                                          ct_str_of(detail));
}

static enum ct_result offer_number(struct ct_call *call)
{
    const struct ct_number_path *path = call->path;
    int64_t now_ms = ct_clock_unix_ms();
    int64_t until_ms = now_ms + call->config->number_transfer_hours * HOUR_MS;
    struct ct_number number;
    struct ct_user receiver;
    enum ct_result result =
        ct_number_get(call->arena, call->db, call->user_id, path->id, now_ms, &number);
    if (result == CT_OK)
        result = ct_number_tidy(call->db, &number, now_ms);
    if (result == CT_OK)
        result = find_receiver(call, &receiver);
    if (result == CT_OK)
        result = ct_transfer_offer(call->db, &number, receiver.id, until_ms);
    if (result == CT_OK)
        result = note_offer(call, &number, &receiver);
    if (result == CT_OK)
        result = ct_number_tell(call, receiver.id, CT_EVENT_NUMBER_OFFERED, &number);
    return result == CT_OK ? ct_number_describe(call->room, call->arena, &number, call->reply)
                           : result;
}

/* ---- the answers to an offer ---- */

static enum ct_result accept_offer(struct ct_call *call)
{
    const struct ct_number_path *path = call->path;
    struct ct_number number;
    enum ct_result result = ct_transfer_get(call->arena, call->db, call->user_id, path->id,
                                            ct_clock_unix_ms(), &number);
    if (result == CT_OK && number.transfer_to != call->user_id)
        result = CT_NOT_FOUND;
    if (result == CT_OK)
        result = ct_number_quota(call, 1);
    if (result != CT_OK)
        return result;
    int64_t giver = number.user_id;
    result = ct_transfer_accept(call->db, &number);
    if (result == CT_OK)
        result = ct_transfer_audit_other(call, giver, CT_AUDIT_NUMBER_GIVEN, &number,
                                         number.phone_number);
    if (result == CT_OK)
        result = ct_audit_call(call, call->user_id, CT_AUDIT_NUMBER_RECEIVED, number.id,
                               number.phone_number);
    if (result == CT_OK)
        result = ct_number_tell(call, giver, CT_EVENT_NUMBER_GIVEN, &number);
    if (result == CT_OK)
        result = ct_number_tell(call, call->user_id, CT_EVENT_NUMBER_RECEIVED, &number);
    return result == CT_OK ? ct_number_describe(call->room, call->arena, &number, call->reply)
                           : result;
}

static enum ct_result end_offer(struct ct_call *call)
{
    const struct ct_number_path *path = call->path;
    struct ct_number number;
    enum ct_result result = ct_transfer_get(call->arena, call->db, call->user_id, path->id,
                                            ct_clock_unix_ms(), &number);
    return result == CT_OK
               ? ct_transfer_end(call, &number,
                                 number.user_id == call->user_id ? "withdrawn" : "refused")
               : result;
}

/* ---- GET /phone_number_transfers ---- */

static const char *const directions[] = {"incoming", "outgoing", NULL};

static const struct ct_field transfer_fields[] = {
    CT_FIELD(struct ct_transfer, id, CT_FIELD_INT, .doc = "The number's id.", .example = "1"),
    CT_FIELD(struct ct_transfer, phone_number, CT_FIELD_STRING, .doc = "E.164, plain.",
             .example = "\"+4930123456\""),
    CT_FIELD(struct ct_transfer, from, CT_FIELD_STRING, .doc = "The owner's username.",
             .example = "\"alice\""),
    CT_FIELD(struct ct_transfer, to, CT_FIELD_STRING,
             .doc = "The username of whom it is offered to.", .example = "\"bob\""),
    CT_FIELD(struct ct_transfer, direction, CT_FIELD_STRING, .words = directions,
             .doc = "`incoming`: offered to you. `outgoing`: offered by you.",
             .example = "\"incoming\""),
    CT_FIELD(struct ct_transfer, expires_at, CT_FIELD_TIME, .doc = "Until when it can be accepted.",
             .example = "\"2026-01-31T12:00:00.000Z\""),
};

static const struct ct_schema transfer_schema =
    CT_SCHEMA("Transfer", "A number that is offered to another account.", struct ct_transfer,
              transfer_fields);

static enum ct_result list_transfers(struct ct_call *call)
{
    const struct ct_list_query *query = call->query;
    struct ct_page *reply = call->reply;
    int64_t after = 0;
    enum ct_result result = ct_cursor_read(call, query->after, &after);
    if (result != CT_OK)
        return result;
    /* One more than asked for tells whether there is a next page. */
    size_t limit = (size_t)query->limit;
    size_t count = 0;
    struct ct_transfer *rows = ct_arena_alloc(call->arena, (limit + 1) * sizeof(*rows));
    if (rows == NULL)
        return CT_NOMEM;
    result = ct_transfer_list(call->arena, call->db, call->user_id, after, limit + 1,
                              ct_clock_unix_ms(), rows, &count);
    reply->items = rows;
    reply->count = count < limit ? count : limit;
    if (result == CT_OK && count > limit)
        result = ct_cursor_make(call->arena, rows[limit - 1].id, &reply->next);
    return result;
}

/* ---- routes ---- */

const struct ct_route ct_transfers_routes[] = {
    {.method = CT_POST,
     .pattern = "/phone_numbers/{id}/transfer",
     .path = &ct_number_path_schema,
     .body = &offer_schema,
     .reply = &ct_number_full_schema,
     .status = 202,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "numbers:write",
     .run = offer_number,
     .errors =
         (const struct ct_route_error[]){{CT_NOT_FOUND, 404, "Phone number not found"},
                                         {CT_CONFLICT, 409, "This number is being offered already"},
                                         {0}},
     .summary = "Offer a number to another account",
     .doc = "It stays yours until the other accepts, within NUMBER_TRANSFER_HOURS; both see the "
            "offer in `GET /phone_number_transfers`. 404 also says that there is no such user, 409 "
            "that it would be an offer to yourself.",
     .tag = "Numbers"},
    {.method = CT_POST,
     .pattern = "/phone_numbers/{id}/transfer/accept",
     .path = &ct_number_path_schema,
     .reply = &ct_number_full_schema,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "numbers:write",
     .run = accept_offer,
     .errors =
         (const struct ct_route_error[]){
             {CT_NOT_FOUND, 404, "There is no offer of this number"},
             {CT_FORBIDDEN, 403, "This account may have no more numbers (QUOTA_NUMBERS)"},
             {0}},
     .summary = "Accept a number that was offered to you",
     .doc = "From now on it is yours, without the name and the tags that it had. It counts against "
            "your QUOTA_NUMBERS (403).",
     .tag = "Numbers"},
    {.method = CT_DELETE,
     .pattern = "/phone_numbers/{id}/transfer",
     .path = &ct_number_path_schema,
     .status = 204,
     .access = CT_WRITE,
     .auth = CT_USER,
     .scope = "numbers:write",
     .run = end_offer,
     .errors =
         (const struct ct_route_error[]){{CT_NOT_FOUND, 404, "There is no offer of this number"},
                                         {0}},
     .summary = "Refuse or withdraw an offer",
     .doc = "Whom it was made to refuses it; who made it withdraws it. Either way the number stays "
            "its owner's.",
     .tag = "Numbers"},
    {.method = CT_GET,
     .pattern = "/phone_number_transfers",
     .query = &ct_list_query_schema,
     .reply = &transfer_schema,
     .list = true,
     .access = CT_READ,
     .auth = CT_USER,
     .scope = "numbers:read",
     .run = list_transfers,
     .summary = "List the offers to you and by you",
     .doc = "Those that nobody has answered yet, in the order of the numbers' ids.",
     .tag = "Numbers"},
};
const size_t ct_transfers_route_count =
    sizeof(ct_transfers_routes) / sizeof(ct_transfers_routes[0]);
