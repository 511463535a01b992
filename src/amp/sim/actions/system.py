"""Actions about the system as a whole: its state, the command line, events that clients send."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from amp.core.ami.frame import Frame
from amp.sim import events as ev
from amp.sim.actions.registry import Actions, list_answer, list_item
from amp.sim.events import header_block
from amp.sim.pbx import clock_text

if TYPE_CHECKING:
    from amp.sim.asterisk import SimAsterisk
    from amp.sim.session import ManagerSession

__all__ = ["SYSTEM"]

SYSTEM: Final = Actions()
VERSION: Final = b"22.10.1"
FORBIDDEN: Final = (b"module load", b"module unload", b"restart gracefully")


@SYSTEM.add("UserEvent", "user", "Send an arbitrary event.")
def user_event(session: ManagerSession, request: Frame) -> None:
    """Tell everybody; all lines but Action and UserEvent as they came (recording "userevent-odd")."""
    lines = (request.raw or b"").split(b"\n")
    copied = [line for line in lines if not line.lower().startswith((b"action:", b"userevent:"))]
    body = b"".join(
        b"%s\r\n" % line for line in (b"UserEvent: " + (request.get(b"UserEvent") or b""), *copied)
    )
    session.ack(request, b"Event Sent")
    session.server.publish([session.server.pbx.event(ev.USER_EVENT, body)])


@SYSTEM.add("Command", "command", "Execute Asterisk CLI Command.")
def command(session: ManagerSession, request: Frame) -> None:
    """Run a line of the command line: one ``Output`` header per line of what it prints."""
    line = request.get(b"Command") or b""
    if not line:
        session.error(request, b"No command provided")
    elif line.lower().startswith(FORBIDDEN):
        session.error(request, b"Command blacklisted")
    else:
        lines = run_command(session.server, line)
        kind = b"Error" if lines[0].startswith(b"No such command") else b"Success"
        told = (b"Message", b"Command output follows")
        session.respond(request, told, *((b"Output", text) for text in lines), kind=kind)


@SYSTEM.add("CoreStatus", "system,reporting", "Show PBX core status variables.")
def core_status(session: ManagerSession, request: Frame) -> None:
    """When it started, how many calls."""
    pbx = session.server.pbx
    session.respond(
        request,
        (b"CoreStartupDate", clock_text(pbx.booted_at, "%Y-%m-%d")),
        (b"CoreStartupTime", clock_text(pbx.booted_at, "%H:%M:%S")),
        (b"CoreReloadDate", clock_text(pbx.reloaded_at, "%Y-%m-%d")),
        (b"CoreReloadTime", clock_text(pbx.reloaded_at, "%H:%M:%S")),
        (b"CoreCurrentCalls", b"%d" % len(session.server.calls)),
        (b"CoreProcessedCalls", b"%d" % pbx.calls_begun),
    )


@SYSTEM.add("CoreSettings", "system,reporting", "Show PBX core settings (version etc).")
def core_settings(session: ManagerSession, request: Frame) -> None:
    """Versions and limits."""
    session.respond(
        request,
        (b"AMIversion", b"11.0.0"),
        (b"AsteriskVersion", VERSION),
        (b"SystemName", session.server.pbx.system_name),
        (b"CoreMaxCalls", b"0"),
        (b"CoreMaxLoadAvg", b"0.000000"),
        (b"CoreRunUser", b"asterisk"),
        (b"CoreRunGroup", b"asterisk"),
        (b"CoreMaxFilehandles", b"8192"),
        (b"CoreRealTimeEnabled", b"No"),
        (b"CoreCDRenabled", b"Yes"),
        (b"CoreHTTPenabled", b"Yes"),
        (b"SoundsSearchCustomDir", b"No"),
    )


@SYSTEM.add("Reload", "system,config", "Send a reload event.")
def reload(session: ManagerSession, request: Frame) -> None:
    """Read the configuration again; everybody is told."""
    pbx = session.server.pbx
    pbx.reloaded_at = pbx.clock()
    session.ack(request, b"Module Reloaded")
    module = request.get(b"Module") or b"All"
    body = header_block((b"Module", module), (b"Status", b"0"))
    session.server.publish([pbx.event(ev.RELOAD, body)])


@SYSTEM.add("BridgeList", "", "Get a list of bridges in the system.")
def bridge_list(session: ManagerSession, request: Frame) -> None:
    """Every bridge with somebody in it."""
    bridges = {c.bridge.uid: c.bridge for c in session.server.channels.values() if c.bridge is not None}
    items = [list_item(request, b"BridgeListItem", bridge.block()) for bridge in bridges.values()]
    session.send(list_answer(request, b"Bridge listing will follow", items, b"BridgeListComplete"))


@SYSTEM.add("DeviceStateList", "call,reporting", "List the current known device states.")
def device_state_list(session: ManagerSession, request: Frame) -> None:
    """The devices of the live channels; items have the name of a broadcast event."""
    devices = sorted({channel.device for channel in session.server.channels.values()})
    items = [
        list_item(request, b"DeviceStateChange", header_block((b"Device", device), (b"State", b"INUSE")))
        for device in devices
    ]
    intro = b"Device State Changes will follow"
    session.send(list_answer(request, intro, items, b"DeviceStateListComplete"))


@SYSTEM.add("ParkedCalls", "call", "List parked calls.")
def parked_calls(session: ManagerSession, request: Frame) -> None:
    """Nobody is ever parked: a list of nothing, with a header behind its count."""
    session.send(
        list_answer(request, b"Parked calls will follow", [], b"ParkedCallsComplete", (b"Total", b"0"))
    )


@SYSTEM.add("ConfbridgeListRooms", "reporting", "List active conferences.")
def confbridge_list_rooms(session: ManagerSession, request: Frame) -> None:
    """No conferences: an empty list that is an error."""
    session.error(request, b"No active conferences.")


@SYSTEM.add("PJSIPShowAuths", "system", "Lists PJSIP Auths.")
def pjsip_show_auths(session: ManagerSession, request: Frame) -> None:
    """None; and Asterisk's lone LF inside the message (recording "pjsip-show-endpoints")."""
    session.error(request, b"No Auths found\n")


