"""Event masks mean what they mean to Asterisk (recordings events-mask, login-events-call)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.ami.mask import ALL, CLASSES, NONE, EventMask

CALL = frozenset((b"call", b"all"))
USER = frozenset((b"user", b"all"))


@pytest.mark.parametrize(
    "value", [b"on", b"ON", b"yes", b"true", b"all", b"call,all", b"2147483647", b"9" * 50]
)
def test_all(value: bytes) -> None:
    """Every way to say "everything"."""
    assert EventMask.parse(value) == ALL


@pytest.mark.parametrize(
    "value", [b"off", b"No", b"false", b"none", b"nosuchclass", b"0", b"524288", b",", b"-1"]
)
def test_none(value: bytes) -> None:
    """Every way to say "nothing"; a class that does not exist counts as nothing."""
    mask = EventMask.parse(value)
    assert mask == NONE
    assert not mask
    assert not NONE.wants(CALL)
    assert not NONE.wants(frozenset())


@pytest.mark.parametrize("value", [None, b""])
def test_no_mask_at_all(value: bytes | None) -> None:
    """Asterisk calls these invalid and keeps the mask it had."""
    assert EventMask.parse(value) is None


@pytest.mark.parametrize(
    ("value", "classes"),
    [
        (b"call", {b"call"}),
        (b"system,user", {b"system", b"user"}),
        (b"System, USER,bogus", {b"system", b"user"}),
        (b"2", {b"call"}),
        (b"66", {b"call", b"user"}),
        (b"1073741825", {b"system", b"message"}),
        (b"262144", {b"security"}),
    ],
)
def test_some(value: bytes, classes: set[bytes]) -> None:
    """Lists and bits name classes."""
    mask = EventMask.parse(value)
    assert mask == EventMask(frozenset(classes))
    assert mask


def test_an_event_passes_if_all_its_classes_are_wanted() -> None:
    """``all`` in Privilege stands for nothing; two classes must both be wanted."""
    mask = EventMask(frozenset((b"call",)))
    assert mask.wants(CALL)
    assert not mask.wants(USER)
    assert not mask.wants(CALL | USER)
    assert mask.wants(frozenset((b"<none>",)))
    assert ALL.wants(frozenset((b"something new", b"all")))


def test_within_the_rights_of_a_user() -> None:
    """A wish is cut down to what the user may read; "all" cuts nothing."""
    call = EventMask(frozenset((b"call",)))
    assert ALL.within(["all"]) is ALL
    assert ALL.within(["call"]) == call
    assert ALL.within([]) == NONE
    assert EventMask(frozenset((b"call", b"user"))).within([b"call", b"cdr"]) == call
    assert hash(ALL.within(["call"])) == hash(call)


@given(st.sets(st.sampled_from(CLASSES)))
def test_a_list_and_its_bits_are_the_same_mask(classes: set[bytes]) -> None:
    """Names and numbers agree for every set of classes."""
    bits = sum(1 << CLASSES.index(name) for name in classes)
    assert EventMask.parse(b"%d" % bits) == EventMask.parse(b",".join(classes) or b"none")


@given(st.binary())
def test_garbage_gives_a_mask_or_none(value: bytes) -> None:
    """No value of the header can break the session."""
    mask = EventMask.parse(value)
    assert (mask is None) == (value == b"")
