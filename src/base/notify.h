#ifndef CT_BASE_NOTIFY_H
#define CT_BASE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

/**
 * What a service tells the manager that started it (systemd): the protocol of sd_notify(3) and
 * sd_watchdog_enabled(3), one datagram of NAME=value lines a message.
 */
struct ct_notify {
    struct sockaddr_un address;
    uint32_t address_size; /* 0: nobody wants to know */
    int64_t watchdog_us;   /* how often it wants a sign of life at least; 0: never */
};

/** Prepares it from the values of NOTIFY_SOCKET (a path, or @NAME in the abstract name space),
 * WATCHDOG_USEC (microseconds) and WATCHDOG_PID (for whom that is meant); NULL is unset. What is not
 * understood is as if it were unset. */
void ct_notify_init(struct ct_notify *notify, const char *socket, const char *watchdog_us,
                    const char *watchdog_pid);
/** Sends @p lines, "READY=1\nSTATUS=…". False when there is nobody, or it was not taken within 5 seconds:
 * nothing that a service could do about it. */
bool ct_notify_send(const struct ct_notify *notify, const char *lines);

#endif
