#include "http/faults.h"

void ct_fault_add(struct ct_faults *faults, const struct ct_fault *fault)
{
    struct ct_fault *copy = ct_arena_alloc(faults->arena, sizeof(*copy));
    if (copy == NULL) {
        faults->failed = true;
        return;
    }
    *copy = *fault;
    copy->next = NULL;
    if (faults->last != NULL)
        faults->last->next = copy;
    else
        faults->first = copy;
    faults->last = copy;
}

static void print_one(const struct ct_fault *fault, struct ct_buf *out)
{
    ct_buf_text(out, "{\"type\":");
    ct_buf_json(out, ct_str_of(fault->type));
    ct_buf_text(out, ",\"loc\":[");
    ct_buf_json(out, ct_str_of(fault->place));
    if (fault->field != NULL) {
        ct_buf_char(out, ',');
        ct_buf_json(out, ct_str_of(fault->field));
        if (fault->item > 0) {
            ct_buf_char(out, ',');
            ct_buf_int(out, (int64_t)fault->item - 1);
        }
    } else if (fault->position >= 0) {
        ct_buf_char(out, ',');
        ct_buf_int(out, fault->position);
    }
    ct_buf_text(out, "],\"msg\":");
    ct_buf_json(out, ct_str_of(fault->message));
    if (fault->ctx_name != NULL) {
        ct_buf_text(out, ",\"ctx\":{");
        ct_buf_json(out, ct_str_of(fault->ctx_name));
        ct_buf_char(out, ':');
        if (fault->ctx_text != NULL)
            ct_buf_json(out, ct_str_of(fault->ctx_text));
        else
            ct_buf_int(out, fault->ctx_number);
        ct_buf_char(out, '}');
    }
    ct_buf_char(out, '}');
}

void ct_faults_print(const struct ct_faults *faults, struct ct_buf *out)
{
    ct_buf_text(out, "{\"detail\":[");
    for (const struct ct_fault *fault = faults->first; fault != NULL; fault = fault->next) {
        if (fault != faults->first)
            ct_buf_char(out, ',');
        print_one(fault, out);
    }
    ct_buf_text(out, "]}");
}
