"""The document by itself; tests/shell/test_openapi.py holds a running amp to it."""

from __future__ import annotations

import json
from typing import Any

from amp.core.api.openapi import document


def test_every_operation_says_what_it_answers() -> None:
    found: Any = json.loads(json.dumps(document("1.2.3")))
    assert (found["openapi"][:3], found["info"]["version"]) == ("3.1", "1.2.3")
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (path, method)
            assert any(status.startswith("2") for status in operation["responses"]), (path, method)
            named = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path
