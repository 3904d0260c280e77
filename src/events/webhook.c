#include "events/webhook.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "events/address.h"

/* More of a body, or of a header, is not read: what is kept is less, and who sends without end is cut. */
#define MOST_BYTES ((size_t)64 * 1024)

struct transfer {
    struct ct_webhook_sender *sender;
    struct transfer *next, **link;
    CURL *easy;
    struct curl_slist *headers;
    char *url;
    char *body;
    void *ctx;
    char error[CURL_ERROR_SIZE];
    char refused[INET6_ADDRSTRLEN]; /* an address that was not allowed; "": none */
    char reply_headers[CT_WEBHOOK_REPLY_BYTES];
    char reply_body[CT_WEBHOOK_REPLY_BYTES];
    size_t kept_headers, kept_body;
    size_t seen_headers, seen_body;
};

struct ct_webhook_sender {
    CURLM *multi;
    const char *networks;
    struct transfer *first;
    size_t count;
};

enum ct_result ct_webhook_sender_new(const char *networks, struct ct_webhook_sender **out)
{
    struct ct_webhook_sender *sender = calloc(1, sizeof(*sender));
    if (sender == NULL)
        return CT_NOMEM;
    sender->networks = networks;
    /* Counted by the library, and safe from any thread since 7.84. */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        sender->multi = curl_multi_init();
    if (sender->multi == NULL) {
        free(sender);
        return CT_NOMEM;
    }
    (void)curl_multi_setopt(sender->multi, CURLMOPT_MAXCONNECTS, 64L);
    *out = sender;
    return CT_OK;
}

static void free_transfer(struct transfer *transfer)
{
    if (transfer->link != NULL) {
        *transfer->link = transfer->next;
        if (transfer->next != NULL)
            transfer->next->link = transfer->link;
        (void)curl_multi_remove_handle(transfer->sender->multi, transfer->easy);
        transfer->sender->count--;
    }
    if (transfer->easy != NULL)
        curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    free(transfer->url);
    free(transfer->body);
    free(transfer);
}

void ct_webhook_sender_free(struct ct_webhook_sender *sender)
{
    if (sender == NULL)
        return;
    while (sender->first != NULL)
        free_transfer(sender->first);
    (void)curl_multi_cleanup(sender->multi);
    curl_global_cleanup();
    free(sender);
}

/* ---- what the library asks ---- */

/* Every connection of a transfer begins here, with the address that the name was resolved to. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = ctx;
    char text[INET6_ADDRSTRLEN];
    if (purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKET_BAD;
    ct_address_text(&address->addr, (socklen_t)address->addrlen, text);
    if (!ct_address_is_public(&address->addr, (socklen_t)address->addrlen) &&
        !ct_config_in_networks(transfer->sender->networks, text)) {
        memcpy(transfer->refused, text, sizeof(text));
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void keep(char *room, size_t *kept, const char *data, size_t size)
{
    size_t left = CT_WEBHOOK_REPLY_BYTES - *kept;
    size_t count = size < left ? size : left;
    memcpy(room + *kept, data, count);
    *kept += count;
}

static size_t take_header(char *data, size_t one, size_t size, void *ctx)
{
    struct transfer *transfer = ctx;
    (void)one;
    keep(transfer->reply_headers, &transfer->kept_headers, data, size);
    transfer->seen_headers += size;
    return transfer->seen_headers > MOST_BYTES ? 0 : size;
}

static size_t take_body(char *data, size_t one, size_t size, void *ctx)
{
    struct transfer *transfer = ctx;
    (void)one;
    keep(transfer->reply_body, &transfer->kept_body, data, size);
    transfer->seen_body += size;
    return transfer->seen_body > MOST_BYTES ? 0 : size;
}

/* ---- sending ---- */

static bool set_options(struct transfer *transfer, size_t body_size)
{
    CURL *easy = transfer->easy;
    CURLcode bad = CURLE_OK;
#define SET(option, value) bad = bad != CURLE_OK ? bad : curl_easy_setopt(easy, option, value)
    SET(CURLOPT_URL, transfer->url);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDS, transfer->body);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_size);
    SET(CURLOPT_HTTPHEADER, transfer->headers);
    SET(CURLOPT_USERAGENT, "cloud-telephony/" CT_VERSION);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)CT_WEBHOOK_TIMEOUT_MS);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CT_WEBHOOK_CONNECT_TIMEOUT_MS);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, transfer);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, transfer);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, transfer);
    SET(CURLOPT_ERRORBUFFER, transfer->error);
    SET(CURLOPT_PRIVATE, transfer);
#undef SET
    return bad == CURLE_OK;
}

