#include "sip/dialog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sip/write.h"

/* A route set of more is nobody's. */
#define MAX_ROUTES 64

/* Texts of one dialog, copied into one piece of memory behind it. */
struct texts {
    struct ct_str call_id;
    struct ct_str local_tag;
    struct ct_str remote_tag;
    struct ct_str local;
    struct ct_str remote;
};

static struct ct_str keep(char **at, struct ct_str text)
{
    struct ct_str kept = {*at, text.len};

    if (text.len > 0)
        memcpy(*at, text.at, text.len);
    *at += text.len;
    return kept;
}

static struct ct_sip_dialog *dialog_new(const struct texts *texts)
{
    size_t size = texts->call_id.len + texts->local_tag.len + texts->remote_tag.len +
                  texts->local.len + texts->remote.len;
    struct ct_sip_dialog *dialog = calloc(1, sizeof(*dialog) + size);
    char *at;

    if (dialog == NULL)
        return NULL;
    at = (char *)(dialog + 1);
    dialog->call_id = keep(&at, texts->call_id);
    dialog->local_tag = keep(&at, texts->local_tag);
    dialog->remote_tag = keep(&at, texts->remote_tag);
    dialog->local = keep(&at, texts->local);
    dialog->remote = keep(&at, texts->remote);
    return dialog;
}

/* The URI of the first Contact, empty when there is none that a request could go to. */
static struct ct_str contact_of(const struct ct_sip_message *message)
{
    struct ct_sip_cursor cursor = {0};
    struct ct_sip_address address;
    struct ct_str value;

    if (!ct_sip_next_value(message, CT_SIP_H_CONTACT, &cursor, &value) ||
        !ct_sip_address_read(value, &address) || address.star ||
        (address.uri.scheme != CT_SIP_URI_SIP && address.uri.scheme != CT_SIP_URI_SIPS))
        return (struct ct_str){0};
    return address.uri.text;
}

/* Record-Route as a Route header, of a response from the last to the first. CT_INVALID: too many. */
static enum ct_result routes_of(const struct ct_sip_message *message, struct ct_buf *out)
{
    struct ct_str values[MAX_ROUTES];
    struct ct_sip_cursor cursor = {0};
    size_t count = 0;
    struct ct_str value;

    while (ct_sip_next_value(message, CT_SIP_H_RECORD_ROUTE, &cursor, &value)) {
        if (count == MAX_ROUTES)
            return CT_INVALID;
        values[count++] = value;
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            ct_buf_char(out, ',');
        ct_buf_str(out, values[message->request ? i : count - 1 - i]);
    }
    return out->failed ? CT_NOMEM : CT_OK;
}

/* Takes target and routes at once; what there was before stays when it fails. */
static enum ct_result set_path(struct ct_sip_dialog *dialog, struct ct_str target,
                               struct ct_str routes)
{
    char *memory = malloc(target.len + routes.len + 1);
    char *at = memory;

    if (memory == NULL)
        return CT_NOMEM;
    dialog->target = keep(&at, target);
    dialog->routes = keep(&at, routes);
    free(dialog->path);
    dialog->path = memory;
    return CT_OK;
}

static enum ct_result make(struct ct_sip *sip, const struct texts *texts, struct ct_str target,
                           struct ct_str routes, const struct ct_sip_dialog_events *events,
                           void *ctx, struct ct_sip_dialog **out)
{
    struct ct_sip_dialog *dialog = dialog_new(texts);
    enum ct_result result;

    if (dialog == NULL)
        return CT_NOMEM;
    result = set_path(dialog, target, routes);
    if (result != CT_OK)
        goto out;
    dialog->entry.events = events;
    dialog->entry.ctx = ctx;
    result = ct_sip_dialog_register(sip, &dialog->entry, dialog->call_id, dialog->local_tag,
                                    dialog->remote_tag);
    if (result != CT_OK)
        goto out;
    *out = dialog;
    dialog = NULL;
out:
    if (dialog != NULL)
        free(dialog->path);
    free(dialog);
    return result;
}

static enum ct_result make_of(struct ct_sip *sip, const struct texts *texts,
                              const struct ct_sip_message *message, struct ct_str target,
                              const struct ct_sip_dialog_events *events, void *ctx,
                              struct ct_sip_dialog **out)
{
    _Alignas(16) char room[1024];
    struct ct_arena *arena = ct_arena_in(room, sizeof(room));
    struct ct_buf routes;
    enum ct_result result;

