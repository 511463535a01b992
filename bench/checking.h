/* What both sinks do: read from many connections, and know which event comes next at each. */
#include "client.h"

#define CHUNK (256 << 10)
#define PATIENCE_MS 8000 /* without a single byte: the rest is missing */
#define GRACE_MS 50      /* after the last event, for what comes twice */

typedef struct {
    Conn conn;
    bool whole;          /* compare every byte */
    size_t at;           /* the next event, in the recording */
    size_t next;         /* its running number, and the same in digits */
    char digits[DIGITS];
    unsigned char *hole; /* a bit for each number that was passed over; made with the first, in sink.c */
} Sink;

static Stream expect;
static size_t wanted, open_conns, done;
static size_t delivered, bytes, missing, duplicated, altered;
static double first_s, last_s;

/* The program's own: uses up whole frames; returns how many bytes that were. */
static size_t take(Sink *s, const char *data, size_t len);

static void await(Sink *s, size_t n) {
    to_digits(s->digits, n);
    s->next = n;
    s->at = n % expect.count;
}

/* Takes what is whole and keeps the rest for the next read. */
static void use(Sink *s, const char *data, size_t len) {
    size_t before = delivered, used = take(s, data, len);
    if (delivered > before) {
        last_s = now_s();
        if (!before) first_s = last_s;
    }
    s->conn.used = len - used;
    if (s->conn.used > KEEP) die("a frame without end");
    memmove(s->conn.input, data + used, s->conn.used);
}

/* Reads once; false when the connection has ended. The buffer is shared, so that it stays in the cache. */
static bool read_once(Sink *s) {
    static char buffer[KEEP + CHUNK];
    Conn *c = &s->conn;
    memcpy(buffer, c->input, c->used);
    ssize_t n = recv(c->fd, buffer + c->used, CHUNK, 0);
    if (n < 0 && errno == EAGAIN) return true;
    if (n <= 0) return false;
    bytes += (size_t)n;
    use(s, buffer, c->used + (size_t)n);
    return true;
}

static void collect(Sink *sinks, int count) {
    struct epoll_event events[256], event = {.events = EPOLLIN};
    int epoll = epoll_create1(EPOLL_CLOEXEC), n;
    for (int i = 0; i < count; i++) {
        use(&sinks[i], sinks[i].conn.input, sinks[i].conn.used); /* what came behind the login */
        event.data.ptr = &sinks[i];
        epoll_ctl(epoll, EPOLL_CTL_ADD, sinks[i].conn.fd, &event);
    }
    open_conns = (size_t)count;
    while (open_conns && (n = epoll_wait(epoll, events, 256, done == (size_t)count ? GRACE_MS : PATIENCE_MS)) > 0)
        for (int i = 0; i < n; i++) {
            Sink *s = events[i].data.ptr;
            if (read_once(s)) continue;
            open_conns--;
            epoll_ctl(epoll, EPOLL_CTL_DEL, s->conn.fd, NULL);
        }
}
