#include "ops/doctor_owner.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As the kernel cuts it (TASK_COMM_LEN), and the user of the Debian package. */
#define OUR_NAME "cloud-telephony"
#define COMM_BYTES 16
/* States of a socket in /proc/net: a datagram socket that is not connected, a listening one. */
#define DATAGRAMS 0x07
#define LISTENING 0x0A

/* A socket in /proc/net. */
struct holder {
    unsigned long long inode;
    unsigned user;
};

/* The address as /proc/net writes it, and that of all addresses, both without the port. */
static void write_hex(const struct sockaddr_storage *address, char out[33], char any[33],
                      unsigned *port)
{
    if (address->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        (void)snprintf(out, 33, "%08X", in.sin_addr.s_addr);
        *port = ntohs(in.sin_port);
    } else {
        struct sockaddr_in6 in6;
        uint32_t words[4];
        memcpy(&in6, address, sizeof(in6));
        memcpy(words, &in6.sin6_addr, sizeof(words));
        (void)snprintf(out, 33, "%08X%08X%08X%08X", words[0], words[1], words[2], words[3]);
        *port = ntohs(in6.sin6_port);
    }
    memset(any, '0', 32);
    any[strlen(out)] = '\0';
}

static bool find_holder(const char *table, bool datagrams, const struct sockaddr_storage *address,
                        struct holder *out)
{
    char wanted[33], any[33], line[512];
    unsigned port;
    bool found = false;
    FILE *file = fopen(table, "re");
    if (file == NULL)
        return false;
    write_hex(address, wanted, any, &port);
    bool all = strcmp(wanted, any) == 0;
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        char host[33];
        unsigned their_port, state, user;
        unsigned long long inode;
        if (sscanf(line, " %*d: %32[0-9A-F]:%X %*[0-9A-F]:%*X %X %*s %*s %*s %u %*s %llu", host,
                   &their_port, &state, &user, &inode) != 5)
            continue;
        found = their_port == port && state == (datagrams ? DATAGRAMS : LISTENING) &&
                (all || strcmp(host, wanted) == 0 || strcmp(host, any) == 0);
        if (found)
            *out = (struct holder){.inode = inode, .user = user};
    }
    (void)fclose(file);
    return found;
}

/* Whether a process has the socket open. */
static bool has_open(const char *process, unsigned long long inode)
{
    char path[300], wanted[64], link[64];
    bool found = false;
    (void)snprintf(wanted, sizeof(wanted), "socket:[%llu]", inode);
    (void)snprintf(path, sizeof(path), "/proc/%.20s/fd", process);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    for (const struct dirent *one; !found && (one = readdir(folder)) != NULL;) {
        ssize_t size = readlinkat(dirfd(folder), one->d_name, link, sizeof(link) - 1);
        link[size < 0 ? 0 : size] = '\0';
        found = strcmp(link, wanted) == 0;
    }
    (void)closedir(folder);
    return found;
}

static void read_comm(const char *process, char out[COMM_BYTES])
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%.20s/comm", process);
    FILE *file = fopen(path, "re");
    out[0] = '\0';
    if (file == NULL)
        return;
    if (fgets(out, COMM_BYTES, file) == NULL)
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    (void)fclose(file);
}

static enum ct_result name_process(struct ct_arena *arena, const struct holder *holder,
                                   enum ct_port_owner *out, const char **who)
{
    bool found = false;
    DIR *processes = opendir("/proc");
    for (const struct dirent *one;
         processes != NULL && !found && (one = readdir(processes)) != NULL;) {
        char comm[COMM_BYTES];
        if (one->d_name[0] < '1' || one->d_name[0] > '9' || !has_open(one->d_name, holder->inode))
            continue;
        found = true;
        read_comm(one->d_name, comm);
        *out = strcmp(comm, OUR_NAME) == 0 ? CT_PORT_OURS : CT_PORT_OTHERS;
        if (*out == CT_PORT_OTHERS)
            *who = ct_arena_printf(arena, "%s (process %s)", comm, one->d_name);
    }
    if (processes != NULL)
        (void)closedir(processes);
    if (found)
        return *out == CT_PORT_OTHERS && *who == NULL ? CT_NOMEM : CT_OK;
    /* It is somebody else's, and this caller is not root. */
    struct passwd entry, *user = NULL;
    char texts[1024];
    if (getpwuid_r(holder->user, &entry, texts, sizeof(texts), &user) != 0)
        user = NULL;
    *out = user != NULL && strcmp(user->pw_name, OUR_NAME) == 0 ? CT_PORT_OURS : CT_PORT_HIDDEN;
    if (*out == CT_PORT_HIDDEN)
        *who = user != NULL ? ct_arena_printf(arena, "a process of the user %s", user->pw_name)
                            : ct_arena_printf(arena, "a process of the user %u", holder->user);
    return *out == CT_PORT_HIDDEN && *who == NULL ? CT_NOMEM : CT_OK;
}

enum ct_result ct_doctor_owner(struct ct_arena *arena, bool datagrams,
                               const struct sockaddr_storage *address, enum ct_port_owner *out,
                               const char **who)
{
    struct holder holder;
    bool six = address->ss_family == AF_INET6;
    const char *table = datagrams ? (six ? "/proc/net/udp6" : "/proc/net/udp")
                                  : (six ? "/proc/net/tcp6" : "/proc/net/tcp");
    *out = CT_PORT_FREE;
    *who = NULL;
    if (!find_holder(table, datagrams, address, &holder))
        return CT_OK;
    return name_process(arena, &holder, out, who);
}
