/* The four machines as the figures of RFC 3261 and RFC 6026 have them, and the timers of RFC 3261's table 4. What the
 * actions do, test_client.c and test_server.c show. */
#include <string.h>

#include "harness.h"
#include "sip/transaction.h"

/* A row for each state, a column for each event in the order of enum ct_sip_event: the next state, or '.' when the event
 * cannot come in that state. C calling, Y trying, P proceeding, D completed, F confirmed, A accepted, T terminated. */
static const char letters[] = "CYPDFAT";

struct figure {
    const struct ct_sip_machine *machine;
    /* retransmit, timeout, end, 1xx, 2xx, 300-699, request, ACK, transport */
    const char *rows[CT_SIP_STATES];
};

static const struct figure figures[] = {
    {&ct_sip_invite_client,
     {[CT_SIP_CALLING] = "CT.PAD..T",
      [CT_SIP_PROCEEDING] = ".T.PAD..T",
      [CT_SIP_COMPLETED] = "..TDDD..T",
      [CT_SIP_ACCEPTED] = "..TAAA..A"}},
    {&ct_sip_other_client,
     {[CT_SIP_TRYING] = "YT.PDD..T",
      [CT_SIP_PROCEEDING] = "PT.PDD..T",
      [CT_SIP_COMPLETED] = "..TDDD..."}},
    {&ct_sip_invite_server,
     {[CT_SIP_PROCEEDING] = "P..PADPPP",
      [CT_SIP_COMPLETED] = "DT....DFD",
      [CT_SIP_CONFIRMED] = "..T...FF.",
      [CT_SIP_ACCEPTED] = "..T.A.AAA"}},
    {&ct_sip_other_server,
     {[CT_SIP_TRYING] = ".T.PDDY..",
      [CT_SIP_PROCEEDING] = ".T.PDDP.T",
      [CT_SIP_COMPLETED] = "..T...D.T"}},
};

static enum ct_result test_figures(void)
{
    enum ct_result result = CT_OK;
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        const struct ct_sip_machine *machine = figures[i].machine;
        for (int state = 0; state < CT_SIP_STATES; state++) {
            const char *row = figures[i].rows[state];
            for (int event = 0; event < CT_SIP_EVENTS; event++) {
                const struct ct_sip_step *step = &machine->steps[state][event];
                char expected = row == NULL ? '.' : row[event];
                EXPECT((step->possible ? letters[step->next] : '.') == expected);
                /* What ends a transaction stops its timers. */
                EXPECT(!step->possible || step->next != CT_SIP_TERMINATED ||
                       (step->retransmit == CT_SIP_STOP && step->life == CT_SIP_STOP));
            }
            /* The timer that ends something means an event that the state knows. */
            EXPECT(row == NULL || machine == &ct_sip_invite_server ||
                   machine->steps[state][machine->life_event[state]].possible);
        }
    }

out:
    return result;
}

static enum ct_result test_times(void)
{
    static const struct ct_sip_times times = {500, 4000, 5000};
    static const struct {
        enum ct_sip_timer timer;
        int64_t udp[10]; /* one after the other; 0 ends them */
        int64_t tcp;
    } all[] = {
        {CT_SIP_TIMER_A, {500, 1000, 2000, 4000, 8000, 16000}, -1},
        {CT_SIP_TIMER_B, {32000}, 32000},
        {CT_SIP_TIMER_D, {32000}, 0},
        {CT_SIP_TIMER_E, {500, 1000, 2000, 4000, 4000, 4000}, -1},
        {CT_SIP_TIMER_E2, {4000, 4000, 4000}, -1},
        {CT_SIP_TIMER_F, {32000}, 32000},
        {CT_SIP_TIMER_G, {500, 1000, 2000, 4000, 4000, 4000}, -1},
        {CT_SIP_TIMER_H, {32000}, 32000},
        {CT_SIP_TIMER_I, {5000}, 0},
        {CT_SIP_TIMER_J, {32000}, 0},
        {CT_SIP_TIMER_K, {5000}, 0},
        {CT_SIP_TIMER_L, {32000}, 32000},
        {CT_SIP_TIMER_M, {32000}, 32000},
        {CT_SIP_TIMER_100, {200}, 200},
        {CT_SIP_TIMER_WAITING, {32000}, 32000},
    };
    enum ct_result result = CT_OK;
    EXPECT(sizeof(all) / sizeof(all[0]) == CT_SIP_TIMERS - 2);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        int64_t before = 0;
        for (size_t at = 0; at < 10 && all[i].udp[at] != 0; at++) {
            EXPECT(ct_sip_timer_ms(all[i].timer, &times, false, before) == all[i].udp[at]);
            before = all[i].udp[at];
        }
        EXPECT(ct_sip_timer_ms(all[i].timer, &times, true, 0) == all[i].tcp);
    }

out:
    return result;
}

int main(void)
{
    static const struct ct_unit units[] = {CT_UNIT(test_figures), CT_UNIT(test_times)};
    return ct_unit_main("sip/tables", units, sizeof(units) / sizeof(units[0]));
}
