"""How the sniffer reads a request: when it stops waiting for more, and what it then makes of it."""

from __future__ import annotations

from typing import Final

import attrs
import trio

from amp.core.voipmonitor.commands import COMMANDS

__all__ = ["Ask", "find_command", "first_line", "read_request", "split_sealed"]

READ_BYTES: Final = 4095
PAUSE_S: Final = 0.5
END: Final = b":sea"
MAX_NAME: Final = 19
NAMES: Final = tuple(sorted(COMMANDS))


@attrs.frozen
class Ask:
    """A command that was found in a line.

    Attributes:
        name: the command's.
        line: the whole line; some handlers look for words anywhere in it.
        text: what handlers take for the arguments: the line behind as many bytes as the name has.
    """

    name: str
    line: bytes

    @property
    def text(self) -> bytes:
        """What stands at the arguments' place."""
        return self.line[len(self.name) + 1 :].strip()

    @property
    def words(self) -> list[str]:
        """The arguments as words."""
        return self.text.decode("utf-8", "replace").split()


async def read_request(stream: trio.abc.ReceiveStream) -> bytes:
    """Read until the sniffer would begin to work. The first read waits for ever.

    Under 500 ms between two segments is waiting, more is the end; see FACTS §2 and §4 beside the recordings.
    """
    received = bytes(await stream.receive_some(READ_BYTES))
    complete = received.startswith(b"aes") and END in received
    if not received.startswith(b"aes"):
        complete = b"\r\n\r\n" in received.partition(b"\0")[0]
    while received and not complete:
        with trio.move_on_after(PAUSE_S) as pause:
            more = await stream.receive_some(READ_BYTES)
        if pause.cancelled_caught or not more:
            break
        received += more
        complete = END in received if received.startswith(b"aes") else b"\r\n" in received.partition(b"\0")[0]
    return received


def split_sealed(request: bytes) -> tuple[str, bytes] | None:
    """The cipher's name and the ciphertext; ``None`` if the request is not made as one."""
    name, colon, _ = request.partition(b":")
    end = request.find(END)
    if not colon or len(name) > MAX_NAME or end <= len(name):
        return None
    return name.decode("latin-1"), request[len(name) + 1 : end]


def first_line(text: bytes) -> bytes | None:
    """The line that is worked; ``None`` for an empty request, which is closed without a reply."""
    line = text.partition(b"\r\n\r\n")[0]
    if not line:
        return None
    for end in (b"\r", b"\n", b"\0"):
        line = line.partition(end)[0]
    return line


def find_command(line: bytes) -> Ask | None:
    """The first word if it is a command, else the first command in alphabetical order that is anywhere."""
    word = line.split(b" ")[0].split(b"\t")[0].decode("latin-1")
    if word in COMMANDS:
        return Ask(word, line)
    for name in NAMES:
        if name.encode() in line:
            return Ask(name, line)
    return None
