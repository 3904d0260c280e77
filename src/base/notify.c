#include "base/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SEND_SECONDS 5

/* A positive decimal number without anything around it, or 0. */
static int64_t positive(const char *text)
{
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return 0;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' && value > 0 ? value : 0;
}

void ct_notify_init(struct ct_notify *notify, const char *socket, const char *watchdog_us,
                    const char *watchdog_pid)
{
    *notify = (struct ct_notify){.address.sun_family = AF_UNIX};
    size_t size = socket == NULL ? 0 : strlen(socket);
    /* as sd_notify(3) has it: an absolute path, or an abstract name behind '@'; one byte is no name */
    if (size < 2 || (socket[0] != '/' && socket[0] != '@') ||
        size >= sizeof(notify->address.sun_path))
        return;
    memcpy(notify->address.sun_path, socket, size);
    if (socket[0] == '@')
        notify->address.sun_path[0] = '\0';
    /* an abstract name has no end but that of the address (unix(7)) */
    notify->address_size = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + size);
    if (watchdog_pid == NULL || positive(watchdog_pid) == getpid())
        notify->watchdog_us = positive(watchdog_us);
}

bool ct_notify_send(const struct ct_notify *notify, const char *lines)
{
    if (notify->address_size == 0)
        return false;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    const struct timeval patience = {.tv_sec = SEND_SECONDS};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    ssize_t sent;
    do
        sent = sendto(fd, lines, strlen(lines), MSG_NOSIGNAL,
                      (const struct sockaddr *)&notify->address, notify->address_size);
    while (sent < 0 && errno == EINTR);
    (void)close(fd);
    return sent >= 0;
}
