#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "databases.h"
#include "harness.h"
#include "store/migrations.h"

/* This program's version, as the database would tell it. */
static const char *newest(void)
{
    static char number[16];
    (void)snprintf(number, sizeof(number), "%zu", ct_migration_count);
    return number;
}

static const char *const original[] = {
    "CREATE TABLE users (id INTEGER NOT NULL, username VARCHAR, hashed_password VARCHAR, "
    "PRIMARY KEY (id))",
    "CREATE UNIQUE INDEX ix_users_username ON users (username)",
    "CREATE TABLE virtual_phone_numbers (id INTEGER NOT NULL, phone_number VARCHAR, "
    "user_id INTEGER, PRIMARY KEY (id), FOREIGN KEY(user_id) REFERENCES users (id))",
    "CREATE UNIQUE INDEX ix_virtual_phone_numbers_phone_number ON virtual_phone_numbers "
    "(phone_number)",
    "INSERT INTO users VALUES (1, 'Ada', '$2b$12$x'), (2, 'ADA', 'y'), (3, 'Grace', 'z'), "
    "(4, CAST(x'ff41' AS TEXT), 'w'), (5, NULL, NULL), (6, 'Ärger', 'v'), (7, 'ÄRGER', 'u')",
    "INSERT INTO virtual_phone_numbers VALUES (1, '+1234567890', 1)",
    NULL,
};

static enum ct_result test_new_database(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct stat status;
    char path[96];

    TRY(scratch_folder(&scratch));
    TRY(scratch_open_store(&scratch));
    (void)snprintf(path, sizeof(path), "%s/db", scratch.folder);
    EXPECT(stat(path, &status) == 0 && (status.st_mode & 07777) == 0600);
    EXPECT_VALUE(newest(), "SELECT MAX(number) FROM schema_migrations");
    EXPECT_VALUE(newest(), "SELECT COUNT(*) FROM schema_migrations");
    EXPECT_VALUE("wal", "PRAGMA journal_mode");
    (void)snprintf(path, sizeof(path), "%s/db-wal", scratch.folder);
    EXPECT(stat(path, &status) == 0 && (status.st_mode & 07777) == 0600);
    scratch_close_store(&scratch);
    EXPECT(stat(path, &status) != 0); /* all of it is in the database now */
    TRY(scratch_open_store(&scratch));
    EXPECT_VALUE(newest(), "SELECT COUNT(*) FROM schema_migrations");
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_original_database(void)
{
    enum ct_result result;
    struct scratch scratch;
    static const char *const later[] = {
        "INSERT INTO users (username, hashed_password) VALUES ('Linus', 'l'), ('GRACE', 'g')",
        "INSERT INTO virtual_phone_numbers (phone_number, user_id) VALUES ('+1987', 2)",
        NULL,
    };

    TRY(scratch_folder(&scratch));
    TRY(as_another_program(&scratch, original));
    TRY(scratch_open_store(&scratch));
    EXPECT_VALUE("ada", "SELECT username_key FROM users WHERE id = 1");
    EXPECT_VALUE("-", "SELECT username_key FROM users WHERE id = 2");
    EXPECT_VALUE("grace", "SELECT username_key FROM users WHERE id = 3");
    EXPECT_VALUE("-", "SELECT username_key FROM users WHERE id = 4");
    EXPECT_VALUE("-", "SELECT username_key FROM users WHERE id = 5");
    EXPECT_VALUE("ärger", "SELECT username_key FROM users WHERE id = 6");
    EXPECT_VALUE("-", "SELECT username_key FROM users WHERE id = 7");
    EXPECT_VALUE("$2b$12$x", "SELECT hashed_password FROM users WHERE id = 1");
    EXPECT_VALUE("-", "SELECT created_at FROM users WHERE id = 1");
    EXPECT_VALUE("-", "SELECT last_login_at FROM users WHERE id = 1");
    EXPECT_VALUE("-", "SELECT created_at FROM virtual_phone_numbers WHERE id = 1");

    /* the original program goes on with the new columns in place */
    scratch_close_store(&scratch);
    TRY(as_another_program(&scratch, later));
    TRY(scratch_open_store(&scratch));
    EXPECT_VALUE("linus", "SELECT username_key FROM users WHERE username = 'Linus'");
    EXPECT_VALUE("-", "SELECT username_key FROM users WHERE username = 'GRACE'");
    EXPECT_VALUE("-", "SELECT username_key FROM users WHERE id = 2");
out:
    scratch_close(&scratch);
    return result;
}

struct opening {
    pthread_barrier_t *start;
    const struct ct_store_options *options;
    struct ct_arena *arena;
    struct ct_store *store;
    enum ct_result result;
};

static void *open_and_close(void *ctx)
{
    struct opening *opening = ctx;
    const char *why;
    (void)pthread_barrier_wait(opening->start);
    opening->result = ct_store_open(opening->options, opening->arena, &opening->store, &why);
    if (opening->result == CT_OK)
        ct_store_close(opening->store);
    return NULL;
}

static enum ct_result test_two_at_once(void)
{
    enum ct_result result = CT_OK;
    struct scratch scratch;
    struct opening openings[2] = {0};
    pthread_t threads[2];
    pthread_barrier_t start;
    char url[128];
    struct ct_store_options options = {.url = url};

    (void)pthread_barrier_init(&start, NULL, 2);
    TRY(scratch_folder(&scratch));
    TRY(as_another_program(&scratch, original));
    (void)snprintf(url, sizeof(url), "sqlite:///%s/db", scratch.folder);
    for (int i = 0; i < 2; i++) {
        openings[i] = (struct opening){.start = &start, .options = &options};
        openings[i].arena = ct_arena_new();
        TRY_MEMORY(openings[i].arena);
    }
    for (int i = 0; i < 2; i++)
        EXPECT(pthread_create(&threads[i], NULL, open_and_close, &openings[i]) == 0);
    for (int i = 0; i < 2; i++)
        (void)pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++)
        TRY(openings[i].result);
    TRY(scratch_open_store(&scratch));
    EXPECT_VALUE(newest(), "SELECT COUNT(*) FROM schema_migrations");
    EXPECT_VALUE("ada", "SELECT username_key FROM users WHERE id = 1");
out:
    for (int i = 0; i < 2; i++)
        ct_arena_free(openings[i].arena);
    (void)pthread_barrier_destroy(&start);
    scratch_close(&scratch);
    return result;
}

