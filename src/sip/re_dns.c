/* Answers of the DNS, read with libre's functions. */
#include <arpa/inet.h>
#include <string.h>

#include "sip/re_dns.h"
#include "sip/re_inside.h"

/* In the order of enum ct_dns_type. */
static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_SRV, DNS_TYPE_NAPTR};

uint16_t ct_re_dns_type(enum ct_dns_type type)
{
    return types[type];
}

/* A copy without the last dot. False for want of memory. */
static bool keep(struct ct_arena *arena, const char *text, struct ct_str *out)
{
    *out = ct_str_of(text);
    while (out->len > 0 && out->at[out->len - 1] == '.')
        out->len--;
    out->at = ct_arena_copy(arena, out->len == 0 ? "" : out->at, out->len);
    return out->at != NULL;
}

static bool read_record(struct ct_arena *arena, const struct dnsrr *record, enum ct_dns_type type,
                        struct ct_dns_record *out)
{
    uint32_t v4 = htonl(record->rdata.a.addr);
    *out = (struct ct_dns_record){.type = type};
    switch (type) {
    case CT_DNS_A:
        out->address.family = CT_SIP_IPV4;
        memcpy(out->address.bytes, &v4, sizeof(v4));
        return true;
    case CT_DNS_AAAA:
        out->address.family = CT_SIP_IPV6;
        memcpy(out->address.bytes, record->rdata.aaaa.addr, sizeof(out->address.bytes));
        return true;
    case CT_DNS_SRV:
        out->priority = record->rdata.srv.pri;
        out->weight = record->rdata.srv.weight;
        out->port = record->rdata.srv.port;
        return keep(arena, record->rdata.srv.target, &out->target);
    case CT_DNS_NAPTR:
    default:
        out->priority = record->rdata.naptr.order;
        out->weight = record->rdata.naptr.pref;
        return keep(arena, record->rdata.naptr.flags, &out->flags) &&
               keep(arena, record->rdata.naptr.services, &out->service) &&
               keep(arena, record->rdata.naptr.replace, &out->target);
    }
}

/* Whether it is the answer to the question; the records are then in the rest. */
static bool is_answer(struct mbuf *text, uint16_t id, const char *name, enum ct_dns_type type,
                      struct dnshdr *head)
{
    char *asked = NULL;
    bool same = dns_hdr_decode(text, head) == 0 && head->qr && head->id == id && head->nq == 1 &&
                dns_dname_decode(text, &asked, 0) == 0 && str_casecmp(asked, name) == 0 &&
                mbuf_get_left(text) >= 4 && ntohs(mbuf_read_u16(text)) == types[type] &&
                ntohs(mbuf_read_u16(text)) == DNS_CLASS_IN;
    mem_deref(asked);
    return same;
}

enum ct_result ct_re_dns_read(struct ct_arena *arena, struct ct_str bytes, uint16_t id,
                              const char *name, enum ct_dns_type type,
                              struct ct_dns_record out[CT_RE_DNS_RECORDS], size_t *count)
{
    struct dnshdr head;
    enum ct_result result = CT_INVALID;
    struct mbuf *text = mbuf_alloc(bytes.len + 1);
    if (text == NULL)
        return CT_NOMEM;
    memcpy(text->buf, bytes.at, bytes.len);
    text->end = bytes.len;
    *count = 0;
    if (is_answer(text, id, name, type, &head))
        result =
            head.rcode == DNS_RCODE_OK || head.rcode == DNS_RCODE_NAME_ERR ? CT_OK : CT_UNAVAILABLE;
    for (size_t i = 0; result == CT_OK && i < head.nans && *count < CT_RE_DNS_RECORDS; i++) {
        struct dnsrr *record = NULL;
        if (dns_rr_decode(text, &record, 0) != 0)
            break;
        if (record->type == types[type] && record->dnsclass == DNS_CLASS_IN) {
            if (read_record(arena, record, type, &out[*count]))
                ++*count;
            else
                result = CT_NOMEM;
        }
        mem_deref(record);
    }
    mem_deref(text);
    return result;
}
