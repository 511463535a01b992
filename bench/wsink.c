/* N WebSocket clients that take the events as JSON and check them: every event once, in order, at each of them.
 *
 * What must come is known (--expect: of each recorded event the JSON of its headers, up to the running number), so
 * an event costs a look at its frame's length, its running number and, at the first client, every byte of its
 * headers. Whatever else comes is counted as altered.
 *
 * wsink --port P --clients N --events E --expect FILE --user U
 * prints {"ready": N}, then one object with the outcome. */
#include "checking.h"

#define TAIL 3           /* "}} behind the running number */
#define LONGEST_FRONT 200

static void say(Conn *c, const char *text) {
    size_t n = strlen(text);
    unsigned char head[8] = {0x81, (unsigned char)(0x80 | (n < 126 ? n : 126))}; /* the mask is zero */
    size_t head_len = 6;
    if (n >= 126) head[2] = (unsigned char)(n >> 8), head[3] = (unsigned char)n, head_len = 8;
    if (send(c->fd, head, head_len, MSG_NOSIGNAL | MSG_MORE) < 0 || send(c->fd, text, n, MSG_NOSIGNAL) < 0) die("send");
}

static void shake_hands(Conn *c) {
    static const char request[] =
        "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: amp.v1\r\n\r\n";
    if (send(c->fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) die("handshake");
    read_past(c, END);
}

static void subscribe(Conn *c, const char *user) {
    char login[256];
    snprintf(login, sizeof login, "{\"id\":1,\"type\":\"login\",\"username\":\"%s\",\"secret\":\"%s\"}", user, user);
    say(c, login);
    say(c, "{\"id\":2,\"type\":\"subscribe\"}");
    say(c, "{\"id\":3,\"type\":\"ping\"}");
    read_past(c, "{\"type\":\"response\",\"id\":3,\"ok\":true");
    read_past(c, "}}}"); /* behind the one server's position */
}

/* One event that came whole. */
static void judge(Sink *s, const char *text, size_t len) {
    const Event *event = &expect.events[s->at];
    const char *digits = text + len - TAIL - DIGITS;
    if (s->next < wanted && len > event->len + DIGITS + TAIL && len < event->len + DIGITS + TAIL + LONGEST_FRONT &&
        !memcmp(digits, s->digits, DIGITS) && !memcmp(text, "{\"type\":\"event\"", 15) && !memcmp(digits + DIGITS, "\"}}", TAIL) &&
        (!s->whole || !memcmp(digits - event->len, event->bytes, event->len))) {
        delivered++;
        if (++s->at == expect.count) s->at = 0;
        count_up(s->digits);
        if (++s->next == wanted) done++;
        return;
    }
    size_t n = len > DIGITS + TAIL ? strtoul(digits, NULL, 10) : 0;
    if (n < s->next && !memcmp(digits + DIGITS, "\"}}", TAIL)) {
        duplicated++;
    } else {
        altered++;
        if (n > s->next && n < wanted) missing += n - s->next, await(s, n + 1);
    }
}

/* Uses up whole frames; returns how many bytes that were. */
static size_t take(Sink *s, const char *data, size_t len) {
    size_t at = 0;
    while (len - at >= 2) {
        const unsigned char *head = (const unsigned char *)data + at;
        size_t head_len = head[1] < 126 ? 2 : head[1] == 126 ? 4 : 10, size = head[1];
        if (len - at < head_len) break;
        if (head[1] == 126) size = (size_t)head[2] << 8 | head[3];
        if (head[1] == 127) size = (size_t)head[6] << 24 | (size_t)head[7] << 16 | (size_t)head[8] << 8 | head[9];
        if (size > KEEP) die("a frame without end");
        if (len - at < head_len + size) break;
        if (head[0] == 0x81)
            judge(s, data + at + head_len, size);
        else if (head[0] != 0x89)
            altered++;
        at += head_len + size;
    }
    return at;
}

int main(int argc, char **argv) {
    int count = (int)number(argc, argv, "--clients", "1"), port = (int)number(argc, argv, "--port", "0");
    begin();
    wanted = (size_t)number(argc, argv, "--events", "0");
    expect = load_stream(option(argc, argv, "--expect", "/dev/null"));
    Sink *sinks = need(calloc((size_t)count, sizeof *sinks));
    for (int i = 0; i < count; i++) {
        open_conn(&sinks[i].conn, port);
        shake_hands(&sinks[i].conn);
        subscribe(&sinks[i].conn, option(argc, argv, "--user", ""));
        non_blocking(sinks[i].conn.fd);
        sinks[i].whole = i == 0;
        memset(sinks[i].digits, '0', DIGITS);
    }
    printf("{\"ready\": %d}\n", count);
    double cpu_before = cpu_s();
    collect(sinks, count);
    for (int i = 0; i < count; i++) missing += wanted - sinks[i].next;
    printf("{\"clients\": %d, \"wanted\": %zu, \"delivered\": %zu, \"missing\": %zu, \"duplicated\": %zu, \"late\": 0, "
           "\"altered\": %zu, \"foreign\": 0, \"closed\": %zu, \"bytes\": %zu, \"seconds\": %.6f, \"cpu_s\": %.6f}\n",
           count, wanted * (size_t)count, delivered, missing, duplicated, altered, (size_t)count - open_conns, bytes,
           last_s - first_s, cpu_s() - cpu_before);
    return 0;
}
