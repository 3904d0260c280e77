/*
 * Phones over UDP, many of them in one process: they register with digests, call each other, and end their calls.
 *
 *   sip_load PORT PHONES
 *
 * PHONES is a file with a line for each: username, password, number, the last "-" where it has none. The phone of line
 * N has the address 127.1.0.1 and up. Those with a number are called, the others call. Reads commands from standard
 * input, and answers each with a line of JSON when it is done:
 *
 *   register IN_FLIGHT SECONDS fresh|again   REGISTERs all the time, so many at once; with 0 s each phone once. `again`:
 *                                            with the challenge that the phone knows, which is asked for only once
 *   calls RATE IN_FLIGHT SECONDS             calls that end as soon as both sides have what they need: RATE a second,
 *                                            or with 0 as many at once as IN_FLIGHT all the time
 *   hold CALLS                               so many calls, which go on
 *   drop                                     until they are ended
 *
 * A call is INVITE, its 401 or 407, ACK, INVITE with the digest, 180, 200, ACK, BYE, 200. What is reported as time of a call is
 * what the server has added: from sending the INVITE to its coming at the called side, and from the 200 there to
 * its coming at the caller, as the kernel stamps datagrams.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sip_load.h"

#define PATIENCE_NS 20000000000LL
#define LOOK_NS 20000000LL

/* What a command asks for. */
struct wish {
    bool calls, keep;
    int64_t rate; /* a second; 0: as fast as they end */
    size_t in_flight;
    int64_t for_ns; /* 0: `total` of them */
    uint64_t total; /* 0: any number */
};

void load_over(struct load *load, struct slot *slot, int status, int64_t took_ns)
{
    struct counts *counts = &load->counts;
    if (status == 0) {
        counts->done++;
        if (counts->took == counts->took_room) {
            counts->took_room = counts->took_room == 0 ? 65536 : 2 * counts->took_room;
            counts->took_ns =
                realloc(counts->took_ns, counts->took_room * sizeof(counts->took_ns[0]));
            if (counts->took_ns == NULL)
                abort();
        }
        counts->took_ns[counts->took++] = took_ns;
    } else if (status < 0) {
        counts->timeouts++;
    } else {
        counts->statuses[status < STATUSES ? status : STATUSES - 1]++;
    }
    slot->kind = FREE;
    load->active--;
    load->free[load->free_count++] = (uint32_t)(slot - load->slots);
}

static void start(struct load *load, const struct wish *wish, int64_t now_ns)
{
    struct slot *slot = &load->slots[load->free[--load->free_count]];
    uint32_t generation = slot->generation + 1;

    memset(slot, 0, sizeof(*slot));
    slot->generation = generation;
    slot->began_ns = now_ns;
    slot->keep = wish->keep;
    load->active++;
    load->counts.started++;
    if (wish->calls) {
        slot->kind = CALL;
        slot->caller = load->callers[load->next % load->caller_count];
        slot->callee = load->callees[load->next % load->callee_count];
        phones_call(load, slot);
    } else {
        slot->kind = REGISTER;
        slot->caller = &load->phones[load->next % load->phone_count];
        slot->authorized = load->again && slot->caller->challenge.nonce[0] != '\0';
        phones_register(load, slot);
    }
    load->next++;
}

static void look(struct load *load, int64_t now_ns)
{
    for (struct slot *slot = load->slots; slot < load->slots + SLOTS; slot++) {
        if (slot->kind == FREE)
            continue;
        bool up = slot->keep && slot->answered && slot->acknowledged && !slot->ending;
        if (!up && now_ns - slot->began_ns > PATIENCE_NS)
            load_over(load, slot, -1, 0);
        else
            phones_repeat(load, slot, now_ns);
    }
}

static bool may_start(const struct load *load, const struct wish *wish, int64_t passed_ns)
{
    return (wish->total == 0 || load->counts.started < wish->total) &&
           (wish->for_ns == 0 || passed_ns < wish->for_ns);
}

