"""Source, proxy and sinks put together: one round of fan-out through the floor, or through amp."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import attrs

from bench.ampproc import USER, AmpProcess
from bench.child import Child, Message
from bench.procfs import cpu_s, resident_bytes
from bench.scenario import Settings
from bench.stream import as_amp_delivers, as_json, recorded_events, write_stream

__all__ = [
    "AmpRig",
    "FanoutRound",
    "FloorRig",
    "Rig",
    "Streams",
    "WebSocketRig",
    "source_of",
    "wait_for_links",
]

SETTLE_S = 0.2
"""From the answer to amp's last login until amp has read it and counts the server as up."""


@attrs.frozen(kw_only=True)
class FanoutRound:
    """One round as the sinks saw it.

    Attributes:
        delivered: events at all clients together.
        seconds: from the first event at any client to the last one.
        cpu_us: CPU of the proxy per delivery, in microseconds.
        proxy_share: CPU of the proxy per second; 1.0 is one processor.
        sink_share: the same for the sinks.
        peak_bytes: the most resident memory that the proxy ever had.
        faults: what did not arrive as it must, in words; empty if all did.
    """

    delivered: int
    seconds: float
    cpu_us: float
    proxy_share: float
    sink_share: float
    peak_bytes: int
    faults: tuple[str, ...]

    @property
    def rate(self) -> float:
        """Deliveries per second."""
        return self.delivered / self.seconds


class Streams:
    """The stream files in the temporary folder: what is sent, and what each proxy has to deliver."""

    def __init__(self, settings: Settings) -> None:
        events = recorded_events(settings.recording.read_bytes())
        self.sent = settings.folder / "sent.stream"
        self.from_amp = settings.folder / "from-amp.stream"
        write_stream(self.sent, events)
        write_stream(self.from_amp, as_amp_delivers(events))
        self.as_json = settings.folder / "as-json.stream"
        write_stream(self.as_json, as_json(as_amp_delivers(events)))


class Rig(Protocol):
    """A source and a proxy that stay up for several rounds."""

    def round(self, clients: int, events: int) -> FanoutRound:
        """Send ``events`` through the proxy to ``clients``."""


class FloorRig:
    """The floor between source and sinks; a fresh floor for each round, since it takes its clients once."""

    def __init__(self, settings: Settings, streams: Streams, *, blocks: bool = False) -> None:
        self._programs = settings.programs
        self._streams = streams
        self._blocks = "yes" if blocks else "no"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        options = {"stream": str(self._streams.sent), "blocks": self._blocks}
        argv = self._programs.argv("server", bare="yes", **options)
        self._source = self._stack.enter_context(Child(argv))
        (self._port,) = self._source.expect("ports")["ports"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def round(self, clients: int, events: int) -> FanoutRound:
        """See `Rig`."""
        argv = self._programs.argv("floor", upstream=self._port, clients=clients)
        with Child(argv) as floor:
            port = floor.expect("port")["port"]
            options = {"expect": str(self._streams.sent)}
            sinks = self._programs.argv("sink", port=port, clients=clients, events=events, **options)
            with Child(sinks) as sink:
                floor.expect("ready")
                return _measure(self._source, sink, floor.pid, events)


class AmpRig:
    """One amp with one server for all rounds: its journal is as full as that of one that has run for long."""

    def __init__(
        self, settings: Settings, streams: Streams, extra: str = "", *, blocks: bool = False
    ) -> None:
        self._settings = settings
        self._blocks = blocks
        self._streams = streams
        self._extra = extra
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._source, ports = source_of(stack, self._settings, self._streams.sent, blocks=self._blocks)
            self.amp = stack.enter_context(AmpProcess(self._settings, ports, self._extra))
            wait_for_links(self._source, servers=1)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def round(self, clients: int, events: int) -> FanoutRound:
        """See `Rig`."""
        options = {"expect": str(self._streams.from_amp), "server": "pbx1", "user": USER}
        argv = self._settings.programs.argv(
            "sink", port=self.amp.port, clients=clients, events=events, **options
        )
        with Child(argv) as sink:
            return _measure(self._source, sink, self.amp.pid, events)


class WebSocketRig(AmpRig):
    """The same with WebSocket clients that subscribe to everything."""

    def round(self, clients: int, events: int) -> FanoutRound:
        """See `Rig`."""
        argv = self._settings.programs.argv(
            "wsink",
            port=self.amp.ports[1],
            clients=clients,
            events=events,
            expect=str(self._streams.as_json),
            user=USER,
        )
        with Child(argv) as sink:
            return _measure(self._source, sink, self.amp.pid, events)


def source_of(
    stack: ExitStack, settings: Settings, stream: Path, servers: int = 1, *, blocks: bool = False
) -> tuple[Child, list[int]]:
    """Start the program that plays ``servers`` AMI servers; it and its ports."""
    options = {"stream": str(stream), "blocks": "yes" if blocks else "no"}
    argv = settings.programs.argv("server", ports=servers, **options)
    source = stack.enter_context(Child(argv))
    return source, source.expect("ports")["ports"]


def wait_for_links(source: Child, servers: int) -> None:
    """Until amp has an event link and an action link to each server, and has noticed."""
    seen: set[tuple[int, bool]] = set()
    while len(seen) < 2 * servers:
        link = source.expect("link")
        seen.add((link["link"], link["events"]))
    time.sleep(SETTLE_S)


def _measure(source: Child, sink: Child, proxy: int, events: int) -> FanoutRound:
    sink.expect("ready")
    before_s = cpu_s(proxy)
    source.say(f"go {events}")
    seen = sink.expect("delivered", timeout_s=120)
    used_s = cpu_s(proxy) - before_s
    source.expect("sent", timeout_s=60)  # also behind sinks that were cut off: the next round is a new stream
    seconds = max(seen["seconds"], 1e-9)
    return FanoutRound(
        delivered=seen["delivered"],
        seconds=seconds,
        cpu_us=used_s * 1e6 / max(seen["delivered"], 1),
        proxy_share=used_s / seconds,
        sink_share=seen["cpu_s"] / seconds,
        peak_bytes=resident_bytes(proxy, "VmHWM"),
        faults=_faults(seen),
    )


def _faults(seen: Message) -> tuple[str, ...]:
    names = ("missing", "duplicated", "late", "altered", "closed")
    return tuple(f"{seen[name]} {name}" for name in names if seen[name])
