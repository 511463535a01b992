"""One action for several servers: a merged answer and its closing frame."""

from __future__ import annotations

import pytest

from amp.core.routing.commands import (
    Announce,
    CloseLink,
    Command,
    CountDenial,
    HoldEvents,
    OpenLink,
    PauseClient,
    ReleaseEvents,
    ResumeClient,
    SendToClient,
    SendToLink,
)
from amp.core.routing.settings import LinksConfig, RouterLimits
from core.routing.playbook import NO_HOLD, Playbook, frame, raw, wire

NAMES = ("pbx1", "pbx2", "pbx3")
ERROR = ("Response", "Error")
SUCCESS = ("Response", "Success")
DOWN = "Not sent: server pbx3 is down (not connected yet)"


class Fleet(Playbook):
    """Three servers, of which some are up; ``links`` tells their action links."""

    def __init__(self, *up: str, limits: RouterLimits = NO_HOLD) -> None:
        super().__init__(*(LinksConfig(name=name, max_sessions=1) for name in NAMES), limits=limits)
        self.up = up
        self.links: dict[str, int] = {}

    def __enter__(self) -> Fleet:
        super().__enter__()
        for number, name in enumerate(NAMES, 1):
            if name in self.up:
                self.ignore()
                self.ready(number, name)
                (opened,) = self.ignore()
                assert isinstance(opened, OpenLink)
                self.links[name] = opened.link
                self.ready(opened.link, name)
        self.ignore()
        return self

    def ask_all(self, name: str = "Ping", client: int = 1, server: str = "pbx*", **headers: str) -> None:
        self.ask(client, name, pin=None, also=(), fanout=True, Server=server, **headers)

    def say(self, server: str, *frames: bytes) -> None:
        self.frames(self.links[server], *frames, server=server)

    def sent(self, server: str, n: int, action_id: str = "7", name: str = "Ping") -> SendToLink:
        return SendToLink(server, self.links[server], wire(name, f"amp9f3.1.{n}-{action_id}"))


def done(n: int, *more: tuple[str, str], kind: tuple[str, str] = SUCCESS, action_id: str = "7") -> bytes:
    return raw(kind, ("ActionID", f"amp9f3.1.{n}-{action_id}"), *more)


def told(server: str, *more: tuple[str, str], kind: tuple[str, str] = SUCCESS) -> bytes:
    return frame(kind, ("ActionID", "7"), *more, ("Server", server))


def failed(server: str, text: str) -> bytes:
    return told(server, ("Message", text), kind=ERROR)


def closing(answers: int, errors: int = 0, missing: str = "", action_id: str = "7") -> bytes:
    count = len(missing.split(", ")) if missing else 0
    return frame(
        ("Event", "ProxyFanoutComplete"),
        *([("ActionID", action_id)] if action_id else []),
        ("EventList", "Complete"),
        ("Servers", str(answers + errors + count)),
        ("Answers", str(answers)),
        ("Errors", str(errors)),
        ("Missing", str(count)),
        *([("MissingServers", missing)] if missing else []),
    )


def hears(*frames: bytes) -> SendToClient:
    return SendToClient(1, b"".join(frames))


def test_every_server_is_asked_and_one_frame_closes_it() -> None:
    """Each with an id of its own; a dead one is told at once; the last answer brings the closing frame."""
    with Fleet("pbx1", "pbx2") as play:
        play.ask_all(ActionID="7")
        play.expect(play.sent("pbx1", 1), play.sent("pbx2", 2), hears(failed("pbx3", DOWN)))
        play.say("pbx2", done(2, ("Ping", "Pong")))
        play.expect(hears(told("pbx2", ("Ping", "Pong"))))
        play.say("pbx1", done(1, kind=ERROR))
        play.expect(hears(told("pbx1", kind=ERROR), closing(1, 1, "pbx3")))
        play.at(100.0)
        play.ask(1, "Ping", ActionID="8", Server="pbx1")
        play.expect(play.sent("pbx1", 3, "8"))
        assert play.router.counters("pbx3").not_sent == 1
        assert play.router.counters("pbx2").answers == 1


