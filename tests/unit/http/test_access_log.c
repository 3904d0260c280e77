#include "http/access_log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

/** A log in memory, and the request that it tells of. */
struct book {
    struct ct_config config;
    struct ct_server_options server;
    struct ct_exchange *exchange;
    int file;
    char text[1024];
};

static const struct ct_route route = {.method = CT_GET, .pattern = "/things/{id}"};

static enum ct_result book_open(struct book *book, enum ct_log_level level)
{
    char path[64];
    *book = (struct book){.config = {.trusted_proxies = "", .cors_origins = ""},
                          .file = memfd_create("log", MFD_CLOEXEC)};
    book->server.config = &book->config;
    if (book->file < 0)
        return CT_IO;
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", book->file);
    enum ct_result result = ct_log_open(path, CT_LOG_JSON, level, &book->server.log);
    if (result != CT_OK)
        return result;
    book->exchange = ct_exchange_new(&book->server, "/things/7?token=secret");
    if (book->exchange == NULL)
        return CT_NOMEM;
    book->exchange->id = "id-1";
    book->exchange->match.route = &route;
    book->exchange->call.user_id = 9;
    book->exchange->reply.body = CT_STR("0123456789");
    return CT_OK;
}

static void book_close(struct book *book)
{
    if (book->exchange != NULL)
        ct_exchange_free(book->exchange);
    ct_log_close(book->server.log);
    if (book->file >= 0)
        (void)close(book->file);
}

/* What has been written since the last time. CT_NOMEM: nothing; a line is not worth failing for. */
static enum ct_result book_read(struct book *book)
{
    ssize_t size = pread(book->file, book->text, sizeof(book->text) - 1, 0);
    book->text[size < 0 ? 0 : size] = '\0';
    if (ftruncate(book->file, 0) != 0)
        return CT_IO;
    return size > 0 ? CT_OK : CT_NOMEM;
}

static bool tells(const struct book *book, const char *part)
{
    return strstr(book->text, part) != NULL;
}

/* Without memory a line tells of the client what it knows. */
#define EXPECT_CLIENT(part)                                         \
    do {                                                            \
        if (!tells(&book, part)) {                                  \
            ct_unit_report("tells(" #part ")", __FILE__, __LINE__); \
            result = CT_NOMEM;                                      \
            goto out;                                               \
        }                                                           \
    } while (0)

static enum ct_result test_a_request(void)
{
    static const struct sockaddr_in peer = {.sin_family = AF_INET,
                                            .sin_addr.s_addr = 0x0200000A}; /* 10.0.0.2 */
    enum ct_result result = CT_OK;
    struct book book;

    TRY(book_open(&book, CT_LOG_INFO));
    ct_access_log(book.exchange, (const struct sockaddr *)&peer, 200);
    TRY(book_read(&book));
    EXPECT(tells(&book, "\"level\":\"info\",\"event\":\"request\",\"id\":\"id-1\",\"method\":"
                        "\"GET\",\"route\":\"/things/{id}\",\"status\":200,\"bytes\":10,\"ms\":"));
    EXPECT(tells(&book, ",\"user\":9,\"client\":"));
    EXPECT_CLIENT("\"client\":\"10.0.0.2\"}\n");
    EXPECT(!tells(&book, "secret") && !tells(&book, "things/7"));
    EXPECT(strchr(book.text, '\n') == book.text + strlen(book.text) - 1);
out:
    book_close(&book);
    return result;
}

/* A path or a method that nobody knows may hold what nobody should read. */
static enum ct_result test_what_is_not_known(void)
{
    enum ct_result result = CT_OK;
    struct book book;

    TRY(book_open(&book, CT_LOG_INFO));
    book.exchange->match.route = NULL;
    book.exchange->method = CT_METHOD_COUNT;
    book.exchange->id = NULL;
    ct_access_log(book.exchange, NULL, CT_STATUS_CLIENT_GONE);
    TRY(book_read(&book));
    EXPECT(tells(&book, "\"id\":\"\",\"method\":\"-\",\"route\":\"-\",\"status\":499,"));
    EXPECT(tells(&book, "\"client\":\"-\"}\n"));
    book.exchange->method = CT_HEAD;
    ct_access_log(book.exchange, NULL, 200);
    TRY(book_read(&book));
    EXPECT(tells(&book, "\"method\":\"HEAD\"") && tells(&book, "\"bytes\":0,"));
out:
    book_close(&book);
    return result;
}

static enum ct_result test_garbage(void)
{
    static const struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = 0x0200000A};
    enum ct_result result = CT_OK;
    struct book book;

    TRY(book_open(&book, CT_LOG_INFO));
    ct_access_log_garbage(book.server.log, "id-2", (const struct sockaddr *)&peer, 400, 57);
    TRY(book_read(&book));
    EXPECT(tells(&book, "\"event\":\"request\",\"id\":\"id-2\",\"method\":\"-\",\"route\":\"-\","
                        "\"status\":400,\"bytes\":57,\"ms\":0.000,\"user\":0,"
                        "\"client\":\"10.0.0.2\"}\n"));
    ct_access_log_garbage(book.server.log, "id-3", NULL, 400, 57);
    TRY(book_read(&book));
    EXPECT(tells(&book, "\"client\":\"-\"}\n"));
out:
    book_close(&book);
    return result;
}

