#ifndef CT_TESTS_UNIT_ACCOUNTS_KEYS_H
#define CT_TESTS_UNIT_ACCOUNTS_KEYS_H

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accounts/token.h"
#include "config/config.h"

/** Keys that were made for these tests and serve for nothing else, and their ids (RFC 7638) as another
 *  implementation computes them. */

/* RSA, 2,048 bits, PKCS #8. */
#define RSA_A                                                            \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC0q+xHquZMYz28\n" \
    "WOcssW+tNwizkRFJLOyw7a5fxUMQraukIRdqV5AcYSMI/qTbIcoUIiIdrmNwn9ok\n" \
    "a1tmPFFs0bWoNp0pwNSTATohyErhYLdbT7WII8MqHitnWlu9w3j5m3GNKsb5X8np\n" \
    "xhHHtmrnDE3tJUjnxiKTZF2LKBIPXxhCq088rA64dR6vZJOW5PnuBC5nkvC8TdyE\n" \
    "r1DxzE2HkxFkr0UN69k1/OYQWAE6WuxGdv+KwwYlnO62D/hhTRT3KEg+nzs7I350\n" \
    "fkMCgsL5JTtmo1W8dvfCU6n8HsCO3Wprz80z2Cm9ERzoaooXtywf2mtV3rkdS40L\n" \
    "Sus0Di7ZAgMBAAECggEABSADYD80sGqR3vQrdUgrQZ/Tw8MtlOJ749QpI9+tTiYU\n" \
    "YD3LRKXrO2lCQuYf65bg2uEWD/8U8S6q3EbzFKhJGsFFfC9o9Anbn/wv/hlVnvqI\n" \
    "1t1UHVn+4ybWmwZ5jiX4b51F4VXOPt+jRoSmqHfIpRLSR+DMndaFairPWdW79OJK\n" \
    "C7ofpM8QPCA6xXktQWg9/pUknO4E504Z+Cfq7Pfi3y2ZntDieaFf5XT3IyBc31dJ\n" \
    "iIj/sIEO66Uwt7/Z3Uktzat2kzc2q4P6SLXUuosqqmt9Cgt0ctPjExcA1YrBoLSF\n" \
    "ii6WaIJOg5xj/Cy/rbK8Rsta/5Cj20rs4Sb6z7/wKQKBgQD2M9ttn0c4dAQ7f11C\n" \
    "RLnxu6EQGJKO3SIu9StlqoYB4HgpRtap0E8EzG+nMZ5QbOWfpDeVrZtSxCW4hluh\n" \
    "e5UJjbDrLj1i7AwFMwfRtU45AjznHRoKQhkgebjCQdexKOVmlIIq2SdWU5VJUoZ6\n" \
    "I7vznHf3+fu93pjsAXNKBX5FLwKBgQC73HskgItEwxnYbryZsOKur6ahZG7TOwSm\n" \
    "14pl84MzatFa2VQo6Z2lzyG347uxLIG4GouwTtmsrJAmeAow6xCmKmhBgNUb/tKF\n" \
    "XuWjLA+F3zg8K7lsUptOkMmpUZsZpOgB9pJsTAOZzukumAxUIypyhgrc7vLekzta\n" \
    "pu98Hy7adwKBgDYQBxQYULRVzYQfIKRnoQky8VgufSg/6Ly0+3WUr16EIv61Xnfl\n" \
    "lSRxm+bz31a7wuR+U/JbL+tJxRqy7jYUhBKX+Yx7F+G8AZu2q/XhwS6FjkgVvN0Z\n" \
    "zJi0Ad0uRiXR3CXdYIP2MUwkiHiUVZFGfYQuDK34R85Wre/NFbrgX+zjAoGBAKmN\n" \
    "j58cXZZMOLF9EL/uREnBwzT7PoNrSwGCnCj0JcBsclP6vtjGMUELt7UO18JLFzEg\n" \
    "1F7ma9RLUzdFNH1+S2KN99bW/oDr9vnk8oHZLJF5LHoyRIKd9Apu53PocYItsjDD\n" \
    "aNhRqxZRB2jEVqxBqPgAPyG0kIOOgw2IibGPO2x1AoGBAKRo2T1RwhIt0Es0SOxY\n" \
    "fj8nQkN3xOEml9ZVPGse9zP3BsjtVRaDEYKxfBV/KKAsynBAR3UtQo8n4EPaxwD0\n" \
    "gMY9K34k2DOlySPvP5ycOL+NqbGcSmSB86fGLRP5CU4sPyf2A09ohZyTJUIj5eh+\n" \
    "b41ubgCtU7D3gMwrp2sQGzgl\n"                                         \
    "-----END PRIVATE KEY-----\n"
