"""Where a subscriber stands."""

from __future__ import annotations

import pytest

from amp.core.tail.messages import TailEvent, TailGap
from amp.core.tail.standing import Place, Standing, read_places
from amp.errors import RemoteProtocolError


def event(seq: int, server: str = "a", epoch: str = "e") -> TailEvent:
    return TailEvent(server, epoch, seq, "E", {}, ())


def test_it_stands_where_it_subscribed_until_something_comes() -> None:
    one = Standing()
    one.subscribed({"a": {"epoch": "e", "seq": 7}, "b": {"epoch": "f", "seq": 0}})
    one.has(event(9))
    assert one.since() == {"a": {"epoch": "e", "seq": 9}, "b": {"epoch": "f", "seq": 0}}
    assert read_places(one.text()) == one.places


def test_who_resumes_stands_where_it_stood_until_what_it_missed_has_come() -> None:
    one = Standing({"a": Place("e", 3)})
    one.subscribed({"a": {"epoch": "e", "seq": 7}, "b": {"epoch": "f", "seq": 2}})
    assert one.places == {"a": ("e", 3), "b": ("f", 2)}
    assert [one.is_late(event(seq)) for seq in (4, 7, 8)] == [True, True, False]
    assert not one.is_late(event(4, epoch="other"))
    assert not one.is_late(event(4, server="c"))
    one.stands({"a": {"epoch": "e", "seq": 8}})
    assert one.places["a"] == ("e", 8)


def test_gaps_move_it_and_a_server_that_is_gone_is_forgotten() -> None:
    one = Standing({"a": Place("e", 3), "b": Place("e", 3)})
    one.has(TailGap("a", "e2", None, None, "new epoch", 0))
    one.has(TailGap("b", "e", 4, None, "unknown server", None))
    assert one.places == {"a": ("e2", 0)}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "1", '{"a":1}', '{"a":{}}', '{"a":{"epoch":1,"seq":1}}', '{"a":{"epoch":"e","seq":-1}}',
     '{"a":{"epoch":"e","seq":true}}', '{"a":{"epoch":"e","seq":1.5}}'],
)  # fmt: skip
def test_what_is_no_position_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"\Aexpected "):
        read_places(text)


@pytest.mark.parametrize("positions", [None, {"a": 1}])
def test_positions_of_an_amp_that_are_none(positions: object) -> None:
    for take in (Standing().subscribed, Standing().stands):
        with pytest.raises(RemoteProtocolError):
            take(positions)
