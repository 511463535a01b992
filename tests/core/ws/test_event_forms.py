"""Events of a form that is known are written as a parser finds them, whatever stands in their values."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from amp.core.ws import event_forms
from amp.core.ws.event_forms import EventForms
from amp.core.ws.event_json import headers_object

CAPTURES = Path(__file__).parents[2] / "captures" / "asterisk-22"
SHAPES = (
    ("Event", "A", "B", "C"),
    ("Event", "A", "B", "A"),
    ("Event", "A", "A", "100%s"),
    ("Event", "A"),
)
"""In the second one's JSON the values stand in another order than in the event."""


def event(names: tuple[str, ...], values: list[bytes]) -> bytes:
    lines = (name.encode() + b": " + value for name, value in zip(names, [b"X", *values], strict=False))
    return b"\r\n".join(lines)


def forms_of(*events: bytes) -> EventForms:
    """A book that has learned the forms of these events."""
    forms = EventForms()
    for raw in events:
        for _ in range(event_forms.SIGHTINGS):
            forms.learn(raw)
    return forms


def object_of(raw: bytes) -> dict[str, object]:
    """What the members must say, found the slow way."""
    headers, unparsed = headers_object(raw)
    assert not unparsed
    name = headers["Event"]
    return {"event": name[0] if isinstance(name, list) else name, "headers": headers}


def agrees(forms: EventForms, raw: bytes) -> bool:
    """Whether it is written by a form, and then exactly as the slow way does."""
    written = forms.members(raw)
    assert not written or orjson.loads(b"{%s}" % written) == object_of(raw)
    return bool(written)


KNOWN = forms_of(*(event(names, [b"", b"", b""]) for names in SHAPES))
ODD = st.text(alphabet='aB:, \t"\\\r\né\x01%{}\x7f', max_size=8).map(str.encode) | st.binary(max_size=6)
VALUES = st.lists(
    ODD | st.sampled_from([b"\r\nB: 1", b"\r\nA: 2\r\nC: 3", b"1\nB: 2", b"  x", b"%s"]),
    min_size=3, max_size=3,
)  # fmt: skip


@given(st.sampled_from(SHAPES), VALUES)
@example(SHAPES[0], [b'"\\', b"a: b", b"100 %"])
@example(SHAPES[0], [b"\xff", b"", b""])
@example(SHAPES[0], [b"\xc3", b"\xe9", b""])
@example(SHAPES[1], [b"1", b"2", b"3"])
@example(SHAPES[3], [b"1\r\nB: 2\r\nC: 3", b"", b""])
def test_no_value_can_pose_as_something_else(names: tuple[str, ...], values: list[bytes]) -> None:
    agrees(KNOWN, event(names, values))


@given(st.lists(ODD, max_size=5).map(lambda lines: b"\r\n".join([b"Event: X", *lines])))
def test_whatever_is_learned_is_written_rightly(raw: bytes) -> None:
    agrees(forms_of(raw), raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"Event: X\r\nA: 1\r\nB: 2",
        b"Event: X\r\nA: 1\r\nB: 2\r\nA: 3",
        b'Event: X\r\nCallerID: "Bob \\ Co" <100>',
        b"Event: X\r\nCallerIDName: J\xc3\xb6rg\r\nCallerIDNum:100",
        b"Event: X\r\nA:   1: 2\r\n100%s: 5 %",
    ],
)
def test_these_are_of_a_form(raw: bytes) -> None:
    assert agrees(forms_of(raw), raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"Event: X\r\nno header",
        b"Event: X\r\n: nameless",
        b"Event: X\r\nA: 1\r\nEvent: Y",
        b'Event: X\r\nA"B: 1',
        b"Event: X\r\nA\xc3\xa9: 1",
        b"Event: X y\r\nA: 1",
        b"Event: X\r\nA: \xff",
        b"Event: X\r\nA: \xc3",
        b"Event: X\r\nA: 1\nB: 2",
        b"Event: X\r\nA: 1\r",
        b"Event: X",
        b"Other: X\r\nA: 1",
        b"the rest\r\nof: a value",
        b"",
        b"Event: X" + b"\r\nA: 1" * (event_forms.MOST_HEADERS + 1),
        b"Event: X\r\n%s: 1" % (b"A" * (event_forms.MOST_FORM_BYTES + 1)),
        b"Event: %s\r\nA: 1" % (b"X" * (event_forms.MOST_FORM_BYTES + 1)),
    ],
)
def test_these_are_of_none(raw: bytes) -> None:
    assert forms_of(raw).members(raw) == b""


def test_a_form_is_learned_when_it_has_come_a_few_times() -> None:
    forms, raw = EventForms(), b"Event: X\r\nA: 1"
    for _ in range(event_forms.SIGHTINGS - 1):
        forms.learn(raw)
    assert not forms.members(raw)
    forms.learn(b"Event: X\r\nA: 2")
    assert forms.members(raw) == b'"event":"X","headers":{"Event":"X","A":"1"}'


def test_forms_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_forms, "MOST_FORMS", 12)
    monkeypatch.setattr(event_forms, "MOST_CANDIDATES", 3)
    same_name = [b"Event: X\r\nA%d: 1" % number for number in range(10)]
    others = [b"Event: X%d\r\nA: 1" % number for number in range(10)]
    assert [bool(forms_of(*same_name).members(raw)) for raw in same_name] == [True] * 8 + [False] * 2
    full = forms_of(*same_name, *others)
    assert [bool(full.members(raw)) for raw in others] == [True] * 4 + [False] * 6
    strange = b"Event: X\r\nA: \x01"
    forms = forms_of(*[strange] * 20)
    assert len(forms._by_head[b"Event: X"]) == 1  # what does not fit is no other form
    forms = EventForms()
    for _ in range(10):  # each candidate is forgotten before it has come a fourth time
        for raw in others:
            forms.learn(raw)
    assert not any(map(forms.members, others))


def test_recorded_events_are_what_a_parser_finds() -> None:
    """All recordings, four times: the events of a recorded form then go the quick way, nearly all of them."""
    frames = [
        frame
        for path in sorted(CAPTURES.glob("*.bin"))
        for frame in path.read_bytes().split(b"\r\n\r\n")
        if frame.startswith(b"Event: ")
    ]
    forms = forms_of(*frames)
    quick = sum(agrees(forms, frame) for frame in frames if not headers_object(frame)[1])
    assert quick > len(frames) * 0.97 > 6000


def test_several_at_once() -> None:
    forms = forms_of(b"Event: X\r\nA: 1")
    assert forms.write([b"Event: X\r\nA: 1", b"rest", b"Event: X\r\nA: 2"], b'{"n":', 9) == [
        b'{"n":9,"event":"X","headers":{"Event":"X","A":"1"}}',
        b"",
        b'{"n":11,"event":"X","headers":{"Event":"X","A":"2"}}',
    ]
