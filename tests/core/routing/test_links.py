"""Which links a server has, and when it is up."""

from __future__ import annotations

import math

from amp.core.routing.commands import Announce, CloseLink, OpenLink, SendToLink, Warn
from amp.core.routing.events import LinkConnected, LinkFrames, LinkLost, LinkReady, LinkRefused, RouterEvent
from amp.core.routing.link import LinkState
from amp.core.routing.settings import LinksConfig
from core.routing.playbook import ACTIONS, EVENTS, PBX, SINGLE, VERSION, Playbook, raw, wire

SHARED_NOW = "a second session was refused: Too many; events and actions share one from now on"
APART_NOW = "a second session was accepted: events and actions are apart again"
SMALL = LinksConfig(name="pbx", max_sessions=2)


def fall_back(play: Playbook) -> None:
    """The server lets amp in once only."""
    play.expect(OpenLink("pbx", 1, EVENTS, 0.0))
    play.ready(1)
    play.expect(OpenLink("pbx", 2, ACTIONS, 0.0))
    play.refused(2, "Too many")
    play.expect(Warn("pbx", SHARED_NOW), Announce("pbx", True, "", VERSION))


def test_the_event_link_leads() -> None:
    """Actions are of no use while nobody hears the events; a refusal of the second login tells something."""
    with Playbook() as play:
        play.bring_up()


def test_amp_starts_with_no_servers() -> None:
    """And waits for nothing."""
    with Playbook() as play:
        play.ignore()
        play.router.start(0.0)
    assert play.router.next_deadline() == math.inf


def test_a_server_that_cannot_be_reached_is_tried_ever_more_rarely() -> None:
    """Every attempt has a number of its own, and nothing is announced of what was never up."""
    with Playbook() as play:
        play.expect(OpenLink("pbx", 1, EVENTS, 0.0))
        for link, delay_s in [(1, 1.0), (2, 2.0), (3, 4.0)]:
            play.lost(link, "refused")
            play.expect(OpenLink("pbx", link + 1, EVENTS, delay_s))
        play.ready(4)
        play.expect(OpenLink("pbx", 5, ACTIONS, 0.0))
        play.lost(4)
        play.expect(CloseLink("pbx", 5), OpenLink("pbx", 6, EVENTS, 1.0))


def test_a_refused_login_is_retried_at_the_cap_and_shown() -> None:
    """It never stops amp."""
    with Playbook() as play:
        play.expect(OpenLink("pbx", 1, EVENTS, 0.0))
        play.refused(1)
        warning = Warn("pbx", "login refused: Authentication failed; trying again")
        play.expect(warning, OpenLink("pbx", 2, EVENTS, 60.0))
        assert play.router.counters("pbx").logins_refused == 1
        assert play.router.status(0.0)[0].reason == "login refused: Authentication failed"


def test_losing_the_event_link_closes_all() -> None:
    """One process and one host again: nothing half-dead is kept."""
    with Playbook() as play:
        play.bring_up()
        play.lost(1, "closed\r\nby server")
        down = Announce("pbx", False, "closed??by server", "")
        play.expect(CloseLink("pbx", 2), OpenLink("pbx", 3, EVENTS, 1.0), down)
        play.ready(3)
        play.expect(OpenLink("pbx", 4, ACTIONS, 0.0))
        play.ready(4)
        play.expect(Announce("pbx", True, "", VERSION))


def test_losing_the_action_link_is_not_losing_the_server() -> None:
    """The event stream is untouched; another link is opened, later and later."""
    with Playbook() as play:
        play.bring_up()
        play.lost(2)
        play.expect(OpenLink("pbx", 3, ACTIONS, 1.0))
        play.lost(3)
        play.expect(OpenLink("pbx", 4, ACTIONS, 2.0))
        play.ready(4)
        play.lost(4)
        play.expect(OpenLink("pbx", 5, ACTIONS, 1.0))
        assert play.router.counters("pbx").links_lost == 3


