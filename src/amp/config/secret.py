"""Secrets: where they may come from, and a class that does not let them out by accident."""

from __future__ import annotations

import difflib
import hmac
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import attrs

from amp.config.rules import check_line

__all__ = ["Secret", "SecretReader"]

MAX_SECRET_BYTES = 1000
"""``Secret: `` and the value have to fit into one AMI line of 1022 bytes."""

SOURCES = ("env", "file", "credential")
EXPECTED = 'expected a string, { env = "NAME" }, { file = "PATH" } or { credential = "NAME" }'
CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""The variable that names the folder of what systemd passes by ``LoadCredential=``."""
HIDDEN = "<hidden>"
# Shown in an error only when it looks like a variable's name: somebody may have put the secret itself there.
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
CREDENTIAL = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,254}")
"""A name that stays in the folder."""


class Secret:
    """A text that never shows in ``repr``, ``str``, a format, a log or a pickle; only `reveal` gives it."""

    __slots__ = ("_fresh", "_value")

    def __init__(self, value: str, fresh: Callable[[], Secret] | None = None) -> None:
        self._value = value
        self._fresh = fresh

    def reveal(self) -> str:
        """The text itself. Whoever calls this answers for where it goes."""
        return self._value

    def fresh(self) -> Secret:
        """The secret as its file has it now; itself if it does not stand in one. It reads the file: blocking.

        Raises:
            ValueError: the file cannot be read any more, or holds no secret; says why.
        """
        return self._fresh() if self._fresh is not None else self

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled or copied")


@attrs.frozen(kw_only=True)
class SecretReader:
    """Turns what a configuration says about a secret into a `Secret`.

    No error holds any part of a secret: also not where the secret stands in the wrong place
    (``secret = 123``, ``{ hunter2 = "x" }``, ``{ env = "hunter2" }``).
    """

    folder: Path
    """Relative files count from here: the configuration file's folder."""
    environ: Mapping[str, str]

    def read(self, value: object) -> Secret:
        """The secret that a TOML value stands for.

        Raises:
            ValueError: the wrong type, a missing variable, an unreadable file, or a text that no
                AMI login can carry (empty, too long, CR, LF or NUL in it).
        """
        if isinstance(value, str):
            return _checked(value, "the secret")
        if not isinstance(value, dict) or len(value) != 1:
            raise ValueError(EXPECTED)
        ((key, where),) = value.items()
        if key not in SOURCES:
            close = difflib.get_close_matches(key, SOURCES, 1)
            raise ValueError(EXPECTED + (f" (did you mean {close[0]!r}?)" if close else ""))
        if not isinstance(where, str) or not where:
            raise ValueError(f"{key}: expected a string that is not empty")
        if key == "credential":
            return self._credential(where)
        return self._variable(where) if key == "env" else self._file(where)

    def _variable(self, name: str) -> Secret:
        what = f"the environment variable {name if VARIABLE.fullmatch(name) else 'in env'}"
        text = self.environ.get(name)
        if text is None:
            raise ValueError(f"{what} is not set")
        return _checked(text, what)

    def _credential(self, name: str) -> Secret:
        if not CREDENTIAL.fullmatch(name):
            raise ValueError("credential: expected a name of letters, digits, dots, dashes and underscores")
        folder = self.environ.get(CREDENTIALS)
        if not folder:
            raise ValueError(
                f"credential: {CREDENTIALS} is not set: LoadCredential= in a systemd unit sets it"
            )
        # The name is not shown: somebody may have put the secret itself there.
        secret = _checked(_read(Path(folder) / name, "the credential").removesuffix("\n"), "the credential")
        return Secret(secret.reveal(), lambda: self._credential(name))

    def _file(self, name: str) -> Secret:
        check_line(name, "the path in file")
        path = self.folder / name
        what = f"the file {name}" if _is_surely_a_path(name, path) else "the file in file"
        secret = _checked(_read(path, what).removesuffix("\n").removesuffix("\r"), what)
        return Secret(secret.reveal(), lambda: self._file(name))


def _is_surely_a_path(name: str, path: Path) -> bool:
    """Whether the name may be shown: a secret put there by mistake does not name an existing folder."""
    try:
        return name.isprintable() and "/" in name.strip("/") and path.parent.is_dir()
    except OSError:
        return False


def _read(path: Path, what: str) -> str:
    try:
        # Without O_NONBLOCK a named pipe would hold up the start for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
            data = os.read(descriptor, MAX_SECRET_BYTES + 3) if regular else b""
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ValueError(f"cannot read {what}: {error.strerror}") from None
    if not regular:
        raise ValueError(f"cannot read {what}: not a regular file")
    try:
        return data.decode()
    except UnicodeDecodeError:
        problem = f"{what} is not UTF-8 text"
    raise ValueError(problem)  # outside of the handler: the decoder's error holds the bytes


def _checked(text: str, what: str) -> Secret:
    if not text:
        raise ValueError(f"{what} is empty")
    check_line(text, what)
    if text[0] in " \t":
        raise ValueError(f"{what} begins with a blank: AMI drops it, so a login would never match")
    if not _is_utf8(text):
        raise ValueError(f"{what} is not UTF-8 text")
    if len(text.encode()) > MAX_SECRET_BYTES:
        raise ValueError(f"{what} is too long: at most {MAX_SECRET_BYTES} bytes fit into a line of a login")
    return Secret(text)


def _is_utf8(text: str) -> bool:
    """False for the surrogates that stand for other bytes in ``os.environ``."""
    return not any("\ud800" <= char <= "\udfff" for char in text)
