#ifndef CT_CONFIG_SETTINGS_H
#define CT_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/result.h"
#include "base/text.h"
#include "config/config.h"

/*
 * settings.def as data, for the loader and the printer. Inside this room only.
 */

enum ct_setting_kind { CT_SETTING_IS_TEXT, CT_SETTING_IS_INT, CT_SETTING_IS_CHOICE };

enum ct_setting_flag {
    CT_SETTING_SECRET = 1 << 0, /* the value is never shown */
    CT_SETTING_URL = 1 << 1,    /* a password inside the URL is never shown */
    CT_SETTING_EMPTY =
        1 << 2, /* empty in the environment is a value; of others it is as if unset */
};

/** Judges the text of a setting: UTF-8 without control characters (a secret: any bytes). @p plain
 * is the form to keep, @p text itself or a text in @p arena. CT_INVALID with what is wrong in @p
 * problem: a phrase (static or in @p arena) that repeats nothing of the text, or NULL when what the
 * setting allows says it all. CT_NOMEM. */
typedef enum ct_result ct_setting_check(struct ct_arena *arena, const char *text,
                                        const char **plain, const char **problem);

ct_setting_check ct_check_secret;
ct_setting_check ct_check_not_empty;
ct_setting_check ct_check_host;
ct_setting_check ct_check_networks;
ct_setting_check ct_check_origins;
ct_setting_check ct_check_sip_listen;
ct_setting_check ct_check_sip_domain;
ct_setting_check ct_check_sip_public_address;
ct_setting_check ct_check_sip_node_address;

struct ct_setting {
    const char *name;
    const char *group; /* settings of one group stand together */
    enum ct_setting_kind kind;
    unsigned flags;
    size_t offset;        /* of the member in struct ct_config */
    const char *fallback; /* the default, as it would be written */
    int64_t minimum;      /* of a number */
    int64_t maximum;
    const char *unit;   /* what a number counts, or "" */
    const char *allows; /* of a text: what is allowed. Of a choice: its words, separated by '|' */
    ct_setting_check *check; /* of a text; NULL accepts all */
    const char *does;        /* one sentence */
    const char *more;        /* further sentences, or "" */
};

/** How many settings there are. */
#define CT_SETTING_TEXT(...) +1
#define CT_SETTING_INT(...) +1
#define CT_SETTING_CHOICE(...) +1
enum {
    CT_SETTING_COUNT = 0
#include "config/settings.def"
};

extern const struct ct_setting ct_settings[CT_SETTING_COUNT];

/** The setting of exactly this name, or NULL. */
const struct ct_setting *ct_setting_find(struct ct_str name);
/** The setting that somebody who wrote @p name, which is no setting, may have meant, or NULL. */
const struct ct_setting *ct_setting_meant(struct ct_str name);

/** Parses, judges and stores a value. CT_INVALID with @p problem as ct_setting_check has it. */
CT_CHECKED enum ct_result ct_setting_apply(const struct ct_setting *setting, struct ct_arena *arena,
                                           const char *text, struct ct_config *config,
                                           const char **problem);

/** Takes the next entry, without the blanks around it, off a list separated by commas. Behind the
 * last one @p list is NULL. */
struct ct_str ct_setting_next_entry(const char **list);

/** Enough for what ct_setting_allowed writes. */
#define CT_SETTING_ALLOWED_SIZE 256
/** Writes what values are allowed: "a whole number of bytes from 1024 to 16777216". */
void ct_setting_allowed(const struct ct_setting *setting, char out[CT_SETTING_ALLOWED_SIZE]);

/** Writes a text of the setting so that it can be shown on one line: control characters and
 * ill-formed UTF-8 escaped, passwords blanked, and cut with "..." where @p size (at least 32) ends.
 * A secret gives only its length: "(set, 43 bytes)". */
void ct_setting_show_text(const struct ct_setting *setting, const char *text, char *out,
                          size_t size);
/** The same of the value in force. */
void ct_setting_show(const struct ct_setting *setting, const struct ct_config *config, char *out,
                     size_t size);

#endif
