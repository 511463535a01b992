"""Views of subscriptions: what is asked for of what may be seen, each event written once."""

from __future__ import annotations

from amp.core.ami.mask import EventMask
from amp.core.fanout.batch import Asker, Batch
from amp.core.fanout.rendering import Rendering
from amp.core.fanout.view import View, ViewKey
from amp.core.formats.format import Format
from amp.core.ws.selection import Selection, Subscription

CALL = b"Event: Hangup\r\nPrivilege: call,all\r\nChannel: a"
USER = b"Event: UserEvent\r\nPrivilege: user,all\r\nKey: x"
PIECE = b"the rest of a value"

HANGUPS = Selection.of([Subscription(frozenset((b"pbx1",)), frozenset((b"hangup",)))])


def batch(*frames: bytes, server: bytes = b"pbx1") -> Batch:
    return Batch(server, b"e", 5, list(frames))


def frames_of(data: bytes) -> list[bytes]:
    return [frame.partition(b"\r\nServer: ")[0] for frame in data.split(b"\r\n\r\n") if frame]


def test_what_is_asked_for_with_its_broken_pieces_and_numbers() -> None:
    view = View(ViewKey(selection=HANGUPS, sequence=True))
    shown = frames_of(view.render(batch(USER, CALL, PIECE, USER)))
    assert shown == [frame + b"\r\nProxyEpoch: e\r\nProxySeq: %d" % n for n, frame in ((6, CALL), (7, PIECE))]
    assert (view.shown, view.hidden) == (2, 2)
    assert view.render(batch(CALL, server=b"pbx2")) == b""


def test_rights_come_before_wishes() -> None:
    everything = Selection.of([Subscription(events=frozenset((b"*",)))])
    view = View(ViewKey(mask=EventMask(frozenset((b"user",))), selection=everything))
    assert frames_of(view.render(batch(CALL, USER))) == [USER]


def test_what_is_hidden_cannot_be_asked_for() -> None:
    """Somebody else's ActionID does not show, and so no condition on it is met."""
    guess = Selection.of([Subscription(where=frozenset(((b"actionid", frozenset((b"*",))),)))])
    asked = Batch(b"pbx1", b"e", 5, [USER], Asker(7, b"secret", USER.index(b"\r\nKey")))
    assert View(ViewKey(selection=guess)).render(asked) == b""
    everything = View(ViewKey())
    assert b"secret" in everything.render_for_asker(asked)


def test_news_for_one_alone() -> None:
    view = View(ViewKey(selection=HANGUPS))
    assert frames_of(view.render_alone(batch(CALL))) == [CALL]
    assert view.render_alone(batch(USER)) == b""
    assert view.render_alone(batch(CALL, server=b"pbx2")) == b""


def test_views_of_one_format_share_each_event() -> None:
    """Two that see parts of a batch have an event written once; whole batches are one piece anyway."""
    written: list[bytes] = []

    def piece(frame: bytes, server: bytes) -> bytes:
        written.append(frame)
        return b"<%s of %s>" % (frame[7:13], server)

    rendering = Rendering(Format.of_pieces("test", "text/plain", piece))
    both = Selection.of([Subscription(events=frozenset((b"hangup", b"userevent")))])
    views = [View(ViewKey(selection=wish, format="test"), rendering) for wish in (HANGUPS, HANGUPS, both)]
    one = batch(CALL, b"Event: Other\r\nPrivilege: call,all", USER)
    assert [view.render(one) for view in views] == [
        b"<Hangup of pbx1>",
        b"<Hangup of pbx1>",
        b"<Hangup of pbx1><UserEv of pbx1>",
    ]
    assert written == [CALL, USER]
    views[0].render(batch(CALL, USER))
    assert written == [CALL, USER, CALL]
