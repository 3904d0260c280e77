#ifndef CT_VOICE_TRUNK_PASSWORD_H
#define CT_VOICE_TRUNK_PASSWORD_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"
#include "store/store.h"

/** The passwords that challenges of trunks are answered with, as the database has them: sealed under SECRET_KEY, or as
 *  they are for want of one. */

/** The text for a column, in @p arena; all zero for none (`at` NULL). CT_NOMEM, CT_IO. */
CT_CHECKED enum ct_result ct_trunk_password_seal(const struct ct_config *config,
                                                 struct ct_arena *arena, struct ct_str password,
                                                 struct ct_str *out);
/** The reverse. A password that neither SECRET_KEY nor SECRET_KEY_PREVIOUS opens is as if there were none; @p old: it
 *  was the latter. CT_NOMEM; CT_BUG for what is no such text. */
CT_CHECKED enum ct_result ct_trunk_password_open(const struct ct_config *config,
                                                 struct ct_arena *arena, struct ct_str column,
                                                 struct ct_str *out, bool *old);
/** Seals under SECRET_KEY what SECRET_KEY_PREVIOUS has sealed, so that the latter can go: at the start of a server.
 *  Writes only when there is any. */
CT_CHECKED enum ct_result ct_trunk_passwords_renew(const struct ct_config *config,
                                                   struct ct_store *store);

#endif
