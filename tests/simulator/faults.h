#ifndef CT_TESTS_SIMULATOR_FAULTS_H
#define CT_TESTS_SIMULATOR_FAULTS_H

/* Faults that can be planted, to see that each invariant can fail: name, what it does, what is then complained of. */
#define FAULTS(X)                                                                              \
    X(RECORD_LOST, "record-lost", "a call's record is not created", "a call has no record")    \
    X(RECORD_TWICE, "record-twice", "a call's record is created twice", "has two records")     \
    X(RECORD_OPEN, "record-open", "the end of a call is not recorded", "is not ended")         \
    X(RECORD_STATE, "record-state", "a record ends as ringing", "may not become")              \
    X(RECORD_CODE, "record-code", "a record says another code than the caller got",            \
      "the caller got")                                                                        \
    X(CHARGED, "charged", "a record goes on for a minute after the BYE", "after the BYE")      \
    X(ANSWERED_EARLY, "answered-early", "a call is answered a minute too early",               \
      "answered before")                                                                       \
    X(TIMES, "times", "a call rings before it begins", "times are not in order")               \
    X(BUSY_WORLD, "busy-world", "somebody calls when all should be quiet", "left over: calls") \
    X(TIMER, "timer", "a timer is left running", "left over: timers")                          \
    X(MUTE, "mute", "the server does not answer BYE", "unanswered")                            \
    X(NO_ACK, "no-ack", "the server sends no ACK of a 2xx", "unacknowledged by the server")    \
    X(NO_BYE, "no-bye", "no ACK reaches the server, which then sends no BYE",                  \
      "by a phone, and no BYE")                                                                \
    X(MEMORY, "memory", "a block of memory is kept", "memory")                                 \
    X(CHANCE, "chance", "chance does not come from the seed", "is not the same again")         \
    X(ROW_LOST, "row-lost", "the database loses the first write", "is not in the database")    \
    X(ROW_TWICE, "row-twice", "the database has a call twice", "more than there were calls")   \
    X(ROW_STEP, "row-step", "the database loses every fifth write", "the database says")       \
    X(STORE_MUTE, "store-mute", "a write is never reported", "left over: writes")              \
    X(INTERRUPT, "interrupt", "a server does not end what the last one left open",             \
      "is open in the database")                                                               \
    X(BINDING_LOST, "binding-lost", "a binding is not there after a restart",                  \
      "lost when the server began anew")                                                       \
    X(BINDING_GONE, "binding-gone", "a binding goes before its time",                          \
      "is registered, and has no binding")                                                     \
    X(FLOW, "flow", "a stream that breaks is not told of to the registrar",                    \
      "over a stream that is gone")                                                            \
    X(SHIELD, "shield", "the shield lets everybody through", "a stranger gets an answer")      \
    X(BAN_FORGOTTEN, "ban-forgotten", "a ban is forgotten", "is answered, though banned")      \
    X(REPLAY, "replay", "digests are taken a second time", "attacker")                         \
    X(CAP_KEPT, "cap-kept", "what a call has taken of its account's limits is not given back", \
      "is refused, though")                                                                    \
    X(CAP_IGNORED, "cap-ignored", "the limits of accounts are not asked", "the limits of")     \
    X(USAGE_TWICE, "usage-twice", "what a call has lasted is counted twice", "has used up")    \
    X(PAYER, "payer", "a transfer is paid by another account", "is paid by")                   \
    X(CUSTOMER, "customer", "the server does not register with its carrier",                   \
      "has no customer registered")

enum fault {
    FAULT_NONE,
#define FAULT_ID(id, name, does, complaint) FAULT_##id,
    FAULTS(FAULT_ID)
#undef FAULT_ID
};

#endif
