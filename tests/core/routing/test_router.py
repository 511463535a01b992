"""Who gets which answer."""

from __future__ import annotations

from amp.core.routing.commands import (
    CloseClient,
    CloseLink,
    CountDenial,
    PauseClient,
    ResumeClient,
    SendToClient,
    SendToLink,
)
from amp.core.routing.events import ClientGone
from amp.core.routing.settings import LinksConfig, RouterLimits
from core.routing.playbook import EVENTS, Playbook, frame, raw, wire

OTHER = LinksConfig(name="other", hosts=("192.0.2.2",))


def done(wire_id: str, *headers: tuple[str, str]) -> bytes:
    return raw(("Response", "Success"), ("ActionID", wire_id), *headers)


def test_response_returns_to_the_client_that_asked() -> None:
    """A response carries the ActionID its client chose, not the one on the wire, and its server last."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping", ActionID="7")
        play.expect_sent(2, wire("Ping", "amp9f3.1.1-7"))
        play.frames(2, done("amp9f3.1.1-7", ("Ping", "Pong")))
        play.expect_told(1, ("Response", "Success"), ("ActionID", "7"), ("Ping", "Pong"))


def test_equal_action_ids_of_two_clients_are_two() -> None:
    """And of one client, too: answers then come in the order of the actions (recording actionid-twins)."""
    with Playbook() as play:
        play.bring_up()
        for client, wire_id in [(1, "amp9f3.1.1-7"), (2, "amp9f3.2.1-7"), (1, "amp9f3.1.2-7")]:
            play.ask(client, "Ping", ActionID="7")
            play.expect_sent(2, wire("Ping", wire_id))
        for client, wire_id in [(1, "amp9f3.1.1-7"), (2, "amp9f3.2.1-7"), (1, "amp9f3.1.2-7")]:
            play.frames(2, done(wire_id))
            play.expect_told(client, ("Response", "Success"), ("ActionID", "7"))


def test_an_action_without_action_id_gets_an_answer_without() -> None:
    """Though it has one on the wire, so that it finds its way."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.expect_sent(2, wire("Ping", "amp9f3.1.1-"))
        play.frames(2, done("amp9f3.1.1-"))
        play.expect_told(1, ("Response", "Success"))


def test_an_odd_action_id_comes_back_byte_for_byte() -> None:
    """Dashes, dots, blanks at the end and our own prefix included (recording actionid-odd)."""
    with Playbook() as play:
        play.bring_up()
        odd = "amp9f3.1.1-x  -.: é "
        play.ask(1, "Ping", ActionID=odd)
        play.expect_sent(2, wire("Ping", f"amp9f3.1.1-{odd}"))
        play.frames(2, done(f"amp9f3.1.1-{odd}"))
        play.expect_told(1, ("Response", "Success"), ("ActionID", odd))


def test_a_list_belongs_to_its_asker_until_it_is_complete() -> None:
    """Items come one by one, and the list is over at its mark."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "CoreShowChannels", ActionID="l")
        play.ignore()
        wire_id = "amp9f3.1.1-l"
        play.frames(
            2,
            done(wire_id, ("EventList", "start")),
            raw(("Event", "CoreShowChannel"), ("ActionID", wire_id)),
            raw(("Event", "CoreShowChannelsComplete"), ("ActionID", wire_id), ("EventList", "Complete")),
        )
        server = ("Server", "pbx")
        play.expect(
            SendToClient(
                1, frame(("Response", "Success"), ("ActionID", "l"), ("EventList", "start"), server)
            ),
            SendToClient(1, frame(("Event", "CoreShowChannel"), ("ActionID", "l"), server)),
            SendToClient(
                1,
                frame(
                    ("Event", "CoreShowChannelsComplete"),
                    ("ActionID", "l"),
                    ("EventList", "Complete"),
                    server,
                ),
            ),
        )
        play.frames(2, raw(("Event", "CoreShowChannel"), ("ActionID", wire_id)))
        play.expect()
        assert play.router.counters("pbx").late == 1
        assert play.router.counters("pbx").answers == 1


def test_an_answer_counts_only_once_and_only_on_its_link() -> None:
    """Late, doubled and misplaced answers go to nobody and are counted."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping", ActionID="7")
        play.ignore()
        play.own_answers(done("amp9f3.1.1-7"))
        play.expect()
        play.frames(2, done("amp9f3.1.1-7"))
        play.ignore()
        play.frames(2, done("amp9f3.1.1-7"), done("amp9f3.9.9-"))
        play.expect()
        assert play.router.counters("pbx").late == 3


