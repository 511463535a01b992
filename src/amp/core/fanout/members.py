"""Who is in which view, and the last step of a publish: the same bytes to each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import attrs

from amp.core.fanout.batch import Asker, Batch, Span
from amp.core.fanout.view import View, ViewKey
from amp.core.stats import ClientStats

__all__ = [
    "Deliver",
    "Group",
    "Member",
    "Newcomer",
    "Plan",
    "Sink",
    "offer_each",
    "offer_to",
    "own_rendering",
    "sees_other_calls",
]


class Sink(Protocol):
    """Where a client's events go. Compared by identity, and hashable."""

    @property
    def client(self) -> int:
        """The client's number, the one in the ActionIDs that amp makes for it."""

    def offer(self, data: bytes, span: Span | None, /) -> None:
        """Take bytes that are shared with other sinks; must not wait and must not raise."""

    def cut(self, reason: str, /) -> None:
        """End the client: what it should get cannot be made. Must not wait and must not raise."""


@attrs.define(eq=False)
class Member:
    """One attached sink."""

    sink: Sink
    offer: Callable[[bytes, Span | None], None]
    """The sink's own method, looked up once."""
    stats: ClientStats
    group: Group
    shown_before: int = 0
    hidden_before: int = 0
    live: bool = True
    """Falls for good when the sink is detached; a publish under way looks here."""


@attrs.define(eq=False)
class Group:
    """One view and its members."""

    view: View
    members: tuple[Member, ...] = ()
    """Replaced, never changed: a publish under way keeps the old one."""


class Newcomer(NamedTuple):
    """Who has just joined a view and has to be told first what it shows already."""

    member: Member
    group: Group


Plan = Sequence[tuple[View, tuple[Member, ...]]]


def own_rendering(asker: Asker, batch: Batch, view: View, data: bytes, members: tuple[Member, ...]) -> bytes:
    """What the asker gets in place of ``data``, if it is among these."""
    # Whose calls it is not is no question there: who asked is told.
    asks = (data or view.key.calls) and any(member.sink.client == asker.client for member in members)
    return view.render_for_asker(batch) if asks else data


Deliver = Callable[[Sequence[Member], bytes, Span], None]
"""Gives the same bytes to each of these that is live then; must not wait and must not raise."""


def offer_each(members: Sequence[Member], data: bytes, span: Span) -> None:
    """The plain `Deliver`: one offer after the other."""
    for member in members:
        if member.live:
            member.offer(data, span)


def offer_to(batch: Batch, data: bytes, own: bytes, members: tuple[Member, ...], deliver: Deliver) -> None:
    """Give a batch's rendering to all of them, and to its asker its own one."""
    span, asker = batch.span, batch.asker
    if asker is None:
        deliver(members, data, span)
        return
    for member in members:
        shown = own if member.sink.client == asker.client else data
        if member.live and shown:
            member.offer(shown, span)


def sees_other_calls(before: ViewKey, after: ViewKey) -> bool:
    """Whether a client that changes its view may not have seen what the new one has shown."""
    return (before.calls, before.mask, before.servers) != (after.calls, after.mask, after.servers)
