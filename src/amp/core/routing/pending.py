"""One action on its way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from amp.core.ami.frame import Frame
from amp.core.ami.ids import ActionIds
from amp.core.ami.rewrite import to_wire
from amp.core.routing.settings import RouterLimits
from amp.core.routing.traits import Traits

if TYPE_CHECKING:
    from amp.core.routing.fanout_action import Part
    from amp.core.routing.link import Link

__all__ = ["Pending", "make_pending"]


@attrs.define(eq=False, slots=True)
class Pending:
    """An action from its arrival until Asterisk is done with it, which may be later than its asker is.

    Attributes:
        wire_id: the ActionID it has upstream.
        client: who asked; of amp's own fences: whose action they stand behind.
        n: the how-manieth action of that client.
        original: the client's ActionID; empty if it had none.
        server: the server's name.
        data: the bytes for the wire, until they are sent.
        exclusive: shares a link with no other client's action.
        fenced: one of amp's own Pings goes out behind it, and its pong ends what may belong to this one.
        completion: the name of the event that ends its list where nothing else does.
        timeout_s: seconds it may take once sent; a list, for each item.
        deadline: monotonic seconds; until sent: for being sent, then for the answer, then (late) for the
            link.
        awaited: its client still waits for an answer.
        late: its client was told that no answer came, and the link still owes it.
        link: where it was sent.
        sent_at: when.
        holding: its server's events to its client are held because of it.
        list_open: a list began and its end has not come.
        items: list items so far.
        doubtful: an answer without ActionID came that may have been meant for it.
        part: its place in an action for several servers; ``None`` for an action of its own.
    """

    wire_id: bytes
    client: int
    n: int
    original: bytes
    server: str
    data: bytes
    exclusive: bool
    fenced: bool
    completion: bytes
    timeout_s: float
    deadline: float = math.inf
    awaited: bool = True
    late: bool = False
    link: Link | None = None
    sent_at: float = 0.0
    holding: bool = False
    list_open: bool = False
    items: int = 0
    doubtful: bool = False
    part: Part | None = None

    @property
    def blocks(self) -> bool:
        """May it take seconds? Raw-valued actions and fences are exclusive, but quick."""
        return self.exclusive and not self.fenced and not self.is_fence

    @property
    def is_fence(self) -> bool:
        """Is this amp's own?"""
        return self.n == 0


def make_pending(
    ids: ActionIds,
    limits: RouterLimits,
    client: int,
    n: int,
    original: bytes,
    server: str,
    traits: Traits,
    frame: Frame,
) -> Pending:
    """A client's action for one server, ready to be sent.

    Raises:
        LocalProtocolError: Asterisk would refuse it; ``reply_hint`` is for the client.
    """
    wire_id = ids.make(client, n, original)
    timeout_s = limits.action_timeout_s
    if traits.ring_s:
        timeout_s = traits.ring_s + limits.originate_extra_s
    return Pending(
        wire_id,
        client,
        n,
        original,
        server,
        to_wire(frame, wire_id),
        traits.exclusive,
        traits.fenced,
        traits.completion,
        timeout_s,
    )
