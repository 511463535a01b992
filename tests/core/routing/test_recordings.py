"""Real conversations through the router: a client gets what it would have got without amp, and a header."""

from __future__ import annotations

import re

import pytest

from amp.core.ami.frame import Frame
from amp.core.routing.commands import Command, SendToClient, SendToLink
from amp.core.routing.events import ClientAction
from core.routing.playbook import Playbook
from replay import AMI_NAMES, recording

ACTION_ID = re.compile(rb"\r\nActionID: ([^\r\n]*)")
SESSIONS_OWN = {b"login", b"logoff", b"challenge", b"events", b"filter", b"waitevent"}
BROADCASTS = (b"Event: OriginateResponse", b"Event: UserEvent")
ODD = {
    "actionid-odd",
    "actionid-twins",
    "actionid-repeated-header",
    "status-actions",
}  # several actions with one ActionID
LIMITS = ("limit-", "line-endings-", "blank-", "half-message", "byte-by-byte")  # the reader's business


def asked_by(name: str) -> dict[bytes, Frame]:
    """The actions of a recording that amp passes on and that were answered, by ActionID."""
    answered = {match[1] for frame in recording(name).frames if (match := ACTION_ID.search(frame))}
    blocks = re.split(rb"\r\n(?:\r\n)+", recording(name).sent)
    frames = [Frame.parse(block + b"\r\n") for block in blocks if block.lower().startswith(b"action:")]
    asked: dict[bytes, Frame] = {}
    for frame in frames:
        action_id = frame.get(b"ActionID") or b""
        if action_id in answered and frame.name.lower() not in SESSIONS_OWN and b"\n" not in action_id:
            asked.setdefault(action_id, frame)
    return asked


def answers_in(name: str, asked: dict[bytes, Frame]) -> list[tuple[bytes, bytes]]:
    """ActionID and frame of each answer, in order."""
    found = [(match[1], frame) for frame in recording(name).frames if (match := ACTION_ID.search(frame))]
    return [(key, frame) for key, frame in found if key in asked and not frame.startswith(BROADCASTS)]


NAMES = [name for name in AMI_NAMES if name not in ODD and not name.startswith(LIMITS) and asked_by(name)]


def under(wire_id: bytes, raw: bytes) -> bytes:
    """A recorded answer as it would have come for that ActionID."""
    found = ACTION_ID.search(raw)
    assert found is not None
    return raw[: found.start(1)] + wire_id + raw[found.end(1) :]


def told(commands: list[Command]) -> list[bytes]:
    return [command.data for command in commands if isinstance(command, SendToClient)]


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_conversation_is_the_same_through_amp(name: str) -> None:
    """One action after the other: all bytes of all its answers, and then it is over.

    Refusals by amp (of lines that are too long) are in Asterisk's words, so they are the same as well.
    """
    asked = asked_by(name)
    answers = answers_in(name, asked)
    with Playbook() as play:
        play.bring_up()
        for client, (action_id, frame) in enumerate(asked.items(), 1):
            own = [raw for key, raw in answers if key == action_id]
            play.event(ClientAction(client, frame, action_id))
            heard = play.ignore()
            sent = b"".join(command.data for command in heard if isinstance(command, SendToLink))
            wire_ids = ACTION_ID.findall(sent)
            if wire_ids:
                play.frames(2, *(under(wire_ids[0], raw) for raw in own))
                heard = play.ignore()
                play.frames(2, *(b"Response: Success\r\nActionID: %s" % fence for fence in wire_ids[1:]))
            assert told(heard) == [raw + b"\r\nServer: pbx\r\n\r\n" for raw in own]
            assert play.router.status(0.0)[0].links[1].in_flight == 0


def test_the_recordings_say_something() -> None:
    """So that a change of their layout does not turn the test above into nothing."""
    assert sum(len(asked_by(name)) for name in NAMES) > 200
