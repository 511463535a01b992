"""Actions about live channels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from amp.core.ami.frame import Frame
from amp.sim.actions.registry import Actions, list_answer, list_item
from amp.sim.actions.variables import read_variable
from amp.sim.calls import Call
from amp.sim.channels import Channel
from amp.sim.events import block_template, header_block

if TYPE_CHECKING:
    from amp.sim.session import ManagerSession

__all__ = ["CHANNELS"]

CHANNELS: Final = Actions()
SHOWN: Final = block_template(b"Application", b"ApplicationData", b"Duration", b"BridgeId")
STATUS: Final = block_template(
    *b"Type DNID EffectiveConnectedLineNum EffectiveConnectedLineName TimeToHangup BridgeID Application Data"
    b" Nativeformats Readformat Readtrans Writeformat Writetrans Callgroup Pickupgroup Seconds".split()
)


@CHANNELS.add("CoreShowChannels", "system,reporting", "List currently active channels.")
def core_show_channels(session: ManagerSession, request: Frame) -> None:
    """Every live channel with what it is doing."""
    now = session.server.wall()
    items = [
        list_item(request, b"CoreShowChannel", channel.block() + _shown(channel, now))
        for channel in session.server.channels.values()
    ]
    session.send(list_answer(request, b"Channels will follow", items, b"CoreShowChannelsComplete"))


@CHANNELS.add("Status", "system,call,reporting", "List channel status.")
def status(session: ManagerSession, request: Frame) -> None:
    """One channel or all, with the variables that were asked for."""
    name = request.get(b"Channel") or b""
    channels = session.server.channels
    chosen = [channels[name]] if name in channels else list(channels.values())
    if name and name not in channels:
        session.error(request, b"No such channel")
        return
    now = session.server.wall()
    items = [_status_item(request, channel, now) for channel in chosen]
    total = (b"Items", b"%d" % len(items))
    session.send(list_answer(request, b"Channel status will follow", items, b"StatusComplete", total))


@CHANNELS.add("Hangup", "system,call", "Hangup channel.")
def hangup(session: ManagerSession, request: Frame) -> None:
    """End the calls of one channel, or of all whose names match ``/pattern/``."""
    name = request.get(b"Channel") or b""
    cause_text = request.get(b"Cause") or b""
    cause = int(cause_text) if cause_text.isdigit() else 16
    if not name:
        session.error(request, b"No channel specified")
    elif len(name) > 2 and name.startswith(b"/") and name.endswith(b"/"):
        pattern = re.compile(name[1:-1].replace(rb"\/", b"/"))
        chosen = [channel for channel in session.server.channels.values() if pattern.search(channel.name)]
        items = [list_item(request, b"ChannelHungup", b"Channel: %s\r\n" % each.name) for each in chosen]
        session.send(
            list_answer(request, b"Channels hung up will follow", items, b"ChannelsHungupListComplete")
        )
        for channel in chosen:
            _end(channel, cause)
    elif found := session.server.channels.get(name):
        session.ack(request, b"Channel Hungup")
        _end(found, cause)
    else:
        session.error(request, b"No such channel")


def _end(channel: Channel, cause: int) -> None:
    if isinstance(channel.call, Call):
        channel.call.end(cause)


def _shown(channel: Channel, now: float) -> bytes:
    seconds = int(now - channel.born)
    duration = b"%02d:%02d:%02d" % (seconds // 3600, seconds // 60 % 60, seconds % 60)
    bridge = channel.bridge.uid if channel.bridge else b""
    return SHOWN % (channel.app, channel.app_data, duration, bridge)


def _status_item(request: Frame, channel: Channel, now: float) -> bytes:
    bridge = channel.bridge.uid if channel.bridge else b""
    values = STATUS % (
        channel.name.partition(b"/")[0],
        b"",
        channel.connected_num,
        channel.connected_name,
        b"0",
        bridge,
        channel.app,
        channel.app_data,
        b"(slin)",
        b"slin",
        b"",
        b"slin",
        b"",
        b"0",
        b"0",
        b"%d" % (now - channel.born),
    )
    body = b"Privilege: Call\r\n" + channel.block() + values + _asked_variables(request, channel)
    return list_item(request, b"Status", body, id_last=True)


def _asked_variables(request: Frame, channel: Channel) -> bytes:
    if (request.get(b"AllVariables") or b"").lower() == b"true":
        found = list(channel.variables.items())
    else:
        names = [name for name in (request.get(b"Variables") or b"").split(b",") if name]
        found = [(name, read_variable(channel, name, b"(null)")) for name in names]
    return header_block(*((b"Variable", b"%s=%s" % pair) for pair in found))
