"""Which events the subscriptions of a connection ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

import attrs

from amp.core.ws.globs import any_of, glob_parts

__all__ = ["MAX_PARTS", "Selection", "Subscription"]

EVENT: Final = b"Event: "
GAP: Final = b"Event: ProxyGap\r\n"
NAMES_REMEMBERED: Final = 512
SERVERS_REMEMBERED: Final = 512
LONGEST_NAME: Final = 128
"""Longer names of events are judged anew each time: the server chooses them."""

MAX_PARTS: Final = 100
"""Of all subscriptions of a connection, as of all filters of a session: what each event may cost."""


@attrs.frozen(cache_hash=True)
class Subscription:
    """One subscription. Equal ones are equal keys, so that connections share what is made for them.

    Attributes:
        servers: globs of names; none means all.
        events: globs of names in small letters; none means all.
        where: for each header, in small letters, globs of which one of its values must fit one.
    """

    servers: frozenset[bytes] = frozenset()
    events: frozenset[bytes] = frozenset()
    where: frozenset[tuple[bytes, frozenset[bytes]]] = frozenset()

    @property
    def takes_all(self) -> bool:
        """Whether nothing is left out."""
        return not (self.servers or self.events or self.where)

    @property
    def parts(self) -> int:
        """What it costs: its globs' parts, and one for each header that has to be found in an event."""
        every = [self.servers, self.events, *(globs for _, globs in self.where)]
        return len(self.where) + sum(glob_parts(glob) for globs in every for glob in globs)


@attrs.frozen(cache_hash=True)
class Selection:
    """What at least one of some subscriptions asks for. No subscription at all asks for everything.

    Which events there are is what the client sees of the servers' events without this: a condition never
    tells anything that is hidden from it.
    """

    subscriptions: frozenset[Subscription] = frozenset()
    _tests: Callable[[bytes], tuple[_Test, ...]] = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Prepare the tests, each once."""
        tests = [(any_of(one.servers), _Test(one)) for one in self.subscriptions]

        @lru_cache(SERVERS_REMEMBERED)
        def tests_for(server: bytes) -> tuple[_Test, ...]:
            return tuple(test for hears, test in tests if hears is None or hears(server))

        object.__setattr__(self, "_tests", tests_for)

    @classmethod
    def of(cls, subscriptions: Iterable[Subscription]) -> Selection:
        """Of some subscriptions, at least one."""
        found = frozenset(subscriptions)
        return cls() if any(one.takes_all for one in found) else cls(found)

    def __bool__(self) -> bool:
        """Whether anything is left out."""
        return bool(self.subscriptions)

    def hears(self, server: bytes) -> bool:
        """Whether any event of that server can be asked for."""
        return not self.subscriptions or bool(self._tests(server))

    def passes(self, event: bytes, server: bytes) -> bool:
        """Whether an event is asked for; gaps are by whoever hears of the server at all.

        Args:
            event: raw, without ``Server``.
        """
        if not self.subscriptions:
            return True
        tests = self._tests(server)
        return bool(tests) and (event.startswith(GAP) or any(test.passes(event) for test in tests))

    def verdicts(self, frames: Sequence[bytes], lead: bytes, server: bytes) -> list[bool]:
        """Whether each frame is asked for; a broken piece goes where its event went.

        Args:
            frames: in the order they came.
            lead: the last event before them; empty if there was none.
        """
        verdicts: list[bool] = []
        passing: bool | None = None
        for frame in frames:
            if frame.startswith(EVENT):
                passing = self.passes(frame, server)
            elif passing is None:
                passing = not lead or self.passes(lead, server)
            verdicts.append(passing)
        return verdicts


class _Test:
    """A subscription, compiled."""

    def __init__(self, one: Subscription) -> None:
        self._named = lru_cache(NAMES_REMEMBERED)(any_of(one.events) or _anything)
        self._conditions = [(_values_of(name), any_of(globs) or _anything) for name, globs in one.where]

    def passes(self, event: bytes) -> bool:
        name = event[len(EVENT) : event.find(b"\r\n")].lower() if b"\r\n" in event else event[7:].lower()
        named = self._named if len(name) <= LONGEST_NAME else self._named.__wrapped__
        if not named(name):
            return False
        return all(any(map(fits, values(event))) for values, fits in self._conditions)


def _anything(text: bytes) -> bool:
    del text
    return True


def _values_of(name: bytes) -> Callable[[bytes], Iterator[bytes]]:
    """What finds the values of a header in a raw event, whatever its case.

    A pattern that minds no case is looked for byte by byte, which takes fifty times as long.
    """
    wanted = b"\r\n%s:" % name

    def values(event: bytes) -> Iterator[bytes]:
        lines = b"\r\n" + event
        small = lines.lower()
        at = small.find(wanted)
        while at >= 0:
            begin = at + len(wanted)
            end = lines.find(b"\r\n", begin)
            value = lines[begin:] if end < 0 else lines[begin:end]
            yield value.partition(b"\n")[0].lstrip(b" \t")
            at = small.find(wanted, begin)

    return values
