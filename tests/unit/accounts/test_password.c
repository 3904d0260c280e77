#include "accounts/password.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Made at cost 4 with one salt. */
#define BCRYPT_A "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
#define BCRYPT_B "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
#define BCRYPT_Y "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
#define BCRYPT_72 "$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe" /* 72 times 'a' */
#define BCRYPT_EMPTY "$2b$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq"
#define BCRYPT_ABC "$2b$04$abcdefghijklmnopqrstuuCi15uRb1eH7NAlJ/TgeJertyknQpYn2"
#define BCRYPT_12 "$2b$12$abcdefghijklmnopqrstuuFDJRuYeKkCzo3Wy7h8SxhBSHBAHiPK2"
#define HORSE CT_STR("correct horse")

/* From the reference implementation's own tests: "password" with the salt "somesalt". */
#define ARGON2_LANE \
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
#define ARGON2_LANES \
    "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"
#define PASSWORD CT_STR("password")
#define OVER_THE_BOUND \
    "$argon2id$v=19$m=1048577,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

/* ct_password_spend cannot tell that it had no memory: it is quick then. Where memory was not made to
 * fail, CT_NOMEM is a failure of the test like any other. */
#define EXPECT_TIME(condition)                              \
    do {                                                    \
        if (!(condition)) {                                 \
            ct_unit_report(#condition, __FILE__, __LINE__); \
            result = CT_NOMEM;                              \
            goto out;                                       \
        }                                                   \
    } while (0)

static double thread_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct ct_str repeated(struct ct_arena *arena, char c, size_t count)
{
    char *text = ct_arena_alloc(arena, count + 1);
    if (text != NULL)
        memset(text, c, count);
    return (struct ct_str){text, count};
}

static enum ct_result test_bcrypt_of_all_kinds(void)
{
    static const char *const stored[] = {BCRYPT_A, BCRYPT_B, BCRYPT_Y};
    enum ct_result result = CT_OK;
    bool outdated;

    for (size_t i = 0; i < COUNT(stored); i++) {
        struct ct_str hash = ct_str_of(stored[i]);
        outdated = false;
        TRY(ct_password_verify(CT_BCRYPT, HORSE, hash, &outdated));
        EXPECT(outdated); /* the cost is 4 */
        EXPECT_RESULT(CT_DENIED,
                      ct_password_verify(CT_BCRYPT, CT_STR("correct hors"), hash, &outdated));
        EXPECT_RESULT(CT_DENIED,
                      ct_password_verify(CT_BCRYPT, CT_STR("Correct horse"), hash, &outdated));
        EXPECT_RESULT(CT_DENIED,
                      ct_password_verify(CT_BCRYPT, (struct ct_str){0}, hash, &outdated));
    }
    /* crypt_blowfish's own first vector. */
    TRY(ct_password_verify(CT_BCRYPT, CT_STR("U*U"),
                           CT_STR("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
                           &outdated));
    TRY(ct_password_verify(CT_BCRYPT, (struct ct_str){0}, CT_STR(BCRYPT_EMPTY), &outdated));
out:
    return result;
}

static enum ct_result test_bcrypt_reads_72_bytes(void)
{
    enum ct_result result = CT_OK;
    bool outdated;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    struct ct_str longest = repeated(arena, 'a', 1024);
    TRY_MEMORY(longest.at);
    static const size_t sizes[] = {72, 73, 511, 512, 1024};

    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct ct_str password = {longest.at, sizes[i]};
        TRY(ct_password_verify(CT_BCRYPT, password, CT_STR(BCRYPT_72), &outdated));
    }
    EXPECT_RESULT(CT_DENIED, ct_password_verify(CT_BCRYPT, (struct ct_str){longest.at, 71},
                                                CT_STR(BCRYPT_72), &outdated));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_bcrypt_and_nul_bytes(void)
{
    enum ct_result result = CT_OK;
    bool outdated;

    TRY(ct_password_verify(CT_BCRYPT, CT_STR("abc"), CT_STR(BCRYPT_ABC), &outdated));
    EXPECT_RESULT(CT_DENIED,
                  ct_password_verify(CT_BCRYPT, CT_STR("abc\0"), CT_STR(BCRYPT_ABC), &outdated));
    EXPECT_RESULT(CT_DENIED,
                  ct_password_verify(CT_BCRYPT, CT_STR("abc\0def"), CT_STR(BCRYPT_ABC), &outdated));
    EXPECT_RESULT(CT_DENIED,
                  ct_password_verify(CT_BCRYPT, CT_STR("\0"), CT_STR(BCRYPT_EMPTY), &outdated));
out:
    return result;
}

static enum ct_result test_bcrypt_takes_no_part_of_a_password(void)
{
    enum ct_result result = CT_OK;
    struct ct_str hash = {0};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    struct ct_str password = repeated(arena, 'a', 73);
    TRY_MEMORY(password.at);
    EXPECT_RESULT(CT_INVALID, ct_password_hash(arena, CT_BCRYPT, password, &hash));
    EXPECT_RESULT(CT_INVALID, ct_password_hash(arena, CT_BCRYPT, CT_STR("a\0b"), &hash));
    EXPECT(hash.at == NULL);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_bcrypt_hash_and_verify(void)
{
    enum ct_result result = CT_OK;
    bool outdated = true;
    struct ct_str hash = {0};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    struct ct_str password = repeated(arena, '\xFF', CT_BCRYPT_MAX_BYTES);
    TRY_MEMORY(password.at);
    TRY(ct_password_hash(arena, CT_BCRYPT, password, &hash));
    EXPECT(hash.len == 60 && memcmp(hash.at, "$2b$12$", 7) == 0);
    TRY(ct_password_verify(CT_BCRYPT, password, hash, &outdated));
    EXPECT(!outdated);
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_argon2id_vectors(void)
{
    static const char *const stored[] = {ARGON2_LANE, ARGON2_LANES};
    enum ct_result result = CT_OK;
    bool outdated;

    for (size_t i = 0; i < COUNT(stored); i++) {
        struct ct_str hash = ct_str_of(stored[i]);
        outdated = false;
        TRY(ct_password_verify(CT_ARGON2ID, PASSWORD, hash, &outdated));
        EXPECT(outdated); /* m is 256 KiB */
        EXPECT_RESULT(CT_DENIED,
                      ct_password_verify(CT_ARGON2ID, CT_STR("Password"), hash, &outdated));
        EXPECT_RESULT(CT_DENIED,
                      ct_password_verify(CT_ARGON2ID, CT_STR("password\0"), hash, &outdated));
        EXPECT_RESULT(CT_DENIED,
                      ct_password_verify(CT_ARGON2ID, (struct ct_str){0}, hash, &outdated));
    }
out:
    return result;
}

static enum ct_result test_argon2id_hash_and_verify(void)
{
    enum ct_result result = CT_OK;
    bool outdated = true;
    struct ct_str first = {0};
    struct ct_str second = {0};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(ct_password_hash(arena, CT_ARGON2ID, HORSE, &first));
    TRY(ct_password_hash(arena, CT_ARGON2ID, HORSE, &second));
    EXPECT(first.len == 97);
    EXPECT(memcmp(first.at, "$argon2id$v=19$m=19456,t=2,p=1$", 31) == 0);
    EXPECT(first.at[53] == '$');
    EXPECT(!ct_str_equal(first, second));          /* each has a salt of its own */
    EXPECT(strpbrk(first.at + 31, "-_=") == NULL); /* the alphabet of PHC strings */
    TRY(ct_password_verify(CT_ARGON2ID, HORSE, first, &outdated));
    EXPECT(!outdated);
    EXPECT_RESULT(CT_DENIED, ct_password_verify(CT_ARGON2ID, CT_STR("wrong"), first, &outdated));
out:
    ct_arena_free(arena);
    return result;
}

static enum ct_result test_argon2id_takes_any_bytes(void)
{
    enum ct_result result = CT_OK;
    bool outdated = true;
    struct ct_str hash = {0};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    struct ct_str password = repeated(arena, '\0', 1024);
    TRY_MEMORY(password.at);
    TRY(ct_password_hash(arena, CT_ARGON2ID, password, &hash));
    TRY(ct_password_verify(CT_ARGON2ID, password, hash, &outdated));
    password.len--;
    EXPECT_RESULT(CT_DENIED, ct_password_verify(CT_ARGON2ID, password, hash, &outdated));
    TRY(ct_password_hash(arena, CT_ARGON2ID, (struct ct_str){0}, &hash));
    TRY(ct_password_verify(CT_ARGON2ID, (struct ct_str){0}, hash, &outdated));
out:
    ct_arena_free(arena);
    return result;
}

/* Where the stored text can be had with the standard alphabet, the one of URLs is refused, and so is
 * every other change of a hash that fits. */
static enum ct_result test_a_changed_argon2id_hash_is_refused(void)
{
    static const char *const stored[] = {
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR_uIPnA4rEsF5h7TKyQwu9U1bMCHGi_4",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/5",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4=",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4\n",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4r",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHU$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=3,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=264,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    };
    enum ct_result result = CT_OK;
    bool outdated;

    for (size_t i = 0; i < COUNT(stored); i++)
        EXPECT_RESULT(CT_DENIED,
                      ct_password_verify(CT_ARGON2ID, PASSWORD, ct_str_of(stored[i]), &outdated));
out:
    return result;
}

/* Hashes that are right: at the bounds, and one behind. */
static enum ct_result test_the_bounds_of_argon2id(void)
{
    static const struct {
        enum ct_result expected;
        const char *stored;
    } cases[] = {
        {CT_OK,
         "$argon2id$v=19$m=8,t=100,p=1$c29tZXNhbHQ$QGt0eZn6g/4q2SrnUfy1Ngs1FdAElVgdqwyrtX+Fgi0"},
        {CT_DENIED,
         "$argon2id$v=19$m=8,t=101,p=1$c29tZXNhbHQ$KqmoDPFTTkHEMBEzc42J2JD7thnsidCmnxbRDaGej+I"},
        {CT_OK,
         "$argon2id$v=19$m=520,t=1,p=64$c29tZXNhbHQ$6OnWW5CuvubIirmUqcz0YGJneB6o9LVBwNwotlrmXsU"},
        {CT_DENIED,
         "$argon2id$v=19$m=520,t=1,p=65$c29tZXNhbHQ$pFPBVGDoVAXESqEDRpT8zBMFnx0dDg+VJSDzS4/tW38"},
        {CT_DENIED, "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$j9By/bZynxqhma4rYk75"},
        {CT_OK, "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$9zpz0nGFnSHvRUZdoSvfhg"},
        {CT_OK, "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$FDf5GJjyMawYvIDLzTKIOzQmTCknGV/"
                "sendzImknAzaIQilFoZBpMC5+cCMxMTUPicuKltqnjO6S9rhBal79bA"},
        {CT_DENIED,
         "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$"
         "gxKhve4UptMlNuZDGXMCLZRLEIPik6rIWRtKXvzi4qMRNmGeTcpfe2bC4nbWNJMgTQWEYJMPGrUjVGu00yQ2Hd0"},
    };
    enum ct_result result = CT_OK;
    bool outdated;

    for (size_t i = 0; i < COUNT(cases); i++)
        EXPECT_RESULT(cases[i].expected, ct_password_verify(CT_ARGON2ID, PASSWORD,
                                                            ct_str_of(cases[i].stored), &outdated));
out:
    return result;
}

/* None of these may be computed: with the memory, passes or lanes that they ask for, the first alone
 * would take the machine down. */
static enum ct_result test_doctored_parameters_are_refused(void)
{
    static const char *const stored[] = {
        "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/"
        "4",
        "$argon2id$v=19$m=1048577,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=101,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=4294967298,p=1$c29tZXNhbHQ$nf65EOgLrQMR/"
        "uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=18446744073709551618,p=1$c29tZXNhbHQ$nf65EOgLrQMR/"
        "uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=1048576,t=1,p=65$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=7,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=0,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=0$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=0256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=-256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$t=2,m=256,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=1$c2FsdA$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=1$$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
        "$argon2id$v=19$m=256,t=2,p=1",
        "$argon2id$",
    };
    enum ct_result result = CT_OK;
    bool outdated;

    for (size_t i = 0; i < COUNT(stored); i++)
        EXPECT_RESULT(CT_DENIED,
                      ct_password_verify(CT_ARGON2ID, PASSWORD, ct_str_of(stored[i]), &outdated));
out:
    return result;
}

static enum ct_result test_what_is_no_hash_is_refused(void)
{
    static const struct {
        const char *text;
        size_t size;
    } stored[] = {
#define TEXT(literal) {(literal), sizeof(literal) - 1}
        {NULL, 0},
        TEXT(""),
        TEXT("!"),
        TEXT("*"),
        TEXT("*0"),
        TEXT("NULL"),
        TEXT("password"),
        TEXT("$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"),
        TEXT("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8"),
        TEXT("$2b$"),
        TEXT("$2$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"),
        TEXT("$2x$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"),
        TEXT("$2b$03$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"),
        TEXT("$2b$32$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"),
        TEXT("$2b$4$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e."),
        TEXT("$2b$004$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6"),
        TEXT("$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6"),
        TEXT(BCRYPT_B "e"),
        TEXT(BCRYPT_B "\0"),
        TEXT("$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6\0"),
        TEXT("$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6="),
        TEXT(" " ARGON2_LANE),
        TEXT(ARGON2_LANE "\0"),
#undef TEXT
    };
    enum ct_result result = CT_OK;
    bool outdated;

    for (size_t i = 0; i < COUNT(stored); i++) {
        struct ct_str text = {stored[i].text, stored[i].size};
        EXPECT_RESULT(CT_DENIED, ct_password_verify(CT_ARGON2ID, PASSWORD, text, &outdated));
    }
    EXPECT_RESULT(CT_DENIED, ct_password_verify(CT_ARGON2ID, (struct ct_str){0}, (struct ct_str){0},
                                                &outdated));
out:
    return result;
}

static enum ct_result test_outdated(void)
{
    enum ct_result result = CT_OK;
    bool outdated = true;
    struct ct_str hash = {0};
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);

    TRY(ct_password_hash(arena, CT_ARGON2ID, HORSE, &hash));
    TRY(ct_password_verify(CT_BCRYPT, HORSE, hash, &outdated));
    EXPECT(outdated); /* another kind */
    outdated = false;
    TRY(ct_password_verify(CT_ARGON2ID, HORSE, CT_STR(BCRYPT_B), &outdated));
    EXPECT(outdated);
out:
    ct_arena_free(arena);
    return result;
}

/* The cost and the prefix count, when the kind is the same. */
static enum ct_result test_outdated_bcrypt(void)
{
    enum ct_result result = CT_OK;
    bool outdated = true;

    TRY(ct_password_verify(CT_BCRYPT, HORSE, CT_STR(BCRYPT_12), &outdated));
    EXPECT(!outdated);
    TRY(ct_password_verify(CT_BCRYPT, HORSE, CT_STR(BCRYPT_B), &outdated));
    EXPECT(outdated);
out:
    return result;
}

/* Whoever does not exist costs as much as whoever gave a wrong password: the least of some runs each,
 * within a factor of three, since other programs run beside. */
static enum ct_result test_a_refusal_takes_a_hash(void)
{
    enum { RUNS = 3 };
    enum ct_result result = CT_OK;
    struct ct_str hash = {0};
    double least[5] = {1e9, 1e9, 1e9, 1e9, 1e9};
    bool outdated;
    struct ct_arena *arena = ct_arena_new();
    TRY_MEMORY(arena);
    TRY(ct_password_hash(arena, CT_ARGON2ID, HORSE, &hash));

    for (int run = 0; run < RUNS; run++) {
        for (size_t i = 0; i < COUNT(least); i++) {
            double start = thread_seconds();
            switch (i) {
            case 0:
                EXPECT_RESULT(CT_DENIED,
                              ct_password_verify(CT_ARGON2ID, PASSWORD, hash, &outdated));
                break;
            case 1:
                EXPECT_RESULT(CT_DENIED,
                              ct_password_verify(CT_ARGON2ID, PASSWORD, CT_STR("!"), &outdated));
                break;
            case 2: /* one KiB over the bound: 50 times the memory, were it computed */
                EXPECT_RESULT(CT_DENIED, ct_password_verify(CT_ARGON2ID, PASSWORD,
                                                            CT_STR(OVER_THE_BOUND), &outdated));
                break;
            case 3:
                ct_password_spend(CT_ARGON2ID, PASSWORD, (struct ct_str){0});
                break;
            default:
                ct_password_spend(CT_ARGON2ID, PASSWORD, CT_STR("no hash"));
                break;
            }
            double spent = thread_seconds() - start;
            least[i] = spent < least[i] ? spent : least[i];
        }
    }
    for (size_t i = 1; i < COUNT(least); i++)
        EXPECT_TIME(least[i] > least[0] / 3 && least[i] < least[0] * 3);
out:
    ct_arena_free(arena);
    return result;
}

/* What users have decides, not the setting: right after a move from bcrypt all of them have bcrypt. */
static enum ct_result test_spending_like_another(void)
{
    enum ct_result result = CT_OK;
    bool outdated;
    double verify = thread_seconds();
    EXPECT_RESULT(CT_DENIED,
                  ct_password_verify(CT_ARGON2ID, PASSWORD, CT_STR(BCRYPT_12), &outdated));
    verify = thread_seconds() - verify;
    double spend = thread_seconds();
    ct_password_spend(CT_ARGON2ID, PASSWORD, CT_STR(BCRYPT_12));
    spend = thread_seconds() - spend;
    EXPECT_TIME(spend > verify / 3 && spend < verify * 3);
out:
    return result;
}

static enum ct_result test_spending_bcrypt(void)
{
    double start = thread_seconds();
    enum ct_result result = CT_OK;

    ct_password_spend(CT_BCRYPT, PASSWORD, (struct ct_str){0});
    EXPECT_TIME(thread_seconds() - start > 0.02); /* cost 12; cost 4 takes a millisecond */
out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {
        CT_UNIT(test_bcrypt_of_all_kinds),
        CT_UNIT(test_bcrypt_reads_72_bytes),
        CT_UNIT(test_bcrypt_and_nul_bytes),
        CT_UNIT(test_bcrypt_takes_no_part_of_a_password),
        CT_UNIT(test_bcrypt_hash_and_verify),
        CT_UNIT(test_argon2id_vectors),
        CT_UNIT(test_argon2id_hash_and_verify),
        CT_UNIT(test_argon2id_takes_any_bytes),
        CT_UNIT(test_a_changed_argon2id_hash_is_refused),
        CT_UNIT(test_the_bounds_of_argon2id),
        CT_UNIT(test_doctored_parameters_are_refused),
        CT_UNIT(test_what_is_no_hash_is_refused),
        CT_UNIT(test_outdated),
        CT_UNIT(test_outdated_bcrypt),
        CT_UNIT(test_a_refusal_takes_a_hash),
        CT_UNIT(test_spending_like_another),
        CT_UNIT(test_spending_bcrypt),
    };
    return ct_unit_main("accounts/password", units, COUNT(units));
}
