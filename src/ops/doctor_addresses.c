#include "ops/doctor_addresses.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/text.h"
#include "events/address.h"

static void write_address(const struct sockaddr_storage *address, char out[INET6_ADDRSTRLEN])
{
    ct_address_text((const struct sockaddr *)address, sizeof(*address), out);
}

static bool same_address(const struct sockaddr_storage *one, const struct sockaddr_storage *other)
{
    char first[INET6_ADDRSTRLEN], second[INET6_ADDRSTRLEN];
    write_address(one, first);
    write_address(other, second);
    return strcmp(first, second) == 0;
}

bool ct_doctor_is_loopback(const struct sockaddr_storage *address)
{
    char text[INET6_ADDRSTRLEN];
    write_address(address, text);
    return strncmp(text, "127.", 4) == 0 || strcmp(text, "::1") == 0;
}

bool ct_doctor_has_address(const struct ct_addresses *list, const struct sockaddr_storage *address)
{
    for (size_t i = 0; i < list->count; i++) {
        if (same_address(&list->at[i], address))
            return true;
    }
    return false;
}

const char *ct_doctor_addresses_text(struct ct_arena *arena, const struct ct_addresses *list)
{
    struct ct_buf out = ct_buf_in(arena);
    char text[INET6_ADDRSTRLEN];
    for (size_t i = 0; i < list->count; i++) {
        write_address(&list->at[i], text);
        ct_buf_printf(&out, "%s%s", i > 0 ? ", " : "", text);
    }
    struct ct_str text_of_all = ct_buf_done(&out);
    return out.failed ? NULL : text_of_all.at;
}

socklen_t ct_doctor_socket(const struct ct_sip_entry *entry, struct sockaddr_storage *out)
{
    char host[INET6_ADDRSTRLEN];
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(entry->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(entry->port)};
    memset(out, 0, sizeof(*out));
    memcpy(host, entry->host.at, entry->host.len); /* it was judged when it was loaded */
    host[entry->host.len] = '\0';
    if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
        memcpy(out, &in, sizeof(in));
        return sizeof(in);
    }
    (void)inet_pton(AF_INET6, host, &in6.sin6_addr);
    memcpy(out, &in6, sizeof(in6));
    return sizeof(in6);
}

bool ct_doctor_hears(const struct ct_sip_entry *entry, const struct sockaddr_storage *address)
{
    struct sockaddr_storage own;
    char text[INET6_ADDRSTRLEN];
    (void)ct_doctor_socket(entry, &own);
    write_address(&own, text);
    if (strcmp(text, "::") == 0)
        return true;
    if (strcmp(text, "0.0.0.0") != 0)
        return same_address(&own, address);
    write_address(address, text);
    return strchr(text, ':') == NULL;
}