def test_lists_do_not_mix() -> None:
    """Whatever comes first: a server's answer goes out in one piece, when it is whole."""
    with Fleet("pbx1", "pbx2") as play:
        play.ask_all("CoreShowChannels", server="pbx1,pbx2", ActionID="7")
        play.ignore()
        start, end = ("EventList", "start"), ("EventList", "Complete")
        item, complete = ("Event", "CoreShowChannel"), ("Event", "CoreShowChannelsComplete")
        play.say("pbx1", done(1, start), done(1, kind=item))
        play.say("pbx2", done(2, start), done(2, kind=item))
        play.expect()
        play.say("pbx2", done(2, end, kind=complete))
        play.expect(hears(told("pbx2", start), told("pbx2", kind=item), told("pbx2", end, kind=complete)))
        play.say("pbx1", done(1, end, kind=complete))
        play.expect(
            hears(told("pbx1", start), told("pbx1", kind=item), told("pbx1", end, kind=complete), closing(2))
        )


def test_it_needs_its_right() -> None:
    """Without it nothing is said of which servers there are."""
    with Fleet("pbx1") as play:
        play.ask(1, "Ping", Server="*", ActionID="7")
        text = "Permission denied: several servers at once (right fanout)"
        play.expect(CountDenial(1), hears(frame(ERROR, ("ActionID", "7"), ("Message", text))))


def test_a_server_that_is_not_open_counts_as_denied_and_one_that_is_not_there_does_not() -> None:
    with Fleet("pbx1", "pbx2") as play:
        play.ask(1, "Ping", pin="pbx1", Server="pbx2", ActionID="7")
        text = "Not sent: Server: pbx2 is not open to this user"
        play.expect(CountDenial(1), hears(frame(ERROR, ("ActionID", "7"), ("Message", text))))
        play.ask(1, "Ping", Server="pbx9", ActionID="8")
        play.expect(hears(frame(ERROR, ("ActionID", "8"), ("Message", "Not sent: unknown server pbx9"))))


def test_a_bound_user_reaches_only_what_is_open_to_it() -> None:
    """By a glob silently; what it lists beyond that is missing."""
    with Fleet("pbx1", "pbx2", "pbx3") as play:
        play.ask(1, "Ping", pin="pbx1", also=("pbx2",), fanout=True, Server="*", ActionID="7")
        play.expect(play.sent("pbx1", 1), play.sent("pbx2", 2))
        play.ask(1, "Ping", pin="pbx1", fanout=True, Server="pbx3, pbx2", ActionID="7")
        texts = [f"Not sent: Server: {name} is not open to this user" for name in ("pbx3", "pbx2")]
        play.expect(hears(failed("pbx3", texts[0]), failed("pbx2", texts[1]), closing(0, 0, "pbx3, pbx2")))


def test_what_no_server_matches_is_missing() -> None:
    """Nobody is asked, and that is the whole answer."""
    with Fleet() as play:
        play.ask_all(server="x*", ActionID="7")
        play.expect(hears(failed("x*", "Not sent: no server matches x*"), closing(0, 0, "x*")))


def test_the_deadline_is_kept() -> None:
    """Who has not answered in full is missing; what it says later goes to nobody."""
    with Fleet(*NAMES) as play:
        play.ask_all("CoreShowChannels", ActionID="7")
        play.ignore()
        play.say("pbx1", done(1, ("EventList", "start")))
        play.at(9.0)
        play.say("pbx2", done(2))
        assert play.ignore() == [hears(told("pbx2"))]
        play.at(10.0)
        unknown = [f"Outcome unknown: no answer from server {name} within 10 s" for name in NAMES]
        cancelled = told(
            "pbx1",
            ("EventList", "Cancelled"),
            ("ListItems", "0"),
            ("Message", unknown[0]),
            kind=("Event", "ProxyListError"),
        )
        play.expect(
            hears(told("pbx1", ("EventList", "start")), cancelled),
            hears(failed("pbx3", unknown[2]), closing(1, 0, "pbx1, pbx3")),
        )
        play.say("pbx3", done(3))
        play.say("pbx1", done(1, ("EventList", "Complete"), kind=("Event", "X")))
        play.expect()
        assert play.router.counters("pbx3").late == 1
        play.at(1000.0)
        assert play.router.status(play.now)[0].links[1].in_flight == 0


def test_a_link_has_its_own_time_after_the_deadline() -> None:
    """Asterisk may rightly be at it for longer; only then the link is closed."""
    with Fleet("pbx1") as play:
        play.ask_all("Command", server="pbx1,", ActionID="7")
        play.ignore()
        play.at(10.0)
        assert len(play.ignore()) == 1
        play.ask(2, "Ping", Server="pbx1")
        play.at(60.0)
        play.expect()
        play.at(90.0)
        assert CloseLink("pbx1", play.links["pbx1"]) in play.ignore()