#define RSA_A_PUBLIC                                                     \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtKvsR6rmTGM9vFjnLLFv\n" \
    "rTcIs5ERSSzssO2uX8VDEK2rpCEXaleQHGEjCP6k2yHKFCIiHa5jcJ/aJGtbZjxR\n" \
    "bNG1qDadKcDUkwE6IchK4WC3W0+1iCPDKh4rZ1pbvcN4+ZtxjSrG+V/J6cYRx7Zq\n" \
    "5wxN7SVI58Yik2RdiygSD18YQqtPPKwOuHUer2STluT57gQuZ5LwvE3chK9Q8cxN\n" \
    "h5MRZK9FDevZNfzmEFgBOlrsRnb/isMGJZzutg/4YU0U9yhIPp87OyN+dH5DAoLC\n" \
    "+SU7ZqNVvHb3wlOp/B7Ajt1qa8/NM9gpvREc6GqKF7csH9prVd65HUuNC0rrNA4u\n" \
    "2QIDAQAB\n"                                                         \
    "-----END PUBLIC KEY-----\n"
#define RSA_A_N                                                                                  \
    "tKvsR6rmTGM9vFjnLLFvrTcIs5ERSSzssO2uX8VDEK2rpCEXaleQHGEjCP6k2yHKFCIiHa5jcJ_aJGtbZjxRbNG1qD" \
    "adKcDUkwE6IchK4WC3W0-1iCPDKh4rZ1pbvcN4-ZtxjSrG-V_J6cYRx7Zq5wxN7SVI58Yik2RdiygSD18YQqtPPKwO" \
    "uHUer2STluT57gQuZ5LwvE3chK9Q8cxNh5MRZK9FDevZNfzmEFgBOlrsRnb_isMGJZzutg_4YU0U9yhIPp87OyN-dH" \
    "5DAoLC-SU7ZqNVvHb3wlOp_B7Ajt1qa8_NM9gpvREc6GqKF7csH9prVd65HUuNC0rrNA4u2Q"
