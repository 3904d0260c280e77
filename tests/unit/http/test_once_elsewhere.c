/* The same of repetitions, with a thread that reads may wait on, as with a database at the other end of a network. With one
 * of them, what races does so in an order. */
#define CLIENT_READERS 1
#include "test_once.c" /* NOLINT(bugprone-suspicious-include) */
