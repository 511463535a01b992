"""The text that Prometheus reads."""

from __future__ import annotations

from amp.core.metrics import SLICE, Family, histogram_family, written
from amp.core.stats import BOUNDS_S, Histogram


def test_a_family_has_its_help_its_type_and_its_samples() -> None:
    samples = [("", (("server", 'a"\\\n'),), 5), ("", (), 0.5)]
    (text,) = written(Family("amp_x", "gauge", "About it", samples))
    assert text == (
        b"# HELP amp_x About it\n# TYPE amp_x gauge\n" + b'amp_x{server="a\\"\\\\\\n"} 5\n' + b"amp_x 0.5\n"
    )


def test_a_family_without_samples_is_not_there() -> None:
    assert list(written(Family("amp_x", "counter", "About it", []))) == []


def test_many_samples_come_in_slices() -> None:
    for count in (SLICE - 1, SLICE, SLICE + 1, 5 * SLICE):
        samples = [("", (("n", str(number)),), number) for number in range(count)]
        pieces = list(written(Family("amp_x", "counter", "About it", samples)))
        assert all(piece.count(b"\n") <= SLICE + 2 for piece in pieces)
        assert b"".join(pieces).count(b"amp_x{") == count


def test_a_histogram_accumulates() -> None:
    one = Histogram()
    for seconds in (0.002, 0.002, 100.0):
        one.observe(seconds)
    (text,) = written(histogram_family("amp_s", "Seconds", [((("server", "a"),), one)]))
    lines = text.decode().splitlines()[2:]
    assert lines[0] == 'amp_s_bucket{server="a",le="0.001"} 0'
    assert lines[1] == 'amp_s_bucket{server="a",le="0.0025"} 2'
    assert lines[len(BOUNDS_S)] == 'amp_s_bucket{server="a",le="+Inf"} 3'
    assert lines[-2:] == ['amp_s_sum{server="a"} 100.004', 'amp_s_count{server="a"} 3']
