"""What each ProxyAction does. Header names and values are those that astmanproxy's ``proxyfunc.c`` prints.

A handler changes nothing itself: it says in its `Outcome` what the session shall do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import attrs

from amp.core.ami.frame import Frame, Header
from amp.core.ami.mask import NONE, EventMask
from amp.core.fanout.autofilter import Autofilter
from amp.core.formats.format import Format
from amp.core.formats.registry import Formats
from amp.core.proxy_actions.changes import AddServer, DropServer, ServerChange, added, dropped, read_change
from amp.core.proxy_actions.resume import Resumption, position_headers, read_resumption
from amp.core.proxy_actions.world import World

__all__ = [
    "Handler",
    "Outcome",
    "Request",
    "add_server",
    "changed",
    "drop_server",
    "list_io_handlers",
    "list_servers",
    "list_sessions",
    "logoff",
    "resume",
    "set_autofilter",
    "set_input_format",
    "set_output_format",
    "set_sequence",
]


@attrs.frozen(kw_only=True)
class Request:
    """A ProxyAction that its client may use.

    Attributes:
        frame: with a header ``ProxyAction``.
        world: gives what the client may know of amp; asked only if it is needed.
        formats: those that are installed.
        events: what the client sees of the events now.
    """

    frame: Frame
    world: Callable[[], World] = World
    formats: Formats = attrs.field(factory=Formats)
    events: EventMask = NONE

    def value(self, name: bytes) -> bytes:
        """The first header of this name without blanks at its ends; ``b""`` if there is none."""
        return (self.frame.get(name) or b"").strip()


@attrs.frozen(kw_only=True)
class Outcome:
    """What came of it.

    Attributes:
        response: the value of ``ProxyResponse``: ``Success``, ``Failure`` or ``Error``.
        headers: what follows it.
        autofilter: the session's new mode, if it changes.
        input: the format that the session reads from now on, if the client asks for one.
        output: the format that it writes from now on, if the client asks for one.
        logs_off: the session ends as with Action: Logoff, which is then the answer.
        change: a server is to come or go; whoever does it has the answer.
        sequence: whether events shall have numbers from now on, if that changes.
        resumption: what the client missed is to be told again; whoever does it has the answer.
    """

    response: bytes = b"Success"
    headers: tuple[Header, ...] = ()
    autofilter: Autofilter | None = None
    input: Format | None = None
    output: Format | None = None
    logs_off: bool = False
    change: ServerChange | None = None
    sequence: bool | None = None
    resumption: Resumption | None = None


PAUSED: Final = "A: paused "
"""Stands in the line of a server that takes no actions for now, before its state."""

Handler = Callable[[Request], Outcome]


def failure(message: bytes) -> Outcome:
    """The answer to what cannot be done; ``Error`` is for what may not be asked."""
    return Outcome(response=b"Failure", headers=((b"Message", message),))


def changed(answer: tuple[bytes, bytes]) -> Outcome:
    """The answer about a server that came or went, or did not."""
    response, message = answer
    return Outcome(response=response, headers=((b"Message", message),))


def list_sessions(request: Request) -> Outcome:
    """Clients with four headers each, then the servers that are up."""
    world = request.world()
    headers: list[Header] = []
    for client in world.clients:
        headers += [
            (b"ProxyClientSession", client.address.encode()),
            (b"ProxyClientActionID", client.action_id),
            (b"ProxyClientInputHandler", client.reads.encode()),
            (b"ProxyClientOutputHandler", client.writes.encode()),
        ]
    headers += [(b"ProxyServerSession", server.address.encode()) for server in world.servers if server.up]
    return Outcome(headers=tuple(headers))


def list_servers(request: Request) -> Outcome:
    """One line a server as astmanproxy's, with the blank at its end, and one more about how it is.

    Behind ``H:`` stands what ``Server:`` takes, which was the host there and is the name here. Sniffers come
    last; they have no account, and no state while nobody asks them.
    """
    headers: list[Header] = []
    world = request.world()
    for server in world.servers:
        line = f"{server.address} H: {server.name} U: {server.username} P: {server.port} E: {server.events} "
        state = f"S: up V: {server.version} " if server.up else f"S: down R: {server.reason} "
        state = f"{PAUSED if server.paused else ''}{state}"
        headers += [
            (b"ProxyListServer I", line.encode()),
            (b"ProxyServerState N", f"{server.name} K: asterisk {state}".encode()),
        ]
    for sniffer in world.sniffers:
        line = f"{sniffer.address} H: {sniffer.name} U: - P: {sniffer.port} E: off "
        headers += [
            (b"ProxyListServer I", line.encode()),
            (
                b"ProxyServerState N",
                f"{sniffer.name} K: voipmonitor {PAUSED if sniffer.paused else ''}S: - ".encode(),
            ),
        ]
    return Outcome(headers=tuple(headers))


def list_io_handlers(request: Request) -> Outcome:
    """Every format that is installed, with a header for each direction that it has."""
    headers: list[Header] = []
    for one in request.formats:
        if one.reader is not None:
            headers.append((b"InputHandler", one.name.encode()))
        if one.render is not None:
            headers.append((b"OutputHandler", one.name.encode()))
    return Outcome(headers=tuple(headers))


def set_autofilter(request: Request) -> Outcome:
    """Change the session's mode; a word that is none changes nothing (astmanproxy took it for Off)."""
    mode = Autofilter.of(request.value(b"AutoFilter").decode("latin-1"))
    if mode is None:
        return failure(b"Expected AutoFilter: On, Off or Unique")
    return Outcome(headers=((b"AutoFilter", b"%d" % mode),), autofilter=mode)