    if (arena == NULL)
        return CT_NOMEM;
    routes = ct_buf_in(arena);
    result = routes_of(message, &routes);
    if (result == CT_OK)
        result = make(sip, texts, target, (struct ct_str){routes.at, routes.len}, events, ctx, out);
    ct_arena_free(arena);
    return result;
}

/* From or To as it came, without its tag and other parameters of the header. */
static struct ct_str name_addr(const struct ct_sip_message *message, enum ct_sip_header_id id,
                               const struct ct_sip_address *address)
{
    struct ct_str value = ct_sip_header(message, id);

    /* the parameters are the tail of the value */
    value.len -= address->params.len;
    return ct_sip_trim(value);
}

enum ct_result ct_sip_dialog_called(struct ct_sip *sip, const struct ct_sip_message *request,
                                    const struct ct_sip_hop *from, struct ct_str local_tag,
                                    const struct ct_sip_dialog_events *events, void *ctx,
                                    struct ct_sip_dialog **out)
{
    const struct texts texts = {
        .call_id = request->call_id,
        .local_tag = local_tag,
        .remote_tag = request->from.tag,
        .local = name_addr(request, CT_SIP_H_TO, &request->to),
        .remote = name_addr(request, CT_SIP_H_FROM, &request->from),
    };
    struct ct_str target = contact_of(request);
    struct ct_sip_dialog *dialog;
    enum ct_result result;

    assert(request->request && local_tag.len > 0);
    if (target.len == 0)
        return CT_INVALID;
    result = make_of(sip, &texts, request, target, events, ctx, &dialog);
    if (result != CT_OK)
        return result;
    dialog->hop = *from;
    dialog->remote_cseq = request->cseq;
    dialog->remote_cseq_known = true;
    *out = dialog;
    return CT_OK;
}

enum ct_result ct_sip_dialog_calling(struct ct_sip *sip, const struct ct_sip_message *response,
                                     const struct ct_sip_hop *from,
                                     const struct ct_sip_dialog_caller *caller,
                                     const struct ct_sip_dialog_events *events, void *ctx,
                                     struct ct_sip_dialog **out)
{
    const struct texts texts = {
        .call_id = caller->call_id,
        .local_tag = caller->tag,
        .remote_tag = response->to.tag,
        .local = caller->from,
        .remote = caller->to,
    };
    struct ct_str contact = contact_of(response);
    struct ct_sip_dialog *dialog;
    enum ct_result result;

    assert(!response->request);
    result = make_of(sip, &texts, response, contact.len > 0 ? contact : caller->target, events, ctx,
                     &dialog);
    if (result != CT_OK)
        return result;
    dialog->hop = *from;
    dialog->local_cseq = caller->cseq;
    *out = dialog;
    return CT_OK;
}

enum ct_result ct_sip_dialog_fork(struct ct_sip *sip, const struct ct_sip_dialog *dialog,
                                  struct ct_str local_tag,
                                  const struct ct_sip_dialog_events *events, void *ctx,
                                  struct ct_sip_dialog **out)
{
    const struct texts texts = {
        .call_id = dialog->call_id,
        .local_tag = local_tag,
        .remote_tag = dialog->remote_tag,
        .local = dialog->local,
        .remote = dialog->remote,
    };
    struct ct_sip_dialog *other;
    enum ct_result result = make(sip, &texts, dialog->target, dialog->routes, events, ctx, &other);

    if (result != CT_OK)
        return result;
    other->hop = dialog->hop;
    other->remote_cseq = dialog->remote_cseq;
    other->remote_cseq_known = dialog->remote_cseq_known;
    *out = other;
    return CT_OK;
}

void ct_sip_dialog_free(struct ct_sip_dialog *dialog)
{
    if (dialog == NULL)
        return;
    ct_sip_dialog_remove(&dialog->entry);
    free(dialog->path);
    free(dialog);
}

enum ct_result ct_sip_dialog_refresh(struct ct_sip_dialog *dialog,
                                     const struct ct_sip_message *message,
                                     const struct ct_sip_hop *from)
{
    struct ct_str target = contact_of(message);

    dialog->hop = *from;
    if (target.len == 0 || ct_str_equal(target, dialog->target))
        return CT_OK;
    return set_path(dialog, target, dialog->routes);
}

