/* Plays AMI servers: logs clients in, answers, and replays recorded events at full speed on request.
 *
 * Each of --ports plays one server. Greeting, Challenge, Login (whatever the secret), Events, Ping and Logoff
 * as recorded from Asterisk 22; an unknown action gets Asterisk's error. With --bare yes a connection gets the stream without a login, which is how
 * the floor, that cannot log in, hears the same bytes.
 *
 * On stdin "go E" replays E events on every link that wants events; each carries a running number as its last
 * header. What goes out is cut into writes as Asterisk does it (FACTS.md, "Bytes on the wire"): one for each
 * event, three for an answer. With --blocks yes it is as few as possible. What a link asks while its events are going out is answered behind them.
 *
 * server --ports K --stream FILE [--bare yes] [--blocks yes]    prints {"ports": [...]}, {"link": port, "events": bool} per
 *                                                login, {"sent": E, "seconds": s} per link and go */
#include "common.h"

#define MAX_PORTS 256
#define INPUT (64 << 10)

typedef struct Link {
    int fd, port;
    bool events;    /* wants the stream */
    char *pass;     /* the events of one pass through the recording, numbered */
    size_t *ends;   /* where each of them ends */
    size_t sent, end;  /* bytes of this pass: sent, and all */
    size_t at;         /* the event that is being sent */
    size_t from, left; /* the running number of the next pass; events behind this pass */
    size_t total;
    double began;
    size_t used;
    char input[INPUT];
    struct Link *next;
} Link;

static Stream stream;
static Link *links;
static bool bare, blocks;

static void say(Link *l, const char *text, size_t len) {
    if (send(l->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len && errno != EPIPE && errno != ECONNRESET)
        die("an answer did not fit into the socket");
}

/* The value of a header in one action, or NULL; names are compared without case. */
static const char *header(const char *action, const char *end, const char *name, int *len) {
    size_t size = strlen(name);
    for (const char *line = action; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop) stop = end;
        if ((size_t)(stop - line) > size && line[size] == ':' && !strncasecmp(line, name, size)) {
            const char *value = line + size + 1;
            while (value < stop && *value == ' ') value++;
            *len = (int)(stop - value) - (stop > value && stop[-1] == '\r');
            return value;
        }
        line = stop + 1;
    }
    return NULL;
}

static bool is(const char *value, int len, const char *what) {
    return value && (size_t)len == strlen(what) && !strncasecmp(value, what, (size_t)len);
}

static const char BOOTED[] =
    "Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 247\r\nLastReload: 247\r\nStatus: Fully Booted\r\n\r\n";

static void answer(Link *l, const char *response, const char *id, int id_len, const char *rest) {
    char out[2048];
    int first = snprintf(out, sizeof out, "Response: %s\r\n", response);
    int second = id_len ? snprintf(out + first, sizeof out - (size_t)first, "ActionID: %.*s\r\n", id_len, id) : 0;
    if (first + second + strlen(rest) + 3 > sizeof out) die("ActionID too long");
    int third = sprintf(out + first + second, "%s\r\n", rest);
    if (blocks) {
        say(l, out, (size_t)(first + second + third));
    } else {
        say(l, out, (size_t)first);
        if (second) say(l, out + first, (size_t)second);
        say(l, out + first + second, (size_t)third);
    }
}

static void login(Link *l, const char *action, const char *end, const char *id, int id_len) {
    int len = 0;
    const char *mask = header(action, end, "Events", &len);
    answer(l, "Success", id, id_len, "Message: Authentication accepted\r\n");
    l->events = !is(mask, len, "off");
    if (l->events) say(l, BOOTED, sizeof BOOTED - 1);
    printf("{\"link\": %d, \"events\": %s}\n", l->port, l->events ? "true" : "false");
}

static void act(Link *l, const char *action, const char *end) {
    int len = 0, id_len = 0;
    const char *name = header(action, end, "Action", &len), *id = header(action, end, "ActionID", &id_len);
    char pong[80];
    if (!id) id = "", id_len = 0;
    if (is(name, len, "Ping")) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        snprintf(pong, sizeof pong, "Ping: Pong\r\nTimestamp: %ld.%06ld\r\n", (long)t.tv_sec, t.tv_nsec / 1000);
        answer(l, "Success", id, id_len, pong);
    } else if (is(name, len, "Challenge")) {
        answer(l, "Success", id, id_len, "Challenge: 840415273\r\n");
    } else if (is(name, len, "Login")) {
        login(l, action, end, id, id_len);
    } else if (is(name, len, "Events")) {
        answer(l, "Success", id, id_len, "Events: Off\r\n");
    } else if (is(name, len, "Logoff")) {
        answer(l, "Goodbye", id, id_len, "Message: Thanks for all the fish.\r\n");
    } else {
        answer(l, "Error", id, id_len, "Message: Invalid/unknown command: ?. Use Action: ListCommands to show available commands.\r\n");
    }
}

static void hang_up(Link *gone) {
    for (Link **at = &links; *at; at = &(*at)->next)
        if (*at == gone) {
            *at = gone->next;
            break;
        }
    close(gone->fd);
    free(gone->pass);
    free(gone->ends);
    free(gone);
}

