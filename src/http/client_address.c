#include "http/client_address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "config/config.h"

static_assert(CT_ADDRESS_TEXT >= INET6_ADDRSTRLEN, "an address would not fit");

void ct_peer_text(const struct sockaddr *peer, char out[CT_ADDRESS_TEXT])
{
    const void *address = NULL;
    if (peer != NULL && peer->sa_family == AF_INET)
        address = &((const struct sockaddr_in *)(const void *)peer)->sin_addr;
    else if (peer != NULL && peer->sa_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
    if (address == NULL || inet_ntop(peer->sa_family, address, out, CT_ADDRESS_TEXT) == NULL)
        (void)strcpy(out, "-");
}

/* Takes the last entry off a comma-separated list. */
static struct ct_str pop_last(struct ct_str *list)
{
    size_t from = list->len;
    while (from > 0 && list->at[from - 1] != ',')
        from--;
    struct ct_str last = {list->at + from, list->len - from};
    list->len = from > 0 ? from - 1 : 0;
    while (last.len > 0 && last.at[0] == ' ')
        last = (struct ct_str){last.at + 1, last.len - 1};
    while (last.len > 0 && last.at[last.len - 1] == ' ')
        last.len--;
    return last;
}

/* Reads an address in any spelling. */
static bool read_address(struct ct_str entry, char out[CT_ADDRESS_TEXT])
{
    char text[CT_ADDRESS_TEXT];
    unsigned char binary[sizeof(struct in6_addr)];
    if (entry.len >= sizeof(text) || memchr(entry.at, '\0', entry.len) != NULL)
        return false;
    memcpy(text, entry.at, entry.len);
    text[entry.len] = '\0';
    int family = strchr(text, ':') == NULL ? AF_INET : AF_INET6;
    return inet_pton(family, text, binary) == 1 &&
           inet_ntop(family, binary, out, CT_ADDRESS_TEXT) != NULL;
}

struct ct_str ct_client_address(const char *trusted, const char *peer, struct ct_str forwarded_for,
                                char room[CT_ADDRESS_TEXT])
{
    const char *address = peer;
    while (trusted[0] != '\0' && forwarded_for.len > 0 && ct_config_in_networks(trusted, address)) {
        char next[CT_ADDRESS_TEXT];
        if (!read_address(pop_last(&forwarded_for), next))
            break; /* a proxy that we trust does not write this: keep what we know */
        memcpy(room, next, sizeof(next));
        address = room;
    }
    return ct_str_of(address);
}