#define RSA_A_ID "7BM1uumbMz4I_qEUqEYOddixmIkBo9RSmFqwZtaMoxI"
/* RSA, 2,048 bits, PKCS #1. */
#define RSA_B                                                            \
    "-----BEGIN RSA PRIVATE KEY-----\n"                                  \
    "MIIEowIBAAKCAQEA7MeUisxq80Az+HoJPTYPjSZQYeykUe46w2viez0x+Haeezpy\n" \
    "j2JBVcs180cfDw0GcGJxKkbA8yHQ6U/tVy3fwjcTSixMr//wKimHTAY8Su0+W9qv\n" \
    "UnTS/n7sfPVOSEWS4WiZh2Miq4udQ/Al7Mp4WoJSF5zuVf1bCgHK92uRby/3pftm\n" \
    "ce0Pf6lksSVJR3FhZyt9mM+q78lxv2Ft9r04YbCO93F/Cl029mO5Tg2K4WQ2TtLb\n" \
    "PYQeVbK/+3jp1LLtrNvq0K1eSbUmq1fgM+0UQU2NxDRrpjRmlFnQd0RtuxhHIZjW\n" \
    "c+VNvGQNHdKevPKp7oEimxcTHyOuTzwPB6j0sQIDAQABAoIBAG2T8Z0IfEhlwodw\n" \
    "Jr1yuuC2RgYDh4o5J23QDEi/adRURQS/aEwOCzGCsU2McQW8n+m7zSZlBx+d2zpW\n" \
    "WH77hm2xolY1ySm8Vu+UN36J9jYwtCa7Pl75HLpVj+lGdzuAIzj4+PBMgzuDibzq\n" \
    "swpyKx+r5wTxheU6snqfmMhHOk+LLfbEdEvVJjisKcHspP97N3BLqIyf38/wr9Tq\n" \
    "ilzLuppY3YDgHSmxgDMrXScSGq8F+JWkz8PDwcFp2oke1g1PtiUz1tGlvrmpJXVR\n" \
    "RT6P8GRAQ1GjbeBxvRXmiGyG0tisygkzlGB8FTFRhK19dbqpph+IEQQVBBbMTpTv\n" \
    "K56FKo8CgYEA+hZcgYQdIaYAljrPjLRbZsSFJjcvbTNnKliSAqvfgy6rNpOG/KWZ\n" \
    "hUCm+0Sf8EpKKOrbUY9/w4lHwKNOoodirVU929miPjoEkyqWl/dwW1Xh8e8vdGZ3\n" \
    "aJoeX2BgcWebQXZzcCCkmYIylZtNFCCXfJJobgrMFFrh0NgcuBwDnpsCgYEA8mCs\n" \
    "ssfgVCtEwZBxTeq4Bu/9jAcCDTqqBInOX9TaRw19ahnV/Webh8VunPiiItzzbED0\n" \
    "wvldxkaagpm/+c6vWizu7Hfhck2nSl1/H799B+N1o8reESq/6YzLU44e609RSy+E\n" \
    "/CQ+Nmhu9PM9p63jbGJnfnQo+l7hy35BwGOEaKMCgYAOo1huzEjYO1s1b+POHJBt\n" \
    "B3uzrO89uRCEzgJd3amLiCPFYgU4rIi73/jmJDIoYnDMzFJiB8A2tcZZZDWqFbqU\n" \
    "4rRoNejlM4gpBQkjg/wznGdJPfLNIWJD4SF9+6opeSMBRemj2oVH5vMHBrwQPYgg\n" \
    "ZoFuT3t6hYdKLhwgOqOLmQKBgElcMWk7Tg6ruffMPD8VF/YhlWBYjqpqYyNUgn5G\n" \
    "8nom/xqqDzbPsSd6/mvMZWaf8Z2GW47X4yYsIH//ATge8rwcdYRlFHuAPW4otl1p\n" \
    "m/JTSjv1HxmbEtMhpjj3/yvBqh1TmLCoV5woJ81EAhlKbFdVwXVouy5soXLyF/yf\n" \
    "Imh5AoGBALZIRBhKSTx2S/WPt2coXA8Rj9nvstK4fv1zvmKyN8ZCsJQJtOy6346G\n" \
    "nxSJBEfn0HogsXPWKACOt0/MX6EoLtQN1606p+SJ8qIC8aLXpUgC+qT9hdDuYJsl\n" \
    "AlsFIqL6hxPZ1np27/LYPGOLPw2+msBEw/1glSJSZA1gBmiCQB2G\n"             \
    "-----END RSA PRIVATE KEY-----\n"
