#include <stdio.h>
#include <string.h>

#include "events/event_types.h"
#include "program.h"

int ct_events_command(struct ct_program *program, int argc, char **argv)
{
    (void)program;
    bool markdown = argc == 1 && strcmp(argv[0], "--markdown") == 0;
    if (argc > 0 && !markdown)
        return ct_program_fail("events takes --markdown or nothing");
    ct_events_explain(stdout, markdown);
    return ct_program_flushed();
}
