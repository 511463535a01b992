/* A client's way in, for the programs that play AMI clients: connect, read the greeting, log in. */
#include "common.h"

#define KEEP (1 << 20) /* the longest frame, and what may lie behind the login's answer */

typedef struct {
    int fd;
    size_t used;
    char *input; /* bytes read and not yet used */
} Conn;

/* Reads until the text is in the input, which then begins behind it. Blocking: for the way in only. */
static void read_past(Conn *c, const char *text) {
    char *found;
    while (!(found = memmem(c->input, c->used, text, strlen(text)))) {
        ssize_t n = c->used < KEEP ? recv(c->fd, c->input + c->used, KEEP - c->used, 0) : 0;
        if (n <= 0) die("no greeting or no answer to the login");
        c->used += (size_t)n;
    }
    size_t gone = (size_t)(found - c->input) + strlen(text);
    memmove(c->input, c->input + gone, c->used -= gone);
}

static void open_conn(Conn *c, int port) {
    struct timeval patience = {.tv_sec = 20};
    c->fd = connect_to(port);
    c->used = 0;
    c->input = need(malloc(KEEP));
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

static void log_in(Conn *c, const char *user, const char *mask) {
    char out[256];
    int n = snprintf(out, sizeof out, "Action: Login\r\nUsername: %s\r\nSecret: %s\r\nEvents: %s\r\n\r\n", user, user, mask);
    if (send(c->fd, out, (size_t)n, MSG_NOSIGNAL) != n) die("login");
    read_past(c, "Message: Authentication accepted" END);
}

/* Connects everybody first, since the floor goes upstream only when all are there. user NULL: no login. */
static Conn *all_in(int port, int count, const char *user, const char *mask) {
    Conn *conns = need(calloc((size_t)count, sizeof *conns));
    for (int i = 0; i < count; i++) open_conn(&conns[i], port);
    for (int i = 0; i < count; i++) read_past(&conns[i], "\r\n");
    for (int i = 0; i < count && user; i++) log_in(&conns[i], user, mask);
    for (int i = 0; i < count; i++) non_blocking(conns[i].fd);
    return conns;
}