def test_what_happens_to_links_that_are_over_is_ignored() -> None:
    """The shell need not know what the router has closed."""
    with Playbook() as play:
        play.bring_up()
        events: list[RouterEvent] = [
            LinkConnected("pbx", 9),
            LinkReady("pbx", 9, "x"),
            LinkRefused("pbx", 9, "x"),
            LinkLost("pbx", 9, "x"),
            LinkFrames("pbx", 9, [b"Response: Success"]),
        ]
        for event in events:
            play.event(event)
            play.expect()
        assert play.router.counters("pbx").late == 1


def test_a_second_login_refused_makes_the_two_one() -> None:
    """``allowmultiplelogin = no``: actions go over the event link."""
    with Playbook() as play:
        fall_back(play)
        play.ask(1, "Ping")
        play.expect_sent(1, wire("Ping", "amp9f3.1.1-"))
        assert play.router.status(0.0)[0].single


def test_a_second_session_is_tried_again_more_and_more_rarely() -> None:
    """A refusal repeated is not news, and log watchers ban who is refused too often."""
    with Playbook() as play:
        fall_back(play)
        play.at(60.0)
        play.expect(OpenLink("pbx", 3, ACTIONS, 0.0))
        play.refused(3)
        play.expect()
        play.at(179.0)
        play.expect()
        play.at(180.0)
        play.expect(OpenLink("pbx", 4, ACTIONS, 0.0))
        play.lost(4)
        play.at(420.0)
        play.expect(OpenLink("pbx", 5, ACTIONS, 0.0))
        play.ready(5)
        play.expect(Warn("pbx", APART_NOW))
        play.ask(1, "Ping")
        play.expect_sent(5, wire("Ping", "amp9f3.1.1-"))


def test_the_way_back_to_two_sessions_keeps_a_clients_order() -> None:
    """What is on the event link is answered first."""
    with Playbook() as play:
        fall_back(play)
        play.at(30.0)
        play.ask(1, "Ping", ActionID="a")
        play.expect_sent(1, wire("Ping", "amp9f3.1.1-a"))
        play.at(60.0)
        play.expect(OpenLink("pbx", 3, ACTIONS, 0.0))
        play.now = 60.01
        play.ready(3)
        play.expect(Warn("pbx", APART_NOW))
        play.ask(1, "Ping", ActionID="b")
        play.expect()
        play.ask(2, "Ping")
        play.expect_sent(3, wire("Ping", "amp9f3.2.1-"))
        play.own_answers(raw(("Response", "Success"), ("ActionID", "amp9f3.1.1-a")))
        assert play.ignore()[1:] == [SendToLink("pbx", 3, wire("Ping", "amp9f3.1.2-b"))]


def test_one_session_stays_one_over_a_reconnect() -> None:
    """The server does not change its mind by being restarted; the next try comes when it would have."""
    with Playbook() as play:
        fall_back(play)
        play.lost(1)
        play.expect(OpenLink("pbx", 3, EVENTS, 1.0), Announce("pbx", False, "closed by server", ""))
        play.at(70.0)
        play.expect()
        play.ready(3)
        play.expect(Announce("pbx", True, "", VERSION))
        play.at(70.0)
        play.expect(OpenLink("pbx", 4, ACTIONS, 0.0))
        play.lost(3)
        play.expect(
            CloseLink("pbx", 4),
            OpenLink("pbx", 5, EVENTS, 1.0),
            Announce("pbx", False, "closed by server", ""),
        )
        play.at(75.0)
        play.ready(5)
        play.expect(Announce("pbx", True, "", VERSION))
        play.at(75.0)
        play.expect(OpenLink("pbx", 6, ACTIONS, 0.0))


def test_configured_single_never_tries_two() -> None:
    """For who wants one connection only."""
    with Playbook(SINGLE) as play:
        play.bring_up_single()
        play.at(10_000.0)
        play.lost(1)
        play.expect(OpenLink("pbx", 2, EVENTS, 1.0), Announce("pbx", False, "closed by server", ""))
        play.ready(2)
        play.expect(Announce("pbx", True, "", VERSION))
        play.at(20_000.0)


