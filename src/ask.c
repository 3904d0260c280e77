#include "ask.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

static void set_quiet(const struct termios *before)
{
    struct termios quiet = *before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet);
}

/* Quiet before it asks: what is typed at once is not shown and not lost. */
static void ask(const char *prompt, const struct termios *before)
{
    set_quiet(before);
    (void)fprintf(stderr, "%s: ", prompt);
}

static void restore(const struct termios *before)
{
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, before);
    (void)fputc('\n', stderr);
}

/* Waits until there is a line. A signal takes its course with the terminal as it was; whoever comes back from
 * it (Ctrl-Z and fg) is asked again. */
static void wait_for_line(const char *prompt, const struct termios *before)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    sigset_t signals, mask;
    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
        sigaddset(&signals, ending[i]);
    (void)pthread_sigmask(SIG_BLOCK, &signals, &mask);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC);
    ask(prompt, before);
    struct pollfd ready[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    while ((poll(ready, 2, -1) < 0 && errno == EINTR) || (ready[1].revents & POLLIN) != 0) {
        restore(before);
        (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
        (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
        ask(prompt, before);
        ready[1].revents = 0;
    }
    if (fd >= 0)
        (void)close(fd);
    (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

bool ct_ask_secret(const char *prompt, char *out, size_t size)
{
    struct termios before;
    bool hidden = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before) == 0;
    if (hidden)
        wait_for_line(prompt, &before);
    char *line = NULL;
    size_t room = 0;
    ssize_t length = getline(&line, &room, stdin);
    if (hidden)
        restore(&before);
    size_t size_read = length < 0 ? 0 : (size_t)length;
    while (size_read > 0 && (line[size_read - 1] == '\n' || line[size_read - 1] == '\r'))
        size_read--;
    /* A NUL would end the password early without a word. */
    bool usable = length >= 0 && size_read < size && memchr(line, '\0', size_read) == NULL;
    if (usable) {
        memcpy(out, line, size_read);
        out[size_read] = '\0';
    }
    if (line != NULL)
        explicit_bzero(line, room);
    free(line);
    return usable;
}