enum ct_result ct_sip_dialog_confirm(struct ct_sip_dialog *dialog,
                                     const struct ct_sip_message *response,
                                     const struct ct_sip_hop *from)
{
    _Alignas(16) char room[1024];
    struct ct_arena *arena = ct_arena_in(room, sizeof(room));
    struct ct_str target = contact_of(response);
    struct ct_buf routes;
    enum ct_result result;

    if (arena == NULL)
        return CT_NOMEM;
    dialog->hop = *from;
    routes = ct_buf_in(arena);
    result = routes_of(response, &routes);
    if (result == CT_OK)
        result = set_path(dialog, target.len > 0 ? target : dialog->target,
                          (struct ct_str){routes.at, routes.len});
    ct_arena_free(arena);
    return result == CT_INVALID ? CT_OK : result;
}

bool ct_sip_dialog_take_cseq(struct ct_sip_dialog *dialog, const struct ct_sip_message *request)
{
    if (dialog->remote_cseq_known && request->cseq <= dialog->remote_cseq)
        return false;
    dialog->remote_cseq = request->cseq;
    dialog->remote_cseq_known = true;
    return true;
}

/* The first of a route set, and whether it is a loose router; what follows it, with the comma. */
static bool first_route(struct ct_str routes, struct ct_str *uri, bool *loose, struct ct_str *rest)
{
    struct ct_sip_address address;
    struct ct_str value;
    bool quoted = false;
    int depth = 0;
    size_t end = 0;

    for (; end < routes.len; end++) {
        char c = routes.at[end];

        if (c == '"' && depth == 0)
            quoted = !quoted;
        else if (c == '\\' && quoted)
            end++;
        else if (!quoted && c == '<')
            depth = 1;
        else if (!quoted && c == '>')
            depth = 0;
        else if (!quoted && depth == 0 && c == ',')
            break;
    }
    if (end > routes.len)
        end = routes.len;
    if (!ct_sip_address_read(ct_sip_trim((struct ct_str){routes.at, end}), &address) ||
        address.star)
        return false;
    *uri = address.uri.text;
    *loose = ct_sip_param(address.uri.params, CT_STR("lr"), &value);
    *rest = (struct ct_str){routes.at + end, routes.len - end};
    return true;
}

bool ct_sip_first_route(struct ct_str routes, struct ct_str *uri)
{
    struct ct_str rest;
    bool loose;

    return first_route(routes, uri, &loose, &rest);
}

struct ct_str ct_sip_dialog_next_hop(const struct ct_sip_dialog *dialog)
{
    struct ct_str uri;

    return ct_sip_first_route(dialog->routes, &uri) ? uri : dialog->target;
}

struct ct_str ct_sip_dialog_request_uri(const struct ct_sip_dialog *dialog)
{
    struct ct_str uri;
    struct ct_str rest;
    bool loose;

    return first_route(dialog->routes, &uri, &loose, &rest) && !loose ? uri : dialog->target;
}

static void write_tagged(struct ct_buf *out, enum ct_sip_header_id id, struct ct_str address,
                         struct ct_str tag)
{
    ct_buf_str(out, ct_sip_header_name(id));
    ct_buf_text(out, ": ");
    ct_buf_str(out, address);
    if (tag.len > 0) {
        ct_buf_text(out, ";tag=");
        ct_buf_str(out, tag);
    }
    ct_buf_text(out, "\r\n");
}

static void write_routes(const struct ct_sip_dialog *dialog, struct ct_buf *out)
{
    struct ct_str uri;
    struct ct_str rest;
    bool loose;

    if (!first_route(dialog->routes, &uri, &loose, &rest))
        return;
    if (loose) {
        ct_sip_write_header(out, CT_SIP_H_ROUTE, dialog->routes);
        return;
    }
    /* a strict router finds itself in the Request-URI, and the target behind all others */
    ct_buf_text(out, "Route: ");
    if (rest.len > 0) {
        ct_buf_add(out, rest.at + 1, rest.len - 1);
        ct_buf_char(out, ',');
    }
    ct_buf_char(out, '<');
    ct_buf_str(out, dialog->target);
    ct_buf_text(out, ">\r\n");
}

void ct_sip_dialog_write(const struct ct_sip_dialog *dialog, struct ct_buf *out,
                         struct ct_str method, uint32_t cseq)
{
    ct_sip_write_request_line(out, method, ct_sip_dialog_request_uri(dialog));
    write_routes(dialog, out);
    ct_sip_write_number(out, CT_SIP_H_MAX_FORWARDS, 70);
    write_tagged(out, CT_SIP_H_FROM, dialog->local, dialog->local_tag);
    write_tagged(out, CT_SIP_H_TO, dialog->remote, dialog->remote_tag);
    ct_sip_write_header(out, CT_SIP_H_CALL_ID, dialog->call_id);
    ct_sip_write_cseq(out, cseq, method);
}
