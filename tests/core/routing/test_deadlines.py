"""What time does to actions."""

from __future__ import annotations

from amp.core.routing.commands import CloseLink, OpenLink, SendToClient, SendToLink
from amp.core.routing.settings import LinksConfig, RouterLimits
from core.routing.playbook import ACTIONS, SINGLE, Playbook, frame, raw, wire

NO_ANSWER = ("Message", "Outcome unknown: no answer from server pbx within 60 s")
ERROR = ("Response", "Error")
SERVER = ("Server", "pbx")
LOST_LINK = ("Message", "Outcome unknown: server pbx no longer answers on this link")


def done(wire_id: str) -> bytes:
    return raw(("Response", "Success"), ("ActionID", wire_id))


def item(wire_id: str) -> bytes:
    return raw(("Event", "Item"), ("ActionID", wire_id))


def test_an_action_without_an_answer_gets_an_error() -> None:
    """It tells that the action may have been done."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping", ActionID="7")
        play.ignore()
        play.at(59.9)
        play.expect()
        play.at(60.0)
        play.expect_told(1, ERROR, ("ActionID", "7"), NO_ANSWER)
        assert play.router.counters("pbx").unknown == 1


def test_a_link_is_busy_until_its_late_answer_came() -> None:
    """Asterisk works one action at a time, so nobody is put behind it, and the answer goes to nobody."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.ignore()
        play.at(60.0)
        play.ignore()
        play.ask(1, "Ping")
        play.expect(OpenLink("pbx", 3, ACTIONS, 0.0))
        play.now = 70.0
        play.frames(2, done("amp9f3.1.1-"))
        play.expect_sent(2, wire("Ping", "amp9f3.1.2-"))
        play.ready(3)
        assert play.router.counters("pbx").late == 1


def test_a_stuck_link_is_closed_after_a_grace() -> None:
    """What stands behind is told, and what waits goes elsewhere."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Originate", Timeout="1000", ActionID="slow")
        play.ask_ignored(1, "Originate", Timeout="100000", ActionID="next")
        play.at(31.0)
        text = "Outcome unknown: no answer from server pbx within 31 s"
        play.expect_told(1, ERROR, ("ActionID", "slow"), ("Message", text))
        play.at(61.0)
        play.expect(
            CloseLink("pbx", 2),
            OpenLink("pbx", 3, ACTIONS, 1.0),
            SendToClient(1, frame(ERROR, ("ActionID", "next"), LOST_LINK, SERVER)),
        )
        assert play.router.counters("pbx").stuck_links == 1


def test_a_stuck_link_of_a_client_that_is_gone_is_closed_too() -> None:
    """Its deadline runs though nobody waits."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Command")
        play.ignore()
        play.gone(1)
        play.at(89.9)
        play.expect()
        play.at(90.0)
        play.expect(CloseLink("pbx", 2), OpenLink("pbx", 3, ACTIONS, 1.0))
        assert play.router.counters("pbx").unknown == 0


def test_a_single_link_is_not_closed_for_being_late() -> None:
    """The events are on it, and its keepalive minds whether it lives. After the grace it is used again."""
    with Playbook(SINGLE) as play:
        play.bring_up_single()
        play.ask(1, "Ping")
        play.ignore()
        play.at(60.0)
        play.ignore()
        play.ask(2, "Ping")
        play.expect()
        play.at(90.0)
        play.expect_sent(1, wire("Ping", "amp9f3.2.1-"))


