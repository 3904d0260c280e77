/* The harness must fail what is wrong: here it judges tests that misbehave on purpose. */
#include <fcntl.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "verdict.h"

/* All allocations are tried, however slow the machine is. */
static const struct ct_unit_limits limits = {.runs = 5000, .us = INT64_C(1000) * 1000 * 1000};

/* A reference that the compiler cannot follow, so that it keeps every allocation. */
static void *volatile kept;

static enum ct_result clean(void)
{
    enum ct_result result = CT_OK;
    char *a = NULL;
    char *b = NULL;

    TRY_MEMORY(a = malloc(16));
    kept = a;
    TRY_MEMORY(b = strdup("b"));
    kept = b;
out:
    free(b);
    free(a);
    kept = NULL;
    return result;
}

static enum ct_result leaks(void)
{
    enum ct_result result = CT_OK;
    char *a;

    TRY_MEMORY(a = malloc(16));
    kept = a;
out:
    return result;
}

static enum ct_result leaks_what_is_spared(void)
{
    ct_unit_spare(true);
    kept = malloc(16);
    ct_unit_spare(false);
    return CT_OK;
}

/* It could not do without its first block. */
static enum ct_result spares(void)
{
    char *a;
    char *b;

    ct_unit_spare(true);
    a = malloc(16);
    ct_unit_spare(false);
    if (a == NULL)
        return CT_BUG;
    kept = a;
    b = malloc(16);
    kept = b;
    free(a);
    free(b);
    return b == NULL ? CT_NOMEM : CT_OK;
}

static enum ct_result leaks_when_short(void)
{
    char *a = malloc(16);
    char *b;

    if (a == NULL)
        return CT_NOMEM;
    kept = a;
    b = malloc(16);
    if (b == NULL)
        return CT_NOMEM;
    kept = b;
    free(b);
    free(a);
    return CT_OK;
}

static enum ct_result misreports_when_short(void)
{
    char *a = malloc(16);

    kept = a;
    free(a);
    return a == NULL ? CT_IO : CT_OK;
}

static enum ct_result short_without_cause(void)
{
    return CT_NOMEM;
}

static enum ct_result expects_too_much(void)
{
    enum ct_result result = CT_OK;

    EXPECT(kept != NULL);
out:
    return result;
}

static enum ct_result leaves_a_descriptor(void)
{
    return open("/dev/null", O_RDONLY) < 0 ? CT_IO : CT_OK;
}

static enum ct_result crashes(void)
{
    abort();
}

static enum ct_result crashes_when_short(void)
{
    char *a = malloc(16);

    kept = a;
    if (a == NULL)
        abort();
    free(a);
    return CT_OK;
}

static enum ct_result answers_in_json(void)
{
    enum ct_result result = CT_OK;
    json_t *object = NULL;

    TRY_MEMORY(object = json_pack("{s:i}", "a", 1));
out:
    json_decref(object);
    return result;
}

static enum ct_result parses_json(void)
{
    static const char text[] =
        "{\"a\": [1, 2.5, \"a text longer than the parser's buffer\", null]}";
    enum ct_result result = CT_OK;
    json_t *object = NULL;

    TRY_MEMORY(object = json_loads(text, 0, NULL));
    json_decref(object);
    TRY_MEMORY(object = json_loadb(text, sizeof(text) - 1, 0, NULL));
out:
    json_decref(object);
    return result;
}

static enum ct_result asks_sqlite(void)
{
    enum ct_result result = CT_OK;
    sqlite3 *db = NULL;
    int status = sqlite3_open(":memory:", &db);

    if (status == SQLITE_OK)
        status = sqlite3_exec(db, "CREATE TABLE t (a); INSERT INTO t VALUES (1)", NULL, NULL, NULL);
    if (status == SQLITE_NOMEM)
        result = CT_NOMEM;
    else
        EXPECT(status == SQLITE_OK);
out:
    sqlite3_close(db);
    return result;
}

static const struct ct_unit wrong[] = {
    CT_UNIT(leaks),
    CT_UNIT(leaks_what_is_spared),
    CT_UNIT(leaks_when_short),
    CT_UNIT(misreports_when_short),
    CT_UNIT(short_without_cause),
    CT_UNIT(expects_too_much),
    CT_UNIT(leaves_a_descriptor),
    CT_UNIT(crashes),
    CT_UNIT(crashes_when_short),
};
static const struct ct_unit right = CT_UNIT(clean);

/* Runs one test as the whole program would, in a process of its own: whether that passed. */
static enum ct_result passes(const char *name, bool *out)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);

        dup2(null, 1);
        dup2(null, 2);
        unsetenv("CMOCKA_MESSAGE_OUTPUT");
        unsetenv("CMOCKA_XML_FILE");
        execl("/proc/self/exe", "doctored", name, (char *)NULL);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return CT_IO;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return CT_IO;
    *out = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return CT_OK;
}

