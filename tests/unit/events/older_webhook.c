/* The module of another version, whose functions must never be called. */
#include "events/webhook_module.h"

const struct ct_webhook_module ct_webhook_module_table = {.version = "0.0.0"};
