#include "events/courier.h"

#include <arpa/inet.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>

#include "room.h"

/** A courier that nobody but the test moves on, and a receiver that is a socket. */
struct stage {
    struct scratch scratch;
    struct ct_courier *courier;
    int listening;
    int64_t webhook_id;
    int64_t now_ms;
};

static enum ct_result set_with(struct stage *stage, const char *networks, const char *module)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    char url[64];
    memset(stage, 0, sizeof(*stage));
    stage->now_ms = NOW;
    stage->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(stage->listening, (struct sockaddr *)&address, size) != 0 ||
        listen(stage->listening, 8) != 0 ||
        getsockname(stage->listening, (struct sockaddr *)&address, &size) != 0)
        return CT_IO;
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
    enum ct_result result = open_with_users(&stage->scratch);
    if (result == CT_OK)
        result = make_webhook(&stage->scratch, ALICE, url, "*", &stage->webhook_id);
    const struct ct_courier_options options = {.store = stage->scratch.store,
                                               .networks = networks,
                                               .module = module,
                                               .keep_ms = 7 * DAY,
                                               .still = true};
    return result == CT_OK ? ct_courier_new(&options, &stage->courier) : result;
}

static enum ct_result set(struct stage *stage, const char *networks)
{
    return set_with(stage, networks, NULL);
}

static void strike(struct stage *stage)
{
    ct_courier_free(stage->courier);
    if (stage->listening > 0)
        (void)close(stage->listening);
    scratch_close(&stage->scratch);
}

static bool readable(int fd)
{
    struct pollfd look = {.fd = fd, .events = POLLIN};
    return poll(&look, 1, 0) == 1;
}

/* Takes one request and answers it. */
static bool serve(struct stage *stage, const char *answer)
{
    char request[4096];
    int fd = accept4(stage->listening, NULL, NULL, SOCK_CLOEXEC);
    ssize_t size = 0;
    while (size >= 0 && fd >= 0) {
        ssize_t more = recv(fd, request + size, sizeof(request) - 1 - (size_t)size, MSG_DONTWAIT);
        if (more == 0)
            break;
        if (more > 0)
            size += more;
        request[size] = '\0';
        if (strstr(request, "\r\n\r\n{") != NULL && request[size - 1] == '}')
            break;
        ct_courier_wait(stage->courier, 1);
    }
    bool done = fd >= 0 && send(fd, answer, strlen(answer), MSG_NOSIGNAL) > 0;
    if (fd >= 0)
        (void)close(fd);
    return done;
}

/* Turns until a request comes (and is answered) or nothing is on its way: whether one came. */
static bool turn(struct stage *stage, const char *answer)
{
    bool served = false;
    for (int i = 0; i < 4; i++)
        ct_courier_turn(stage->courier, stage->now_ms);
    while (ct_courier_count(stage->courier) > 0) {
        ct_courier_wait(stage->courier, 5);
        if (!served && readable(stage->listening))
            served = serve(stage, answer);
        ct_courier_turn(stage->courier, stage->now_ms);
    }
    return served;
}

#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define BAD "HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

/* For want of memory it may come later than it should: a lease later at most. */
#define TURN_UNTIL_SERVED(answer)                 \
    do {                                          \
        if (!turn(&stage, answer)) {              \
            stage.now_ms += CT_DELIVERY_LEASE_MS; \
            (void)turn(&stage, answer);           \
            result = CT_NOMEM;                    \
            goto out;                             \
        }                                         \
    } while (0)

static enum ct_result test_backoff(void)
{
    enum ct_result result;
    struct stage stage;
    int64_t due;
    int64_t attempts = 0;

    TRY(set(&stage, "127.0.0.0/8"));
    TRY(write_event(&stage.scratch, ALICE, CT_EVENT_CALL_ENDED, 1, NOW));
    for (;;) {
        attempts++;
        TURN_UNTIL_SERVED(BAD);
        TRY(number_of(&stage.scratch, "SELECT attempts FROM webhook_deliveries", &due));
        if (due != attempts)
            result = CT_NOMEM;
        TRY(result);
        TRY(number_of(&stage.scratch, "SELECT due_at FROM webhook_deliveries", &due));
        if (due == -1)
            break;
        int64_t longest = attempts > 10 ? 3600000 : INT64_C(5000) << (attempts - 1);
        longest = longest > 3600000 ? 3600000 : longest;
        if (due > stage.now_ms + 3600000)
            result = CT_NOMEM; /* the lease */
        TRY(result);
        EXPECT(due >= stage.now_ms + longest / 2 && due <= stage.now_ms + longest);
        stage.now_ms = due - 1;
        EXPECT(!turn(&stage, BAD));
        stage.now_ms = due;
    }
    EXPECT(stage.now_ms <= NOW + DAY && stage.now_ms >= NOW + DAY - 3600000);
    EXPECT(attempts >= 30 && attempts < 70);
    EXPECT_NUMBER(1, &stage.scratch, "SELECT status = 'failed' FROM webhook_deliveries");
out:
    strike(&stage);
    return result;
}

