#ifndef CT_SIP_CORE_H
#define CT_SIP_CORE_H

#include "base/digest.h"
#include "sip/endpoint.h"
#include "sip/table.h"
#include "sip/transaction.h"

/* What the files of the endpoint share, and nobody else. */

/** What is written in one go is written here. */
#define CT_SIP_ARENA_ROOM 6144
#define CT_SIP_ARENA(name)                                     \
    _Alignas(max_align_t) char name##_room[CT_SIP_ARENA_ROOM]; \
    struct ct_arena *name = ct_arena_in(name##_room, sizeof(name##_room))

/** RFC 3261 section 8.1.1.7. */
#define CT_SIP_BRANCH_COOKIE "z9hG4bK"
/** Behind the cookie our branches have a token, a hyphen and the loop mark. */
#define CT_SIP_MARK_SIZE 16
#define CT_SIP_BRANCH_SIZE (7 + CT_SIP_TOKEN_SIZE + 1 + CT_SIP_MARK_SIZE)

struct ct_sip {
    struct ct_sip_options options;
    struct ct_sip_times times;
    struct ct_wheel *wheel;
    struct ct_hash_key key;
    uint32_t methods;            /* those of Allow, a bit each */
    struct ct_sip_table servers; /* server transactions by section 17.2.3 */
    struct ct_sip_table merged;  /* the same by section 8.2.2.2 */
    struct ct_sip_table untold;  /* servers that ended while their users answered, by `merged` */
    struct ct_sip_table clients; /* client transactions by their branch */
    struct ct_sip_table waiting; /* those on streams that wait for an answer, by their peer */
    struct ct_sip_table dialogs;
    struct ct_sip_table sources; /* addresses that have server transactions, if they are counted */
    uint8_t random[240];
    size_t random_left;
    bool receiving;
};

/** Whether there is room for one more transaction of what has begun: a dialog, or what we send. */
bool ct_sip_has_room(const struct ct_sip *sip);
/** Whether there is for a request from outside that begins something: a quarter is kept for how it goes on and ends. */
bool ct_sip_has_room_to_begin(const struct ct_sip *sip);
/** How many server transactions an address has. Freed with the last one. */
struct ct_sip_source {
    struct ct_sip_link link;
    size_t count;
};
/** Whether an address may have one more: in dialogs as many again, so that calls can still be ended. */
bool ct_sip_source_has_room(const struct ct_sip *sip, const struct ct_sip_hop *from,
                            bool in_dialog);
/** Counts one more. NULL: it is not counted, since nobody wants to know, or for want of memory. */
struct ct_sip_source *ct_sip_source_enter(struct ct_sip *sip, const struct ct_sip_hop *from);
/** It has ended. NULL is allowed. */
void ct_sip_source_leave(struct ct_sip *sip, struct ct_sip_source *source);
/** Sends, and lets it be traced. */
enum ct_result ct_sip_transmit(struct ct_sip *sip, const struct ct_sip_hop *to, struct ct_str bytes,
                               struct ct_str call_id);
/** A key of these texts, in their order and each for itself. The hash of nothing when there is no memory. */
CT_CHECKED enum ct_result ct_sip_key(const struct ct_sip *sip, struct ct_arena *arena,
                                     const struct ct_str *texts, size_t count, uint64_t out[2]);
/** What of a request stays the same as long as it is not changed on its way (section 16.6 step 8). CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_fingerprint(const struct ct_sip *sip, struct ct_arena *arena,
                                             const struct ct_sip_message *request, uint64_t out[2]);
/** The loop mark of a request of this fingerprint, sent with this token (or, for a tag, of this branch): the same again when
 *  it comes back unchanged. CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_mark(const struct ct_sip *sip, struct ct_arena *arena,
                                      struct ct_str token, const uint64_t fingerprint[2],
                                      char out[CT_SIP_MARK_SIZE]);

/** The key under which a request's server transaction is found; @p method INVITE for an ACK or a CANCEL that look for
 *  theirs. CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_server_key(const struct ct_sip *sip, struct ct_arena *arena,
                                            const struct ct_sip_message *request,
                                            struct ct_str method, uint64_t out[2]);
/** The server transaction of this key that this request belongs to, or NULL. */
struct ct_sip_server *ct_sip_server_find(struct ct_sip *sip, const uint64_t key[2],
                                         const struct ct_sip_message *request);
/** Makes one. @p merged_key: NULL when the request has a tag in To. CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_server_new(struct ct_sip *sip, struct ct_arena *arena,
                                            const struct ct_sip_hop *from,
                                            const struct ct_sip_message *request,
                                            const uint64_t key[2], const uint64_t *merged_key,
                                            struct ct_sip_server **out);
/** Lets the user see its request, and answers with 500 what he neither answers nor watches. */
void ct_sip_server_hand_over(struct ct_sip_server *server,
                             void (*request)(void *, struct ct_sip_server *,
                                             const struct ct_sip_message *),
                             void *ctx, const struct ct_sip_message *message);
/** The request came once more. */
void ct_sip_server_repeated(struct ct_sip_server *server);
/** Its ACK came. True: it is for the dialog. */
bool ct_sip_server_acked(struct ct_sip_server *server);
/** A CANCEL of it came, and has been answered. */
void ct_sip_server_cancelled(struct ct_sip_server *server, const struct ct_sip_message *cancel);
/** Answers a CANCEL with 200, and the tag of its INVITE (section 9.2); nobody watches it. */
void ct_sip_server_answer_cancel(struct ct_sip_server *server, struct ct_str tag);
/** Ends all of them without a word. */
void ct_sip_servers_close(struct ct_sip *sip);

/** Appends a request of another method that goes the same way as the one that was sent: its Request-URI, top Via, From,
 *  Call-ID, number of CSeq and Routes (sections 17.1.1.3 and 9.1). */
void ct_sip_write_companion(struct ct_buf *out, const struct ct_sip_message *sent,
                            struct ct_str method, struct ct_str to);
/** Appends a request with our Via behind its first line. Its branch is made of @p token and zeros in place of the loop
 *  mark; @p mark_at is where in the buffer they are. CT_INVALID: it has no first line. CT_NOMEM. */
CT_CHECKED enum ct_result ct_sip_with_via(struct ct_sip *sip, struct ct_buf *out,
                                          const struct ct_sip_hop *to, struct ct_str request,
                                          struct ct_str token, size_t *mark_at);

/** A response came. False: it is nobody's. */
bool ct_sip_client_receive(struct ct_sip *sip, const struct ct_sip_message *response);
/** What waits on this stream fails. */
void ct_sip_client_hop_lost(struct ct_sip *sip, const struct ct_sip_hop *hop);
/** Ends all of them: `failed` with 503, where a response is waited for. */
void ct_sip_clients_close(struct ct_sip *sip);

#endif
