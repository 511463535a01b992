"""Which link an action goes on."""

from __future__ import annotations

from amp.core.routing.commands import OpenLink, SendToLink
from amp.core.routing.settings import LinksConfig, RouterLimits
from core.routing.playbook import ACTIONS, SINGLE, Playbook, raw, wire

ONE = LinksConfig(name="pbx", max_sessions=1)
TWO = LinksConfig(name="pbx", max_sessions=2)


def done(wire_id: str) -> bytes:
    return raw(("Response", "Success"), ("ActionID", wire_id))


def fence(n: int) -> bytes:
    return wire("Ping", f"amp9f3.0.{n}-")


def test_young_links_are_shared() -> None:
    """An Asterisk answers most actions within a millisecond."""
    with Playbook() as play:
        play.bring_up()
        for client in (1, 2, 3):
            play.ask(client, "Ping")
            play.expect_sent(2, wire("Ping", f"amp9f3.{client}.1-"))


def test_a_link_with_an_old_action_gets_no_strangers() -> None:
    """A further link is opened; those who wait go out when it stands, or when the old one is done."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "QueueReset")
        play.ignore()
        play.now = 0.05
        play.ask(2, "Ping")
        play.expect_sent(2, wire("Ping", "amp9f3.2.1-"))
        play.now = 0.06
        play.ask(3, "Ping")
        play.expect(OpenLink("pbx", 3, ACTIONS, 0.0))
        play.ask(4, "Ping")
        play.expect(OpenLink("pbx", 4, ACTIONS, 0.0))
        play.frames(2, done("amp9f3.1.1-"))
        assert [command.data for command in play.ignore() if isinstance(command, SendToLink)] == [
            wire("Ping", "amp9f3.3.1-"),
            wire("Ping", "amp9f3.4.1-"),
        ]
        play.ready(3)
        play.ready(4)


def test_a_client_stays_on_its_link() -> None:
    """Pipelined actions keep their order, even behind its own slow one."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Command", ActionID="slow")
        play.ignore()
        play.now = 10.0
        play.ask(1, "Ping", ActionID="next")
        play.expect_sent(2, wire("Ping", "amp9f3.1.2-next"))


def test_nobody_is_put_behind_a_blocker() -> None:
    """Not even at once."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Originate", Channel="PJSIP/a")
        play.ignore()
        play.ask(2, "Ping")
        play.expect(OpenLink("pbx", 3, ACTIONS, 0.0))


def test_a_blocker_takes_an_idle_link() -> None:
    """What others wait for is not held up by it."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.ignore()
        play.ask(2, "Command")
        play.expect(OpenLink("pbx", 3, ACTIONS, 0.0))
        play.ready(3)
        play.expect_sent(3, wire("Command", "amp9f3.2.1-"))
        play.ask(3, "Ping")
        play.expect_sent(2, wire("Ping", "amp9f3.3.1-"))


def test_a_blocker_behind_its_clients_own_work_waits_for_it_on_a_shared_link() -> None:
    """Its order stays and the others on that link are not blocked. What comes behind it waits as well."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.ask_ignored(2, "Ping")
        play.ask(1, "Command")
        play.expect()
        play.ask(1, "Ping")
        play.expect()
        play.frames(2, done("amp9f3.1.1-"))
        assert not any(isinstance(command, SendToLink) for command in play.ignore())
        play.frames(2, done("amp9f3.2.1-"))
        assert play.ignore()[1:] == [
            SendToLink("pbx", 2, wire("Command", "amp9f3.1.2-")),
            SendToLink("pbx", 2, wire("Ping", "amp9f3.1.3-")),
        ]
        play.ready(3)


def test_a_blocker_goes_behind_its_clients_own_work_on_a_link_of_its_own() -> None:
    """Nobody else is there."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.ignore()
        play.ask(1, "Command")
        play.expect_sent(2, wire("Command", "amp9f3.1.2-"))


def test_blockers_leave_one_link_to_short_actions() -> None:
    """However many phones ring at a time, a Ping is answered at once; the last blocker waits for its turn."""
    with Playbook(TWO) as play:
        play.bring_up()
        play.ask(1, "Command")
        play.expect_sent(2, wire("Command", "amp9f3.1.1-"))
        play.ask(2, "Command")
        play.expect(OpenLink("pbx", 3, ACTIONS, 0.0))
        play.ready(3)
        assert not any(isinstance(command, SendToLink) for command in play.ignore())
        play.ask(3, "Ping")
        play.expect_sent(3, wire("Ping", "amp9f3.3.1-"))
        play.ask(3, "Command")  # nor behind work of its own
        play.expect()
        play.frames(3, done("amp9f3.3.1-"))
        assert not any(isinstance(command, SendToLink) for command in play.ignore())
        play.ask(1, "Command")  # but behind one that blocks already
        play.expect_sent(2, wire("Command", "amp9f3.1.2-"))


