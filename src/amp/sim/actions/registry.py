"""The table of actions, and what their answers are made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

import attrs

from amp.core.ami.frame import Frame
from amp.sim.classes import class_names, class_text
from amp.sim.events import header_block
from amp.sim.session import action_id_line

if TYPE_CHECKING:
    from amp.sim.session import ManagerSession

__all__ = ["Action", "Actions", "list_answer", "list_item"]

Run = Callable[["ManagerSession", Frame], Awaitable[None] | None]


@attrs.frozen
class Action:
    """One action that clients may ask for.

    Attributes:
        needs: classes of which a user must be allowed to write one; 0 for everybody's.
        summary: what ListCommands tells.
        run: works it and answers; sessions wait for it if it is asynchronous.
    """

    name: bytes
    needs: int
    summary: bytes
    run: Run

    def line(self) -> tuple[bytes, bytes]:
        """This action's header in the answer to ListCommands."""
        return self.name, b"%s  (Priv: %s)" % (self.summary, class_text(self.needs))


class Actions(dict[bytes, Action]):
    """Actions by their lower-case name."""

    def add(self, name: str, needs: str, summary: str) -> Callable[[Run], Run]:
        """Register the decorated function under a name, with the classes that it needs."""

        def register(run: Run) -> Run:
            action = Action(name.encode(), class_names(needs), summary.encode(), run)
            self[name.lower().encode()] = action
            return run

        return register


def list_item(request: Frame, event: bytes, body: bytes, *, id_last: bool = False) -> bytes:
    """An item of a list: an event without ``Privilege``. Where the ActionID stands follows no rule."""
    id_line = action_id_line(request)
    lines = body + id_line if id_last else id_line + body
    return b"Event: %s\r\n%s\r\n" % (event, lines)


def list_answer(
    request: Frame,
    intro: bytes,
    items: Iterable[bytes],
    complete: bytes,
    *extra: tuple[bytes, bytes],
) -> bytes:
    """A whole list: its opening, its items (whole frames), and the event that closes it.

    Args:
        complete: the closing event's name; it follows no rule either.
        extra: headers behind ``ListItems``.
    """
    frames = list(items)
    id_line = action_id_line(request)
    return b"".join(
        (
            b"Response: Success\r\n%sEventList: start\r\nMessage: %s\r\n\r\n" % (id_line, intro),
            *frames,
            b"Event: %s\r\n%sEventList: Complete\r\nListItems: %d\r\n%s\r\n"
            % (complete, id_line, len(frames), header_block(*extra)),
        )
    )
