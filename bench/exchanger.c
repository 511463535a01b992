/* N clients that ask a sniffer, or what stands in its place, one command at a time each, over a connection for
 * each command as the protocol wants it: commands per second.
 *
 * exchanger --port P --clients N --milliseconds M --request FILE --expect FILE [--each K]
 *   --request: a request's bytes as they go out. --expect: the bytes of the reply, all of them.
 *   --each: every client asks so often, and then no more
 * prints {"ready": N}, waits for a line on stdin, then one object with the outcome. A reply that is not as expected
 * counts as wrong, a connection that cannot be had or is reset as closed. */
#include "common.h"

#define MOST (4u << 20)
#define CHUNK (256u << 10)

typedef struct {
    char *bytes;
    size_t len;
} Text;

typedef struct {
    int fd;
    bool spoilt;
    size_t got, asked;
    double since;
} Client;

static Text request, expected;
static uint32_t *nanoseconds;
static size_t answers, wrong, closed;
static int port, epoll, busy;

static Text contents(const char *path) {
    Text text = {need(malloc(MOST)), 0};
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (!file) die(path ? path : "a file is missing");
    text.len = fread(text.bytes, 1, MOST, file);
    fclose(file);
    return text;
}

static void ask(Client *c) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    c->got = 0;
    c->spoilt = false;
    c->asked++;
    c->since = now_s();
    c->fd = connect_to(port);
    if (send(c->fd, request.bytes, request.len, MSG_NOSIGNAL) != (ssize_t)request.len) die("ask");
    non_blocking(c->fd);
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
}

/* True when the exchange is over. */
static bool hear(Client *c) {
    static char chunk[CHUNK];
    ssize_t n = recv(c->fd, chunk, CHUNK, 0);
    if (n < 0 && errno == EAGAIN) return false;
    if (n > 0) {
        if (c->got + (size_t)n > expected.len || memcmp(chunk, expected.bytes + c->got, (size_t)n)) c->spoilt = true;
        c->got += (size_t)n;
        return false;
    }
    if (n < 0)
        closed++;
    else if (c->spoilt || c->got != expected.len)
        wrong++;
    else if (answers < MOST)
        nanoseconds[answers++] = (uint32_t)((now_s() - c->since) * 1e9);
    close(c->fd);
    return true;
}

static double converse(Client *clients, int count, double seconds, size_t each) {
    struct epoll_event events[256];
    int n;
    double began = now_s(), end = began + seconds;
    busy = count;
    for (int i = 0; i < count; i++) ask(&clients[i]);
    while (busy && now_s() < end + 10 && (n = epoll_wait(epoll, events, 256, 5000)) > 0)
        for (int i = 0; i < n; i++) {
            Client *c = events[i].data.ptr;
            if (!hear(c)) continue;
            if (now_s() < end && (!each || c->asked < each))
                ask(c);
            else
                busy--;
        }
    return now_s() - began;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double microseconds(double share) {
    return answers ? nanoseconds[(size_t)((double)(answers - 1) * share)] / 1e3 : 0;
}

int main(int argc, char **argv) {
    int count = (int)number(argc, argv, "--clients", "1");
    double seconds = (double)number(argc, argv, "--milliseconds", "1000") / 1e3;
    begin();
    port = (int)number(argc, argv, "--port", "0");
    request = contents(option(argc, argv, "--request", NULL));
    expected = contents(option(argc, argv, "--expect", NULL));
    nanoseconds = need(malloc(MOST * sizeof *nanoseconds));
    epoll = epoll_create1(EPOLL_CLOEXEC);
    Client *clients = need(calloc((size_t)count, sizeof *clients));
    printf("{\"ready\": %d}\n", count);
    char byte;
    if (read(0, &byte, 1) < 1) return 1;
    double cpu_before = cpu_s();
    double took = converse(clients, count, seconds, (size_t)number(argc, argv, "--each", "0"));
    qsort(nanoseconds, answers, sizeof *nanoseconds, ascending);
    printf("{\"clients\": %d, \"answers\": %zu, \"wrong\": %zu, \"closed\": %zu, \"unanswered\": %d, \"seconds\": %.6f, "
           "\"p50_us\": %.1f, \"p99_us\": %.1f, \"cpu_s\": %.6f}\n",
           count, answers, wrong, closed, busy, took, microseconds(0.5), microseconds(0.99), cpu_s() - cpu_before);
    return 0;
}
