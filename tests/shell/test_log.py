"""The log as a file: opened anew at a reload, and never a reason to fall over."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import structlog

from amp.config.schema import Log
from amp.shell.log import Logging, configure, get_logger

OpenLog = Callable[..., Logging]


@pytest.fixture(autouse=True)
def _leave_structlog_as_it_was() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def open_log() -> Iterator[OpenLog]:
    """Makes logs that are closed at the end."""
    with ExitStack() as stack:
        yield lambda *args: stack.enter_context(closing(Logging(*args)))


def events(path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in path.read_text().splitlines()]


def test_a_file_that_was_moved_away_is_opened_anew(tmp_path: Path, open_log: OpenLog) -> None:
    """As logrotate does it; a logger that somebody holds follows."""
    config, path = tmp_path / "amp.toml", tmp_path / "amp.log"
    logging = open_log(Log(file="amp.log"), config)
    logger = get_logger(client=1)
    logger.info("before")
    path.rename(tmp_path / "amp.log.1")
    logger.info("meanwhile")
    logging.follow(Log(file="amp.log", level="error"))()
    logger.info("unimportant")
    logger.error("after")
    assert events(tmp_path / "amp.log.1") == ["before", "meanwhile"]
    assert events(path) == ["after"]


def test_a_log_that_cannot_be_opened_is_told_and_the_old_one_stays(tmp_path: Path, open_log: OpenLog) -> None:
    logging = open_log(Log(file="amp.log"), tmp_path / "amp.toml")
    with pytest.raises(OSError, match=r"cannot open the log .*/gone/amp\.log: No such file or directory"):
        logging.follow(Log(file="gone/amp.log"))
    get_logger().info("still here")
    assert events(tmp_path / "amp.log") == ["still here"]


def test_a_log_can_move_between_standard_error_and_a_file(
    tmp_path: Path, open_log: OpenLog, capfd: pytest.CaptureFixture[str]
) -> None:
    logging = open_log(Log(format="json"))
    get_logger().info("one")
    logging.follow(Log(format="json", file=str(tmp_path / "amp.log")))()
    get_logger().info("two")
    logging.follow(Log(format="json"))()
    get_logger().info("three")
    assert events(tmp_path / "amp.log") == ["two"]
    assert [json.loads(line)["event"] for line in capfd.readouterr().err.splitlines()] == ["one", "three"]


def test_a_full_disk_loses_lines_and_nothing_else(open_log: OpenLog) -> None:
    """/dev/full refuses every write."""
    open_log(Log(file="/dev/full"))
    get_logger().info("lost")
    get_logger().error("lost as well")


def test_who_does_not_read_the_log_does_not_stop_amp(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a pipe does not take at once is lost; the reader finds whole lines up to there."""
    read, write = os.pipe()
    try:
        with os.fdopen(write, "w") as pipe:
            monkeypatch.setattr("sys.stderr", pipe)
            configure("info", "json")
            for number in range(2000):
                get_logger().info("line", number=number, text="x" * 500)
            monkeypatch.undo()
        with os.fdopen(read) as reader:
            lines = [json.loads(line)["number"] for line in reader]
    finally:
        with contextlib.suppress(OSError):
            os.close(read)
    assert lines == list(range(len(lines)))
    assert 50 < len(lines) < 2000


def test_without_standard_error_lines_are_lost_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    configure("info", "auto")
    get_logger().info("nobody hears")


def test_what_strangers_send_does_not_steer_the_readers_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    configure("info", "console")
    get_logger().warning("login_failed", user="a\x1b]0;evil\x07\u2028b")
    told = capfd.readouterr().err
    assert r"a\x1b]0;evil\x07\u2028b" in told
    assert "\x1b" not in told


def test_a_line_is_ascii_whatever_stands_in_it(capfd: pytest.CaptureFixture[str]) -> None:
    """Also what JSON has no form for is told: a broken name of a file, a number beyond 64 bits, an object."""
    configure("info", "json")
    facts: dict[str, Any] = {"name": "caf\xe9\x9b2J", "path": "a\udcff", "big": 1 << 70, "thing": Path("x")}
    for name, value in facts.items():
        get_logger().info("odd", **{name: value})
    told = capfd.readouterr().err
    assert told.isascii()
    lines = [json.loads(line) for line in told.splitlines()]
    expected = {**facts, "thing": repr(Path("x"))}
    assert [line[name] for line, name in zip(lines, facts, strict=True)] == list(expected.values())