static enum ct_result test_right_passes(void)
{
    enum ct_result result = CT_OK;
    bool passed = false;

    TRY(passes(right.name, &passed));
    EXPECT(passed);
out:
    return result;
}

static enum ct_result test_each_wrong_fails(void)
{
    enum ct_result result = CT_OK;
    bool passed = true;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        TRY(passes(wrong[i].name, &passed));
        if (passed)
            ct_unit_report(wrong[i].name, __FILE__, __LINE__);
        EXPECT(!passed);
    }
out:
    return result;
}

static enum ct_result test_every_allocation_is_tried(void)
{
    static const struct ct_unit unit = CT_UNIT(clean);
    enum ct_result result = CT_OK;
    struct ct_verdict verdict;

    EXPECT(ct_unit_judge(&unit, &limits, &verdict));
    EXPECT(verdict.runs == 4); /* plain, first failing, second failing, none left to fail */
    EXPECT(verdict.allocations == 2);
    EXPECT(!verdict.incomplete);
out:
    return result;
}

static enum ct_result test_what_is_spared(void)
{
    static const struct ct_unit unit = CT_UNIT(spares);
    enum ct_result result = CT_OK;
    struct ct_verdict verdict;

    EXPECT(ct_unit_judge(&unit, &limits, &verdict));
    EXPECT(verdict.runs == 3 && verdict.allocations == 1);
out:
    return result;
}

static enum ct_result test_libraries_are_counted(void)
{
    static const struct ct_unit json = CT_UNIT(answers_in_json);
    static const struct ct_unit parser = CT_UNIT(parses_json);
    static const struct ct_unit sqlite = CT_UNIT(asks_sqlite);
    enum ct_result result = CT_OK;
    struct ct_verdict verdict;

    EXPECT(ct_unit_judge(&json, &limits, &verdict));
    EXPECT(verdict.runs > 3);
    EXPECT(ct_unit_judge(&parser, &limits, &verdict));
    EXPECT(verdict.runs == 4);
    EXPECT(ct_unit_judge(&sqlite, &limits, &verdict));
    EXPECT(verdict.runs > 50);
out:
    return result;
}

static enum ct_result test_verdict_names_the_allocation(void)
{
    static const struct ct_unit unit = CT_UNIT(misreports_when_short);
    enum ct_result result = CT_OK;
    struct ct_verdict verdict;

    EXPECT(!ct_unit_judge(&unit, &limits, &verdict));
    EXPECT(verdict.failing_allocation == 1);
    EXPECT(strstr(verdict.what, ct_result_text(CT_IO)) != NULL);
out:
    return result;
}

static enum ct_result asks_sqlite_and_spares(void)
{
    ct_unit_spare_sqlite(8);
    return asks_sqlite();
}

static enum ct_result test_some_of_sqlite(void)
{
    static const struct ct_unit all = CT_UNIT(asks_sqlite);
    static const struct ct_unit some = CT_UNIT(asks_sqlite_and_spares);
    enum ct_result result = CT_OK;
    struct ct_verdict first;
    struct ct_verdict second;

    EXPECT(ct_unit_judge(&all, &limits, &first));
    EXPECT(ct_unit_judge(&some, &limits, &second));
    EXPECT(second.allocations == (first.allocations + 7) / 8);
out:
    return result;
}

static enum ct_result test_limit_is_told(void)
{
    static const struct ct_unit unit = CT_UNIT(asks_sqlite);
    static const struct ct_unit_limits short_of_runs = {.runs = 10, .us = 1000 * 1000};
    static const struct ct_unit_limits short_of_time = {.runs = 5000, .us = 1};
    enum ct_result result = CT_OK;
    struct ct_verdict verdict;

    EXPECT(ct_unit_judge(&unit, &short_of_runs, &verdict));
    EXPECT(verdict.incomplete);
    EXPECT(ct_unit_judge(&unit, &short_of_time, &verdict));
    EXPECT(verdict.incomplete);
out:
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_right_passes),
    CT_UNIT(test_each_wrong_fails),
    CT_UNIT(test_every_allocation_is_tried),
    CT_UNIT(test_what_is_spared),
    CT_UNIT(test_libraries_are_counted),
    CT_UNIT(test_verdict_names_the_allocation),
    CT_UNIT(test_some_of_sqlite),
    CT_UNIT(test_limit_is_told),
};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], right.name) == 0)
        return ct_unit_main("doctored", &right, 1);
    for (size_t i = 0; argc == 2 && i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (strcmp(argv[1], wrong[i].name) == 0)
            return ct_unit_main("doctored", &wrong[i], 1);
    }
    return ct_unit_main("harness_self", units, sizeof(units) / sizeof(units[0]));
}
