#ifndef CT_TESTS_UNIT_SIP_CLIENT_USER_H
#define CT_TESTS_UNIT_SIP_CLIENT_USER_H

#include "world.h"

/** The user of a client transaction: notes what it hears. */
struct client_user {
    struct world world;
    struct ct_sip_client *client;
    int responses;
    int status; /* of the last response */
    int failed; /* with this status */
    int ended;
    char to[128]; /* To of the last response */
    bool let_go;  /* of the transaction, at the first final response */
};

/** Its ears, for a transaction of the test's own; their ctx is the user. */
extern const struct ct_sip_client_events client_user_events;

/** Requests, without the Via that the endpoint adds. */
extern const char client_invite[];
extern const char client_options[];

/** Sends a request to 192.0.2.1:5060. */
CT_CHECKED enum ct_result client_user_begin(struct client_user *user,
                                            enum ct_sip_transport transport,
                                            const char *request_text);
void client_user_close(struct client_user *user);
/** The peer answers the request of this number among those that were sent. */
void client_user_answer(struct client_user *user, size_t number, int status, const char *tag);

#endif
