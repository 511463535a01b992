/* What the bench's programs share: sockets on loopback, time, the stream file, counting in decimal.
 *
 * Each prints one JSON object per line on stdout; a failure is one line on stderr and exit code 1. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LIFETIME_S 180
#define DIGITS 10
#define MARK "\r\nBench: "
#define MARK_LEN 9
#define END "\r\n\r\n"

typedef struct {
    char *bytes; /* a recorded event without its end */
    size_t len;
} Event;

typedef struct {
    Event *events;
    size_t count;
} Stream;

static void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static void *need(void *memory) {
    if (!memory) die("out of memory");
    return memory;
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* CPU seconds of this process so far, user and system. */
static double cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static const char *option(int argc, char **argv, const char *name, const char *otherwise) {
    for (int i = 1; i + 1 < argc; i += 2)
        if (!strcmp(argv[i], name)) return argv[i + 1];
    return otherwise;
}

static long number(int argc, char **argv, const char *name, const char *otherwise) {
    return strtol(option(argc, argv, name, otherwise), NULL, 10);
}

/* No process of the bench stays behind, even if the one that started it is killed. */
static void bound_lifetime(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(LIFETIME_S);
}

static void begin(void) {
    struct rlimit limit;
    bound_lifetime();
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
}

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static void no_delay(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void non_blocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

static int connect_to(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = loopback(port);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a)) die("connect");
    no_delay(fd);
    return fd;
}

/* Listens on a free port, which is written to *port. */
static int listen_on(int *port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = loopback(0);
    socklen_t size = sizeof a;
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 4096)) die("listen");
    getsockname(fd, (struct sockaddr *)&a, &size);
    *port = ntohs(a.sin_port);
    return fd;
}

/* A running number is ten decimal digits that are counted up in place: no division per event. */
static inline void count_up(char *digits) {
    for (int i = DIGITS - 1; i >= 0 && ++digits[i] > '9'; i--) digits[i] = '0';
}

static inline void to_digits(char *digits, size_t n) {
    for (int i = DIGITS - 1; i >= 0; i--, n /= 10) digits[i] = (char)('0' + n % 10);
}

/* The file holds events as a 32 bit length (little end first) and that many bytes. */
static Stream load_stream(const char *path) {
    FILE *file = fopen(path, "rb");
    Stream stream = {NULL, 0};
    uint32_t len;
    if (!file) die(path);
    while (fread(&len, sizeof len, 1, file) == 1) {
        stream.events = need(realloc(stream.events, (stream.count + 1) * sizeof *stream.events));
        Event *event = &stream.events[stream.count++];
        event->len = len;
        event->bytes = need(malloc(len));
        if (fread(event->bytes, 1, len, file) != len) die("short stream file");
    }
    fclose(file);
    return stream;
}
