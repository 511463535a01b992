"""A sniffer's stream of popups, kept open while somebody may and wants to see them."""

from __future__ import annotations

from typing import Final

import attrs
import trio

from amp.core.fanout.hub import Hub
from amp.core.voipmonitor.command import Command
from amp.core.voipmonitor.popup import PopupReader
from amp.core.voipmonitor.watch_events import WatchEvents
from amp.errors import RemoteProtocolError
from amp.shell.log import get_logger
from amp.shell.sniffer import Sniffer

__all__ = ["PopupFollower"]

FIRST_REST_S: Final = 1.0
LONGEST_REST_S: Final = 60.0
"""Between two tries; also how long a stream has to last for the next rest to be the first one again."""


@attrs.define(eq=False)
class PopupFollower:
    """Holds one login, and publishes what pops up."""

    sniffer: Sniffer
    command: Command
    """``login_screen_popup`` with what it takes."""
    events: WatchEvents
    hub: Hub
    _wanted: bool = attrs.field(default=False, init=False)
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _refusal: str = attrs.field(default="", init=False)

    def want(self, wanted: bool) -> None:
        """Whether somebody would see popups."""
        self._wanted = wanted
        if not wanted:
            self._scope.cancel()
        self._changed.set()

    async def run(self) -> None:
        """Follow until cancelled; what is wrong with the stream is logged."""
        rest_s = FIRST_REST_S
        while True:
            while not self._wanted:
                self._changed = trio.Event()
                await self._changed.wait()
            begun = trio.current_time()
            with trio.CancelScope() as self._scope:
                reason = await self._follow()
                lasted_s = trio.current_time() - begun
                rest_s = FIRST_REST_S if lasted_s > LONGEST_REST_S else min(2 * rest_s, LONGEST_REST_S)
                get_logger().warning(
                    "popups_ended", sniffer=self.sniffer.name, reason=reason, again_in=rest_s
                )
                await trio.sleep(rest_s)

    async def _follow(self) -> str:
        """One login, till the stream ends; says why it did."""
        reader, self._refusal = PopupReader(), ""
        try:
            failed = await self.sniffer.follow(self.command, lambda data: self._take(reader, data))
        except RemoteProtocolError as error:
            return str(error)
        except Exception:
            get_logger().exception("popups_failed", sniffer=self.sniffer.name)
            return "internal error"
        return self._refusal or (failed.message if failed is not None else "the sniffer ended the stream")

    def _take(self, reader: PopupReader, data: bytes) -> None:
        shown = []
        for line in reader.feed(data):
            if line.kind == "call_data":
                shown.append(self.events.popup(line))
            elif line.kind == "login_failed":
                self._refusal = f"login refused: {line.fields.get('error', '')[:200]}"
        if shown:
            self.hub.broadcast(self.sniffer.name.encode(), shown)
