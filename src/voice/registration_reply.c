#include "voice/registration_reply.h"

#include <time.h>

/* RFC 3261 section 20.17: "Sat, 13 Nov 2010 23:29:00 GMT" */
static void add_date(struct ct_buf *out, int64_t now)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm parts;
    time_t seconds = (time_t)(now / 1000);
    if (gmtime_r(&seconds, &parts) == NULL)
        return;
    ct_buf_printf(out, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n",
                  days + (ptrdiff_t)3 * parts.tm_wday, parts.tm_mday,
                  months + (ptrdiff_t)3 * parts.tm_mon, parts.tm_year + 1900, parts.tm_hour,
                  parts.tm_min, parts.tm_sec);
}

static void add_contact(struct ct_buf *out, const struct ct_location *location, int64_t now)
{
    const struct ct_binding *binding = &location->binding;
    int64_t left = (binding->expires_at - now + 500) / 1000;
    ct_buf_text(out, "Contact: <");
    ct_buf_str(out, binding->contact);
    ct_buf_text(out, ">;expires=");
    ct_buf_int(out, left > 0 ? left : 0);
    if (binding->q < 1000) {
        ct_buf_text(out, ";q=0.");
        ct_buf_digits(out, binding->q, 3);
    }
    if (binding->instance.len > 0) {
        ct_buf_text(out, ";+sip.instance=\"");
        ct_buf_str(out, binding->instance);
        ct_buf_char(out, '"');
    }
    if (location->reg_id > 0) {
        ct_buf_text(out, ";reg-id=");
        ct_buf_int(out, location->reg_id);
    }
    ct_buf_text(out, "\r\n");
}

void ct_registration_write(struct ct_buf *out, struct ct_location_list list, struct ct_str path,
                           int64_t now)
{
    for (size_t i = 0; i < list.count; i++)
        add_contact(out, (const struct ct_location *)(const void *)list.all[i], now);
    if (path.len > 0) {
        ct_buf_text(out, "Path: ");
        ct_buf_str(out, path);
        ct_buf_text(out, "\r\n");
    }
    ct_buf_text(out, "Supported: path\r\n");
    add_date(out, now);
}
