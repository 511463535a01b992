"""What becomes of actions when a link or a server is lost."""

from __future__ import annotations

from amp.core.routing.commands import Announce, CloseLink, OpenLink, SendToClient
from core.routing.playbook import ACTIONS, EVENTS, SINGLE, Playbook, frame, raw, wire

ERROR = ("Response", "Error")
SERVER = ("Server", "pbx")
DOWN = Announce("pbx", False, "closed by server", "")


def test_a_lost_server_ends_every_action() -> None:
    """What was sent as *outcome unknown*, what was not as *not sent*, and then everybody hears of it."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Command", ActionID="a")
        play.ask_ignored(2, "Command", ActionID="b")
        play.lost(1)
        unknown = "Outcome unknown: server pbx was lost before it answered (closed by server)"
        not_sent = "Not sent: server pbx was lost (closed by server)"
        play.expect(
            CloseLink("pbx", 2),
            CloseLink("pbx", 3),
            OpenLink("pbx", 4, EVENTS, 1.0),
            SendToClient(1, frame(ERROR, ("ActionID", "a"), ("Message", unknown), SERVER)),
            SendToClient(2, frame(ERROR, ("ActionID", "b"), ("Message", not_sent), SERVER)),
            DOWN,
        )
        play.ask(1, "Ping", ActionID="c")
        down = "Not sent: server pbx is down (closed by server)"
        play.expect_told(1, ERROR, ("ActionID", "c"), ("Message", down))
        play.frames(2, raw(("Response", "Success"), ("ActionID", "amp9f3.1.1-a")))
        play.expect()


def test_a_lost_action_link_ends_only_its_own() -> None:
    """What waits is sent on another one."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Command", ActionID="a")
        play.ask_ignored(2, "Ping", ActionID="b")
        play.ready(3)
        play.expect_sent(3, wire("Ping", "amp9f3.2.1-b"))
        play.lost(2)
        unknown = "Outcome unknown: the link to server pbx was lost before it answered (closed by server)"
        play.expect_told(1, ERROR, ("ActionID", "a"), ("Message", unknown))
        play.frames(3, raw(("Response", "Success"), ("ActionID", "amp9f3.2.1-b")))
        play.expect_told(2, ("Response", "Success"), ("ActionID", "b"))


def test_a_broken_list_ends_with_an_event() -> None:
    """Never in silence, and not as complete."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "CoreShowChannels")
        play.ignore()
        play.frames(2, raw(("Response", "Success"), ("ActionID", "amp9f3.1.1-"), ("EventList", "start")))
        play.ignore()
        play.lost(2)
        unknown = "Outcome unknown: the link to server pbx was lost before it answered (closed by server)"
        rest = [("EventList", "Cancelled"), ("ListItems", "0"), ("Message", unknown), SERVER]
        play.expect(
            OpenLink("pbx", 3, ACTIONS, 1.0), SendToClient(1, frame(("Event", "ProxyListError"), *rest))
        )


def test_answers_of_a_lost_server_to_clients_that_are_gone() -> None:
    """Nobody is told, nothing fails."""
    with Playbook(SINGLE) as play:
        play.bring_up_single()
        play.ask(1, "Getvar")
        play.ask_ignored(1, "Ping")
        play.gone(1)
        play.lost(1)
        play.expect(OpenLink("pbx", 2, EVENTS, 1.0), DOWN)
        assert play.router.counters("pbx").unknown == 0


def test_a_server_that_refuses_after_a_loss_is_still_down() -> None:
    """The old socket may be half-open; it is tried again and told once."""
    with Playbook() as play:
        play.bring_up()
        play.lost(1)
        play.expect(CloseLink("pbx", 2), OpenLink("pbx", 3, EVENTS, 1.0), DOWN)
        play.refused(3)
        assert play.ignore()[1:] == [OpenLink("pbx", 4, EVENTS, 60.0)]
        play.ready(4)
        play.ignore()


def test_actions_of_one_client_at_a_lost_server_end_in_order() -> None:
    """Also what it sent without ActionIDs, with an answer by amp itself behind."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.ask_ignored(1, "Ping", ActionID="b")
        play.answer_locally(1, b"local")
        play.lost(1)
        told = [command.data for command in play.ignore() if isinstance(command, SendToClient)]
        assert [data.count(b"ActionID") for data in told] == [0, 1, 0]
        assert told[2] == b"local"
