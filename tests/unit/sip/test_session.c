#include <string.h>

#include "sip/session_life.h"
#include "sip/two.h"

static enum ct_result test_call_and_hang_up(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 1);

    if (result != CT_OK)
        goto out;
    two.bob.answers = true;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 100);
    SEE(two.bob.called == 1 && two.ann.rang == 1 && two.ann.ring_seen == 180);
    SEE(two.ann.answered == 1 && two.bob.acked == 1);
    SEE(strcmp(two.bob.body, "offer") == 0 && strcmp(two.ann.body, "answer") == 0);
    SEE(phone_state(&two.ann) == CT_SIP_SESSION_CONFIRMED);
    SEE(phone_state(&two.bob) == CT_SIP_SESSION_CONFIRMED);
    phone_hang_up(&two.ann);
    lan_run(two.lan, 100);
    SEE(two.bob.ended == 1 && two.bob.end == CT_SIP_END_BYE);
    SEE(two.ann.ended == 0);
    SEE(two_at_rest(&two));
    SEE(lan_count(two.lan, "ACK ") == 1 && lan_count(two.lan, "BYE ") == 1);
out:
    two_free(&two);
    return result;
}

static enum ct_result test_callee_hangs_up(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 2);

    if (result != CT_OK)
        goto out;
    two.bob.answers = true;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 100);
    phone_hang_up(&two.bob);
    lan_run(two.lan, 100);
    SEE(two.ann.ended == 1 && two.ann.end == CT_SIP_END_BYE);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_refused(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 3);

    if (result != CT_OK)
        goto out;
    two.bob.refuse_status = 486;
    two.bob.refuse_lines = "Retry-After: 30\r\n";
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 100);
    SEE(two.ann.ended == 1 && two.ann.end == CT_SIP_END_REFUSED && two.ann.end_status == 486);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_cancelled(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 4);

    if (result != CT_OK)
        goto out;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 3000);
    SEE(two.ann.rang == 1);
    phone_end(&two.ann, 200, "Call completed elsewhere");
    lan_run(two.lan, 100);
    SEE(two.bob.ended == 1 && two.bob.end == CT_SIP_END_CANCELLED && two.bob.end_status == 487);
    SEE(strcmp(two.bob.reason, "Call completed elsewhere") == 0);
    SEE(lan_count(two.lan, "CANCEL ") == 1 && lan_count(two.lan, "SIP/2.0 487") == 1);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* The CANCEL and the 200 meet on the way: the caller acknowledges, and says BYE. */
static enum ct_result test_cancel_crosses_200(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 5);

    if (result != CT_OK)
        goto out;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 1000);
    SEE(two.bob.leg != NULL);
    DO(phone_answer(&two.bob, "answer"));
    phone_hang_up(&two.ann);
    lan_run(two.lan, 1000);
    SEE(lan_count(two.lan, "CANCEL ") == 1 && lan_count(two.lan, "ACK ") == 1);
    SEE(lan_count(two.lan, "BYE ") == 1);
    SEE(two.bob.ended == 1 && two.bob.end == CT_SIP_END_BYE);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* Hung up before anything came back: there is nothing that a CANCEL could be for, yet (9.1). */
static enum ct_result test_cancelled_before_1xx(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 6);

    if (result != CT_OK)
        goto out;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    phone_hang_up(&two.ann);
    SEE(lan_count(two.lan, "CANCEL ") == 0);
    lan_run(two.lan, 1000);
    SEE(lan_count(two.lan, "CANCEL ") == 1);
    SEE(two.bob.ended == 1 && two.bob.end == CT_SIP_END_CANCELLED);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* ---- the 2xx and its ACK (13.3.1.4) ---- */

static enum ct_result test_ack_is_lost(void)
{
    struct two two;
    struct losses losses = {.beginning = "ACK ", .left = 2};
    enum ct_result result = two_new(&two, 7);

