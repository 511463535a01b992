"""Which server an action is for: the named one and no other, or the user's, or the default.

``Server:`` may also name several, as a list (``pbx1, pbx3``), by globs (``pbx*``, ``*``) or both.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from amp.core.routing.error_frames import not_sent, plain

__all__ = ["SEVERAL", "Choice", "Directory", "Hosted", "Selection"]

SEVERAL = frozenset(b"*?[,")
"""Marks of a glob or a list; no server's name holds one."""

GLOB = frozenset("*?[")

LONGEST_NAME = 64
"""Characters of a named server that are looked at, and shown."""


MAX_ITEMS = 32
"""Of one list."""

MAX_GLOBS = 4
"""Of one list. Each is compiled when it is new; a list of 32 items, 4 of them new globs, takes 0.5 ms with 62
servers, and 0.1 ms once they are known."""

KNOWN_GLOBS = 256
"""Globs whose servers are kept; clients use the same few."""


class Hosted(Protocol):
    """What a directory has to know of a server."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """What else than its name may stand in ``Server:``."""


class Choice(NamedTuple):
    """The server's name, or why there is none; neither if several are named, see `Directory.select`.

    Attributes:
        server: its name.
        refusal: why there is none, for the client.
        denied: because it is not open to this client, whether it is there or not.
    """

    server: str
    refusal: str
    denied: bool = False


class Selection(NamedTuple):
    """Several servers.

    Attributes:
        found: their names, each once: as listed, those of a glob in the order of the configuration.
        missing: what was named and is not there, or not open to this client: the text and why.
        refusal: why the list is not looked at; empty if it is.
    """

    found: tuple[str, ...]
    missing: dict[str, str]
    refusal: str = ""


class Directory:
    """Finds servers by name and host.

    Args:
        servers: by name, in the order of the configuration.
        default: ``"first"`` (the first configured, also while it is down), ``"none"``, or a name.
    """

    def __init__(self, servers: Mapping[str, Hosted], default: str) -> None:
        self._names = tuple(servers)
        self._known = frozenset(servers)
        self._globbed = functools.lru_cache(KNOWN_GLOBS)(self._glob)
        self._by_host: dict[str, list[str]] = {}
        for name, config in servers.items():
            for host in {host.lower() for host in config.hosts}:
                self._by_host.setdefault(host, []).append(name)
        self._unbound = self._choose_default(default)
        self._plain = {name.encode(): Choice(name, "") for name in servers}
        """What most actions name; the same as `choose` would find the long way."""

    def choose(self, named: bytes, pin: str | None, also: Sequence[str]) -> Choice:
        """Choose the server of an action.

        Args:
            named: the value of its ``Server:``, empty if it has none.
            pin: the only server its client may use without naming one; ``None`` if it is not bound.
            also: further servers that a bound client may name.
        """
        if not named:
            return self._unnamed(pin)
        if pin is None and (plain := self._plain.get(named)) is not None:
            return plain
        text = named[:LONGEST_NAME].decode("utf-8", "replace")
        found = self._find(text)
        if not found and not SEVERAL.isdisjoint(named):
            return Choice("", "")
        if pin is not None:
            # Bound clients are not told which other servers exist.
            allowed = [name for name in found if name == pin or name in also]
            return self._only(allowed, f"Server: {text} is not open to this user", denied=True)
        return self._only(found, f"unknown server {text}")

    def select(self, named: bytes, pin: str | None, also: Sequence[str]) -> Selection:
        """Choose the servers of an action for several; same arguments as `choose`.

        A bound client gets of a glob what is open to it, and cannot tell what is not from what is not there.
        """
        found: dict[str, None] = {}
        missing: dict[str, str] = {}
        items = list(filter(None, map(str.strip, named.decode("utf-8", "replace").split(","))))
        if len(items) > MAX_ITEMS:
            return Selection((), {}, f"Server: lists {len(items)} items, at most {MAX_ITEMS}")
        if (globs := sum(not GLOB.isdisjoint(item) for item in items)) > MAX_GLOBS:
            return Selection((), {}, f"Server: lists {globs} globs, at most {MAX_GLOBS}")
        for item in items:
            names = [name for name in self._match(item) if pin is None or name == pin or name in also]
            found.update(dict.fromkeys(names))
            if not names:
                text = plain(item[:LONGEST_NAME])
                missing[text] = _why_missing(item, text, pin)
        return Selection(tuple(found), missing)

    def _match(self, item: str) -> Sequence[str]:
        """The servers of one item of a list: by name or host, or a glob of names.

        A glob does not look at hosts: ``pbx*`` shall not ring at whatever has a host of such a name.
        """
        found = self._find(item)
        if found or GLOB.isdisjoint(item):
            return found
        return self._globbed(item) if len(item) <= LONGEST_NAME else []

    def _glob(self, item: str) -> Sequence[str]:
        fits = re.compile(fnmatch.translate(item)).match
        return [name for name in self._names if fits(name)]

    def _unnamed(self, pin: str | None) -> Choice:
        if pin is None:
            return self._unbound
        return self._only([pin] if pin in self._names else [], f"unknown server {pin}")

    def _choose_default(self, default: str) -> Choice:
        if default in self._names:
            return Choice(default, "")
        if default == "none":
            return _refuse("the action has no Server: header, and there is no default server")
        if default != "first":
            return _refuse(f"unknown server {default}")
        return Choice(self._names[0], "") if self._names else _refuse("no server is configured")

    def _find(self, text: str) -> list[str]:
        if text in self._known:
            return [text]
        return self._by_host.get(text.lower(), [])

    @staticmethod
    def _only(found: list[str], refusal: str, *, denied: bool = False) -> Choice:
        if not found:
            return _refuse(refusal, denied=denied)
        if len(found) > 1:
            return _refuse(f"the host is that of several servers: {', '.join(found)}")
        return Choice(found[0], "")


def _refuse(why: str, *, denied: bool = False) -> Choice:
    return Choice("", not_sent(why), denied)


def _why_missing(item: str, text: str, pin: str | None) -> str:
    if not GLOB.isdisjoint(item):
        return f"no server matches {text}"
    return f"unknown server {text}" if pin is None else f"Server: {text} is not open to this user"
