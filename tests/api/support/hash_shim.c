/*
 * Makes argon2id cheap in the process that preloads it: where the program hashes at the cost of a new password,
 * one pass over 64 KiB is made instead. What was hashed so compares so. The texts of the hashes keep the cost
 * that the program meant. CT_TEST_REAL_HASHES leaves all as it is.
 */
#include <argon2.h>
#include <dlfcn.h>
#include <stdlib.h>

/* RFC 9106 section 3.1: at least 8 KiB a lane. */
#define CHEAP_KIB 64

int argon2id_ctx(argon2_context *context)
{
    int (*real)(argon2_context *) = (int (*)(argon2_context *))dlsym(RTLD_NEXT, "argon2id_ctx");
    if (real == NULL)
        abort();
    if (context->m_cost > CHEAP_KIB && getenv("CT_TEST_REAL_HASHES") == NULL) {
        context->m_cost = CHEAP_KIB;
        context->t_cost = 1;
    }
    return real(context);
}
