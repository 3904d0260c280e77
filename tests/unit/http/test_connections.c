#include "http/connections.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "harness.h"

static const struct ct_connections_options options = {
    .request_s = 600, .idle_s = 600, .max_per_address = 2, .trusted = "192.0.2.128/25"};

struct pair {
    struct ct_connection_watch watch;
    int ends[2];
    bool added;
};

static bool open_pair(struct ct_connections *connections, struct pair *pair, const char *peer)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair->ends) != 0)
        return false;
    pair->added = true;
    return ct_connections_add(connections, &pair->watch, pair->ends[0], peer);
}

static void close_pair(struct ct_connections *connections, struct pair *pair)
{
    if (!pair->added)
        return;
    ct_connections_remove(connections, &pair->watch);
    (void)close(pair->ends[0]);
    (void)close(pair->ends[1]);
    pair->added = false;
}

/* Waits until nothing more can be read from the server's end. */
static bool is_cut_off(struct pair *pair)
{
    char byte;
    return recv(pair->ends[0], &byte, 1, 0) == 0;
}

static bool is_open(struct pair *pair)
{
    char byte;
    return recv(pair->ends[0], &byte, 1, MSG_DONTWAIT) < 0;
}

static enum ct_result test_too_slow(void)
{
    enum ct_result result = CT_OK;
    struct ct_connections *connections = NULL;
    struct pair pairs[4] = {0};
    const int64_t now = ct_clock_monotonic_us();
    const int64_t past = now - INT64_C(601000000);

    TRY(ct_connections_new(&options, &connections));
    for (size_t i = 0; i < 4; i++)
        EXPECT(open_pair(connections, &pairs[i], i < 2 ? "192.0.2.1" : "192.0.2.2"));
    ct_connection_began(connections, &pairs[0].watch, now);
    /* so long ago that it is over, but it is the server's turn, or the next request's */
    ct_connection_began(connections, &pairs[1].watch, past);
    ct_connection_complete(&pairs[1].watch);
    ct_connection_replied(connections, &pairs[2].watch, past);
    ct_connection_began(connections, &pairs[3].watch, past);
    EXPECT(is_cut_off(&pairs[3]));
    EXPECT(is_open(&pairs[0]) && is_open(&pairs[1]) && is_open(&pairs[2]));
    /* a silent one has had the time of both */
    ct_connection_replied(connections, &pairs[2].watch, past - INT64_C(600000000));
    EXPECT(is_cut_off(&pairs[2]));
    /* what is still to be sent gets out */
    EXPECT(send(pairs[2].ends[0], "x", 1, MSG_NOSIGNAL) == 1);
out:
    for (size_t i = 0; i < 4; i++)
        close_pair(connections, &pairs[i]);
    ct_connections_free(connections);
    return result;
}

static enum ct_result test_too_many(void)
{
    enum ct_result result = CT_OK;
    struct ct_connections *connections = NULL;
    struct pair pairs[12] = {0};
    const char *const peers[] = {"192.0.2.1",   "192.0.2.1",   "192.0.2.2",   "2001:db8::1",
                                 "2001:db8::2", "192.0.2.200", "192.0.2.200", "192.0.2.200"};

    TRY(ct_connections_new(&options, &connections));
    for (size_t i = 0; i < 8; i++)
        EXPECT(open_pair(connections, &pairs[i], peers[i]));
    bool fits = open_pair(connections, &pairs[8], "192.0.2.1");
    TRY(fits ? CT_NOMEM : CT_OK); /* who cannot be counted is let in */
    EXPECT(is_cut_off(&pairs[8]));
    fits = open_pair(connections, &pairs[9], "2001:db8::ffff"); /* of the same /64 */
    TRY(fits ? CT_NOMEM : CT_OK);
    close_pair(connections, &pairs[8]);
    close_pair(connections, &pairs[0]);
    EXPECT(open_pair(connections, &pairs[10], "192.0.2.1"));
    fits = open_pair(connections, &pairs[11], "192.0.2.1");
    TRY(fits ? CT_NOMEM : CT_OK);
out:
    for (size_t i = 0; i < 12; i++)
        close_pair(connections, &pairs[i]);
    ct_connections_free(connections);
    return result;
}

static enum ct_result test_freeing_nothing(void)
{
    ct_connections_free(NULL);
    return CT_OK;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_too_slow),
        CT_UNIT(test_too_many),
        CT_UNIT(test_freeing_nothing),
    };
    return ct_unit_main("http/connections", units, sizeof(units) / sizeof(units[0]));
}
