#include "sip/message.h"

#include <string.h>

#include "sip/read.h"

/*
 * One pass over the head finds the lines; then the headers that every message has are read. The first fault that is
 * found is kept, and reading goes on, so that a 400 can be sent with as much of the request as there is.
 */

struct reader {
    struct ct_arena *arena;
    struct ct_sip_message *message;
    struct ct_str text;
    size_t at;
    size_t capacity;               /* of the headers */
    uint16_t last[CT_SIP_H_OTHER]; /* as `first` of a message */
};

static void fault(struct ct_sip_message *message, int status, const char *why)
{
    if (message->fault.status == 0)
        message->fault = (struct ct_sip_fault){status, why};
}

/* ---- the start line ---- */

/* "SIP/2.0 200 OK". False: it is none. */
static bool read_status_line(struct ct_sip_message *message, struct ct_str line)
{
    uint32_t status;

    if (line.len < 11 || line.at[7] != ' ' || strncasecmp(line.at, "SIP/2.0", 7) != 0)
        return false;
    const char *begin = line.at + 8;
    size_t length = line.len - 8;
    const char *space = memchr(begin, ' ', length);
    size_t digits = space == NULL ? length : (size_t)(space - begin);
    if (digits != 3 || !ct_sip_number((struct ct_str){begin, digits}, 699, &status) || status < 100)
        return false;
    message->status = (int)status;
    if (space != NULL)
        message->reason = (struct ct_str){space + 1, length - digits - 1};
    return true;
}

static bool is_version(struct ct_str text)
{
    return text.len >= 4 && strncasecmp(text.at, "SIP/", 4) == 0;
}

/* "INVITE sip:… SIP/2.0". False: there is no method. */
static bool read_request_line(struct ct_sip_message *message, struct ct_str line)
{
    const char *end = line.at + line.len;
    const char *first = memchr(line.at, ' ', line.len);
    const char *last = memrchr(line.at, ' ', line.len);

    if (first == NULL)
        return false;
    message->request = true;
    message->method_name = (struct ct_str){line.at, (size_t)(first - line.at)};
    message->method = ct_sip_method_of(message->method_name);
    if (!ct_sip_is_token(message->method_name))
        return false;
    struct ct_str version = {last + 1, (size_t)(end - last) - 1};
    if (last == first || !is_version(version)) {
        fault(message, 400, "Bad Request Line");
        message->uri.text = ct_sip_trim((struct ct_str){first, (size_t)(end - first)});
        return true;
    }
    if (!ct_str_equal_nocase(version, CT_STR("SIP/2.0")))
        fault(message, 505, "SIP Version Not Supported");
    struct ct_str uri = {first + 1, (size_t)(last - first) - 1};
    /* Headers are for URIs that people follow, not for where a request goes (section 19.1.1). */
    if (!ct_sip_uri_read(uri, &message->uri) || message->uri.headers.len > 0)
        fault(message, 400, "Bad Request-URI");
    message->uri.text = uri;
    return true;
}

/* ---- header lines ---- */

/* A folded value on one line: a line end and the blanks around it become one space (section 7.3.1). */
static bool unfold(struct ct_arena *arena, struct ct_str *value)
{
    char *copy = ct_arena_room(arena, value->len);
    size_t length = 0;

    if (copy == NULL)
        return false;
    for (size_t i = 0; i < value->len; i++) {
        char c = value->at[i];
        bool line_end = c == '\n' || (c == '\r' && i + 1 < value->len && value->at[i + 1] == '\n');
        if (!line_end) {
            copy[length++] = c;
            continue;
        }
        while (length > 0 && (copy[length - 1] == ' ' || copy[length - 1] == '\t'))
            length--;
        while (i + 1 < value->len &&
               (value->at[i + 1] == ' ' || value->at[i + 1] == '\t' || value->at[i + 1] == '\n'))
            i++;
        copy[length++] = ' ';
    }
    *value = (struct ct_str){copy, length};
    return true;
}

#define EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))

/* How many bytes from the beginning hold no control character, eight at a time. (A byte of x - 0x20… has its high bit set
 * when that of x is below 0x20, or borrows from one that is; one of x ^ 0x7F… is zero for DEL. A false alarm does no
 * harm: what follows is looked at byte by byte.) */
static size_t plain_run(struct ct_str value)
{
    size_t at = 0;
    for (; value.len - at >= 8; at += 8) {
        uint64_t x;
        memcpy(&x, value.at + at, sizeof(x));
        uint64_t del = x ^ EIGHT(0x7F);
        if ((((x - EIGHT(0x20)) & ~x) | ((del - EIGHT(1)) & ~del)) & EIGHT(0x80))
            break;
    }
    return at;
}

/* Whether nothing is in a value that could end a line for somebody, or hide: control characters may be there behind a
 * backslash in quotes (section 25.1, quoted-pair), but for CR and LF. */