static enum ct_result test_delivering(void)
{
    enum ct_result result;
    struct stage stage;

    TRY(set(&stage, "127.0.0.1"));
    TRY(write_event(&stage.scratch, ALICE, CT_EVENT_CALL_ENDED, 1, NOW));
    TURN_UNTIL_SERVED(GOOD);
    EXPECT_NUMBER(1, &stage.scratch,
                  "SELECT status IN ('delivered', 'sending') FROM webhook_deliveries");
    stage.now_ms += DAY;
    EXPECT(!turn(&stage, GOOD) || ct_courier_count(stage.courier) == 0);
out:
    strike(&stage);
    return result;
}

static const char *beside_this_program(char path[PATH_MAX], const char *name)
{
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 64);
    while (size > 0 && path[size - 1] != '/')
        size--;
    (void)strcpy(path + (size > 0 ? size : 0), name);
    return path;
}

/* What cannot be sent stays due, as often as it is tried, and goes when it can. */
static enum ct_result test_modules_that_are_none(void)
{
    enum ct_result result;
    struct stage stage;
    char path[PATH_MAX];
    const char *const others[] = {"/nowhere/ct_webhook.so", "/proc/self/status",
                                  beside_this_program(path, "older_webhook.so")};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        TRY(set_with(&stage, "127.0.0.0/8", others[i]));
        TRY(write_event(&stage.scratch, ALICE, CT_EVENT_CALL_ENDED, 1, NOW));
        EXPECT(!turn(&stage, GOOD));
        EXPECT(!turn(&stage, GOOD));
        EXPECT_NUMBER(0, &stage.scratch,
                      "SELECT count(*) FROM webhook_deliveries WHERE status <> 'pending' "
                      "OR attempts > 0");
        ct_courier_free(stage.courier);
        stage.courier = NULL;
        const struct ct_courier_options options = {.store = stage.scratch.store,
                                                   .networks = "127.0.0.0/8",
                                                   .keep_ms = 7 * DAY,
                                                   .still = true};
        TRY(ct_courier_new(&options, &stage.courier));
        TURN_UNTIL_SERVED(GOOD);
        strike(&stage);
        memset(&stage, 0, sizeof(stage));
    }
out:
    strike(&stage);
    return result;
}

static enum ct_result test_private_addresses(void)
{
    enum ct_result result;
    struct stage stage;

    TRY(set(&stage, "10.0.0.0/8"));
    TRY(write_event(&stage.scratch, ALICE, CT_EVENT_CALL_ENDED, 1, NOW));
    EXPECT(!turn(&stage, GOOD));
    EXPECT(!readable(stage.listening));
    int64_t refused;
    TRY(number_of(&stage.scratch,
                  "SELECT count(*) FROM webhook_deliveries WHERE status = 'pending' AND error LIKE "
                  "'the host has the address 127.0.0.1, which is not one of the open internet%'",
                  &refused));
    if (refused == 0)
        result = CT_NOMEM;
    TRY(result);
out:
    strike(&stage);
    return result;
}

static enum ct_result test_keeping(void)
{
    enum ct_result result;
    struct stage stage;
    int64_t left;

    TRY(set(&stage, ""));
    TRY(execute(&stage.scratch, "DELETE FROM webhooks"));
    for (int64_t i = 0; i < 3; i++)
        TRY(write_event(&stage.scratch, ALICE, CT_EVENT_CALL_ENDED, 1, NOW + i * DAY));
    stage.now_ms = NOW + 8 * DAY;
    (void)turn(&stage, GOOD);
    TRY(number_of(&stage.scratch, "SELECT count(*) FROM events", &left));
    if (left == 3)
        result = CT_NOMEM;
    TRY(result);
    EXPECT(left == 2);
out:
    strike(&stage);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_backoff), CT_UNIT(test_delivering),
                                           CT_UNIT(test_private_addresses), CT_UNIT(test_keeping),
                                           CT_UNIT(test_modules_that_are_none)};
    return ct_unit_main("courier", units, sizeof(units) / sizeof(units[0]));
}
