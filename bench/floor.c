/* The floor: the least that a fan-out proxy can do. One upstream connection, N clients, nothing is parsed.
 *
 * Bytes from upstream go into one ring; a client is a position in it, so its backlog is what lies between
 * its position and the head, and costs no copy. A client gets a write at once; one whose socket is full
 * goes on when epoll says so. Nothing is ever dropped: with the ring full for the slowest client, upstream
 * is not read. The ring is mapped twice in a row so that every backlog is contiguous.
 *
 * floor --upstream PORT --clients N     prints {"port": P}, then {"ready": N} */
#include "common.h"
#include <sys/mman.h>

#define RING ((size_t)8 << 20)
#define CHUNK (64 << 10)

typedef struct {
    int fd;
    size_t at; /* bytes of the stream that it was sent */
    bool full;
} Client;

static char *ring;
static size_t head; /* bytes of the stream that came */

static void make_ring(void) {
    int fd = memfd_create("ring", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, RING)) die("memfd");
    ring = mmap(NULL, 2 * RING, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int half = 0; half < 2; half++)
        if (mmap(ring + (size_t)half * RING, RING, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
            die("mmap");
}

static void push(Client *c) {
    while (c->fd >= 0 && c->at < head && !c->full) {
        ssize_t n = send(c->fd, ring + c->at % RING, head - c->at, MSG_NOSIGNAL);
        if (n > 0)
            c->at += (size_t)n;
        else if (errno == EAGAIN)
            c->full = true;
        else {
            close(c->fd);
            c->fd = -1;
        }
    }
}

static size_t slowest(const Client *clients, int count) {
    size_t at = head;
    for (int i = 0; i < count; i++)
        if (clients[i].fd >= 0 && clients[i].at < at) at = clients[i].at;
    return at;
}

/* Reads once and gives it to everybody; false at the end of the stream. */
static bool relay(int upstream, Client *clients, int count, bool *wait) {
    size_t room = RING - (head - slowest(clients, count));
    if (room > CHUNK) room = CHUNK;
    *wait = room == 0;
    if (*wait) return true;
    ssize_t n = recv(upstream, ring + head % RING, room, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) return false;
    *wait = n < 0;
    if (n > 0) head += (size_t)n;
    for (int i = 0; i < count && n > 0; i++) push(&clients[i]);
    return true;
}

static Client *accept_all(int port_fd, int epoll, int count) {
    Client *clients = need(calloc((size_t)count, sizeof *clients));
    for (int i = 0; i < count; i++) {
        clients[i].fd = accept4(port_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (clients[i].fd < 0) die("accept");
        no_delay(clients[i].fd);
        struct epoll_event event = {.events = EPOLLOUT | EPOLLET, .data.ptr = &clients[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &event);
    }
    return clients;
}

int main(int argc, char **argv) {
    int port, count = (int)number(argc, argv, "--clients", "1"), epoll = epoll_create1(EPOLL_CLOEXEC);
    begin();
    make_ring();
    int listener = listen_on(&port);
    printf("{\"port\": %d}\n", port);
    Client *clients = accept_all(listener, epoll, count);
    int upstream = connect_to((int)number(argc, argv, "--upstream", "0"));
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL}, events[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, upstream, &event);
    printf("{\"ready\": %d}\n", count);
    for (bool open = true, wait = false; open;) {
        int n = epoll_wait(epoll, events, 256, wait ? -1 : 0);
        for (int i = 0; i < n; i++) {
            Client *c = events[i].data.ptr;
            if (!c) continue;
            c->full = false;
            push(c);
        }
        open = relay(upstream, clients, count, &wait);
    }
    while (slowest(clients, count) < head && epoll_wait(epoll, events, 256, 1000) > 0)
        for (int i = 0; i < count; i++) clients[i].full = false, push(&clients[i]);
    return 0;
}
