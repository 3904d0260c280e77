/* TLS: libre's connections over OpenSSL, with a certificate and a key of two files, as HTTPS has them. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "sip/re_inside.h"

static enum ct_result fail(struct ct_arena *arena, const char *setting, const char *path,
                           const char **why)
{
    unsigned long error = ERR_get_error();
    const char *reason = ERR_GET_LIB(error) == ERR_LIB_SYS ? strerror(ERR_GET_REASON(error))
                                                           : ERR_reason_error_string(error);
    *why = ct_arena_printf(arena, "%s: %s cannot be used for SIP: %s", setting, path,
                           reason == NULL ? "it is damaged" : reason);
    ERR_clear_error();
    return *why == NULL ? CT_NOMEM : CT_INVALID;
}

/* TLS 1.2 or newer (RFC 8996), and no renegotiation. */
static struct ssl_ctx_st *restrain(struct tls *tls)
{
    struct ssl_ctx_st *context = tls_openssl_context(tls);
    (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    return context;
}

enum ct_result ct_re_tls_open(struct ct_sip_net *net, struct ct_arena *arena, const char **why)
{
    const struct ct_sip_net_options *options = &net->options;
    bool needed = false;
    for (size_t i = 0; i < net->listener_count; i++)
        needed |= ct_sip_secure(net->listeners[i].listen.transport);
    if (!needed)
        return CT_OK;
    if (options->tls_cert_file[0] == '\0' || options->tls_key_file[0] == '\0') {
        *why = "SIP_LISTEN: tls: and wss: need TLS_CERT_FILE and TLS_KEY_FILE";
        return CT_INVALID;
    }
    if (tls_alloc(&net->tls_server, TLS_METHOD_SSLV23, NULL, NULL) != 0)
        return CT_NOMEM;
    struct ssl_ctx_st *context = restrain(net->tls_server);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, options->tls_cert_file) != 1)
        return fail(arena, "TLS_CERT_FILE", options->tls_cert_file, why);
    if (SSL_CTX_use_PrivateKey_file(context, options->tls_key_file, SSL_FILETYPE_PEM) != 1)
        return fail(arena, "TLS_KEY_FILE", options->tls_key_file, why);
    return CT_OK;
}

struct tls *ct_re_tls_client(struct ct_sip_net *net)
{
    if (net->tls_client == NULL && tls_alloc(&net->tls_client, TLS_METHOD_SSLV23, NULL, NULL) == 0)
        (void)restrain(net->tls_client);
    return net->tls_client;
}

void ct_re_tls_close(struct ct_sip_net *net)
{
    net->tls_server = mem_deref(net->tls_server);
    net->tls_client = mem_deref(net->tls_client);
}