static bool is_clean(struct ct_str value)
{
    bool quoted = false;
    size_t run = plain_run(value);

    if (value.len - run < 8) {
        /* What is left is short, and seldom anything but plain. */
        while (run < value.len && (unsigned char)value.at[run] >= ' ' && value.at[run] != 0x7F)
            run++;
        if (run == value.len)
            return true;
    }
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if (c == '"') {
            quoted = !quoted;
        } else if (c == '\\' && quoted && i + 1 < value.len) {
            c = (unsigned char)value.at[++i];
            if (c == '\r' || c == '\n')
                return false;
        } else if (c == 0x7F || (c < ' ' && c != '\t')) {
            return false;
        }
    }
    return true;
}

static enum ct_result add_header(struct reader *reader, struct ct_str name, struct ct_str value)
{
    struct ct_sip_message *message = reader->message;
    enum ct_sip_header_id id = ct_sip_header_of(name);

    if (message->header_count == CT_SIP_MAX_HEADERS) {
        fault(message, 400, "Too Many Header Fields");
        return CT_OK;
    }
    if (message->header_count == reader->capacity) {
        size_t capacity = reader->capacity == 0 ? 32 : reader->capacity * 4;
        struct ct_sip_header *headers =
            ct_arena_room(reader->arena, capacity * sizeof(*message->headers));
        if (headers == NULL)
            return CT_NOMEM;
        if (message->header_count > 0)
            memcpy(headers, message->headers, message->header_count * sizeof(*headers));
        message->headers = headers;
        reader->capacity = capacity;
    }
    uint16_t number = (uint16_t)(message->header_count + 1);
    message->headers[message->header_count++] =
        (struct ct_sip_header){.id = id, .name = name, .value = value};
    if (id == CT_SIP_H_OTHER)
        return CT_OK;
    if (message->first[id] == 0) {
        message->first[id] = number;
    } else {
        message->headers[reader->last[id] - 1].next = number;
        if (ct_sip_header_is_single(id))
            fault(message, 400, "A Header Field That May Be There Once Is There Twice");
    }
    reader->last[id] = number;
    return CT_OK;
}

/* Where the line that begins at `at` ends, its folds included; `next` is where the next one begins. False: it does not
 * end. */
static bool find_line(const struct reader *reader, size_t *end, size_t *next, bool *folded)
{
    struct ct_str text = reader->text;
    size_t at = reader->at;

    *folded = false;
    for (;;) {
        const char *newline = at < text.len ? memchr(text.at + at, '\n', text.len - at) : NULL;
        if (newline == NULL)
            return false;
        at = (size_t)(newline - text.at) + 1;
        *next = at;
        *end = at - 1;
        if (*end > reader->at && text.at[*end - 1] == '\r')
            --*end;
        if (*end == reader->at || at == text.len || (text.at[at] != ' ' && text.at[at] != '\t'))
            return true;
        *folded = true;
    }
}

/* Reads all headers; `at` is then at the body. */
static enum ct_result read_headers(struct reader *reader)
{
    struct ct_sip_message *message = reader->message;
    size_t end;
    size_t next;
    bool folded;

    while (find_line(reader, &end, &next, &folded)) {
        struct ct_str line = {reader->text.at + reader->at, end - reader->at};
        reader->at = next;
        if (line.len == 0)
            return CT_OK;
        const char *colon = memchr(line.at, ':', line.len);
        if (colon == NULL) {
            fault(message, 400, "Header Line Without a Colon");
            continue;
        }
        size_t length = (size_t)(colon - line.at);
        struct ct_str name = ct_sip_trim((struct ct_str){line.at, length});
        struct ct_str value = {colon + 1, line.len - length - 1};
        if (folded && !unfold(reader->arena, &value))
            return CT_NOMEM;
        value = ct_sip_trim(value);
        if (name.at != line.at || !ct_sip_is_token(name) || !is_clean(value)) {
            fault(message, 400, "Bad Header Line");
            continue;
        }
        enum ct_result result = add_header(reader, name, value);
        if (result != CT_OK)
            return result;
    }
    fault(message, 400, "No Empty Line Behind the Header Fields");
    reader->at = reader->text.len;
    return CT_OK;
}

/* ---- what every message has ---- */

static void read_via(struct ct_sip_message *message)
{
    struct ct_sip_cursor cursor = {0};
    struct ct_sip_via via;
    struct ct_str value;

    while (ct_sip_next_value(message, CT_SIP_H_VIA, &cursor, &value)) {
        bool good = ct_sip_via_read(value, &via);
        if (!good || !via.version_2 || !ct_sip_params_valid(via.params))
            fault(message, 400, "Bad Via");
        if (message->via_count++ == 0 && good)
            message->via = via;
    }
}

static void read_address(struct ct_sip_message *message, enum ct_sip_header_id id,
                         struct ct_sip_address *out, const char *missing, const char *bad)
{
    if (!ct_sip_has(message, id)) {
        fault(message, 400, missing);
    } else if (!ct_sip_address_read(ct_sip_header(message, id), out) || out->star) {
        *out = (struct ct_sip_address){.star = false};
        fault(message, 400, bad);
    }
}

