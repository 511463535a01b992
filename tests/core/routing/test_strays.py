"""Frames without an ActionID on an action link."""

from __future__ import annotations

from amp.core.routing.commands import SendToClient
from core.routing.playbook import Playbook, frame, raw, wire

SERVER = ("Server", "pbx")
FORGED = raw(("Response", "Success"), ("Message", "forged"))


def done(wire_id: str) -> bytes:
    return raw(("Response", "Success"), ("ActionID", wire_id))


def test_a_broken_value_goes_where_its_beginning_went() -> None:
    """A value with line ends falls apart into several frames (recording getvar-newline)."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping", ActionID="a")
        play.ask_ignored(2, "Ping", ActionID="b")
        play.frames(2, done("amp9f3.1.1-a"), b"rest of it")
        assert play.ignore()[1:] == [SendToClient(1, b"rest of it\r\nServer: pbx\r\n\r\n")]
        play.frames(2, b"more: of it")
        play.expect(SendToClient(1, b"more: of it\r\nServer: pbx\r\n\r\n"))
        assert play.router.counters("pbx").strays == 2


def test_a_broken_frame_before_any_answer_is_the_askers() -> None:
    """Who else's."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.ignore()
        play.frames(2, b"rest")
        play.expect(SendToClient(1, b"rest\r\nServer: pbx\r\n\r\n"))


def test_a_stray_for_nobody_is_counted() -> None:
    """Nobody asked, or who asked is gone, or was told that it will not come."""
    with Playbook() as play:
        play.bring_up()
        play.frames(2, FORGED, b"rest")
        play.ask(1, "Ping")
        play.ignore()
        play.gone(1)
        play.frames(2, FORGED, b"rest")
        play.expect()
        play.at(60.0)
        play.frames(2, FORGED)
        assert play.router.counters("pbx").dropped_strays == 5
        assert play.router.counters("pbx").strays == 0


def test_a_stray_behind_a_late_action_is_not_the_next_askers() -> None:
    """Asterisk is still at the late one."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping", ActionID="a")
        play.ignore()
        play.at(60.0)
        play.ignore()
        play.frames(2, FORGED)
        play.expect()


def test_an_answer_without_action_id_is_the_askers_and_soon_taken_for_all() -> None:
    """Some modules answer so. The proper one is awaited a moment: the frame may also be a forgery."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "SCCPShowDevices", ActionID="a")
        play.ask_ignored(2, "Ping", ActionID="b")
        play.frames(2, FORGED)
        play.expect(SendToClient(1, frame(("Response", "Success"), ("Message", "forged"), SERVER)))
        play.at(0.9)
        assert play.router.status(0.9)[0].links[1].in_flight == 2
        play.at(1.0)
        assert play.router.status(1.0)[0].links[1].in_flight == 1
        assert play.router.counters("pbx").answers == 1
        play.frames(2, done("amp9f3.2.1-b"))
        play.expect_told(2, ("Response", "Success"), ("ActionID", "b"))


def test_an_answer_without_action_id_is_all_when_the_next_one_is_answered() -> None:
    """Asterisk went on to the next, so nothing more comes; the asker is not told anything wrong."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "SCCPShowDevices", ActionID="a")
        play.ask_ignored(2, "Ping", ActionID="b")
        play.frames(2, FORGED, done("amp9f3.2.1-b"))
        assert len(play.ignore()) == 2
        play.at(1.0)
        play.expect()
        assert play.router.counters("pbx").answers == 2


def test_without_action_id_it_is_all_before_the_next_answer_is_told() -> None:
    """What waits behind it comes between the two."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "SCCPShowDevices")
        play.ignore()
        play.answer_locally(1, b"local")
        play.ask_ignored(1, "Ping")
        play.frames(2, FORGED, done("amp9f3.1.2-"))
        play.expect(
            SendToClient(1, frame(("Response", "Success"), ("Message", "forged"), SERVER)),
            SendToClient(1, b"local"),
            SendToClient(1, frame(("Response", "Success"), SERVER)),
        )
        assert play.router.counters("pbx").answers == 2
        assert play.router.counters("pbx").unknown == 0


def test_a_doubtful_answer_for_a_client_that_left() -> None:
    """Ends as well, and tells nobody."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "SCCPShowDevices")
        play.ignore()
        play.frames(2, FORGED)
        play.ignore()
        play.gone(1)
        play.at(1.0)
        assert play.router.status(1.0)[0].links[1].in_flight == 0
        assert play.router.counters("pbx").answers == 0


def test_a_proper_answer_after_a_doubtful_one_counts() -> None:
    """It was a forgery after all; a list has its whole time."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "CoreShowChannels", ActionID="a")
        play.ignore()
        play.frames(2, FORGED)
        play.ignore()
        play.frames(2, raw(("Response", "Success"), ("ActionID", "amp9f3.1.1-a"), ("EventList", "start")))
        play.ignore()
        play.frames(2, FORGED)
        play.expect(SendToClient(1, frame(("Response", "Success"), ("Message", "forged"), SERVER)))
        play.at(59.0)
        play.expect()
        play.frames(2, raw(("Event", "X"), ("ActionID", "amp9f3.1.1-a"), ("EventList", "Complete")))
        assert len(play.ignore()) == 1


def test_an_event_without_action_id_is_the_askers() -> None:
    """Of an older list, or one that a module sends so; it ends nothing."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping", ActionID="a")
        play.expect_sent(2, wire("Ping", "amp9f3.1.1-a"))
        play.frames(2, raw(("Event", "PeerEntry")))
        play.expect_told(1, ("Event", "PeerEntry"))
        play.at(2.0)
        assert play.router.status(2.0)[0].links[1].in_flight == 1


def test_the_other_pieces_of_an_own_answer_on_a_shared_link() -> None:
    """In single mode the intake hands them over in their place."""
    with Playbook() as play:
        play.bring_up()
        play.own_answers(b"rest")
        play.expect()
        assert play.router.counters("pbx").dropped_strays == 1
