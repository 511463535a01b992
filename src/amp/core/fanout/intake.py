"""Sorts what an event link brings: broadcasts for all, answers for one, and what is nobody's business.

The plan and its cost (64 KB, 162 frames): nearly every frame is an event whose first 42 bytes, its name and
the beginning of its classes, have been seen before and are known to be plain, so one set look-up a frame
finds the others (18 us). An ActionID is searched only in those: list items and answers have no ``Privilege``
behind their name, and of the broadcasts only OriginateResponse and UserEvent carry one (FACTS.md, "Events").
A header ``Server`` can be in any frame whose values hold raw line ends, so it is searched everywhere, in any
case, by one pass of a machine that reads 2.5 bytes a nanosecond (28 us); `bytes.lower` alone takes 50 us.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Final, NamedTuple, cast

import re2

from amp.core.ami.ids import ActionIds
from amp.core.fanout.batch import ALL_BARE, Asker
from amp.core.fanout.events import NOTABLE, SECURITY, START, Events, Frames, Rest
from amp.core.stats import ServerStats

__all__ = ["AskerBroadcast", "Broadcasts", "Intake", "OwnAnswer", "Run", "asker_of"]

CARRIERS: Final = frozenset((b"OriginateResponse", b"UserEvent"))
"""Broadcasts that carry the ActionID of whoever caused them."""

NAMED: Final = NOTABLE | CARRIERS
"""Never plain."""

LOGIN_BOOTED: Final = [b"Uptime", b"LastReload", b"Status"]
SHORT_BOOTED: Final = [b"Status"]

HEAD_BYTES: Final = 42
"""Enough for a name of 22 bytes and the word Privilege, and too short to reach a value that varies."""

MAX_HEADS: Final = 1024
"""Far more than Asterisk has events; broken pieces could make any number."""

head_of: Final[Callable[[bytes], bytes]] = itemgetter(slice(HEAD_BYTES))
PLAIN: Final = re.compile(rb"Event: [^\r\n]+\r\nPrivilege")

# Spelt as sets: RE2's (?i) would let a letter of other alphabets pass for the s, and be four times as slow.
HAS_SERVER: Final = re2.compile(rb"\n[sS][eE][rR][vV][eE][rR]:")
HAS_ACTION_ID: Final = re2.compile(rb"\n[aA][cC][tT][iI][oO][nN][iI][dD]:")
ACTION_ID: Final = b"\nactionid:"
CR: Final = 13
SERVER_NAME: Final = re.compile(rb"(?im)^(?=server:)")


class Broadcasts(NamedTuple):
    """Events for everybody who may see them, in order; at least one.

    Attributes:
        frames: without any ActionID.
        shown: by its index, a frame as Asterisk shows it, if it had an ActionID.
    """

    frames: Frames
    shown: Mapping[int, bytes] = ALL_BARE


class OwnAnswer(NamedTuple):
    """A response or list item that belongs to one of our actions, or a broken piece of one.

    Attributes:
        frame: as it came, our ActionID included.
        wire_id: that ActionID.
    """

    frame: bytes
    wire_id: bytes


class AskerBroadcast(NamedTuple):
    """An event for everybody, whose ActionID only the asker shall see.

    Attributes:
        frame: without any ActionID.
        wire_id: our ActionID that stood in it.
        at: the offset of the line end before the place where it stood.
        shown: the frame as Asterisk shows it, if that is more than the asker's ActionID put back.
    """

    frame: bytes
    wire_id: bytes
    at: int
    shown: bytes = b""


Run = Broadcasts | OwnAnswer | AskerBroadcast


class _Bare(NamedTuple):
    """A broadcast that has lost ActionIDs of others, and how Asterisk shows it."""

    frame: bytes
    shown: bytes


Verdict = bytes | _Bare | OwnAnswer | AskerBroadcast | None
"""What becomes of one frame: a broadcast (perhaps changed), a run of its own, or nothing."""


def asker_of(run: AskerBroadcast, ids: ActionIds) -> Asker | None:
    """Who shall see the ActionID of a broadcast; ``None`` if its action had none or was not ours."""
    wire_id = ids.parse(run.wire_id)
    return Asker(wire_id.client, wire_id.original, run.at) if wire_id and wire_id.original else None


class Intake:
    """Sorts the frames of one session with a server; make a new one after each login.

    Args:
        server: the server's configured name.
        prefix: of our ActionIDs (`ActionIds.prefix`).
        stats: what it counts into.
    Attributes:
        own_addresses: our ends of the links to this server as Asterisk writes them, for example
            ``b"IPV4/TCP/127.0.0.1/59688"``. Security events about them are swallowed. The owner adds
            and removes them, best some seconds after a link has ended.
        shutdown: Asterisk has said that it is going.
    """

    def __init__(self, server: bytes, prefix: bytes, stats: ServerStats | None = None) -> None:
        self.server = server
        self.own_addresses: set[bytes] = set()
        self.shutdown = False
        self._prefix = prefix
        self._ours = re.compile(rb"(\r?\n(?i:ActionID):[ \t]*)" + re.escape(prefix) + rb"\d+\.\d+-([^\r\n]*)")
        self._stats = stats or ServerStats()
        self._plain: set[bytes] = set()
        self._carriers: set[bytes] = set()
        self._at_start = True
        self._booted_seen = False
        self._hostile = False
        self._last: Verdict = b""

    def take(self, frames: Frames) -> list[Run]:
        """Sort the frames of one read.

        Args:
            frames: of `FrameCutter.feed`, without amp's own login and keepalive answers. The list may
                become part of the result.
        Returns:
            Ordered runs. A response that nobody asked for, amp's own login noise and Shutdown are gone.
            A frame that is neither event nor response shares the fate of the frame before it.
        """
        if not frames:
            return []
        if isinstance(frames, Events):
            self._hostile = any(HAS_SERVER.search(frames[index]) for index in frames.odd)
            runs = self._sort(frames, frames.rests, frames.odd, len(START))
        else:
            runs = self._sort(frames, [*frames], self._not_plain(frames))
        self._at_start = False
        return runs

    def _not_plain(self, frames: list[bytes]) -> Sequence[int]:
        """Where the frames are that have to be looked at; mostly it is none."""
        self._hostile = HAS_SERVER.search(b"\n".join([b"", *frames])) is not None
        if self._hostile:
            return range(len(frames))
        heads = list(map(head_of, frames))
        unknown = set(heads).difference(self._plain)
        if not unknown:
            return ()
        odd = [i for i, head in enumerate(heads) if head in unknown]
        if HAS_ACTION_ID.search(b"".join([frames[i] for i in odd])):
            return odd
        return [i for i in odd if heads[i] not in self._carriers]

    def _sort(self, frames: Frames, kept: list[Rest], odd: Sequence[int], skip: int = 0) -> list[Run]:
        """Part what is for all from the rest.

        Args:
            kept: the frames without their first ``skip`` bytes, which all of them have in common.
            odd: which of them have to be looked at.
        """
        runs: list[Run] = []
        passed: list[Rest] = []
        shown: dict[int, bytes] = {}
        start = looked_at = 0
        for i in odd:
            frame = frames[i]
            if i > looked_at:
                self._last = b""
            looked_at = i + 1
            verdict = self._last = self._judge(frame, is_first=self._at_start and i == 0)
            if verdict is frame:
                continue
            passed += kept[start:i]
            start = i + 1
            if isinstance(verdict, bytes):
                passed.append(verdict[skip:])
            elif isinstance(verdict, _Bare):
                shown[len(passed)] = verdict.shown
                passed.append(verdict.frame[skip:])
            elif verdict is not None:
                runs += _broadcasts(passed, skip, shown)
                runs.append(verdict)
                passed, shown = [], {}
        if looked_at < len(kept):
            self._last = b""
        return runs + _broadcasts(passed + kept[start:] if start else kept, skip, shown)

    def _judge(self, frame: bytes, *, is_first: bool) -> Verdict:
        if frame.startswith(b"Event: "):
            return self._judge_event(frame, is_first)
        if frame.startswith(b"Response: "):
            wire_id = self._own_id(frame)
            if wire_id is None:
                self._stats.answers_unasked += 1
                return None
            return OwnAnswer(frame, wire_id)
        if self._last is None:
            return None
        if isinstance(self._last, OwnAnswer):
            return OwnAnswer(frame, self._last.wire_id)
        return self._judge_stranger(self._without_server(frame))

    def _judge_event(self, frame: bytes, is_first: bool) -> Verdict:
        name = frame[7:].split(b"\r\n", 1)[0]
        if name in CARRIERS:
            _remember(self._carriers, frame)
            return self._judge_carrier(self._without_server(frame))
        if name in NAMED and self._is_noise(name, frame, is_first):
            self._stats.events_swallowed += 1
            return None
        if name not in NAMED and PLAIN.match(frame, 0, HEAD_BYTES):
            _remember(self._plain, frame)
            return self._without_server(frame)
        wire_id = self._own_id(frame)
        if wire_id is not None:
            return OwnAnswer(frame, wire_id)
        return self._judge_stranger(self._without_server(frame))

    def _judge_carrier(self, frame: bytes) -> Verdict:
        bare, own, others = self._without_action_ids(frame)
        if own is None:
            return _Bare(bare, frame) if others else frame
        return AskerBroadcast(bare, *own, self._as_asterisk(frame) if others else b"")

    def _judge_stranger(self, frame: bytes) -> Verdict:
        """A frame that should hold no ActionID at all: one of ours in it is nobody's."""
        bare, own, others = self._without_action_ids(frame)
        return _Bare(bare, self._as_asterisk(frame)) if own or others else frame

    def _without_action_ids(self, frame: bytes) -> tuple[bytes, tuple[bytes, int] | None, bool]:
        """The frame without any ActionID, our own one and its place, and whether it had others.

        A frame of 16 MB can be nothing but ActionIDs, so no byte is looked at again for the next of them.
        """
        own: tuple[bytes, int] | None = None
        others = False
        kept, size, behind = [], 0, 0
        lower = frame.lower()
        found = lower.find(ACTION_ID)
        while found >= 0:
            at, end, value = _action_id_at(found, frame)
            kept.append(frame[behind:at])
            size += at - behind
            behind = end
            found = lower.find(ACTION_ID, end)
            if own is None and value.startswith(self._prefix):
                own = value, size
            else:
                others = True
        kept.append(frame[behind:])
        bare = b"".join(kept)
        self._stats.action_ids_hidden += others
        return bare, own, others

    def _as_asterisk(self, frame: bytes) -> bytes:
        """The frame with the clients' own ActionIDs in the place of ours."""
        return self._ours.sub(lambda found: found[1] + found[2] if found[2] else b"", frame)

    def _is_noise(self, name: bytes, frame: bytes, is_first: bool) -> bool:
        """Whether an event speaks of amp's own session with the server and not of the server's life."""
        if name == b"FullyBooted":
            expected, self._booted_seen = not self._booted_seen, True
            return expected and _is_login_booted(frame, is_first)
        if name == b"Shutdown":
            self.shutdown = True
            return True
        return name in SECURITY and _value_of(b"RemoteAddress", frame) in self.own_addresses

    def _own_id(self, frame: bytes) -> bytes | None:
        start = frame.find(b"\r\nActionID: " + self._prefix)
        return frame[start + 12 :].split(b"\r\n", 1)[0] if start >= 0 else None

    def _without_server(self, frame: bytes) -> bytes:
        """The frame with any ``Server`` header renamed; the very same object if it has none."""
        if not self._hostile or not SERVER_NAME.search(frame):
            return frame
        self._stats.headers_renamed += 1
        return SERVER_NAME.sub(b"User", frame)


