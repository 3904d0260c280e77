#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "config/settings.h"

/* IPv4 in IPv6's space is ::ffff:0:0/96 (RFC 4291 section 2.5.5.2). */
static const unsigned char IPV4_PREFIX[12] = {[10] = 0xFF, [11] = 0xFF};

static bool parse_address(struct ct_str text, struct ct_network *out)
{
    char copy[INET6_ADDRSTRLEN];

    if (text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, out->bytes + sizeof(IPV4_PREFIX)) == 1) {
        memcpy(out->bytes, IPV4_PREFIX, sizeof(IPV4_PREFIX));
        out->ipv4 = true;
    } else if (inet_pton(AF_INET6, copy, out->bytes) == 1) {
        out->ipv4 = false;
    } else {
        return false;
    }
    out->prefix = 128;
    return true;
}

/* Whether the bits behind the prefix are all zero. */
static bool is_network_address(const struct ct_network *network)
{
    for (int64_t bit = network->prefix; bit < 128; bit++) {
        if ((network->bytes[bit / 8] & (0x80 >> bit % 8)) != 0)
            return false;
    }
    return true;
}

/* The problem with an entry, or NULL when it is an address or a network. */
static const char *parse_network(struct ct_str entry, struct ct_network *out)
{
    const char *slash = entry.len == 0 ? NULL : memchr(entry.at, '/', entry.len);
    struct ct_str address = {entry.at, slash == NULL ? entry.len : (size_t)(slash - entry.at)};

    if (entry.len == 0)
        return "is empty";
    if (!parse_address(address, out))
        return "does not begin with an IPv4 or IPv6 address";
    if (slash != NULL) {
        struct ct_str digits = {slash + 1, entry.len - address.len - 1};
        int64_t bits;
        if (digits.len > 3 || ct_int_parse(digits, &bits) != CT_OK || bits < 0 ||
            *digits.at == '-' || bits > (out->ipv4 ? 32 : 128))
            return out->ipv4 ? "has a prefix length that is not 0 to 32"
                             : "has a prefix length that is not 0 to 128";
        out->prefix = out->ipv4 ? bits + 96 : bits;
        if (!is_network_address(out))
            return "has bits set behind its prefix length";
    }
    if (out->prefix >= 96 && memcmp(out->bytes, IPV4_PREFIX, sizeof(IPV4_PREFIX)) == 0)
        out->ipv4 = true;
    return NULL;
}

enum ct_result ct_check_networks(struct ct_arena *arena, const char *text, const char **plain,
                                 const char **problem)
{
    const char *list = text[strspn(text, " \t")] == '\0' ? NULL : text;
    struct ct_network network;

    *plain = list == NULL ? "" : text;
    for (unsigned i = 1; list != NULL; i++) {
        const char *wrong = parse_network(ct_setting_next_entry(&list), &network);
        if (wrong == NULL)
            continue;
        *problem = ct_arena_printf(arena, "entry %u %s", i, wrong);
        return *problem == NULL ? CT_NOMEM : CT_INVALID;
    }
    return CT_OK;
}

static bool contains(const struct ct_network *network, const struct ct_network *address)
{
    size_t whole = (size_t)network->prefix / 8;
    unsigned rest = (unsigned)network->prefix % 8;

    if (network->ipv4 != address->ipv4 || memcmp(network->bytes, address->bytes, whole) != 0)
        return false;
    return rest == 0 || (network->bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

bool ct_config_in_networks(const char *networks, const char *address)
{
    struct ct_network wanted;
    struct ct_network network;

    if (networks[0] == '\0' || strchr(address, '/') != NULL ||
        parse_network(ct_str_of(address), &wanted) != NULL)
        return false;
    while (networks != NULL) {
        if (parse_network(ct_setting_next_entry(&networks), &network) == NULL &&
            contains(&network, &wanted))
            return true;
    }
    return false;
}

bool ct_network_read(struct ct_str text, struct ct_network *out)
{
    return parse_network(text, out) == NULL;
}

bool ct_network_has(const struct ct_network *network, const unsigned char *address, size_t size)
{
    struct ct_network wanted = {.prefix = 128};
    if (size == 4)
        memcpy(wanted.bytes, IPV4_PREFIX, sizeof(IPV4_PREFIX));
    memcpy(wanted.bytes + sizeof(wanted.bytes) - size, address, size);
    wanted.ipv4 = memcmp(wanted.bytes, IPV4_PREFIX, sizeof(IPV4_PREFIX)) == 0;
    return contains(network, &wanted);
}