/* Its public half in PKCS #1. */
#define RSA_B_PKCS1_PUBLIC                                               \
    "-----BEGIN RSA PUBLIC KEY-----\n"                                   \
    "MIIBCgKCAQEA7MeUisxq80Az+HoJPTYPjSZQYeykUe46w2viez0x+Haeezpyj2JB\n" \
    "Vcs180cfDw0GcGJxKkbA8yHQ6U/tVy3fwjcTSixMr//wKimHTAY8Su0+W9qvUnTS\n" \
    "/n7sfPVOSEWS4WiZh2Miq4udQ/Al7Mp4WoJSF5zuVf1bCgHK92uRby/3pftmce0P\n" \
    "f6lksSVJR3FhZyt9mM+q78lxv2Ft9r04YbCO93F/Cl029mO5Tg2K4WQ2TtLbPYQe\n" \
    "VbK/+3jp1LLtrNvq0K1eSbUmq1fgM+0UQU2NxDRrpjRmlFnQd0RtuxhHIZjWc+VN\n" \
    "vGQNHdKevPKp7oEimxcTHyOuTzwPB6j0sQIDAQAB\n"                         \
    "-----END RSA PUBLIC KEY-----\n"
#define RSA_B_ID "WIAIN7mnBxn-ILVTN2DgIT9_nzDZ2cJvoUfeJH_vQCM"
/* P-256, in the form of RFC 5915, behind the parameters that `openssl ecparam` writes. */
#define EC_A                                                             \
    "-----BEGIN EC PARAMETERS-----\n"                                    \
    "BggqhkjOPQMBBw==\n"                                                 \
    "-----END EC PARAMETERS-----\n"                                      \
    "-----BEGIN EC PRIVATE KEY-----\n"                                   \
    "MHcCAQEEIFWALmNbBKT+1455iWPRadneFterNF4LPiVVshXgn07toAoGCCqGSM49\n" \
    "AwEHoUQDQgAE9VUMV6h7X7jHkaL3qB0eohGnqA4wxQpR1wSvHAEDVHc3nvbdkP6G\n" \
    "NhlE9sadpFulWlt3I5PFmedTmzsPa73EtA==\n"                             \
    "-----END EC PRIVATE KEY-----\n"
#define EC_A_PUBLIC                                                      \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9VUMV6h7X7jHkaL3qB0eohGnqA4w\n" \
    "xQpR1wSvHAEDVHc3nvbdkP6GNhlE9sadpFulWlt3I5PFmedTmzsPa73EtA==\n"     \
    "-----END PUBLIC KEY-----\n"
#define EC_A_ID "E4V6vdenw6zC_wAKkJ7YoLv3owpyC8VH95TuXLNzYCw"
/* P-256, PKCS #8. Its x begins with a zero byte. */
#define EC_B                                                             \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvOvnTDH8LdAX5poI\n" \
    "cezO7mRvvej6tdkb3Yyo4zZPrTChRANCAAQAqAfLxQiB8atzvnxe03Z2tNiFtiLx\n" \
    "ikLy9ZQlkB4HTnig3G5V05MCc+0UaxjaU5UcVwCGEa42ekcUp7p881ot\n"         \
    "-----END PRIVATE KEY-----\n"
#define EC_B_ID "oVABM9PdyYDRK0XYLtwlPEWXM0lHGQ5FalLJLbt3Q1w"
#define EC_B_X "AKgHy8UIgfGrc758XtN2drTYhbYi8YpC8vWUJZAeB04"
#define EC_B_Y "eKDcblXTkwJz7RRrGNpTlRxXAIYRrjZ6RxSnunzzWi0"
/* The key of RFC 7638 section 3.1, and its thumbprint. */
#define RFC7638_PUBLIC                                                   \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0vx7agoebGcQSuuPiLJX\n" \
    "ZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS\n" \
    "oc/BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ/2W+5JsGY4Hc5n9yBXArwl93lqt\n" \
    "7/RN5w6Cf0h4QyQ5v+65YGjQR0/FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0\n" \
    "zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt+bFTWhAI4vMQFh6WeZu0f\n" \
    "M4lFd2NcRwr3XPksINHaQ+G/xBniIqbw0Ls1jF44+csFCur+kEgU8awapJzKnqDK\n" \
    "gwIDAQAB\n"                                                         \
    "-----END PUBLIC KEY-----\n"
