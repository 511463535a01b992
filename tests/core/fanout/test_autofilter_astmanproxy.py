"""SetAutoFilter's modes held against what astmanproxy does with the same frames, row by row.

astmanproxy's rule is taken from its ``WriteClients`` and ``setactionid`` (versions 1.2x and 1.30): every
frame of a server goes to every client, but for what the mode of the client keeps back, which looks at nothing
but the ActionID in the frame.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from amp.core.ami.ids import ActionIds
from amp.core.fanout.autofilter import Autofilter
from amp.core.fanout.hub import Hub
from amp.core.fanout.intake import AskerBroadcast, Broadcasts, Intake, asker_of
from amp.core.fanout.journal import Journal
from amp.core.fanout.view import ViewKey
from core.fanout.test_hub import Notes

IDS = ActionIds(b"9f3")
ME, OTHER = 1, 2
OFF, ON, UNIQUE = Autofilter.OFF, Autofilter.ON, Autofilter.UNIQUE
MODES = (OFF, ON, UNIQUE)

HIDDEN = None
"""The client does not get the frame."""

ANSWER = b"Response: Success\r\n%sMessage: Authentication accepted"
EVENT = b"Event: UserEvent\r\nPrivilege: user,all\r\n%sUserEvent: X"


class Case(NamedTuple):
    """A frame from a server.

    Attributes:
        asker: the client whose action caused it; 0 if none of amp's.
        action_id: what that client had set, or what stands in the frame if nobody of amp's did.
        answer: it is an answer; else an event.
    """

    asker: int
    action_id: bytes
    answer: bool


MINE, MINE_BEFORE, MINE_BARE = Case(ME, b"last", False), Case(ME, b"old", False), Case(ME, b"", False)
THEIRS, THEIRS_SAME, FOREIGN = Case(OTHER, b"x", False), Case(OTHER, b"last", False), Case(0, b"y", False)
PLAIN = Case(0, b"", False)
ANSWERS = [Case(case.asker, case.action_id, True) for case in (MINE, MINE_BEFORE, MINE_BARE, THEIRS)]
THEIR_BARE_ANSWER, THEIR_SAME_ANSWER = Case(OTHER, b"", True), Case(OTHER, b"last", True)
CASES = [
    PLAIN, MINE, MINE_BEFORE, MINE_BARE, THEIRS, THEIRS_SAME, FOREIGN, *ANSWERS, THEIR_BARE_ANSWER,
    THEIR_SAME_ANSWER,
]  # fmt: skip


def astmanproxy(mode: Autofilter, case: Case) -> bytes | None:
    """What a client of astmanproxy with this mode sees of the frame's ActionID; it has set ``last`` last.

    In mode unique the server has been given ``ampN-`` and the client's ActionID; the frame of a client whose
    ActionID was empty, or of somebody who is no client, has none or its own.
    """
    if mode is OFF:
        return case.action_id
    if mode is ON:
        return case.action_id if case.action_id == b"last" else HIDDEN
    if not case.action_id:
        return b""
    return case.action_id if case.asker == ME else HIDDEN


def amp(mode: Autofilter, case: Case) -> bytes | None:
    """What a client of amp with this mode sees of it."""
    if case.answer:
        # The router's: by amp's own ActionID, to who asked (tests/core/routing/test_answers.py and others).
        return case.action_id if case.asker == ME else HIDDEN
    hub, sink = Hub(), Notes(ME)
    hub.add_server(b"a", b"e", Journal(1 << 20))
    hub.attach(sink, ViewKey(autofilter=mode, asker=(ME, b"last") if mode is ON else None))
    wire = IDS.make(case.asker, 1, case.action_id) if case.asker else case.action_id
    for run in Intake(b"a", IDS.prefix).take([EVENT % (b"ActionID: " + wire + b"\r\n" if wire else b"")]):
        if isinstance(run, Broadcasts):
            hub.broadcast(b"a", run.frames, None, run.shown)
        elif isinstance(run, AskerBroadcast):
            hub.broadcast(b"a", [run.frame], asker_of(run, IDS), {0: run.shown} if run.shown else {})
    if not sink.got:
        return HIDDEN
    lines = sink.got[0][0].split(b"\r\n")
    return next((line[10:] for line in lines if line.startswith(b"ActionID: ")), b"")


ANSWERS_ARE_FOR_WHO_ASKED = "amp shows nobody another client's answers"
OWN_ANSWERS_COME = "amp keeps back no answer from who asked; it would wait for ever"
SAME_ACTION_ID = "equal ActionIDs of two clients do not make one's event the other's"
EVENTS_ARE_FOR_EVERYBODY = "an event is everybody's, also if an action caused it; its ActionID is not shown"

DIFFERENT = {
    (OFF, ANSWERS[3]): ANSWERS_ARE_FOR_WHO_ASKED,
    (OFF, THEIR_BARE_ANSWER): ANSWERS_ARE_FOR_WHO_ASKED,
    (OFF, THEIR_SAME_ANSWER): ANSWERS_ARE_FOR_WHO_ASKED,
    (ON, ANSWERS[1]): OWN_ANSWERS_COME,
    (ON, ANSWERS[2]): OWN_ANSWERS_COME,
    (ON, THEIRS_SAME): SAME_ACTION_ID,
    (ON, THEIR_SAME_ANSWER): ANSWERS_ARE_FOR_WHO_ASKED,
    (UNIQUE, THEIRS): EVENTS_ARE_FOR_EVERYBODY,
    (UNIQUE, THEIRS_SAME): EVENTS_ARE_FOR_EVERYBODY,
    (UNIQUE, FOREIGN): EVENTS_ARE_FOR_EVERYBODY,
    (UNIQUE, THEIR_BARE_ANSWER): ANSWERS_ARE_FOR_WHO_ASKED,
}
"""Where amp does otherwise, and why. Everywhere else it does the same."""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_mode_does_as_astmanproxy_or_the_reason_stands_above(mode: Autofilter, case: Case) -> None:
    same = amp(mode, case) == astmanproxy(mode, case)
    assert same == ((mode, case) not in DIFFERENT)


def test_every_difference_hides_an_answer_or_gives_what_was_lost() -> None:
    """What astmanproxy hid and amp shows: one's own answers, and events without their ActionID."""
    for mode, case in DIFFERENT:
        ours, theirs = amp(mode, case), astmanproxy(mode, case)
        assert ours is HIDDEN or (theirs is HIDDEN and (case.asker == ME or ours == b""))
