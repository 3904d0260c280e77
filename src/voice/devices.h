#ifndef CT_VOICE_DEVICES_H
#define CT_VOICE_DEVICES_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "http/route.h"
#include "store/store.h"

/**
 * Devices: what registers with a username and a password and makes calls. Of the password only digests are
 * kept: HA1 of RFC 7616, for MD5 and for SHA-256, over the realm of the database (ct_realm_read).
 */

/** A row of a device. Texts are in the arena that it was read into. */
struct ct_device {
    int64_t id;
    int64_t user_id;
    struct ct_str name;
    struct ct_str username;   /* of SIP: unguessable, unique in the database */
    struct ct_str ha1_md5;    /* 32 hexadecimal digits, lower case */
    struct ct_str ha1_sha256; /* 64 */
    int64_t caller_number_id; /* the number that was chosen for it; 0: none was */
    /** The number that its calls present: the chosen one as long as its owner has that, else the owner's
     *  first; `at` NULL when the owner has none. E.164. */
    struct ct_str caller_id;
    int64_t caller_id_number; /* its id; 0: none */
    int64_t created_at;       /* milliseconds since 1970 */
};

/** Finds a device by its username of SIP, whoever has it. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_device_by_username(struct ct_arena *arena, struct ct_db *db,
                                                struct ct_str username, struct ct_device *out);
/** Finds a device by its id, whoever has it. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_device_by_id(struct ct_arena *arena, struct ct_db *db, int64_t id,
                                          struct ct_device *out);
/** Finds one of a user's devices. CT_NOT_FOUND also when it is somebody else's. */
CT_CHECKED enum ct_result ct_device_get(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                        int64_t id, struct ct_device *out);
/** A user's devices behind @p after_id, at most @p limit of them, in the order of their ids. */
CT_CHECKED enum ct_result ct_device_list(struct ct_arena *arena, struct ct_db *db, int64_t user_id,
                                         int64_t after_id, size_t limit, struct ct_device *out,
                                         size_t *count);
/** How many devices a user has, counting no further than @p most. */
CT_CHECKED enum ct_result ct_device_count(struct ct_db *db, int64_t user_id, int64_t most,
                                          int64_t *out);

/** What a phone is given. In the arena. */
struct ct_device_secret {
    struct ct_str username;
    struct ct_str password; /* 128 bits of chance in 26 letters and digits, none easily mistaken */
    struct ct_str ha1_md5;
    struct ct_str ha1_sha256;
};

/** Makes up a username for the device @p id ("d42-" and 128 bits of chance in 26 letters and digits), or
 *  takes @p username when that is not empty, and a new password. CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_device_secret_make(struct ct_arena *arena, int64_t id,
                                                struct ct_str username, struct ct_str realm,
                                                struct ct_device_secret *out);

/** Both HA1 (RFC 7616 section 3.4.2) of a password, in @p arena: what is kept in its place. CT_NOMEM. */
CT_CHECKED enum ct_result ct_password_digests(struct ct_arena *arena, struct ct_str username,
                                              struct ct_str realm, struct ct_str password,
                                              struct ct_str *ha1_md5, struct ct_str *ha1_sha256);

/** The id of the next device, for ct_device_insert of the same transaction. */
CT_CHECKED enum ct_result ct_device_next_id(struct ct_db *db, int64_t *out);
/** Adds a device whose id came from ct_device_next_id: id, user_id, name, username, digests, caller_number_id
 *  and created_at count. CT_NOT_FOUND when there is no such user. */
CT_CHECKED enum ct_result ct_device_insert(struct ct_db *db, const struct ct_device *device);
/** Puts name, digests and caller_number_id of a device into its row. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_device_save(struct ct_db *db, const struct ct_device *device);
/** Deletes the bindings of a device: its password has changed. */
CT_CHECKED enum ct_result ct_device_unbind(struct ct_db *db, int64_t id);
/** Deletes a device, with its bindings; it leaves the ring lists of its owner's numbers. CT_NOT_FOUND. */
CT_CHECKED enum ct_result ct_device_delete(struct ct_db *db, const struct ct_device *device);
/** Deletes all devices of a user whose account ends and whose numbers were released. */
CT_CHECKED enum ct_result ct_device_delete_all(struct ct_db *db, int64_t user_id);

/** The realm of the database, in @p arena: SIP_DOMAIN as it was when the first device was made. It stays, as
 *  every HA1 holds it: a later change of SIP_DOMAIN locks no phone out (docs/decisions/0061). CT_NOT_FOUND
 *  before the first device; then SIP_DOMAIN is what to challenge with. */
CT_CHECKED enum ct_result ct_realm_read(struct ct_arena *arena, struct ct_db *db,
                                        struct ct_str *out);
/** The same for a write that makes a device: without one, @p domain becomes the realm. */
CT_CHECKED enum ct_result ct_realm_settle(struct ct_arena *arena, struct ct_db *db,
                                          struct ct_str domain, struct ct_str *out);

/** POST, GET /devices; GET, PATCH, DELETE /devices/{id}. Needs no room. */
extern const struct ct_route ct_devices_routes[];
extern const size_t ct_devices_route_count;

#endif
