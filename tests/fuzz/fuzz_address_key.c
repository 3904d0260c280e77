/* The key of an address has 4 bytes, 8 or none; it is written with no byte behind; and the address as the system
 * prints it again, in either family's way, has the same key. */
#include <arpa/inet.h>
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/limiter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same(const char *address, struct ct_str key)
{
    uint8_t room[CT_ADDRESS_KEY_BYTES];
    assert(ct_str_equal(ct_limiter_address_key(ct_str_of(address), room), key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t room[CT_ADDRESS_KEY_BYTES];
    uint8_t whole[16] = {0};
    char text[INET6_ADDRSTRLEN];
    char mapped[8 + INET_ADDRSTRLEN];
    struct ct_str key = ct_limiter_address_key((struct ct_str){(const char *)data, size}, room);

    assert(key.len == 0 || key.len == 4 || key.len == 8);
    if (key.len == 4) {
        assert(inet_ntop(AF_INET, key.at, text, sizeof(text)) != NULL);
        expect_same(text, key);
        (void)snprintf(mapped, sizeof(mapped), "::ffff:%s", text);
        expect_same(mapped, key);
    } else if (key.len == 8) {
        memcpy(whole, key.at, key.len);
        whole[8] = 1; /* outside of the networks in which IPv4 addresses are */
        assert(inet_ntop(AF_INET6, whole, text, sizeof(text)) != NULL);
        expect_same(text, key);
    }
    return 0;
}
