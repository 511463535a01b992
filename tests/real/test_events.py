"""Every client gets every event of every server exactly once, in order, as the server sent it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from real.amp_process import AmpProcess, Upstream, open_amp
from real.asterisk import Asterisk
from real.background import in_background
from real.calls import calls_over, event_stream, hang_up_all, make_calls
from real.oracle import Client, Header, connect, encoded, longest_pause, signed_in
from real.streams import Window, assert_same_events, mark, seen_by_client, seen_by_oracle, wait_window

pytestmark = pytest.mark.asterisk

CLIENTS = 10
CALLS = 20


@attrs.frozen
class Observed:
    """One server, watched directly by ``oracle`` and made busy through ``control`` (events off)."""

    window: Window
    oracle: Client
    control: Client


@asynccontextmanager
async def observed(asterisks: Mapping[str, Asterisk]) -> AsyncIterator[list[Observed]]:
    async with AsyncExitStack() as stack:
        found = []
        for name, asterisk in asterisks.items():
            oracle = await stack.enter_async_context(signed_in(asterisk.ports.ami))
            control = await stack.enter_async_context(signed_in(asterisk.ports.ami, events="off"))
            found.append(Observed(Window.at(name), oracle, control))
        yield found


@asynccontextmanager
async def clients_of(amp: AmpProcess, count: int) -> AsyncIterator[list[Client]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(amp.client()) for _ in range(count)]


def upstreams(asterisks: Mapping[str, Asterisk], **options: Any) -> list[Upstream]:
    return [Upstream(name=name, port=one.ports.ami, **options) for name, one in asterisks.items()]


def compare(clients: list[Client], watched: list[Observed]) -> int:
    """Hold every client against every oracle; how many events there were."""
    total = 0
    for one in watched:
        expected = seen_by_oracle(one.oracle, one.window)
        total += len(expected)
        for number, client in enumerate(clients):
            who = f"client {number} about {one.window.server}"
            assert_same_events(expected, seen_by_client(client, one.window), who)
    return total


@pytest.mark.parametrize("sessions", ["split", "single"])
async def test_calls_on_two_servers_reach_ten_clients(
    sessions: str, asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """Twenty concurrent calls on each server: ten clients see what a direct connection sees."""
    async with (
        open_amp(tmp_path, upstreams(asterisks, sessions=sessions)) as amp,
        observed(asterisks) as watched,
        clients_of(amp, CLIENTS) as clients,
    ):
        for one in watched:
            await hang_up_all(one.control)
            await mark(one.control, one.window, "begin")
        for one in watched:
            await make_calls(one.control, CALLS)
        for one in watched:
            await calls_over(one.control)
            await mark(one.control, one.window, "end")
        everybody = [one.window for one in watched]
        await wait_window(clients, everybody)
        for one in watched:
            await wait_window([one.oracle], [one.window])
        total = compare(clients, watched)
        assert total > 50 * CALLS
        print(f"{sessions}: {total} events, each seen by {CLIENTS} clients exactly once")


FLOOD_HEADERS: list[Header] = [("UserEvent", "AmpFlood"), *((f"Pad{n}", "x" * 900) for n in range(16))]


async def flood(port: int) -> None:
    """Send events of 15 kB for ever, as fast as the server takes them."""
    burst = encoded(("Action", "UserEvent"), *FLOOD_HEADERS) * 20
    async with signed_in(port, events="off") as control:
        while True:
            await control.send(burst)
            await control.ask("Ping")


async def cut_sleeper(asterisk: Asterisk, folder: Path, limits: str) -> Mapping[str, object]:
    """Let one of two clients stop reading during a flood until amp cuts it; its last log line.

    The other client must see what the oracle sees, and without delay.
    """
    plain = {"plain": asterisk}
    async with (
        open_amp(folder, upstreams(plain), limits=limits) as amp,
        observed(plain) as watched,
        amp.client() as reader,
        connect(amp.port, receive_buffer=65536) as sleeper,
    ):
        (one,) = watched
        login = encoded(("Action", "Login"), ("Username", "client"), ("Secret", "client secret"))
        await sleeper.send(login)
        before = amp.peak_memory()
        await mark(one.control, one.window, "begin")
        async with in_background(partial(flood, asterisk.ports.ami)):
            line = await log_of_end(amp, sleeper.address)
        async with event_stream(one.control, 20):
            await trio.sleep(0.5)
        await mark(one.control, one.window, "end")
        await wait_window([reader, one.oracle], [one.window])
        assert compare([reader], watched) > 100
        pause = longest_pause([m.at for m in reader.messages])
        direct = longest_pause([m.at for m in one.oracle.messages])
        print(f"cut: {line['reason']}; memory grew by {(amp.peak_memory() - before) / 1e6:.1f} MB")
        print(f"longest pause of the other client {pause:.3f} s, of the oracle {direct:.3f} s")
        assert pause < direct + 1.9
        return line


MEGABYTE = 1 << 20


async def test_a_client_that_stops_reading_is_cut_for_its_backlog(
    asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """At ``outlet_bytes`` it is cut, whatever time it had; its backlog never was much more."""
    limits = f'outlet_bytes = {2 * MEGABYTE}\nstall_timeout = "60s"'
    line = await cut_sleeper(asterisks["plain"], tmp_path, limits)
    assert int(str(line["peak_bytes"])) < 3 * MEGABYTE


async def test_a_client_that_stops_reading_is_cut_for_its_stall(
    asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """After ``stall_timeout`` without progress it is cut, however much room there is."""
    limits = f'outlet_bytes = {1024 * MEGABYTE}\nstall_timeout = "2s"'
    line = await cut_sleeper(asterisks["plain"], tmp_path, limits)
    assert int(str(line["peak_bytes"])) < 1024 * MEGABYTE


async def log_of_end(amp: AmpProcess, address: str) -> Mapping[str, object]:
    """The one canonical line about the client that had this address; it must give a reason."""
    with trio.fail_after(60):
        while True:
            lines = [line for line in amp.lines_about(address) if line.get("reason")]
            if lines:
                assert len(lines) == 1, lines
                return lines[0]
            await trio.sleep(0.05)
