#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "config/settings.h"

/* In the order of enum ct_sip_entry_transport. */
static const char *const transports[] = {"udp", "tcp", "tls", "ws", "wss"};

static bool is_numeric(struct ct_str host, int family)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    if (host.len >= sizeof(copy))
        return false;
    memcpy(copy, host.at, host.len);
    copy[host.len] = '\0';
    return inet_pton(family, copy, bytes) == 1;
}

/* The problem with "transport:address:port", or NULL. */
static const char *parse_entry(struct ct_str entry, struct ct_sip_entry *out)
{
    size_t name = 0;
    while (name < entry.len && entry.at[name] != ':')
        name++;
    size_t port = entry.len;
    while (port > 0 && entry.at[port - 1] != ':')
        port--;
    size_t transport = 0;
    while (transport < sizeof(transports) / sizeof(transports[0]) &&
           !ct_str_equal((struct ct_str){entry.at, name}, ct_str_of(transports[transport])))
        transport++;
    if (transport == sizeof(transports) / sizeof(transports[0]))
        return "each socket begins with udp:, tcp:, tls:, ws: or wss:";
    int64_t number;
    struct ct_str digits = {entry.at + port, entry.len - port};
    if (port <= name + 1 || digits.len == 0 || digits.len > 5 || digits.at[0] == '-' ||
        ct_int_parse(digits, &number) != CT_OK || number > 65535)
        return "each socket ends with a colon and a port from 0 to 65535";
    struct ct_str host = {entry.at + name + 1, port - name - 2};
    bool bracketed = host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    if (bracketed)
        host = (struct ct_str){host.at + 1, host.len - 2};
    if (!is_numeric(host, bracketed ? AF_INET6 : AF_INET))
        return "an address has to be a numeric one, IPv6 in brackets: 0.0.0.0, [::1]";
    *out = (struct ct_sip_entry){.transport = (enum ct_sip_entry_transport)transport,
                                 .host = host,
                                 .port = (uint16_t)number};
    return NULL;
}

static bool is_same(const struct ct_sip_entry *a, const struct ct_sip_entry *b)
{
    bool datagrams = a->transport == CT_SIP_ENTRY_UDP;
    return a->port != 0 && a->port == b->port && ct_str_equal(a->host, b->host) &&
           datagrams == (b->transport == CT_SIP_ENTRY_UDP);
}

static const char *parse(const char *text, struct ct_sip_entry *out, size_t *count)
{
    *count = 0;
    while (text != NULL) {
        if (*count == CT_SIP_ENTRIES_MOST)
            return "there are more than 16 sockets";
        struct ct_str entry = ct_setting_next_entry(&text);
        const char *problem = parse_entry(entry, &out[*count]);
        if (problem != NULL)
            return problem;
        for (size_t i = 0; i < *count; i++)
            if (is_same(&out[i], &out[*count]))
                return "two sockets have the same address and port";
        ++*count;
    }
    return NULL;
}

/* The environment has no empty values: there they are unset. */
static bool is_off(const char *text)
{
    return text[0] == '\0' || strcmp(text, "off") == 0;
}

size_t ct_config_sip_entries(const char *listen, struct ct_sip_entry out[CT_SIP_ENTRIES_MOST])
{
    size_t count;
    if (is_off(listen))
        return 0;
    const char *problem = parse(listen, out, &count);
    assert(problem == NULL); /* it was judged when it was loaded */
    return count;
}

enum ct_result ct_check_sip_listen(struct ct_arena *arena, const char *text, const char **plain,
                                   const char **problem)
{
    struct ct_sip_entry entries[CT_SIP_ENTRIES_MOST];
    size_t count;
    (void)arena;
    *plain = text;
    if (is_off(text))
        return CT_OK;
    *problem = parse(text, entries, &count);
    return *problem == NULL ? CT_OK : CT_INVALID;
}

/* A name of letters, digits, dots and dashes, or an address. */
static bool is_host(struct ct_str text)
{
    bool bracketed = text.len > 2 && text.at[0] == '[' && text.at[text.len - 1] == ']';
    if (bracketed || memchr(text.at, ':', text.len) != NULL)
        return is_numeric(bracketed ? (struct ct_str){text.at + 1, text.len - 2} : text, AF_INET6);
    if (text.len == 0 || text.len > 253)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '.'))
            return false;
    }
    return true;
}

enum ct_result ct_check_sip_domain(struct ct_arena *arena, const char *text, const char **plain,
                                   const char **problem)
{
    (void)arena;
    *plain = text;
    if (is_host(ct_str_of(text)))
        return CT_OK;
    *problem = text[0] == '\0' ? "it is empty" : NULL;
    return CT_INVALID;
}

enum ct_result ct_check_sip_public_address(struct ct_arena *arena, const char *text,
                                           const char **plain, const char **problem)
{
    (void)arena;
    (void)problem;
    *plain = text;
    return text[0] == '\0' || is_host(ct_str_of(text)) ? CT_OK : CT_INVALID;
}

enum ct_result ct_check_sip_node_address(struct ct_arena *arena, const char *text,
                                         const char **plain, const char **problem)
{
    struct ct_str address = ct_str_of(text);
    (void)arena;
    (void)problem;
    *plain = text;
    return text[0] == '\0' || is_numeric(address, AF_INET) || is_numeric(address, AF_INET6)
               ? CT_OK
               : CT_INVALID;
}
