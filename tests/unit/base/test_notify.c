#include "base/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

/* A datagram socket at an address, which nobody has to read at once. */
static int listen_at(const struct sockaddr_un *address, socklen_t size)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)address, size) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static bool hears(int fd, const char *expected)
{
    char text[256];
    ssize_t size = recv(fd, text, sizeof(text), 0);
    return size == (ssize_t)strlen(expected) && memcmp(text, expected, (size_t)size) == 0;
}

static enum ct_result test_a_path(void)
{
    enum ct_result result = CT_OK;
    struct ct_notify notify;
    char folder[] = "/tmp/ct-notify-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = -1;
    EXPECT(mkdtemp(folder) != NULL);
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
    ct_notify_init(&notify, address.sun_path, NULL, NULL);
    EXPECT(!ct_notify_send(&notify, "READY=1")); /* nobody is there yet */
    fd = listen_at(&address, sizeof(address));
    EXPECT(fd >= 0);
    EXPECT(ct_notify_send(&notify, "READY=1\nSTATUS=Well"));
    EXPECT(ct_notify_send(&notify, "STOPPING=1"));
    EXPECT(hears(fd, "READY=1\nSTATUS=Well"));
    EXPECT(hears(fd, "STOPPING=1"));
    EXPECT(notify.watchdog_us == 0);
out:
    if (fd >= 0)
        (void)close(fd);
    (void)unlink(address.sun_path);
    (void)rmdir(folder);
    return result;
}

static enum ct_result test_an_abstract_name(void)
{
    enum ct_result result = CT_OK;
    struct ct_notify notify;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    int size = snprintf(name, sizeof(name), "@ct-notify-%d", (int)getpid());
    memcpy(address.sun_path + 1, name + 1, (size_t)size - 1);
    int fd =
        listen_at(&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)size));
    EXPECT(fd >= 0);
    ct_notify_init(&notify, name, NULL, NULL);
    EXPECT(ct_notify_send(&notify, "WATCHDOG=1"));
    EXPECT(hears(fd, "WATCHDOG=1"));
out:
    if (fd >= 0)
        (void)close(fd);
    return result;
}

/* The longest path has room for no end, which the kernel would take too; systemd refuses it as well. */
static enum ct_result test_what_is_no_address(void)
{
    enum ct_result result = CT_OK;
    struct ct_notify notify;
    struct sockaddr_un *address = &notify.address;
    char longest[sizeof(address->sun_path) + 1];
    memset(longest, 'x', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    const char *const wrong[] = {NULL, "", "/", "@", "notify", "vsock:2:1234", longest};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ct_notify_init(&notify, wrong[i], "1000000", NULL);
        EXPECT(notify.address_size == 0 && notify.watchdog_us == 0);
        EXPECT(!ct_notify_send(&notify, "READY=1"));
    }
    longest[sizeof(longest) - 2] = '\0';
    ct_notify_init(&notify, longest, NULL, NULL);
    EXPECT(notify.address_size == sizeof(struct sockaddr_un) - 1);
out:
    return result;
}

static enum ct_result test_the_watchdog(void)
{
    enum ct_result result = CT_OK;
    struct ct_notify notify;
    char own[32];
    char other[32];
    (void)snprintf(own, sizeof(own), "%d", (int)getpid());
    (void)snprintf(other, sizeof(other), "%d", (int)getpid() + 1);
    const struct {
        const char *us, *pid;
        int64_t expected;
    } cases[] = {{"60000000", NULL, 60000000},
                 {"60000000", own, 60000000},
                 {"60000000", other, 0},
                 {"60000000", "", 0},
                 {"0", NULL, 0},
                 {"", NULL, 0},
                 {"-1", NULL, 0},
                 {"+1", NULL, 0},
                 {" 1", NULL, 0},
                 {"1s", NULL, 0},
                 {"99999999999999999999", NULL, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ct_notify_init(&notify, "/nowhere", cases[i].us, cases[i].pid);
        EXPECT(notify.watchdog_us == cases[i].expected);
    }
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_a_path),
        CT_UNIT(test_an_abstract_name),
        CT_UNIT(test_what_is_no_address),
        CT_UNIT(test_the_watchdog),
    };
    return ct_unit_main("base/notify", units, sizeof(units) / sizeof(units[0]));
}
