/* N clients that take the stream and check it: every event once, in order, at each of them.
 *
 * What must come is known (--expect: the recording as this proxy has to deliver it), so an event costs a look
 * at its running number and its end; the first client's bytes are compared whole. What differs goes the slow
 * way, frame by frame: missing, duplicated, late (out of order), altered, or foreign (no running number:
 * FullyBooted and the like, which are no fault).
 *
 * sink --port P --clients N --events E --expect FILE [--server NAME] [--user U] [--hold yes]
 *   --server: the proxy adds this Server header. --user: log in, the secret is the same.
 *   --hold: from any number of servers, E in all at each client; they are counted, and the connections stay
 *   till stdin ends.
 * prints {"ready": N}, then one object with the outcome. */
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
    unsigned char *hole; /* a bit for each number that was passed over; made with the first */
} Sink;

static Stream expect;
static char ending[128];
static size_t ending_len, wanted, open_conns, done;
static size_t delivered, bytes, missing, duplicated, late, altered, foreign;
static double first_s, last_s;
static bool hold;

static void await(Sink *s, size_t n) {
    to_digits(s->digits, n);
    s->next = n;
    s->at = n % expect.count;
}

static inline void took_next(Sink *s) {
    delivered++;
    if (++s->at == expect.count) s->at = 0;
    count_up(s->digits);
    if (++s->next == wanted) done++;
}

static void pass_over(Sink *s, size_t n) {
    if (!s->hole) s->hole = need(calloc(wanted / 8 + 1, 1));
    for (size_t i = s->next; i < n; i++) s->hole[i / 8] |= (unsigned char)(1u << i % 8);
    missing += n - s->next;
    await(s, n);
}

/* An event that is not the next one, or not as it should be. */
static void judge(Sink *s, size_t n) {
    if (n >= wanted) {
        altered++; /* never sent */
    } else if (n >= s->next) {
        if (n > s->next)
            pass_over(s, n);
        else
            altered++;
        took_next(s);
    } else if (s->hole && s->hole[n / 8] >> n % 8 & 1) {
        s->hole[n / 8] &= (unsigned char)~(1u << n % 8);
        missing--, late++, delivered++;
    } else {
        duplicated++;
    }
}

/* One frame without knowing what it should be; its length, or 0 if its end has not come yet. */
static size_t slow_frame(Sink *s, const char *at, size_t len) {
    size_t blank = 0;
    while (blank + 2 <= len && !memcmp(at + blank, "\r\n", 2)) blank += 2;
    const char *frame = at + blank, *end = memmem(frame, len - blank, END, 4);
    if (!end) return 0;
    const char *mark = memmem(frame, (size_t)(end - frame), MARK, MARK_LEN);
    if (!mark) {
        foreign++;
    } else if (hold) {
        delivered++;
        if (++s->next == wanted) done++;
    } else {
        judge(s, strtoul(mark + MARK_LEN, NULL, 10));
    }
    return (size_t)(end - at) + 4;
}

/* The next event, if it stands there as it should; its length, or 0. */
static inline size_t quick_frame(Sink *s, const char *at, size_t len) {
    const Event *event = &expect.events[s->at];
    size_t size = event->len + MARK_LEN + DIGITS + ending_len;
    const char *mark = at + event->len;
    if (len < size || memcmp(mark + MARK_LEN, s->digits, DIGITS) || memcmp(mark, MARK, MARK_LEN) ||
        memcmp(mark + MARK_LEN + DIGITS, ending, ending_len) || (s->whole && memcmp(at, event->bytes, event->len)))
        return 0;
    took_next(s);
    return size;
}

/* Uses up whole frames; returns how many bytes that were. */
static size_t take(Sink *s, const char *data, size_t len) {
    size_t at = 0, n;
    if (hold) {
        while ((n = slow_frame(s, data + at, len - at))) at += n;
        return at;
    }
    while (at < len) {
        if (s->next < wanted && (n = quick_frame(s, data + at, len - at))) {
            at += n;
            continue;
        }
        if (s->next < wanted && len - at < expect.events[s->at].len + MARK_LEN + DIGITS + ending_len &&
            !memcmp(data + at, expect.events[s->at].bytes, len - at < 16 ? len - at : 16))
            break; /* most likely its first part */
        if (!(n = slow_frame(s, data + at, len - at))) break;
        at += n;
    }
    return at;
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

static void report(Sink *sinks, int count, double cpu) {
    for (int i = 0; i < count && !hold; i++)
        if (sinks[i].next < wanted) missing += wanted - sinks[i].next;
    printf("{\"clients\": %d, \"wanted\": %zu, \"delivered\": %zu, \"missing\": %zu, \"duplicated\": %zu, \"late\": %zu, "
           "\"altered\": %zu, \"foreign\": %zu, \"closed\": %zu, \"bytes\": %zu, \"seconds\": %.6f, \"cpu_s\": %.6f}\n",
           count, wanted * (size_t)count, delivered, missing, duplicated, late, altered, foreign,
           (size_t)count - open_conns, bytes, last_s - first_s, cpu);
}

int main(int argc, char **argv) {
    int count = (int)number(argc, argv, "--clients", "1");
    const char *server = option(argc, argv, "--server", NULL), *user = option(argc, argv, "--user", NULL);
    begin();
    wanted = (size_t)number(argc, argv, "--events", "0");
    hold = !strcmp(option(argc, argv, "--hold", "no"), "yes");
    expect = load_stream(option(argc, argv, "--expect", "/dev/null"));
    ending_len = (size_t)snprintf(ending, sizeof ending, "%s%s" END, server ? "\r\nServer: " : "", server ? server : "");
    Conn *conns = all_in((int)number(argc, argv, "--port", "0"), count, user, "on");
    Sink *sinks = need(calloc((size_t)count, sizeof *sinks));
    for (int i = 0; i < count; i++) {
        sinks[i].conn = conns[i];
        sinks[i].whole = i == 0;
        memset(sinks[i].digits, '0', DIGITS);
    }
    printf("{\"ready\": %d}\n", count);
    double cpu_before = cpu_s();
    collect(sinks, count);
    report(sinks, count, cpu_s() - cpu_before);
    char byte;
    while (hold && read(0, &byte, 1) > 0) continue;
    return 0;
}
