/* What a REGISTER changes (RFC 3261 section 10.3, RFC 5626 section 6). */
#include "voice/registration_plan.h"

#include "sip/uri.h"

/* The bindings of a device while a REGISTER is looked at. */
struct view {
    struct ct_registration_plan *plan;
    struct ct_location_list list;
    bool used[CT_CONTACTS_MOST];    /* places that have a binding now or then */
    bool touched[CT_CONTACTS_MOST]; /* by this request */
};

static const struct ct_location *at(const struct view *view, size_t index)
{
    return (const struct ct_location *)(const void *)view->list.all[index];
}

static bool is_same_contact(struct ct_str a, struct ct_str b)
{
    struct ct_sip_uri first;
    struct ct_sip_uri second;
    return ct_sip_uri_read(a, &first) && ct_sip_uri_read(b, &second) &&
           ct_sip_uri_equal(&first, &second);
}

static const struct ct_location *match(const struct view *view,
                                       const struct ct_registration_contact *contact)
{
    for (size_t i = 0; i < view->list.count; i++) {
        const struct ct_location *location = at(view, i);
        if (contact->reg_id > 0 && contact->instance.len > 0) {
            if (location->reg_id == contact->reg_id &&
                ct_str_equal(location->binding.instance, contact->instance))
                return location;
        } else if (is_same_contact(location->binding.contact, contact->uri)) {
            return location;
        }
    }
    return NULL;
}

/* RFC 3261 section 10.3, steps 6 and 7: what was changed by a later request stays. */
static bool is_overtaken(const struct view *view, const struct ct_location *location)
{
    const struct ct_registration_wish *wish = view->plan->wish;
    return ct_str_equal(location->call_id, wish->call_id) && wish->cseq <= location->cseq;
}

static struct ct_registration_change *add_change(struct view *view, enum ct_registration_kind kind,
                                                 int64_t place)
{
    struct ct_registration_plan *plan = view->plan;
    struct ct_registration_change *change = &plan->changes[plan->count++];
    change->kind = kind;
    change->row.device_id = plan->device_id;
    change->row.place = place;
    view->touched[place] = true;
    return change;
}

static bool copy(struct ct_arena *arena, struct ct_str text, struct ct_str *out)
{
    *out = (struct ct_str){ct_arena_copy(arena, text.at, text.len), text.len};
    return out->at != NULL;
}

/* Locations may go while the disk is waited for. */
static enum ct_result remove_location(struct view *view, const struct ct_location *location)
{
    struct ct_registration_change *change =
        add_change(view, CT_REGISTRATION_REMOVE, location->place);
    return copy(view->plan->arena, location->binding.contact, &change->row.contact) ? CT_OK
                                                                                    : CT_NOMEM;
}

/* A free place, or that of the binding that was registered the longest ago. -1: this request has them all. */
static int64_t find_place(const struct view *view)
{
    const struct ct_location *oldest = NULL;
    size_t most = view->plan->contacts_max;
    size_t used = 0;
    for (size_t i = 0; i < CT_CONTACTS_MOST; i++)
        used += view->used[i] ? 1 : 0;
    for (size_t i = 0; used < most && i < CT_CONTACTS_MOST; i++)
        if (!view->used[i])
            return (int64_t)i;
    for (size_t i = 0; i < view->list.count; i++)
        if (!view->touched[at(view, i)->place] &&
            (oldest == NULL || at(view, i)->registered_at <= oldest->registered_at))
            oldest = at(view, i);
    return oldest == NULL ? -1 : oldest->place;
}

static enum ct_result put_contact(struct view *view, const struct ct_registration_contact *contact,
                                  enum ct_registration_kind kind, int64_t place)
{
    struct ct_registration_plan *plan = view->plan;
    struct ct_buf source = ct_buf_in(plan->arena);
    ct_sip_socket_write(&source, &plan->from->peer);
    struct ct_registration_change *change = add_change(view, kind, place);
    change->row.contact = contact->uri;
    change->row.path = plan->wish->path;
    change->row.user_agent = plan->wish->user_agent;
    change->row.instance = contact->instance;
    change->row.reg_id = contact->reg_id;
    change->row.transport = ct_sip_transport_param(plan->from->transport);
    change->row.source = ct_buf_done(&source);
    change->row.node = plan->node;
    change->row.q = contact->q;
    change->row.call_id = plan->wish->call_id;
    change->row.cseq = plan->wish->cseq;
    change->row.registered_at = plan->now;
    change->row.expires_at = plan->now + contact->expires_s * 1000;
    view->used[place] = true;
    return source.failed ? CT_NOMEM : CT_OK;
}

static bool is_repeated(const struct ct_registration_plan *plan, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (is_same_contact(plan->wish->contacts[i].uri, plan->wish->contacts[index].uri))
            return true;
    return false;
}

/* 0, or what the request is answered with; nothing of it is done then. */
static enum ct_result plan_contact(struct view *view, size_t index)
{
    const struct ct_registration_contact *contact = &view->plan->wish->contacts[index];
    const struct ct_location *location = match(view, contact);
    if (is_repeated(view->plan, index) || (location != NULL && view->touched[location->place]))
        return CT_OK;
    if (location != NULL && is_overtaken(view, location)) {
        view->plan->status = 500;
        return CT_OK;
    }
    if (location != NULL && contact->expires_s == 0)
        return remove_location(view, location);
    if (location != NULL)
        return put_contact(view, contact, CT_REGISTRATION_UPDATE, location->place);
    if (contact->expires_s == 0)
        return CT_OK;
    int64_t place = find_place(view);
    if (place < 0) {
        view->plan->status = 403;
        return CT_OK;
    }
    return put_contact(view, contact, CT_REGISTRATION_ADD, place);
}

enum ct_result ct_registration_plan(struct ct_registration_plan *plan)
{
    struct view view = {.plan = plan, .list = plan->list};
    enum ct_result result = CT_OK;
    size_t most = plan->list.count + plan->wish->count;
    plan->status = 0;
    plan->count = 0;
    plan->changes = ct_arena_alloc(plan->arena, most * sizeof(plan->changes[0]));
    if (plan->changes == NULL)
        return CT_NOMEM;
    for (size_t i = 0; i < view.list.count; i++)
        view.used[at(&view, i)->place] = true;
    for (size_t i = 0; plan->wish->star && result == CT_OK && i < view.list.count; i++) {
        if (is_overtaken(&view, at(&view, i)))
            plan->status = 500;
        else
            result = remove_location(&view, at(&view, i));
    }
    for (size_t i = 0; result == CT_OK && plan->status == 0 && i < plan->wish->count; i++)
        result = plan_contact(&view, i);
    return result;
}
