/* TLS: libre's connections over OpenSSL, with a certificate and a key of two files, as HTTPS has them. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
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

bool ct_re_is_domain(const char *name)
{
    struct ct_sip_socket address;
    return !ct_sip_address_parse(ct_str_of(name), &address);
}

/* Says what is wrong with a certificate. */
static int judge(int good, X509_STORE_CTX *context)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
    struct ct_sip_net *net = X509_STORE_get_ex_data(X509_STORE_CTX_get0_store(context), 0);
    const char *host = X509_VERIFY_PARAM_get0_host(param, 0);
    char *address = host == NULL ? X509_VERIFY_PARAM_get1_ip_asc(param) : NULL;
    if (good == 0 && net->user.distrusted != NULL)
        net->user.distrusted(net->user.ctx, host != NULL ? host : (address != NULL ? address : ""),
                             X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
    OPENSSL_free(address);
    return good;
}

/* SSL_CERT_FILE and SSL_CERT_DIR are OpenSSL's own way of naming others. */
static bool find_authorities(struct ct_sip_net *net)
{
    if (net->authorities != NULL)
        return true;
    net->authorities = X509_STORE_new();
    if (net->authorities != NULL && X509_STORE_set_default_paths(net->authorities) == 1 &&
        X509_STORE_set_ex_data(net->authorities, 0, net) == 1)
        return true;
    X509_STORE_free(net->authorities);
    net->authorities = NULL;
    return false;
}

static bool demand(struct ct_sip_net *net, struct ct_re_peer *peer)
{
    struct ssl_ctx_st *context = restrain(peer->tls);
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);
    SSL_CTX_set1_cert_store(context, net->authorities);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, judge);
    if (!ct_re_is_domain(peer->name))
        return X509_VERIFY_PARAM_set1_ip_asc(param, peer->name) == 1;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(param, peer->name, strlen(peer->name)) == 1;
}

const struct ct_re_peer *ct_re_tls_peer(struct ct_sip_net *net, const char *name)
{
    struct ct_re_peer *peer = net->peers;
    size_t length = strlen(name);
    while (peer != NULL && strcasecmp(peer->name, name) != 0)
        peer = peer->next;
    if (peer != NULL)
        return peer;
    peer = calloc(1, sizeof(*peer) + length + 1);
    if (peer == NULL)
        return NULL;
    memcpy(peer->name, name, length);
    if (!find_authorities(net) || tls_alloc(&peer->tls, TLS_METHOD_SSLV23, NULL, NULL) != 0 ||
        !demand(net, peer)) {
        mem_deref(peer->tls);
        free(peer);
        return NULL;
    }
    peer->next = net->peers;
    net->peers = peer;
    return peer;
}

void ct_re_tls_close(struct ct_sip_net *net)
{
    while (net->peers != NULL) {
        struct ct_re_peer *next = net->peers->next;
        mem_deref(net->peers->tls);
        free(net->peers);
        net->peers = next;
    }
    X509_STORE_free(net->authorities);
    net->authorities = NULL;
    net->tls_server = mem_deref(net->tls_server);
    net->tls_client = mem_deref(net->tls_client);
}
