/*
 * A load that does not wait for the server: RATE requests a second are due whether the ones before have
 * been answered or not, as long as one of CONNECTIONS is free to send them on.
 *
 *   open_loop PORT CONNECTIONS RATE SECONDS FIRST < REQUEST
 *
 * REQUEST is sent as it is, but for "+0000000000000", if it has that, which becomes the number +FIRST and up.
 * The time of a reply counts from when its request was sent. A request that is due while every connection
 * waits for a reply is not sent, and is counted. After SECONDS, replies that are still due are waited
 * for. Prints a line of JSON: what happened in each window of a tenth of a second, by the time of sending.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WINDOW_US 100000
#define WINDOWS 4096
#define PATIENCE_US 30000000
/* A histogram of microseconds: sixteen steps to each power of two. */
#define STEPS 16
#define CELLS (28 * STEPS)
#define REPLY_BYTES 4096
#define PLACE "+0000000000000"

struct window {
    uint32_t sent, unsent, ok, refused, unfit, other, lost;
    uint32_t longest_us;
    uint32_t cells[CELLS]; /* of replies that are 2xx */
};

struct client {
    int fd;
    bool waiting;
    int64_t sent_us;
    size_t got;
    char reply[REPLY_BYTES];
};

struct load {
    struct sockaddr_in address;
    int epoll;
    struct client *clients;
    uint32_t *idle; /* a stack of indexes */
    size_t idle_count, waiting;
    char request[8192];
    size_t request_size, place; /* place 0: no number in it */
    int64_t number, start_us;
    struct window *windows;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static size_t cell_of(uint32_t us)
{
    if (us < STEPS)
        return us;
    unsigned power = 31 - (unsigned)__builtin_clz(us);
    size_t cell = (power - 3) * (size_t)STEPS + ((us >> (power - 4)) & (STEPS - 1));
    return cell < CELLS ? cell : CELLS - 1;
}

/* The middle of a cell. */
static uint32_t us_of(size_t cell)
{
    if (cell < STEPS)
        return (uint32_t)cell;
    unsigned power = (unsigned)(cell / STEPS) + 3;
    uint32_t low = (uint32_t)(STEPS + cell % STEPS) << (power - 4);
    return low + (UINT32_C(1) << (power - 4)) / 2;
}

static uint32_t percentile(const struct window *window, double part)
{
    uint64_t wanted = (uint64_t)((double)window->ok * part);
    uint64_t seen = 0;
    for (size_t i = 0; i < CELLS; i++) {
        seen += window->cells[i];
        if (window->cells[i] > 0 && seen > wanted)
            return us_of(i) < window->longest_us ? us_of(i) : window->longest_us;
    }
    return window->longest_us;
}

static struct window *window_at(struct load *load, int64_t us)
{
    int64_t index = (us - load->start_us) / WINDOW_US;
    return &load->windows[index < 0 ? 0 : index >= WINDOWS ? WINDOWS - 1 : index];
}

static bool open_client(struct load *load, uint32_t index)
{
    struct client *client = &load->clients[index];
    const int on = 1;

    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* one address has some 28,000 ports */
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(0x7f000002 + index / 20000)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.u32 = index};
    return client->fd >= 0 &&
           setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) == 0 &&
           bind(client->fd, (struct sockaddr *)&own, sizeof(own)) == 0 &&
           setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
           connect(client->fd, (struct sockaddr *)&load->address, sizeof(load->address)) == 0 &&
           epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->fd, &event) == 0;
}

static bool send_one(struct load *load, int64_t now)
{
    uint32_t index = load->idle[--load->idle_count];
    struct client *client = &load->clients[index];

    if (load->place > 0) {
        char text[24];
        (void)snprintf(text, sizeof(text), "+%013" PRId64, load->number++);
        memcpy(load->request + load->place, text, sizeof(PLACE) - 1);
    }
    client->sent_us = now;
    client->got = 0;
    client->waiting = true;
    load->waiting++;
    window_at(load, now)->sent++;
    return send(client->fd, load->request, load->request_size, MSG_NOSIGNAL) ==
           (ssize_t)load->request_size;
}

/* The size of the reply that begins in the buffer, or 0 while its headers are not complete. */
static size_t reply_size(struct client *client)
{
    client->reply[client->got] = '\0';
    const char *end = strstr(client->reply, "\r\n\r\n");
    if (end == NULL)
        return 0;
    const char *length = strcasestr(client->reply, "\r\nContent-Length:");
    size_t size = (size_t)(end - client->reply) + 4;
    return length == NULL || length > end ? size : size + strtoul(length + 17, NULL, 10);
}

