#ifndef CT_VOICE_BANS_H
#define CT_VOICE_BANS_H

#include "voice/shield.h"

/**
 * Banned addresses, each until its time, in memory of a fixed size: when there is no room, the ban goes that ends
 * the soonest. An IPv6 address stands for its /64. Safe from any thread. Times are in milliseconds since 1970.
 */
struct ct_bans;

/** How many a shield has at most. */
#define CT_BANS_MOST ((size_t)4096)

/** Up to @p most of them. The owner frees it with ct_bans_free. CT_NOMEM. */
CT_CHECKED enum ct_result ct_bans_new(size_t most, struct ct_bans **out);
/** NULL is allowed. */
void ct_bans_free(struct ct_bans *bans);
/** Bans an address; one that is banned already until then. */
void ct_bans_add(struct ct_bans *bans, const struct ct_sip_socket *address, int64_t now,
                 int64_t until);
/** Whether it is banned; counts what is dropped for that. */
bool ct_bans_has(struct ct_bans *bans, const struct ct_sip_socket *address, int64_t now);
bool ct_bans_remove(struct ct_bans *bans, const struct ct_sip_socket *address, int64_t now);
/** See ct_shield_bans. */
size_t ct_bans_list(struct ct_bans *bans, int64_t now, struct ct_str after, struct ct_sip_ban *out,
                    size_t room);

/** What an address is counted with: its bytes, of IPv6 the first 8. Borrowed. */
struct ct_str ct_bans_key(const struct ct_sip_socket *address);

#endif