    if (result != CT_OK)
        goto out;
    lan_network(two.lan, two_lose, &losses);
    two.bob.answers = true;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 400);
    SEE(two.ann.answered == 1 && two.bob.acked == 0);
    lan_run(two.lan, 1600);
    SEE(two.bob.acked == 1 && two.ann.answered == 1);
    SEE(lan_count(two.lan, "ACK ") == 3);
    phone_hang_up(&two.bob);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_200_comes_three_times(void)
{
    struct two two;
    struct losses losses = {.beginning = "SIP/2.0 200", .copies = 3};
    enum ct_result result = two_new(&two, 8);

    if (result != CT_OK)
        goto out;
    lan_network(two.lan, two_lose, &losses);
    two.bob.answers = true;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 400);
    SEE(two.ann.answered == 1 && two.bob.acked == 1);
    SEE(lan_count(two.lan, "ACK ") == 3);
    phone_hang_up(&two.ann);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_never_acknowledged(void)
{
    struct two two;
    struct losses losses = {.beginning = "ACK ", .left = 1000};
    enum ct_result result = two_new(&two, 9);

    if (result != CT_OK)
        goto out;
    lan_network(two.lan, two_lose, &losses);
    two.bob.answers = true;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 31000);
    SEE(two.bob.ended == 0 && phone_state(&two.bob) == CT_SIP_SESSION_ANSWERED);
    lan_run(two.lan, 2000);
    SEE(two.bob.ended == 1 && two.bob.end == CT_SIP_END_NO_ACK);
    SEE(two.ann.ended == 1 && two.ann.end == CT_SIP_END_BYE);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* Who hangs up before the ACK came waits for it with his BYE (section 15). */
static enum ct_result test_hung_up_before_ack(void)
{
    struct two two;
    struct losses losses = {.beginning = "ACK ", .left = 1};
    enum ct_result result = two_new(&two, 10);

    if (result != CT_OK)
        goto out;
    lan_network(two.lan, two_lose, &losses);
    two.bob.answers = true;
    DO(phone_call(&two.ann, BOB, "offer", NULL));
    lan_run(two.lan, 100);
    SEE(phone_state(&two.bob) == CT_SIP_SESSION_ANSWERED);
    phone_hang_up(&two.bob);
    SEE(lan_count(two.lan, "BYE ") == 0);
    lan_run(two.lan, 1000);
    SEE(lan_count(two.lan, "BYE ") == 1);
    SEE(two.ann.ended == 1 && two.ann.end == CT_SIP_END_BYE);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

static enum ct_result test_offer_in_200(void)
{
    struct two two;
    enum ct_result result = two_new(&two, 11);

    if (result != CT_OK)
        goto out;
    two.bob.answers = true;
    two.bob.answer_body = "offer of bob";
    DO(phone_call(&two.ann, BOB, NULL, NULL));
    lan_run(two.lan, 400);
    SEE(two.ann.answered == 1 && strcmp(two.ann.body, "offer of bob") == 0);
    SEE(two.bob.acked == 1 && strcmp(two.bob.body, "answer by ACK") == 0);
    phone_hang_up(&two.ann);
    SEE(two_at_rest(&two));
out:
    two_free(&two);
    return result;
}

/* ---- the table ---- */

static enum ct_result test_every_state_ends(void)
{
    enum ct_result result = CT_OK;

    for (int state = 0; state < CT_SIP_SESSION_STATES; state++) {
        bool left = false;

        for (int step = 0; step < CT_SIP_STEPS; step++)
            left = left || ct_sip_life_allows((enum ct_sip_session_state)state,
                                              (enum ct_sip_session_step)step);
        EXPECT(left == (state != CT_SIP_SESSION_OVER));
    }
    EXPECT(!ct_sip_life_allows(CT_SIP_SESSION_CONFIRMED, CT_SIP_STEP_FAILURE));
    EXPECT(!ct_sip_life_allows(CT_SIP_SESSION_UNACKED, CT_SIP_STEP_HANG_UP));
    EXPECT(ct_sip_life_next(CT_SIP_SESSION_CANCELLING, CT_SIP_STEP_SUCCESS) ==
           CT_SIP_SESSION_ENDING);
out:
    return result;
}

static const struct ct_unit units[] = {
    CT_UNIT(test_call_and_hang_up),
    CT_UNIT(test_callee_hangs_up),
    CT_UNIT(test_refused),
    CT_UNIT(test_cancelled),
    CT_UNIT(test_cancel_crosses_200),
    CT_UNIT(test_cancelled_before_1xx),
    CT_UNIT(test_ack_is_lost),
    CT_UNIT(test_200_comes_three_times),
    CT_UNIT(test_never_acknowledged),
    CT_UNIT(test_hung_up_before_ack),
    CT_UNIT(test_offer_in_200),
    CT_UNIT(test_every_state_ends),
};

int main(void)
{
    return ct_unit_main("sip/session", units, sizeof(units) / sizeof(units[0]));
}
