"""Whoever writes an event, compiled, by a form or by taking it apart: the bytes are the same."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import amp
from amp.core.fanout.numbered import Numbered
from amp.core.ws import event_json
from amp.core.ws.event_forms import SIGHTINGS, EventForms
from amp.core.ws.event_writer import COMPILED, CompiledWriter, EventWriter, event_writer
from amp.core.ws.formats import WEBSOCKET_FORMATS
from amp.core.ws.framing import text_frame, text_frames
from programs import program

SOURCE = Path(amp.__file__).parent / "core" / "ws" / "speedups.c"
CAPTURES = Path(__file__).parents[2] / "captures" / "asterisk-22"
STRICT = ("-O3", "-shared", "-fPIC", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror")
FRONT = b'{"type":"event","seq":'

ODD = st.text(alphabet='aB:, \t"\\\r\né\x01%{}\x7f', max_size=8).map(str.encode) | st.binary(max_size=6)
NAMES = st.sampled_from([b"A", b"A", b"B", b"C", b"Event", b"", b'A"', b"A\\", b"%s"]) | ODD
EVENTS = st.tuples(ODD, st.lists(st.tuples(NAMES, ODD), max_size=6)).map(
    lambda parts: b"\r\n".join([b"Event: " + parts[0], *(b"%s: %s" % line for line in parts[1])])
)
LIMITS = (
    b"Event: X" + b"\r\nA: 1" * 63,
    b"Event: X" + b"\r\nA: 1" * 64,
    b"Event: X" + b"".join(b"\r\nA%d: %s" % (number, b'"\\' * 100) for number in range(60)),
    b"Event: X\r\nA: " + b"x" * 100_000,
    b"Event: ProxyGap\r\nReason: server lost",
    b"Event: X\r\nA: 1\r\n",
    b"Event: X\r\nA: 1\r",
    b"Event: X\r\nA: 1\r\n\r\nB: 2",
    b"Event: X\r\nA: 1\nB: 2",
    b"Event: ",
    b"Event: X",
    b"Event:X",
    b"",
)


class Nobody:
    """Writes nothing, so that every event is taken apart."""

    def write(self, frames: list[bytes], front: bytes, first_seq: int) -> list[bytes]:
        del front, first_seq
        return [b""] * len(frames)

    def frame(self, frames: list[bytes], front: bytes, first_seq: int) -> bytes:
        del frames, front, first_seq
        return b""

    def learn(self, raw: bytes) -> None:
        del raw


def built(folder: Path, *flags: str) -> Path:
    """Compile the module from its source, warnings being errors; skipped where that cannot be done."""
    include = sysconfig.get_path("include")
    if not Path(include, "Python.h").exists() and "AMP_REQUIRE_REAL" not in os.environ:
        pytest.skip(f"no headers of Python in {include} (Debian: python3-dev)")
    target = folder / "speedups.so"
    compiler = program("cc", "gcc")
    subprocess.run(
        [compiler, *STRICT, *flags, f"-I{include}", str(SOURCE), "-o", str(target)], check=True, timeout=120
    )
    return target


def loaded(path: Path) -> ModuleType:
    spec = spec_from_file_location("speedups", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> EventWriter:
    module = loaded(built(tmp_path_factory.mktemp("speedups")))
    return CompiledWriter(module.event_messages, module.event_frames)


def taken_apart(frames: list[bytes]) -> list[bytes]:
    """The events as the slow way writes them, from number 7 on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_json, "QUICK", Nobody())
        fragments = [event_json.event_fragment(frame) for frame in Numbered(frames, b"e", 7)]
    return [FRONT + fragment.removeprefix(b'{"seq":') for fragment in fragments]


def agrees(writer: EventWriter, frames: list[bytes]) -> int:
    """How many of the events are written; each must be written as it is by taking it apart."""
    found = writer.write(frames, FRONT, 7)
    slowly = taken_apart(frames)
    assert [text or slow for text, slow in zip(found, slowly, strict=True)] == slowly
    framed = writer.frame(frames, FRONT, 7)
    assert framed == (text_frames(slowly) if framed else b"")
    assert bool(framed) == (all(found) and isinstance(writer, CompiledWriter))
    return sum(map(bool, found))


@given(st.lists(EVENTS, min_size=1, max_size=4))
@example([b'Event: X\r\nA: "\r\nA: \\\r\nB:   2'])
@example([b"Event: X\r\nA: \xff", b"Event: X\r\nA: \xc3", b"Event: X\r\nA: \xed\xa0\x80"])
@example([b"Event: X\r\nA: 1\r\nEvent: Y", b"rest", b"Event: X\r\n: 1"])
def test_the_compiled_one_writes_what_is_found_by_taking_events_apart(
    compiled: EventWriter, frames: list[bytes]
) -> None:
    agrees(compiled, frames)


@given(EVENTS)
def test_forms_do_too(frame: bytes) -> None:
    forms = EventForms()
    for _ in range(SIGHTINGS):
        forms.learn(frame)
    agrees(forms, [frame])


@pytest.mark.parametrize("frame", LIMITS, ids=lambda frame: frame[:30])
def test_at_its_limits(compiled: EventWriter, frame: bytes) -> None:
    agrees(compiled, [frame])


