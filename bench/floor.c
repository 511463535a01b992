/* The floor: the least that a fan-out proxy can do. One upstream connection, N clients, nothing is parsed.
 *
 * What one read gave is written to each client at once; what a client's socket does not take is copied to the
 * client's backlog and goes out when epoll says so. Nothing is ever dropped: while somebody's backlog is
 * longer than BACKLOG, upstream is not read. Reads are as large as amp's. (Tried: one ring for all, with a
 * position for each client instead of a copy. No faster; the sinks keep up, so backlogs are short.)
 *
 * floor --upstream PORT --clients N     prints {"port": P}, then {"ready": N} */
#include "common.h"

#define READ (256 << 10)
#define BACKLOG ((size_t)4 << 20)

typedef struct {
    int fd;
    char *backlog; /* from..to of it wait to be sent */
    size_t from, to, room;
} Client;

static bool is_behind(const Client *c) { return c->from < c->to; }

/* How much the socket takes at once; all of it from a client that is gone. */
static size_t put(Client *c, const char *data, size_t len) {
    ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
    if (n >= 0) return (size_t)n;
    if (errno == EAGAIN) return 0;
    close(c->fd);
    c->fd = -1;
    return len;
}

static void keep(Client *c, const char *data, size_t len) {
    if (c->to + len > c->room && c->from) {
        memmove(c->backlog, c->backlog + c->from, c->to - c->from);
        c->to -= c->from;
        c->from = 0;
    }
    if (c->to + len > c->room) c->backlog = need(realloc(c->backlog, c->room = 2 * (c->to + len)));
    memcpy(c->backlog + c->to, data, len);
    c->to += len;
}

static void offer(Client *c, const char *data, size_t len) {
    if (c->fd < 0) return;
    size_t sent = is_behind(c) ? 0 : put(c, data, len);
    if (sent < len) keep(c, data + sent, len - sent);
}

static void flush(Client *c) {
    while (c->fd >= 0 && is_behind(c)) {
        size_t sent = put(c, c->backlog + c->from, c->to - c->from);
        if (!sent) return;
        c->from += sent;
    }
    c->from = c->to = 0;
}

/* Reads once and gives it to everybody; false at the end of the stream. */
static bool relay(int upstream, Client *clients, int count, bool *wait) {
    static char data[READ];
    *wait = true;
    for (int i = 0; i < count; i++)
        if (clients[i].to - clients[i].from > BACKLOG) return true;
    ssize_t n = recv(upstream, data, READ, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) return false;
    *wait = n < 0;
    for (int i = 0; i < count && n > 0; i++) offer(&clients[i], data, (size_t)n);
    return true;
}

static Client *accept_all(int listener, int epoll, int count) {
    Client *clients = need(calloc((size_t)count, sizeof *clients));
    for (int i = 0; i < count; i++) {
        clients[i].fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (clients[i].fd < 0) die("accept");
        no_delay(clients[i].fd);
        struct epoll_event event = {.events = EPOLLOUT | EPOLLET, .data.ptr = &clients[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event);
    }
    return clients;
}

int main(int argc, char **argv) {
    int port, count = (int)number(argc, argv, "--clients", "1"), epoll = epoll_create1(EPOLL_CLOEXEC), n;
    begin();
    int listener = listen_on(&port);
    printf("{\"port\": %d}\n", port);
    Client *clients = accept_all(listener, epoll, count);
    int upstream = connect_to((int)number(argc, argv, "--upstream", "0"));
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL}, events[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, upstream, &event);
    printf("{\"ready\": %d}\n", count);
    for (bool open = true, wait = false; open; open = relay(upstream, clients, count, &wait)) {
        n = epoll_wait(epoll, events, 256, wait ? -1 : 0);
        for (int i = 0; i < n; i++)
            if (events[i].data.ptr) flush(events[i].data.ptr);
    }
    bool behind = true;
    while (behind && epoll_wait(epoll, events, 256, 1000) >= 0) {
        behind = false;
        for (int i = 0; i < count; i++) flush(&clients[i]), behind |= is_behind(&clients[i]);
    }
    return 0;
}
