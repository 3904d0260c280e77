/* Any text as a URI and as an address: what is read is made of pieces of it, is the same as itself, and is read again when
 * it is written. */
#include <assert.h>
#include <stdint.h>

#include "sip/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_piece(struct ct_str piece, struct ct_str whole)
{
    assert(piece.len == 0 ||
           (piece.at >= whole.at && piece.at + piece.len <= whole.at + whole.len));
}

static size_t count_params(struct ct_str params)
{
    size_t count = 0;
    for (size_t i = 0; i < params.len; i++)
        count += params.at[i] == ';';
    return count;
}

static void check_uri(struct ct_arena *arena, struct ct_str text)
{
    struct ct_sip_uri uri;
    struct ct_sip_uri again;
    struct ct_str plain;

    if (!ct_sip_uri_read(text, &uri))
        return;
    check_piece(uri.user, text);
    check_piece(uri.password, text);
    check_piece(uri.host, text);
    check_piece(uri.params, text);
    check_piece(uri.headers, text);
    size_t headers = 1;
    for (size_t i = 0; i < uri.headers.len; i++)
        headers += uri.headers.at[i] == '&';
    /* With a name in it twice it may contradict itself. */
    if (count_params(uri.params) < 2 && headers < 32)
        assert(ct_sip_uri_equal(&uri, &uri));
    enum ct_result result = ct_sip_unescape(arena, uri.user, &plain);
    assert(result == CT_OK && plain.len <= uri.user.len);
    struct ct_buf buf = ct_buf_in(arena);
    ct_sip_uri_write(&buf, &uri);
    struct ct_str written = ct_buf_done(&buf);
    bool read = ct_sip_uri_read(written, &again);
    assert(read && again.port == uri.port && ct_str_equal(again.user, uri.user));
    assert(ct_str_equal(again.host, uri.host) && again.headers.len == 0);
    struct ct_buf escaped = ct_buf_in(arena);
    ct_sip_escape_user(&escaped, plain);
    struct ct_str resolved;
    result = ct_sip_unescape(arena, ct_buf_done(&escaped), &resolved);
    assert(result == CT_OK && ct_str_equal(resolved, plain));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_str text = {(const char *)data, size};
    struct ct_arena *arena = ct_arena_new();
    struct ct_sip_address address;
    struct ct_sip_via via;

    assert(arena != NULL);
    check_uri(arena, text);
    if (ct_sip_address_read(text, &address) && !address.star) {
        check_piece(address.display, text);
        check_piece(address.params, text);
        check_piece(address.tag, text);
        check_uri(arena, address.uri.text);
    }
    if (ct_sip_via_read(text, &via)) {
        check_piece(via.host, text);
        check_piece(via.branch, text);
        assert(via.host.len > 0);
    }
    ct_arena_free(arena);
    return 0;
}