/* Numbers the next pass; the buffer is laid out once per link and only the digits change. */
static void number_pass(Link *l) {
    size_t events = l->left < stream.count ? l->left : stream.count;
    char digits[DIGITS];
    to_digits(digits, l->from);
    for (size_t i = 0; i < events; i++) {
        memcpy(l->pass + l->ends[i] - 4 - DIGITS, digits, DIGITS);
        count_up(digits);
    }
    l->from += events;
    l->left -= events;
    l->sent = l->at = 0;
    l->end = events ? l->ends[events - 1] : 0;
}

static void lay_out(Link *l, size_t events) {
    size_t size = 0;
    if (events > stream.count) events = stream.count;
    for (size_t i = 0; i < events; i++) size += stream.events[i].len + MARK_LEN + DIGITS + 4;
    free(l->pass);
    free(l->ends);
    l->pass = need(malloc(size + 1));
    l->ends = need(malloc((events + 1) * sizeof *l->ends));
    char *at = l->pass;
    for (size_t i = 0; i < events; i++) {
        memcpy(at, stream.events[i].bytes, stream.events[i].len);
        memcpy(at += stream.events[i].len, MARK, MARK_LEN);
        memcpy(at += MARK_LEN + DIGITS, END, 4);
        l->ends[i] = (size_t)((at += 4) - l->pass);
    }
}

/* Sends till the socket is full; true when the stream has gone out. */
static bool replay(Link *l) {
    for (;;) {
        if (l->sent == l->end) {
            if (!l->left) return true;
            number_pass(l);
        }
        size_t upto = blocks ? l->end : l->ends[l->at];
        ssize_t n = send(l->fd, l->pass + l->sent, upto - l->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) return errno != EAGAIN;
        l->sent += (size_t)n;
        l->at += l->sent == upto;
    }
}

static void take_actions(Link *l) {
    char *at = l->input, *end = l->input + l->used, *stop;
    while ((stop = memmem(at, (size_t)(end - at), END, 4))) {
        act(l, at, stop);
        at = stop + 4;
    }
    l->used = (size_t)(end - at);
    memmove(l->input, at, l->used);
}

static void watch(int epoll, Link *l, int op, uint32_t what) {
    struct epoll_event event = {.events = what, .data.ptr = l};
    epoll_ctl(epoll, op, l->fd, &event);
}

static void serve(int epoll, Link *l) {
    if (l->total) {
        if (!replay(l)) return;
        printf("{\"sent\": %zu, \"seconds\": %.6f}\n", l->total, now_s() - l->began);
        l->total = 0;
        watch(epoll, l, EPOLL_CTL_MOD, EPOLLIN);
        return;
    }
    ssize_t n = recv(l->fd, l->input + l->used, INPUT - l->used, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN) || l->used == INPUT) {
        hang_up(l);
        return;
    }
    if (n > 0) l->used += (size_t)n;
    take_actions(l);
}

static void greet(int epoll, int listener, int port) {
    static const char GREETING[] = "Asterisk Call Manager/11.0.0\r\n";
    Link *l = need(calloc(1, sizeof *l));
    l->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (l->fd < 0) die("accept");
    l->port = port;
    l->events = bare;
    l->next = links;
    links = l;
    no_delay(l->fd);
    watch(epoll, l, EPOLL_CTL_ADD, EPOLLIN);
    say(l, GREETING, sizeof GREETING - 1);
    if (bare) printf("{\"link\": %d, \"events\": true}\n", port);
}

static void obey(int epoll) {
    char line[64];
    ssize_t n = read(0, line, sizeof line - 1);
    if (n <= 0) exit(0); /* whoever started us has gone */
    line[n] = 0;
    size_t events = strncmp(line, "go ", 3) ? 0 : strtoul(line + 3, NULL, 10);
    for (Link *l = links; l; l = l->next) {
        if (!l->events || !events) continue;
        lay_out(l, events);
        l->total = l->left = events;
        l->from = l->sent = l->end = 0;
        l->began = now_s();
        watch(epoll, l, EPOLL_CTL_MOD, EPOLLOUT);
    }
}

int main(int argc, char **argv) {
    int ports[MAX_PORTS], fds[MAX_PORTS], count = (int)number(argc, argv, "--ports", "1");
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[64];
    begin();
    if (count > MAX_PORTS) count = MAX_PORTS;
    bare = !strcmp(option(argc, argv, "--bare", "no"), "yes");
    blocks = !strcmp(option(argc, argv, "--blocks", "no"), "yes");
    stream = load_stream(option(argc, argv, "--stream", "/dev/null"));
    for (int i = 0; i < count; i++) {
        fds[i] = listen_on(&ports[i]);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &(struct epoll_event){.events = EPOLLIN, .data.ptr = &fds[i]});
        printf("%s%d", i ? ", " : "{\"ports\": [", ports[i]);
    }
    printf("]}\n");
    epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &(struct epoll_event){.events = EPOLLIN, .data.ptr = NULL});
    for (;;) {
        int n = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < n; i++) {
            int *fd = events[i].data.ptr;
            if (!fd)
                obey(epoll);
            else if (fd >= fds && fd < fds + count)
                greet(epoll, *fd, ports[fd - fds]);
            else
                serve(epoll, events[i].data.ptr);
        }
    }
}
