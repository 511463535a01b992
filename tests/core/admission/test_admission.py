"""The entrance: who gets in, who gives way, who is judged how, who is paced."""

from __future__ import annotations

from ipaddress import ip_network

import attrs
import pytest

from amp.core.admission.admission import Admission, Refusal, Visit
from amp.core.admission.limits import STRANGER_BURST, STRANGER_BYTES, AdmissionLimits
from amp.core.ami.door import Verdict

FAR = "192.0.2.1"
FARTHER = "192.0.2.2"
NEAR = "127.0.0.1"
IN = Verdict("")


def entrance(**limits: object) -> Admission:
    return Admission(AdmissionLimits(**limits))  # type: ignore[arg-type]  # each test gives the right types


def enter(admission: Admission, number: int = 1, host: str | None = FAR, now: float = 0.0) -> Visit:
    visit = admission.enter(number, host, now)
    assert isinstance(visit, Visit)
    return visit


def words(found: Visit | Refusal) -> str:
    assert isinstance(found, Refusal)
    return found.words


# -- how many ------------------------------------------------------------------------------------------------


def test_no_more_connections_than_allowed() -> None:
    """Whoever leaves makes room; loopback counts as well."""
    admission = entrance(connections=2)
    first = enter(admission)
    enter(admission, host=NEAR)
    refused = admission.enter(3, NEAR, 0.0)
    assert words(refused) == "Too many connections"
    first.leave()
    enter(admission, host=FARTHER)
    assert (admission.connections, admission.stats.connections, admission.stats.refused_full) == (2, 3, 1)


def test_no_more_connections_from_one_address_than_allowed() -> None:
    """A house is an IPv4 address or a /64; others are not concerned, and loopback and sockets are exempt."""
    admission = entrance(connections_per_address=1)
    visit = enter(admission)
    assert words(admission.enter(2, FAR, 0.0)) == "Too many connections from this address"
    enter(admission, host=FARTHER)
    enter(admission, host="2001:db8::1")
    assert isinstance(admission.enter(2, "2001:db8::2", 0.0), Refusal)
    for host in (NEAR, NEAR, None, None):
        enter(admission, host=host)
    assert admission.stats.refused_address == 2
    visit.leave()
    enter(admission)


def test_no_more_sessions_of_one_user_than_allowed() -> None:
    """The right secret is needed to be told so; it takes a second as any refusal, and is no failed login."""
    admission = entrance(connections_per_user=2)
    first, second, third = (enter(admission, n) for n in range(3))
    assert (first.judge("anna", 0.0), second.judge("anna", 0.0)) == (IN, IN)
    assert third.judge("anna", 0.0) == Verdict("Too many sessions of this user", 1.0)
    assert (third.signed_in, admission.stats.refused_user, admission.stats.login_failures) == (False, 1, 0)
    assert first.judge("anna", 0.0) == IN
    assert third.judge("bert", 0.0) == IN
    assert second.judge("bert", 0.0) == IN
    assert dict(admission.by_user) == {"anna": 1, "bert": 2}
    for visit in (first, second, third):
        visit.leave()
    assert (dict(admission.by_user), dict(admission.by_origin), admission.connections) == ({}, {}, 0)


def test_who_has_no_name_is_not_counted_by_it() -> None:
    """``authentication = "none"``: everybody is nobody."""
    admission = entrance(connections_per_user=1)
    visits = [enter(admission, n) for n in range(3)]
    assert [visit.judge("", 0.0) for visit in visits] == [IN] * 3
    assert (admission.strangers, dict(admission.by_user)) == (0, {})
    assert visits[0].judge("anna", 0.0) == IN
    visits[0].leave()
    assert not admission.by_user


def test_the_oldest_stranger_of_the_most_crowded_address_gives_way() -> None:
    """So a flood of silent connections displaces itself, not the one that is about to sign in."""
    admission = entrance(strangers=4)
    good = enter(admission, 1, FARTHER)
    flood = [enter(admission, number) for number in (2, 3, 4)]
    assert admission.gives_way() is None
    flood.append(enter(admission, 5))
    assert admission.gives_way() is flood[0]
    assert admission.gives_way() is None
    flood[0].leave()
    assert good.judge("anna", 0.0) == IN
    enter(admission, 6)
    assert admission.gives_way() is None
    assert (admission.strangers, admission.stats.strangers_displaced) == (4, 1)


def test_without_room_for_descriptors_the_oldest_stranger_goes() -> None:
    """If there is one."""
    admission = entrance()
    assert admission.oldest_stranger() is None
    visit = enter(admission)
    assert admission.oldest_stranger() is visit
    assert admission.oldest_stranger() is None


# -- failed logins -------------------------------------------------------------------------------------------


def test_failed_logins_are_answered_later_and_later_and_ban_the_address() -> None:
    """The same words and the same time for a wrong name and a wrong secret: the door sees no difference."""
    admission = entrance(login_failures=3, ban_s=60.0)
    visits = [enter(admission, number) for number in range(4)]
    verdicts = [visit.judge(None, 0.0) for visit in visits[:3]]
    assert verdicts == [Verdict("Authentication failed", delay_s) for delay_s in (1.0, 2.0, 4.0)]
    assert [(visit.failures, visit.ban_s) for visit in visits[:3]] == [(1, 0.0), (2, 0.0), (3, 60.0)]
    refused = admission.enter(9, FAR, 20.0)
    assert words(refused) == "Address banned for another 40 s after too many failed logins"
    enter(admission, 10, FARTHER)
    enter(admission, 11, now=60.0)
    assert (admission.stats.bans, admission.stats.refused_banned) == (1, 1)


