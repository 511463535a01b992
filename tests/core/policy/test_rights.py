"""Users by classes by actions and events; the expected outcome is Asterisk's own in the recordings."""

from __future__ import annotations

import pytest

from amp.core.ami.frame import Frame
from amp.core.policy.actions import ACTIONS
from amp.core.policy.authorise import Policy, authorise
from amp.core.policy.classes import ALL, ASTERISK_CLASSES, DOORS, OWN_RIGHTS, RIGHTS
from amp.core.policy.rights import is_known, may_read, may_write, privileges_of
from core.policy.recorded import broadcasts, listed, message, received, sent

EVERYTHING = Policy(write=RIGHTS, contexts=["*"])

WRITERS = {
    "login-user-without-rights": Policy(),
    "readonly-denied": Policy(),
    "call-control": EVERYTHING,
    "command": EVERYTHING,
    "config": EVERYTHING,
    "database": EVERYTHING,
    "getvar-setvar": EVERYTHING,
    "list-actions": EVERYTHING,
    "originate-variables": EVERYTHING,
    "queue-actions": EVERYTHING,
    "status-12": EVERYTHING,
}
ASKED = [(name, action) for name in WRITERS for action in sent(name) if action.get(b"ActionID")]

READERS = {
    "readonly-denied": frozenset({"system", "call"}),
    "login-user-without-rights": frozenset[str](),
    "login-events-call": frozenset({"call"}),
    "stream-20calls": frozenset({"all"}),
}


@pytest.mark.parametrize(("name", "action"), ASKED, ids=lambda value: getattr(value, "name", value))
def test_an_action_is_refused_when_asterisk_refused_it(name: str, action: Frame) -> None:
    """For the same classes amp says no where the recorded Asterisk said no, in the same words."""
    answer = message(name, action.get(b"ActionID") or b"")
    denied = answer == b"Permission denied" or (
        answer.startswith(b"Invalid/unknown") and not WRITERS[name].write
    )
    refusal = authorise(WRITERS[name], action)
    assert (answer if denied else None) == (refusal and refusal.message)


def test_the_table_has_every_recorded_action_with_its_classes() -> None:
    """Asterisk 22's own list is in the table row by row."""
    table = {name: ACTIONS[name.lower()].asterisk for name in listed("list-commands")}
    assert listed("list-commands") == table
    assert len(table) == 127


def test_a_user_without_rights_is_listed_what_needs_none() -> None:
    """The actions without classes are those that Asterisk shows a user who may write nothing."""
    free = {name.lower() for name in listed("readonly-denied")}
    recorded = {name.lower() for name in listed("list-commands")}
    assert free == {name for name in recorded if not ACTIONS[name].asterisk}


def test_who_may_write_nothing_changes_nothing() -> None:
    """The one deviation: bridges, queues and lines are not for everybody who has signed in."""
    stricter = {name for name, rights in ACTIONS.items() if rights.classes != rights.asterisk}
    assert {b"bridgekick", b"queuereset", b"zaphangup", b"dahdirestart"} <= stricter
    assert not any(may_write(frozenset(), name) for name in stricter)
    assert all("amp asks for a class" in ACTIONS[name].source for name in stricter)


@pytest.mark.parametrize(
    ("write", "action", "allowed"),
    [
        ({"system"}, b"SIPpeers", True),
        ({"reporting"}, b"sippeers", True),
        ({"call"}, b"SIPPEERS", False),
        ({"reporting"}, b"MeetmeList", True),
        ({"agent"}, b"AgentCallbackLogin", True),
        ({"reporting"}, b"IAXpeers", True),
        ({"system"}, b"SKINNYlines", True),
        (set(), b"ZapShowChannels", True),
        (set(), b"Queues", True),
        ({"system"}, b"BridgeKick", False),
        ({"call"}, b"BridgeKick", True),
        ({"call"}, b"Hangup", True),
        ({"call"}, b" Hangup ", True),
        ({"call", "fanout"}, b"Originate", False),
        ({"admin"}, b"CoreStatus", False),
        ({"system", "call", "command"}, b"NoSuchThing", False),
        ({"all"}, b"NoSuchThing", True),
    ],
)
def test_any_one_class_is_enough(write: set[str], action: bytes, allowed: bool) -> None:
    """An action needs one of its classes; an unknown one needs ``all`` itself."""
    assert may_write(write, action) is allowed


def test_every_row_uses_classes_that_exist_and_names_its_source() -> None:
    """A misspelt class would shut an action for ever."""
    for rights in ACTIONS.values():
        assert rights.classes <= ASTERISK_CLASSES
        assert rights.source


def test_known_actions_are_compared_without_case() -> None:
    assert is_known(b"pInG")
    assert not is_known(b"Ping2")


def test_the_words_do_not_collide() -> None:
    """A door that bears a class's name is opened by that class on purpose."""
    assert {"command", "config", "agi"} == ASTERISK_CLASSES & DOORS
    assert not OWN_RIGHTS & (ASTERISK_CLASSES | DOORS)
    assert ALL in RIGHTS


@pytest.mark.parametrize("name", READERS)
def test_an_event_that_asterisk_sent_may_be_read(name: str) -> None:
    """What Asterisk showed a reader of these classes, amp shows it too."""
    assert all(may_read(READERS[name], privileges_of(event)) for event in broadcasts(name))


def test_a_reader_of_two_classes_sees_just_these() -> None:
    """Out of the whole stream a user with ``system,call`` is shown what Asterisk's readonly would be."""
    shown = [
        e for e in broadcasts("stream-20calls") if may_read(READERS["readonly-denied"], privileges_of(e))
    ]
    assert {frozenset({b"call"}), frozenset({b"system"})} == {privileges_of(event) for event in shown}
    assert 0 < len(shown) < len(list(broadcasts("stream-20calls")))


@pytest.mark.parametrize(
    ("read", "privileges", "seen"),
    [
        (frozenset(), {b"call"}, False),
        (frozenset({"call"}), {b"call", b"cc"}, False),
        (frozenset({"call", "cc"}), {b"call", b"cc"}, True),
        (frozenset({"call"}), {b"invented"}, False),
        (frozenset({"all"}), {b"invented"}, True),
    ],
)
def test_an_event_needs_all_of_its_classes(read: frozenset[str], privileges: set[bytes], seen: bool) -> None:
    assert may_read(read, frozenset(privileges)) is seen


@pytest.mark.parametrize(
    ("event", "classes"),
    [
        (b"Event: A\r\nPrivilege: call,reporting,all\r\nX: 1", {b"call", b"reporting"}),
        (b"Event: A\r\nPrivilege: Call", {b"call"}),
        (b"Event: A\r\nPrivilege: <none>\r\nX: 1", set()),
        (b"Event: A\r\nX: 1", set()),
        (b"Event: UserEvent\r\nPrivilege: user,all\r\nPrivilege: fake,all", {b"user"}),
    ],
)
def test_the_first_privilege_header_counts(event: bytes, classes: set[bytes]) -> None:
    assert classes == privileges_of(event)


def test_the_recordings_hold_what_these_tests_need() -> None:
    """A test that compares nothing would pass."""
    assert len(ASKED) > 100
    assert len(received("readonly-denied")) > 40
