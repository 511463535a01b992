"""AddServer and DropServer: what their headers say, and how they are answered."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.config.schema import AsteriskServer, key_of
from amp.core.ami.frame import Frame
from amp.core.ami.replies import proxy_reply
from amp.core.proxy_actions.changes import (
    SETTINGS,
    AddServer,
    DropServer,
    added,
    dropped,
    read_change,
)
from amp.core.proxy_actions.handlers import Outcome, Request
from amp.core.proxy_actions.table import perform

ADMIN = frozenset(("admin",))


def ask(name: str, *headers: tuple[str | bytes, str | bytes]) -> Outcome:
    """What comes of it for an administrator."""
    return perform(Request(frame=Frame.of(("ProxyAction", name), *headers)), ADMIN)


def message(outcome: Outcome) -> bytes:
    """The message of a failure."""
    assert (outcome.response, outcome.change) == (b"Failure", None)
    ((name, text),) = outcome.headers
    assert name == b"Message"
    return text


def test_astmanproxys_headers_are_understood() -> None:
    """Names without regard to case, values without blanks around them, empty ones as if they were absent."""
    outcome = ask(
        "addserver",
        ("ActionID", "7"),
        ("SERVER", " 192.0.2.9 "),
        ("username", "amp"),
        ("Secret", " not stripped "),
        ("Port", "5038"),
        ("Events", ""),
    )
    settings = {"Server": "192.0.2.9", "Username": "amp", "Secret": " not stripped ", "Port": "5038"}
    assert outcome == Outcome(change=AddServer(settings=settings))
    assert outcome.change is not None
    assert outcome.change.name == "192.0.2.9"
    assert "stripped" not in repr(outcome)


def test_a_server_without_a_name_has_an_empty_one() -> None:
    assert ask("AddServer", ("Save", "yes")).change == AddServer(settings={}, save=True)
    assert AddServer(settings={}).name == ""
    assert ask("DropServer").change == DropServer(name="")


def test_dropping_takes_a_name_and_no_more() -> None:
    assert ask("DropServer", ("Server", "pbx9"), ("Save", "TRUE")).change == DropServer(
        name="pbx9", save=True
    )
    outcome = ask("DropServer", ("Server", "pbx9"), ("Port", "1"))
    assert message(outcome) == b"Cannot Drop Server pbx9, Port: not a header of DropServer"


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        ([("TSL", "verify")], b"TSL: unknown header"),
        ([(b"\xff\x01", "x")], b"??: unknown header"),
        ([("Secret", "hunter2"), ("secret", "hunter3")], b"Secret: given twice"),
        ([("Port", ""), ("Port", "1")], b"Port: given twice"),
        ([("Secret", b"hunter\xff")], b"Secret: expected UTF-8 text"),
        ([("Secret", b"hunter\0")], b"Secret: expected no CR, LF or NUL"),
        ([("Secret", b"hunter\r\nX: 1")], b"Secret: expected no CR, LF or NUL"),
        ([("Save", "perhaps")], b"Save: expected true or false"),
    ],
)
def test_what_is_wrong_with_the_headers_is_told(
    headers: list[tuple[str | bytes, str | bytes]], problem: bytes
) -> None:
    """Never with a secret in it."""
    outcome = ask("AddServer", ("Server", "pbx9"), *headers)
    assert message(outcome) == b"Could not add pbx9: " + problem


def test_the_answers_are_astmanproxys() -> None:
    assert added("pbx9") == (b"Success", b"Added pbx9")
    assert added("pbx9", "it is there") == (b"Failure", b"Could not add pbx9: it is there")
    assert dropped("pbx9", "") == (b"Success", b"Dropped pbx9")
    assert dropped("pbx9") == (b"Failure", b"Cannot Drop Server pbx9, Does Not Exist")
    assert added("x" * 99) == (b"Success", b"Added " + b"x" * 64)


@given(
    st.sampled_from(("AddServer", "DropServer")),
    st.lists(st.tuples(st.sampled_from(["Server", "Save", "x", "Port"]), st.binary(max_size=200))),
)
def test_whatever_is_asked_for_is_answered_in_two_lines(name: str, headers: list[tuple[str, bytes]]) -> None:
    outcome = ask(name, *headers)
    if outcome.change is not None:
        again = added(outcome.change.name, "x") if name == "AddServer" else dropped(outcome.change.name)
        outcome = attrs.evolve(outcome, response=again[0], headers=((b"Message", again[1]),))
    assert proxy_reply(outcome.response, None, *outcome.headers).count(b"\r\n") == 3


def test_every_header_is_a_key_of_a_server_and_every_key_has_one() -> None:
    """But for ``hosts``, which is ``Host`` with commas, and ``kind``."""
    keys = {key_of(field.name) for field in attrs.fields(AsteriskServer)}
    assert set(SETTINGS.values()) == keys - {"hosts", "kind"}
    assert isinstance(read_change(Frame.of(*((name, "1") for name in SETTINGS)), AddServer), AddServer)
