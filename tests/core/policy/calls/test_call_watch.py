"""What a user with a channel or a context is shown, and what comes first."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amp.core.policy.calls.call_filter import BRIDGES, CDRS, NO_CALL_FILTER, TRANSFERS, VARIABLES, CallFilter
from amp.core.policy.calls.call_watch import CallWatch
from amp.core.policy.calls.live_calls import LiveCalls
from amp.core.policy.calls.parties import kind_of, read_event
from channels import began, bridged, dialled, entered, event, hung_up, left, renamed, stated

OWN, ALIEN, THIRD = ("SIP/100-1", "1.1"), ("SIP/200-2", "1.2"), ("SIP/300-3", "1.3")
MINE = CallFilter(channel=b"sip/100-")


def watched(call_filter: CallFilter, *frames: bytes, max_channels: int = 100) -> CallWatch:
    """A watch that has seen these."""
    watch = CallWatch(call_filter, LiveCalls(), max_channels=max_channels)
    for frame in frames:
        told(watch, frame)
    return watch


def told(watch: CallWatch, *frames: bytes) -> list[bytes]:
    """What a client with that filter is told of these, one after the other."""
    got: list[bytes] = []
    for frame in frames:
        read = read_event(frame) if frame.startswith(b"Event: ") else None
        first = watch.judge(read)
        if read is not None:
            watch.calls.note(read, frame)
        if first is not None:
            got += [*first, frame]
    return got


def test_own_channels_are_shown_and_others_are_not() -> None:
    frames = [began(*OWN), began(*ALIEN), stated(*OWN), stated(*ALIEN), hung_up(*ALIEN), hung_up(*OWN)]
    assert told(watched(MINE), *frames) == [frames[0], frames[2], frames[5]]


def test_a_dialled_channel_is_introduced_first_and_shown_to_its_end() -> None:
    watch = watched(MINE, began(*OWN), began(*ALIEN), stated(*ALIEN, "Ring"), stated(*ALIEN, "Ringing"))
    dial = dialled(OWN, ALIEN)
    assert told(watch, dial) == [began(*ALIEN), stated(*ALIEN, "Ringing"), dial]
    rest = [stated(*ALIEN), dialled(OWN, ALIEN, "DialEnd"), hung_up(*ALIEN)]
    assert told(watch, *rest) == rest
    assert told(watch, stated(*ALIEN)) == []


@pytest.mark.parametrize(
    "join",
    [
        dialled(ALIEN, OWN),
        dialled(OWN, ALIEN, "Dial"),
        bridged(OWN, ALIEN),
        bridged(ALIEN, OWN, "Link"),
        event(
            "Dial",
            ("Source", ALIEN[0]),
            ("Destination", OWN[0]),
            ("SrcUniqueID", ALIEN[1]),
            ("DestUniqueID", OWN[1]),
        ),
        event("AgentCalled", ("ChannelCalling", ALIEN[0]), ("DestinationChannel", OWN[0])),
    ],
)
def test_every_way_to_come_together(join: bytes) -> None:
    """In the words of Asterisk 1.2 to 22; where only names are given they are looked up."""
    watch = watched(MINE, began(*OWN), began(*ALIEN))
    assert told(watch, join) == [began(*ALIEN), join]
    assert told(watch, stated(*ALIEN)) == [stated(*ALIEN)]


def test_who_comes_into_the_bridge() -> None:
    watch = watched(MINE, began(*OWN), began(*ALIEN), entered(*OWN, "b"))
    enter = entered(*ALIEN, "b")
    assert told(watch, enter, left(*ALIEN, "b")) == [began(*ALIEN), enter, left(*ALIEN, "b")]


def test_who_is_in_the_bridge_already() -> None:
    """The user's own channel joins a conference: its members are introduced, with their BridgeEnter."""
    watch = watched(MINE, began(*OWN), began(*ALIEN), entered(*ALIEN, "b"))
    enter = entered(*OWN, "b")
    assert told(watch, enter) == [began(*ALIEN), entered(*ALIEN, "b"), enter]
    assert told(watch, stated(*ALIEN)) == [stated(*ALIEN)]
    assert told(watch, entered(*THIRD, "c")) == []


def test_a_channel_that_is_only_mentioned() -> None:
    """A partner goes on with somebody else: its events are shown, the other's are not, but for the end."""
    watch = watched(MINE, *(began(*one) for one in (OWN, ALIEN, THIRD)), bridged(OWN, ALIEN), hung_up(*OWN))
    link = bridged(ALIEN, THIRD)
    assert told(watch, link) == [began(*THIRD), link]
    assert told(watch, stated(*THIRD), stated(*ALIEN), hung_up(*THIRD)) == [stated(*ALIEN), hung_up(*THIRD)]


