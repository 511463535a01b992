"""JSON objects of requests."""

from __future__ import annotations

import pytest

from amp.core.api.fields import Fields, read_object
from amp.core.http.message import Request
from amp.errors import LocalProtocolError

KIND = ((b"content-type", b"application/json; charset=utf-8"),)


def test_each_field_is_asked_for_once() -> None:
    fields = Fields({"name": "x", "timeout": 2, "action": {"Action": "Ping"}})
    assert (fields.text("name"), fields.seconds("timeout", 10.0)) == ("x", 2.0)
    assert fields.seconds("timeout", 10.0) == 10.0
    assert fields.table("action") == {"Action": "Ping"}
    fields.end()


@pytest.mark.parametrize("value", [None, 1, ["x"]])
def test_what_is_of_another_kind_is_named(value: object) -> None:
    with pytest.raises(LocalProtocolError, match="name: expected a string"):
        Fields({"name": value}).text("name")
    with pytest.raises(LocalProtocolError, match="name: expected an object"):
        Fields({"name": value}).table("name")


@pytest.mark.parametrize("value", [True, "1", 0.01, 11, float("nan")])
def test_seconds_have_bounds(value: object) -> None:
    with pytest.raises(LocalProtocolError, match=r"timeout: expected seconds, 0\.1 to 10"):
        Fields({"timeout": value}).seconds("timeout", 10.0)


def test_a_misspelt_wish_is_an_error() -> None:
    with pytest.raises(LocalProtocolError, match="'tiemout': unknown field"):
        Fields({"tiemout": 1}).end()


def test_only_an_object_that_says_it_is_json_is_read() -> None:
    assert read_object(Request(method="POST", path="/", headers=KIND, body=b'{"a":"b"}')).text("a") == "b"
    for body in (b"[]", b"{", b""):
        with pytest.raises(LocalProtocolError, match="one JSON object"):
            read_object(Request(method="POST", path="/", headers=KIND, body=body))
    with pytest.raises(LocalProtocolError, match="application/json"):
        read_object(Request(method="POST", path="/", body=b"{}"))
