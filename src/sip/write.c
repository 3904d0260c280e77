#include "sip/write.h"

#include <assert.h>
#include <string.h>

#include "sip/read.h"

#define CRLF "\r\n"

static const struct {
    int status;
    struct ct_str reason;
} reasons[] = {
#define REASON(status, text)       \
    {                              \
        status,                    \
        {                          \
            text, sizeof(text) - 1 \
        }                          \
    }
    REASON(100, "Trying"),
    REASON(180, "Ringing"),
    REASON(181, "Call Is Being Forwarded"),
    REASON(182, "Queued"),
    REASON(183, "Session Progress"),
    REASON(199, "Early Dialog Terminated"),
    REASON(200, "OK"),
    REASON(202, "Accepted"),
    REASON(204, "No Notification"),
    REASON(300, "Multiple Choices"),
    REASON(301, "Moved Permanently"),
    REASON(302, "Moved Temporarily"),
    REASON(305, "Use Proxy"),
    REASON(380, "Alternative Service"),
    REASON(400, "Bad Request"),
    REASON(401, "Unauthorized"),
    REASON(402, "Payment Required"),
    REASON(403, "Forbidden"),
    REASON(404, "Not Found"),
    REASON(405, "Method Not Allowed"),
    REASON(406, "Not Acceptable"),
    REASON(407, "Proxy Authentication Required"),
    REASON(408, "Request Timeout"),
    REASON(410, "Gone"),
    REASON(412, "Conditional Request Failed"),
    REASON(413, "Request Entity Too Large"),
    REASON(414, "Request-URI Too Long"),
    REASON(415, "Unsupported Media Type"),
    REASON(416, "Unsupported URI Scheme"),
    REASON(417, "Unknown Resource-Priority"),
    REASON(420, "Bad Extension"),
    REASON(421, "Extension Required"),
    REASON(422, "Session Interval Too Small"),
    REASON(423, "Interval Too Brief"),
    REASON(428, "Use Identity Header"),
    REASON(429, "Provide Referrer Identity"),
    REASON(430, "Flow Failed"),
    REASON(433, "Anonymity Disallowed"),
    REASON(436, "Bad Identity Info"),
    REASON(437, "Unsupported Credential"),
    REASON(438, "Invalid Identity Header"),
    REASON(439, "First Hop Lacks Outbound Support"),
    REASON(469, "Bad Info Package"),
    REASON(480, "Temporarily Unavailable"),
    REASON(481, "Call/Transaction Does Not Exist"),
    REASON(482, "Loop Detected"),
    REASON(483, "Too Many Hops"),
    REASON(484, "Address Incomplete"),
    REASON(485, "Ambiguous"),
    REASON(486, "Busy Here"),
    REASON(487, "Request Terminated"),
    REASON(488, "Not Acceptable Here"),
    REASON(489, "Bad Event"),
    REASON(491, "Request Pending"),
    REASON(493, "Undecipherable"),
    REASON(494, "Security Agreement Required"),
    REASON(500, "Server Internal Error"),
    REASON(501, "Not Implemented"),
    REASON(502, "Bad Gateway"),
    REASON(503, "Service Unavailable"),
    REASON(504, "Server Time-out"),
    REASON(505, "Version Not Supported"),
    REASON(513, "Message Too Large"),
    REASON(580, "Precondition Failure"),
    REASON(600, "Busy Everywhere"),
    REASON(603, "Decline"),
    REASON(604, "Does Not Exist Anywhere"),
    REASON(606, "Not Acceptable"),
#undef REASON
};

struct ct_str ct_sip_reason(int status)
{
    static const struct ct_str classes[] = {{"Session Progress", 16}, {"OK", 2},
                                            {"Redirection", 11},      {"Bad Request", 11},
                                            {"Server Error", 12},     {"Declined", 8}};
    size_t low = 0;
    size_t high = sizeof(reasons) / sizeof(reasons[0]);

    assert(status >= 100 && status <= 699);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (reasons[middle].status == status)
            return reasons[middle].reason;
        if (reasons[middle].status < status)
            low = middle + 1;
        else
            high = middle;
    }
    return classes[status / 100 - 1];
}

