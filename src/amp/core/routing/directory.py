"""Which server an action is for: the named one and no other, or the user's, or the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from amp.core.routing.error_frames import not_sent
from amp.core.routing.settings import LinksConfig

__all__ = ["Choice", "Directory"]

SEVERAL = frozenset(b"*?[,")
"""Marks of a glob or a list; no server's name holds one."""


class Choice(NamedTuple):
    """The server's name, or why there is none."""

    server: str
    refusal: str


class Directory:
    """Finds servers by name and host.

    Args:
        servers: by name, in the order of the configuration.
        default: ``"first"`` (the first configured, also while it is down), ``"none"``, or a name.
    """

    def __init__(self, servers: Mapping[str, LinksConfig], default: str) -> None:
        self._names = tuple(servers)
        self._by_host: dict[str, list[str]] = {}
        for name, config in servers.items():
            for host in {host.lower() for host in config.hosts}:
                self._by_host.setdefault(host, []).append(name)
        self._unbound = self._choose_default(default)

    def choose(self, named: bytes, pin: str | None, also: Sequence[str]) -> Choice:
        """Choose the server of an action.

        Args:
            named: the value of its ``Server:``, empty if it has none.
            pin: the only server its client may use without naming one; ``None`` if it is not bound.
            also: further servers that a bound client may name.
        """
        if not named:
            return self._unnamed(pin)
        text = named[:64].decode("utf-8", "replace")
        found = self._find(text)
        if not found and not SEVERAL.isdisjoint(named):
            return _refuse(f"several servers at once are not built yet (Server: {text})")
        if pin is not None:
            # Bound clients are not told which other servers exist.
            allowed = [name for name in found if name == pin or name in also]
            return self._only(allowed, f"Server: {text} is not open to this user")
        return self._only(found, f"unknown server {text}")

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
        if text in self._names:
            return [text]
        return self._by_host.get(text.lower(), [])

    @staticmethod
    def _only(found: list[str], refusal: str) -> Choice:
        if not found:
            return _refuse(refusal)
        if len(found) > 1:
            return _refuse(f"the host is that of several servers: {', '.join(found)}")
        return Choice(found[0], "")


def _refuse(why: str) -> Choice:
    return Choice("", not_sent(why))
