"""What clients see when a server dies, stops or is cut off, and when it comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio

from real.amp_process import AmpProcess, Upstream, open_amp
from real.asterisk import Asterisk
from real.calls import event_stream, hang_up_all, originate_headers
from real.oracle import Client, Message, signed_in
from real.relay import Relay, open_relay
from real.streams import Window, assert_same_events, mark, seen_by_client, seen_by_oracle, wait_window

pytestmark = pytest.mark.asterisk


@attrs.frozen(kw_only=True)
class Scene:
    """amp between two servers: ``plain`` (through a relay) will have trouble, ``dressed`` must not notice.

    Attributes:
        watcher: a client with events on.
        asker: a client with events off, for actions.
        relay: between amp and ``plain``.
    """

    amp: AmpProcess
    plain: Asterisk
    relay: Relay
    watcher: Client
    asker: Client
    dressed_control: Client

    async def start_pending(self, action_id: str) -> None:
        """Send an Originate to ``plain`` that rings for a minute, and wait until it does."""
        headers = originate_headers(leg="late", ring_s=60)
        start = len(self.watcher.messages)
        await self.asker.send_action("Originate", ("ActionID", action_id), *headers, ("Server", "plain"))
        await self.watcher.wait_for(
            lambda m: m.is_event("Newchannel") and m.get("Server") == b"plain", start=start
        )

    async def outcome(self, action_id: str) -> Message:
        """The answer to that action."""
        wanted = action_id.encode()
        return await self.asker.wait_for(lambda m: m.is_response() and m.get("ActionID") == wanted)

    def events(self, name: str) -> list[Message]:
        """What the watcher saw of that name."""
        return [message for message in self.watcher.messages if message.is_event(name)]

    async def wait_event(self, name: str, timeout: float = 60) -> Message:
        """Wait for an event about ``plain``."""
        return await self.watcher.wait_for(
            lambda m: m.is_event(name) and m.get("Server") == b"plain", timeout=timeout
        )

    async def restart_plain(self) -> None:
        """Start ``plain`` again, on the same port, and wait until it has booted."""
        self.plain.start()
        await trio.to_thread.run_sync(self.plain.wait_ready)


@asynccontextmanager
async def scene(asterisks: Mapping[str, Asterisk], folder: Path) -> AsyncIterator[Scene]:
    """The scene, with both servers' events flowing and ``dressed`` compared over the whole of it."""
    plain, dressed = asterisks["plain"], asterisks["dressed"]
    async with open_relay(plain.ports.ami) as relay:
        upstreams = [
            Upstream(name="plain", port=relay.port),
            Upstream(name="dressed", port=dressed.ports.ami),
        ]
        async with (
            open_amp(folder, upstreams) as amp,
            amp.client() as watcher,
            amp.client(events="off") as asker,
            signed_in(dressed.ports.ami) as oracle,
            signed_in(dressed.ports.ami, events="off") as control,
        ):
            window = Window.at("dressed")
            await mark(control, window, "begin")
            async with event_stream(control, 50):
                yield Scene(
                    amp=amp, plain=plain, relay=relay, watcher=watcher, asker=asker, dressed_control=control
                )
            await mark(control, window, "end")
            await wait_window([watcher, oracle], [window])
            expected = seen_by_oracle(oracle, window)
            assert len(expected) > 20
            assert_same_events(expected, seen_by_client(watcher, window), "the other server's stream")


async def assert_alive(stage: Scene) -> None:
    """Events and answers of ``plain`` reach the clients."""
    async with signed_in(stage.plain.ports.ami, events="off") as control:
        await hang_up_all(control)
        start = len(stage.watcher.messages)
        await control.send_action("UserEvent", ("UserEvent", "AmpAlive"))
        await stage.watcher.wait_for(
            lambda m: m.get("UserEvent") == b"AmpAlive" and m.get("Server") == b"plain", start=start
        )
    answer = await stage.asker.ask("Ping", ("Server", "plain"))
    assert answer.get("Ping") == b"Pong"