def test_a_masquerade() -> None:
    """Asterisk before 12 moves a call into another channel: the names change, the Uniqueids stay.

    The attended transfer of 1.8: the user's channel takes the place of THIRD, which becomes a zombie.
    """
    masquerade = event("Masquerade", ("Clone", OWN[0]), ("Original", THIRD[0]))
    aside = renamed(OWN[0], f"{OWN[0]}<MASQ>", OWN[1])
    takes = renamed(THIRD[0], OWN[0], THIRD[1])
    zombie = renamed(f"{OWN[0]}<MASQ>", f"{THIRD[0]}<ZOMBIE>", OWN[1])
    watch = watched(MINE, began(*OWN), began(*THIRD))
    assert told(watch, masquerade) == [began(*THIRD), masquerade]
    assert told(watch, aside, takes, zombie) == [aside, takes, zombie]
    assert told(watch, hung_up(f"{THIRD[0]}<ZOMBIE>", OWN[1])) == [hung_up(f"{THIRD[0]}<ZOMBIE>", OWN[1])]
    assert told(watch, stated(OWN[0], THIRD[1])) == [stated(OWN[0], THIRD[1])]


def test_a_call_that_is_renamed_away_brings_no_new_ones() -> None:
    watch = watched(MINE, began(*OWN), began(*ALIEN), renamed(OWN[0], "SIP/400-9", OWN[1]))
    moved = ("SIP/400-9", OWN[1])
    dial = dialled(moved, ALIEN)
    assert told(watch, dial) == [began(*ALIEN), dial]
    assert told(watch, stated(*ALIEN), stated(*moved)) == [stated(*moved)]


def test_a_call_that_is_renamed_into_the_users_is_introduced() -> None:
    """A pickup: another channel takes the user's name. It is introduced as it is called now."""
    watch = watched(MINE, began(*ALIEN), stated(*ALIEN))
    rename = renamed(ALIEN[0], "SIP/100-7", ALIEN[1])
    assert told(watch, rename) == [began(*ALIEN), stated(*ALIEN), rename]
    assert told(watch, stated("SIP/100-7", ALIEN[1])) == [stated("SIP/100-7", ALIEN[1])]


def test_after_the_end_only_the_users_own() -> None:
    """A Cdr comes behind the Hangup; it brings no channel back to life."""
    mine = event("Cdr", ("Channel", OWN[0]), ("DestinationChannel", ALIEN[0]), ("UniqueID", OWN[1]))
    others = event("Cdr", ("Channel", ALIEN[0]), ("UniqueID", ALIEN[1]))
    watch = watched(MINE, began(*OWN), began(*ALIEN), bridged(OWN, ALIEN), hung_up(*OWN), hung_up(*ALIEN))
    assert told(watch, mine, others) == [mine]
    assert watch.known() == []
    assert told(watch, event("CEL", ("Channel", "x/y"), ("Uniqueid", OWN[1]))) == []


def test_events_without_a_channel() -> None:
    peer, down = event("PeerStatus", ("Peer", "SIP/100")), event("ServerDown", classes="system")
    assert told(watched(MINE), peer, down) == [down]
    assert told(watched(CallFilter(channel=b"sip/100-", more_events=True)), peer, down) == [peer, down]


def test_broken_pieces_follow_their_event() -> None:
    own, alien = event("Newexten", ("Channel", OWN[0])), event("Newexten", ("Channel", ALIEN[0]))
    assert told(watched(MINE), b"the rest of what nobody was shown", own, b"rest", alien, b"rest") == [
        own,
        b"rest",
    ]
    dial = dialled(OWN, ALIEN)
    assert told(watched(MINE, began(*ALIEN)), dial, b"rest") == [began(*ALIEN), dial, b"rest"]


def test_a_user_event_shows_nothing_about_other_channels() -> None:
    """Whoever may send one writes into it what it likes, the Uniqueid of a foreign channel too."""
    forged = event("UserEvent", ("Channel", OWN[0]), ("Uniqueid", ALIEN[1]), ("DestChannel", THIRD[0]))
    watch = watched(MINE, began(*OWN), began(*ALIEN), began(*THIRD))
    assert told(watch, forged) == [forged]
    assert told(watch, stated(*ALIEN), stated(*THIRD), hung_up(*ALIEN)) == []
    of_a_partner = event("UserEvent", ("Uniqueid", ALIEN[1]))
    assert told(watch, of_a_partner) == []
    assert told(watched(MINE, began(*OWN), began(*ALIEN), bridged(OWN, ALIEN)), of_a_partner) == [
        of_a_partner
    ]


