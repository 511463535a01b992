"""Servers that come and go while amp runs."""

from __future__ import annotations

import pytest

from amp.core.routing.commands import Announce, CloseLink, OpenLink, SendToClient
from amp.core.routing.events import LinkConnected
from amp.core.routing.settings import LinksConfig
from amp.errors import LocalProtocolError
from core.routing.playbook import ACTIONS, EVENTS, VERSION, Playbook, frame, raw, wire

NEW = LinksConfig(name="new", hosts=("192.0.2.7",))
ERROR = ("Response", "Error")


def test_a_new_server_is_opened_and_used() -> None:
    """By name and host, with link numbers never used before."""
    with Playbook() as play:
        play.bring_up()
        play.unclaimed = play.router.add_server(NEW, play.now)
        play.expect(OpenLink("new", 3, EVENTS, 0.0))
        play.ready(3, "new")
        play.expect(OpenLink("new", 4, ACTIONS, 0.0))
        play.ready(4, "new")
        play.expect(Announce("new", True, "", VERSION))
        play.ask(1, "Ping", Server="192.0.2.7")
        play.expect_sent(4, wire("Ping", "amp9f3.1.1-"), server="new")
        play.ask(1, "Ping")
        play.expect_sent(2, wire("Ping", "amp9f3.1.2-"))
        assert [status.name for status in play.router.status(0.0)] == ["pbx", "new"]


def test_a_name_is_taken_once() -> None:
    """And only what is there can be dropped."""
    with Playbook() as play:
        play.bring_up()
        with pytest.raises(LocalProtocolError, match="a server pbx already"):
            play.router.add_server(LinksConfig(name="pbx"), 0.0)
        with pytest.raises(LocalProtocolError, match="no server nix"):
            play.router.drop_server("nix")


def test_a_dropped_server_ends_its_actions() -> None:
    """Sent and unsent ones; its links are closed, and it is told last."""
    with Playbook(LinksConfig(name="pbx", max_sessions=1)) as play:
        play.bring_up()
        play.ask(1, "Command", ActionID="a")
        play.ask_ignored(2, "Command", ActionID="b")
        play.unclaimed = play.router.drop_server("pbx")
        texts = [f"{what}: server pbx was dropped" for what in ("Outcome unknown", "Not sent")]
        server = ("Server", "pbx")
        play.expect(
            CloseLink("pbx", 1),
            CloseLink("pbx", 2),
            SendToClient(1, frame(ERROR, ("ActionID", "a"), ("Message", texts[0]), server)),
            SendToClient(2, frame(ERROR, ("ActionID", "b"), ("Message", texts[1]), server)),
            Announce("pbx", False, "dropped", ""),
        )
        play.ask(1, "Ping")
        text = "Not sent: no server is configured"
        play.expect(SendToClient(1, frame(ERROR, ("Message", text))))
        play.at(1000.0)


def test_what_is_told_of_a_dropped_server_means_nothing() -> None:
    """The shell may be in the middle of it."""
    with Playbook() as play:
        play.ignore()
        play.unclaimed = play.router.drop_server("pbx")
        play.expect(CloseLink("pbx", 1))  # it was never up, so nothing went down
        play.event(LinkConnected("pbx", 1))
        play.ready(1)
        play.refused(1)
        play.lost(1)
        play.frames(1, raw(("Response", "Success")))
        play.own_answers(raw(("Response", "Success")))
        play.gone(1)
        play.expect()


def test_a_name_may_come_back() -> None:
    """As another server: what the old one's links say is not heard."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping", ActionID="7")
        play.ignore()
        play.unclaimed = play.router.drop_server("pbx")
        play.ignore()
        play.unclaimed = play.router.add_server(LinksConfig(name="pbx"), play.now)
        play.bring_up(events=3, actions=4)
        play.frames(2, raw(("Response", "Success"), ("ActionID", "amp9f3.1.1-7")))
        play.lost(1)
        play.expect()
        play.ask(1, "Ping", ActionID="8")
        play.expect_sent(4, wire("Ping", "amp9f3.1.2-8"))
