"""What the stand-ins share: JSON lines, the running number, a client's way in."""

from __future__ import annotations

import json
import sys

import trio

__all__ = ["END", "MARK", "Options", "bound_port", "commands", "enter", "numbered", "read_past", "say"]

Options = dict[str, str]
"""The command line: names without dashes, values as text."""

MARK = b"\r\nBench: "
END = b"\r\n\r\n"
CHUNK = 65536


def say(**message: object) -> None:
    """Print one JSON object on a line."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def numbered(event: bytes, number: int, server: bytes = b"") -> bytes:
    """An event as it goes over the wire; ``server``: the header that the proxy adds, its CR LF in front."""
    return b"%b%b%010d%b%b" % (event, MARK, number, server, END)


def bound_port(listener: trio.SocketListener) -> int:
    """The port that the kernel chose."""
    port: int = listener.socket.getsockname()[1]
    return port


def commands() -> trio.lowlevel.FdStream:
    """Stdin, to be read without blocking; it is closed with the block, so open it once."""
    return trio.lowlevel.FdStream(sys.stdin.fileno())


async def read_past(stream: trio.SocketStream, data: bytes, text: bytes) -> bytes:
    """Read until ``text`` has come; what is behind it. EOF is an error."""
    while text not in data:
        more = await stream.receive_some(CHUNK)
        if not more:
            raise EOFError(f"the connection ended before {text!r}")
        data += more
    return data.partition(text)[2]


async def enter(port: int, count: int, user: str | None, mask: str) -> list[tuple[trio.SocketStream, bytes]]:
    """``count`` clients, connected and (with a user) logged in; each with the bytes that came behind that."""
    streams = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(count)]
    entered = []
    with trio.fail_after(20):
        for stream in streams:
            rest = await read_past(stream, b"", b"\r\n")
            if user is not None:
                login = f"Action: Login\r\nUsername: {user}\r\nSecret: {user}\r\nEvents: {mask}\r\n\r\n"
                await stream.send_all(login.encode())
                rest = await read_past(stream, rest, b"Message: Authentication accepted" + END)
            entered.append((stream, rest))
    return entered
