"""Hypothesis strategies that all tests share: frames, actions as clients write them, masks, chunkings."""

from __future__ import annotations

from hypothesis import strategies as st

from amp.core.ami.frame import Frame
from amp.core.ami.mask import ALL, CLASSES, NONE, EventMask

__all__ = [
    "action_ids",
    "actions",
    "cuts",
    "events",
    "frames",
    "garbage",
    "header_names",
    "header_values",
    "masks",
]

cuts = st.lists(st.integers(min_value=0), max_size=20)
"""Where to cut a stream into reads; see `replay.chunks`."""

header_names = st.text("ABCXYZabcxyz0123456789-_()/;", min_size=1, max_size=12).map(str.encode)
"""Names as they occur, ``ChanVariable(Local/x;1)`` included. Never one that means something to amp."""

_SAFE_BYTES = [byte for byte in range(256) if byte not in b"\r\n\0"]

header_values = st.lists(st.sampled_from(_SAFE_BYTES), max_size=30).map(
    lambda value: bytes(value).lstrip(bytes(range(33)))
)
"""Any bytes that may stand in a value (no CR, LF, NUL) and have no blanks in front."""

action_ids = header_values.filter(bool)

_headers = st.lists(st.tuples(header_names, header_values), max_size=8)
_words = st.sampled_from([b"Ping", b"Status", b"Originate", b"Getvar", b"QueueStatus", b"NoSuchThing"])
_event_names = st.sampled_from([b"Newchannel", b"VarSet", b"Hangup", b"UserEvent", b"OriginateResponse"])
_privileges = st.sampled_from([b"call,all", b"dialplan,all", b"user,all", b"system,all", b"security,all"])


@st.composite
def actions(draw: st.DrawFn) -> Frame:
    """An action: Action first, an ActionID anywhere or nowhere, other headers."""
    headers = draw(_headers)
    action_id = draw(st.none() | action_ids)
    if action_id is not None:
        headers.insert(draw(st.integers(0, len(headers))), (b"ActionID", action_id))
    return Frame(((b"Action", draw(_words)), *headers))


@st.composite
def events(draw: st.DrawFn) -> Frame:
    """A broadcast as Asterisk sends it: Event, Privilege, the rest."""
    return Frame(((b"Event", draw(_event_names)), (b"Privilege", draw(_privileges)), *draw(_headers)))


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """Any frame that can be encoded."""
    return Frame(tuple(draw(st.lists(st.tuples(header_names, header_values), min_size=1, max_size=8))))


_classes = st.frozensets(st.sampled_from(CLASSES), min_size=1)
masks = st.sampled_from([ALL, NONE]) | _classes.map(EventMask)

garbage = st.binary(max_size=300) | st.lists(
    st.sampled_from(
        [
            b"\r\n",
            b"\n",
            b"\r",
            b"\0",
            b":",
            b"Action: Login",
            b"ActionID: x",
            b"Event: ",
            b"\r\n\r\n",
            b"\xff",
        ]
    ),
    max_size=40,
).map(b"".join)
"""Bytes at random, and bytes that look nearly right."""
