#include "events/webhook.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/module.h"
#include "config/config.h"
#include "events/address.h"
#include "events/webhook_module.h"

#define MODULE_NAME "ct_webhook.so"

struct ct_webhook_sender {
    struct ct_webhook_options options;
    const struct ct_webhook_module *module; /* NULL: not loaded yet */
    struct ct_webhook_transfers *transfers; /* the module's */
    size_t count;
    int wake; /* an eventfd */
    bool failure_logged;
};

enum ct_result ct_webhook_sender_new(const struct ct_webhook_options *options,
                                     struct ct_webhook_sender **out)
{
    struct ct_webhook_sender *sender = calloc(1, sizeof(*sender));
    if (sender == NULL)
        return CT_NOMEM;
    sender->options = *options;
    sender->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (sender->wake < 0) {
        free(sender);
        return CT_IO;
    }
    *out = sender;
    return CT_OK;
}

void ct_webhook_sender_free(struct ct_webhook_sender *sender)
{
    if (sender == NULL)
        return;
    if (sender->module != NULL)
        sender->module->close(sender->transfers);
    (void)close(sender->wake);
    free(sender);
}

/* ---- the module ---- */

static bool is_allowed(void *ctx, const struct sockaddr *address, socklen_t size,
                       char text[INET6_ADDRSTRLEN])
{
    const struct ct_webhook_sender *sender = ctx;
    ct_address_text(address, size, text);
    return ct_address_is_public(address, size) ||
           ct_config_in_networks(sender->options.networks, text);
}

static void say_why_not(struct ct_webhook_sender *sender, const char *why)
{
    if (!sender->failure_logged)
        CT_LOG(sender->options.log, CT_LOG_ERROR, "webhooks_not_loaded",
               CT_F_TEXT("module", MODULE_NAME), CT_F_TEXT("why", why));
    sender->failure_logged = true;
}

static enum ct_result load(struct ct_webhook_sender *sender, struct ct_arena *arena)
{
    const char *path = sender->options.module;
    const char *why = NULL;
    enum ct_result result = path == NULL ? ct_module_find(arena, MODULE_NAME, &path, &why) : CT_OK;
    if (result == CT_NOMEM)
        return CT_NOMEM;
    const struct ct_webhook_module *module =
        result == CT_OK ? ct_module_open(path, CT_WEBHOOK_MODULE_SYMBOL, &why) : NULL;
    if (module == NULL) {
        say_why_not(sender, why);
        return CT_UNAVAILABLE;
    }
    result = module->open(is_allowed, sender, &sender->transfers);
    if (result == CT_OK)
        sender->module = module;
    return result;
}

enum ct_result ct_webhook_load(struct ct_webhook_sender *sender)
{
    if (sender->module != NULL)
        return CT_OK;
    struct ct_arena *arena = ct_arena_new();
    enum ct_result result = arena == NULL ? CT_NOMEM : load(sender, arena);
    ct_arena_free(arena);
    return result;
}

/* ---- sending ---- */

enum ct_result ct_webhook_send(struct ct_webhook_sender *sender,
                               const struct ct_webhook_request *request)
{
    enum ct_result result = ct_webhook_load(sender);
    if (result == CT_OK)
        result = sender->module->send(sender->transfers, request);
    if (result == CT_OK)
        sender->count++;
    return result;
}

size_t ct_webhook_sending(const struct ct_webhook_sender *sender)
{
    return sender->count;
}

void ct_webhook_wait(struct ct_webhook_sender *sender, int timeout_ms)
{
    struct pollfd look = {.fd = sender->wake, .events = POLLIN};
    eventfd_t times;
    if (sender->module != NULL)
        sender->module->wait(sender->transfers, sender->wake, timeout_ms);
    else
        (void)poll(&look, 1, timeout_ms);
    (void)eventfd_read(sender->wake, &times);
}

void ct_webhook_wake(struct ct_webhook_sender *sender)
{
    (void)eventfd_write(sender->wake, 1);
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

static struct ct_str explain(struct ct_arena *arena, const struct ct_webhook_ended *ended)
{
    if (ended->refused != NULL)
        return ct_str_of(ct_arena_printf(arena,
                                         "the host has the address %s, which is not one of the "
                                         "open internet (WEBHOOK_PRIVATE_ADDRESSES)",
                                         ended->refused));
    return clean(arena, ended->error, strlen(ended->error));
}

bool ct_webhook_next(struct ct_webhook_sender *sender, struct ct_arena *arena,
                     struct ct_webhook_outcome *out)
{
    struct ct_webhook_ended ended;
    if (sender->module == NULL || !sender->module->next(sender->transfers, &ended))
        return false;
    sender->count--;
    *out = (struct ct_webhook_outcome){
        .ctx = ended.ctx,
        .status = ended.status,
        .duration_ms = ended.duration_ms,
        .retry_after_ms = ended.retry_after_ms,
        .reply_headers = clean(arena, ended.reply_headers.at, ended.reply_headers.len),
        .reply_body = clean(arena, ended.reply_body.at, ended.reply_body.len)};
    if (ended.error != NULL)
        out->error = explain(arena, &ended);
    return true;
}
