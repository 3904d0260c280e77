#include <stdlib.h>
#include <string.h>

#include "sip/core.h"

/* Who has how many server transactions: one address must not take the room of all. */

static void key_of(const struct ct_sip *sip, const struct ct_sip_hop *from, uint64_t out[2])
{
    const struct ct_sip_socket *peer = &from->peer;
    _Static_assert(CT_KEYED_HASH_BYTES == 16, "a key is the whole hash");
    ct_keyed_hash(&sip->key,
                  (struct ct_str){(const char *)peer->bytes, peer->family == CT_SIP_IPV4 ? 4 : 8},
                  (uint8_t *)out);
}

static struct ct_sip_source *find(const struct ct_sip *sip, const uint64_t key[2])
{
    struct ct_sip_link *link = ct_sip_table_find(&sip->sources, key);
    return link == NULL ? NULL : CT_SIP_OF_LINK(struct ct_sip_source, link, link);
}

bool ct_sip_source_has_room(const struct ct_sip *sip, const struct ct_sip_hop *from, bool in_dialog)
{
    uint64_t key[2];
    size_t most = sip->options.max_per_address;
    if (most == 0)
        return true;
    key_of(sip, from, key);
    const struct ct_sip_source *source = find(sip, key);
    return source == NULL || source->count < (in_dialog ? 2 * most : most);
}

struct ct_sip_source *ct_sip_source_enter(struct ct_sip *sip, const struct ct_sip_hop *from)
{
    uint64_t key[2];
    if (sip->options.max_per_address == 0)
        return NULL;
    key_of(sip, from, key);
    struct ct_sip_source *source = find(sip, key);
    if (source == NULL) {
        source = calloc(1, sizeof(*source));
        if (source == NULL)
            return NULL;
        memcpy(source->link.key, key, sizeof(key));
        ct_sip_table_add(&sip->sources, &source->link);
    }
    source->count++;
    return source;
}

void ct_sip_source_leave(struct ct_sip *sip, struct ct_sip_source *source)
{
    if (source == NULL || --source->count > 0)
        return;
    ct_sip_table_remove(&sip->sources, &source->link);
    free(source);
}