static void *open_store(void *ctx)
{
    struct opening *opening = ctx;
    const char *why;
    opening->result = ct_store_open(opening->options, opening->arena, &opening->store, &why);
    return NULL;
}

/* A step that another process is taking is waited for and not taken again. */
static enum ct_result test_waits_for_a_step(void)
{
    enum ct_result result;
    struct scratch scratch;
    struct ct_database *database = NULL;
    struct ct_db *db = NULL;
    struct opening opening = {0};
    char url[128];
    struct ct_store_options options = {.url = url};
    const char *why;
    pthread_t thread;
    bool started = false;
    char take_back[80];
    char take[80];

    (void)snprintf(take_back, sizeof(take_back), "DELETE FROM schema_migrations WHERE number = %s",
                   newest());
    (void)snprintf(take, sizeof(take), "INSERT INTO schema_migrations VALUES (%s, 'a step', 0)",
                   newest());
    TRY(scratch_open(&scratch));
    scratch_close_store(&scratch);
    (void)snprintf(url, sizeof(url), "sqlite:///%s/db", scratch.folder);
    TRY(ct_sqlite.open(url, NULL, scratch.arena, &database, &db, &why));
    TRY(ct_db_execute(db, take_back));
    TRY(ct_sqlite.control(db, CT_BEGIN_WRITE));
    opening = (struct opening){.options = &options, .arena = ct_arena_new()};
    TRY_MEMORY(opening.arena);
    started = pthread_create(&thread, NULL, open_store, &opening) == 0;
    EXPECT(started);
    (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    TRY(ct_db_execute(db, take));
    TRY(ct_db_commit(db));
out:
    if (db != NULL) {
        ct_db_rollback(db);
        if (started)
            (void)pthread_join(thread, NULL);
        ct_sqlite.disconnect(db);
        ct_sqlite.close(database);
    }
    if (result == CT_OK)
        result = opening.result;
    ct_store_close(opening.store);
    ct_arena_free(opening.arena);
    scratch_close(&scratch);
    return result;
}

/* Opens a URL that must be refused: the line has to say each of these. */
static enum ct_result refused(struct scratch *scratch, enum ct_result expected, const char *url,
                              const char *const *said)
{
    enum ct_result result = CT_OK;
    const struct ct_store_options options = {.url = url};
    const char *why = NULL;

    EXPECT_RESULT(expected, ct_store_open(&options, scratch->arena, &scratch->store, &why));
    EXPECT(why != NULL && strchr(why, '\n') == NULL && strstr(why, "secret") == NULL);
    for (; *said != NULL; said++)
        EXPECT(strstr(why, *said) != NULL);
out:
    return result;
}

#define SAYS(...) ((const char *const[]){__VA_ARGS__, NULL})

static enum ct_result test_newer_database(void)
{
    enum ct_result result;
    struct scratch scratch;
    char url[128];
    static const char *const newer[] = {
        "INSERT INTO schema_migrations VALUES (4711, 'what nobody knows yet', 0)", NULL};

