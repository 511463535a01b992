"""What a client tells the rest of the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from amp.core.ami.frame import Frame
from amp.core.ami.session_events import ResumeAsked
from amp.core.fanout.batch import Span
from amp.core.proxy_actions.changes import ServerChange
from amp.core.routing.events import RouterEvent

if TYPE_CHECKING:
    from amp.shell.client import Client

__all__ = ["ClientOwner"]


class ClientOwner(Protocol):
    """Who acts on what a client does. Every method is synchronous."""

    def act(self, event: RouterEvent) -> None:
        """Hand an event to the router and carry out what it says."""

    def asked(self, client: Client) -> bool:
        """All that one read of the client gave is acted on: is the answer, or part of it, there already?"""

    def client_subscribed(self, client: Client) -> None:
        """What the client may or wants to see changed; see `Client.user` and `Client.view`."""

    def client_resumes(self, client: Client, asked: ResumeAsked) -> None:
        """The client wants an answer, what it missed, and then what `Client.view` shows."""

    def events_dropped(self, client: Client, span: Span, count: int) -> bytes:
        """Events of the client were dropped, so many more than last time; how that is told to it."""

    def sniffer_asked(self, client: Client, frame: Frame, action_id: bytes | None) -> None:
        """The client sent a SnifferCommand; it wants one `Client.late_answer`, perhaps at once."""

    def servers_asked(self, client: Client, change: ServerChange, action_id: bytes | None) -> None:
        """The client wants a server to come or go, and one `Client.late_answer` to that."""
