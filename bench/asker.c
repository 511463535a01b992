/* N clients that ask one thing at a time each, for a while: latency and throughput of request and response.
 *
 * The answer must carry the ActionID of the question; anything else that comes is counted as foreign, an answer
 * to somebody else's question as wrong.
 *
 * asker --port P --clients N --milliseconds M --user U [--server NAME]
 *   --server: the Ping names it, so that a proxy sends it on instead of answering itself.
 * prints {"ready": N}, waits for a line on stdin, then one object with the outcome. */
#include "client.h"

#define MOST (4u << 20)

typedef struct {
    Conn conn;
    int number, id_len;
    size_t asked;
    double since;
    char id[48]; /* the header line that the answer must hold */
} Asker;

static uint32_t *nanoseconds;
static size_t answers, refused, wrong, foreign, open_conns;
static const char *server;

static void ask(Asker *a) {
    char out[256];
    a->id_len = snprintf(a->id, sizeof a->id, "\r\nActionID: %d-%zu\r\n", a->number, a->asked++);
    int n = snprintf(out, sizeof out, "Action: Ping%s%s%s%s\r\n", a->id, server ? "Server: " : "", server ? server : "", server ? "\r\n" : "");
    a->since = now_s();
    if (send(a->conn.fd, out, (size_t)n, MSG_NOSIGNAL) != n) die("ask");
}

/* One whole frame that came; true if it is the answer that this client waits for. */
static bool is_answer(Asker *a, const char *frame, size_t len, double now) {
    if (memmem(frame, len, a->id, (size_t)a->id_len)) {
        if (memcmp(frame, "Response: Success", 17)) refused++;
        if (answers < MOST) nanoseconds[answers] = (uint32_t)((now - a->since) * 1e9);
        answers++;
        return true;
    }
    if (!memcmp(frame, "Response", 8))
        wrong++;
    else
        foreign++;
    return false;
}

static bool hear(Asker *a, bool go_on) {
    Conn *c = &a->conn;
    ssize_t n = recv(c->fd, c->input + c->used, KEEP - c->used, 0);
    double now = now_s();
    char *end;
    if (n <= 0) return n < 0 && errno == EAGAIN;
    c->used += (size_t)n;
    bool answered = false;
    size_t at = 0;
    while ((end = memmem(c->input + at, c->used - at, END, 4))) {
        size_t len = (size_t)(end - c->input) + 2 - at;
        answered |= is_answer(a, c->input + at, len, now);
        at += len + 2;
    }
    memmove(c->input, c->input + at, c->used -= at);
    if (answered && go_on) ask(a);
    return true;
}

static double converse(Asker *askers, int count, double seconds) {
    struct epoll_event events[256], event = {.events = EPOLLIN};
    int epoll = epoll_create1(EPOLL_CLOEXEC), n;
    for (int i = 0; i < count; i++) {
        event.data.ptr = &askers[i];
        epoll_ctl(epoll, EPOLL_CTL_ADD, askers[i].conn.fd, &event);
    }
    open_conns = (size_t)count;
    double began = now_s(), end = began + seconds;
    for (int i = 0; i < count; i++) ask(&askers[i]);
    while (open_conns && now_s() < end && (n = epoll_wait(epoll, events, 256, 5000)) > 0)
        for (int i = 0; i < n; i++)
            if (!hear(events[i].data.ptr, true)) {
                Asker *gone = events[i].data.ptr;
                epoll_ctl(epoll, EPOLL_CTL_DEL, gone->conn.fd, NULL);
                open_conns--;
            }
    return now_s() - began;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double microseconds(double share) {
    size_t kept = answers < MOST ? answers : MOST;
    return kept ? nanoseconds[(size_t)((double)(kept - 1) * share)] / 1e3 : 0;
}

int main(int argc, char **argv) {
    int count = (int)number(argc, argv, "--clients", "1");
    double seconds = (double)number(argc, argv, "--milliseconds", "1000") / 1e3;
    begin();
    server = option(argc, argv, "--server", NULL);
    nanoseconds = need(malloc(MOST * sizeof *nanoseconds));
    Conn *conns = all_in((int)number(argc, argv, "--port", "0"), count, option(argc, argv, "--user", "bench"), "off");
    Asker *askers = need(calloc((size_t)count, sizeof *askers));
    for (int i = 0; i < count; i++) {
        askers[i].conn = conns[i];
        askers[i].number = i;
    }
    printf("{\"ready\": %d}\n", count);
    char byte;
    if (read(0, &byte, 1) < 1) return 1;
    double cpu_before = cpu_s(), took = converse(askers, count, seconds);
    qsort(nanoseconds, answers < MOST ? answers : MOST, sizeof *nanoseconds, ascending);
    printf("{\"clients\": %d, \"answers\": %zu, \"refused\": %zu, \"wrong\": %zu, \"foreign\": %zu, \"closed\": %zu, \"seconds\": %.6f, "
           "\"p50_us\": %.1f, \"p99_us\": %.1f, \"cpu_s\": %.6f}\n",
           count, answers, refused, wrong, foreign, (size_t)count - open_conns, took, microseconds(0.5), microseconds(0.99),
           cpu_s() - cpu_before);
    return 0;
}