def test_behind_a_slow_action_one_waits_its_turn() -> None:
    """An action's time runs again, in full, when Asterisk gets to it."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Originate", Timeout="100000", ActionID="o")
        play.ask_ignored(1, "Ping", ActionID="p")
        play.at(100.0)
        play.expect()
        play.frames(2, done("amp9f3.1.1-o"))
        play.ignore()
        play.at(159.9)
        play.expect()
        play.at(160.0)
        play.expect_told(1, ERROR, ("ActionID", "p"), NO_ANSWER)


def test_all_behind_a_late_action_that_are_out_of_time_are_told_with_it() -> None:
    """In their order."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping", ActionID="a")
        play.ask_ignored(2, "Ping", ActionID="b")
        play.now = 0.01
        play.ask_ignored(3, "Ping", ActionID="c")
        play.at(60.0)
        play.expect(
            SendToClient(1, frame(ERROR, ("ActionID", "a"), NO_ANSWER, SERVER)),
            SendToClient(2, frame(ERROR, ("ActionID", "b"), NO_ANSWER, SERVER)),
        )
        play.at(60.01)
        play.expect_told(3, ERROR, ("ActionID", "c"), NO_ANSWER)
        play.at(80.0)
        play.frames(2, done("amp9f3.2.1-b"))
        play.expect()
        assert play.router.status(80.0)[0].links[1].in_flight == 1
        play.frames(2, done("amp9f3.3.1-c"))
        assert play.router.status(80.0)[0].links[1].in_flight == 0


def test_each_item_renews_a_lists_time() -> None:
    """A long list is not a slow one; one that stops ends with an event."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "CoreShowChannels", ActionID="l")
        play.ignore()
        play.frames(2, raw(("Response", "Success"), ("ActionID", "amp9f3.1.1-l"), ("EventList", "start")))
        play.ignore()
        for at in (50.0, 100.0):
            play.at(at)
            play.frames(2, item("amp9f3.1.1-l"))
            play.ignore()
        play.at(159.0)
        play.expect()
        play.at(160.0)
        cancelled = [("EventList", "Cancelled"), ("ListItems", "2"), NO_ANSWER, SERVER]
        play.expect(SendToClient(1, frame(("Event", "ProxyListError"), ("ActionID", "l"), *cancelled)))
        play.at(185.0)
        play.frames(2, item("amp9f3.1.1-l"))
        play.at(214.0)
        play.expect()
        play.at(215.0)
        play.expect(CloseLink("pbx", 2), OpenLink("pbx", 3, ACTIONS, 1.0))


def test_an_action_that_asterisk_passed_over_does_not_hold_up_the_link() -> None:
    """A later one was answered, so this one is done; its answer may still come, until its time is up."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Odd", ActionID="a")
        play.ask_ignored(1, "Ping", ActionID="b")
        play.ask_ignored(2, "Odd", ActionID="c")
        play.ask_ignored(2, "Ping", ActionID="d")
        play.frames(2, done("amp9f3.1.2-b"), done("amp9f3.2.2-d"))
        play.ignore()
        assert play.router.status(0.0)[0].links[1].in_flight == 0
        play.frames(2, done("amp9f3.2.1-c"))
        play.expect_told(2, ("Response", "Success"), ("ActionID", "c"))
        play.at(60.0)
        play.expect_told(1, ERROR, ("ActionID", "a"), NO_ANSWER)
        play.at(200.0)


