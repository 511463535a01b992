"""What the client of a session sees of the events."""

from __future__ import annotations

from amp.core.ami.session import ClientSession
from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.view import ViewKey

__all__ = ["view_of"]


def view_of(session: ClientSession, client: int, form: str) -> ViewKey | None:
    """The view of a session as it is now.

    Args:
        client: the client's number.
        form: the name of the format that it is written in.
    Returns:
        ``None`` if it sees nothing: nobody is signed in, or no class of events is wanted and allowed.
    """
    user = session.user
    if user is None or not session.events:
        return None
    bound_to = user.bound_to
    return ViewKey(
        mask=session.events,
        servers=None if bound_to is None else frozenset(name.encode() for name in bound_to),
        format=form,
        filter=session.event_filter,
        autofilter=session.autofilter,
        sequence=session.sequence,
        asker=(client, session.action_id) if session.autofilter is Autofilter.ON else None,
        calls=user.calls,
    )