def test_what_was_not_sent_by_the_deadline_never_is() -> None:
    """And says so."""
    with Fleet("pbx1") as play:
        play.ask_ignored(2, "Command", Server="pbx1")
        play.ask_all("Command", server="pbx1,pbx1", ActionID="7")
        play.expect()
        play.at(10.0)
        text = "Not sent: no link to server pbx1 was free within 10 s"
        play.expect(hears(failed("pbx1", text), closing(0, 0, "pbx1")))
        play.say("pbx1", raw(SUCCESS, ("ActionID", "amp9f3.2.1-")))
        assert len(play.ignore()) == 1


def test_what_asterisk_passed_over_ends_at_the_deadline() -> None:
    """It is no burden to the link, which answered later ones."""
    with Fleet("pbx1") as play:
        play.ask_all(server="pbx1,", ActionID="7")
        play.ask_ignored(1, "Ping", Server="pbx1", ActionID="8")
        play.say("pbx1", done(2, action_id="8"))
        play.ignore()
        play.at(10.0)
        text = "Outcome unknown: no answer from server pbx1 within 10 s"
        play.expect(hears(failed("pbx1", text), closing(0, 0, "pbx1")))
        play.say("pbx1", done(1))
        play.expect()
        play.at(1000.0)


def test_an_originate_has_its_own_time() -> None:
    """It may ring on every server; one without Async rings for 30 s by itself, and a short one is not cut."""
    with Fleet("pbx1") as play:
        play.ask_all("Originate", server="pbx1,", ActionID="7")
        play.ignore()
        play.at(59.0)
        play.expect()
        play.at(60.0)
        assert len(play.ignore()) == 1
    with Fleet("pbx1", limits=RouterLimits(order_hold_s=0, fanout_timeout_s=100)) as play:
        play.ask_all("Originate", server="pbx1,", Timeout="1000", ActionID="7")
        play.ignore()
        play.say("pbx1", done(1))
        assert len(play.ignore()) == 1


def test_a_server_that_is_lost_is_missing() -> None:
    """In mid-list, too: what came, then why there is no more."""
    with Fleet("pbx1", "pbx2") as play:
        play.ask_all("CoreShowChannels", server="pbx1,pbx2", ActionID="7")
        play.ignore()
        play.say("pbx1", done(1, ("EventList", "start")))
        play.lost(1, server="pbx1")
        text = "Outcome unknown: server pbx1 was lost before it answered (closed by server)"
        said = [command.data for command in play.ignore() if isinstance(command, SendToClient)]
        rest = [("EventList", "Cancelled"), ("ListItems", "0"), ("Message", text)]
        assert said == [
            told("pbx1", ("EventList", "start")) + told("pbx1", *rest, kind=("Event", "ProxyListError"))
        ]
        play.lost(2, server="pbx2")
        said = [command.data for command in play.ignore() if isinstance(command, SendToClient)]
        assert said == [failed("pbx2", text.replace("pbx1", "pbx2")) + closing(0, 0, "pbx1, pbx2")]


def test_a_client_that_goes_leaves_nothing() -> None:
    """Answers go to nobody, the deadline does nothing."""
    with Fleet("pbx1", "pbx2") as play:
        play.ask_all(ActionID="7")
        play.ask_ignored(1, "Ping", Server="pbx1")
        play.say("pbx2", done(2))
        play.ignore()
        play.gone(1)
        play.say("pbx1", done(1), raw(("Rest", "of a value")), done(3, action_id=""))
        play.expect()
        play.at(1000.0)
        assert play.router.status(play.now)[0].links[1].in_flight == 0


