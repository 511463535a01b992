"""Structured logs: for people on a terminal, as JSON lines otherwise; always on standard error."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final, Literal, TextIO

import structlog

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger, Processor

__all__ = ["LogFormat", "configure", "get_logger"]

LogFormat = Literal["auto", "json", "console"]

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure(level: str = "info", log_format: LogFormat = "auto", stream: TextIO | None = None) -> None:
    """Set up logging for the process.

    Args:
        level: the lowest level shown, a key of `LEVELS`.
        log_format: ``auto`` is ``console`` on a terminal and ``json`` otherwise.
        stream: where to; standard error if not given.
    """
    out = stream or sys.stderr
    as_json = log_format == "json" or (log_format == "auto" and not out.isatty())
    tail: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=out.isatty())]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *tail,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )


def get_logger(**context: object) -> FilteringBoundLogger:
    """A logger that adds ``context`` to each of its lines."""
    logger: FilteringBoundLogger = structlog.get_logger(**context)
    return logger
