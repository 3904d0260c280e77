#ifndef CT_TESTS_UNIT_SIP_SERVER_USER_H
#define CT_TESTS_UNIT_SIP_SERVER_USER_H

#include "world.h"

/** The user of server transactions: notes what it hears, and answers as it is told. */
struct server_user {
    struct world world;
    int requests;
    int answer; /* given at once; 0: none */
    bool watch;
    bool forget;
    struct ct_sip_server *server;
    int cancelled;
    int gone;
    enum ct_sip_gone why;
    enum ct_result result; /* of the answer */
};

/** Requests as they come; the 200 to the INVITE as far as the tag of its To. */
extern const char server_invite[];
extern const char server_ack[];
extern const char server_options[];
extern const char server_cancel[];
extern const char server_invite_200[];

CT_CHECKED enum ct_result server_user_open(struct server_user *user);
void server_user_close(struct server_user *user);
/** Opens it, and a request makes a server transaction that waits for its user. */
CT_CHECKED enum ct_result server_user_begin(struct server_user *user,
                                            enum ct_sip_transport transport, const char *text);

#endif
