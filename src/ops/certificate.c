#include "ops/certificate.h"

#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "http/pem.h"

#define CHAIN_MOST 16
#define NAME_BYTES 256
#define KEY_ID_BYTES 64

struct files {
    gnutls_x509_crt_t chain[CHAIN_MOST];
    unsigned count;
    gnutls_x509_privkey_t key;
};

static enum ct_result refuse(struct ct_arena *arena, const char *setting, const char *path,
                             int error, const char **why)
{
    if (error == GNUTLS_E_MEMORY_ERROR)
        return CT_NOMEM;
    *why = ct_arena_printf(arena, "%s: %s: %s", setting, path, gnutls_strerror(error));
    return *why == NULL ? CT_NOMEM : CT_INVALID;
}

static gnutls_datum_t datum(char *text)
{
    return (gnutls_datum_t){(unsigned char *)text, (unsigned)strlen(text)};
}

static enum ct_result read_files(struct ct_arena *arena, const char *cert_file,
                                 const char *key_file, struct files *out, const char **why)
{
    char *text = NULL;
    enum ct_result result = ct_pem_read(arena, "TLS_CERT_FILE", cert_file, &text, why);
    if (result != CT_OK)
        return result;
    gnutls_datum_t pem = datum(text);
    unsigned count = CHAIN_MOST;
    int error = gnutls_x509_crt_list_import(out->chain, &count, &pem, GNUTLS_X509_FMT_PEM,
                                            GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
    free(text);
    if (error <= 0)
        return refuse(arena, "TLS_CERT_FILE", cert_file,
                      error == 0 ? GNUTLS_E_NO_CERTIFICATE_FOUND : error, why);
    out->count = (unsigned)error;
    result = ct_pem_read(arena, "TLS_KEY_FILE", key_file, &text, why);
    if (result != CT_OK)
        return result;
    pem = datum(text);
    error = gnutls_x509_privkey_init(&out->key);
    if (error == 0)
        error = gnutls_x509_privkey_import2(out->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    gnutls_memset(text, 0, pem.size);
    free(text);
    return error == 0 ? CT_OK : refuse(arena, "TLS_KEY_FILE", key_file, error, why);
}

static void drop_files(struct files *files)
{
    for (unsigned i = 0; i < files->count; i++)
        gnutls_x509_crt_deinit(files->chain[i]);
    if (files->key != NULL)
        gnutls_x509_privkey_deinit(files->key);
}

static bool fits(const struct files *files)
{
    unsigned char ours[KEY_ID_BYTES], theirs[KEY_ID_BYTES];
    size_t our_size = sizeof(ours), their_size = sizeof(theirs);
    return gnutls_x509_privkey_get_key_id(files->key, GNUTLS_KEYID_USE_SHA256, ours, &our_size) ==
               0 &&
           gnutls_x509_crt_get_key_id(files->chain[0], GNUTLS_KEYID_USE_SHA256, theirs,
                                      &their_size) == 0 &&
           our_size == their_size && memcmp(ours, theirs, our_size) == 0;
}

static enum ct_result list_names(struct ct_arena *arena, gnutls_x509_crt_t certificate,
                                 const char **out)
{
    struct ct_buf names = ct_buf_in(arena);
    char name[NAME_BYTES];
    size_t size = sizeof(name);
    for (unsigned i = 0;; i++, size = sizeof(name)) {
        int type = gnutls_x509_crt_get_subject_alt_name(certificate, i, name, &size, NULL);
        if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
            continue;
        if (type < 0)
            break;
        if (type != GNUTLS_SAN_DNSNAME)
            continue;
        if (names.len > 0)
            ct_buf_char(&names, ' ');
        ct_buf_add(&names, name, size);
    }
    *out = ct_buf_done(&names).at;
    return names.failed ? CT_NOMEM : CT_OK;
}

/* What a client without this project's own authorities would say. */
static enum ct_result judge_chain(struct files *files, const char **out)
{
    unsigned char server[] = GNUTLS_KP_TLS_WWW_SERVER;
    gnutls_x509_trust_list_t trusted;
    unsigned status = 0;
    *out = NULL;
    int error = gnutls_x509_trust_list_init(&trusted, 0);
    if (error != 0)
        return CT_NOMEM;
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID, .data = server};
    /* A system without authorities trusts nobody, which is what is found then. */
    (void)gnutls_x509_trust_list_add_system_trust(trusted, 0, 0);
    error = gnutls_x509_trust_list_verify_crt2(trusted, files->chain, files->count, &purpose, 1,
                                               GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
                                                   GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS,
                                               &status, NULL);
    bool self_signed = gnutls_x509_crt_check_issuer(files->chain[0], files->chain[0]) != 0;
    gnutls_x509_trust_list_deinit(trusted, 1);
    if (error == GNUTLS_E_MEMORY_ERROR)
        return CT_NOMEM;
    if (error != 0)
        *out = gnutls_strerror(error);
    else if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0)
        *out = self_signed ? "it is signed by itself"
                           : "it leads to no authority that this system trusts; "
                             "a certificate in between may be missing in the file";
    else if ((status & GNUTLS_CERT_PURPOSE_MISMATCH) != 0)
        *out = "it is not for servers";
    else if ((status & GNUTLS_CERT_INSECURE_ALGORITHM) != 0)
        *out = "it is signed in a way that is not safe any more";
    else if (status != 0)
        *out = "its chain does not hold";
    return CT_OK;
}

enum ct_result ct_certificate_judge(struct ct_arena *arena, const char *cert_file,
                                    const char *key_file, const char *name,
                                    struct ct_certificate *out, const char **why)
{
    struct files files = {.count = 0};
    *out = (struct ct_certificate){0};
    enum ct_result result = read_files(arena, cert_file, key_file, &files, why);
    if (result != CT_OK)
        goto out;
    out->not_before = gnutls_x509_crt_get_activation_time(files.chain[0]);
    out->not_after = gnutls_x509_crt_get_expiration_time(files.chain[0]);
    out->key_fits = fits(&files);
    out->has_name = gnutls_x509_crt_check_hostname(files.chain[0], name) != 0;
    result = list_names(arena, files.chain[0], &out->names);
    if (result == CT_OK)
        result = judge_chain(&files, &out->distrust);
out:
    drop_files(&files);
    return result;
}
