#include "voice/relay_token.h"

#include <string.h>

#include "sip/uri.h"

#define MAC_BYTES ((size_t)16)
#define BRANCH "z9hG4bK" CT_RELAY_SIGN
#define BACK "ctr-back"

void ct_relay_key_set(struct ct_relay_key *key, struct ct_str secret)
{
    ct_hkdf_sha256((struct ct_str){0}, secret, CT_STR("cloud-telephony relayed calls"), key->bytes,
                   sizeof(key->bytes));
}

/* ---- writing ---- */

static void write_hex(struct ct_buf *out, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        ct_buf_char(out, digits[bytes[i] >> 4]);
        ct_buf_char(out, digits[bytes[i] & 15]);
    }
}

static void write_number(struct ct_buf *out, uint64_t number)
{
    ct_buf_char(out, '-');
    ct_buf_int(out, (int64_t)number);
}

/* Transport, family, address and port, of characters that may stand in a token and in a URI's user part. */
static void write_socket(struct ct_buf *out, const struct ct_sip_hop *hop)
{
    ct_buf_int(out, hop->transport);
    write_number(out, hop->peer.family);
    ct_buf_char(out, '-');
    write_hex(out, hop->peer.bytes, sizeof(hop->peer.bytes));
    write_number(out, hop->peer.port);
}

static void make_mac(const struct ct_relay_key *key, const char *purpose, struct ct_str text,
                     struct ct_str bound, uint8_t out[CT_SHA256_BYTES])
{
    const struct ct_str pieces[] = {ct_str_of(purpose), text, CT_STR(" "), bound};
    ct_hmac_sha256((struct ct_str){(const char *)key->bytes, sizeof(key->bytes)}, pieces,
                   sizeof(pieces) / sizeof(pieces[0]), out);
}

void ct_relay_token_write(struct ct_buf *out, const struct ct_relay_key *key,
                          const struct ct_relay_token *token)
{
    uint8_t mac[CT_SHA256_BYTES];
    struct ct_buf text = ct_buf_in(out->arena);
    write_socket(&text, &token->caller);
    write_number(&text, (uint64_t)token->device_id);
    write_number(&text, (uint64_t)token->place);
    write_number(&text, (uint64_t)token->issued_s);
    struct ct_str whole = ct_buf_done(&text);
    if (text.failed) {
        out->failed = true;
        return;
    }
    make_mac(key, "route ", whole, CT_STR(""), mac);
    ct_buf_text(out, CT_RELAY_SIGN);
    write_hex(out, mac, MAC_BYTES);
    ct_buf_char(out, '-');
    ct_buf_str(out, whole);
}

void ct_relay_mark_write(struct ct_buf *out, const struct ct_relay_key *key,
                         const struct ct_sip_hop *back, struct ct_str below)
{
    uint8_t mac[CT_SHA256_BYTES];
    struct ct_buf text = ct_buf_in(out->arena);
    write_socket(&text, back);
    write_number(&text, back->connection);
    write_number(&text, back->listener);
    struct ct_str whole = ct_buf_done(&text);
    if (text.failed) {
        out->failed = true;
        return;
    }
    make_mac(key, "via ", whole, below, mac);
    ct_buf_text(out, ";branch=" BRANCH);
    write_hex(out, mac, MAC_BYTES);
    ct_buf_text(out, ";" BACK "=");
    ct_buf_str(out, whole);
}

/* ---- reading ---- */

static bool begins(struct ct_str text, const char *with)
{
    size_t length = strlen(with);
    return text.len >= length && memcmp(text.at, with, length) == 0;
}

static bool read_hex(struct ct_str text, uint8_t *out, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    if (text.len != 2 * count)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = memchr(digits, text.at[i], 16);
        if (digit == NULL)
            return false;
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | (digit - digits));
    }
    return true;
}

