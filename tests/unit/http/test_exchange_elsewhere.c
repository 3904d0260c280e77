/* The same of what needs no other thread where reads wait for nothing, with threads that reads may wait on, as with a database at the other end of a network. */
#define CLIENT_READERS 2
#include "test_exchange.c" /* NOLINT(bugprone-suspicious-include) */
