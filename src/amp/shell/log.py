"""Structured logs: for people on a terminal, as JSON lines otherwise; on standard error or into a file."""

from __future__ import annotations

import json
import logging
import os
import select
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TextIO, cast

import orjson
import structlog

from amp.config.schema import Log

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import FileIO

    from structlog.typing import EventDict, FilteringBoundLogger, Processor

__all__ = ["LogFormat", "Logging", "Sink", "configure", "get_logger"]

LogFormat = Literal["auto", "json", "console"]

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class Sink:
    """Where log lines go; it can be exchanged while everybody holds on to it.

    A line that cannot be written (a full disk, a closed terminal) is lost: amp goes on.

    Args:
        file: unbuffered and ours to close; ``None`` for standard error.
    """

    def __init__(self, file: FileIO | None = None) -> None:
        self._file = file

    @classmethod
    def open(cls, path: Path | None) -> Sink:
        """Append to a file, which is made if need be, or write to standard error.

        Raises:
            OSError: it cannot be opened; the message names it.
        """
        if path is None:
            return cls()
        try:
            return cls(path.open("ab", buffering=0))
        except OSError as error:
            raise OSError(f"cannot open the log {path}: {error.strerror or error}") from error

    def become(self, other: Sink) -> None:
        """Write to where the other one does from now on, in its place."""
        self.close()
        self._file, other._file = other._file, None

    def close(self) -> None:
        """Close the file, if it is one; later lines go to standard error."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def isatty(self) -> bool:
        """Whether people watch."""
        return self._file is None and sys.stderr is not None and sys.stderr.isatty()

    def write(self, text: str) -> None:
        """Write a whole line, or lose it: whoever reads the log must not stop amp by not reading."""
        with suppress(OSError, ValueError):
            if self._file is None:
                _write_to_stderr(text)
            else:
                self._file.write(text.encode("utf-8", "backslashreplace"))

    def flush(self) -> None:
        """After each line; nothing is kept back."""


def _write_to_stderr(text: str) -> None:
    """Write what fits without waiting if it is a pipe or a socket; terminals and files take their time.

    A pipe that is ready takes ``PIPE_BUF`` bytes at once (pipe(7)), so a line goes in pieces of that.
    """
    if sys.stderr is None:
        return  # closed by whoever started us
    number, data = sys.stderr.fileno(), text.encode("utf-8", "backslashreplace")
    mode = os.fstat(number).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        os.write(number, data)
        return
    ready = select.poll()
    ready.register(number, select.POLLOUT)
    for begin in range(0, len(data), select.PIPE_BUF):
        if ready.poll(0):
            os.write(number, data[begin : begin + select.PIPE_BUF])


def _printable(_logger: object, _method: str, line: EventDict) -> EventDict:
    """What strangers send must not steer the terminal of who reads the log."""
    return {
        name: value.encode("unicode_escape").decode()
        if isinstance(value, str) and name != "exception" and not value.isprintable()
        else value
        for name, value in line.items()
    }


def _json(line: EventDict, default: Callable[[object], object]) -> str:
    """A line as JSON in ASCII. What is not ASCII, or nothing for the quick encoder, takes the slow one."""
    with suppress(TypeError):
        text = orjson.dumps(line, default=default).decode()
        if text.isascii():
            return text
    return json.dumps(line, default=default)


def configure(level: str = "info", log_format: LogFormat = "auto", sink: Sink | None = None) -> None:
    """Set up logging for the process; may be called again at any time.

    Args:
        level: the lowest level shown, a key of `LEVELS`.
        log_format: ``auto`` is ``console`` on a terminal and ``json`` otherwise.
        sink: where to; standard error if not given.
    """
    out = sink or Sink()
    as_json = log_format == "json" or (log_format == "auto" and not out.isatty())
    tail: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_json)]
        if as_json
        else [_printable, structlog.dev.ConsoleRenderer(colors=out.isatty())]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *tail,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", out)),
        cache_logger_on_first_use=False,
    )


class Logging:
    """The process's log as configured, and its way through a reload.

    Args:
        settings: ``[log]``.
        config_path: the configuration file; a relative ``file`` counts from its folder.
        debug: show everything, whatever ``level`` says.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, settings: Log, config_path: Path | None = None, *, debug: bool = False) -> None:
        self._folder = config_path.parent if config_path is not None else Path()
        self._debug = debug
        self._sink = self._open(settings)
        self._configure(settings)

    def follow(self, settings: Log) -> Callable[[], None]:
        """Open the file anew, even if its name is the same: somebody may have moved it away.

        Raises:
            OSError: it cannot be opened; then the old one stays.
        """
        new = self._open(settings)

        def go_on() -> None:
            self._sink.become(new)
            self._configure(settings)

        return go_on

    def close(self) -> None:
        """Close the file, if it is one."""
        self._sink.close()

    def _configure(self, settings: Log) -> None:
        configure("debug" if self._debug else settings.level, settings.format, self._sink)

    def _open(self, settings: Log) -> Sink:
        return Sink.open(None if settings.file is None else self._folder / settings.file)


def get_logger(**context: object) -> FilteringBoundLogger:
    """A logger that adds ``context`` to each of its lines."""
    logger: FilteringBoundLogger = structlog.get_logger(**context)
    return logger
