"""The helper programs do what the figures rest on: they carry all, and they notice what is wrong."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import pytest
from bench.child import BenchError, Child, Message
from bench.reqresp import ask
from bench.rigs import FloorRig, Streams, source_of
from bench.scenario import Settings
from bench.standin.common import numbered
from bench.stream import as_amp_delivers, recorded_events, write_stream

EVENTS = 40


def sink_sees(settings: Settings, frames: Callable[[list[bytes]], Sequence[bytes]]) -> Message:
    """What one sink reports that was sent the expected frames after ``frames`` has had its way with them."""
    expected = as_amp_delivers(recorded_events(settings.recording.read_bytes()))[:EVENTS]
    path = settings.folder / "expected"
    write_stream(path, expected)
    sent = frames([numbered(event, n, b"\r\nServer: pbx1") for n, event in enumerate(expected)])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        argv = settings.programs.argv("sink", port=port, events=EVENTS, expect=str(path), server="pbx1")
        with Child(argv) as sink:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(
                    b"Asterisk Call Manager/11.0.0\r\nEvent: FullyBooted\r\n\r\n" + b"".join(sent)
                )
                connection.shutdown(socket.SHUT_WR)
                return sink.expect("delivered")


def replaced(frames: list[bytes], at: int, by: Sequence[bytes]) -> list[bytes]:
    return [*frames[:at], *by, *frames[at + 1 :]]


def test_a_sink_that_got_everything_finds_no_fault(settings: Settings) -> None:
    """All events in order, one frame that is none of them."""
    seen = sink_sees(settings, lambda frames: frames)

    assert tuple(
        seen[key] for key in ("delivered", "missing", "duplicated", "late", "altered", "foreign")
    ) == (EVENTS, 0, 0, 0, 0, 1)


@pytest.mark.parametrize(
    ("fault", "count", "spoil"),
    [
        pytest.param("missing", 1, lambda frames: replaced(frames, 7, []), id="one-missing"),
        pytest.param("missing", 3, lambda frames: frames[:-3], id="end-missing"),
        pytest.param("duplicated", 1, lambda frames: replaced(frames, 7, [frames[7]] * 2), id="twice"),
        pytest.param("duplicated", 1, lambda frames: [*frames, frames[3]], id="again-at-the-end"),
        pytest.param(
            "late", 1, lambda frames: replaced(replaced(frames, 7, [frames[8]]), 8, [frames[7]]), id="late"
        ),
        pytest.param(
            "altered",
            1,
            lambda frames: replaced(frames, 7, [frames[7].replace(b"Privi", b"Prive")]),
            id="body",
        ),
        pytest.param(
            "altered",
            1,
            lambda frames: replaced(frames, 7, [frames[7].replace(b"pbx1", b"pbx2")]),
            id="server",
        ),
        pytest.param(
            "altered", 1, lambda frames: [*frames, frames[-1].replace(b": 0000", b": 9000")], id="never-sent"
        ),
    ],
)
def test_a_sink_notices(
    settings: Settings, fault: str, count: int, spoil: Callable[[list[bytes]], list[bytes]]
) -> None:
    """Each kind of fault is counted as itself, and as nothing else."""
    seen = sink_sees(settings, spoil)

    faults = {key: seen[key] for key in ("missing", "duplicated", "late", "altered") if seen[key]}
    assert {fault: count} == faults


def test_the_floor_carries_everything_to_everybody(settings: Settings) -> None:
    """More than one pass through the recording, to several clients, unaltered."""
    with FloorRig(settings, Streams(settings)) as floor:
        found = floor.round(3, 7000)

    assert (found.delivered, found.faults) == (21000, ())


def test_questions_are_answered(settings: Settings) -> None:
    """The source answers each Ping to who asked."""
    streams = Streams(settings)
    with ExitStack() as stack:
        _, (port,) = source_of(stack, settings, streams.sent)
        found = ask(settings, port, 3)

    assert found.answers > 3
    assert found.faults == ()


def test_one_program_plays_many_servers(settings: Settings) -> None:
    """Each port is a server of its own."""
    with ExitStack() as stack:
        _, ports = source_of(stack, settings, Streams(settings).sent, servers=3)

    assert len(set(ports)) == 3


def test_a_program_that_fails_is_quoted(settings: Settings) -> None:
    """The bench says what the program complained about."""
    with (
        Child(settings.programs.argv("sink", port=1, events=1, hold="yes")) as child,
        pytest.raises(BenchError, match=r"(?s)before 'ready':.*(refused|failed)"),
    ):
        child.expect("ready")


def test_a_silent_program_is_not_waited_for(settings: Settings) -> None:
    """Each wait has an end; the process is gone afterwards."""
    with (
        Child(settings.programs.argv("server")) as child,
        pytest.raises(BenchError, match="no 'link' within"),
    ):
        child.expect("link", timeout_s=0.01)

    assert child.stop() != 0
