"""A flood of equal lines becomes one line a period that counts the others."""

from __future__ import annotations

from amp.core.admission.quiet import MOST_KEYS, Quiet


def test_one_line_a_period_with_a_count() -> None:
    """Other keys speak for themselves."""
    quiet = Quiet(10.0)
    assert [quiet.speak("a", now) for now in (0.0, 1.0, 9.9, 10.0, 10.1)] == [0, None, None, 2, None]
    assert quiet.speak("b", 1.0) == 0
    assert quiet.speak("a", 30.0) == 1


def test_what_was_forgotten_may_speak() -> None:
    """The memory has a bound."""
    quiet = Quiet()
    for key in range(MOST_KEYS + 1):
        assert quiet.speak(key, 0.0) == 0
    assert quiet.speak(0, 0.0) == 0
    assert quiet.speak(MOST_KEYS, 0.0) is None