static void start_due(struct load *load, const struct wish *wish, int64_t passed_ns, uint64_t *due,
                      int64_t now_ns)
{
    bool may = may_start(load, wish, passed_ns);
    if (wish->rate == 0) {
        while (may && load->active < wish->in_flight && load->free_count > 0) {
            start(load, wish, now_ns);
            may = may_start(load, wish, passed_ns);
        }
        return;
    }
    uint64_t wanted = may ? (uint64_t)((double)passed_ns * (double)wish->rate / 1e9) : *due;
    if (wish->total > 0 && wanted > wish->total)
        wanted = wish->total;
    for (; *due < wanted; ++*due) {
        if (load->active < wish->in_flight && load->free_count > 0)
            start(load, wish, now_ns);
        else
            load->counts.unstarted++;
    }
}

static bool is_over(const struct load *load, const struct wish *wish, int64_t passed_ns)
{
    return !may_start(load, wish, passed_ns) && load->active == load->counts.up;
}

/* Answers how long it took. */
static int64_t run(struct load *load, const struct wish *wish)
{
    int64_t began_ns = wire_now_ns();
    int64_t looked_ns = began_ns;
    uint64_t due = 0;
    for (;;) {
        int64_t now_ns = wire_now_ns();
        int64_t passed_ns = now_ns - began_ns;
        if (is_over(load, wish, passed_ns))
            return passed_ns;
        start_due(load, wish, passed_ns, &due, now_ns);
        if (now_ns - looked_ns > LOOK_NS) {
            look(load, now_ns);
            looked_ns = now_ns;
        }
        int64_t wait_ns = 1000000;
        if (wish->rate > 0) {
            int64_t next_ns =
                began_ns + (int64_t)((double)(due + 1) * 1e9 / (double)wish->rate) - wire_now_ns();
            wait_ns = next_ns < 1 ? 1 : next_ns < wait_ns ? next_ns : wait_ns;
        }
        (void)wire_receive(&load->wire, wait_ns, phones_take, load);
    }
}

/* ---- what came of it ---- */

static int by_size(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a;
    int64_t other = *(const int64_t *)b;
    return (one > other) - (one < other);
}

static double percentile_us(const struct counts *counts, double part)
{
    if (counts->took == 0)
        return 0;
    size_t place = (size_t)((double)counts->took * part);
    return (double)counts->took_ns[place < counts->took ? place : counts->took - 1] / 1000;
}