#define RFC7638_ID "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
/* What must not be taken. */
#define RSA_1024                                                         \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MIICeQIBADANBgkqhkiG9w0BAQEFAASCAmMwggJfAgEAAoGBANPl15Qr8RFN6/Yo\n" \
    "LE/lTyu9Wt/jZsCI3F8OiH0NgUDxm+GN6K/PbORrvHnpuGGajOyOPwQW7KE8kSI7\n" \
    "FplVjABE5ruwuf3b0qrIzr4ltm6jObnETUkWRrrVuVPKLU8ntnE96rPms34KufxJ\n" \
    "PuNCtgKAjvfqthvBAQ0DjQEmDYY5AgMBAAECgYEAjcS9+gV4MPKoRzXTh9TMpl/2\n" \
    "18ol6fTnM7XefYQ2kQPVHhA6uL2Xhi/KlupXEP49ANuer5bC1JFYLMXJteb1VdSJ\n" \
    "SkBe3tf04yX6rf85S9jMIuriKR8PVWTyvWze9DBYa9ZTc3/wzmTWfn4lXm/YjfhH\n" \
    "KzJbKhx5DDU2lCwL3wECQQD3dgUEzzH0SVEzCC/B/GTs9uN8jyeoe9adUPz3jP6B\n" \
    "hHd/kwNikbBKIhvYLty1Witnfo12gi2qTNfk/CLISFVhAkEA2zWrkxdaxG5pGsJ/\n" \
    "pGFf0r3GGInA5mI+5Wymz/A1YDqmhfPpLSSHQTQ8OAh5GJzLYA2uP1DVaVpC/XgB\n" \
    "kBeH2QJBANCPzI0QH7cW7/PFy5KAKYO6VWKOuMr8jJYMQxhU4c/BGIISIsE5rs3c\n" \
    "T4F1hZjnRTu14n5mGxy0JSWeB6arqCECQQCrEipw4zQBwgyiRpGobhmC9HkJI0/4\n" \
    "O0nMb8uK0XJGQ987AIvDoBMxzpsEO5CNpaeNsX9/iAzUaA2Jk8LceZCZAkEAhL2h\n" \
    "SDNagoV5WpYJqbN7MoNQzaTUPH5Az4pC5zzchUWqHlm9z8GtV+z428/uXHdAq6a/\n" \
    "SJK+xKun0b0siHs2ZA==\n"                                             \
    "-----END PRIVATE KEY-----\n"
#define EC_P384                                                          \
    "-----BEGIN EC PRIVATE KEY-----\n"                                   \
    "MIGkAgEBBDD3S1R/X+e0h6uufNUFgSAoS9aRZn/FOPxIFWUuri42RdyISN/2BQQN\n" \
    "z1lybyi97+ygBwYFK4EEACKhZANiAASGFBddSLYL41DRtby883e4nspRxH40BGtQ\n" \
    "8gXlsVRfpjjesYTizbFgKSP22t6hAi0UbeS6kw8KUs2lg8tQGN6V9Wx4HAt+62oh\n" \
    "UqKQTKgxQ1RRy3SYcyFfoDx3hWt2MWw=\n"                                 \
    "-----END EC PRIVATE KEY-----\n"
#define EC_P224                                                          \
    "-----BEGIN EC PRIVATE KEY-----\n"                                   \
    "MGgCAQEEHFqpdmMnsgtMQHVBS4uvnkk50hGQ2LjxbknXMJqgBwYFK4EEACGhPAM6\n" \
    "AARa7DG91pYXPbp5u+Z7WLYd6vQrFYPUmNt2FgJcPqyz8Ez15OdrogDl5HgffixG\n" \
    "Av9smPhdG855uQ==\n"                                                 \
    "-----END EC PRIVATE KEY-----\n"
#define ED25519                                                          \
    "-----BEGIN PRIVATE KEY-----\n"                                      \
    "MC4CAQAwBQYDK2VwBCIEIGxRsNK94Khz/yfWs27IRmtakg4woQxmUoHZ/3/Gs9pU\n" \
    "-----END PRIVATE KEY-----\n"