def test_raw_values_are_fenced_off() -> None:
    """What follows the answer without ActionID is the asker's until the pong (recording getvar-newline)."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Getvar", Variable="X", ActionID="g")
        play.expect_sent(2, wire("Getvar", "amp9f3.1.1-g", Variable="X") + fence(1))
        play.frames(2, raw(("Response", "Success"), ("ActionID", "amp9f3.1.1-g"), ("Value", "a")))
        play.expect_told(1, ("Response", "Success"), ("ActionID", "g"), ("Value", "a"))
        play.ask(2, "Ping")
        play.expect(OpenLink("pbx", 3, ACTIONS, 0.0))
        play.frames(2, raw(("Response", "Success"), ("Message", "forged")))
        play.expect_told(1, ("Response", "Success"), ("Message", "forged"))
        play.frames(2, raw(("Response", "Success"), ("ActionID", "amp9f3.0.1-"), ("Ping", "Pong")))
        play.expect_sent(2, wire("Ping", "amp9f3.2.1-"))
        play.ready(3)


def test_its_own_fence_does_not_stop_a_client() -> None:
    """Polling a variable needs one link, not two."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Getvar", ActionID="g")
        play.ignore()
        play.frames(2, done("amp9f3.1.1-g"))
        play.ignore()
        play.ask(1, "Getvar", ActionID="h")
        play.expect_sent(2, wire("Getvar", "amp9f3.1.2-h") + fence(2))


def test_a_busy_single_link_comes_to_an_exclusive_action_in_the_end() -> None:
    """Where no further link will ever be there, nothing new goes on one till it is idle."""
    with Playbook(ONE) as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.ignore()
        play.ask(2, "Command")
        play.expect()
        play.ask(3, "Ping")
        play.expect()
        play.ask(1, "Ping")
        play.expect()
        play.frames(2, done("amp9f3.1.1-"))
        assert play.ignore()[1:] == [SendToLink("pbx", 2, wire("Command", "amp9f3.2.1-"))]
        play.frames(2, done("amp9f3.2.1-"))
        assert play.ignore()[1:] == [
            SendToLink("pbx", 2, wire("Ping", "amp9f3.3.1-")),
            SendToLink("pbx", 2, wire("Ping", "amp9f3.1.2-")),
        ]


def test_a_reservation_ends_with_who_asked_for_it() -> None:
    """A client that goes does not leave a link shut."""
    with Playbook(ONE) as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.ignore()
        play.ask(2, "Command")
        play.gone(2)
        play.ask(3, "Ping")
        play.expect_sent(2, wire("Ping", "amp9f3.3.1-"))


def test_one_session_is_one_link_with_the_same_rules() -> None:
    """Answers come among the events."""
    with Playbook(SINGLE) as play:
        play.bring_up_single()
        play.ask(1, "Getvar", ActionID="g")
        play.expect_sent(1, wire("Getvar", "amp9f3.1.1-g") + fence(1))
        play.ask(2, "Ping", ActionID="p")
        play.expect()
        play.own_answers(done("amp9f3.1.1-g"))
        play.expect_told(1, ("Response", "Success"), ("ActionID", "g"))
        play.own_answers(done("amp9f3.0.1-"))
        play.expect_sent(1, wire("Ping", "amp9f3.2.1-p"))
        play.ask(3, "Command")
        play.expect()
        play.own_answers(done("amp9f3.2.1-p"))
        assert play.ignore()[1:] == [SendToLink("pbx", 1, wire("Command", "amp9f3.3.1-"))]


def test_actions_wait_while_the_only_action_link_is_opened_again() -> None:
    """The server is up; a link lost is a matter of seconds."""
    with Playbook() as play:
        play.bring_up()
        play.lost(2)
        play.expect(OpenLink("pbx", 3, ACTIONS, 1.0))
        play.ask(1, "Ping")
        play.expect()
        play.ask(1, "Ping")
        play.expect()
        play.ask(2, "Command")
        play.expect()
        play.ready(3)
        play.expect(
            SendToLink("pbx", 3, wire("Ping", "amp9f3.1.1-")),
            SendToLink("pbx", 3, wire("Ping", "amp9f3.1.2-")),
            OpenLink("pbx", 4, ACTIONS, 0.0),
        )


def test_waiting_actions_go_over_the_event_link_after_a_fallback() -> None:
    """They were not sent, so nothing is sent twice."""
    with Playbook() as play:
        play.bring_up()
        play.lost(2)
        play.ignore()
        play.ask(1, "Ping")
        play.expect()
        play.refused(3)
        assert play.ignore()[1:] == [SendToLink("pbx", 1, wire("Ping", "amp9f3.1.1-"))]


def test_a_full_server_says_so() -> None:
    """The queue is bounded, and nothing is dropped in silence."""
    with Playbook(limits=RouterLimits(order_hold_s=0, actions_per_server=2)) as play:
        play.bring_up()
        play.ask(1, "Command")
        play.ask_ignored(2, "Command")
        play.ask(3, "Ping", ActionID="x")
        message = "Not sent: 2 actions for server pbx are unanswered already"
        play.expect_told(3, ("Response", "Error"), ("ActionID", "x"), ("Message", message))
        assert play.router.counters("pbx").not_sent == 1
        play.frames(2, done("amp9f3.1.1-"))
        play.ignore()
        play.ask(3, "Ping")
        play.expect()


def test_the_link_is_not_given_up_while_it_works_on_a_blocker() -> None:
    """No Ping is answered meanwhile (recording originate-sync-blocks); what is behind adds to it."""
    with Playbook() as play:
        play.bring_up()
        play.now = 5.0
        silences = []
        for name in ("Originate", "Command", "Ping"):
            play.ask(1, name, Timeout="100000")
            silences += [each.silent_until for each in play.unclaimed if isinstance(each, SendToLink)]
            play.ignore()
        assert silences == [5 + 100 + 30 + 30, 165 + 60 + 30, 0]
