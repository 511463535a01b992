"""The route table."""

from __future__ import annotations

import pytest

from amp.core.http.routes import Found, Routes


def table() -> Routes[str]:
    routes: Routes[str] = Routes()
    routes.add(("GET", "POST"), "/", "root")
    routes.add("GET", "/api/v1/servers", "servers")
    routes.add("GET", "/api/v1/servers/{name}", "server")
    routes.add("DELETE", "/api/v1/servers/{name}", "drop")
    routes.add("GET", "/static/{file:path}", "static")
    routes.add("HEAD", "/static/{file:path}", "head only")
    return routes


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "/", Found(200, "root")),
        ("HEAD", "/", Found(200, "root")),
        ("POST", "/", Found(200, "root")),
        ("GET", "/api/v1/servers", Found(200, "servers")),
        ("GET", "/api/v1/servers/pbx.1", Found(200, "server", {"name": "pbx.1"})),
        ("DELETE", "/api/v1/servers/a", Found(200, "drop", {"name": "a"})),
        ("GET", "/static/js/a.js", Found(200, "static", {"file": "js/a.js"})),
        ("HEAD", "/static/a\nb", Found(200, "static", {"file": "a\nb"})),
        ("GET", "/api/v1/servers/a/b", Found(404)),
        ("GET", "/api/v1/serversx", Found(404)),
        ("PUT", "/", Found(405, allow=("GET", "HEAD", "OPTIONS", "POST"))),
        ("POST", "/api/v1/servers/a", Found(405, allow=("DELETE", "GET", "HEAD", "OPTIONS"))),
        ("BREW", "/", Found(501)),
        ("get", "/", Found(501)),
    ],
)
def test_who_answers(method: str, path: str, found: Found[str]) -> None:
    assert table().find(method, path) == found


def test_the_rows_stand_there_in_order_one_for_each_method() -> None:
    rows = [(row.method, row.pattern, row.handler) for row in table().rows]
    assert rows[:3] == [("GET", "/", "root"), ("POST", "/", "root"), ("GET", "/api/v1/servers", "servers")]
    assert len(rows) == 7


def test_a_path_without_get_has_no_head() -> None:
    routes: Routes[str] = Routes()
    routes.add("POST", "/only", "x")
    assert routes.find("HEAD", "/only") == Found(405, allow=("OPTIONS", "POST"))


def test_bad_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="begins with '/'"):
        table().add("GET", "x", "y")
    with pytest.raises(ValueError, match="got 'FETCH'"):
        table().add("FETCH", "/x", "y")
