"""The links of one server: what is open, what is opened next, and whether the server is up.

The event link leads. Without it nothing else is open: one process and one host again, so nothing half-dead is
kept. With it, action links are opened: one always, more on demand up to a number; those are closed when idle.
Where a second session is refused (``allowmultiplelogin = no``) the event link carries the actions too, and
now and then it is tried whether that has changed.

A link is BACKOFF → CONNECTING → LOGIN → READY and then gone; what is opened for it has a new number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator

from amp.core.routing.alarm import Alarm
from amp.core.routing.backoff import Backoff
from amp.core.routing.commands import Announce, CloseLink, Command, LinkRole, OpenLink, Warn
from amp.core.routing.link import Link, LinkState
from amp.core.routing.settings import LinksConfig
from amp.core.stats import RoutingStats

__all__ = ["Links"]

FIRST_REASON = "not connected yet"


class Links:
    """Decides which links a server has. Knows nothing of clients.

    Args:
        config: of the server.
        numbers: fresh link numbers, shared by all servers.
        jitter: numbers from 0 to 1 for the backoff.
        alarm: rings no later than `next_deadline`.

    Methods append what is to be done to ``out``. Those that end links return them, so that the caller can end
    their actions, and then calls `tell`.
    """

    def __init__(
        self, config: LinksConfig, numbers: Iterator[int], jitter: Callable[[], float], alarm: Alarm
    ) -> None:
        self.config = config
        self.counters = RoutingStats()
        self.events: Link | None = None
        self.actions: dict[int, Link] = {}
        self.single = config.sessions == "single"
        self.up = False
        self.reason = FIRST_REASON
        self.version = ""
        self._told_up = False
        self._numbers = numbers
        self._alarm = alarm
        self._event_backoff = Backoff(config.backoff_first_s, config.backoff_cap_s, jitter)
        self._action_backoff = Backoff(config.backoff_first_s, config.backoff_cap_s, jitter)
        self._split_backoff = Backoff(config.split_retry_first_s, config.split_retry_cap_s, jitter)
        self._grow_at = -math.inf
        self._split_at = math.inf

    # What is there.

    def find(self, number: int) -> Link | None:
        """The link of this number, whatever its role; ``None`` if it is over."""
        events = self.events
        if events is not None and events.number == number:
            return events
        return self.actions.get(number)

    def all(self) -> list[Link]:
        """Every link, the event link first."""
        return [*([self.events] if self.events else []), *self.actions.values()]

    def carriers(self) -> Collection[Link]:
        """The links that new actions may go on, first choice first; some may not be READY."""
        if self.single:
            return (self.events,) if self.events else ()
        return self.actions.values()

    # What happens to links.

    def start(self, now: float, out: list[Command]) -> None:
        """Open the event link."""
        self.events = self._open(LinkRole.EVENTS, 0.0, now, out)

    def connected(self, number: int) -> None:
        """A link's login begins."""
        if (link := self.find(number)) is not None:
            link.state = LinkState.LOGIN

    def ready(self, number: int, version: str, now: float, out: list[Command]) -> None:
        """A link is signed in."""
        link = self.find(number)
        if link is None:
            return
        link.state = LinkState.READY
        link.idle_since = now
        if link is self.events:
            self.version = version
            self._event_backoff.reset()
            self._open_first_action(now, out)
        else:
            self._action_backoff.reset()
            self._end_fallback(out)
            self._alarm.by(now + self.config.idle_s)
        self._check_up()

    def refused(self, number: int, reason: str, now: float, out: list[Command]) -> list[Link]:
        """A link's login was refused. Returns the links that ended."""
        link = self.find(number)
        if link is None:
            return []
        self.counters.logins_refused += 1
        if link is self.events:
            out.append(Warn(self.config.name, f"login refused: {reason}; trying again"))
            return self._lose_all(f"login refused: {reason}", self._event_backoff.longest_delay(), now, out)
        del self.actions[number]
        self._refuse_action_link(reason, now, out)
        return [link]

    def lost(self, number: int, reason: str, now: float, out: list[Command]) -> list[Link]:
        """A link ended. Returns it, and if it was the event link, all others, which are closed."""
        link = self.find(number)
        if link is None:
            return []
        self.counters.links_lost += 1
        if link is self.events:
            return self._lose_all(reason, self._event_backoff.next_delay(), now, out)
        del self.actions[number]
        self._lose_action_link(link, now, out)
        return [link]

    def close_stuck(self, link: Link, now: float, out: list[Command]) -> None:
        """Close an action link that no longer answers."""
        self.counters.stuck_links += 1
        out.append(CloseLink(self.config.name, link.number))
        del self.actions[link.number]
        self._lose_action_link(link, now, out)

    def reconnect(self, reason: str, now: float, out: list[Command]) -> list[Link]:
        """Close everything and begin anew at once, however long the backoff was. Returns what was open.

        Nothing after `shut_down`.
        """
        if self.events is None:
            return []
        out.append(CloseLink(self.config.name, self.events.number))
        self._event_backoff.reset()
        return self._lose_all(reason, 0.0, now, out)

    def shut_down(self, reason: str, out: list[Command]) -> list[Link]:
        """Close everything and open nothing again. Returns what was open."""
        ended = self.all()
        out.extend(CloseLink(self.config.name, link.number) for link in ended)
        self.events, self.actions = None, {}
        self.up, self.reason = False, reason
        self._told_up = False  # the clients are told in another way
        self._split_at = math.inf
        return ended

    def tell(self, out: list[Command]) -> None:
        """Announce that the server went up or down, if it did since the last time."""
        if self.up == self._told_up:
            return
        self._told_up = self.up
        name = self.config.name
        out.append(
            Announce(name, True, "", self.version) if self.up else Announce(name, False, self.reason, "")
        )

    # What demand and time do.

    def grow(self, wanted: int, now: float, out: list[Command]) -> None:
        """Open as many action links as ``wanted`` clients have use for, within the bounds."""
        ready = len(self.actions) - self._opening()
        if self.single or wanted <= 0 or not ready:
            return  # without any, one is on its way already, with its backoff
        if now < self._grow_at:
            self._alarm.by(self._grow_at)
            return
        room = self.config.max_sessions - len(self.actions)
        for _ in range(min(wanted - self._opening(), room)):
            self._open_action(0.0, now, out)

    def may_grow(self, now: float) -> bool:
        """Is another action link being opened, or could one be?"""
        if self.single:
            return False
        return self._opening() > 0 or (len(self.actions) < self.config.max_sessions and now >= self._grow_at)

    def handle_timeout(self, now: float, out: list[Command]) -> None:
        """Close idle links, try a second session again."""
        for link in self._spare():
            if link.idle_since + self.config.idle_s <= now:
                del self.actions[link.number]
                out.append(CloseLink(self.config.name, link.number))
        if self._split_at <= now and self.events is not None and self.events.state is LinkState.READY:
            self._split_at = math.inf
            self._open_action(0.0, now, out)

    def next_deadline(self, now: float) -> float:
        """When time alone changes something next, in monotonic seconds; that of the actions is not meant."""
        idle = min((link.idle_since for link in self._spare()), default=math.inf) + self.config.idle_s
        return min((at for at in (idle, self._split_at, self._grow_at) if at > now), default=math.inf)

    def _spare(self) -> list[Link]:
        """Links without work, except the first one that could do some."""
        ready = [link for link in self.actions.values() if link.state is LinkState.READY]
        return [link for link in ready[1:] if not link.flight and not link.skipped]

    # How it is done.

    def _open(self, role: LinkRole, delay_s: float, now: float, out: list[Command]) -> Link:
        number = next(self._numbers)
        out.append(OpenLink(self.config.name, number, role, delay_s))
        return Link(number, role, now + delay_s)

    def _opening(self) -> int:
        return sum(link.state is not LinkState.READY for link in self.actions.values())

    def _open_action(self, delay_s: float, now: float, out: list[Command]) -> None:
        link = self._open(LinkRole.ACTIONS, delay_s, now, out)
        self.actions[link.number] = link

    def _open_first_action(self, now: float, out: list[Command]) -> None:
        if not self.single:
            self._open_action(0.0, now, out)
        elif self._split_at <= now:
            self._alarm.by(now)

    def _check_up(self) -> None:
        """The event link is READY (all that leads here needs it); is there a link for actions too?"""
        if self.single or any(link.state is LinkState.READY for link in self.actions.values()):
            self.up, self.reason = True, ""

    def _lose_all(self, reason: str, delay_s: float, now: float, out: list[Command]) -> list[Link]:
        ended = self.all()
        out.extend(CloseLink(self.config.name, number) for number in self.actions)
        self.actions = {}
        self.up, self.reason = False, reason
        self._grow_at = -math.inf
        self._action_backoff.reset()
        if self.single and self.config.sessions == "split" and self._split_at == math.inf:
            self._split_at = now  # a second session was just being tried
        self.events = self._open(LinkRole.EVENTS, delay_s, now, out)
        return ended

    def _lose_action_link(self, link: Link, now: float, out: list[Command]) -> None:
        if self.single:
            self._retry_split(now)
        elif not self.actions:
            self._open_action(self._action_backoff.next_delay(), now, out)
        elif link.state is not LinkState.READY:
            self._grow_at = now + self._action_backoff.next_delay()

    def _refuse_action_link(self, reason: str, now: float, out: list[Command]) -> None:
        """The event link is up, so this is about the number of sessions, unless another one is open."""
        if self.single:
            self._retry_split(now)
        elif self.actions:
            self._grow_at = now + self._action_backoff.longest_delay()
            out.append(Warn(self.config.name, f"another session was refused: {reason}; going on with fewer"))
        else:
            self.single = True
            self._retry_split(now)
            self._check_up()
            text = f"a second session was refused: {reason}; events and actions share one from now on"
            out.append(Warn(self.config.name, text))

    def _retry_split(self, now: float) -> None:
        self._split_at = now + self._split_backoff.next_delay()
        self._alarm.by(self._split_at)

    def _end_fallback(self, out: list[Command]) -> None:
        if not self.single:
            return
        self.single = False
        self._split_at = math.inf
        self._split_backoff.reset()
        out.append(
            Warn(self.config.name, "a second session was accepted: events and actions are apart again")
        )
