/* The same of writes, with threads that reads may wait on, as with a database at the other end of a network. */
#define CLIENT_READERS 2
#include "test_exchange_writes.c" /* NOLINT(bugprone-suspicious-include) */
