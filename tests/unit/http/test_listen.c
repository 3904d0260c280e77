#include "http/listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

static enum ct_result test_a_port_of_the_kernels_choice(void)
{
    enum ct_result result = CT_OK;
    const char *why = NULL;
    int listening = -1;
    int client = -1;
    uint16_t port = 0;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(ct_listen(arena, "127.0.0.1", 0, &listening, &port, &why));
    EXPECT(port != 0 && why == NULL);
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT(client >= 0);
    EXPECT(connect(client, (const struct sockaddr *)&address, sizeof(address)) == 0);
    client = (close(client), -1);
    /* the server waits for all of its connections, never for one */
    int accepted = accept(listening, NULL, NULL);
    EXPECT(accepted >= 0);
    (void)close(accepted);
    EXPECT(accept(listening, NULL, NULL) < 0);
out:
    if (client >= 0)
        (void)close(client);
    if (listening >= 0)
        (void)close(listening);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_a_port_in_use(void)
{
    enum ct_result result = CT_OK;
    const char *why = NULL;
    int first = -1;
    int second = -1;
    uint16_t port = 0;
    uint16_t none = 0;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(ct_listen(arena, "127.0.0.1", 0, &first, &port, &why));
    EXPECT_RESULT(CT_IO, ct_listen(arena, "127.0.0.1", port, &second, &none, &why));
    TRY_MEMORY(why);
    EXPECT(strncmp(why, "PORT ", 5) == 0 && strstr(why, "in use on 127.0.0.1") != NULL);
    EXPECT(strchr(why, '\n') == NULL && second == -1 && none == 0);
    /* and free again */
    first = (close(first), -1);
    TRY(ct_listen(arena, "127.0.0.1", port, &first, &none, &why));
    EXPECT(none == port);
out:
    if (first >= 0)
        (void)close(first);
    if (second >= 0)
        (void)close(second);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_a_host_that_is_none(void)
{
    enum ct_result result = CT_OK;
    const char *why = NULL;
    int listening = -1;
    uint16_t port = 0;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    /* a name with an empty label is looked up nowhere */
    EXPECT_RESULT(CT_INVALID, ct_listen(arena, "a..b", 0, &listening, &port, &why));
    TRY_MEMORY(why);
    EXPECT(strncmp(why, "HOST a..b cannot be resolved", 28) == 0 && strchr(why, '\n') == NULL);
    /* RFC 5737: no machine has this address */
    why = NULL;
    EXPECT_RESULT(CT_IO, ct_listen(arena, "192.0.2.1", 0, &listening, &port, &why));
    TRY_MEMORY(why);
    EXPECT(strncmp(why, "HOST 192.0.2.1 is not an address of this machine", 48) == 0);
    EXPECT(listening == -1 && port == 0);
out:
    if (listening >= 0)
        (void)close(listening);
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_ipv6(void)
{
    enum ct_result result = CT_OK;
    const char *why = NULL;
    int listening = -1;
    uint16_t port = 0;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    enum ct_result listened = ct_listen(arena, "::1", 0, &listening, &port, &why);
    /* a machine may be without */
    if (listened == CT_OK)
        EXPECT(port != 0);
    else if (listened == CT_NOMEM)
        result = listened;
    else
        TRY_MEMORY(why);
out:
    if (listening >= 0)
        (void)close(listening);
    ct_arena_free(arena);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_a_port_of_the_kernels_choice),
        CT_UNIT(test_a_port_in_use),
        CT_UNIT(test_a_host_that_is_none),
        CT_UNIT(test_ipv6),
    };
    return ct_unit_main("http/listen", units, sizeof(units) / sizeof(units[0]));
}
