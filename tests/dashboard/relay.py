"""A way from the browser to amp that a test can cut, as a network does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import attrs

__all__ = ["Relay", "relay"]

WAIT_S = 0.1


@attrs.define(eq=False)
class Relay:
    """Passes bytes between whoever connects and a port; `cut` ends it, `mend` lets it go on."""

    _to: int
    _listener: socket.socket
    _open: threading.Event = attrs.field(factory=threading.Event)
    _sockets: set[socket.socket] = attrs.field(factory=set)
    _over: bool = False

    @property
    def origin(self) -> str:
        """Where a browser goes to."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> None:
        """All connections end, and new ones at once, too."""
        self._open.clear()
        for one in list(self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Connections are taken again."""
        self._open.set()

    def close(self) -> None:
        """End for good."""
        self._over = True
        self.cut()
        self._listener.close()

    def serve(self) -> None:
        """Take connections until it is closed."""
        self._listener.settimeout(WAIT_S)
        while not self._over:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            if not self._open.is_set():
                client.close()
                continue
            with suppress(OSError):
                server = socket.create_connection(("127.0.0.1", self._to))
                self._sockets |= {client, server}  # before their threads begin: who cuts must find them
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()
                if not self._open.is_set():
                    self.cut()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._sockets.discard(source)
        source.close()


@contextmanager
def relay(port: int) -> Iterator[Relay]:
    """A relay to that port, open."""
    one = Relay(port, socket.create_server(("127.0.0.1", 0)))
    one.mend()
    thread = threading.Thread(target=one.serve, daemon=True)
    thread.start()
    try:
        yield one
    finally:
        one.close()
        thread.join()