/* What is written stays on its line. */
static void add_text(struct ct_buf *out, struct ct_str text)
{
    assert(text.len == 0 ||
           (memchr(text.at, '\r', text.len) == NULL && memchr(text.at, '\n', text.len) == NULL));
    ct_buf_str(out, text);
}

static void add(struct ct_buf *out, struct ct_str text)
{
    ct_buf_add(out, text.at, text.len);
}

void ct_sip_write_request_line(struct ct_buf *out, struct ct_str method, struct ct_str uri)
{
    add_text(out, method);
    ct_buf_char(out, ' ');
    add_text(out, uri);
    add(out, CT_STR(" SIP/2.0" CRLF));
}

void ct_sip_write_status_line(struct ct_buf *out, int status, struct ct_str reason)
{
    add(out, CT_STR("SIP/2.0 "));
    ct_buf_int(out, status);
    ct_buf_char(out, ' ');
    add_text(out, reason.len > 0 ? reason : ct_sip_reason(status));
    add(out, CT_STR(CRLF));
}

void ct_sip_write_named(struct ct_buf *out, struct ct_str name, struct ct_str value)
{
    add_text(out, name);
    add(out, CT_STR(": "));
    add_text(out, value);
    add(out, CT_STR(CRLF));
}

void ct_sip_write_header(struct ct_buf *out, enum ct_sip_header_id id, struct ct_str value)
{
    ct_sip_write_named(out, ct_sip_header_name(id), value);
}

void ct_sip_write_number(struct ct_buf *out, enum ct_sip_header_id id, int64_t value)
{
    add(out, ct_sip_header_name(id));
    add(out, CT_STR(": "));
    ct_buf_int(out, value);
    add(out, CT_STR(CRLF));
}

void ct_sip_write_cseq(struct ct_buf *out, uint32_t number, struct ct_str method)
{
    add(out, CT_STR("CSeq: "));
    ct_buf_int(out, number);
    ct_buf_char(out, ' ');
    add_text(out, method);
    add(out, CT_STR(CRLF));
}

void ct_sip_write_local(struct ct_buf *out, const struct ct_sip_local *local)
{
    add_text(out, local->host);
    if (local->port != 0) {
        ct_buf_char(out, ':');
        ct_buf_int(out, local->port);
    }
}

void ct_sip_write_via(struct ct_buf *out, const struct ct_sip_local *local, struct ct_str branch,
                      bool rport)
{
    add(out, CT_STR("Via: SIP/2.0/"));
    add(out, ct_sip_transport_name(local->transport));
    ct_buf_char(out, ' ');
    ct_sip_write_local(out, local);
    add(out, CT_STR(";branch="));
    add_text(out, branch);
    if (rport)
        add(out, CT_STR(";rport"));
    add(out, CT_STR(CRLF));
}

void ct_sip_write_contact_uri(struct ct_buf *out, struct ct_str user,
                              const struct ct_sip_local *local)
{
    add(out, CT_STR("sip:"));
    if (user.len > 0) {
        ct_sip_escape_user(out, user);
        ct_buf_char(out, '@');
    }
    ct_sip_write_local(out, local);
    if (local->transport != CT_SIP_UDP) {
        add(out, CT_STR(";transport="));
        add(out, ct_sip_transport_param(local->transport));
    }
}

void ct_sip_write_body(struct ct_buf *out, struct ct_str type, struct ct_str body)
{
    if (body.len > 0)
        ct_sip_write_header(out, CT_SIP_H_CONTENT_TYPE, type);
    add(out, CT_STR("Content-Length: "));
    ct_buf_int(out, (int64_t)body.len);
    add(out, CT_STR(CRLF CRLF));
    ct_buf_str(out, body);
}

/* ---- replies ---- */

struct ct_sip_hop ct_sip_reply_hop(const struct ct_sip_message *request,
                                   const struct ct_sip_hop *from)
{
    struct ct_sip_hop hop = *from;
    if (!ct_sip_reliable(hop.transport) && !request->via.has_rport)
        hop.peer.port =
            request->via.port != 0 ? request->via.port : ct_sip_default_port(hop.transport);
    return hop;
}