/* The next field, up to a dash or the end. */
static struct ct_str next(struct ct_str *rest)
{
    const char *dash = rest->len == 0 ? NULL : memchr(rest->at, '-', rest->len);
    size_t length = dash == NULL ? rest->len : (size_t)(dash - rest->at);
    struct ct_str field = {rest->at, length};
    length += dash == NULL ? 0 : 1;
    *rest = (struct ct_str){rest->at + length, rest->len - length};
    return field;
}

static bool next_number(struct ct_str *rest, uint64_t max, uint64_t *out)
{
    struct ct_str field = next(rest);
    uint64_t number = 0;
    for (size_t i = 0; i < field.len; i++) {
        if (field.at[i] < '0' || field.at[i] > '9' || number > max / 10)
            return false;
        number = number * 10 + (uint64_t)(field.at[i] - '0');
    }
    *out = number;
    return field.len > 0 && number <= max;
}

static bool read_socket(struct ct_str *rest, struct ct_sip_hop *out)
{
    uint64_t transport;
    uint64_t family;
    uint64_t port;
    *out = (struct ct_sip_hop){0};
    if (!next_number(rest, 99, &transport) || transport >= CT_SIP_TRANSPORTS ||
        !next_number(rest, 99, &family) || family > CT_SIP_IPV6 ||
        !read_hex(next(rest), out->peer.bytes, sizeof(out->peer.bytes)) ||
        !next_number(rest, 65535, &port))
        return false;
    out->transport = (enum ct_sip_transport)transport;
    out->peer.family = (enum ct_sip_family)family;
    out->peer.port = (uint16_t)port;
    return true;
}

static bool is_mac(const struct ct_relay_key *key, const char *purpose, struct ct_str text,
                   struct ct_str bound, struct ct_str digits)
{
    uint8_t right[CT_SHA256_BYTES];
    uint8_t given[MAC_BYTES] = {0};
    make_mac(key, purpose, text, bound, right);
    return read_hex(digits, given, MAC_BYTES) &&
           ct_str_equal_secret((struct ct_str){(const char *)given, MAC_BYTES},
                               (struct ct_str){(const char *)right, MAC_BYTES});
}

bool ct_relay_token_read(const struct ct_relay_key *key, struct ct_str user,
                         struct ct_relay_token *out)
{
    uint64_t device_id;
    uint64_t place;
    uint64_t issued_s;
    if (!begins(user, CT_RELAY_SIGN))
        return false;
    struct ct_str rest = {user.at + strlen(CT_RELAY_SIGN), user.len - strlen(CT_RELAY_SIGN)};
    struct ct_str mac = next(&rest);
    if (!is_mac(key, "route ", rest, CT_STR(""), mac) || !read_socket(&rest, &out->caller) ||
        !next_number(&rest, INT64_MAX, &device_id) || !next_number(&rest, INT64_MAX, &place) ||
        !next_number(&rest, INT64_MAX, &issued_s) || rest.len > 0)
        return false;
    out->device_id = (int64_t)device_id;
    out->place = (int64_t)place;
    out->issued_s = (int64_t)issued_s;
    return true;
}

bool ct_relay_mark_read(const struct ct_relay_key *key, const struct ct_sip_via *via,
                        struct ct_str below, struct ct_sip_hop *back)
{
    struct ct_str name;
    struct ct_str value;
    struct ct_str text = {0};
    uint64_t connection;
    uint64_t listener;
    if (!begins(via->branch, BRANCH))
        return false;
    for (size_t at = 0; ct_sip_next_param(via->params, &at, &name, &value);)
        if (ct_str_equal_nocase(name, CT_STR(BACK)))
            text = value;
    struct ct_str mac = {via->branch.at + strlen(BRANCH), via->branch.len - strlen(BRANCH)};
    if (!is_mac(key, "via ", text, below, mac) || !read_socket(&text, back) ||
        !next_number(&text, INT64_MAX, &connection) || !next_number(&text, UINT32_MAX, &listener) ||
        text.len > 0)
        return false;
    back->connection = connection;
    back->listener = (uint32_t)listener;
    return true;
}
