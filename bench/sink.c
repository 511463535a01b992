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
#include "checking.h"

static char ending[128];
static size_t ending_len, late, foreign;
static bool hold;

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
