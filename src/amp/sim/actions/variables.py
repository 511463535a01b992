"""Getvar and Setvar, on a channel or globally."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from amp.core.ami.frame import Frame
from amp.sim import events as ev
from amp.sim.actions.registry import Actions
from amp.sim.channels import STATES, Channel
from amp.sim.script import VARSET

if TYPE_CHECKING:
    from amp.sim.session import ManagerSession

__all__ = ["VARIABLES", "read_variable"]

VARIABLES: Final = Actions()


@VARIABLES.add("Getvar", "call,reporting", "Gets a channel variable or function value.")
def getvar(session: ManagerSession, request: Frame) -> None:
    """A variable's value, raw: line ends in it break the answer apart (recording "getvar-newline")."""
    name = request.get(b"Variable") or b""
    channel_name = request.get(b"Channel") or b""
    channel = session.server.channels.get(channel_name)
    if not name:
        session.error(request, b"No variable specified")
    elif channel_name and channel is None:
        session.error(request, b"No such channel")
    else:
        value = read_variable(channel, name) if channel else _read_global(session, name)
        session.respond(request, (b"Variable", name), (b"Value", value))


@VARIABLES.add("Setvar", "call", "Sets a channel variable or function value.")
def setvar(session: ManagerSession, request: Frame) -> None:
    """Set a variable, and tell VarSet about it."""
    name, value = request.get(b"Variable") or b"", request.get(b"Value") or b""
    channel_name = request.get(b"Channel") or b""
    channel = session.server.channels.get(channel_name)
    if not name:
        session.error(request, b"No variable specified")
        return
    if channel_name and channel is None:
        session.error(request, b"No such channel")
        return
    if channel is not None:
        channel.set_variable(name, value)
        about = channel.block()
    else:
        plain = name.removeprefix(b"GLOBAL(").removesuffix(b")")
        session.server.pbx.variables[plain] = value
        about = b"Channel: none\r\nUniqueid: none\r\n"
    session.ack(request, b"Variable Set")
    escaped = value.replace(b"\\", b"\\\\").replace(b"\r", b"\\r").replace(b"\n", b"\\n")
    session.server.publish([session.server.pbx.event(ev.VARSET, about + VARSET % (name, escaped))])


def read_variable(channel: Channel, name: bytes, default: bytes = b"") -> bytes:
    """A channel's variable, or one of the few dialplan functions that a sim knows."""
    functions = {
        b"CALLERID(num)": channel.num,
        b"CALLERID(name)": channel.person,
        b"CALLERID(all)": b'"%s" <%s>' % (channel.person, channel.num),
        b"CHANNEL(state)": STATES[channel.state],
        b"CHANNEL": channel.name,
        b"UNIQUEID": channel.uid,
    }
    return functions.get(name, channel.variables.get(name, default))


def _read_global(session: ManagerSession, name: bytes) -> bytes:
    if name == b"EPOCH":
        return b"%d" % session.server.wall()
    plain = name.removeprefix(b"GLOBAL(").removesuffix(b")")
    return session.server.pbx.variables.get(plain, b"")
