#include "sip/two.h"

#include <string.h>

enum ct_result two_new(struct two *two, uint64_t seed)
{
    enum ct_result result;

    *two = (struct two){0};
    result = lan_new(seed, &two->lan);
    if (result == CT_OK)
        result = phone_new(&two->ann, two->lan, "192.0.2.1");
    if (result == CT_OK)
        result = phone_new(&two->bob, two->lan, "192.0.2.2");
    return result;
}

void two_free(struct two *two)
{
    phone_free(&two->ann);
    phone_free(&two->bob);
    lan_free(two->lan);
}

bool two_at_rest(struct two *two)
{
    lan_run(two->lan, TWO_LONG_MS);
    return two->ann.trouble == CT_OK && two->bob.trouble == CT_OK && phone_is_idle(&two->ann) &&
           phone_is_idle(&two->bob);
}

struct lan_fate two_lose(void *ctx, const struct lan_packet *packet)
{
    struct losses *losses = ctx;
    struct lan_fate fate = {.copies = 1,
                            .after_ms = {LAN_DELAY_MS, 2 * LAN_DELAY_MS, 3 * LAN_DELAY_MS}};
    size_t length = strlen(losses->beginning);

    if (packet->bytes.len < length || memcmp(packet->bytes.at, losses->beginning, length) != 0)
        return fate;
    if (losses->left > 0) {
        losses->left--;
        fate.copies = 0;
    } else if (losses->copies > 0) {
        fate.copies = losses->copies;
    }
    return fate;
}