def test_answers_to_a_client_that_is_gone_go_to_nobody() -> None:
    """The link stays busy until they came: Asterisk works on, whoever listens."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Command")
        play.ignore()
        play.gone(1)
        play.ask(2, "Ping")
        play.ignore()
        play.frames(2, raw(("Response", "Success"), ("ActionID", "amp9f3.1.1-")))
        play.expect_sent(2, wire("Ping", "amp9f3.2.1-"))
        play.ready(3)
        assert play.router.counters("pbx").late == 1


def test_a_client_that_goes_takes_what_was_not_sent_with_it() -> None:
    """It never reaches the server."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Command")
        play.ask_ignored(2, "Hangup")
        play.gone(2)
        play.frames(2, done("amp9f3.1.1-"))
        assert len(play.ignore()) == 1
        play.ready(3)
        assert play.router.status(0.0)[0].waiting == 0


def test_a_client_without_anything_may_go() -> None:
    """Most do."""
    with Playbook() as play:
        play.bring_up()
        play.event(ClientGone(5))
        play.answer_locally(6, b"")
        play.gone(6)


def test_a_down_server_is_told_at_once() -> None:
    """Before it was ever up, too."""
    with Playbook() as play:
        play.ignore()
        play.ask(1, "Ping", ActionID="7")
        text = "Not sent: server pbx is down (not connected yet)"
        play.expect_told(1, ("Response", "Error"), ("ActionID", "7"), ("Message", text))


def test_only_the_named_server_is_used() -> None:
    """By name or host; the header does not go upstream."""
    with Playbook(LinksConfig(name="pbx"), OTHER) as play:
        play.ignore()
        play.ready(2, server="other")
        play.ignore()
        play.ready(3, server="other")
        play.ignore()
        play.ask(1, "Ping", Server="192.0.2.2", ActionID="7")
        play.expect_sent(3, wire("Ping", "amp9f3.1.1-7"), server="other")
        play.ask(1, "Ping", ActionID="8")
        text = "Not sent: server pbx is down (not connected yet)"
        play.expect_told(1, ("Response", "Error"), ("ActionID", "8"), ("Message", text))
        play.ask(1, "Ping", Server="nix", ActionID="9")
        text = "Not sent: unknown server nix"
        play.expect(SendToClient(1, frame(("Response", "Error"), ("ActionID", "9"), ("Message", text))))
        play.ask(1, "Ping", pin="other", Server="pbx", ActionID="10")
        text = "Not sent: Server: pbx is not open to this user"
        refused = frame(("Response", "Error"), ("ActionID", "10"), ("Message", text))
        play.expect(CountDenial(1), SendToClient(1, refused))
        play.ask(1, "Ping", pin="pbx", also=("other",), Server="other", ActionID="11")
        play.expect_sent(3, wire("Ping", "amp9f3.1.5-11"), server="other")


def test_what_asterisk_would_refuse_is_refused_in_its_words() -> None:
    """The connection lives on, and nothing was sent."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping", ActionID="7", Long="x" * 1020)
        text = "Failed to parse message: line too long"
        play.expect_told(1, ("Response", "Error"), ("ActionID", "7"), ("Message", text))
        play.ask(1, "Ping")
        play.expect_sent(2, wire("Ping", "amp9f3.1.2-"))


def test_local_answers_keep_their_place() -> None:
    """A client without ActionIDs pairs answers by their order."""
    with Playbook() as play:
        play.bring_up()
        play.answer_locally(1, b"first")
        play.expect(SendToClient(1, b"first"))
        play.ask(1, "Ping")
        play.ask_ignored(1, "Ping")
        play.answer_locally(1, b"third")
        play.ask(1, "Ping", Server="nix")
        play.answer_locally(1, b"fifth", closes=True)
        play.expect()
        play.frames(2, done("amp9f3.1.1-"))
        play.expect_told(1, ("Response", "Success"))
        play.frames(2, done("amp9f3.1.2-"))
        told = frame(("Response", "Error"), ("Message", "Not sent: unknown server nix"))
        play.expect(
            SendToClient(1, frame(("Response", "Success"), ("Server", "pbx"))),
            SendToClient(1, b"third"),
            SendToClient(1, told),
            SendToClient(1, b"fifth"),
            CloseClient(1),
        )


def test_the_end_of_input_closes_behind_the_answers() -> None:
    """Source: recording half-close."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping", ActionID="7")
        play.ignore()
        play.answer_locally(1, b"", closes=True)
        play.expect()
        play.frames(2, done("amp9f3.1.1-7"))
        assert play.ignore()[1:] == [CloseClient(1)]


