"""What two observers of one server saw, cut between two marks and made comparable."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

import attrs
import trio

from real.oracle import Client, Message

__all__ = [
    "Window",
    "assert_same_events",
    "mark",
    "seen_by_client",
    "seen_by_oracle",
    "seen_through_amp",
    "wait_window",
]

_serials: Final = itertools.count()


@attrs.frozen
class Window:
    """What happens at one server between two UserEvents that the tests themselves send."""

    server: str
    tag: str

    @classmethod
    def at(cls, server: str) -> Window:
        """A window that no other test's marks can open or close."""
        return cls(server, f"{os.getpid()}-{next(_serials)}")

    def is_mark(self, which: str, message: Message) -> bool:
        """True for this window's mark (``begin`` or ``end``), seen directly or through amp."""
        return (
            message.is_event("UserEvent")
            and message.get("UserEvent") == b"AmpMark"
            and message.get("Mark") == f"{which} {self.tag}".encode()
            and message.get("Server") in (None, self.server.encode())
        )


async def mark(control: Client, window: Window, which: str) -> None:
    """Send one of the marks; ``control`` is a direct connection to the window's server.

    No ActionID anywhere: amp hides those that are not the asker's, so the events would differ.
    """
    await control.send_action("UserEvent", ("UserEvent", "AmpMark"), ("Mark", f"{which} {window.tag}"))
    await control.ask("Ping")  # answered once the mark is in the server's queue of events


async def wait_window(clients: Iterable[Client], windows: Iterable[Window], timeout: float = 60) -> None:
    """Wait until every client has seen the end of every window."""
    with trio.fail_after(timeout):
        for client, window in itertools.product(list(clients), list(windows)):
            await client.wait_for(partial(window.is_mark, "end"), timeout=timeout)


def _cut(messages: Sequence[Message], window: Window) -> list[Message]:
    marks = [
        index for index, message in enumerate(messages)
        if window.is_mark("begin", message) or window.is_mark("end", message)
    ]  # fmt: skip
    assert len(marks) == 2, f"{len(marks)} marks of {window}"
    return list(messages[marks[0] : marks[1] + 1])


def _of_some_login(message: Message) -> bool:
    """FullyBooted and the security events belong to whoever signs in while we look."""
    return message.is_event("FullyBooted") or message.get("Privilege") == b"security,all"


def seen_by_oracle(oracle: Client, window: Window) -> list[bytes]:
    """The window's messages as a direct connection saw them."""
    return [m.raw for m in _cut(oracle.messages, window) if not _of_some_login(m)]


def seen_by_client(client: Client, window: Window) -> list[bytes]:
    """The window's messages as a client of amp saw them, without the ``Server:`` that must end each."""
    return seen_through_amp(client.messages, window)


def seen_through_amp(messages: Iterable[Message], window: Window) -> list[bytes]:
    """The same, where one client after the other may have got them."""
    ending = f"\r\nServer: {window.server}".encode()
    mine = [m for m in messages if m.get("Server") == window.server.encode()]
    seen = []
    for message in _cut(mine, window):
        assert message.raw.endswith(ending), f"Server: is not the last header: {message.raw!r}"
        if not _of_some_login(message):
            seen.append(message.raw.removesuffix(ending))
    return seen


def assert_same_events(expected: Sequence[bytes], seen: Sequence[bytes], who: str) -> None:
    """Every message exactly once and in order; says where the first difference is."""
    if expected == seen:
        return
    pairs = enumerate(itertools.zip_longest(expected, seen))
    index, (want, got) = next((i, pair) for i, pair in pairs if pair[0] != pair[1])
    raise AssertionError(
        f"{who}: {len(seen)} messages for {len(expected)}, first difference at {index}:\n"
        f"  expected {want!r}\n       got {got!r}\n"
        f"  missing {len(set(expected) - set(seen))}, foreign {len(set(seen) - set(expected))}"
    )
