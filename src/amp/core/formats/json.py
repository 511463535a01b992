"""JSON: one object a frame, one line each. A header that repeats is an array of its values in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from amp.core.formats.format import Format
from amp.core.formats.lines import UNPARSED, has_server, headers_of, text_of, users_server

__all__ = ["JSON", "render"]


def render(frames: Sequence[bytes], server: bytes) -> bytes:
    """A line for each frame. Values are strings; what is not UTF-8 becomes U+FFFD."""
    name = server.decode("utf-8", "replace")
    return b"".join(
        [orjson.dumps(_object(frame, name), option=orjson.OPT_APPEND_NEWLINE) for frame in frames]
    )


def document(pieces: Sequence[bytes]) -> bytes:
    """One array of all objects."""
    return b"[%s]\n" % b",".join([piece.rstrip(b"\n") for piece in pieces])


def _object(frame: bytes, server: str) -> dict[str, str | list[str]]:
    headers = headers_of(text_of(frame))
    if server:
        headers = users_server(headers) if has_server(frame) else headers
        headers.append(("Server", server))
    plain: dict[str, str | list[str]] = dict(headers)
    if len(plain) == len(headers) and "" not in plain:
        return plain
    return _gathered(headers)


def _gathered(headers: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name or UNPARSED, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


JSON: Final = Format(name="json", content_type="application/json", render=render, document=document)
