"""ActionIDs for the wire: whatever goes in comes back, and nobody else's is taken for ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.ami.ids import ActionIds, WireId
from amp.errors import LocalProtocolError

IDS = ActionIds(b"9f3")


def test_an_action_id_says_who_asked() -> None:
    """The form is amp<token>.<client>.<n>-<original>."""
    assert IDS.prefix == b"amp9f3."
    assert IDS.make(12, 7, b"abc") == b"amp9f3.12.7-abc"


@given(st.integers(0, 10**8), st.integers(0, 10**8), st.binary())
def test_what_is_made_is_read_back(client: int, n: int, original: bytes) -> None:
    """Client, count and the client's own bytes survive, dashes and dots included."""
    assert IDS.parse(IDS.make(client, n, original)) == WireId(client, n, original)


@pytest.mark.parametrize(
    "foreign",
    [
        b"",
        b"amp9f3.",
        b"amp9f3.1.2",
        b"amp9f3.12-x",
        b"amp9f3.1.-x",
        b"amp9f3..2-x",
        b"amp9f3.a.2-x",
        b"amp9f3.1.-2-x",
        b"amp9f4.1.2-x",
        b"AMP9f3.1.2-x",
        b"amp9f3.1." + b"9" * 5000 + b"-x",
    ],
)
def test_what_we_did_not_make_is_nobodys(foreign: bytes) -> None:
    """Another amp's id, or a mangled one, is not read as a client's."""
    assert IDS.parse(foreign) is None


@given(st.binary())
def test_garbage_never_raises(value: bytes) -> None:
    """Any bytes behind our prefix give an id or None."""
    parsed = IDS.parse(IDS.prefix + value)
    assert parsed is None or isinstance(parsed.client, int)


@pytest.mark.parametrize("token", [b"", b"a.b", b"a\r\n", b"a b"])
def test_a_token_is_letters_and_digits(token: bytes) -> None:
    """A dot or a line end in the token would break every id."""
    with pytest.raises(LocalProtocolError, match="token"):
        ActionIds(token)
