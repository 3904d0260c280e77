#ifndef CT_CONFIG_CONFIG_H
#define CT_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"

/**
 * The settings in force. Every member, its name outside, default, limits and documentation is one
 * entry of settings.def; a text is never NULL. Choices are indexes into their list of words, in the
 * order of the enums below (log_level: of enum ct_log_level).
 */
struct ct_config {
    uint64_t reserved; /* offset 0 belongs to no setting, so that 0 can mean "no setting" */
#define CT_SETTING_TEXT(member, ...) const char *member;
#define CT_SETTING_INT(member, ...) int64_t member;
#define CT_SETTING_CHOICE(member, ...) int64_t member;
#include "config/settings.def"
    /** What ct_config_load noticed and went on: NULL-terminated lines for ct_config_warnings, or
     * NULL. */
    const char *const *notices;
};

enum ct_algorithm { CT_HS256, CT_HS384, CT_HS512, CT_RS256, CT_ES256 };
enum ct_password_hash { CT_ARGON2ID, CT_BCRYPT };
enum ct_number_policy { CT_POLICY_OPEN, CT_POLICY_POOL };
enum ct_number_check { CT_CHECK_DESCRIBE, CT_CHECK_STRICT };
enum ct_sip_digest { CT_SIP_DIGEST_MD5, CT_SIP_DIGEST_BOTH, CT_SIP_DIGEST_SHA256 };
enum ct_sip_unknown { CT_SIP_UNKNOWN_DROP, CT_SIP_UNKNOWN_REJECT };
enum ct_log_format_setting { CT_LOG_FORMAT_AUTO, CT_LOG_FORMAT_TEXT, CT_LOG_FORMAT_JSON };

/** Reads the settings: defaults, then @p dotenv_path if that file exists, then @p environment (as
 * `environ`; an empty value counts as unset, whereas in the file it is a value). Either may be
 * NULL. A value that another one overrides is not judged. Texts live in @p arena; CORS_ORIGINS is
 * brought to the form that browsers send (lower case, no default port), separated by single commas.
 *
 * When it fails, @p why (in @p arena, or static) is one line: the setting, its value unless it is
 * a secret, the line of the file or "environment", what is allowed. CT_INVALID, CT_IO (the file
 * cannot be read), CT_NOMEM.
 *
 * A missing key for tokens is no error here, as most commands need none: see ct_config_require_secret.
 */
CT_CHECKED enum ct_result ct_config_load(struct ct_arena *arena, const char *dotenv_path,
                                         char *const *environment, struct ct_config *out,
                                         const char **why);

/** CT_INVALID when there is nothing to sign tokens with: no SECRET_KEY, or with ALGORITHM=RS256 or ES256 no
 * JWT_PRIVATE_KEY_FILE; @p why (static) then says in one line what to do. For the commands that sign or
 * verify tokens, after they have shown the warnings: the name may be misspelt. */
CT_CHECKED enum ct_result ct_config_require_secret(const struct ct_config *config,
                                                   const char **why);

/** What a start should be warned of: NULL-terminated lines in @p arena (an empty list is normal).
 * A SECRET_KEY or SECRET_KEY_PREVIOUS that is a well-known example or shorter than its algorithm's output
 * (RFC 7518 section 3.2; 32 bytes for HS256); a key that ALGORITHM does not use; a name that looks like a misspelt setting; a ${...} that
 * somebody may expect to be expanded. No line holds a value. */
CT_CHECKED enum ct_result ct_config_warnings(struct ct_arena *arena, const struct ct_config *config,
                                             const char *const **out);

/** How ct_config_print writes. */
enum ct_config_style {
    CT_CONFIG_TABLE,    /* for a terminal: name, value (secrets blanked), default, what it does */
    CT_CONFIG_DOTENV,   /* .env.example: every setting commented out with its default */
    CT_CONFIG_MARKDOWN, /* docs/settings.md */
};
/** Prints every setting. @p config may be NULL for the styles that show no values. Whether all of
 * it was written, ferror(@p out) tells. */
void ct_config_print(FILE *out, enum ct_config_style style, const struct ct_config *config);

/** Whether @p address (as printed by inet_ntop) is in the list of addresses and networks @p
 * networks
 * ("10.0.0.0/8, ::1"), the form of TRUSTED_PROXIES. An IPv4 address is the same as its IPv4-mapped
 * IPv6 form (RFC 4291 section 2.5.5.2). What is no address is in no list. */
bool ct_config_in_networks(const char *networks, const char *address);

/** An address or a network, read once to be compared often. In IPv6's space: IPv4 is ::ffff:0:0/96 of it. */
struct ct_network {
    unsigned char bytes[16];
    int64_t prefix; /* in bits, of 128 */
    bool ipv4;
};
/** Reads one entry of such a list. False: it is none. */
bool ct_network_read(struct ct_str text, struct ct_network *out);
/** Whether an address is in it: 4 bytes of IPv4, or 16 of IPv6, in the order of the network. */
bool ct_network_has(const struct ct_network *network, const unsigned char *address, size_t size);

/** One socket of SIP_LISTEN. */
struct ct_sip_entry {
    enum ct_sip_entry_transport {
        CT_SIP_ENTRY_UDP,
        CT_SIP_ENTRY_TCP,
        CT_SIP_ENTRY_TLS,
        CT_SIP_ENTRY_WS,
        CT_SIP_ENTRY_WSS
    } transport;
    struct ct_str host; /* numeric, IPv6 without brackets; a piece of the setting */
    uint16_t port;      /* 0: the system chooses one */
};
#define CT_SIP_ENTRIES_MOST 16

/** Takes SIP_LISTEN apart: how many there are, none when it is off. */
size_t ct_config_sip_entries(const char *listen, struct ct_sip_entry out[CT_SIP_ENTRIES_MOST]);

#endif
