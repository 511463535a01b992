"""Failed logins: growing delays, bans that end, and a memory with a bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.admission.limits import AdmissionLimits
from amp.core.admission.offenders import Offence, Offenders

LIMITS = AdmissionLimits(login_failures=3, ban_s=100.0, login_failures_within_s=60.0)


def test_each_failure_takes_twice_as_long_up_to_the_limit() -> None:
    """The first one takes Asterisk's second."""
    offenders, limits = Offenders(), AdmissionLimits(login_failures=50)
    delays = [offenders.failed("a", 0.0, limits).delay_s for _ in range(30)]
    assert delays == [1.0, 2.0, 4.0, 8.0] + [15.0] * 26
    assert offenders.failed("b", 0.0, limits) == Offence(1.0, 1, banned=False)


def test_too_many_failures_ban_the_address_for_a_time() -> None:
    """And no other one; afterwards counting begins anew."""
    offenders = Offenders()
    found = [offenders.failed("a", 10.0, LIMITS) for _ in range(3)]
    assert [(one.failures, one.banned) for one in found] == [(1, False), (2, False), (3, True)]
    assert offenders.ban_left_s("a", 10.0) == 100.0
    assert offenders.ban_left_s("a", 109.0) == 1.0
    assert offenders.ban_left_s("a", 110.0) == offenders.ban_left_s("b", 10.0) == 0.0
    assert offenders.failed("a", 110.0, LIMITS) == Offence(1.0, 1, banned=False)


def test_what_fails_during_a_ban_does_not_make_it_longer() -> None:
    """Connections that were open when it began may still fail; they count afterwards."""
    offenders = Offenders()
    found = [offenders.failed("a", float(second), LIMITS).banned for second in range(7)]
    assert found == [False, False, True, False, False, False, False]
    assert offenders.ban_left_s("a", 6.0) == 96.0


def test_after_a_quiet_time_the_sheet_is_clean() -> None:
    """Quiet means no failure; 60 s between two are not enough, a little more is."""
    offenders = Offenders()
    assert [offenders.failed("a", 60.0 * n, LIMITS).failures for n in range(2)] == [1, 2]
    assert offenders.failed("a", 120.1, LIMITS).failures == 1


def test_no_ban_where_none_is_wanted() -> None:
    """``ban = "0s"``; the delay still grows."""
    offenders, limits = Offenders(), AdmissionLimits(login_failures=1, ban_s=0.0)
    found = [offenders.failed("a", 0.0, limits) for _ in range(5)]
    assert [one.banned for one in found] == [False] * 5
    assert found[-1].delay_s == 15.0


def test_the_address_that_was_quiet_the_longest_is_forgotten() -> None:
    """An attacker with a million addresses costs no more memory than one with as many as are kept."""
    offenders = Offenders(most=3)
    for key in "abcad":
        offenders.failed(key, 0.0, LIMITS)
    assert len(offenders) == 3
    assert offenders.failed("a", 0.0, LIMITS).failures == 3
    assert offenders.failed("b", 0.0, LIMITS).failures == 1


def test_forgiving_ends_every_ban() -> None:
    """For an operator who has locked himself out."""
    offenders = Offenders()
    for _ in range(3):
        offenders.failed("a", 0.0, LIMITS)
    offenders.forgive()
    assert (len(offenders), offenders.ban_left_s("a", 0.0)) == (0, 0.0)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0, 100))))
def test_memory_and_delays_are_bounded_whatever_comes(story: list[tuple[str, float]]) -> None:
    offenders, now = Offenders(most=4), 0.0
    for key, later in story:
        now += later
        found = offenders.failed(key, now, LIMITS)
        assert 1.0 <= found.delay_s <= LIMITS.login_delay_s
        assert len(offenders) <= 4
        left_s = offenders.ban_left_s(key, now)
        assert left_s == pytest.approx(LIMITS.ban_s) if found.banned else left_s <= LIMITS.ban_s + 1e-6


def test_a_delay_never_exceeds_the_limit_even_where_that_is_a_second() -> None:
    """``login_delay = "1s"`` is Asterisk's own behaviour."""
    offenders, limits = Offenders(), AdmissionLimits(login_delay_s=1.0)
    assert {offenders.failed("a", 0.0, limits).delay_s for _ in range(9)} == {1.0}
