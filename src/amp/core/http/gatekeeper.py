"""From where a request may come: what keeps other people's web pages from acting through a browser.

A browser on the network can be made to send requests here by any page that it shows. So before anything
acts, a request must be meant for us (``Host``: else a foreign name was made to point here) and must not be
made by a foreign page (``Origin``, ``Sec-Fetch-Site``). Programs that are no browsers send neither of the
latter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final, NamedTuple

import attrs

from amp.core.http.message import Request

__all__ = ["Gatekeeper", "Origin", "read_origin"]

AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::([0-9]{1,5}))?")
ORIGIN: Final = re.compile(r"(https?)://(.+)")
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
FOREIGN_SITES: Final = frozenset((b"cross-site", b"same-site"))


class Origin(NamedTuple):
    """Where a page is from (RFC 6454): its scheme, host and port."""

    scheme: str
    host: str
    port: int


def read_origin(text: str) -> Origin | None:
    """An origin as browsers send it, such as ``https://app.example.com``; ``None`` if it is none.

    An opaque one (``null``) is of nobody.
    """
    found = ORIGIN.fullmatch(text)
    if found is None:
        return None
    host, port = _parse(found[2], DEFAULT_PORTS[found[1]])
    return Origin(found[1], host, port) if host else None


def _small(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.lower().rstrip(".") for name in names)


@attrs.frozen
class Gatekeeper:
    """Knows the names that we are reached by.

    Attributes:
        hosts: names, beside IP addresses and ``localhost``, which are always ours: no foreign name in
            the ``Host`` of a browser is one.
        origins: from where pages of others may open WebSockets.
    """

    hosts: frozenset[str] = attrs.field(converter=_small)
    origins: frozenset[Origin] = frozenset()

    def refusal(
        self, request: Request, *, tls: bool, authority: bytes | None = None, websocket: bool = False
    ) -> str:
        """Why this request is not answered; empty if it is.

        Args:
            tls: it came through TLS.
            authority: the host in its target, if there is one; it counts beside ``Host``.
            websocket: it wants a WebSocket, which pages of ``origins`` may have.
        """
        scheme = "https" if tls else "http"
        host = request.header(b"host")
        for reached_by in (host, authority):
            if reached_by is not None and not self._is_ours(reached_by):
                return "amp is not reached by the name in Host (see hosts in its configuration)"
        if websocket and self._is_welcome(request):
            return ""
        for name, value in request.headers:
            if name == b"sec-fetch-site" and value.lower() in FOREIGN_SITES:
                return "the request comes from another site (Sec-Fetch-Site)"
            if name == b"origin" and not _same_origin(value, scheme, host or b""):
                return "the request comes from another origin (Origin)"
        return ""

    def _is_welcome(self, request: Request) -> bool:
        sent = [value.decode("latin-1") for name, value in request.headers if name == b"origin"]
        return len(sent) == 1 and read_origin(sent[0]) in self.origins

    def _is_ours(self, authority: bytes) -> bool:
        name, _ = _parse(authority.decode("latin-1"), 0)
        if not name:
            return False
        return name in self.hosts or name == "localhost" or name.endswith(".localhost") or _is_address(name)


def _same_origin(origin: bytes, scheme: str, host: bytes) -> bool:
    found = read_origin(origin.decode("latin-1"))
    return found is not None and found == (scheme, *_parse(host.decode("latin-1"), DEFAULT_PORTS[scheme]))


def _parse(authority: str, port: int) -> tuple[str, int]:
    """Name in small letters and port of an authority; an empty name if it is none."""
    found = AUTHORITY.fullmatch(authority)
    if found is None:
        return "", port
    return found[1].lower().rstrip("."), int(found[2] or port)


def _is_address(name: str) -> bool:
    try:
        IPv6Address(name[1:-1]) if name.startswith("[") else IPv4Address(name)
    except AddressValueError:
        return False
    return True