static bool add_headers(struct transfer *transfer, const struct ct_webhook_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        char *line = strndup(request->headers[i].at, request->headers[i].len);
        struct curl_slist *longer =
            line == NULL ? NULL : curl_slist_append(transfer->headers, line);
        free(line);
        if (longer == NULL)
            return false;
        transfer->headers = longer;
    }
    return true;
}

enum ct_result ct_webhook_send(struct ct_webhook_sender *sender,
                               const struct ct_webhook_request *request)
{
    struct transfer *transfer = calloc(1, sizeof(*transfer));
    if (transfer == NULL)
        return CT_NOMEM;
    transfer->sender = sender;
    transfer->ctx = request->ctx;
    transfer->easy = curl_easy_init();
    transfer->url = strndup(request->url.at, request->url.len);
    transfer->body = malloc(request->body.len + 1);
    if (transfer->body != NULL)
        memcpy(transfer->body, request->body.at, request->body.len);
    if (transfer->easy == NULL || transfer->url == NULL || transfer->body == NULL ||
        !add_headers(transfer, request) || !set_options(transfer, request->body.len) ||
        curl_multi_add_handle(sender->multi, transfer->easy) != CURLM_OK) {
        free_transfer(transfer);
        return CT_NOMEM;
    }
    transfer->next = sender->first;
    transfer->link = &sender->first;
    if (transfer->next != NULL)
        transfer->next->link = &transfer->next;
    sender->first = transfer;
    sender->count++;
    return CT_OK;
}

size_t ct_webhook_sending(const struct ct_webhook_sender *sender)
{
    return sender->count;
}

void ct_webhook_wait(struct ct_webhook_sender *sender, int timeout_ms)
{
    int running;
    (void)curl_multi_perform(sender->multi, &running);
    (void)curl_multi_poll(sender->multi, NULL, 0, timeout_ms, NULL);
    (void)curl_multi_perform(sender->multi, &running);
}

void ct_webhook_wake(struct ct_webhook_sender *sender)
{
    (void)curl_multi_wakeup(sender->multi);
}

/* ---- what came of it ---- */

/* How many bytes of a text are one character of UTF-8 and not NUL; 0: none is. */
static size_t character_at(struct ct_str text)
{
    for (size_t size = 1; size <= 4 && size <= text.len; size++) {
        if (text.at[0] != '\0' && ct_utf8_valid((struct ct_str){text.at, size}))
            return size;
    }
    return 0;
}

/* Text for the database, whatever the bytes are. */
static struct ct_str clean(struct ct_arena *arena, const char *data, size_t size)
{
    struct ct_buf out = ct_buf_in(arena);
    for (size_t at = 0; at < size;) {
        size_t count = character_at((struct ct_str){data + at, size - at});
        if (count == 0)
            ct_buf_text(&out, "\xEF\xBF\xBD");
        else
            ct_buf_add(&out, data + at, count);
        at += count == 0 ? 1 : count;
    }
    struct ct_str text = ct_buf_done(&out);
    return out.failed ? (struct ct_str){0} : text;
}

static struct ct_str explain(struct ct_arena *arena, const struct transfer *transfer, CURLcode code)
{
    if (transfer->refused[0] != '\0' && code == CURLE_COULDNT_CONNECT)
        return ct_str_of(ct_arena_printf(arena,
                                         "the host has the address %s, which is not one of the "
                                         "open internet (WEBHOOK_PRIVATE_ADDRESSES)",
                                         transfer->refused));
    const char *text = transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code);
    return clean(arena, text, strlen(text));
}

static void describe(struct ct_arena *arena, struct transfer *transfer, CURLcode code,
                     struct ct_webhook_outcome *out)
{
    long status = 0;
    curl_off_t took_us = 0;
    curl_off_t retry_after_s = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &took_us);
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    *out = (struct ct_webhook_outcome){
        .ctx = transfer->ctx,
        .status = status,
        .duration_ms = (int64_t)took_us / 1000,
        .retry_after_ms = retry_after_s > 0 && retry_after_s < 1000000 ? retry_after_s * 1000 : 0};
    out->reply_headers = clean(arena, transfer->reply_headers, transfer->kept_headers);
    out->reply_body = clean(arena, transfer->reply_body, transfer->kept_body);
    /* Who has sent that much has answered. */
    bool enough = code == CURLE_WRITE_ERROR && transfer->seen_body > MOST_BYTES;
    if (code != CURLE_OK && !enough)
        out->error = explain(arena, transfer, code);
}

bool ct_webhook_next(struct ct_webhook_sender *sender, struct ct_arena *arena,
                     struct ct_webhook_outcome *out)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(sender->multi, &left)) != NULL) {
        struct transfer *transfer = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) != CURLE_OK)
            continue;
        describe(arena, transfer, code, out);
        free_transfer(transfer);
        return true;
    }
    return false;
}