def _broadcasts(kept: list[Rest], skip: int, shown: dict[int, bytes]) -> list[Run]:
    return [Broadcasts(Events(kept) if skip else cast(list[bytes], kept), shown or ALL_BARE)] if kept else []


def _remember(heads: set[bytes], frame: bytes) -> None:
    if len(heads) >= MAX_HEADS:
        heads.clear()
    heads.add(frame[:HEAD_BYTES])


def _is_login_booted(frame: bytes, is_first: bool) -> bool:
    """Whether a FullyBooted greets amp's login, and does not tell that the server has just started.

    The greeting has no Timestamp and Uptime before Status; the news has Status first (recording
    fully-booted).
    Before Asterisk 13 both had Status alone, but the greeting comes before anything else.
    """
    names = [line.partition(b":")[0] for line in frame.split(b"\r\n")[2:]]
    return names == LOGIN_BOOTED or (is_first and names == SHORT_BOOTED)


def _action_id_at(found: int, frame: bytes) -> tuple[int, int, bytes]:
    """Where an ActionID line begins (at the line end before it) and ends, and its value.

    Args:
        found: the offset of the line feed before it.
    """
    feed = frame.find(b"\n", found + 1)
    end = feed if feed >= 0 else len(frame)
    end -= frame[end - 1] == CR
    at = found - (found > 0 and frame[found - 1] == CR)
    return at, end, frame[found + len(ACTION_ID) : end].lstrip(b" \t")


def _value_of(name: bytes, frame: bytes) -> bytes:
    return frame.partition(b"\r\n%s: " % name)[2].split(b"\r\n", 1)[0]
