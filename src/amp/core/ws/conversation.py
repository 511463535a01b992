"""One connection's side of ``amp.v1``: requests in, what to do out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import attrs

from amp.core.fanout.catchup import Position
from amp.core.ws.replies import done, failed
from amp.core.ws.requests import (
    Act,
    BadRequest,
    Id,
    Login,
    Ping,
    Subscribe,
    Unsubscribe,
    read_request,
)
from amp.core.ws.selection import MAX_PARTS, Selection

__all__ = ["Command", "Conversation", "Locate", "Perform", "Say", "Show", "SignIn"]


class Say(NamedTuple):
    """Send this message."""

    data: bytes


class SignIn(NamedTuple):
    """Try the login, answer it, and take nothing from the client meanwhile."""

    login: Login


class Perform(NamedTuple):
    """Have it done and answer it; then call `Conversation.answered`."""

    act: Act


class Show(NamedTuple):
    """Show the client these events from now on, and answer before the first of them.

    Attributes:
        id: of the request.
        sub: the name of the subscription that was changed.
        selection: of all subscriptions; ``None`` without any.
        batch: whether events may share messages.
        since: where the client stands; ``None`` for live events only.
    """

    id: Id
    sub: str
    selection: Selection | None
    batch: bool
    since: Mapping[bytes, Position] | None


class Locate(NamedTuple):
    """Answer a ping, and tell where the client stands if it has everything until now."""

    id: Id


Command = Say | SignIn | Perform | Show | Locate


@attrs.define(eq=False)
class Conversation:
    """Keeps the subscriptions, counts what is unanswered.

    Attributes:
        most_subscriptions: at the same time.
        most_requests: actions and commands that are unanswered.
    """

    most_subscriptions: int
    most_requests: int
    _subscriptions: dict[str, Subscribe] = attrs.field(factory=dict, init=False)
    _unanswered: int = attrs.field(default=0, init=False)

    def receive(self, message: str, *, signed_in: bool) -> Command:
        """What to do about one text message.

        Args:
            signed_in: whether somebody is now.
        """
        request = read_request(message)
        match request:
            case BadRequest(name, why):
                return Say(failed(name, "bad_request", why))
            case Ping(name):
                return Locate(name) if self._subscriptions else Say(done(name))
            case Login():
                return SignIn(request)
            case _ if not signed_in:
                return Say(failed(request.id, "not_signed_in", "the first request has to be a login"))
            case Subscribe():
                return self._subscribe(request)
            case Unsubscribe(name, sub):
                return self._unsubscribe(name, sub)
            case _:
                return self._perform(request)

    def answered(self) -> None:
        """A `Perform` is over."""
        self._unanswered -= 1

    def undo(self, sub: str) -> None:
        """A `Show` could not be done: there is no subscription of that name."""
        self._subscriptions.pop(sub, None)

    def _subscribe(self, request: Subscribe) -> Command:
        name, sub = request.id, request.name
        others = [one.what for own, one in self._subscriptions.items() if own != sub]
        if len(others) >= self.most_subscriptions:
            return Say(failed(name, "too_many", f"there are {len(others)} subscriptions already"))
        parts = sum(one.parts for one in (request.what, *others))
        if parts > MAX_PARTS:
            why = f"all subscriptions together may have globs of {MAX_PARTS} parts, and would have {parts}"
            return Say(failed(name, "too_many", why))
        if request.since is not None and self._subscriptions:
            return Say(failed(name, "bad_request", "since: only the first subscription can resume"))
        self._subscriptions[sub] = request
        return self._show(name, sub, request.since)

    def _unsubscribe(self, name: Id, sub: str) -> Command:
        if self._subscriptions.pop(sub, None) is None:
            return Say(failed(name, "bad_request", "sub: there is no subscription of that name"))
        return self._show(name, sub, None)

    def _show(self, name: Id, sub: str, since: Mapping[bytes, Position] | None) -> Show:
        present = self._subscriptions.values()
        selection = Selection.of(one.what for one in present) if present else None
        return Show(name, sub, selection, any(one.batch for one in present), since)

    def _perform(self, request: Act) -> Command:
        if self._unanswered >= self.most_requests:
            why = f"{self._unanswered} requests are unanswered already"
            return Say(failed(request.id, "too_many", f"Not sent: {why}"))
        self._unanswered += 1
        return Perform(request)
