"""One command for all sniffers at once, and their answers as a table or as lines of JSON."""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import attrs
import orjson

from amp.cli.progress import Progress
from amp.cli.send_exchange import Target, ask
from amp.cli.send_output import failure_words, reply_problem
from amp.core.printable import printable
from amp.core.voipmonitor.command import Command
from amp.errors import ConfigError

__all__ = ["all_replies"]

AT_ONCE: Final = 16
MOST_BYTES: Final = 16 << 20
"""Of one reply: all of them are kept till the last one has come."""
WIDEST: Final = 100
"""Letters of an answer in the table."""


@attrs.frozen
class Answer:
    """What one sniffer said, and how long that took. With a problem it is no proper answer."""

    target: Target
    reply: bytes
    problem: str
    seconds: float


class _Kept:
    """A reply, or as much of it as is kept."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.problem = ""
        self._room = MOST_BYTES

    def write(self, data: bytes) -> None:
        if len(data) > self._room:
            self.problem = f"a reply of over {MOST_BYTES} bytes"
            self._room = -1  # and nothing more, or it would have a hole
            return
        self.pieces.append(data)
        self._room -= len(data)


def all_replies(targets: Sequence[Target], command: Command, *, json: bool) -> int:
    """Ask all, print what they said in the order of the configuration; gives the exit code."""
    answers = []
    with ThreadPoolExecutor(min(AT_ONCE, len(targets))) as pool, Progress("amp send:") as progress:
        for answer in pool.map(partial(_answer, command), targets):
            answers.append(answer)
            progress.at(f"{len(answers)} of {len(targets)} sniffers")
    lines = map(_as_json, answers) if json else _table(answers)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
    return 1 if any(answer.problem for answer in answers) else 0


def _answer(command: Command, target: Target) -> Answer:
    kept = _Kept()
    begun = time.monotonic()
    limits = attrs.evolve(target.limits, reply_bytes=min(target.limits.reply_bytes, MOST_BYTES))
    try:
        failed = ask(attrs.evolve(target, limits=limits), command, kept.write, unpack=True)
        problem = failure_words(command, failed) if failed is not None else ""
    except ConfigError as error:
        problem = str(error)
    reply = b"".join(kept.pieces)
    problem = problem or kept.problem or reply_problem(command.spec, reply, len(reply))
    return Answer(target, reply, problem, time.monotonic() - begun)


def _as_json(answer: Answer) -> str:
    target = answer.target
    about: dict[str, object] = {
        "server": target.name,
        "sensor_id": target.sensor_id,
        "place": str(target.place),
        "seconds": round(answer.seconds, 3),
    }
    try:
        about["reply"] = answer.reply.decode()
    except UnicodeDecodeError:
        about["reply_base64"] = base64.b64encode(answer.reply).decode()
    if answer.problem:
        about["error"] = answer.problem
    return orjson.dumps(about).decode()


def _table(answers: Sequence[Answer]) -> Iterable[str]:
    rows = [("sensor", "server", "ms", "answer")]
    for one in answers:
        number = "" if one.target.sensor_id is None else str(one.target.sensor_id)
        text = _one_line(one.reply) if not one.problem else f"error: {one.problem}"
        rows.append((number, one.target.name, f"{one.seconds * 1000:.0f}", text))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for sensor, server, ms, answer in rows:
        yield f"{sensor:>{widths[0]}}  {server:{widths[1]}}  {ms:>{widths[2]}}  {answer}"


def _one_line(reply: bytes) -> str:
    """A reply as a cell: what a terminal could take for an order is shown as its number."""
    text = reply[: 4 * WIDEST].decode("utf-8", "replace").rstrip("\r\n")
    shown = printable(text[:WIDEST])
    if len(text) > WIDEST or len(reply) > 4 * WIDEST:
        shown += f" ... ({len(reply)} bytes)"
    return shown