def test_a_context() -> None:
    """Calls that have been in it are the user's, whatever context they are in later."""
    watch = watched(CallFilter(in_context=b"sales"))
    first, outside = began(*OWN, context="sales"), began(*ALIEN, context="support")
    assert told(watch, first, outside) == [first]
    assert told(watch, stated(*OWN, context="macro")) == [stated(*OWN, context="macro")]
    moved = stated(*ALIEN, context="sales")
    assert told(watch, moved) == [outside, moved]
    assert told(watch, event("Cdr", ("Channel", "SIP/9-9"), ("DestinationContext", "sales"))) != []
    assert told(watch, event("Cdr", ("Channel", "SIP/9-9"), ("DestinationContext", "support"))) == []


def test_a_channel_and_a_context() -> None:
    watch = watched(CallFilter(channel=b"sip/100-", in_context=b"sales"))
    assert told(watch, began(*OWN, context="support"), began(*ALIEN, context="sales")) == []
    assert told(watch, stated(*OWN, context="Sales")) == []
    assert told(watch, stated(*OWN, context="sales")) == [
        began(*OWN, context="support"), stated(*OWN, context="Sales"), stated(*OWN, context="sales"),
    ]  # fmt: skip


def test_more_events_of_a_context() -> None:
    """What names no channel but another context is not the user's either."""
    watch = watched(CallFilter(in_context=b"sales", more_events=True))
    here, there = (
        event("ExtensionStatus", ("Exten", "1"), ("Context", name)) for name in ("sales", "support")
    )
    assert told(watch, here, there, event("PeerStatus")) == [here, event("PeerStatus")]


def test_only() -> None:
    """The *only* filters add up, and count on top of the channel."""
    cdr = event("Cdr", ("Channel", OWN[0]))
    transfer = event("BlindTransfer", ("TransfererChannel", OWN[0]))
    alien = event("Cdr", ("Channel", ALIEN[0]))
    frames = [began(*OWN), cdr, alien, entered(*OWN, "b"), transfer, event("VarSet")]
    assert told(watched(CallFilter(only=CDRS)), *frames) == [cdr, alien]
    assert told(watched(CallFilter(only=CDRS | TRANSFERS)), *frames) == [cdr, alien, transfer]
    assert told(watched(CallFilter(only=BRIDGES | CDRS, channel=b"sip/100")), *frames) == [cdr, frames[3]]
    assert told(watched(CallFilter(hidden=VARIABLES)), *frames) == frames[:-1]


def test_what_comes_first_is_filtered_too() -> None:
    """A user of ``brionly`` sees who is in the bridge, and no Newchannel."""
    watch = watched(CallFilter(channel=b"sip/100-", only=BRIDGES), began(*ALIEN), entered(*ALIEN, "b"))
    assert told(watch, entered(*OWN, "b")) == [entered(*ALIEN, "b"), entered(*OWN, "b")]
    assert watch.known() == [entered(*ALIEN, "b"), entered(*OWN, "b")]


def test_the_account() -> None:
    call_filter = CallFilter(account=rb"acc\1")
    assert call_filter.dressed(event("X", ("Account", "other"), ("AccountCode", "a"))) == event(
        "X", ("Account", r"acc\1"), ("AccountCode", "a")
    )
    assert call_filter.dressed(event("X", ("account", ""))) == event("X", ("account", r"acc\1"))
    assert MINE.dressed(event("X", ("Account", "other"))) == event("X", ("Account", "other"))
    assert call_filter.dressed(event("X")) == event("X")


def test_which_filters_do_anything() -> None:
    assert not NO_CALL_FILTER
    assert not CallFilter(more_events=True)
    assert CallFilter(account=b"a")
    assert CallFilter(account=b"a").changes_answers
    assert not CallFilter(only=CDRS).changes_answers
    assert not CallFilter(hidden=VARIABLES).follows_calls
    assert CallFilter(channel=b"SIP/100-") == MINE