def test_these_it_writes(compiled: EventWriter) -> None:
    several = b'Event: "\\\r\nA: J\xc3\xb6rg\r\nB: 1\r\nA:   2: 3\r\na: 4'
    plain = [b"Event: X", LIMITS[0], *LIMITS[2:4], several, b"Event: X\r\nA: 1" + b"x" * 9000]
    assert [len(text) for text in compiled.write(plain, b"", 1)][3] > 65535, "each kind of head"
    assert agrees(compiled, plain) == len(plain)
    assert compiled.write([several], b"{", 1 << 63) == [
        '{9223372036854775808,"event":"\\"\\\\","headers":'
        '{"Event":"\\"\\\\","A":["Jörg","2: 3"],"B":"1","a":"4"}}'.encode()
    ]
    assert compiled.write([], b"", 0) == []


def test_these_it_leaves_alone(compiled: EventWriter) -> None:
    odd = [frame for frame in LIMITS if frame not in LIMITS[:4] and frame != b"Event: X"]
    assert not any(compiled.write([LIMITS[1], *odd], FRONT, 1)[:-3]), "b'Event: ' has an empty name"


def test_recorded_events_are_all_written(compiled: EventWriter) -> None:
    frames = [
        frame
        for path in sorted(CAPTURES.glob("*.s2c.bin"))
        for frame in path.read_bytes().split(b"\r\n\r\n")
        if frame.startswith(b"Event: ")
    ]
    assert agrees(compiled, frames) > len(frames) * 0.99 > 6000


@pytest.mark.parametrize(
    "arguments",
    [(), ([b"x"], b"f"), ((b"x",), b"f", 1), (["x"], b"f", 1), ([b"x"], "f", 1), ([b"x"], b"f", "1")],
)
def test_what_it_cannot_take_is_refused(compiled: EventWriter, arguments: tuple[object, ...]) -> None:
    for write in (compiled.write, compiled.frame):
        with pytest.raises(TypeError):
            write(*arguments)  # type: ignore[arg-type]


def test_the_quickest_is_taken_that_there_is(compiled: EventWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("there")
    module.event_messages, module.event_frames = compiled.write, compiled.frame  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "there", module)
    there = event_writer("there")
    there.learn(b"Event: X\r\nA: 1")
    assert there == compiled
    assert isinstance(event_writer("amp.core.ws.not_there"), EventForms)


def test_it_is_compiled_with_amp() -> None:
    """An installation without a C compiler works, but this is not one of those that CI shall pass."""
    if find_spec(COMPILED) is None and "AMP_REQUIRE_REAL" not in os.environ:
        pytest.skip("amp was installed without a C compiler, or runs from a folder that was not installed")
    assert isinstance(event_json.QUICK, CompiledWriter)


def test_many_are_written_as_one_by_one() -> None:
    """Also a gap, and what is odd."""
    raws = [b"Event: X\r\nA: 1", b"Event: ProxyGap\r\nReason: server lost", b"rest", b"Event: X\r\nA: 2"] * 4
    frames = Numbered(raws, b"e1", 7)
    one_by_one = [event_json.event_json(frame, b"p") for frame in frames]
    assert event_json.events_json(frames, b"p") == event_json.events_json(list(frames), b"p") == one_by_one
    assert event_json.event_fragments(frames) == []
    assert event_json.event_frames(frames, b"p") == text_frames(one_by_one)
    plain = Numbered(raws[:1], b"e1", 7)
    assert event_json.event_frames(plain, b"p") == text_frames(one_by_one[:1])


def test_many_plain_ones_are_written_as_one_by_one() -> None:
    """All of them at once, since the form of each is known by now; also in one message of a batch."""
    frames = Numbered([b"Event: X\r\nA: 1", b"Event: Y\r\nB: 2"] * SIGHTINGS, b"e1", 7)
    one_by_one = [event_json.event_json(frame, b"p") for frame in frames]
    assert event_json.events_json(frames, b"p") == one_by_one
    fragments = [event_json.event_fragment(frame) for frame in frames]
    assert event_json.event_fragments(frames) == fragments
    together = b'{"type":"events","server":"p","epoch":"e1","events":[%s]}' % b",".join(fragments)
    batch = next(one for one in WEBSOCKET_FORMATS if one.name == "websocket-batch")
    assert batch.write(frames, b"p") == text_frame(together)


HARASS = r"""
import random, sys
from importlib.util import module_from_spec, spec_from_file_location

spec = spec_from_file_location("speedups", sys.argv[1])
module = module_from_spec(spec)
spec.loader.exec_module(module)
random.seed(7)
PARTS = [b"Event: ", b"\r\n", b": ", b'"', b"\\", b"A", b"B" * 300, b"\xc3\xb6", b"\xff", b"\r", b"\n", b" "]
for round in range(3000):
    frames = [b"Event: " + b"".join(random.choices(PARTS, k=random.randrange(200))) for _ in range(3)]
    lines = (b"\r\n%d: %s" % (number, b'"' * random.randrange(400)) for number in range(round % 70))
    frames.append(b"Event: X" + b"".join(lines))
    assert len(module.event_messages(frames, b"f" * (round % 300), round)) == 4
    assert module.event_frames(frames, b"f", round) or not all(module.event_messages(frames, b"f", round))
    many = [b"Event: X\r\nA: %d" % number for number in range(1 + round % 99)]
    assert module.event_frames(many, b"f", 1).count(b"Event") == len(many)
print("unharmed")
"""


def test_no_byte_is_read_or_written_where_it_must_not(tmp_path: Path) -> None:
    """AddressSanitizer and UndefinedBehaviorSanitizer watch while it gets nonsense."""
    target = built(tmp_path, "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    compiler = program("cc", "gcc")
    library = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], check=True, capture_output=True, text=True, timeout=60
    ).stdout.strip()
    watched = {"LD_PRELOAD": library, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", HARASS, str(target)], capture_output=True, text=True, timeout=300,
        env={**os.environ, **watched}, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("unharmed\n", 0), done.stderr