def test_without_action_id_what_asterisk_passed_over_ends_before_the_later_answer() -> None:
    """Such a client would take it for the missing one, and every answer after it for the one before."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Odd")
        play.ignore()
        play.answer_locally(1, b"local")
        play.ask_ignored(1, "Ping")
        play.frames(2, done("amp9f3.1.2-"))
        text = "Outcome unknown: server pbx answered a later action instead"
        success = ("Response", "Success")
        play.expect(
            SendToClient(1, frame(ERROR, ("Message", text), SERVER)),
            SendToClient(1, b"local"),
            SendToClient(1, frame(success, SERVER)),
        )
        assert play.router.counters("pbx").unknown == 1
        play.frames(2, done("amp9f3.1.1-"))
        play.expect()
        assert play.router.counters("pbx").late == 1
        play.at(200.0)


def test_what_another_clients_answer_passed_over_has_its_time() -> None:
    """No answer of its own came yet, so nothing is out of order; its late answer ends what is before it."""
    with Playbook() as play:
        play.bring_up()
        for name in ("Odd", "Odder"):
            play.ask_ignored(1, name)
        play.ask_ignored(1, "Oddest", ActionID="a")
        play.ask_ignored(1, "Oddest")
        play.ask_ignored(2, "Ping")
        play.frames(2, done("amp9f3.2.1-"))
        play.expect_told(2, ("Response", "Success"))
        play.frames(2, done("amp9f3.1.2-"))
        text = "Outcome unknown: server pbx answered a later action instead"
        success = frame(("Response", "Success"), SERVER)
        error = SendToClient(1, frame(ERROR, ("Message", text), SERVER))
        play.expect(error, SendToClient(1, success))
        play.frames(2, done("amp9f3.1.4-"))
        play.expect(SendToClient(1, success))  # the one with an ActionID is found by that, also later
        play.frames(2, done("amp9f3.1.3-a"))
        play.expect_told(1, ("Response", "Success"), ("ActionID", "a"))


def test_a_late_action_that_asterisk_passed_over_is_over() -> None:
    """Nobody waits for it, and the link is free."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Odd", ActionID="a")
        play.ignore()
        play.gone(1)
        play.ask_ignored(2, "Ping", ActionID="b")
        play.frames(2, done("amp9f3.2.1-b"))
        play.ignore()
        assert play.router.status(0.0)[0].links[1].in_flight == 0
        play.at(100.0)


def test_a_passed_over_action_may_be_out_of_time_at_once() -> None:
    """Its own time went by behind a slow one."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Originate", Timeout="100000", ActionID="a")
        play.ask_ignored(1, "Odd", ActionID="b")
        play.ask_ignored(1, "Ping", ActionID="c")
        play.at(70.0)
        play.expect()
        play.frames(2, raw(("Response", "Success"), ("ActionID", "amp9f3.1.3-c"), ("EventList", "start")))
        play.ignore()
        play.at(70.0)
        play.expect_told(1, ERROR, ("ActionID", "b"), NO_ANSWER)


def test_what_waits_too_long_was_not_sent() -> None:
    """And the error says so; what it waited for is still going on."""
    with Playbook(LinksConfig(name="pbx", max_sessions=1)) as play:
        play.bring_up()
        play.ask(1, "Originate", Timeout="100000")
        play.ignore()
        play.at(1.0)
        play.ask(2, "Ping", ActionID="7")
        play.expect()
        play.at(60.9)
        play.expect()
        play.at(61.0)
        text = "Not sent: no link to server pbx was free within 60 s"
        play.expect_told(2, ERROR, ("ActionID", "7"), ("Message", text))
        play.frames(2, done("amp9f3.1.1-"))
        assert len(play.ignore()) == 1


def test_an_error_for_want_of_time_keeps_its_place_too() -> None:
    """Without ActionIDs the answer before it must come first."""
    with Playbook(LinksConfig(name="pbx", max_sessions=1)) as play:
        play.bring_up()
        play.ask(1, "Originate", Timeout="100000")
        play.ask_ignored(1, "Ping")
        play.answer_locally(1, b"local")
        play.frames(2, done("amp9f3.1.1-"))
        play.ignore()
        play.at(60.0)
        error = SendToClient(1, frame(ERROR, NO_ANSWER, SERVER))
        play.expect(error, SendToClient(1, b"local"))


def test_fences_are_minded_like_actions() -> None:
    """A server that answers nothing any more is left, though nobody waits."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Getvar")
        play.ignore()
        play.frames(2, done("amp9f3.1.1-"))
        play.ignore()
        play.at(90.0)
        play.expect(CloseLink("pbx", 2), OpenLink("pbx", 3, ACTIONS, 1.0))


def test_calling_too_early_does_nothing() -> None:
    """Or too often."""
    with Playbook(limits=RouterLimits()) as play:
        play.bring_up()
        assert play.router.handle_timeout(0.0) == []
        play.ask(1, "Ping")
        assert [type(command) for command in play.ignore()][1:] == [SendToLink]
        assert play.router.handle_timeout(0.1) == []
