#include "http/access_log.h"

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
    book->exchange = ct_exchange_new(&book->server, NULL, "/things/7?token=secret");
    if (book->exchange == NULL)
        return CT_NOMEM;
    book->exchange->id = "id-1";
    book->exchange->match.route = &route;
    book->exchange->call.user_id = 9;
    book->exchange->address = CT_STR("10.0.0.2");
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

static enum ct_result test_a_request(void)
{
    enum ct_result result = CT_OK;
    struct book book;

    TRY(book_open(&book, CT_LOG_INFO));
    ct_access_log(book.exchange, 200, 1500);
    TRY(book_read(&book));
    EXPECT(tells(&book, "\"level\":\"info\",\"event\":\"request\",\"id\":\"id-1\",\"method\":"
                        "\"GET\",\"route\":\"/things/{id}\",\"status\":200,\"bytes\":10,\"ms\":"));
    EXPECT(tells(&book, ",\"user\":9,\"client\":\"10.0.0.2\"}\n"));
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
    book.exchange->address = CT_STR("-");
    book.exchange->method = CT_METHOD_COUNT;
    book.exchange->id = NULL;
    ct_access_log(book.exchange, CT_STATUS_CLIENT_GONE, 1500);
    TRY(book_read(&book));
    EXPECT(tells(&book, "\"id\":\"\",\"method\":\"-\",\"route\":\"-\",\"status\":499,"));
    EXPECT(tells(&book, "\"client\":\"-\"}\n"));
    book.exchange->method = CT_HEAD;
    ct_access_log(book.exchange, 200, 1500);
    TRY(book_read(&book));
    EXPECT(tells(&book, "\"method\":\"HEAD\"") && tells(&book, "\"bytes\":0,"));
out:
    book_close(&book);
    return result;
}

static enum ct_result test_garbage(void)
{
    enum ct_result result = CT_OK;
    struct book book;

    TRY(book_open(&book, CT_LOG_INFO));
    ct_access_log_garbage(book.server.log, "id-2", "10.0.0.2", 400, 57);
    TRY(book_read(&book));
    EXPECT(tells(&book, "\"event\":\"request\",\"id\":\"id-2\",\"method\":\"-\",\"route\":\"-\","
                        "\"status\":400,\"bytes\":57,\"ms\":0.000,\"user\":0,"
                        "\"client\":\"10.0.0.2\"}\n"));
    ct_access_log_garbage(book.server.log, "id-3", "-", 400, 57);
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
    ct_access_log(book.exchange, 200, 1500);
    ct_access_log_garbage(book.server.log, "id-2", "-", 400, 57);
    EXPECT(book_read(&book) == CT_NOMEM && book.text[0] == '\0');
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
    };
    return ct_unit_main("http/access_log", units, sizeof(units) / sizeof(units[0]));
}
