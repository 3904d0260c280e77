#include <stdio.h>
#include <string.h>

#include "ops/metrics_text.h"
#include "program.h"

int ct_metrics_command(struct ct_program *program, int argc, char **argv)
{
    (void)program;
    bool markdown = argc == 1 && strcmp(argv[0], "--markdown") == 0;
    if (argc > 0 && !markdown)
        return ct_program_fail("metrics takes --markdown or nothing");
    ct_metrics_explain(stdout, markdown);
    return ct_program_flushed();
}