def test_a_further_session_refused_is_no_fallback() -> None:
    """There is one that works; amp goes on with fewer, and asks again later."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Command")
        play.ignore()
        play.ask(2, "Ping")
        play.expect(OpenLink("pbx", 3, ACTIONS, 0.0))
        play.refused(3, "Too many")
        play.expect(Warn("pbx", "another session was refused: Too many; going on with fewer"))
        play.at(59.0)
        play.ask(3, "Ping")
        play.expect()
        play.at(60.0)
        assert OpenLink("pbx", 4, ACTIONS, 0.0) in play.ignore()


def test_a_further_link_that_fails_is_not_tried_at_once() -> None:
    """Its delay grows as any other's."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Command")
        play.ignore()
        play.ask(2, "Ping")
        play.expect(OpenLink("pbx", 3, ACTIONS, 0.0))
        play.lost(3)
        play.expect()
        play.at(1.0)
        play.expect(OpenLink("pbx", 4, ACTIONS, 0.0))
        play.ready(4)
        play.expect_sent(4, wire("Ping", "amp9f3.2.1-"))
        play.lost(4)
        assert play.ignore()[0].client == 2  # type: ignore[union-attr]  # a failed action, and no new link


def test_idle_links_are_closed_but_one() -> None:
    """The first stays, the others after ``idle_s``."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Command")
        play.ignore()
        play.ask(2, "Ping", ActionID="x")
        play.expect(OpenLink("pbx", 3, ACTIONS, 0.0))
        play.ready(3)
        play.expect_sent(3, wire("Ping", "amp9f3.2.1-x"))
        play.at(10.0)
        play.frames(3, raw(("Response", "Success"), ("ActionID", "amp9f3.2.1-x")))
        play.expect_told(2, ("Response", "Success"), ("ActionID", "x"))
        play.at(39.9)
        play.expect()
        play.at(40.0)
        play.expect(CloseLink("pbx", 3))
        play.at(59.0)


def test_a_working_link_is_not_idle() -> None:
    """However long it takes."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.ignore()
        play.now = 0.1
        play.ask(2, "Originate", Timeout="100000")
        play.expect(OpenLink("pbx", 3, ACTIONS, 0.0))
        play.ready(3)
        play.expect_sent(3, wire("Originate", "amp9f3.2.1-", Timeout="100000"))
        play.frames(2, raw(("Response", "Success"), ("ActionID", "amp9f3.1.1-")))
        play.ignore()
        play.at(100.0)


def test_no_more_links_than_allowed_are_opened() -> None:
    """``max_sessions`` counts the action links."""
    with Playbook(SMALL) as play:
        play.bring_up()
        play.ask(1, "Command")
        play.ignore()
        play.ask(2, "Command")
        play.expect(OpenLink("pbx", 3, ACTIONS, 0.0))
        play.ask(3, "Command")
        play.expect()
        play.ready(3)
        play.expect()  # the last link is for short actions
        play.ask(4, "Ping")
        play.expect_sent(3, wire("Ping", "amp9f3.4.1-"))


def test_the_state_of_a_link_can_be_seen() -> None:
    """For the console."""
    with Playbook(PBX) as play:
        play.expect(OpenLink("pbx", 1, EVENTS, 0.0))
        play.lost(1, "refused")
        play.ignore()
        phases = [play.router.status(0.5)[0].links[0].state, play.router.status(1.5)[0].links[0].state]
        play.event(LinkConnected("pbx", 2))
        phases.append(play.router.status(1.5)[0].links[0].state)
        play.ready(2)
        play.ignore()
        phases.append(play.router.status(1.5)[0].links[0].state)
        expected = [LinkState.BACKOFF, LinkState.CONNECTING, LinkState.LOGIN, LinkState.READY]
        assert phases == expected


def test_the_work_of_a_server_can_be_seen() -> None:
    """How much waits, and how old the oldest on each link is."""
    with Playbook(SMALL) as play:
        play.bring_up()
        for client in (1, 2):
            play.ask(client, "Command")
            play.ignore()
        status = play.router.status(3.0)[0]
        assert (status.up, status.waiting, status.version) == (True, 1, VERSION)
        assert [(link.in_flight, link.oldest_s) for link in status.links] == [(0, 0.0), (1, 3.0), (0, 0.0)]
