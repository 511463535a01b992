"""``amp import``: the configuration of astmanproxy or of Asterisk's manager interface as amp's."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from amp.cli.progress import Progress
from amp.cli.reading import say

if TYPE_CHECKING:
    from amp.config.importing.table import Imported

__all__ = ["import_"]

MAX_FILE_BYTES = 4 << 20


def import_(file: Path, users: Path | None = None, /) -> int:
    """Print the same set-up as a configuration of amp.

    Nothing is changed or written but standard output: amp import astmanproxy.conf > amp.toml. Whatever could
    not be taken over is a comment there, and is counted on standard error.

    Parameters
    ----------
    file
        An astmanproxy.conf, or Asterisk's manager.conf; which of them is told by what stands in it.
    users
        The astmanproxy.users that belongs to it; by default the one in the same folder.
    """
    try:
        conf = read_text(file)
        beside = file.with_name("astmanproxy.users")
        people = users or (beside if not is_manager_conf(conf) and beside.is_file() else None)
        listed = read_text(people) if people else None
        if is_manager_conf(conf) and users:
            raise ValueError("a manager.conf has its users in itself; give one file")
        with Progress(f"amp import: {file}"):
            found = converted(conf, listed)
    except OSError as error:
        sys.stderr.write(f"amp import: cannot read {error.filename or file}: {error.strerror}\n")
        return 2
    except ValueError as error:
        sys.stderr.write(f"amp import: {error}\n")
        return 2
    say(found.text.removesuffix("\n"))
    if found.sections or found.settings:
        sys.stderr.write(f"amp import: {left_out(found)}; comments in it say why\n")
    return 0


def left_out(found: Imported) -> str:
    """How much is only a comment, in words: ``left out 1 section and 3 settings``."""
    counts = [
        f"{number} {word}{'s' * (number != 1)}"
        for number, word in ((found.sections, "section"), (found.settings, "setting"))
        if number
    ]
    return f"left out {' and '.join(counts)}"


def converted(conf: str, users: str | None) -> Imported:
    """The TOML text for whichever file it is."""
    if is_manager_conf(conf):
        from amp.config.importing.manager import import_manager

        return import_manager(conf, draw_secret=draw_secret, certificate_problem=certificate_problem)
    from amp.config.importing.astmanproxy import import_astmanproxy
    from amp.config.places import log_problem

    return import_astmanproxy(
        conf,
        users,
        draw_secret=draw_secret,
        certificate_problem=certificate_problem,
        log_problem=lambda path: log_problem(Path(path)),
    )


def is_manager_conf(text: str) -> bool:
    """Asterisk's files have sections, astmanproxy's have none."""
    return any(line.lstrip().startswith("[") for line in text.splitlines())


def read_text(path: Path) -> str:
    """A file as text: UTF-8, or Latin-1 if it is not.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large for a configuration, or no text.
    """
    with path.open("rb") as stream:
        data = stream.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MB")
    if b"\0" in data:
        raise ValueError(
            f"{path}: expected text in UTF-8 or Latin-1, got NUL bytes (UTF-16, or no text at all)"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def draw_secret() -> str:
    """A secret that nobody guesses."""
    return secrets.token_urlsafe(24)


def certificate_problem(path: str) -> str:
    """Why amp would not start with this certificate, ``""`` if it would."""
    from amp.config.certificates import certificate_problems

    listener = {"tls": "required", "certificate": path}
    problems = certificate_problems({"listen": [listener]}, Path())
    return problems[0].partition(": ")[2] if problems else ""
