"""Errors of the HTTP API in one shape."""

from __future__ import annotations

import orjson
import pytest

from amp.core.http.api_error import api_error, as_api_error
from amp.core.http.message import problem


@pytest.mark.parametrize(
    ("status", "code", "shown"),
    [(403, "", "not_permitted"), (404, "unknown_server", "unknown_server"), (500, "", "internal")],
)
def test_a_code_and_a_sentence(status: int, code: str, shown: str) -> None:
    one = api_error(status, "words", (b"allow", b"GET"), code=code)
    assert (one.status, one.content_type, one.headers) == (status, b"application/json", ((b"allow", b"GET"),))
    assert isinstance(one.body, bytes)
    assert orjson.loads(one.body) == {"error": {"code": shown, "message": "words"}}


def test_a_refusal_in_text_keeps_its_words_and_headers() -> None:
    one = as_api_error(problem(401, "a login is required: yes", (b"www-authenticate", b"Basic")))
    assert one.headers == ((b"www-authenticate", b"Basic"),)
    assert isinstance(one.body, bytes)
    assert orjson.loads(one.body) == {
        "error": {"code": "not_signed_in", "message": "a login is required: yes"}
    }