static int64_t own_cpu_us(void)
{
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * INT64_C(1000000) +
           used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

static void print(struct load *load, int64_t took_ns, int64_t cpu_us, uint32_t drops)
{
    struct counts *counts = &load->counts;
    const char *comma = "";

    qsort(counts->took_ns, counts->took, sizeof(counts->took_ns[0]), by_size);
    printf("{\"done\": %" PRIu64 ", \"up\": %" PRIu64 ", \"statuses\": {", counts->done,
           counts->up);
    for (int i = 0; i < STATUSES; i++) {
        if (counts->statuses[i] == 0)
            continue;
        printf("%s\"%d\": %" PRIu64, comma, i, counts->statuses[i]);
        comma = ", ";
    }
    printf("}, \"timeouts\": %" PRIu64 ", \"unstarted\": %" PRIu64 ", \"unsent\": %" PRIu64
           ", \"retransmitted\": %" PRIu64 ", \"repeated\": %" PRIu64 ", \"stray\": %" PRIu64
           ", \"drops\": %u, \"microseconds\": %" PRId64 ", \"cpu_us\": %" PRId64
           ", \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, "
           "\"max_us\": %.1f}\n",
           counts->timeouts, counts->unstarted, load->wire.unsent, counts->retransmitted,
           counts->repeated, counts->stray, wire_drops(&load->wire) - drops, took_ns / 1000, cpu_us,
           percentile_us(counts, 0.5), percentile_us(counts, 0.9), percentile_us(counts, 0.99),
           percentile_us(counts, 0.999), percentile_us(counts, 1));
    (void)fflush(stdout);
}

static void do_command(struct load *load, const struct wish *wish, bool hang_up)
{
    uint64_t up = hang_up ? 0 : load->counts.up;
    int64_t cpu_us = own_cpu_us();
    uint32_t drops = wire_drops(&load->wire);

    free(load->counts.took_ns);
    load->counts = (struct counts){.up = up};
    load->wire.unsent = 0;
    for (size_t i = 0; hang_up && i < SLOTS; i++) {
        struct slot *slot = &load->slots[i];
        if (slot->kind == FREE || !slot->keep)
            continue;
        slot->keep = false;
        slot->began_ns = wire_now_ns();
        phones_hang_up(load, slot);
        /* as many at once as there is room for everywhere */
        (void)wire_receive(&load->wire, 200000, phones_take, load);
    }
    int64_t took_ns = run(load, wish);
    print(load, took_ns, own_cpu_us() - cpu_us, drops);
}

static bool obey(struct load *load, const char *line)
{
    struct wish wish = {0};
    char word[16];
    double seconds;

    if (sscanf(line, "register %zu %lf %15s", &wish.in_flight, &seconds, word) == 3) {
        load->again = strcmp(word, "again") == 0;
        wish.total = seconds > 0 ? 0 : load->phone_count;
        load->next = seconds > 0 ? load->next : 0;
    } else if (sscanf(line, "calls %" SCNd64 " %zu %lf", &wish.rate, &wish.in_flight, &seconds) ==
               3) {
        wish.calls = true;
    } else if (sscanf(line, "hold %" SCNu64, &wish.total) == 1) {
        wish.calls = wish.keep = true;
        wish.rate = 500;
        wish.in_flight = SLOTS;
        seconds = 0;
        if (wish.total > SLOTS / 2)
            return false;
    } else if (strncmp(line, "drop", 4) == 0) {
        do_command(load, &(const struct wish){.for_ns = 1}, true);
        return true;
    } else {
        return false;
    }
    if (wish.calls && (load->caller_count == 0 || load->callee_count == 0))
        return false;
    wish.for_ns = (int64_t)(seconds * 1e9);
    do_command(load, &wish, false);
    return true;
}

/* ---- the phones ---- */

static void settle_phones(struct load *load)
{
    load->callers = calloc(load->phone_count + 1, sizeof(struct phone *));
    load->callees = calloc(load->phone_count + 1, sizeof(struct phone *));
    if (load->callers == NULL || load->callees == NULL)
        abort();
    for (size_t i = 0; i < load->phone_count; i++) {
        struct phone *phone = &load->phones[i];
        /* 250 to a network, so that none ends in 0 or 255 */
        phone->at.s_addr = htonl(0x7f010000 + ((uint32_t)(i / 250) << 8) + (uint32_t)(i % 250) + 1);
        (void)snprintf(phone->address, sizeof(phone->address), "%s:%u", inet_ntoa(phone->at),
                       load->wire.port);
        if (strcmp(phone->number, "-") == 0)
            load->callers[load->caller_count++] = phone;
        else
            load->callees[load->callee_count++] = phone;
    }
}

static bool read_phones(struct load *load, const char *path)
{
    struct phone phone = {0};
    size_t room = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    while (fscanf(file, "%63s %63s %63s", phone.user, phone.password, phone.number) == 3) {
        if (load->phone_count == room) {
            room = room == 0 ? 1024 : 2 * room;
            load->phones = realloc(load->phones, room * sizeof(phone));
            if (load->phones == NULL)
                abort();
        }
        load->phones[load->phone_count++] = phone;
    }
    (void)fclose(file);
    settle_phones(load);
    return load->phone_count > 0 && load->phone_count <= 60000;
}

int main(int argc, char **argv)
{
    static struct load load;
    char line[200];

    if (argc != 3) {
        fprintf(stderr, "usage: sip_load PORT PHONES < COMMANDS\n");
        return 2;
    }
    load.run = (uint32_t)getpid() ^ (uint32_t)(wire_now_ns() / 1000);
    load.slots = calloc(SLOTS, sizeof(*load.slots));
    if (load.slots == NULL || wire_open(&load.wire, (uint16_t)atoi(argv[1])) != 0 ||
        !read_phones(&load, argv[2])) {
        perror("sip_load");
        return 1;
    }
    for (uint32_t i = 0; i < SLOTS; i++)
        load.free[load.free_count++] = SLOTS - 1 - i;
    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (!obey(&load, line)) {
            fprintf(stderr, "sip_load: what is %s", line);
            return 2;
        }
    }
    return 0;
}