def set_sequence(request: Request) -> Outcome:
    """Give events numbers, or no more; the answer tells where the client stands, if it gets numbers."""
    word = request.value(b"Sequence").lower()
    if word not in (b"", b"on", b"off"):
        return failure(b"Expected Sequence: On or Off")
    if word == b"off":
        return Outcome(headers=((b"Sequence", b"Off"),), sequence=False)
    headers = (b"Sequence", b"On"), *position_headers(request.world().positions)
    return Outcome(headers=headers, sequence=True)


def resume(request: Request) -> Outcome:
    """Tell what the client missed, then go on; from then on it sees events, with numbers.

    One that sees events already would get some of them twice, and others too late.
    """
    if request.events:
        return failure(b"Expected a session without events: log in with Events: off, then resume")
    asked = read_resumption(request.frame, request.world().positions)
    return failure(asked) if isinstance(asked, bytes) else Outcome(resumption=asked)


def set_input_format(request: Request) -> Outcome:
    """Read what stands behind this action in another format; only one that reads connections will do."""
    chosen = request.formats.stream(request.value(b"InputFormat").decode("latin-1"))
    if chosen is None:
        return _no_format(b"InputFormat", request.formats.streams)
    return Outcome(headers=((b"InputFormat", chosen.name.encode()),), input=chosen)


def set_output_format(request: Request) -> Outcome:
    """Write in another format, this answer already."""
    chosen = request.formats.output(request.value(b"OutputFormat").decode("latin-1"))
    if chosen is None:
        return _no_format(b"OutputFormat", request.formats.outputs)
    return Outcome(headers=((b"OutputFormat", chosen.name.encode()),), output=chosen)


def _no_format(header: bytes, installed: Sequence[Format]) -> Outcome:
    names = ", ".join(one.name for one in installed).encode()
    return failure(b"Expected %s: one of %s (installed)" % (header, names))


def logoff(request: Request) -> Outcome:
    """The end, answered as Action: Logoff."""
    return Outcome(logs_off=True)


def add_server(request: Request) -> Outcome:
    """Connect to one more server; what can be told from the headers alone is told here."""
    change = read_change(request.frame, AddServer)
    if isinstance(change, str):
        return changed(added(request.value(b"Server").decode("latin-1"), change))
    return Outcome(change=change)


def drop_server(request: Request) -> Outcome:
    """Part with a server."""
    change = read_change(request.frame, DropServer)
    if isinstance(change, str):
        return changed(dropped(request.value(b"Server").decode("latin-1"), change))
    return Outcome(change=change)
