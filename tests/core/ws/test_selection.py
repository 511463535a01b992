"""Which events subscriptions ask for."""

from __future__ import annotations

from amp.core.ws.selection import Selection, Subscription

HANGUP = b"Event: Hangup\r\nPrivilege: call,all\r\nChannel: PJSIP/a-1\r\nCause: 16"
RING = b"Event: Newstate\r\nChannel: PJSIP/b-1\r\nchannel:   SIP/c\r\nContext: "
LONG = b"Event: " + b"X" * 200


def select(*subscriptions: Subscription) -> Selection:
    return Selection.of(subscriptions)


def asks(*, servers: str = "", events: str = "", **where: str) -> Subscription:
    """A subscription; globs separated by blanks."""
    return Subscription(
        frozenset(servers.encode().split()),
        frozenset(events.lower().encode().split()),
        frozenset(
            (name.lower().encode(), frozenset(globs.encode().split())) for name, globs in where.items()
        ),
    )


def test_without_conditions_everything_is_asked_for() -> None:
    for selection in (Selection(), select(asks()), select(asks(events="Hangup"), asks())):
        assert not selection
        assert selection == Selection()
        assert selection.hears(b"any")
        assert selection.passes(HANGUP, b"any")
        assert selection.verdicts([HANGUP, b"rest"], b"", b"any") == [True, True]


def test_servers_events_and_headers() -> None:
    one = select(asks(servers="pbx* lab", events="hang* Newstate", Channel="PJSIP/*"))
    assert one
    assert (one.hears(b"pbx7"), one.hears(b"lab"), one.hears(b"other")) == (True, True, False)
    assert one.passes(HANGUP, b"pbx1")
    assert one.passes(RING, b"lab")
    assert not one.passes(HANGUP, b"other")
    assert not one.passes(HANGUP.replace(b"PJSIP/a", b"SIP/a"), b"pbx1")
    assert not one.passes(b"Event: Hangups-no\r\nChannel: x", b"pbx1")
    assert not one.passes(LONG, b"pbx1")


def test_a_header_may_repeat_and_be_anywhere() -> None:
    """One of its values has to fit; without the header nothing does."""
    assert select(asks(Channel="SIP/c")).passes(RING, b"a")
    assert select(asks(Event="Newstate")).passes(RING, b"a")
    assert select(asks(context="*")).passes(RING, b"a")
    assert select(asks(Channel="x SIP/?")).passes(RING, b"a")
    assert not select(asks(Exten="*")).passes(RING, b"a")
    assert not select(asks(annel="*")).passes(RING, b"a")
    assert not select(asks(Channel="SIP/c", Context="x")).passes(RING, b"a")


def test_several_subscriptions_and_their_order() -> None:
    hangups, news = asks(events="Hangup", servers="a"), asks(Channel="*b-1")
    both = select(hangups, news)
    assert both == select(news, hangups)
    assert hash(both) == hash(select(news, hangups))
    assert both.verdicts([HANGUP, RING, LONG], b"", b"a") == [True, True, False]
    assert both.verdicts([HANGUP, RING], b"", b"b") == [False, True]


def test_broken_pieces_go_with_their_event() -> None:
    one = select(asks(events="Hangup"))
    assert one.verdicts([b"piece", HANGUP, b"piece", RING, b"piece"], b"", b"a") == [
        True, True, True, False, False,
    ]  # fmt: skip
    assert one.verdicts([b"piece", b"piece"], RING, b"a") == [False, False]
    assert one.verdicts([b"piece"], HANGUP, b"a") == [True]


def test_gaps_are_for_all_who_hear_of_the_server() -> None:
    gap = b"Event: ProxyGap\r\nReason: server lost"
    assert select(asks(events="Hangup", servers="a")).passes(gap, b"a")
    assert not select(asks(events="Hangup", servers="a")).passes(gap, b"b")


def test_names_are_whole_and_an_event_may_have_nothing_else() -> None:
    assert select(asks(events="Hangup")).passes(b"Event: Hangup", b"a")
    assert select(asks(events="x*")).passes(LONG, b"a")


def test_the_value_of_a_header_ends_with_its_line() -> None:
    event = b"Event: X\r\nA: one\nB: two\r\nC: three\rfour"
    assert select(asks(a="one")).passes(event, b"s")
    assert not select(asks(b="*")).passes(event, b"s")
    assert select(asks(c="three?four")).passes(event, b"s")


def test_what_a_subscription_costs() -> None:
    """As much as each event does: names and beginnings are looked up, headers and wild cards searched."""
    assert asks(servers="a b c*", events="x y* z").parts == 0
    assert asks(channel="a", exten="b").parts == 2
    assert asks(channel="a *b*").parts > asks(channel="a *b").parts > asks(channel="a b").parts == 1
