"""Requests and responses as values."""

from __future__ import annotations

from collections.abc import AsyncIterable
from http import HTTPStatus
from typing import Final

import attrs

__all__ = ["HeaderList", "Request", "Response", "problem", "reason_of", "whole"]

HeaderList = tuple[tuple[bytes, bytes], ...]
"""Names in small letters, values without blanks around them; in order, and a name may repeat."""

TEXT: Final = b"text/plain; charset=utf-8"


@attrs.frozen(kw_only=True)
class Request:
    """One request, whole.

    Attributes:
        method: in capitals; a HEAD is told as such, its answer's body is left out by the connection.
        target: path and query, as they were sent.
        path: decoded, always begins with ``/``.
        query: what stands behind ``?``, as it was sent: split it first, decode then.
        headers: none of their values holds a line end.
        body: decoded from its chunks if it was sent in such.
        arguments: what the route's pattern found in the path, by name.
    """

    method: str
    path: str
    target: bytes = attrs.field(default=b"", repr=False)
    query: bytes = attrs.field(default=b"", repr=False)
    headers: HeaderList = attrs.field(default=(), repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    arguments: dict[str, str] = attrs.field(factory=dict)

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header, whose name is given in small letters."""
        return next((value for header, value in self.headers if header == name), None)

    def media_type(self) -> bytes:
        """Of the body, without its parameters, in small letters; empty if it has none."""
        return (self.header(b"content-type") or b"").partition(b";")[0].strip().lower()


@attrs.frozen(kw_only=True)
class Response:
    """One response.

    Attributes:
        status: its code.
        content_type: of the body.
        body: all of it, or its pieces as they come; those are sent in chunks, each as soon as it is there. If
            the latter has an ``aclose``, it is awaited in the end, also if nothing was taken. ``None`` for a
            HEAD whose GET would be pieces that nobody has asked for yet: then no length is told.
        headers: further ones. Length, date, server and connection are the connection's to say.
    """

    status: int = 200
    content_type: bytes = TEXT
    body: bytes | AsyncIterable[bytes] | None = attrs.field(default=b"", repr=False)
    headers: HeaderList = attrs.field(default=(), repr=False)


def reason_of(status: int) -> str:
    """The words for a status code; empty for one that nobody has heard of."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def problem(status: int, why: str, *headers: tuple[bytes, bytes]) -> Response:
    """A response that is an error, with a line that says why. ``why`` holds nothing that was sent."""
    text = f"{status} {reason_of(status)}: {why}\n"
    return Response(status=status, body=text.encode(), headers=headers)


def whole(response: Response) -> bytes:
    """The last response on a connection, as it is sent; for who has taken a connection over."""
    assert isinstance(response.body, bytes)  # a stream is sent by the connection
    headers = (
        (b"content-type", response.content_type),
        (b"content-length", b"%d" % len(response.body)),
        (b"connection", b"close"),
        *response.headers,
    )
    lines = [b"HTTP/1.1 %d %s" % (response.status, reason_of(response.status).encode())]
    lines += [b"%s: %s" % header for header in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + response.body
