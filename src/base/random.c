#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

enum ct_result ct_random_bytes(void *out, size_t size)
{
    unsigned char *at = out;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            return CT_IO;
        }
        at += got;
        size -= (size_t)got;
    }
    return CT_OK;
}
