/* Where libre's reader (sip_msg_decode) and ours both take a message, they find the same in it. Ours takes what RFC 4475
 * calls valid and refuses what it calls invalid; libre's does neither, which is why it is not used
 * (docs/decisions/0050). */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include <re.h>

#include "harness.h"
#include "sip/message.h"

static bool same(struct ct_str ours, const struct pl *theirs)
{
    return ct_str_equal(ours, (struct ct_str){theirs->p, theirs->l});
}

/* Their message of these bytes; NULL: they refuse it. */
static enum ct_result read_theirs(struct ct_str bytes, struct sip_msg **out)
{
    struct mbuf *buffer = mbuf_alloc(bytes.len);
    *out = NULL;
    if (buffer == NULL)
        return CT_NOMEM;
    int error = mbuf_write_mem(buffer, (const uint8_t *)bytes.at, bytes.len);
    buffer->pos = 0;
    if (error == 0)
        error = sip_msg_decode(out, buffer);
    mem_deref(buffer);
    return error == ENOMEM ? CT_NOMEM : CT_OK;
}

static enum ct_result compare(const struct ct_sip_message *ours, const struct sip_msg *theirs)
{
    enum ct_result result = CT_OK;
    EXPECT(ours->request == theirs->req);
    EXPECT(!ours->request || same(ours->method_name, &theirs->met));
    EXPECT(!ours->request || same(ours->uri.text, &theirs->ruri));
    EXPECT(ours->request || ours->status == theirs->scode);
    EXPECT(same(ours->call_id, &theirs->callid));
    EXPECT(ours->cseq == theirs->cseq.num && same(ours->cseq_method_name, &theirs->cseq.met));
    EXPECT(same(ours->from.tag, &theirs->from.tag) && same(ours->to.tag, &theirs->to.tag));
    EXPECT(same(ours->from.uri.text, &theirs->from.auri));
    EXPECT(same(ours->via.branch, &theirs->via.branch));
    EXPECT(ours->via_count == sip_msg_hdr_count(theirs, SIP_HDR_VIA));

out:
    return result;
}

static const char *const names[] = {"badbranch", "baddate",  "bext01",   "cparam01", "cparam02",
                                    "dblreq",    "esc01",    "esc02",    "escnull",  "invut",
                                    "lwsdisp",   "mpart01",  "noreason", "regescrt", "sdp01",
                                    "semiuri",   "regaut01", "unreason", "zeromf",   "transports"};

static struct ct_str load(const char *name, char *room, size_t size)
{
    char path[512];
    snprintf(path, sizeof(path), CT_TORTURE "/%s.sip", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return CT_STR("");
    size_t length = fread(room, 1, size, file);
    fclose(file);
    return (struct ct_str){room, length};
}

static enum ct_result test_same(void)
{
    static char room[8192];
    struct ct_arena *arena = ct_arena_new();
    struct ct_sip_message *ours;
    struct sip_msg *theirs = NULL;
    enum ct_result result = CT_OK;
    TRY_MEMORY(arena);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct ct_str bytes = load(names[i], room, sizeof(room));
        TRY(ct_sip_message_read(arena, bytes, false, &ours));
        TRY(read_theirs(bytes, &theirs));
        EXPECT(ours->fault.status == 0 && theirs != NULL);
        TRY(compare(ours, theirs));
        theirs = mem_deref(theirs);
    }

out:
    mem_deref(theirs);
    ct_arena_free(arena);
    return result;
}

/* What the decision says of libre is so. When a later one does better, the decision can be looked at again. */
static enum ct_result test_differs(void)
{
    static const char *const refused[] = {"longreq", "inv2543"};
    static const char *const taken[] = {"badaspec",   "bigcode",    "clerr",   "escruri", "insuf",
                                        "mcl01",      "mismatch01", "multi01", "ncl",     "quotbal",
                                        "mismatch02", "regbadct",   "scalar02"};
    static char room[8192];
    struct sip_msg *theirs = NULL;
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        TRY(read_theirs(load(refused[i], room, sizeof(room)), &theirs));
        EXPECT(theirs == NULL);
    }
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        TRY(read_theirs(load(taken[i], room, sizeof(room)), &theirs));
        EXPECT(theirs != NULL);
        theirs = mem_deref(theirs);
    }

out:
    mem_deref(theirs);
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_same), CT_UNIT(test_differs)};
    return ct_unit_main("sip/libre", units, sizeof(units) / sizeof(units[0]));
}