static enum ct_result test_a_log_for_warnings_only(void)
{
    enum ct_result result = CT_OK;
    struct book book;

    TRY(book_open(&book, CT_LOG_WARNING));
    ct_access_log(book.exchange, NULL, 200);
    ct_access_log_garbage(book.server.log, "id-2", NULL, 400, 57);
    EXPECT(book_read(&book) == CT_NOMEM && book.text[0] == '\0');
out:
    book_close(&book);
    return result;
}

/* Who sent it: the connection's other end, or whom trusted proxies name. */
static enum ct_result test_clients_behind_proxies(void)
{
    static const struct {
        const char *trusted;
        const char *forwarded;
        const char *client; /* of a request from 10.0.0.2 */
    } cases[] = {
        {"", NULL, "10.0.0.2"},
        {"", "1.1.1.1", "10.0.0.2"},
        {"10.0.0.3", "1.1.1.1", "10.0.0.2"},
        {"10.0.0.2", "1.1.1.1", "1.1.1.1"},
        {"10.0.0.0/8", " 1.1.1.1 ", "1.1.1.1"},
        {"10.0.0.0/8", "", "10.0.0.2"},
        {"10.0.0.0/8", NULL, "10.0.0.2"},
        /* what a client writes itself stands in front */
        {"10.0.0.0/8", "9.9.9.9, 1.1.1.1", "1.1.1.1"},
        {"10.0.0.0/8", "9.9.9.9, 1.1.1.1,10.0.0.7", "1.1.1.1"},
        {"10.0.0.0/8", "10.0.0.9,10.0.0.8", "10.0.0.9"},
        {"10.0.0.0/8", "2001:db8::1", "2001:db8::1"},
        {"10.0.0.0/8,2001:db8::/32", "1.1.1.1, 2001:db8::1", "1.1.1.1"},
        /* nothing but addresses: no way to write something else into the log */
        {"10.0.0.0/8", "unknown", "10.0.0.2"},
        {"10.0.0.0/8", "1.1.1.1:80", "10.0.0.2"},
        {"10.0.0.0/8", "1.1.1.1, x", "10.0.0.2"},
        {"10.0.0.0/8", "1.1.1.1,", "10.0.0.2"},
        {"10.0.0.0/8", "1.1.1.1, 10.0.0.7, x, 10.0.0.8", "10.0.0.8"},
        {"10.0.0.0/8", "[2001:db8::1]", "10.0.0.2"},
        {"10.0.0.0/8", "1.1.1.1\"}", "10.0.0.2"},
        {"0.0.0.0/0", "9.9.9.9, 1.1.1.1", "9.9.9.9"},
    };
    enum ct_result result = CT_OK;
    struct sockaddr_in peer = {.sin_family = AF_INET};
    struct book book;

    TRY(book_open(&book, CT_LOG_INFO));
    EXPECT(inet_pton(AF_INET, "10.0.0.2", &peer.sin_addr) == 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[64];
        (void)snprintf(expected, sizeof(expected), "\"client\":\"%s\"}\n", cases[i].client);
        book.config.trusted_proxies = cases[i].trusted;
        book.exchange->headers.forwarded_for =
            cases[i].forwarded == NULL ? (struct ct_str){0} : ct_str_of(cases[i].forwarded);
        ct_access_log(book.exchange, (const struct sockaddr *)&peer, 200);
        TRY(book_read(&book));
        EXPECT_CLIENT(expected);
    }
out:
    book_close(&book);
    return result;
}

static enum ct_result test_ipv6_clients(void)
{
    enum ct_result result = CT_OK;
    struct sockaddr_in6 peer = {.sin6_family = AF_INET6};
    struct book book;

    TRY(book_open(&book, CT_LOG_INFO));
    EXPECT(inet_pton(AF_INET6, "::ffff:10.0.0.2", &peer.sin6_addr) == 1);
    /* a socket for both kinds sees IPv4 so */
    book.config.trusted_proxies = "10.0.0.0/8";
    book.exchange->headers.forwarded_for = CT_STR("1.1.1.1");
    ct_access_log(book.exchange, (const struct sockaddr *)&peer, 200);
    TRY(book_read(&book));
    EXPECT_CLIENT("\"client\":\"1.1.1.1\"}\n");
    EXPECT(inet_pton(AF_INET6, "2001:db8::7", &peer.sin6_addr) == 1);
    ct_access_log(book.exchange, (const struct sockaddr *)&peer, 200);
    TRY(book_read(&book));
    EXPECT_CLIENT("\"client\":\"2001:db8::7\"}\n");
    peer.sin6_family = AF_UNIX;
    ct_access_log(book.exchange, (const struct sockaddr *)&peer, 200);
    TRY(book_read(&book));
    EXPECT(tells(&book, "\"client\":\"-\"}\n"));
out:
    book_close(&book);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_a_request),
        CT_UNIT(test_what_is_not_known),
        CT_UNIT(test_garbage),
        CT_UNIT(test_a_log_for_warnings_only),
        CT_UNIT(test_clients_behind_proxies),
        CT_UNIT(test_ipv6_clients),
    };
    return ct_unit_main("http/access_log", units, sizeof(units) / sizeof(units[0]));
}
