"""One action for a real server, a simulated one and a dead one: the merged answer, and its deadline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import attrs
import pytest
import trio

from amp.sim.asterisk import SimAsterisk
from ports import refusing_port
from real.amp_process import Upstream, open_amp
from real.asterisk import Asterisk
from real.calls import hang_up_all, originate_headers
from real.oracle import Client, Message, signed_in

pytestmark = pytest.mark.asterisk

NAMES = (b"dead", b"plain", b"sim")
DEADLINE_S = 3


@attrs.frozen(kw_only=True)
class Scene:
    """A client of an amp in front of the three, and a direct connection to the real server."""

    client: Client
    control: Client
    sim: SimAsterisk

    async def ask_all(self, name: str, *headers: tuple[str, str], server: str = "*") -> list[Message]:
        """Ask, and give everything of this action up to its closing frame, which is the last."""
        start = len(self.client.messages)
        await self.client.send_action(name, ("ActionID", "all"), *headers, ("Server", server))
        end = await self.client.wait_for(lambda m: m.is_event("ProxyFanoutComplete"), start=start)
        frames = self.client.messages[start : self.client.messages.index(end) + 1]
        assert all(frame.get("ActionID") == b"all" for frame in frames)
        return frames


@asynccontextmanager
async def scene(plain: Asterisk, folder: Path) -> AsyncIterator[Scene]:
    """The scene; amp is ready when the two living servers answer."""
    sim = SimAsterisk(name="sim", username="amp", secret="secret")
    with refusing_port() as dead:
        async with trio.open_nursery() as nursery:
            _, port = await nursery.start(partial(sim.serve, "127.0.0.1", 0))
            upstreams = [
                Upstream(name="plain", port=plain.ports.ami),
                Upstream(name="sim", port=port),
                Upstream(name="dead", port=dead, alive=False),
            ]
            async with (
                open_amp(folder, upstreams, limits=f'fanout_timeout = "{DEADLINE_S}s"') as amp,
                amp.client(events="off") as client,
                signed_in(plain.ports.ami, events="off") as control,
            ):
                await hang_up_all(control)
                yield Scene(client=client, control=control, sim=sim)
                await hang_up_all(control)
            nursery.cancel_scope.cancel()


def of(frames: list[Message], server: bytes) -> list[Message]:
    """The frames of one server, which stand together."""
    places = [place for place, frame in enumerate(frames) if frame.get("Server") == server]
    assert places == list(range(places[0], places[-1] + 1))
    return [frames[place] for place in places]


def assert_closed(end: Message, answers: int, errors: int, *missing: bytes) -> None:
    """The closing frame counts so."""
    counts = [end.get(name) for name in ("Servers", "Answers", "Errors", "Missing")]
    assert counts == [b"%d" % n for n in (answers + errors + len(missing), answers, errors, len(missing))]
    assert end.get("MissingServers") == (b", ".join(missing) or None)
    assert end.get("EventList") == b"Complete"


async def test_merged_answer_and_deadline(asterisks: Mapping[str, Asterisk], tmp_path: Path) -> None:
    """Pong, list and console output of both; the dead one is told at once; the late one in time."""
    async with scene(asterisks["plain"], tmp_path) as stage:
        frames = await stage.ask_all("Ping")
        assert sorted({frame.get("Server") or b"" for frame in frames[:-1]}) == sorted(NAMES)
        (dead,) = of(frames, b"dead")
        assert frames[0] is dead
        assert (dead.get("Message") or b"").startswith(b"Not sent: server dead is down")
        assert [of(frames, name)[0].get("Ping") for name in (b"plain", b"sim")] == [b"Pong", b"Pong"]
        assert_closed(frames[-1], 2, 0, b"dead")

        await lists_do_not_mix(stage)
        await console_output_keeps_its_shape(stage)
        await deadline_is_kept(stage)


async def lists_do_not_mix(stage: Scene) -> None:
    """Ten channels on the real server: all of them, in one piece, as it tells them directly."""
    for _ in range(5):  # each of two channels that ring for a minute
        headers = originate_headers(leg="late", ring_s=60)
        await stage.control.send_action("Originate", *headers, ("Async", "true"))
    direct: list[Message] = []
    with trio.fail_after(60):
        while len(direct) < 10:
            await trio.sleep(0.1)
            direct = await stage.control.ask_list("CoreShowChannels")
    frames = await stage.ask_all("CoreShowChannels")
    plain = of(frames, b"plain")
    assert [plain[0].get("EventList"), plain[-1].get("EventList")] == [b"start", b"Complete"]
    assert {m.get("Uniqueid") for m in plain[1:-1]} == {m.get("Uniqueid") for m in direct}
    assert of(frames, b"sim")[-1].get("EventList") == b"Complete"
    assert_closed(frames[-1], 2, 0, b"dead")


async def console_output_keeps_its_shape(stage: Scene) -> None:
    """Action Command, which shares a link with nothing."""
    frames = await stage.ask_all("Command", ("Command", "core show version"), server="plain,sim")
    asked = await stage.control.ask("Command", ("Command", "core show version"))
    assert of(frames, b"plain")[0].get("Output") == asked.get("Output")
    assert_closed(frames[-1], 2, 0)


async def deadline_is_kept(stage: Scene) -> None:
    """The simulated server freezes; the real one's answer is there, and the whole is closed in time."""
    stage.sim.faults.stall()
    begin = trio.current_time()
    frames = await stage.ask_all("CoreStatus", server="*")
    took = trio.current_time() - begin
    assert DEADLINE_S <= took < DEADLINE_S + 5, took
    assert b"Outcome unknown" in (of(frames, b"sim")[0].get("Message") or b"")
    assert of(frames, b"plain")[0].get("CoreStartupDate")
    assert_closed(frames[-1], 1, 0, b"dead", b"sim")
    start = len(stage.client.messages)
    stage.sim.faults.resume()
    assert (await stage.client.ask("Ping", ("Server", "sim"))).get("Ping") == b"Pong"
    assert not any(m.get("ActionID") == b"all" for m in stage.client.messages[start:])
