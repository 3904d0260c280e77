#include "http/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

/* An address of this machine at which no other program is likely to take a port that is free for a moment. */
#define HOST "127.31.41.59"

static bool can_connect(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(HOST)};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected =
        client >= 0 && connect(client, (const struct sockaddr *)&address, sizeof(address)) == 0;
    if (client >= 0)
        (void)close(client);
    return connected;
}

static enum ct_result test_a_port_of_the_kernels_choice(void)
{
    enum ct_result result = CT_OK;
    const char *why = NULL;
    struct ct_listener listener = {.socket = -1};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(ct_listener_bind(arena, HOST, 0, &listener, &why));
    EXPECT(listener.port != 0 && why == NULL);
    EXPECT(!can_connect(listener.port));
    TRY(ct_listener_open(&listener, arena, HOST, &why));
    EXPECT(can_connect(listener.port));
    /* the server waits for all of its connections, never for one */
    int accepted = accept(listener.socket, NULL, NULL);
    EXPECT(accepted >= 0);
    (void)close(accepted);
    EXPECT(accept(listener.socket, NULL, NULL) < 0);
out:
    ct_listener_close(&listener);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_a_port_in_use(void)
{
    enum ct_result result = CT_OK;
    const char *why = NULL;
    struct ct_listener first = {.socket = -1};
    struct ct_listener second = {.socket = -1};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(ct_listener_bind(arena, HOST, 0, &first, &why));
    TRY(ct_listener_open(&first, arena, HOST, &why));
    EXPECT_RESULT(CT_IO, ct_listener_bind(arena, HOST, first.port, &second, &why));
    TRY_MEMORY(why);
    EXPECT(strncmp(why, "PORT ", 5) == 0 && strstr(why, "in use on " HOST) != NULL);
    EXPECT(strchr(why, '\n') == NULL && second.socket == -1 && second.port == 0);
    /* and free again */
    ct_listener_close(&first);
    TRY(ct_listener_bind(arena, HOST, first.port, &second, &why));
    EXPECT(second.port == first.port);
out:
    ct_listener_close(&first);
    ct_listener_close(&second);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_two_that_bind_before_either_listens(void)
{
    enum ct_result result = CT_OK;
    const char *why = NULL;
    struct ct_listener first = {.socket = -1};
    struct ct_listener second = {.socket = -1};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(ct_listener_bind(arena, HOST, 0, &first, &why));
    TRY(ct_listener_bind(arena, HOST, first.port, &second, &why));
    TRY(ct_listener_open(&first, arena, HOST, &why));
    EXPECT_RESULT(CT_IO, ct_listener_open(&second, arena, HOST, &why));
    TRY_MEMORY(why);
    EXPECT(strstr(why, "in use on " HOST) != NULL);
out:
    ct_listener_close(&first);
    ct_listener_close(&second);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_a_host_that_is_none(void)
{
    enum ct_result result = CT_OK;
    const char *why = NULL;
    struct ct_listener listener = {.socket = -1};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    /* a name with an empty label is looked up nowhere */
    EXPECT_RESULT(CT_INVALID, ct_listener_bind(arena, "a..b", 0, &listener, &why));
    TRY_MEMORY(why);
    EXPECT(strncmp(why, "HOST a..b cannot be resolved", 28) == 0 && strchr(why, '\n') == NULL);
    /* RFC 5737: no machine has this address */
    why = NULL;
    EXPECT_RESULT(CT_IO, ct_listener_bind(arena, "192.0.2.1", 0, &listener, &why));
    TRY_MEMORY(why);
    EXPECT(strncmp(why, "HOST 192.0.2.1 is not an address of this machine", 48) == 0);
    EXPECT(listener.socket == -1 && listener.port == 0);
out:
    ct_listener_close(&listener);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_ipv6(void)
{
    enum ct_result result = CT_OK;
    const char *why = NULL;
    struct ct_listener listener = {.socket = -1};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    enum ct_result bound = ct_listener_bind(arena, "::1", 0, &listener, &why);
    /* a machine may be without */
    if (bound == CT_OK)
        EXPECT(listener.port != 0);
    else if (bound == CT_NOMEM)
        result = bound;
    else
        TRY_MEMORY(why);
out:
    ct_listener_close(&listener);
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_a_port_of_the_kernels_choice),
        CT_UNIT(test_a_port_in_use),
        CT_UNIT(test_two_that_bind_before_either_listens),
        CT_UNIT(test_a_host_that_is_none),
        CT_UNIT(test_ipv6),
    };
    return ct_unit_main("http/listen", units, sizeof(units) / sizeof(units[0]));
}
