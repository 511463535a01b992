"""Sniffers are watched as long as somebody may and wants to see what becomes of it."""

from __future__ import annotations

import time
from typing import Final

import attrs
import trio

from amp.core.fanout.hub import Hub
from amp.core.voipmonitor.command import parse_command
from amp.core.voipmonitor.exchange_events import ExchangeFailed, Failure
from amp.core.voipmonitor.watch import Health, Topic, Watch
from amp.core.voipmonitor.watch_events import CALLS, STATE
from amp.shell.log import get_logger
from amp.shell.sniffer import Sniffer
from amp.shell.sniffer_popup import PopupFollower

__all__ = ["Watcher", "Watching"]

SETTLE_S: Final = 0.05
"""Until the demand is looked at again: clients come in crowds."""

COMMANDS: Final = {topic: parse_command(topic.value.encode()) for topic in Topic}


@attrs.define(eq=False)
class Watcher:
    """Asks one sniffer what its `Watch` wants to know, and publishes what it makes of it."""

    sniffer: Sniffer
    watch: Watch
    hub: Hub
    popups: PopupFollower | None = None
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False)
    _asking: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)

    def want(self, *, calls: bool, state: bool) -> None:
        """See `Watch.want`."""
        self.watch.want(calls=calls, state=state, now=trio.current_time())
        if not self.watch.wanted:
            self._asking.cancel()
            self.sniffer.trouble, self.sniffer.since = "", None
        if self.popups is not None:
            self.popups.want(calls)
        self._changed.set()

    def leave(self) -> None:
        """Tell for the last time."""
        self._publish(self.watch.gone())

    async def run(self) -> None:
        """Watch until cancelled."""
        async with trio.open_nursery() as nursery:
            if self.popups is not None:
                nursery.start_soon(self.popups.run)
            while True:
                topic = self.watch.question(trio.current_time())
                if topic is not None:
                    with trio.CancelScope() as self._asking:
                        await self._ask(topic)
                    continue
                self._changed = trio.Event()
                with trio.move_on_at(self.watch.next_deadline()):
                    await self._changed.wait()

    async def _ask(self, topic: Topic) -> None:
        """One exchange. A bug that its reply touches off is logged, and counts as a failure."""
        try:
            async with self.sniffer.ask(COMMANDS[topic], unpack=True, anew=True, watches=True) as answer:
                reply = await answer.whole()
            if answer.failure is None:
                await self._answered(topic, reply)
            else:
                self._failed(topic, answer.failure)
        except Exception:
            get_logger().exception("watching_failed", sniffer=self.sniffer.name, command=topic.value)
            self._publish(self.watch.failed(topic, "internal error", trio.current_time()))

    async def _answered(self, topic: Topic, reply: bytes) -> None:
        before = self.watch.health
        for frames in self.watch.answering(topic, reply, trio.current_time()):
            self._publish(frames)
            await trio.lowlevel.checkpoint()
        if before is Health.DOWN and self.watch.health is Health.UP:
            get_logger().info("sniffer_up", sniffer=self.sniffer.name)
        elif before is not Health.DOWN and self.watch.health is Health.DOWN:
            reason = f"{topic.value}: expected an answer, got {reply[:40]!r}"
            get_logger().error("sniffer_down", sniffer=self.sniffer.name, reason=reason)
        self._note(f"{topic.value}: no usable answer")

    def _failed(self, topic: Topic, failed: ExchangeFailed) -> None:
        now = trio.current_time()
        if failed.failure is Failure.BUSY and not self.sniffer.pool.hanging:
            self.watch.postponed(topic, now)
            return
        if self.watch.health is not Health.DOWN:
            get_logger().error("sniffer_down", sniffer=self.sniffer.name, reason=failed.message)
        self._publish(self.watch.failed(topic, failed.failure.value, now))
        self._note(f"{topic.value}: {failed.failure.value}")

    def _note(self, trouble: str) -> None:
        """What is known now, for who asks how the sniffer is."""
        self.sniffer.version = self.watch.version
        trouble = trouble if self.watch.health is Health.DOWN else ""
        if self.sniffer.since is None or bool(trouble) != bool(self.sniffer.trouble):
            self.sniffer.since = time.time()
        self.sniffer.trouble = trouble

    def _publish(self, frames: list[bytes]) -> None:
        if frames:
            self.hub.broadcast(self.sniffer.name.encode(), frames)


class Watching:
    """Tells every watcher whether somebody looks.

    Args:
        hub: knows all who are connected, and the watched sniffers as servers.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._watchers: dict[str, Watcher] = {}
        self._scopes: dict[str, trio.CancelScope] = {}
        self._views_changed = trio.Event()
        self._nursery: trio.Nursery | None = None

    def add(self, watcher: Watcher) -> None:
        """One more sniffer, which the hub knows already."""
        self._watchers[watcher.sniffer.name] = watcher
        if self._nursery is not None:
            self._nursery.start_soon(self._run, watcher)
            self._views_changed.set()

    def drop(self, name: str) -> None:
        """A sniffer is gone; who looks is told, and the hub forgets it."""
        self._watchers.pop(name).leave()
        if name in self._scopes:
            self._scopes.pop(name).cancel()
        self._hub.remove_server(name.encode())

    async def run(self) -> None:
        """Watch as demanded, until cancelled."""
        async with trio.open_nursery() as self._nursery:
            for watcher in self._watchers.values():
                self._nursery.start_soon(self._run, watcher)
            self._hub.on_views_changed = lambda: self._views_changed.set()
            while True:
                self._views_changed = trio.Event()
                self._look()
                await self._views_changed.wait()
                await trio.sleep(SETTLE_S)

    async def _run(self, watcher: Watcher) -> None:
        name = watcher.sniffer.name
        if self._watchers.get(name) is watcher:
            with trio.CancelScope() as self._scopes[name]:
                await watcher.run()

    def _look(self) -> None:
        calls, state = self._hub.demand(CALLS), self._hub.demand(STATE)
        for watcher in self._watchers.values():
            name = watcher.sniffer.name.encode()
            watcher.want(calls=calls is None or name in calls, state=state is None or name in state)