#define RSA_PSS_PUBLIC                                                   \
    "-----BEGIN PUBLIC KEY-----\n"                                       \
    "MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBAMinQlO4edV9GA3OqpqXT6/Z\n" \
    "sPuppoBDHo1Oy7ivuqnq5a2IieDVkwq+WYgGvgBwtzGB/9ec0HhUsjUzibRQaLnq\n" \
    "vJuF1uynwsoznMl85q2d2TV23SJFzOkVV02Pmq4aEj+XA9ooq1IctR1mly0V6/Ci\n" \
    "uMI3fFW4JPS1Dpl/yts5hlvlMNB1b9M5z0EB80xZ2OpF4m1cMhAlLvgRR/096Im6\n" \
    "9veV1JmDPlggEVDGnM+1U0K7UvA2BrYioLTu1aMIoKXBtQLNiWji2ZRdhY3i9duA\n" \
    "8tNd0tNWF/e+jAP9OgPM0aG/o0rAJuSZvB21atS1Pfo0oy1MforbeVCZ+Bjx4qcC\n" \
    "AwEAAQ==\n"                                                         \
    "-----END PUBLIC KEY-----\n"
/* EC_A under a passphrase, in PKCS #8 and in the older form. */
#define EC_ENCRYPTED                                                     \
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"                            \
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjMSdwucllHtQICCAAw\n" \
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEHQcp3sjTt+PCeuUHAZVB6QEgZD5\n" \
    "pUWgP0uo4eEZv802WXP23UW29p8rUPMOFQRDAJKwDp7Ce6ZhrIlv4sjpH6hEeYg2\n" \
    "BUlVIsbM1NTQwC3wtWEuoMioffD8BKPzeb03o0CPS7l6ZAejJopm2w0ZyXl+H/GN\n" \
    "6JK/bMn/uYuNIfrlKZrHwmJQlIWBKWDyX+lbg1/qJGoNi1HRDnzgKBg6L5nVi8g=\n" \
    "-----END ENCRYPTED PRIVATE KEY-----\n"
#define EC_ENCRYPTED_OLD                                                 \
    "-----BEGIN EC PRIVATE KEY-----\n"                                   \
    "Proc-Type: 4,ENCRYPTED\n"                                           \
    "DEK-Info: AES-128-CBC,384757148B6115D434C7173AB5F04EA7\n"           \
    "\n"                                                                 \
    "NtanzRm4wPLCHJ+Ie9yQSH8VtQvq9Xy341rwKokzbb4QVr+eClUFty+kLACoUrpi\n" \
    "QeRqVY5ZnBW07DDWWEHgn0szFrPqGnFs8qUiftOwEq2fdEKL6ZNjFvbOiD0Sh7kp\n" \
    "clxBYeE1Mj5snyIWcSyQO5vQ0cPvX+1oqUETY2iEwN4=\n"                     \
    "-----END EC PRIVATE KEY-----\n"
/* Tokens made by another implementation (PyJWT): {"sub":"42","iat":1700000000,"exp":1700001800,
 * "jti":"vector"}, without a `kid`. */
#define RSA_A_TOKEN                                                                              \
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwM" \
    "DAxODAwLCJqdGkiOiJ2ZWN0b3IifQ.ewcBFyLfybqIaG-P-SWC87UUwMyvxuJubHp9kd-MjI2l7ISFFiq17_gnEg10" \
    "WHXzV3LfijqAcBUC7Oi66q-g8x-pWOnB_Cedl5WwaYzaczD8d-V2V5PDMREpnlz-PFcMaQBjEl-cgEkgbkjNL3iMno" \
    "rFW3eOXuhjyo6qrU4QKpBgMIzVpMjSKLZEHyaCpuDXyVuo0vbujXbThKWZCJzIbprKsGmgfWeBoOjgvjvDytwjyYpg" \
    "Kv_VLiGiFwzEhRyh5ICmFtXDsunbCV39MXF1jldwDa0pH12s8wXy0F2SOHXRxUVAL29u7MxiNh-e9hOY_AaaPljkVl" \
    "QpEGEqzgpy8A"