def test_who_begins_in_the_middle_of_calls() -> None:
    """A filter that nobody had knows the calls that are up: its own, and who is in a bridge with them."""
    calls = watched(NO_CALL_FILTER, began(*OWN), began(*ALIEN), began(*THIRD), entered(*OWN, "b"),
                    entered(*ALIEN, "b"), stated(*THIRD)).calls  # fmt: skip
    watch = CallWatch(MINE, calls)
    watch.seed()
    assert watch.known() == [began(*OWN), entered(*OWN, "b"), began(*ALIEN), entered(*ALIEN, "b")]
    assert told(watch, stated(*ALIEN), stated(*THIRD)) == [stated(*ALIEN)]


def test_all_is_over_when_the_server_is_lost() -> None:
    watch = watched(MINE, began(*OWN), began(*ALIEN), bridged(OWN, ALIEN))
    watch.calls.clear()
    watch.clear()
    assert watch.known() == []
    assert told(watch, hung_up(*ALIEN)) == []


def test_the_memory_is_bounded() -> None:
    watch = watched(MINE, *(began(f"SIP/100-{n}", f"1.{n}") for n in range(9)), max_channels=4)
    assert (len(watch.known()), watch.forgotten) == (4, 5)


MODEL = [(f"SIP/{'100' if number < 2 else '200'}-{number}", f"1.{number}") for number in range(6)]
CHANNEL = st.sampled_from(MODEL)


class Step(NamedTuple):
    """One thing that may happen to a channel, with another one, or in a bridge."""

    what: str
    channel: tuple[str, str]
    other: tuple[str, str]
    bridge: str


WHAT = st.sampled_from(["begin", "state", "end", "dial", "link", "enter", "leave"])
STEPS = st.lists(st.builds(Step, WHAT, CHANNEL, CHANNEL, st.sampled_from("bc")), max_size=60)


class Model:
    """Who is up, who is where, and who has been together with the user's own: written down the plain way."""

    def __init__(self) -> None:
        self.up: set[str] = set()
        self.bridges: dict[str, set[str]] = {"b": set(), "c": set()}
        self.partners: set[str] = set()

    def is_own(self, uniqueid: str) -> bool:
        return uniqueid in ("1.0", "1.1")

    def together(self, *uniqueids: str) -> None:
        if any(map(self.is_own, uniqueids)):
            self.partners |= {one for one in uniqueids if not self.is_own(one)}

    def frame(self, step: Step) -> bytes | None:
        """The event of a step that can happen, with its effect."""
        what, (name, uniqueid) = step.what, step.channel
        if (what == "begin") == (uniqueid in self.up):
            return None
        if what == "begin":
            self.up.add(uniqueid)
            return began(name, uniqueid)
        if what == "state":
            return stated(name, uniqueid)
        if what in ("dial", "link"):
            return self.pair(step)
        for members in self.bridges.values():
            members.discard(uniqueid)
        if what == "enter":
            self.bridges[step.bridge].add(uniqueid)
            self.together(*self.bridges[step.bridge])
            return entered(name, uniqueid, step.bridge)
        if what == "leave":
            return left(name, uniqueid, "")
        self.up.discard(uniqueid)
        return hung_up(name, uniqueid)

    def pair(self, step: Step) -> bytes | None:
        """Two channels come together, for a moment."""
        if step.other[1] not in self.up or step.other == step.channel:
            return None
        self.together(step.channel[1], step.other[1])
        if step.what == "dial":
            return dialled(step.channel, step.other)
        for members in self.bridges.values():
            members -= {step.channel[1], step.other[1]}
        return bridged(step.channel, step.other, state="unlink")


@settings(max_examples=300)
@given(STEPS)
def test_a_filtered_client_against_a_model(steps: list[Step]) -> None:
    """Nothing of strangers, everything of partners, and nobody in any event before its Newchannel."""
    model, watch, introduced = Model(), watched(MINE_TOO), set[str]()
    for step in steps:
        frame = model.frame(step)
        if frame is None:
            continue
        got = told(watch, frame)
        named = [party.uniqueid.decode() for party in read_event(frame).parties]
        concerned = any(model.is_own(one) or one in model.partners for one in named)
        farewell = kind_of(frame) == b"hangup" and named[0] in introduced
        assert bool(got) == (concerned or farewell)
        assert not got or got[-1] == frame
        for told_frame in got:
            about = {party.uniqueid.decode() for party in read_event(told_frame).parties}
            if kind_of(told_frame) == b"newchannel":
                assert not about & introduced
                introduced |= about
            assert about <= introduced
        if kind_of(frame) == b"hangup":
            introduced.discard(named[0])
            model.partners.discard(named[0])
    assert len(watch.known()) <= 3 * len(model.up)


MINE_TOO = CallFilter(channel=b"SIP/100")
