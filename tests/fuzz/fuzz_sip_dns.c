/* Whatever a DNS server answers, it is read or refused, and what is read is within bounds. The first byte is the type
 * that was asked for. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sip/re_dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_dns_record records[CT_RE_DNS_RECORDS];
    size_t count = 0;
    if (size == 0)
        return 0;
    enum ct_dns_type type = (enum ct_dns_type)(data[0] & 3);
    struct ct_arena *arena = ct_arena_new();
    assert(arena != NULL);
    struct ct_str bytes = {(const char *)data + 1, size - 1};
    enum ct_result result = ct_re_dns_read(arena, bytes, 0x4242, "a.test", type, records, &count);
    assert(result == CT_OK || result == CT_INVALID || result == CT_UNAVAILABLE);
    assert(count <= CT_RE_DNS_RECORDS && (result == CT_OK || count == 0));
    for (size_t i = 0; i < count; i++) {
        assert(records[i].type == type);
        assert(records[i].target.len <= 1024 && records[i].service.len <= 255);
    }
    ct_arena_free(arena);
    return 0;
}
