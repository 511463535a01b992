"""The recording as it is replayed, and as amp must hand it on."""

from __future__ import annotations

from pathlib import Path

from bench.stream import RECORDING, as_amp_delivers, read_stream, recorded_events, write_stream

EVENTS = recorded_events(RECORDING.read_bytes())


def test_only_what_is_about_the_login_is_left_out() -> None:
    """Greeting, answers, FullyBooted and SuccessfulAuth of the recorder's own session are not replayed."""
    frames = RECORDING.read_bytes().split(b"\r\n\r\n")

    assert len(frames) - len(EVENTS) == len(
        ["login", "FullyBooted", "SuccessfulAuth", "Goodbye", "behind the last"]
    )
    assert all(event.lstrip().startswith(b"Event: ") for event in EVENTS)


def test_the_recordings_oddities_stay_in_the_load() -> None:
    """Stray blank lines and foreign ActionIDs cost a proxy time, so they are replayed."""
    assert any(event.startswith(b"\r\n") for event in EVENTS)
    assert any(b"\r\nActionID: " in event for event in EVENTS)


def test_amp_delivers_all_events_without_oddities() -> None:
    """The same number of events, none with a blank line in front or an ActionID."""
    delivered = as_amp_delivers(EVENTS)

    assert len(EVENTS) == len(delivered)
    assert not [event for event in delivered if event.startswith(b"\r\n") or b"ActionID" in event]


def test_a_stream_file_holds_the_events(tmp_path: Path) -> None:
    """What was written is read."""
    path = tmp_path / "events"

    write_stream(path, EVENTS[:50])

    assert EVENTS[:50] == read_stream(path)
