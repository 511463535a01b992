"""What an operator does to a server: paused, resumed, reconnected."""

from __future__ import annotations

import pytest

from amp.core.routing.commands import Announce, CloseLink, OpenLink, SendToClient
from amp.core.routing.events import LinkLost
from amp.errors import LocalProtocolError
from core.routing.playbook import ACTIONS, EVENTS, PBX, VERSION, Playbook, frame, raw, wire

ERROR = ("Response", "Error")


def refused(number: int, original: str, server: str = "pbx") -> SendToClient:
    message = f"Not sent: server {server} is paused"
    return SendToClient(
        number, frame(ERROR, ("ActionID", original), ("Message", message), ("Server", server))
    )


def test_a_paused_server_takes_nothing_new_and_answers_what_it_was_asked() -> None:
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping", ActionID="7")
        play.expect_sent(2, wire("Ping", "amp9f3.1.1-7"))
        assert play.router.pause("pbx") == []
        assert [status.paused for status in play.router.status(0.0)] == [True]
        play.ask(1, "Ping", ActionID="8")
        play.expect(refused(1, "8"))
        play.frames(2, raw(("Response", "Success"), ("ActionID", "amp9f3.1.1-7")))
        play.expect(SendToClient(1, frame(("Response", "Success"), ("ActionID", "7"), ("Server", "pbx"))))
        play.router.resume("pbx")
        play.ask(1, "Ping", ActionID="9")
        play.expect_sent(2, wire("Ping", "amp9f3.1.3-9"))


def test_what_waits_to_be_sent_is_refused_as_well() -> None:
    """From the answer of amp pause on nothing goes out."""
    with Playbook() as play:
        play.bring_up()
        for client in range(1, PBX.max_sessions + 1):
            play.ask_ignored(client, "Originate", ActionID=str(client))
        waiting = play.router.status(0.0)[0].waiting
        play.unclaimed = play.router.pause("pbx")
        play.expect(*(refused(client, str(client)) for client in range(2, PBX.max_sessions + 1)))
        assert (waiting, play.router.status(0.0)[0].waiting) == (PBX.max_sessions - 1, 0)


def test_a_pause_outlasts_the_connection() -> None:
    with Playbook() as play:
        play.bring_up()
        play.router.pause("pbx")
        play.event(LinkLost("pbx", 1, "gone"))
        play.ignore()
        play.ask(1, "Ping", ActionID="1")
        play.expect(refused(1, "1"))
        play.ready(3)
        play.ignore()
        play.ready(4)
        play.expect(Announce("pbx", True, "", VERSION))
        play.ask(1, "Ping", ActionID="2")
        play.expect(refused(1, "2"))


def test_to_reconnect_closes_everything_and_waits_for_nothing() -> None:
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping", ActionID="7")
        play.expect_sent(2, wire("Ping", "amp9f3.1.1-7"))
        play.unclaimed = play.router.reconnect("pbx", "by hand", play.now)
        message = "Outcome unknown: server pbx was lost before it answered (by hand)"
        play.expect(
            CloseLink("pbx", 1),
            CloseLink("pbx", 2),
            OpenLink("pbx", 3, EVENTS, 0.0),
            SendToClient(1, frame(ERROR, ("ActionID", "7"), ("Message", message), ("Server", "pbx"))),
            Announce("pbx", False, "by hand", ""),
        )
        play.ready(3)
        play.expect(OpenLink("pbx", 4, ACTIONS, 0.0))


def test_to_reconnect_ends_a_backoff() -> None:
    with Playbook() as play:
        play.bring_up()
        play.event(LinkLost("pbx", 1, "gone"))
        play.ignore()
        play.event(LinkLost("pbx", 3, "refused"))
        (opening,) = play.ignore()
        assert isinstance(opening, OpenLink)
        assert opening.delay_s > 0
        play.unclaimed = play.router.reconnect("pbx", "by hand", play.now)
        play.expect(CloseLink("pbx", 4), OpenLink("pbx", 5, EVENTS, 0.0))


def test_only_what_is_there() -> None:
    with Playbook() as play:
        play.bring_up()
        with pytest.raises(LocalProtocolError, match="no server nix"):
            play.router.pause("nix")
        with pytest.raises(LocalProtocolError, match="no server nix"):
            play.router.resume("nix")
        with pytest.raises(LocalProtocolError, match="no server nix"):
            play.router.reconnect("nix", "", 0.0)


def test_while_amp_stops_nothing_is_opened_again() -> None:
    with Playbook() as play:
        play.bring_up()
        play.unclaimed = play.router.shutdown()
        play.expect(CloseLink("pbx", 1), CloseLink("pbx", 2))
        assert play.router.reconnect("pbx", "by hand", play.now) == []
