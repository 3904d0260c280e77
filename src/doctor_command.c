#include <stdio.h>
#include <string.h>

#include "ops/doctor.h"
#include "program.h"

#define NAME_WIDTH 16
#define MARK_WIDTH 8

static void tell(void *ctx, const char *name, enum ct_diagnosis diagnosis, const char *what,
                 const char *found, const char *remedy)
{
    static const char *const marks[] = {"ok", "doubtful", "WRONG", "-"};
    (void)ctx;
    (void)printf("%-*s %-*s %s\n", MARK_WIDTH, marks[diagnosis], NAME_WIDTH, name, what);
    if (diagnosis != CT_DOUBTFUL && diagnosis != CT_WRONG)
        return;
    while (*found != '\0') {
        size_t length = strcspn(found, "\n");
        (void)printf("%*s %.*s\n", MARK_WIDTH + 1 + NAME_WIDTH, "found:", (int)length, found);
        found += length + (found[length] == '\n' ? 1 : 0);
    }
    (void)printf("%*s %s\n", MARK_WIDTH + 1 + NAME_WIDTH, "to do:", remedy);
}

int ct_doctor_command(struct ct_program *program, int argc, char **argv)
{
    bool markdown = argc == 1 && strcmp(argv[0], "--markdown") == 0;
    if (markdown) {
        ct_doctor_explain(stdout, true);
        return ct_program_flushed();
    }
    if (argc > 0) {
        (void)ct_program_fail("doctor takes --markdown or nothing");
        return 2;
    }
    size_t wrong;
    if (!ct_program_load_config(program))
        return 1;
    enum ct_result result =
        ct_doctor_examine(&program->config, &ct_this_machine, tell, NULL, &wrong);
    if (result != CT_OK)
        return ct_program_fail_result("doctor", result);
    int status = ct_program_flushed();
    return wrong > 0 ? 1 : status;
}
