#include "events/address.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

/* https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast. */
static const struct {
    uint32_t network;
    int bits;
} SPECIAL_4[] = {
    {0x00000000, 8},  /* 0.0.0.0/8 this network */
    {0x0A000000, 8},  /* 10.0.0.0/8 private */
    {0x64400000, 10}, /* 100.64.0.0/10 shared by a carrier's customers */
    {0x7F000000, 8},  /* 127.0.0.0/8 loopback */
    {0xA9FE0000, 16}, /* 169.254.0.0/16 link-local; clouds answer there with credentials */
    {0xAC100000, 12}, /* 172.16.0.0/12 private */
    {0xC0000000, 24}, /* 192.0.0.0/24 protocol assignments */
    {0xC0000200, 24}, /* 192.0.2.0/24 documentation */
    {0xC0586300, 24}, /* 192.88.99.0/24 6to4 relays, given up */
    {0xC0A80000, 16}, /* 192.168.0.0/16 private */
    {0xC6120000, 15}, /* 198.18.0.0/15 benchmarks */
    {0xC6336400, 24}, /* 198.51.100.0/24 documentation */
    {0xCB007100, 24}, /* 203.0.113.0/24 documentation */
    {0xE0000000, 4},  /* 224.0.0.0/4 multicast */
    {0xF0000000, 4},  /* 240.0.0.0/4 reserved, broadcast */
};

/* Of 2000::/3, which is all that is given out, what is not for hosts of the open internet. */
static const struct {
    uint8_t network[6];
    int bits;
} SPECIAL_6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23}, /* 2001::/23 protocol assignments, Teredo among them */
    {{0x20, 0x01, 0x0D, 0xB8}, 32}, /* 2001:db8::/32 documentation */
    {{0x20, 0x02}, 16},             /* 2002::/16 6to4, which leads to any IPv4 address */
    {{0x3F, 0xFF, 0x00}, 20},       /* 3fff::/20 documentation */
};

static bool is_public_4(uint32_t address)
{
    for (size_t i = 0; i < sizeof(SPECIAL_4) / sizeof(SPECIAL_4[0]); i++) {
        if ((address ^ SPECIAL_4[i].network) >> (32 - SPECIAL_4[i].bits) == 0)
            return false;
    }
    return true;
}

static bool begins_with(const uint8_t *address, const uint8_t *network, int bits)
{
    int bytes = bits / 8;
    int rest = bits % 8;
    if (memcmp(address, network, (size_t)bytes) != 0)
        return false;
    return rest == 0 || (address[bytes] ^ network[bytes]) >> (8 - rest) == 0;
}

/* The IPv4 address inside ::ffff:0:0/96 and 64:ff9b::/96 (RFC 6052), in the host's order of bytes. */
static bool holds_4(const uint8_t *address, uint32_t *out)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xFF, 0x9B};
    if (memcmp(address, mapped, 12) != 0 && memcmp(address, nat64, 12) != 0)
        return false;
    *out = (uint32_t)address[12] << 24 | (uint32_t)address[13] << 16 | (uint32_t)address[14] << 8 |
           address[15];
    return true;
}

static bool is_public_6(const uint8_t *address)
{
    uint32_t inside;
    if (holds_4(address, &inside))
        return is_public_4(inside);
    if (address[0] >> 5 != 1)
        return false;
    for (size_t i = 0; i < sizeof(SPECIAL_6) / sizeof(SPECIAL_6[0]); i++) {
        if (begins_with(address, SPECIAL_6[i].network, SPECIAL_6[i].bits))
            return false;
    }
    return true;
}

bool ct_address_is_public(const struct sockaddr *address, socklen_t size)
{
    if (address->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        return is_public_4(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof(in6));
        return is_public_6(in6.sin6_addr.s6_addr);
    }
    return false;
}

void ct_address_text(const struct sockaddr *address, socklen_t size, char out[INET6_ADDRSTRLEN])
{
    const char *text = NULL;
    if (address->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        text = inet_ntop(AF_INET, &in.sin_addr, out, INET6_ADDRSTRLEN);
    } else if (address->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 in6;
        uint32_t inside;
        memcpy(&in6, address, sizeof(in6));
        if (holds_4(in6.sin6_addr.s6_addr, &inside)) {
            inside = htonl(inside);
            text = inet_ntop(AF_INET, &inside, out, INET6_ADDRSTRLEN);
        } else {
            text = inet_ntop(AF_INET6, &in6.sin6_addr, out, INET6_ADDRSTRLEN);
        }
    }
    if (text == NULL)
        (void)strcpy(out, "-");
}
