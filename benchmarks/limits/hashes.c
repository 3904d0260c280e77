/*
 * What the hash function itself can do: bcrypt at cost 12 in a loop, a thread a core, with no server
 * around it.
 *
 *   hashes SECONDS THREADS
 *
 * Prints {"hashes": …, "microseconds": …}.
 */
#include <crypt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_THREADS 64

struct worker {
    pthread_t thread;
    int64_t until_us;
    int64_t hashes;
    int64_t ended_us;
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct crypt_data *data = calloc(1, sizeof(*data));

    while (data != NULL && (worker->ended_us = now_us()) < worker->until_us) {
        const char *hash =
            crypt_r("correct horse battery staple", "$2b$12$abcdefghijklmnopqrstuu", data);
        if (hash == NULL || strncmp(hash, "$2b$12$", 7) != 0)
            break;
        worker->hashes++;
    }
    free(data);
    return NULL;
}

int main(int argc, char **argv)
{
    struct worker workers[MAX_THREADS] = {0};
    int threads = argc == 3 ? atoi(argv[2]) : 0;
    if (threads < 1 || threads > MAX_THREADS) {
        fprintf(stderr, "usage: hashes SECONDS THREADS\n");
        return 2;
    }
    int64_t start = now_us();
    int64_t end = start;
    int64_t hashes = 0;

    for (int i = 0; i < threads; i++) {
        workers[i].until_us = start + (int64_t)(atof(argv[1]) * 1e6);
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            return 1;
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].ended_us < workers[i].until_us) {
            fprintf(stderr, "hashes: crypt_r cannot make bcrypt hashes\n");
            return 1;
        }
        hashes += workers[i].hashes;
        end = workers[i].ended_us > end ? workers[i].ended_us : end;
    }
    printf("{\"hashes\": %" PRId64 ", \"microseconds\": %" PRId64 "}\n", hashes, end - start);
    return 0;
}
