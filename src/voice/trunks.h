#ifndef CT_VOICE_TRUNKS_H
#define CT_VOICE_TRUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "http/route.h"
#include "http/schema.h"
#include "store/store.h"

/**
 * Trunks: the ways to and from other networks. Administrators make them; all accounts share them.
 */

/** How a number is written on the other side: @p strip characters less at its front, then @p prepend before it. */
struct ct_rewrite {
    int64_t strip;
    struct ct_str prepend;
};

/** A row of a trunk. Texts are in the arena that it was read into. */
struct ct_trunk {
    int64_t id;
    struct ct_str name;
    bool enabled;
    struct ct_texts
        hosts; /* "sip.example.com", "192.0.2.1:5080": one at least, in the order of trying */
    struct ct_str transport; /* "udp", "tcp", "tls" */
    bool tls_verify;         /* with "tls": the certificate of a host must say its name */
    struct ct_str username;  /* what challenges of theirs are answered with; `at` NULL: none */
    struct ct_str
        password;   /* the same; `at` NULL: none, or it was sealed with another SECRET_KEY */
    bool registers; /* we register with them */
    struct ct_texts prefixes;          /* of the numbers that go there: "+49"; "+" is all */
    struct ct_texts allow_from;        /* addresses and networks that calls come from */
    const struct ct_network *networks; /* the same, read */
    size_t network_count;
    bool trusted;                   /* its P-Asserted-Identity is believed */
    int64_t channels;               /* calls at the same time, in and out; 0: any number */
    struct ct_rewrite out;          /* of what is called there, beginning with E.164 */
    struct ct_rewrite in;           /* of what they call, and who calls, to E.164 */
    struct ct_str inbound_username; /* what they authenticate with; `at` NULL: they need not */
    struct ct_str inbound_ha1_md5;
    struct ct_str inbound_ha1_sha256;
    int64_t created_at;
};

/** The trunks behind @p after_id, at most @p limit of them, in the order of their ids. @p config opens their
 *  passwords. */
CT_CHECKED enum ct_result ct_trunk_list(const struct ct_config *config, struct ct_arena *arena,
                                        struct ct_db *db, int64_t after_id, size_t limit,
                                        struct ct_trunk *out, size_t *count);
/** All of them that are enabled, in @p arena: for who routes calls. */
CT_CHECKED enum ct_result ct_trunk_load(const struct ct_config *config, struct ct_arena *arena,
                                        struct ct_db *db, const struct ct_trunk **out,
                                        size_t *count);
/** CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_trunk_get(const struct ct_config *config, struct ct_arena *arena,
                                       struct ct_db *db, int64_t id, struct ct_trunk *out);
/** Adds a trunk (id 0), which gets its id, or puts one in its place. Its password is sealed under SECRET_KEY.
 *  CT_CONFLICT when another one has that name, or that inbound username; CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_trunk_save(const struct ct_config *config, struct ct_arena *arena,
                                        struct ct_db *db, struct ct_trunk *trunk);
/** Deletes a trunk, whose name it was is in @p arena. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_trunk_delete(struct ct_arena *arena, struct ct_db *db, int64_t id,
                                          struct ct_str *name);

/* ---- pure functions ---- */

/** Writes a number as the rewriting says, in @p arena. CT_NOMEM. */
CT_CHECKED enum ct_result ct_rewrite_apply(struct ct_arena *arena, const struct ct_rewrite *rewrite,
                                           struct ct_str number, struct ct_str *out);
/** The number of digits of the longest prefix of a trunk that @p number (E.164) begins with; -1: none. */
int ct_trunk_match(const struct ct_trunk *trunk, struct ct_str number);
/** Reads `allow_from` into `networks`, in @p arena. CT_NOMEM. */
CT_CHECKED enum ct_result ct_trunk_read_networks(struct ct_arena *arena, struct ct_trunk *trunk);
/** Whether calls from that address, of 4 or 16 bytes, are a trunk's. */
bool ct_trunk_allows(const struct ct_trunk *trunk, const unsigned char *address, size_t size);
/** The first trunk that calls from an address are of; NULL: of none. */
const struct ct_trunk *ct_trunk_from(const struct ct_trunk *trunks, size_t count,
                                     const unsigned char *address, size_t size);

/* ---- what fields may be; as `normalize` of struct ct_field ---- */

#define CT_HOST_PATTERN \
    "^(\\[[0-9A-Fa-f:.]{2,}\\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)(:[0-9]{1,5})?$"
CT_CHECKED enum ct_result ct_host_normalize(struct ct_arena *arena, struct ct_str in,
                                            struct ct_str *out);
#define CT_CALL_PREFIX_PATTERN "^\\+[0-9]{0,15}$"
/** Digits, with or without a `+`. */
CT_CHECKED enum ct_result ct_call_prefix_normalize(struct ct_arena *arena, struct ct_str in,
                                                   struct ct_str *out);
#define CT_DIALLED_PATTERN "^[0-9+*#]*$"
CT_CHECKED enum ct_result ct_dialled_normalize(struct ct_arena *arena, struct ct_str in,
                                               struct ct_str *out);
#define CT_NETWORK_PATTERN "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"
CT_CHECKED enum ct_result ct_network_normalize(struct ct_arena *arena, struct ct_str in,
                                               struct ct_str *out);

/** POST, GET /trunks; GET, PUT, DELETE /trunks/{id}. Needs no room. */
extern const struct ct_route ct_trunks_routes[];
extern const size_t ct_trunks_route_count;

#endif
