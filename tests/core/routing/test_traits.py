"""What the router reads in an action."""

from __future__ import annotations

import pytest

from amp.core.ami.frame import Frame
from amp.core.routing.traits import traits_of


def traits(*lines: bytes) -> tuple[bool, bool, float]:
    found = traits_of(Frame.parse(b"".join(line + b"\r\n" for line in lines)))
    return found.exclusive, found.fenced, found.ring_s


SHARED = (False, False, 0.0)
BLOCKER = (True, False, 0.0)
FENCED = (True, True, 0.0)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b"Action: Ping"], SHARED),
        ([b"Action: CoreShowChannels"], SHARED),
        ([b"ACTION: command", b"Command: core show channels"], BLOCKER),
        ([b"Action: Reload"], BLOCKER),
        ([b"Action: ModuleLoad", b"LoadType: reload"], BLOCKER),
        ([b"Action: Getvar", b"Variable: X"], FENCED),
        ([b"Action: DBGet"], FENCED),
        ([b"Action: Status"], SHARED),
        ([b"Action: Status", b"Variables: X"], FENCED),
        ([b"Action: Status", b"AllVariables: true"], FENCED),
        ([b"Action: Originate", b"Async: true"], SHARED),
        ([b"Action: Originate", b"async: Yes"], SHARED),
        ([b"Action: Originate", b"Async: 0"], (True, False, 30.0)),
        ([b"Action: Originate"], (True, False, 30.0)),
        ([b"Action: Originate", b"Timeout: 5000"], (True, False, 5.0)),
        ([b"Action: Originate", b"Timeout: 5 s"], (True, False, 30.0)),
        ([b"Action: Originate", b"Timeout: 9999999999"], (True, False, 2147483.647)),
        ([b"Action: Originate", b"Timeout: " + b"9" * 5000], (True, False, 30.0)),
    ],
)
def test_what_an_action_needs(lines: list[bytes], expected: tuple[bool, bool, float]) -> None:
    """Blockers and actions with raw values are known by name and headers, without case."""
    assert traits(*lines) == expected


def test_the_first_of_repeated_headers_counts() -> None:
    """As with Asterisk (recording command-repeated-header)."""
    found = traits_of(Frame.parse(b"Action: Command\r\nServer:  pbx \r\nAction: Ping\r\nserver: other\r\n"))
    assert (found.name, found.server) == (b"command", b"pbx")


def test_older_lists_have_a_known_end() -> None:
    """Where nothing marks a list, the name of its last event is known."""
    assert traits_of(Frame.parse(b"Action: QueueStatus\r\n")).completion == b"QueueStatusComplete"
    assert traits_of(Frame.parse(b"Action: Ping\r\n")).completion == b""


def test_an_action_without_a_name_is_nothing_special() -> None:
    """The reader lets none through; a frame made elsewhere must not fail here."""
    assert traits_of(Frame(())).exclusive is False