/* ES256 by EC_A. R begins with a zero byte in the first, S in the second. */
#define EC_A_TOKEN_SHORT_R                                                                       \
    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwM" \
    "DAxODAwLCJqdGkiOiJ2ZWN0b3IifQ.AOAOU4yCEgo_o2-0_iQdMVP-gmazuvwjuZoOFROk6Sd-oo5LeaYT2e7GHe29" \
    "tewT8TZUv8rLTznWvLiIaL-KuQ"
#define EC_A_TOKEN_SHORT_S                                                                       \
    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwM" \
    "DAxODAwLCJqdGkiOiJ2ZWN0b3IifQ.eLQUOjUHF6uxJu-XOKlr3BscppPxtn7HdVQ7PQ1HOusA8657bkMzpEVdrKC3" \
    "ngDi-qXGfEx6YBmjufP_ShyOPQ"
/* ES256 by EC_B, with its `kid`. */
#define EC_B_TOKEN                                                                               \
    "eyJhbGciOiJFUzI1NiIsImtpZCI6Im9WQUJNOVBkeVlEUkswWFlMdHdsUEVXWE0wbEhHUTVGYWxMSkxidDNRMXciLC" \
    "J0eXAiOiJKV1QifQ.eyJzdWIiOiI0MiIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAxODAwLCJqdGkiOiJ2Z" \
    "WN0b3IifQ.RHrjVbmiofMbAAfCG-n61HzG25SMfF90JjV8NxFZgiZwaXdqCdOB_a5FdBlajIoecst5HCw-a8iaLQv6" \
    "zmS0Nw"

/** A file in memory. Zeroed or opened, it may be closed. */
struct key_file {
    int fd; /* 0: none */
    char path[40];
};

static inline enum ct_result key_file_open(struct key_file *file, const char *text)
{
    file->fd = memfd_create("key", MFD_CLOEXEC);
    if (file->fd < 0 || write(file->fd, text, strlen(text)) != (ssize_t)strlen(text))
        return CT_IO;
    (void)snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->fd);
    return CT_OK;
}

static inline void key_file_close(struct key_file *file)
{
    if (file->fd > 0)
        (void)close(file->fd);
    file->fd = 0;
}

/** What ct_token_keys_load looks at: these texts, where NULL is one that is not set. */
struct key_settings {
    enum ct_algorithm algorithm;
    const char *secret;
    const char *secret_previous;
    const char *private_pem;
    const char *previous_pem;
};

static inline const char *text_or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

/** Loads keys whose files are made for the while of the call. */
static inline enum ct_result load_keys(struct ct_arena *arena, const struct key_settings *settings,
                                       struct ct_token_keys **out, const char **why)
{
    struct key_file private_file = {0};
    struct key_file previous_file = {0};
    enum ct_result result = CT_OK;

    if (settings->private_pem != NULL)
        result = key_file_open(&private_file, settings->private_pem);
    if (result == CT_OK && settings->previous_pem != NULL)
        result = key_file_open(&previous_file, settings->previous_pem);
    if (result == CT_OK) {
        const struct ct_config config = {
            .algorithm = settings->algorithm,
            .secret_key = text_or_empty(settings->secret),
            .secret_key_previous = text_or_empty(settings->secret_previous),
            .jwt_private_key_file = private_file.path,
            .jwt_previous_key_file = previous_file.path,
        };
        result = ct_token_keys_load(arena, &config, out, why);
    }
    key_file_close(&private_file);
    key_file_close(&previous_file);
    return result;
}

/** The keys of an HMAC alone. */
static inline enum ct_result load_secret(struct ct_arena *arena, enum ct_algorithm algorithm,
                                         const char *secret, struct ct_token_keys **out)
{
    const struct key_settings settings = {.algorithm = algorithm, .secret = secret};
    const char *why;
    return load_keys(arena, &settings, out, &why);
}

#endif
