"""Globs: what fits, what is refused, and that none takes long."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.ws.globs import MAX_GLOB_BYTES, MAX_STARS, any_of, glob_parts, glob_problem


def fits_one(*globs: bytes) -> Callable[[bytes], bool]:
    found = any_of(globs)
    assert found is not None
    return found


TEXTS = st.text(alphabet="ab*?.[", max_size=8)


@pytest.mark.parametrize(
    ("glob", "fitting", "others"),
    [
        (b"pbx1", [b"pbx1"], [b"pbx11", b"PBX1", b""]),
        (b"pbx*", [b"pbx", b"pbx1"], [b"apbx"]),
        (b"*", [b"", b"x", b"a\r\nb\0\xff"], []),
        (b"p?x*1", [b"pbx1", b"p\xffx--1"], [b"px1", b"pbx12"]),
        (b"PJSIP/[1].(2)+{3}^$|\\*", [b"PJSIP/[1].(2)+{3}^$|\\!"], [b"PJSIP/1x(2)+{3}^$|\\"]),
    ],
)
def test_what_fits(glob: bytes, fitting: list[bytes], others: list[bytes]) -> None:
    fits = fits_one(glob)
    assert all(map(fits, fitting))
    assert not any(map(fits, others))


@given(TEXTS, TEXTS)
def test_it_is_what_a_shell_would_say(glob: str, text: str) -> None:
    """But for brackets, which mean themselves here."""
    shell = fnmatch.fnmatchcase(text, glob.replace("[", "[[]"))
    assert glob_problem(glob.encode()) or fits_one(glob.encode())(text.encode()) == shell


def test_what_is_no_glob() -> None:
    assert glob_problem(b"") == "expected a glob, got an empty string"
    assert glob_problem(b"x" * (MAX_GLOB_BYTES + 1)) == "expected a glob of at most 128 bytes, got 129"
    assert glob_problem(b"*" * (MAX_STARS + 1)) == "expected a glob with at most 8 stars, got 9"
    assert glob_problem(b"x" * (MAX_GLOB_BYTES - MAX_STARS) + b"*" * MAX_STARS) == ""


def test_the_worst_globs_compile_and_stay_linear() -> None:
    """Eight stars in 128 bytes on 64 KB that nearly fit: a backtracking matcher would need years."""
    for filling in (b"a", b"?", b"."):
        glob = b"*".join([filling * 15] * 8)
        fits = fits_one(glob)
        began = time.process_time()
        fits(b"a" * 65536 + b"b")
        assert time.process_time() - began < 5


def test_several_globs_are_looked_at_together() -> None:
    fits = fits_one(b"a", b"b", b"pbx*", b"lab*", b"?x", b"*-end")
    assert all(map(fits, [b"a", b"b", b"pbx", b"lab1", b"zx", b"the-end"]))
    assert not any(map(fits, [b"", b"ab", b"apbx", b"zxx", b"the-end."]))
    assert any_of(()) is None


def test_what_has_to_be_searched_costs() -> None:
    assert [glob_parts(glob) for glob in (b"pbx1", b"pbx*", b"*", b"PJSIP/[1]*")] == [0, 0, 0, 0]
    assert glob_parts(b"*x*") > glob_parts(b"*x") >= 2
    assert glob_parts(b"?" * 100) >= 100
