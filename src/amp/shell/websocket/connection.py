"""One WebSocket that speaks ``amp.v1``: messages in, what they ask for done, answers out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import trio

from amp.core.admission.admission import Visit
from amp.core.ami.frame import Frame
from amp.core.ws.close_codes import UNSUPPORTED
from amp.core.ws.conversation import Conversation, Locate, Perform, Say, Show, SignIn
from amp.core.ws.framing import close_frame
from amp.core.ws.replies import Code, action_done, command_done, done, failed, item, positions_object
from amp.core.ws.requests import Act, Id, Login
from amp.errors import LocalProtocolError
from amp.shell.inner import End
from amp.shell.log import get_logger
from amp.shell.websocket.client import WebSocketClient
from amp.shell.websocket.messages import Messages

__all__ = ["Speaker", "sign_in"]

STOPPED: Final[Mapping[End, tuple[Code, str]]] = {
    End.TOO_LARGE: ("too_large", "the answer is larger than a client may have waiting (outlet_bytes)"),
    End.CLOSED: ("outcome_unknown", "Outcome unknown: the session was closed"),
    End.BUSY: ("too_many", "Not sent: too many actions are unanswered already"),
    End.TIMEOUT: ("timeout", "Outcome unknown: not everything had come in time"),
}
"""What is said of an answer that is not whole."""

DENIED: Final = "wrong name or secret, or too many sessions of this user"


class Speaker:
    """Serves one connection.

    Args:
        client: acts for it; started.
        messages: of the connection.
        conversation: what it has asked so far.
        visit: its stay.
        nursery: where actions run till they are answered; it ends with the client.
    """

    def __init__(
        self, client: WebSocketClient, messages: Messages, conversation: Conversation, visit: Visit,
        nursery: trio.Nursery,
    ) -> None:  # fmt: skip
        self._client = client
        self._messages = messages
        self._conversation = conversation
        self._visit = visit
        self._nursery = nursery

    async def serve(self) -> None:
        """Until there are no more messages."""
        client = self._client
        while (message := await self._messages.next()) is not None:
            if isinstance(message, bytes):
                client.outlet.say_goodbye(close_frame(UNSUPPORTED, "amp.v1 is text: a JSON object a message"))
                client.close_soon("sent a binary message")
                return
            await trio.sleep(self._visit.act(trio.current_time()))
            command = self._conversation.receive(message, signed_in=client.is_signed_in)
            match command:
                case Say(data):
                    client.say(data)
                case SignIn(login):
                    await self._sign_in(login)
                case Perform(act):
                    self._nursery.start_soon(self._perform, act)
                case Show():
                    self._show(command)
                case Locate(name):
                    client.say(done(name, positions=positions_object(client.reached())))

    # -- requests ------------------------------------------------------------------------------------

    async def _sign_in(self, login: Login) -> None:
        client = self._client
        if client.by_cookie:
            client.say(failed(login.id, "bad_request", "a cookie has told who you are; connect without it"))
            return
        action = sign_in(login.username, login.secret)
        with client.busy():
            try:
                answer = await client.perform(action)
            except LocalProtocolError:
                client.say(failed(login.id, "bad_request", "CR, LF or NUL in the name or the secret"))
                return
            first = Frame.parse(answer.frames[0] if answer.frames else b"")
            if answer.end is not End.COMPLETE or first.name != b"Success":
                client.say(failed(login.id, "login_failed", DENIED))
            else:
                client.say(done(login.id, **client.introduction()))

    async def _perform(self, act: Act) -> None:
        client = self._client
        tell: Callable[[bytes], None] | None = None
        if act.stream:
            tell = self._teller(act.id)
        with client.busy():
            try:
                answer = await client.perform(act.frame, each=tell)
                if answer.end is End.COMPLETE:
                    client.say(_answered(act, answer.frames))
                else:
                    client.say(failed(act.id, *STOPPED[answer.end]))
            except LocalProtocolError as error:
                client.say(failed(act.id, "bad_request", str(error)))
            except Exception:
                get_logger(client=client.number).exception("websocket_request_failed")
                client.say(failed(act.id, "internal", "internal error"))
            finally:
                self._conversation.answered()

    def _teller(self, name: Id) -> Callable[[bytes], None]:
        return lambda frame: self._client.say(item(name, frame))

    def _show(self, show: Show) -> None:
        """Answer, then change what it sees: there is no await in between, so no event comes first."""
        client = self._client
        positions = positions_object(client.positions(show.selection))
        told = done(show.id, sub=show.sub, positions=positions)
        if show.since is None or show.selection is None:
            client.say(told)
            client.hear(show.selection, batch=show.batch)
            return
        try:
            client.hear(show.selection, show.since, batch=show.batch)
        except LocalProtocolError as error:
            self._conversation.undo(show.sub)
            client.say(failed(show.id, "bad_request", f"since: {error}"))
            return
        client.say(told)


def sign_in(username: str | bytes, secret: str | bytes) -> Frame:
    """The action that signs in."""
    return Frame.of(("Action", "Login"), ("Username", username), ("Secret", secret))


def _answered(act: Act, frames: tuple[bytes, ...]) -> bytes:
    if act.kind == "command":
        return command_done(act.id, frames)
    return action_done(act.id, frames, streamed=act.stream)