def test_a_right_secret_from_a_banned_address_sounds_like_a_wrong_one() -> None:
    """Else connections opened before the ban could go on guessing."""
    admission = entrance(login_failures=1)
    waiting, guessing = enter(admission, 1), enter(admission, 2)
    guessing.judge(None, 0.0)
    assert waiting.judge("anna", 1.0) == Verdict("Authentication failed", 1.0)
    assert not waiting.signed_in
    assert waiting.judge("anna", 1000.0) == IN


@pytest.mark.parametrize("host", [NEAR, None])
def test_an_exempt_address_is_neither_delayed_nor_banned(host: str | None) -> None:
    """One bad neighbour on this machine must not lock out the others."""
    admission = entrance(login_failures=1)
    for number in range(5):
        assert enter(admission, number, host).judge(None, 0.0) == Verdict("Authentication failed", 1.0)
    assert enter(admission, 9, host).judge("anna", 0.0) == IN
    assert (admission.stats.login_failures, admission.stats.bans) == (5, 0)


def test_limits_can_change_at_any_time() -> None:
    """Who is in stays in; the exempt networks are those of now."""
    admission = entrance(connections=9)
    visits = [enter(admission, number) for number in range(3)]
    admission.limits = attrs.evolve(admission.limits, connections=1, exempt=(ip_network(FAR),))
    assert isinstance(admission.enter(9, FAR, 0.0), Refusal)
    for visit in visits:
        visit.leave()
    assert enter(admission).origin.exempt


# -- how fast ------------------------------------------------------------------------------------------------


def test_a_stranger_may_send_only_so_much() -> None:
    """A login and what comes with it; more counts as a failed login. Signed in it may send what it likes."""
    admission = entrance(login_failures=1)
    visit = enter(admission)
    assert visit.receive(STRANGER_BYTES, 0.0) == ""
    visit.judge("anna", 0.0)
    assert visit.receive(STRANGER_BYTES, 0.0) == ""
    stranger = enter(admission, 2)
    assert stranger.receive(STRANGER_BYTES, 0.0) == ""
    assert stranger.receive(1, 0.0) == "sent more than 262144 bytes without having signed in"
    assert (admission.stats.strangers_cut, stranger.ban_s) == (1, 600.0)
    assert isinstance(admission.enter(3, FAR, 0.0), Refusal)


def test_strangers_do_not_flood_the_log() -> None:
    """One line a minute for each address and reason; who signed in has a line of its own always."""
    admission = entrance()
    first, second, other = enter(admission), enter(admission, 2), enter(admission, 3, FARTHER)
    told = [visit.farewell("login timeout", 0.0) for visit in (first, second, other)]
    assert told == [0, None, 0]
    assert first.farewell("closed", 0.0) == 0
    assert first.farewell("login timeout", 60.0) == 1
    second.judge("anna", 0.0)
    assert second.farewell("login timeout", 0.0) == 0


def test_a_stranger_is_slow() -> None:
    """Until it signs in."""
    admission = entrance(actions_per_second=100)
    visit = enter(admission)
    waits = [visit.act(0.0) for _ in range(int(STRANGER_BURST) + 1)]
    assert waits == pytest.approx([0.0] * int(STRANGER_BURST) + [0.1])
    visit = enter(admission, 2)
    visit.judge("anna", 0.0)
    assert [visit.act(0.0) for _ in range(101)] == pytest.approx([0.0] * 100 + [0.01])
    assert admission.stats.pauses == 2


def test_reads_cost_as_well() -> None:
    """4096 bytes as much as an action, a byte a tenth of one; actions pay for 4096 bytes each."""
    admission = entrance(actions_per_second=10)
    visit = enter(admission)
    visit.judge("anna", 0.0)
    assert [visit.read(8192, 0, 0.0) for _ in range(6)] == pytest.approx([0.0] * 5 + [0.2])
    assert visit.read(8192, 2, 0.0) == 0.0
    assert visit.read(8192, 1, 0.0) == pytest.approx(0.3)
    visit = enter(admission, 2)
    visit.judge("bert", 0.0)
    assert [visit.read(1, 0, 0.0) for _ in range(101)][99:] == pytest.approx([0.0, 0.01])


def test_the_clients_of_a_user_share_a_pace() -> None:
    """Until the last of them is gone; who has no name shares none."""
    admission = entrance(user_actions_per_second=10)
    one, two, other, nobody = (enter(admission, number) for number in range(4))
    for visit, user in ((one, "anna"), (two, "anna"), (other, "bert"), (nobody, "")):
        assert visit.judge(user, 0.0) == IN
    for _ in range(10):
        assert one.act(0.0) == 0.0
    assert two.act(0.0) == pytest.approx(0.1)
    assert (other.act(0.0), nobody.act(0.0)) == (0.0, 0.0)
    one.judge("anna", 0.0)
    one.leave()
    assert two.act(0.0) == pytest.approx(0.2)
    two.leave()
    again = enter(admission, 5)
    again.judge("anna", 0.0)
    assert again.act(0.0) == 0.0
