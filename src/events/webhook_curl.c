/* The module ct_webhook.so: libcurl. */
#include "events/webhook_module.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

/* More of a body, or of a header, is not read: what is kept is less, and who sends without end is cut. */
#define MOST_BYTES ((size_t)64 * 1024)

struct transfer {
    struct ct_webhook_transfers *transfers;
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

struct ct_webhook_transfers {
    CURLM *multi;
    ct_webhook_allowed *allowed;
    void *allowed_ctx;
    struct transfer *first;
    struct transfer *ended; /* what was told of last */
};

static enum ct_result open_transfers(ct_webhook_allowed *allowed, void *ctx,
                                     struct ct_webhook_transfers **out)
{
    struct ct_webhook_transfers *transfers = calloc(1, sizeof(*transfers));
    if (transfers == NULL)
        return CT_NOMEM;
    transfers->allowed = allowed;
    transfers->allowed_ctx = ctx;
    /* Counted by the library, and safe from any thread since 7.84. */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(transfers);
        return CT_NOMEM;
    }
    transfers->multi = curl_multi_init();
    if (transfers->multi == NULL) {
        curl_global_cleanup();
        free(transfers);
        return CT_NOMEM;
    }
    (void)curl_multi_setopt(transfers->multi, CURLMOPT_MAXCONNECTS, 64L);
    *out = transfers;
    return CT_OK;
}

static void free_transfer(struct transfer *transfer)
{
    if (transfer->link != NULL) {
        *transfer->link = transfer->next;
        if (transfer->next != NULL)
            transfer->next->link = transfer->link;
        (void)curl_multi_remove_handle(transfer->transfers->multi, transfer->easy);
    }
    if (transfer->easy != NULL)
        curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    free(transfer->url);
    free(transfer->body);
    free(transfer);
}

static void close_transfers(struct ct_webhook_transfers *transfers)
{
    while (transfers->first != NULL)
        free_transfer(transfers->first);
    (void)curl_multi_cleanup(transfers->multi);
    curl_global_cleanup();
    free(transfers);
}

/* ---- what the library asks ---- */

/* Every connection of a transfer begins here, with the address that the name was resolved to. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = ctx;
    const struct ct_webhook_transfers *transfers = transfer->transfers;
    char text[INET6_ADDRSTRLEN];
    if (purpose != CURLSOCKTYPE_IPCXN)
        return CURL_SOCKET_BAD;
    if (!transfers->allowed(transfers->allowed_ctx, &address->addr, (socklen_t)address->addrlen,
                            text)) {
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

static enum ct_result send_request(struct ct_webhook_transfers *transfers,
                                   const struct ct_webhook_request *request)
{
    struct transfer *transfer = calloc(1, sizeof(*transfer));
    if (transfer == NULL)
        return CT_NOMEM;
    transfer->transfers = transfers;
    transfer->ctx = request->ctx;
    transfer->easy = curl_easy_init();
    transfer->url = strndup(request->url.at, request->url.len);
    transfer->body = malloc(request->body.len + 1);
    if (transfer->body != NULL)
        memcpy(transfer->body, request->body.at, request->body.len);
    if (transfer->easy == NULL || transfer->url == NULL || transfer->body == NULL ||
        !add_headers(transfer, request) || !set_options(transfer, request->body.len) ||
        curl_multi_add_handle(transfers->multi, transfer->easy) != CURLM_OK) {
        free_transfer(transfer);
        return CT_NOMEM;
    }
    transfer->next = transfers->first;
    transfer->link = &transfers->first;
    if (transfer->next != NULL)
        transfer->next->link = &transfer->next;
    transfers->first = transfer;
    return CT_OK;
}

static void wait_for(struct ct_webhook_transfers *transfers, int wake, int timeout_ms)
{
    struct curl_waitfd look = {.fd = wake, .events = CURL_WAIT_POLLIN};
    int running;
    (void)curl_multi_perform(transfers->multi, &running);
    (void)curl_multi_poll(transfers->multi, &look, 1, timeout_ms, NULL);
    (void)curl_multi_perform(transfers->multi, &running);
}

/* ---- what came of it ---- */

static void describe(struct transfer *transfer, CURLcode code, struct ct_webhook_ended *out)
{
    long status = 0;
    curl_off_t took_us = 0;
    curl_off_t retry_after_s = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &took_us);
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    *out = (struct ct_webhook_ended){
        .ctx = transfer->ctx,
        .status = status,
        .duration_ms = (int64_t)took_us / 1000,
        .retry_after_ms = retry_after_s > 0 && retry_after_s < 1000000 ? retry_after_s * 1000 : 0,
        .reply_headers = {transfer->reply_headers, transfer->kept_headers},
        .reply_body = {transfer->reply_body, transfer->kept_body}};
    /* Who has sent that much has answered. */
    bool enough = code == CURLE_WRITE_ERROR && transfer->seen_body > MOST_BYTES;
    if (code == CURLE_OK || enough)
        return;
    out->error = transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code);
    if (transfer->refused[0] != '\0' && code == CURLE_COULDNT_CONNECT)
        out->refused = transfer->refused;
}

static bool next_ended(struct ct_webhook_transfers *transfers, struct ct_webhook_ended *out)
{
    int left;
    CURLMsg *message;
    if (transfers->ended != NULL)
        free_transfer(transfers->ended);
    transfers->ended = NULL;
    while ((message = curl_multi_info_read(transfers->multi, &left)) != NULL) {
        struct transfer *transfer = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) != CURLE_OK)
            continue;
        describe(transfer, code, out);
        transfers->ended = transfer;
        return true;
    }
    return false;
}

const struct ct_webhook_module ct_webhook_module_table = {.version = CT_VERSION,
                                                          .open = open_transfers,
                                                          .close = close_transfers,
                                                          .send = send_request,
                                                          .wait = wait_for,
                                                          .next = next_ended};
