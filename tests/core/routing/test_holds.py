"""Events are held from an action until its answer, so that they cannot overtake it."""

from __future__ import annotations

from amp.core.routing.commands import HoldEvents, ReleaseEvents, SendToClient, SendToLink
from amp.core.routing.settings import LinksConfig, RouterLimits
from core.routing.playbook import SINGLE, Playbook, frame, raw, wire

HOLD, RELEASE = HoldEvents(1, "pbx"), ReleaseEvents(1, "pbx")
LIMITS = RouterLimits()


def done(wire_id: str) -> bytes:
    return raw(("Response", "Success"), ("ActionID", wire_id))


def sent(n: int) -> SendToLink:
    return SendToLink("pbx", 2, wire("Ping", f"amp9f3.1.{n}-"))


TOLD = SendToClient(1, frame(("Response", "Success"), ("Server", "pbx")))


def test_an_answer_comes_before_the_events_that_follow_it() -> None:
    """Held before the action goes out, let go behind its answer."""
    with Playbook(limits=LIMITS) as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.expect(HOLD, sent(1))
        play.frames(2, done("amp9f3.1.1-"))
        play.expect(TOLD, RELEASE)
        play.at(10.0)


def test_several_actions_hold_together() -> None:
    """Until the last of them is answered."""
    with Playbook(limits=LIMITS) as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.expect(HOLD, sent(1))
        play.ask(1, "Ping")
        play.expect(sent(2))
        play.frames(2, done("amp9f3.1.1-"))
        play.expect(TOLD)
        play.frames(2, done("amp9f3.1.2-"))
        play.expect(TOLD, RELEASE)


def test_a_list_holds_until_it_is_complete() -> None:
    """No item comes after its channel's Hangup."""
    with Playbook(limits=LIMITS) as play:
        play.bring_up()
        play.ask(1, "CoreShowChannels")
        play.ignore()
        play.frames(2, raw(("Response", "Success"), ("ActionID", "amp9f3.1.1-"), ("EventList", "start")))
        assert RELEASE not in play.ignore()
        play.frames(2, raw(("Event", "X"), ("ActionID", "amp9f3.1.1-"), ("EventList", "Complete")))
        assert play.ignore()[1:] == [RELEASE]


def test_a_slow_answer_holds_events_only_so_long() -> None:
    """Then they go out, once, and it is counted."""
    with Playbook(limits=LIMITS) as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.ignore()
        play.at(0.24)
        play.expect()
        play.at(0.25)
        play.expect(RELEASE)
        assert play.router.counters("pbx").holds_exceeded == 1
        play.at(1.0)
        play.frames(2, done("amp9f3.1.1-"))
        play.expect(TOLD)


def test_newer_actions_do_not_stretch_a_hold() -> None:
    """All goes out after a quarter of a second, then a new hold begins for what is young."""
    with Playbook(limits=LIMITS) as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.ignore()
        play.at(0.2)
        play.ask(1, "Ping")
        play.expect(sent(2))
        play.at(0.25)
        play.expect(RELEASE, HOLD)
        play.at(0.49)
        play.expect()
        play.at(0.5)
        play.expect(RELEASE)
        play.ask(1, "Ping")
        play.expect(HOLD, sent(3))
        play.frames(2, *(done(f"amp9f3.1.{n}-") for n in (1, 2, 3)))
        play.expect(TOLD, TOLD, TOLD, RELEASE)


def test_a_hold_ends_with_a_failure_too() -> None:
    """Behind the error."""
    with Playbook(limits=LIMITS) as play:
        play.bring_up()
        play.ask(1, "Ping", ActionID="x")
        play.ignore()
        play.lost(2)
        assert play.ignore()[-1] == RELEASE


def test_a_client_that_is_gone_is_not_released() -> None:
    """There is nothing left to let go of."""
    with Playbook(limits=LIMITS) as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.ignore()
        play.gone(1)
        play.expect()
        play.at(10.0)
        play.frames(2, done("amp9f3.1.1-"))
        play.expect()


def test_each_server_is_held_for_itself() -> None:
    """Another server's events have nothing to do with the answer."""
    with Playbook(LinksConfig(name="pbx"), LinksConfig(name="other"), limits=LIMITS) as play:
        play.ignore()
        for server, events, actions in (("pbx", 1, 3), ("other", 2, 4)):
            play.ready(events, server=server)
            play.ignore()
            play.ready(actions, server=server)
            play.ignore()
        play.ask(1, "Ping", Server="pbx")
        assert play.ignore()[0] == HOLD
        play.ask(1, "Ping", Server="other")
        assert play.ignore()[0] == HoldEvents(1, "other")
        play.gone(1)


def test_one_session_needs_no_hold() -> None:
    """Asterisk's own order is the right one."""
    with Playbook(SINGLE, limits=LIMITS) as play:
        play.bring_up_single()
        play.ask(1, "Ping")
        play.expect_sent(1, wire("Ping", "amp9f3.1.1-"))
