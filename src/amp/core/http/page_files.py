"""Files of pages as responses: what a browser may keep, and what a page may do."""

from __future__ import annotations

import hashlib
from typing import Final

import attrs

from amp.core.http.message import HeaderList, Request, Response

__all__ = ["PageFile", "wants_page"]

TYPES: Final = {
    "html": b"text/html; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}

POLICY: Final = b"; ".join(
    (
        b"default-src 'none'",
        b"script-src 'self'",
        b"style-src 'self'",
        b"img-src 'self'",
        b"connect-src 'self'",
        b"base-uri 'none'",
        b"form-action 'none'",
        b"frame-ancestors 'none'",
        b"require-trusted-types-for 'script'",
        b"trusted-types 'none'",
    )
)
"""Files from here and nothing inline, no frames, no forms that the browser sends itself, and no text that is
ever read as markup (CSP Level 3, Trusted Types)."""

PROTECTION: Final[HeaderList] = (
    (b"content-security-policy", POLICY),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"x-frame-options", b"DENY"),
)


@attrs.frozen
class PageFile:
    """One file.

    Attributes:
        name: it ends in one of `TYPES`.
        data: all of it.
    """

    name: str
    data: bytes = attrs.field(repr=False)
    tag: bytes = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        digest = hashlib.sha256(self.data).hexdigest()[:32]
        object.__setattr__(self, "tag", b'"%s"' % digest.encode())

    def answer(self, request: Request) -> Response:
        """The file, or 304 for who has it: it is kept and asked for each time, so upgrades show at once."""
        kept = ((b"etag", self.tag), (b"cache-control", b"no-cache"))
        if _has(request, self.tag):
            return Response(status=304, headers=kept)
        kind = TYPES[self.name.rpartition(".")[2]]
        return Response(content_type=kind, body=self.data, headers=(*kept, *PROTECTION))


def wants_page(request: Request) -> bool:
    """Whether a browser asks for the page at ``/``, and nobody for an action."""
    if request.method not in ("GET", "HEAD") or b"action=" in request.query.lower():
        return False
    accepted = (request.header(b"accept") or b"").lower().split(b",")
    return any(one.partition(b";")[0].strip() == b"text/html" for one in accepted)


def _has(request: Request, tag: bytes) -> bool:
    known = (request.header(b"if-none-match") or b"").split(b",")
    return any(one.strip().removeprefix(b"W/") in (tag, b"*") for one in known)