def run_command(server: SimAsterisk, line: bytes) -> list[bytes]:
    """What a line of the command line prints."""
    words = line.split()
    for name, run in COMMANDS.items():
        if words[: len(name)] == list(name):
            return run(server)
    shorter = b" ".join(words[:-1] or words)
    hint = b"(type 'core show help %s' for other possible commands)" % shorter
    return [b"No such command '%s' %s" % (line, hint)]


def _show_channels(server: SimAsterisk) -> list[bytes]:
    heads = (b"Channel", b"Location", b"State", b"Application(Data)")
    lines = [b"%-64s %-32s %-7s %-30s" % heads]
    for channel in server.channels.values():
        place = b"%s@%s:%d" % (channel.exten, channel.context, channel.priority)
        doing = b"%s(%s)" % (channel.app, channel.app_data)
        lines.append(b"%-64s %-32s %-7d %-30s" % (channel.name, place, channel.state, doing))
    counts = (b"active channels", len(server.channels)), (b"active calls", len(server.calls))
    lines += [b"%d %s" % (number, what) for what, number in counts]
    return [*lines, b"%d calls processed" % server.pbx.calls_begun]


def _show_uptime(server: SimAsterisk) -> list[bytes]:
    now = server.wall()
    ages = (b"System uptime", now - server.pbx.booted_at), (b"Last reload", now - server.pbx.reloaded_at)
    return [b"%s: %s" % (what, _duration(int(age))) for what, age in ages]


def _duration(seconds: int) -> bytes:
    parts = (seconds // 86400, b"day"), (seconds // 3600 % 24, b"hour"), (seconds // 60 % 60, b"minute")
    told = [*(part for part in parts if part[0]), (seconds % 60, b"second")]
    return b", ".join(b"%d %s%s" % (count, unit, b"s" * (count != 1)) for count, unit in told)


def _show_queues(server: SimAsterisk) -> list[bytes]:
    lines: list[bytes] = []
    for queue in server.pbx.queues.values():
        lines.append(
            b"%s has %d calls (max unlimited) in '%s' strategy"
            % (queue.name, len(queue.callers), queue.strategy)
        )
        lines += [b"      %s (%s)" % (member.name, member.interface) for member in queue.members]
        lines += [b"   No Callers" if not queue.callers else b"   Callers:", b""]
    return lines


COMMANDS: Final[dict[tuple[bytes, ...], Callable[[SimAsterisk], list[bytes]]]] = {
    (b"core", b"show", b"channels"): _show_channels,
    (b"core", b"show", b"uptime"): _show_uptime,
    (b"core", b"show", b"version"): lambda _: [b"Asterisk %s built by amp @ sim" % VERSION],
    (b"queue", b"show"): _show_queues,
}
