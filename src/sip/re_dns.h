#ifndef CT_SIP_RE_DNS_H
#define CT_SIP_RE_DNS_H

#include "sip/resolve.h"

/* Answers of the DNS; for re_resolve.c, and for who tests it. */

/** More records of an answer are not looked at. */
#define CT_RE_DNS_RECORDS 32

/** The number of a type (RFC 1035 section 3.2.2). */
uint16_t ct_re_dns_type(enum ct_dns_type type);
/** Reads an answer to the question @p id about a name; texts are in @p arena. CT_INVALID: it is none. CT_UNAVAILABLE: the
 *  server cannot say. CT_NOMEM. */
CT_CHECKED enum ct_result ct_re_dns_read(struct ct_arena *arena, struct ct_str bytes, uint16_t id,
                                         const char *name, enum ct_dns_type type,
                                         struct ct_dns_record out[CT_RE_DNS_RECORDS],
                                         size_t *count);

#endif