static void judge(struct load *load, struct client *client, int64_t now)
{
    struct window *window = window_at(load, client->sent_us);
    int status = client->got > 12 ? atoi(client->reply + 9) : 0;
    uint32_t us = (uint32_t)(now - client->sent_us);

    if (status >= 200 && status < 300) {
        window->ok++;
        window->cells[cell_of(us)]++;
        window->longest_us = us > window->longest_us ? us : window->longest_us;
    } else if (status == 503) {
        window->refused++;
        window->unfit += strcasestr(client->reply, "\r\nRetry-After:") == NULL;
    } else {
        window->other++;
    }
}

static bool receive(struct load *load, uint32_t index)
{
    struct client *client = &load->clients[index];
    ssize_t size =
        recv(client->fd, client->reply + client->got, REPLY_BYTES - 1 - client->got, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (size <= 0) {
        if (client->waiting) {
            window_at(load, client->sent_us)->lost++;
            load->waiting--;
            load->idle[load->idle_count++] = index;
            client->waiting = false;
        }
        (void)close(client->fd);
        return open_client(load, index);
    }
    client->got += (size_t)size;
    size_t whole = reply_size(client);
    if (whole > REPLY_BYTES - 1)
        return false;
    if (!client->waiting || whole == 0 || client->got < whole)
        return true;
    judge(load, client, now_us());
    client->waiting = false;
    load->waiting--;
    load->idle[load->idle_count++] = index;
    return true;
}

static bool run(struct load *load, int64_t rate, int64_t duration_us)
{
    struct epoll_event events[512];
    int64_t due = 0;
    for (;;) {
        int64_t now = now_us();
        int64_t passed = now - load->start_us;
        if (passed >= duration_us && (load->waiting == 0 || passed >= duration_us + PATIENCE_US))
            return true;
        int64_t wanted = passed >= duration_us ? due : passed * rate / 1000000;
        while (due < wanted && load->idle_count > 0) {
            due++;
            if (!send_one(load, now))
                return false;
        }
        window_at(load, now)->unsent += (uint32_t)(wanted - due);
        due = wanted;
        int count = epoll_wait(load->epoll, events, 512, 1);
        for (int i = 0; i < count; i++) {
            if (!receive(load, events[i].data.u32))
                return false;
        }
    }
}

static void print(const struct load *load)
{
    size_t last = 0;
    for (size_t i = 0; i < WINDOWS; i++) {
        if (load->windows[i].sent > 0 || load->windows[i].unsent > 0)
            last = i;
    }
    printf("{\"start_us\": %" PRId64 ", \"window_us\": %d, \"unanswered\": %zu, \"windows\": [",
           load->start_us, WINDOW_US, load->waiting);
    for (size_t i = 0; i <= last; i++) {
        const struct window *window = &load->windows[i];
        printf("%s{\"sent\": %u, \"unsent\": %u, \"ok\": %u, \"refused\": %u, \"unfit\": %u, "
               "\"other\": %u, \"lost\": %u, \"p50_us\": %u, \"p99_us\": %u, \"max_us\": %u}",
               i == 0 ? "" : ", ", window->sent, window->unsent, window->ok, window->refused,
               window->unfit, window->other, window->lost, percentile(window, 0.5),
               percentile(window, 0.99), window->longest_us);
    }
    printf("]}\n");
}

int main(int argc, char **argv)
{
    struct load load = {0};
    struct rlimit files;
    if (argc != 6) {
        fprintf(stderr, "usage: open_loop PORT CONNECTIONS RATE SECONDS FIRST < REQUEST\n");
        return 2;
    }
    uint32_t connections = (uint32_t)atoi(argv[2]);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    load.request_size = fread(load.request, 1, sizeof(load.request) - 1, stdin);
    const char *place = strstr(load.request, PLACE);
    load.place = place == NULL ? 0 : (size_t)(place - load.request);
    load.number = atoll(argv[5]);
    load.address = (struct sockaddr_in){.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)atoi(argv[1])),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.clients = calloc(connections, sizeof(*load.clients));
    load.idle = calloc(connections, sizeof(*load.idle));
    load.windows = calloc(WINDOWS, sizeof(*load.windows));
    if (load.epoll < 0 || load.clients == NULL || load.idle == NULL || load.windows == NULL)
        return 1;
    for (uint32_t i = 0; i < connections; i++) {
        if (!open_client(&load, i)) {
            perror("open_loop: connect");
            return 1;
        }
        load.idle[load.idle_count++] = i;
    }
    /* the server accepts them before the load begins: it is requests that are to be too many */
    (void)sleep(1);
    load.start_us = now_us();
    if (!run(&load, atoll(argv[3]), (int64_t)(atof(argv[4]) * 1e6))) {
        perror("open_loop: send or receive");
        return 1;
    }
    print(&load);
    return 0;
}
