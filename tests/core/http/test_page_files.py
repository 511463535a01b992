"""What a browser may keep of a page, and what a page may do."""

from __future__ import annotations

import pytest

from amp.core.http.message import Request
from amp.core.http.page_files import PageFile, wants_page

SCRIPT = PageFile("js/main.js", b"let one = 1;")


def request(method: str = "GET", query: bytes = b"", **headers: bytes) -> Request:
    pairs = tuple((name.replace("_", "-").encode(), value) for name, value in headers.items())
    return Request(method=method, path="/", query=query, headers=pairs)


def test_a_file_comes_with_its_type_its_tag_and_the_policy() -> None:
    answer = SCRIPT.answer(request())
    headers = dict(answer.headers)
    assert (answer.status, answer.body) == (200, SCRIPT.data)
    assert answer.content_type.startswith(b"text/javascript")
    assert headers[b"etag"] == SCRIPT.tag
    assert headers[b"cache-control"] == b"no-cache"
    policy = headers[b"content-security-policy"]
    assert b"default-src 'none'" in policy
    assert b"unsafe" not in policy


def test_the_tag_is_that_of_the_bytes() -> None:
    assert PageFile("other.js", SCRIPT.data).tag == SCRIPT.tag
    assert PageFile("js/main.js", b"let one = 2;").tag != SCRIPT.tag


@pytest.mark.parametrize("known", [SCRIPT.tag, b"W/" + SCRIPT.tag, b'"other", ' + SCRIPT.tag, b"*"])
def test_who_has_it_is_told_so(known: bytes) -> None:
    answer = SCRIPT.answer(request(if_none_match=known))
    assert (answer.status, answer.body) == (304, b"")
    assert dict(answer.headers)[b"etag"] == SCRIPT.tag


def test_who_has_another_gets_it() -> None:
    assert SCRIPT.answer(request(if_none_match=b'"other"')).status == 200


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (request(accept=b"text/html,application/xhtml+xml,*/*;q=0.8"), True),
        (request(accept=b"Text/HTML;q=0.9"), True),
        (request("HEAD", accept=b"text/html"), True),
        (request(query=b"utm=1", accept=b"text/html"), True),
        (request(query=b"Action=Ping", accept=b"text/html"), False),
        (request("POST", accept=b"text/html"), False),
        (request(accept=b"*/*"), False),
        (request(accept=b"application/json"), False),
        (request(), False),
    ],
)
def test_a_page_is_for_browsers_that_ask_for_no_action(asked: Request, wanted: bool) -> None:
    assert wants_page(asked) is wanted