def test_without_action_id_everything_keeps_its_place() -> None:
    """Behind what was asked before; nothing is taken of the client till it is over (as with Asterisk)."""
    with Fleet("pbx1", "pbx2") as play:
        play.ask(1, "Ping", Server="pbx1")
        play.ignore()
        play.ask_all()
        play.expect(play.sent("pbx1", 2, ""), play.sent("pbx2", 3, ""), PauseClient(1))
        play.answer_locally(1, b"local")
        play.ask_all()
        play.expect()  # nobody pauses twice; the refusal has its place, too
        play.say("pbx2", done(3, action_id=""))
        play.say("pbx1", done(1, action_id=""))
        success = [frame(SUCCESS, ("Server", name)) for name in NAMES]
        down = frame(ERROR, ("Message", DOWN), ("Server", "pbx3"))
        play.expect(hears(success[0]), hears(down, success[1]))
        play.say("pbx1", done(2, action_id=""))
        text = "Not sent: an action for several servers, without ActionID, is unanswered already"
        play.expect(
            hears(success[0], closing(2, 0, "pbx3", "")),
            hears(b"local"),
            hears(frame(ERROR, ("Message", text))),
            ResumeClient(1),
        )


def test_without_action_id_a_whole_answer_may_wait_for_its_turn() -> None:
    """Past its deadline, too: closed when what was before it is over."""
    with Fleet("pbx1", "pbx2") as play:
        play.ask(1, "Command", Server="pbx1")
        play.ignore()
        play.ask_all(server="pbx2, pbx3")
        play.ignore()
        play.at(20.0)
        play.expect()
        play.say("pbx1", done(1, action_id=""))
        text = "Outcome unknown: no answer from server pbx2 within 10 s"
        errors = [
            frame(ERROR, ("Message", text), ("Server", name))
            for name, text in [("pbx3", DOWN), ("pbx2", text)]
        ]
        success = frame(SUCCESS, ("Server", "pbx1"))
        play.expect(hears(success), hears(*errors, closing(0, 0, "pbx3, pbx2", "")), ResumeClient(1))


def test_without_action_id_what_asterisk_passed_over_holds_nothing_up() -> None:
    """The server answers its part, so it will not answer what was asked before, nor need anybody wait."""
    with Fleet("pbx1", "pbx2") as play:
        play.ask(1, "Ping", Server="pbx1")
        play.ignore()
        play.answer_locally(1, b"local")
        play.ask_all(server="pbx1, pbx2")
        play.ignore()
        play.say("pbx1", done(2, action_id=""))
        text = "Outcome unknown: server pbx1 answered a later action instead"
        error = frame(ERROR, ("Message", text), ("Server", "pbx1"))
        success = [frame(SUCCESS, ("Server", name)) for name in NAMES]
        play.expect(hears(error), hears(b"local"), hears(success[0]))
        play.say("pbx2", done(3, action_id=""))
        play.expect(hears(success[1], closing(2, action_id="")), ResumeClient(1))


def test_a_paused_client_with_action_ids_goes_on() -> None:
    """A merged answer that ends leaves one without ActionID behind it as it is."""
    with Fleet("pbx1", "pbx2") as play:
        play.ask_all(server="pbx1,", ActionID="7")
        play.ask_ignored(1, "Ping", Server="pbx2", ActionID="8")
        play.ask_all(server="pbx2,")
        play.ignore()
        play.say("pbx2", done(2, action_id="8"), done(3, action_id=""))
        assert len(play.ignore()) == 1
        play.say("pbx1", done(1))
        merged = frame(SUCCESS, ("Server", "pbx2")) + closing(1, action_id="")
        play.expect(hears(told("pbx1"), closing(1)), hears(merged), ResumeClient(1))


def test_it_counts_once_for_the_client_and_once_for_each_server() -> None:
    """A full server is missing; a client with too much open is refused as a whole."""
    limits = RouterLimits(order_hold_s=0, actions_per_client=2, actions_per_server=1)
    with Fleet("pbx1", "pbx2", limits=limits) as play:
        play.ask_ignored(2, "Ping", Server="pbx2")
        play.ask_all(server="pbx1,pbx2", ActionID="7")
        text = "Not sent: 1 actions for server pbx2 are unanswered already"
        play.expect(play.sent("pbx1", 1), hears(failed("pbx2", text)))
        play.ask_all(server="pbx1,", ActionID="7")
        text = "Not sent: 1 actions for server pbx1 are unanswered already"
        play.expect(hears(failed("pbx1", text), closing(0, 0, "pbx1")))
    with Fleet("pbx1", "pbx2", limits=RouterLimits(order_hold_s=0, actions_per_client=2)) as play:
        play.ask_all(server="pbx1,pbx2", ActionID="7")
        assert len(play.ignore()) == 2
        play.ask(1, "Ping", ActionID="8", Server="pbx1")
        play.expect(play.sent("pbx1", 3, "8"), PauseClient(1))
        play.ask_all(ActionID="7")
        text = "Not sent: 2 actions of this client are unanswered already"
        play.expect(hears(frame(ERROR, ("ActionID", "7"), ("Message", text))))


