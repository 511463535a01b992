"""Places on this machine that a configuration names: listeners in each other's way, files amp cannot make."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import attrs

from amp.config.control import AUTO, OFF
from amp.config.schema import Config, Listen

__all__ = ["clashing_listeners", "log_problem", "unusable_files"]

ANY: Final = {"0.0.0.0": 4, "::": 6}  # noqa: S104  # names to compare, not to bind
"""An address that stands for all of its family; amp binds ``::`` for IPv6 alone."""

LONGEST_SOCKET: Final = 107
"""Bytes of a unix socket's path (``sun_path`` in unix(7), without its closing NUL)."""

LOCALHOST: Final = frozenset(("127.0.0.1", "::1"))


def clashing_listeners(listens: list[tuple[int, Mapping[str, object]]]) -> Iterator[str]:
    """A problem for each listener whose place another one has; it begins with its path.

    Args:
        listens: index and plain values of each ``[[listen]]``.
    """
    default = attrs.asdict(Listen())
    seen: list[tuple[int, str, str, object]] = []
    for index, listen in listens:
        what = next((key for key in ("unix", "activation") if key in listen), "address and port")
        keys = ("address", "port") if what == "address and port" else (what, what)
        first, second = ({**default, **listen}[key] for key in keys)
        if not isinstance(first, str) or not isinstance(second, str | int) or second == 0:
            continue
        for other, its_what, its_first, its_second in seen:
            if what != its_what or second != its_second:
                continue
            if first == its_first:
                yield f"listen[{index}]: the same {what} as listen[{other}]"
                break
            if what == "address and port" and _overlap(first, its_first):
                yield f"listen[{index}]: {first} is in the way of listen[{other}], {its_first} with this port"
                break
        seen.append((index, what, first, second))


def _overlap(one: str, other: str) -> bool:
    ones, others = _addresses(one), _addresses(other)
    if ones & others:
        return True
    return any(
        ANY.get(wide) == ip_address(narrow).version
        for left, right in ((ones, others), (others, ones))
        for wide in left
        for narrow in right
    )


def _addresses(host: str) -> frozenset[str]:
    """What it stands for, as far as that can be told without asking anybody."""
    if host.lower() == "localhost":
        return LOCALHOST
    try:
        return frozenset((str(ip_address(host)),))
    except ValueError:
        return frozenset()


def unusable_files(config: Config, folder: Path) -> Iterator[str]:
    """What the user who asks cannot write: the log file, the files of unix sockets.

    Args:
        config: whose.
        folder: where relative paths count from.
    """
    if config.log.file is not None and (problem := log_problem(folder / config.log.file)):
        yield f"log.file: {problem}"
    control = config.proxy.control
    if control not in (AUTO, OFF) and (problem := _socket_problem(folder / control)):
        yield f"proxy.control: {problem}"
    for index, listen in enumerate(config.listen):
        if listen.unix is not None and (problem := _socket_problem(folder / listen.unix)):
            yield f"listen[{index}].unix: {problem}"


def log_problem(path: Path) -> str:
    """Why a log cannot be written there by the user who asks; ``""`` if it can."""
    if path.is_dir():
        return f"{path} is a folder"
    if path.exists():
        return "" if os.access(path, os.W_OK, effective_ids=True) else f"{path} cannot be written"
    return _folder_problem(path.parent)


def _socket_problem(path: Path) -> str:
    if len(os.fsencode(path)) > LONGEST_SOCKET:
        return f"{path} is longer than the {LONGEST_SOCKET} bytes that a socket's path may have"
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return f"{path} is there already, and is no socket"
    except OSError:
        pass  # not there, or not to be seen: then the folder tells
    return _folder_problem(path.parent)


def _folder_problem(folder: Path) -> str:
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        return f"no file can be made in {folder}"
    return ""