static void read_contacts(struct ct_sip_message *message)
{
    struct ct_sip_cursor cursor = {0};
    struct ct_sip_address address;
    struct ct_str value;

    while (ct_sip_next_value(message, CT_SIP_H_CONTACT, &cursor, &value))
        if (!ct_sip_address_read(value, &address))
            fault(message, 400, "Bad Contact");
}

static void read_cseq(struct ct_sip_message *message)
{
    struct ct_str value = ct_sip_header(message, CT_SIP_H_CSEQ);
    size_t digits = 0;

    if (value.at == NULL) {
        fault(message, 400, "Missing CSeq");
        return;
    }
    while (digits < value.len && value.at[digits] >= '0' && value.at[digits] <= '9')
        digits++;
    struct ct_str method = ct_sip_trim((struct ct_str){value.at + digits, value.len - digits});
    if (!ct_sip_number((struct ct_str){value.at, digits}, INT32_MAX, &message->cseq) ||
        !ct_sip_is_token(method) || method.at == value.at + digits) {
        fault(message, 400, "Bad CSeq");
        return;
    }
    message->cseq_method_name = method;
    message->cseq_method = ct_sip_method_of(method);
    if (message->request && !ct_str_equal(method, message->method_name))
        fault(message, 400, "CSeq Is of Another Method");
}

static void read_common(struct ct_sip_message *message)
{
    uint32_t number;

    read_via(message);
    read_address(message, CT_SIP_H_FROM, &message->from, "Missing From", "Bad From");
    read_address(message, CT_SIP_H_TO, &message->to, "Missing To", "Bad To");
    message->call_id = ct_sip_header(message, CT_SIP_H_CALL_ID);
    if (message->call_id.len == 0)
        fault(message, 400, "Missing Call-ID");
    else if (memchr(message->call_id.at, ' ', message->call_id.len) != NULL)
        fault(message, 400, "Bad Call-ID");
    read_cseq(message);
    read_contacts(message);
    message->max_forwards = -1;
    if (ct_sip_has(message, CT_SIP_H_MAX_FORWARDS)) {
        if (ct_sip_number(ct_sip_header(message, CT_SIP_H_MAX_FORWARDS), 255, &number))
            message->max_forwards = (int)number;
        else
            fault(message, 400, "Bad Max-Forwards");
    }
    message->content_type = ct_sip_header(message, CT_SIP_H_CONTENT_TYPE);
}

/* ---- the body (sections 18.3 and 20.14) ---- */

static void read_body(struct reader *reader, bool stream)
{
    struct ct_sip_message *message = reader->message;
    struct ct_str rest = {reader->text.at + reader->at, reader->text.len - reader->at};
    uint32_t length = 0;

    if (!ct_sip_has(message, CT_SIP_H_CONTENT_LENGTH)) {
        if (stream)
            fault(message, 400, "Missing Content-Length");
    } else if (!ct_sip_number(ct_sip_header(message, CT_SIP_H_CONTENT_LENGTH), INT32_MAX,
                              &length)) {
        fault(message, 400, "Bad Content-Length");
    } else if (length > rest.len) {
        fault(message, 400, "The Body Is Shorter Than Content-Length Says");
    } else {
        rest.len = length;
    }
    message->body = rest;
    message->bytes = (struct ct_str){reader->text.at, reader->at + rest.len};
}

enum ct_result ct_sip_message_read(struct ct_arena *arena, struct ct_str bytes, bool stream,
                                   struct ct_sip_message **out)
{
    struct ct_sip_message *message = ct_arena_alloc(arena, sizeof(*message));
    struct reader reader = {.arena = arena, .message = message, .text = bytes};
    size_t end;
    size_t next;

    if (message == NULL)
        return CT_NOMEM;
    /* Empty lines in front are passed over (section 7.5). */
    while (reader.text.len > 0 && (reader.text.at[0] == '\r' || reader.text.at[0] == '\n')) {
        reader.text.at++;
        reader.text.len--;
    }
    const char *newline =
        reader.text.len == 0 ? NULL : memchr(reader.text.at, '\n', reader.text.len);
    if (newline == NULL)
        return CT_INVALID;
    next = (size_t)(newline - reader.text.at) + 1;
    end = next >= 2 && reader.text.at[next - 2] == '\r' ? next - 2 : next - 1;
    struct ct_str line = {reader.text.at, end};
    reader.at = next;
    if (!read_status_line(message, line) && (is_version(line) || !read_request_line(message, line)))
        return CT_INVALID;
    if (!is_clean(line))
        fault(message, 400, "Bad Request Line");
    enum ct_result result = read_headers(&reader);
    if (result != CT_OK)
        return result;
    read_common(message);
    if (message->via.host.len == 0)
        return CT_INVALID;
    read_body(&reader, stream);
    *out = message;
    return CT_OK;
}