def assert_unknown_outcome(answer: Message) -> None:
    """The error tells that nobody can know what became of the action, and where."""
    assert answer.is_response("Error"), answer.raw
    assert b"outcome unknown" in (answer.get("Message") or b"").lower(), answer.raw
    assert answer.raw.endswith(b"\r\nServer: plain"), answer.raw


async def kill(plain: Asterisk) -> None:
    plain.kill()


async def stop(plain: Asterisk) -> None:
    await trio.to_thread.run_sync(plain.stop)


@pytest.mark.parametrize("end", [kill, stop], ids=["kill -9", "graceful"])
async def test_a_server_that_ends_and_comes_back(
    end: Callable[[Asterisk], Awaitable[None]], asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """ServerDown, never Shutdown; pending actions end as unknown; ServerUp and events after the restart."""
    async with scene(asterisks, tmp_path) as stage:
        await stage.start_pending("ringing")
        async with signed_in(stage.plain.ports.ami, events="off") as control, event_stream(control, 200):
            await stage.wait_event("UserEvent")
            await end(stage.plain)
            await control.wait_closed()
        down = await stage.wait_event("ServerDown")
        assert down.get("Reason")
        assert down.get("Epoch")
        answer = await stage.outcome("ringing")
        # A server that ends in good order hangs up first, so it may still answer for itself.
        if end is kill or answer.get("Message") != b"Originate failed":
            assert_unknown_outcome(answer)
        refused = await stage.asker.ask("Ping", ("Server", "plain"))
        assert refused.is_response("Error")
        assert refused.get("Server") == b"plain"
        await stage.restart_plain()
        up = await stage.wait_event("ServerUp", timeout=60)
        assert up.get("Epoch") == down.get("Epoch")
        assert up.get("Version")
        await assert_alive(stage)
        assert not stage.events("Shutdown")
        assert len(stage.events("ServerDown")) == len(stage.events("ServerUp")) == 1


async def test_one_action_link_cut_ends_only_its_own_actions(
    asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """The event stream is untouched, no ServerDown, other links' actions and later ones go on."""
    async with scene(asterisks, tmp_path) as stage:
        plain = stage.plain.ports.ami
        async with signed_in(plain) as oracle, signed_in(plain, events="off") as control:
            window = Window.at("plain")
            await mark(control, window, "begin")
            async with event_stream(control, 100):
                await stage.start_pending("ringing")
                (busy,) = [link for link in stage.relay.action_links() if b"-ringing\r\n" in link.sent]
                busy.cut()
                assert_unknown_outcome(await stage.outcome("ringing"))
                assert (await stage.asker.ask("Ping", ("Server", "plain"))).is_response("Success")
            await hang_up_all(control)
            await mark(control, window, "end")
            await wait_window([stage.watcher, oracle], [window])
            expected = seen_by_oracle(oracle, window)
            assert_same_events(expected, seen_by_client(stage.watcher, window), "the cut server's stream")
        assert not stage.events("ServerDown")
        await assert_alive(stage)


async def test_the_event_link_cut_takes_the_server_down(
    asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """The event link leads: all links are closed, pending actions end as unknown, the server comes back."""
    async with scene(asterisks, tmp_path) as stage:
        await stage.start_pending("ringing")
        links = [stage.relay.event_link(), *stage.relay.action_links()]
        links[0].cut()
        await stage.wait_event("ServerDown")
        assert_unknown_outcome(await stage.outcome("ringing"))
        await stage.wait_event("ServerUp")
        assert not any(link.open for link in links)
        await assert_alive(stage)


async def test_an_account_for_one_login_falls_back_to_a_single_session(
    asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """``allowmultiplelogin = no``: amp works over one link and says so in its log."""
    port = asterisks["plain"].ports.ami
    async with open_amp(tmp_path, [Upstream(name="plain", port=port, username="alone")]) as amp:
        async with amp.client() as client, signed_in(port, events="off") as control:
            await control.send_action("UserEvent", ("UserEvent", "AmpAlone"))
            await client.wait_for(lambda m: m.get("UserEvent") == b"AmpAlone")
            assert (await client.ask("Ping", ("Server", "plain"))).get("Ping") == b"Pong"
        told = [line for line in amp.lines_about("session") if line["level"] in ("warning", "error")]
        assert told, amp.report()
