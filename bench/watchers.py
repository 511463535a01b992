"""Clients that watch what sniffers see: ``python -m bench.watchers --port P --clients N --user U``.

Each logs in, then turns its events on and reads. Prints ``{"ready": N}`` when all are in; a line on standard
input is answered with ``{"events": SnifferCall... at the first of them, "bytes": at all, "least": bytes at
the one that got fewest, "closed": c}``, counted from the start. Only what the first one gets is looked at:
it costs little then.
"""

from __future__ import annotations

import json
import select
import selectors
import signal
import socket
import sys

LIFETIME_S = 180
CHUNK = 256 << 10
EVENT = b"Event: SnifferCall"
IN = b"Message: Authentication accepted\r\n\r\n"


class Watcher:
    """One client."""

    def __init__(self, port: int, user: str) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 30)
        login = f"Action: Login\r\nUsername: {user}\r\nSecret: {user}\r\nEvents: off\r\n\r\n"
        self.sock.sendall(login.encode())
        answer = b""
        while IN not in answer:
            answer += self.sock.recv(4096)
        self.tail = answer.partition(IN)[2]
        self.events = 0
        self.bytes = len(self.tail)
        self.sock.setblocking(False)

    def begin(self) -> None:
        """Want events, now that everybody is in and read."""
        self.sock.sendall(b"Action: Events\r\nEventMask: on\r\n\r\n")

    def read(self, buffer: bytearray) -> bool:
        """Take what there is; ``False`` if that was the end."""
        size = self.sock.recv_into(buffer)
        self.bytes += size
        return size > 0

    def look(self, buffer: bytearray) -> bool:
        """The same, and count events."""
        data = self.sock.recv(len(buffer))
        text = self.tail + data
        self.events += text.count(EVENT)
        self.bytes += len(data)
        self.tail = text[-len(EVENT) + 1 :]
        return bool(data)


def main(port: int, clients: int, user: str) -> None:
    """Watch until standard input ends."""
    selector = selectors.DefaultSelector()
    watchers = [Watcher(port, user) for _ in range(clients)]
    buffer = bytearray(CHUNK)
    for number, one in enumerate(watchers):
        selector.register(one.sock, selectors.EVENT_READ, one.read if number else one.look)
        one.begin()
    selector.register(sys.stdin, selectors.EVENT_READ)
    closed = 0
    print(json.dumps({"ready": clients}), flush=True)
    while True:
        for key, _ in selector.select():
            if key.data is not None:
                if not key.data(buffer):
                    selector.unregister(key.fileobj)
                    closed += 1
            elif not select.select([sys.stdin], [], [], 0)[0] or not sys.stdin.readline():
                return
            else:
                sizes = [one.bytes for one in watchers]
                report = {"events": watchers[0].events, "bytes": sum(sizes), "least": min(sizes)}
                print(json.dumps({**report, "closed": closed}), flush=True)


if __name__ == "__main__":
    signal.alarm(LIFETIME_S)  # nothing of the bench stays behind
    words = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    main(int(words["--port"]), int(words["--clients"]), words["--user"])