    TRY(scratch_open(&scratch));
    scratch_close_store(&scratch);
    TRY(as_another_program(&scratch, newer));
    (void)snprintf(url, sizeof(url), "sqlite:///%s/db", scratch.folder);
    TRY(refused(&scratch, CT_TOO_NEW, url, SAYS("version 4711", newest(), "newer")));
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result test_bad_urls(void)
{
    enum ct_result result;
    struct scratch scratch;
    static const char *const memory[] = {"sqlite://", "sqlite:///", "sqlite:///:memory:"};
    static const char *const others[] = {"",
                                         "cloud.db",
                                         "mysql://root:secret@host/db",
                                         "sqlite",
                                         "postgresql+psycopg2://a:secret@b/c",
                                         "secret"};
    static const char *const shapes[] = {"sqlite:", "sqlite:db", "sqlite:/db",
                                         "sqlite://user:secret@host/db"};

    TRY(scratch_folder(&scratch));
    for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
        TRY(refused(&scratch, CT_INVALID, memory[i], SAYS("in memory", "sqlite:////FILE")));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        TRY(refused(&scratch, CT_INVALID, others[i], SAYS("DATABASE_URL", "sqlite:///FILE")));
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        TRY(refused(&scratch, CT_INVALID, shapes[i], SAYS("DATABASE_URL", "sqlite:///FILE")));
    TRY(refused(&scratch, CT_INVALID, "postgresql://user:secret@[::1/db",
                SAYS("DATABASE_URL", "postgresql://")));
    TRY(refused(&scratch, CT_INVALID, "postgresql://user:secret@secret@host/db",
                SAYS("DATABASE_URL", "%40")));
    /* nobody listens on this port */
    TRY(refused(&scratch, CT_UNAVAILABLE, "postgresql://user:secret@127.0.0.1:1/db",
                SAYS("DATABASE_URL", "refused")));
    TRY(refused(&scratch, CT_UNAVAILABLE, "postgres://user:secret@127.0.0.1,127.0.0.1:1,1/db",
                SAYS("DATABASE_URL")));
    TRY(refused(&scratch, CT_INVALID, NULL, SAYS("DATABASE_URL")));
    TRY(refused(&scratch, CT_INVALID, "sqlite:///db?mode=ro", SAYS("'?'")));
out:
    scratch_close(&scratch);
    return result;
}

static enum ct_result write_file(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return CT_IO;
    bool done = write(fd, bytes, size) == (ssize_t)size;
    (void)close(fd);
    return done ? CT_OK : CT_IO;
}

static enum ct_result test_bad_files(void)
{
    enum ct_result result;
    struct scratch scratch;
    char path[96];
    char url[160];
    static const char text[8192] = "Dear diary, this file is not what you take it for.";

    TRY(scratch_folder(&scratch));
    (void)snprintf(url, sizeof(url), "sqlite:///%s/missing/db", scratch.folder);
    TRY(refused(&scratch, CT_IO, url, SAYS(scratch.folder, "/missing ", "does not exist")));
    (void)snprintf(url, sizeof(url), "sqlite:///%s", scratch.folder);
    TRY(refused(&scratch, CT_IO, url, SAYS(scratch.folder, "not a file")));
    (void)snprintf(path, sizeof(path), "%s/db", scratch.folder);
    TRY(write_file(path, text, sizeof(text)));
    (void)snprintf(url, sizeof(url), "sqlite:///%s", path);
    TRY(refused(&scratch, CT_IO, url, SAYS(path, "SQLite's format")));
    (void)snprintf(url, sizeof(url), "sqlite:///%s/db", path);
    TRY(refused(&scratch, CT_IO, url, SAYS(path)));
    if (geteuid() != 0) { /* root may do anything */
        EXPECT(chmod(path, 0400) == 0);
        (void)snprintf(url, sizeof(url), "sqlite:///%s", path);
        TRY(refused(&scratch, CT_IO, url, SAYS(path, "read and written")));
        EXPECT(unlink(path) == 0 && chmod(scratch.folder, 0500) == 0);
        TRY(refused(&scratch, CT_IO, url, SAYS(path, "created")));
    }
out:
    (void)chmod(scratch.folder, 0700);
    scratch_close(&scratch);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_new_database),     CT_UNIT(test_original_database), CT_UNIT(test_two_at_once),
        CT_UNIT(test_waits_for_a_step), CT_UNIT(test_newer_database),    CT_UNIT(test_bad_urls),
        CT_UNIT(test_bad_files),
    };
    return ct_unit_main("migrations", units, sizeof(units) / sizeof(units[0]));
}
