/* The module of another version, whose functions must never be called. */
#include "numbers/plan_module.h"

const struct ct_plan_module ct_plan_module_table = {.version = "0.0.0"};