def test_a_paused_client_is_not_paused_again() -> None:
    """What it sends nevertheless is done, while there is room."""
    with Fleet("pbx1", limits=RouterLimits(order_hold_s=0, actions_per_client=3)) as play:
        for number in (1, 2, 3):
            play.ask_ignored(1, "Ping", Server="pbx1", ActionID=str(number))
        play.say("pbx1", done(1, action_id="1"))
        play.ignore()
        play.ask_all(server="pbx1,")
        play.expect(play.sent("pbx1", 4, ""))
        play.say("pbx1", done(2, action_id="2"), done(3, action_id="3"))
        assert len(play.ignore()) == 2
        play.say("pbx1", done(4, action_id=""))
        merged = frame(SUCCESS, ("Server", "pbx1")) + closing(1, action_id="")
        play.expect(hears(merged), ResumeClient(1))


def test_the_number_of_servers_is_bounded() -> None:
    """And a list of nothing is none."""
    with Fleet("pbx1", limits=RouterLimits(order_hold_s=0, fanout_servers=2)) as play:
        play.ask_all(ActionID="7")
        text = "Not sent: Server: names 3 servers, at most 2 at once"
        play.expect(hears(frame(ERROR, ("ActionID", "7"), ("Message", text))))
        play.ask_all(server=",", ActionID="7")
        text = "Not sent: Server: names no server"
        play.expect(hears(frame(ERROR, ("ActionID", "7"), ("Message", text))))
        play.ask_all(server="*,*,*,*,*", ActionID="7")
        text = "Not sent: Server: lists 5 globs, at most 4"
        play.expect(hears(frame(ERROR, ("ActionID", "7"), ("Message", text))))


def test_what_no_asterisk_would_take_goes_to_none() -> None:
    """One error is enough, and nothing is counted as kept."""
    with Fleet("pbx1", "pbx2") as play:
        play.ask_all(ActionID="7", Long="x" * 1020)
        text = "Failed to parse message: line too long"
        play.expect(hears(frame(ERROR, ("ActionID", "7"), ("Message", text))))
        assert play.router._endings.client(1).kept_bytes == 0
        play.ask_all(server="pbx1,", ActionID="7")
        play.expect(play.sent("pbx1", 2))


def test_what_is_kept_has_a_bound() -> None:
    """Beyond it frames go out as they come, and are told apart by Server."""
    item = ("Event", "CoreShowChannel")
    with Fleet("pbx1", "pbx2", limits=RouterLimits(order_hold_s=0, fanout_bytes=200)) as play:
        play.ask_all("CoreShowChannels", server="pbx1,pbx2", ActionID="7")
        play.ignore()
        start = ("EventList", "start")
        play.say("pbx1", done(1, start))
        play.say("pbx2", done(2, start))
        play.expect()
        play.say("pbx1", done(1, ("Channel", "x" * 100), kind=item))
        long = told("pbx1", ("Channel", "x" * 100), kind=item)
        play.expect(hears(told("pbx1", start), long, told("pbx2", start)))
        play.say("pbx2", done(2, kind=item))
        play.expect(hears(told("pbx2", kind=item)))
        for number, name in enumerate(NAMES[:2], 1):
            play.say(name, done(number, ("EventList", "Complete"), kind=("Event", "X")))
            end = told(name, ("EventList", "Complete"), kind=("Event", "X"))
            expected = [hears(end)] + [hears(closing(2))] * (number == 2)
            play.expect(*expected)
        assert play.router._endings.client(1).kept_bytes == 0


def test_events_come_behind_the_answer_that_holds_them() -> None:
    """Each server's are let go when its part was said."""
    with Fleet("pbx1", "pbx2", limits=RouterLimits()) as play:
        play.ask_all(server="pbx1,pbx2", ActionID="7")
        hold = [HoldEvents(1, name) for name in NAMES[:2]]
        play.expect(hold[0], play.sent("pbx1", 1), hold[1], play.sent("pbx2", 2))
        play.say("pbx1", done(1))
        play.expect(hears(told("pbx1")), ReleaseEvents(1, "pbx1"))
        play.say("pbx2", done(2))
        play.expect(hears(told("pbx2"), closing(2)), ReleaseEvents(1, "pbx2"))


