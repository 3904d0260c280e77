#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "harness.h"

/* A folder of its own for each test, and the log in it. */
struct place {
    char folder[64];
    char path[80];
    char old[80];
};

static enum ct_result place_make(struct place *place)
{
    snprintf(place->folder, sizeof(place->folder), "/tmp/ct-log-XXXXXX");
    if (mkdtemp(place->folder) == NULL)
        return CT_IO;
    snprintf(place->path, sizeof(place->path), "%s/log", place->folder);
    snprintf(place->old, sizeof(place->old), "%s/log.1", place->folder);
    return CT_OK;
}

static void place_remove(const struct place *place)
{
    (void)unlink(place->path);
    (void)unlink(place->old);
    (void)rmdir(place->folder);
}

/* The whole file, terminated; "" when it cannot be read. */
static void read_file(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t got;

    while (fd >= 0 && length + 1 < size && (got = read(fd, out + length, size - 1 - length)) > 0)
        length += (size_t)got;
    out[length] = '\0';
    if (fd >= 0)
        close(fd);
}

static size_t count_lines(const char *text)
{
    size_t lines = 0;

    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

static enum ct_result test_journal_line(void)
{
    enum ct_result result = CT_OK;
    struct place place;
    struct ct_log *log = NULL;
    char text[1024];

    TRY(place_make(&place));
    TRY(ct_log_open(place.path, CT_LOG_JOURNAL, CT_LOG_DEBUG, &log));
    ct_log_write(log, CT_LOG_DEBUG, "one", NULL);
    ct_log_write(log, CT_LOG_INFO, "two", NULL);
    ct_log_write(log, CT_LOG_WARNING, "three", NULL);
    CT_LOG(log, CT_LOG_ERROR, "four", CT_F_TEXT("id", "a\n<0>b"), CT_F_INT("status", -5));
    read_file(place.path, text, sizeof(text));
    TRY_MEMORY(count_lines(text) < 4 ? NULL : log);
    EXPECT(strcmp(text, "<7>one\n<6>two\n<4>three\n<3>four id=\"a\\n<0>b\" status=-5\n") == 0);
out:
    ct_log_close(log);
    place_remove(&place);
    return result;
}

static enum ct_result test_json_line(void)
{
    enum ct_result result = CT_OK;
    struct place place;
    struct ct_log *log = NULL;
    char text[1024];

    TRY(place_make(&place));
    TRY(ct_log_open(place.path, CT_LOG_JSON, CT_LOG_INFO, &log));
    CT_LOG(log, CT_LOG_INFO, "request", CT_F_TEXT("id", "a\"b\n"), CT_F_INT("status", -5),
           CT_F_US("ms", 1234567), CT_F_TEXT("none", NULL), CT_F_STR("str", CT_STR("x")));
    read_file(place.path, text, sizeof(text));
    TRY_MEMORY(text[0] == '\0' ? NULL : log);
    /* {"time":"2026-01-31T12:00:00.000Z","level":… */
    EXPECT(strncmp(text, "{\"time\":\"20", 11) == 0);
    EXPECT(strcmp(text + 34, ",\"level\":\"info\",\"event\":\"request\",\"id\":\"a\\\"b\\n\","
                             "\"status\":-5,\"ms\":1234.567,\"none\":\"\",\"str\":\"x\"}\n") == 0);
out:
    ct_log_close(log);
    place_remove(&place);
    return result;
}

static enum ct_result test_text_line(void)
{
    enum ct_result result = CT_OK;
    struct place place;
    struct ct_log *log = NULL;
    char text[1024];

    TRY(place_make(&place));
    TRY(ct_log_open(place.path, CT_LOG_TEXT, CT_LOG_DEBUG, &log));
    CT_LOG(log, CT_LOG_WARNING, "request", CT_F_TEXT("plain", "word"),
           CT_F_TEXT("spaced", "two words"), CT_F_TEXT("evil", "\x1B[2J\nx=1"),
           CT_F_INT("status", 200), CT_F_US("ms", 5));
    read_file(place.path, text, sizeof(text));
    TRY_MEMORY(text[0] == '\0' ? NULL : log);
    EXPECT(strcmp(text + 24, " warning request plain=word spaced=\"two words\" "
                             "evil=\"\\u001b[2J\\nx=1\" status=200 ms=0.005\n") == 0);
out:
    ct_log_close(log);
    place_remove(&place);
    return result;
}

static enum ct_result test_levels(void)
{
    enum ct_result result = CT_OK;
    struct place place;
    struct ct_log *log = NULL;
    char text[1024];

    TRY(place_make(&place));
    TRY(ct_log_open(place.path, CT_LOG_JSON, CT_LOG_WARNING, &log));
    EXPECT(!ct_log_wants(log, CT_LOG_DEBUG));
    EXPECT(!ct_log_wants(log, CT_LOG_INFO));
    EXPECT(ct_log_wants(log, CT_LOG_WARNING));
    EXPECT(ct_log_wants(log, CT_LOG_ERROR));
    EXPECT(!ct_log_wants(NULL, CT_LOG_ERROR));
    ct_log_write(NULL, CT_LOG_ERROR, "nowhere", NULL);
    ct_log_write(log, CT_LOG_INFO, "quiet", NULL);
    ct_log_write(log, CT_LOG_ERROR, "loud", NULL);
    read_file(place.path, text, sizeof(text));
    TRY_MEMORY(text[0] == '\0' ? NULL : log);
    EXPECT(count_lines(text) == 1);
    EXPECT(strstr(text, "\"level\":\"error\",\"event\":\"loud\"}\n") != NULL);
out:
    ct_log_close(log);
    place_remove(&place);
    return result;
}

static enum ct_result test_file_is_private_and_appended_to(void)
{
    enum ct_result result = CT_OK;
    struct place place;
    struct ct_log *log = NULL;
    struct stat status;
    mode_t mask = umask(0);
    char text[1024];

    TRY(place_make(&place));
    for (int i = 0; i < 2; i++) {
        TRY(ct_log_open(place.path, CT_LOG_JSON, CT_LOG_INFO, &log));
        ct_log_write(log, CT_LOG_INFO, "start", NULL);
        ct_log_close(log);
        log = NULL;
    }
    EXPECT(stat(place.path, &status) == 0);
    EXPECT((status.st_mode & 07777) == 0640);
    read_file(place.path, text, sizeof(text));
    TRY_MEMORY(count_lines(text) < 2 ? NULL : text);
    EXPECT(count_lines(text) == 2);
out:
    (void)umask(mask);
    ct_log_close(log);
    place_remove(&place);
    return result;
}

static enum ct_result test_reopen_after_rotation(void)
{
    enum ct_result result = CT_OK;
    struct place place;
    struct ct_log *log = NULL;
    char text[1024];

    TRY(place_make(&place));
    TRY(ct_log_open(place.path, CT_LOG_JSON, CT_LOG_INFO, &log));
    ct_log_write(log, CT_LOG_INFO, "before", NULL);
    EXPECT(rename(place.path, place.old) == 0);
    ct_log_write(log, CT_LOG_INFO, "between", NULL);
    TRY(ct_log_reopen(log));
    ct_log_write(log, CT_LOG_INFO, "after", NULL);
    read_file(place.old, text, sizeof(text));
    TRY_MEMORY(count_lines(text) < 2 ? NULL : text);
    EXPECT(strstr(text, "before") != NULL && strstr(text, "between") != NULL);
    read_file(place.path, text, sizeof(text));
    TRY_MEMORY(count_lines(text) < 1 ? NULL : text);
    EXPECT(strstr(text, "after") != NULL && count_lines(text) == 1);
out:
    ct_log_close(log);
    place_remove(&place);
    return result;
}

static enum ct_result test_failed_reopen_keeps_the_old(void)
{
    enum ct_result result = CT_OK;
    struct place place;
    struct ct_log *log = NULL;
    char text[1024];

    TRY(place_make(&place));
    TRY(ct_log_open(place.path, CT_LOG_JSON, CT_LOG_INFO, &log));
    EXPECT(rename(place.path, place.old) == 0);
    EXPECT(mkdir(place.path, 0700) == 0); /* where no file can be opened */
    EXPECT_RESULT(CT_IO, ct_log_reopen(log));
    ct_log_write(log, CT_LOG_INFO, "still", NULL);
    read_file(place.old, text, sizeof(text));
    TRY_MEMORY(count_lines(text) < 1 ? NULL : text);
    EXPECT(strstr(text, "still") != NULL);
out:
    ct_log_close(log);
    (void)rmdir(place.path);
    place_remove(&place);
    return result;
}

static enum ct_result test_places_without_a_file(void)
{
    enum ct_result result = CT_OK;
    struct ct_log *log = NULL;

    EXPECT_RESULT(CT_IO, ct_log_open("/nonexistent/folder/log", CT_LOG_JSON, CT_LOG_INFO, &log));
    EXPECT(log == NULL);
    TRY(ct_log_open("", CT_LOG_JSON, CT_LOG_INFO, &log)); /* standard error */
    TRY(ct_log_reopen(log));
    ct_log_close(log);
    log = NULL;
    TRY(ct_log_open(NULL, CT_LOG_JSON, CT_LOG_INFO, &log));
out:
    ct_log_close(log);
    ct_log_close(NULL);
    return result;
}

static void *write_many(void *log)
{
    for (int i = 0; i < 25; i++)
        CT_LOG(log, CT_LOG_INFO, "line",
               CT_F_TEXT("long", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
    return NULL;
}

static enum ct_result test_lines_of_threads_do_not_mix(void)
{
    char text[64 * 1024];
    enum ct_result result = CT_OK;
    struct place place;
    struct ct_log *log = NULL;
    pthread_t threads[4];
    size_t started = 0;

    TRY(place_make(&place));
    TRY(ct_log_open(place.path, CT_LOG_JSON, CT_LOG_INFO, &log));
    while (started < 4 && pthread_create(&threads[started], NULL, write_many, log) == 0)
        started++;
    for (size_t i = 0; i < started; i++) {
        TRY(ct_log_reopen(log));
        pthread_join(threads[i], NULL);
    }
    EXPECT(started == 4);
    read_file(place.path, text, sizeof(text));
    TRY_MEMORY(count_lines(text) < 100 ? NULL : text);
    EXPECT(count_lines(text) == 100);
    for (char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        EXPECT(strncmp(line, "{\"time\":", 8) == 0);
        EXPECT(strchr(line, '\n') - line == strchr(text, '\n') - text);
    }
out:
    ct_log_close(log);
    place_remove(&place);
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_journal_line),
    CT_UNIT(test_json_line),
    CT_UNIT(test_text_line),
    CT_UNIT(test_levels),
    CT_UNIT(test_file_is_private_and_appended_to),
    CT_UNIT(test_reopen_after_rotation),
    CT_UNIT(test_failed_reopen_keeps_the_old),
    CT_UNIT(test_places_without_a_file),
    CT_UNIT(test_lines_of_threads_do_not_mix),
};

int main(void)
{
    return ct_unit_main("base_log", units, sizeof(units) / sizeof(units[0]));
}