def test_an_error_with_an_action_id_needs_no_place() -> None:
    """It is found by its ActionID, so it need not wait."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.ignore()
        play.ask(1, "Ping", Server="nix", ActionID="7")
        assert len(play.ignore()) == 1


def test_a_client_with_too_many_unanswered_actions_is_paused() -> None:
    """Asterisk reads no further either while it works. What comes nevertheless gets an error."""
    with Playbook(limits=RouterLimits(order_hold_s=0, actions_per_client=4)) as play:
        play.bring_up()
        for _ in range(3):
            play.ask_ignored(1, "Ping", ActionID="x")
        play.ask(1, "Ping", ActionID="x")
        play.expect(SendToLink("pbx", 2, wire("Ping", "amp9f3.1.4-x")), PauseClient(1))
        play.ask(1, "Ping", ActionID="y")
        text = "Not sent: 4 actions of this client are unanswered already"
        play.expect_told(1, ("Response", "Error"), ("ActionID", "y"), ("Message", text))
        play.frames(2, done("amp9f3.1.1-x"))
        assert len(play.ignore()) == 1
        play.frames(2, done("amp9f3.1.2-x"))
        assert play.ignore()[1:] == [ResumeClient(1)]


def test_waiting_local_answers_count_for_the_pause() -> None:
    """They take memory as well."""
    with Playbook(limits=RouterLimits(order_hold_s=0, actions_per_client=2)) as play:
        play.bring_up()
        play.ask(1, "Ping")
        play.ignore()
        play.answer_locally(1, b"a")
        play.expect(PauseClient(1))
        play.frames(2, done("amp9f3.1.1-"))
        assert play.ignore()[1:] == [SendToClient(1, b"a"), ResumeClient(1)]


def test_a_servers_own_server_header_is_kept_apart() -> None:
    """``Server:`` is amp's word."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Ping", ActionID="7")
        play.ignore()
        play.frames(2, done("amp9f3.1.1-7", ("Server", "forged")))
        play.expect_told(1, ("Response", "Success"), ("ActionID", "7"), ("UserServer", "forged"))


def test_shutting_down_leaves_nobody_without_an_answer() -> None:
    """And no link open; who asks afterwards is told."""
    with Playbook() as play:
        play.bring_up()
        play.ask(1, "Command", ActionID="a")
        play.ask_ignored(2, "Command", ActionID="b")
        play.unclaimed = play.router.shutdown()
        unknown = "Outcome unknown: amp is shutting down, server pbx had not answered"
        not_sent = "Not sent: amp is shutting down"
        server = ("Server", "pbx")
        play.expect(
            CloseLink("pbx", 1),
            CloseLink("pbx", 2),
            CloseLink("pbx", 3),
            SendToClient(1, frame(("Response", "Error"), ("ActionID", "a"), ("Message", unknown), server)),
            SendToClient(2, frame(("Response", "Error"), ("ActionID", "b"), ("Message", not_sent), server)),
        )
        play.lost(1)
        play.own_answers(done("amp9f3.1.1-a"))
        play.ask(1, "Ping", ActionID="c")
        text = "Not sent: server pbx is down (amp is shutting down)"
        play.expect_told(1, ("Response", "Error"), ("ActionID", "c"), ("Message", text))
        play.at(1e6)


def test_shutting_down_before_anything_is_up() -> None:
    """Stopped while connecting."""
    with Playbook() as play:
        play.ignore()
        play.unclaimed = play.router.shutdown()
        play.expect(CloseLink("pbx", 1))
        play.unclaimed = play.router.shutdown()
        play.expect()
        assert EVENTS.value == "events"


def test_it_tells_whether_anything_is_still_to_come() -> None:
    """For those who wait for a whole answer: until the end of a list, and of nobody else's action."""
    with Playbook() as play:
        play.bring_up()
        assert not play.router.is_unanswered(1, b"7")
        play.ask_ignored(1, "CoreShowChannels", ActionID="7")
        assert play.router.is_unanswered(1, b"7")
        assert not play.router.is_unanswered(1, b"8")
        assert not play.router.is_unanswered(2, b"7")
        play.frames(2, done("amp9f3.1.1-7", ("EventList", "start")))
        play.ignore()
        assert play.router.is_unanswered(1, b"7")
        play.frames(2, raw(("Event", "End"), ("ActionID", "amp9f3.1.1-7"), ("EventList", "Complete")))
        play.ignore()
        assert not play.router.is_unanswered(1, b"7")
        assert play.router.limits.actions_per_client == RouterLimits().actions_per_client
