from __future__ import annotations

from amp.core.ami.mask import ALL, KNOWN, NONE, EventMask
from amp.core.fanout.batch import Asker, Batch
from amp.core.fanout.view import View, ViewKey

HANGUP = b"Event: Hangup\r\nPrivilege: call,all\r\nCause: 16"
NEWEXTEN = b"Event: Newexten\r\nPrivilege: dialplan,all\r\nAppData: one"
REST = b"three"
BATCH = Batch(b"pbx1", b"e%d", 7, [NEWEXTEN, REST, HANGUP])
END = b"\r\nServer: pbx1\r\n\r\n"
CALLS = EventMask.parse(b"call") or NONE


def test_the_unfiltered_view_adds_the_server_and_nothing_else() -> None:
    """Every frame byte for byte, and ``Server: NAME`` as its last header."""
    view = View(ViewKey())
    assert view.render(BATCH) == NEWEXTEN + END + REST + END + HANGUP + END
    assert (view.shown, view.hidden) == (3, 0)


def test_a_mask_shows_whole_classes() -> None:
    """A broken piece is hidden with the frame that it broke off."""
    view = View(ViewKey(CALLS))
    assert view.render(BATCH) == HANGUP + END
    assert (view.shown, view.hidden) == (1, 2)


def test_what_a_view_remembers_of_endless_classes_is_bounded() -> None:
    """An event with more classes than it can have is for who sees everything, and takes no memory."""
    frames = [
        b"Event: Odd\r\nPrivilege: call,%s,all" % b",".join(b"c%d.%d" % (number, n) for n in range(1000))
        for number in range(50)
    ]
    frames += [b"Event: Odd\r\nPrivilege: call,%d%s" % (number, b"c" * 10_000) for number in range(50)]
    view = View(ViewKey(EventMask(KNOWN)))
    assert view.render(Batch(b"pbx1", b"e", 1, [*frames, HANGUP])) == HANGUP + END
    assert view._wants.cache_info().currsize == 2
    assert View(ViewKey()).render(Batch(b"pbx1", b"e", 1, frames)).count(b"Event: Odd") == 100


def test_nothing_for_a_view_is_no_bytes() -> None:
    """So that no outlet is bothered."""
    view = View(ViewKey(NONE))
    assert view.render(BATCH) == b""
    assert (view.shown, view.hidden) == (0, 3)


def test_only_the_named_servers() -> None:
    view = View(ViewKey(ALL, frozenset((b"pbx2",))))
    assert view.render(BATCH) == b""
    assert view.hidden == 3
    assert View(ViewKey(ALL, frozenset((b"pbx1",)))).render(BATCH) == View(ViewKey()).render(BATCH)


def test_sequence_numbers_count_hidden_frames_too() -> None:
    """A gap in the numbers of a filtered view is no loss, but the numbers are the server's."""
    added = b"\r\nProxyEpoch: e%d\r\nProxySeq: "
    assert View(ViewKey(CALLS, sequence=True)).render(BATCH) == HANGUP + added + b"9" + END
    shown = NEWEXTEN + added + b"7" + END + REST + added + b"8" + END + HANGUP + added + b"9" + END
    assert View(ViewKey(sequence=True)).render(BATCH) == shown


def test_the_askers_rendering_is_not_counted_twice() -> None:
    batch = Batch(b"pbx1", b"e", 1, [HANGUP], Asker(1, b"a1", len(HANGUP)))
    view = View(ViewKey())
    assert view.render(batch) == HANGUP + END
    assert view.render_for_asker(batch) == HANGUP + b"\r\nActionID: a1" + END
    assert view.shown == 1


def test_equal_keys_are_one_view() -> None:
    """The hub renders once for all clients whose keys are equal."""
    assert ViewKey(CALLS, frozenset((b"a",))) == ViewKey(EventMask(frozenset((b"call",))), frozenset((b"a",)))
    assert len({ViewKey(), ViewKey(ALL), ViewKey(sequence=True), ViewKey(CALLS)}) == 3
