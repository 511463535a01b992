"""The same action through amp and straight to the server gets the same answer, but for ``Server:``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from real.amp_process import Upstream, open_amp
from real.asterisk import Asterisk
from real.calls import hang_up_all, originate_headers
from real.oracle import Client, signed_in

pytestmark = pytest.mark.asterisk

ACTIONS = {
    "lines that end in LF": b"Action: CoreSettings\nActionID: 1\n\n",
    "odd spelling": b"aCTION:coresettings\r\nactionid:  \tq \r\n\r\n",
    "no ActionID": b"Action: CoreSettings\r\n\r\n",
    "empty ActionID": b"Action: CoreSettings\r\nActionID:\r\n\r\n",
    "ActionID twice": b"Action: CoreSettings\r\nActionID: 1\r\nActionID: 2\r\n\r\n",
    "odd ActionID": b"Action: CoreSettings\r\nActionID: a: b\xff\x01;\\r\\n \r\n\r\n",
    "unknown action": b"Action: NoSuchThing\r\nActionID: 1\r\n\r\n",
    "no action": b"ActionID: 1\r\nFoo: bar\r\n\r\n",
    "a line of 1022 bytes": b"Action: CoreSettings\r\nActionID: 1\r\nX: " + b"y" * 1019 + b"\r\n\r\n",
    "a line of 1024 bytes": b"Action: Ping\r\nActionID: 1\r\nX: " + b"y" * 1021 + b"\r\n\r\n",
    "a line of 100 kB": b"Action: Ping\r\nActionID: 1\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    "128 headers": b"Action: CoreSettings\r\nActionID: 1\r\n" + b"X: y\r\n" * 126 + b"\r\n",
    "129 headers": b"Action: Ping\r\nActionID: 1\r\n" + b"X: y\r\n" * 127 + b"\r\n",
    "CoreShowChannels": b"Action: CoreShowChannels\r\nActionID: 1\r\n\r\n",
    "CoreShowChannels without ActionID": b"Action: CoreShowChannels\r\n\r\n",
    "Status": b"Action: Status\r\nActionID: 1\r\n\r\n",
    "Status with variables": b"Action: Status\r\nActionID: 1\r\nVariables: AMPDUR\r\n\r\n",
    "BridgeList": b"Action: BridgeList\r\nActionID: 1\r\n\r\n",
    "QueueStatus": b"Action: QueueStatus\r\nActionID: 1\r\n\r\n",
    "QueueSummary": b"Action: QueueSummary\r\nActionID: 1\r\n\r\n",
    "QueueRule, which ends in a stray blank line": b"Action: QueueRule\r\nActionID: 1\r\n\r\n",
    "DeviceStateList": b"Action: DeviceStateList\r\nActionID: 1\r\n\r\n",
    "ExtensionStateList": b"Action: ExtensionStateList\r\nActionID: 1\r\n\r\n",
    "ParkingLots": b"Action: ParkingLots\r\nActionID: 1\r\n\r\n",
    "ParkedCalls": b"Action: ParkedCalls\r\nActionID: 1\r\n\r\n",
    "Agents": b"Action: Agents\r\nActionID: 1\r\n\r\n",
    "ConfbridgeListRooms, an error for none": b"Action: ConfbridgeListRooms\r\nActionID: 1\r\n\r\n",
    "VoicemailUsersList": b"Action: VoicemailUsersList\r\nActionID: 1\r\n\r\n",
    "PJSIPShowEndpoints": b"Action: PJSIPShowEndpoints\r\nActionID: 1\r\n\r\n",
    "PJSIPShowAuths, a lone LF in its error": b"Action: PJSIPShowAuths\r\nActionID: 1\r\n\r\n",
    "ShowDialPlan": b"Action: ShowDialPlan\r\nActionID: 1\r\nContext: amp-load\r\n\r\n",
    "ListCommands, over 128 headers": b"Action: ListCommands\r\nActionID: 1\r\n\r\n",
    "GetConfig": b"Action: GetConfig\r\nActionID: 1\r\nFilename: queues.conf\r\n\r\n",
    "Command": b"Action: Command\r\nActionID: 1\r\nCommand: dialplan show amp-load\r\n\r\n",
    "Command, unknown": b"Action: Command\r\nActionID: 1\r\nCommand: no such thing\r\n\r\n",
    "Command without a command": b"Action: Command\r\nActionID: 1\r\n\r\n",
    "Getvar": b"Action: Getvar\r\nActionID: 1\r\nVariable: AMPVERSION\r\n\r\n",
    "DBPut": b"Action: DBPut\r\nActionID: 1\r\nFamily: f\r\nKey: k\r\nVal: v\r\n\r\n",
    "DBGet": b"Action: DBGet\r\nActionID: 1\r\nFamily: f\r\nKey: k\r\n\r\n",
    "DBGetTree": b"Action: DBGetTree\r\nActionID: 1\r\nFamily: f\r\n\r\n",
    "DBGet of nothing": b"Action: DBGet\r\nActionID: 1\r\nFamily: f\r\nKey: none\r\n\r\n",
    "UserEvent": b"Action: UserEvent\r\nActionID: 1\r\nUserEvent: AmpParity\r\n\r\n",
    "Hangup of nothing": b"Action: Hangup\r\nActionID: 1\r\nChannel: Local/none\r\n\r\n",
}

FLEETING = re.compile(rb"\r\n(Duration|Seconds|TimeToHangup|BridgedSeconds|Callers|LongestHoldTime): [^\r]*")
"""Headers whose values change between two askings."""


async def answers_to(client: Client, raw: bytes, server: bytes = b"") -> list[bytes]:
    """All that comes for an action, up to the answer of a Ping sent behind it."""
    start = len(client.messages)
    await client.send(raw)
    await client.ask("Ping", *([("Server", server)] if server else []))
    ending = b"\r\nServer: " + server
    return [FLEETING.sub(b"", m.raw.removesuffix(ending)) for m in client.messages[start:-1]]


async def test_actions_are_answered_as_by_the_server_itself(
    asterisks: Mapping[str, Asterisk], tmp_path: Path
) -> None:
    """Lists, errors, limits and odd spellings, byte for byte, with a few calls standing."""
    port = asterisks["dressed"].ports.ami
    different = []
    async with (
        signed_in(port, events="off") as direct,
        open_amp(tmp_path, [Upstream(name="dressed", port=port)]) as amp,
        amp.client(events="off") as client,
    ):
        await hang_up_all(direct)
        for _ in range(3):
            await direct.ask("Originate", *originate_headers("instant", "hold", talk_s=60))
        for name, raw in ACTIONS.items():
            expected = await answers_to(direct, raw)
            assert expected, name
            seen = await answers_to(client, raw, b"dressed")
            if seen != expected:
                different.append(f"{name}:\n  direct {expected}\n  amp    {seen}")
        await hang_up_all(direct)
    assert not different, "\n".join(different)