/* Whether the sender's address is not what sent-by says (section 18.2.1), or has to be told anyway (RFC 3581). */
static bool needs_received(const struct ct_sip_via *via, const struct ct_sip_hop *from)
{
    struct ct_sip_socket said;
    if (via->has_rport || via->received.len > 0 || !ct_sip_address_parse(via->host, &said))
        return true;
    return said.family != from->peer.family ||
           memcmp(said.bytes, from->peer.bytes, sizeof(said.bytes)) != 0;
}

static void write_top_via(struct ct_buf *out, const struct ct_sip_via *via,
                          const struct ct_sip_hop *from)
{
    struct ct_str name;
    struct ct_str value;
    size_t head = via->params.len == 0 ? via->text.len : (size_t)(via->params.at - via->text.at);

    add(out, CT_STR("Via: "));
    if (!needs_received(via, from)) {
        add_text(out, via->text);
        add(out, CT_STR(CRLF));
        return;
    }
    add_text(out, ct_sip_trim((struct ct_str){via->text.at, head}));
    for (size_t at = 0; ct_sip_next_param(via->params, &at, &name, &value);) {
        if (ct_str_equal_nocase(name, CT_STR("received")))
            continue;
        ct_buf_char(out, ';');
        add_text(out, name);
        if (ct_str_equal_nocase(name, CT_STR("rport"))) {
            ct_buf_char(out, '=');
            ct_buf_int(out, from->peer.port);
        } else if (value.len > 0) {
            ct_buf_char(out, '=');
            add_text(out, value);
        }
    }
    add(out, CT_STR(";received="));
    ct_sip_address_write(out, &from->peer);
    add(out, CT_STR(CRLF));
}

static void copy_all(struct ct_buf *out, const struct ct_sip_message *request,
                     enum ct_sip_header_id id)
{
    for (uint16_t i = request->first[id]; i != 0; i = request->headers[i - 1].next)
        ct_sip_write_header(out, id, request->headers[i - 1].value);
}

void ct_sip_write_reply_head(struct ct_buf *out, const struct ct_sip_message *request,
                             const struct ct_sip_hop *from, struct ct_str to_tag, int64_t *tag_at)
{
    struct ct_sip_cursor cursor = {0};
    struct ct_str value;
    bool top = true;

    while (ct_sip_next_value(request, CT_SIP_H_VIA, &cursor, &value)) {
        if (top)
            write_top_via(out, &request->via, from);
        else
            ct_sip_write_header(out, CT_SIP_H_VIA, value);
        top = false;
    }
    copy_all(out, request, CT_SIP_H_FROM);
    if (tag_at != NULL)
        *tag_at = -1;
    if (ct_sip_has(request, CT_SIP_H_TO)) {
        add(out, CT_STR("To: "));
        add_text(out, ct_sip_header(request, CT_SIP_H_TO));
        if (request->to.tag.len == 0) {
            if (tag_at != NULL)
                *tag_at = (int64_t)out->len;
            if (to_tag.len > 0) {
                add(out, CT_STR(";tag="));
                add_text(out, to_tag);
            }
        }
        add(out, CT_STR(CRLF));
    }
    copy_all(out, request, CT_SIP_H_CALL_ID);
    copy_all(out, request, CT_SIP_H_CSEQ);
    copy_all(out, request, CT_SIP_H_TIMESTAMP);
}

void ct_sip_write_record_routes(struct ct_buf *out, const struct ct_sip_message *request)
{
    copy_all(out, request, CT_SIP_H_RECORD_ROUTE);
}

void ct_sip_write_reply_rest(struct ct_buf *out, struct ct_str name,
                             const struct ct_sip_reply_options *options)
{
    if (options->contact.len > 0)
        ct_sip_write_header(out, CT_SIP_H_CONTACT, options->contact);
    ct_buf_str(out, options->headers);
    if (name.len > 0)
        ct_sip_write_header(out, CT_SIP_H_SERVER, name);
    ct_sip_write_body(out, options->content_type, options->body);
}
