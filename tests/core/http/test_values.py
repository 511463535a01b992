"""Requests, responses, credentials, cookies, statuses and formats."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.formats.csv import CSV
from amp.core.formats.json import JSON
from amp.core.formats.standard import STANDARD
from amp.core.formats.xml import XML
from amp.core.http.accept import piece, preferred
from amp.core.http.credentials import Basic, ProxyKey, cookies, read_authorization, read_basic
from amp.core.http.message import Request, Response, problem, reason_of, whole
from amp.core.http.outcome import status_of

OUTPUTS = (STANDARD, XML, CSV, JSON)


def basic(text: bytes) -> bytes:
    return b"Basic " + base64.b64encode(text)


def test_credentials_are_read_and_not_shown() -> None:
    found = read_basic(basic(b"anna:an:na's"))
    assert found == Basic(b"anna", b"an:na's")
    assert "na's" not in repr(found)
    assert "geheim" not in repr(ProxyKey(b"geheim"))
    assert read_basic(b"  basic " + base64.b64encode(b":")) == Basic(b"", b"")


@pytest.mark.parametrize(
    "header",
    [b"", b"Basic", b"Basic !!", basic(b"nocolon"), basic(b"a:b\r\nX: y"), basic(b"a\0:b"), b"Bearer"],
)
def test_what_is_no_basic(header: bytes) -> None:
    assert read_basic(header) is None


@given(st.binary())
def test_any_authorization_is_read_or_refused(header: bytes) -> None:
    found = read_basic(b"Basic " + header)
    assert found is None or not {13, 10, 0} & set(found.username + found.secret)


@pytest.mark.parametrize(
    "header",
    [
        basic(b"anna:b?>~"),
        b"Bearer YW5uYTpiPz5+",
        b"Bearer YW5uYTpiPz5-",
        b"  bearer  YW5uYTpiPz5-  ",
    ],
)
def test_a_bearer_token_has_the_same_inside_in_either_base64(header: bytes) -> None:
    assert read_authorization(header) == Basic(b"anna", b"b?>~")


@given(st.binary().filter(lambda secret: not {13, 10, 0} & set(secret)))
def test_a_bearer_token_needs_no_padding(secret: bytes) -> None:
    token = base64.urlsafe_b64encode(b"anna:" + secret)
    for written in (token, token.rstrip(b"=")):
        assert read_authorization(b"Bearer " + written) == Basic(b"anna", secret)


@pytest.mark.parametrize("header", [b"", b"Bearer", b"Bearer !!", b"Digest YW5uYTpiPz5+", b"Bearer eDp5Cg"])
def test_what_is_no_authorization(header: bytes) -> None:
    """Neither is a name with a secret that ends a line, ``x:y`` and a line feed."""
    assert read_authorization(header) is None


def test_cookies() -> None:
    assert cookies(b'a=1; mansession_id="ab12"; a=2; junk; =x; b=') == {
        b"a": b"1", b"mansession_id": b"ab12", b"": b"x", b"b": b"",
    }  # fmt: skip


def test_a_request_says_what_it_has() -> None:
    request = Request(
        method="POST", path="/", headers=((b"content-type", b"Text/HTML ; x=y"), (b"a", b"1"), (b"a", b"2"))
    )
    assert request.header(b"a") == b"1"
    assert request.header(b"b") is None
    assert request.media_type() == b"text/html"
    assert Request(method="GET", path="/").media_type() == b""


def test_problems_say_why() -> None:
    response = problem(429, "slower", (b"retry-after", b"1"))
    assert response.body == b"429 Too Many Requests: slower\n"
    assert response.headers == ((b"retry-after", b"1"),)
    assert reason_of(299) == ""


def test_the_last_response_on_a_connection_is_sent_whole() -> None:
    assert whole(problem(400, "no", (b"allow", b"GET"))) == (
        b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 20\r\n"
        b"connection: close\r\nallow: GET\r\n\r\n400 Bad Request: no\n"
    )
    assert whole(Response(status=299)).startswith(b"HTTP/1.1 299 \r\n")


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        (None, "standard"),
        (b"*/*", "standard"),
        (b"text/html,application/xml;q=0.9", "standard"),
        (b"application/json", "json"),
        (b"Application/JSON; q=1, text/xml", "json"),
        (b"application/xml", "xml"),
        (b"text/csv", "csv"),
        (b"text/plain", "standard"),
        (b"image/png", "standard"),
    ],
)
def test_the_first_media_type_chooses_the_format(accept: bytes | None, name: str) -> None:
    assert preferred(accept, OUTPUTS, STANDARD).name == name


def test_a_document_has_the_server_in_its_place() -> None:
    frames = [b"Response: Success\r\nServer: a", b"Response: Error\r\nMessage: x"]
    assert b"".join(XML.document([piece(frame, XML) for frame in frames]).split()) == (
        b"<AsteriskManagerOutputs><AsteriskManagerOutput><ResponseValue=\"Success\"/><ServerValue=\"a\"/>"
        b"</AsteriskManagerOutput><AsteriskManagerProxyOutput><ResponseValue=\"Error\"/><MessageValue=\"x\"/>"
        b"</AsteriskManagerProxyOutput></AsteriskManagerOutputs>"
    )  # fmt: skip
    assert STANDARD.document([piece(frames[0], STANDARD)]) == frames[0] + b"\r\n\r\n"


def error(message: str, server: str = "") -> bytes:
    about = f"\r\nServer: {server}" if server else ""
    return f"Response: Error\r\nMessage: {message}{about}".encode()


def fan_out_end(answers: int, errors: int) -> bytes:
    return b"Event: ProxyFanoutComplete\r\nAnswers: %d\r\nErrors: %d" % (answers, errors)


@pytest.mark.parametrize(
    ("frames", "status"),
    [
        ([b"Response: Success"], 200),
        ([b"Response: Goodbye"], 200),
        ([error("No such channel", "a")], 200),
        ([error("Permission denied: header Application (right originate_application)")], 403),
        ([b"ProxyResponse: Error\r\nMessage: Permission denied"], 403),
        ([b"ProxyResponse: Failure\r\nMessage: no"], 200),
        ([error("Authentication failed")], 401),
        ([error("Invalid/unknown command: x. Use Action: ListCommands")], 404),
        ([error("Missing action in request")], 400),
        ([error("Not sent: unknown server x")], 404),
        ([error("Not sent: server a is down (no)", "a")], 502),
        ([error("Outcome unknown: no answer from server a within 60 s", "a")], 504),
        ([b"Response: Success", b"Event: ProxyListError\r\nMessage: Outcome unknown: x\r\nServer: a"], 504),
        ([error("Not sent: server a is down (no)", "a"), fan_out_end(1, 0)], 200),
        ([error("Not sent: server a is down (no)", "a"), fan_out_end(0, 0)], 502),
        ([b"\r\n"], 200),
        ([b"Response: Error"], 200),
    ],
)  # fmt: skip
def test_statuses(frames: list[bytes], status: int) -> None:
    assert status_of(frames) == status
