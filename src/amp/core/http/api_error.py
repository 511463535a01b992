"""Errors of the HTTP API: a code for programs, a sentence for people."""

from __future__ import annotations

from typing import Final

import orjson

from amp.core.http.message import Response

__all__ = ["JSON", "api_error", "as_api_error"]

JSON: Final = b"application/json"

CODES: Final = {
    400: "bad_request",
    401: "not_signed_in",
    403: "not_permitted",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "bad_request",
    429: "too_many",
    502: "not_done",
    503: "busy",
    504: "timeout",
}


def api_error(status: int, message: str, *headers: tuple[bytes, bytes], code: str = "") -> Response:
    """A response that says what is wrong: ``{"error": {"code": ..., "message": ...}}``.

    Args:
        status: of HTTP.
        message: one sentence; must hold no secret and nothing that the asker may not see.
        headers: further ones.
        code: if the one of the status is not precise enough.
    """
    error = {"code": code or CODES.get(status, "internal"), "message": message}
    return Response(
        status=status, content_type=JSON, body=orjson.dumps({"error": error}) + b"\n", headers=headers
    )


def as_api_error(refusal: Response) -> Response:
    """The same refusal as the API says it. Its body is whole, a line that begins with the status' words."""
    assert isinstance(refusal.body, bytes)
    words = refusal.body.decode().partition(": ")[2].strip()
    return api_error(refusal.status, words, *refusal.headers)