def test_the_rest_of_a_broken_value_belongs_to_its_answer() -> None:
    """In the same read it stands before the closing frame; behind that it goes to nobody."""
    rest = raw(("Rest", "of a value"))
    with Fleet("pbx1", "pbx2") as play:
        play.ask_all("Getvar", server="pbx1,pbx2", Variable="X", ActionID="7")
        play.ignore()
        shown = frame(("Rest", "of a value"), ("Server", "pbx1"))
        play.say("pbx1", done(1), rest, done(1))
        play.expect(hears(told("pbx1"), shown))
        play.say("pbx1", rest)
        play.expect()
        play.say("pbx2", done(2))
        play.expect(hears(shown, told("pbx2"), closing(2)))
        play.say("pbx1", rest)
        play.expect()
        counters = play.router.counters("pbx1")
        assert (counters.strays, counters.dropped_strays, counters.late) == (2, 1, 1)


def test_an_answer_by_an_odd_module_is_an_answer() -> None:
    """Without ActionID; an error is one all the same."""
    with Fleet("pbx1") as play:
        play.ask_all(server="pbx1,", ActionID="7")
        play.ignore()
        play.say("pbx1", raw(ERROR, ("Message", "odd")))
        play.expect()
        play.at(1.0)
        odd = frame(ERROR, ("Message", "odd"), ("Server", "pbx1"))
        play.expect(hears(odd, closing(0, 1)))


def test_answers_pipelined_in_one_read_stay_apart() -> None:
    """The merged answer ends behind the read, what came behind it went its own way."""
    with Fleet("pbx1") as play:
        play.ask_all(server="pbx1,", ActionID="7")
        play.ask_ignored(1, "Ping", Server="pbx1", ActionID="8")
        play.say("pbx1", done(1), done(2, action_id="8"))
        play.expect(
            SendToClient(1, frame(SUCCESS, ("ActionID", "8"), ("Server", "pbx1"))),
            hears(told("pbx1"), closing(1)),
        )
        assert play.router.status(play.now)[0].links[1].in_flight == 0


def test_shutting_down_closes_it() -> None:
    """With what came, and who did not answer."""
    with Fleet("pbx1", "pbx2") as play:
        play.ask_all(server="pbx1,pbx2", ActionID="7")
        play.ignore()
        play.say("pbx1", done(1))
        play.ignore()
        play.unclaimed = play.router.shutdown()
        said = [command.data for command in play.ignore() if isinstance(command, SendToClient)]
        text = "Outcome unknown: amp is shutting down, server pbx2 had not answered"
        assert said == [failed("pbx2", text) + closing(1, 0, "pbx2")]


def test_the_names_of_missing_servers_fit_a_line() -> None:
    """As many as there is room for; the number is right in any case."""
    with Fleet() as play:
        names = [f"unknown-server-{number:014d}" for number in range(32)]
        play.ask_all(server=",".join(names), ActionID="7")
        (command,) = play.ignore()
        assert isinstance(command, SendToClient)
        last = command.data.split(b"\r\n\r\n")[-2].split(b"\r\n")
        assert b"Missing: 32" in last
        assert last[-1].startswith(
            b"MissingServers: unknown-server-00000000000000, unknown-server-00000000000001, "
        )
        assert last[-1].endswith(b", ...")
        assert len(last[-1]) < 1022


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_dropped_server_is_missing(when: str) -> None:
    """Its part ends with an error; later it is unknown."""
    with Fleet("pbx1", "pbx2") as play:
        if when == "after":
            play.ask_all(server="pbx1,pbx2", ActionID="7")
            play.ignore()
        play.unclaimed = play.router.drop_server("pbx1")
        link = play.links["pbx1"]
        closes: list[Command] = [CloseLink("pbx1", 1), CloseLink("pbx1", link)]
        gone = Announce("pbx1", False, "dropped", "")
        if when == "before":
            play.expect(*closes, gone)
            play.ask_all(server="pbx1,pbx2", ActionID="7")
            text = "Not sent: unknown server pbx1"
            play.expect(play.sent("pbx2", 1), hears(failed("pbx1", text)))
        else:
            text = "Outcome unknown: server pbx1 was dropped"
            play.expect(*closes, hears(failed("pbx1", text)), gone)
