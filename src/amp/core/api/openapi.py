"""``/openapi.json``: what the HTTP API offers, for programs that read such documents (OpenAPI 3.1)."""

from __future__ import annotations

from typing import Final

__all__ = ["document"]

Json = dict[str, object]

STRING: Final[Json] = {"type": "string"}
NUMBER: Final[Json] = {"type": "number"}
COUNT: Final[Json] = {"type": "integer", "minimum": 0}
FLAG: Final[Json] = {"type": "boolean"}
NAMES: Final[Json] = {"type": "array", "items": STRING}
MAYBE_TEXT: Final[Json] = {"type": ["string", "null"]}
OBJECT: Final[Json] = {"type": "object"}

HEADERS: Final[Json] = {
    "type": "object",
    "description": "Headers by name; one that repeats is a list, in order.",
    "additionalProperties": {"anyOf": [STRING, NAMES]},
}
ACTION: Final[Json] = {
    "type": "object",
    "description": "The headers of an action; one that repeats is a list.",
    "properties": {
        "Action": {"type": "string", "minLength": 1},
        "ProxyAction": {"type": "string", "minLength": 1},
    },
    "anyOf": [{"required": ["Action"]}, {"required": ["ProxyAction"]}],
    "example": {"Action": "Ping"},
}


def _object(
    required: dict[str, Json], optional: dict[str, Json] | None = None, *, closed: bool = False
) -> Json:
    found: Json = {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
    }
    return {**found, "additionalProperties": False} if closed else found


ERROR: Final = _object({"code": STRING, "message": STRING})
SERVER: Final = _object(
    {
        "name": STRING,
        "kind": {"enum": ["asterisk", "voipmonitor"]},
        "state": {"enum": ["up", "down"]},
        "paused": FLAG,
        "reason": STRING,
        "since": MAYBE_TEXT,
        "host": STRING,
        "port": COUNT,
        "version": STRING,
        "epoch": STRING,
        "seq": COUNT,
        "events": COUNT,
        "pending": COUNT,
    }
)
SESSION: Final = _object(
    {
        "number": COUNT,
        "address": STRING,
        "user": MAYBE_TEXT,
        "protocol": STRING,
        "since": STRING,
        "format": STRING,
        "sees_events": FLAG,
        **dict.fromkeys(
            (
                "bytes_in", "bytes_out", "actions", "events", "filtered", "denials", "gaps", "waiting_bytes",
                "peak_bytes",
            ),
            COUNT,
        ),
    }
)  # fmt: skip
ANSWER: Final = _object(
    {
        "server": MAYBE_TEXT,
        "response": HEADERS,
        "events": {"type": "array", "items": HEADERS},
        "complete": FLAG,
        "error": {"anyOf": [ERROR, {"type": "null"}]},
    },
    {
        "unparsed": {
            **NAMES,
            "description": "Lines of the answer that are no headers; only where there are some.",
        }
    },
)
ANSWERS: Final = _object(
    {
        "complete": FLAG,
        "error": {"anyOf": [ERROR, {"type": "null"}]},
        "answers": {"type": "array", "items": ANSWER},
    }
)
ME: Final = _object(
    {
        "user": STRING,
        "read": NAMES,
        "write": NAMES,
        "servers": {"anyOf": [NAMES, {"type": "null"}], "description": "null: all"},
    }
)
STATS: Final = _object(
    {
        "name": STRING,
        "version": STRING,
        "uptime_s": NUMBER,
        "connections": COUNT,
        "clients": OBJECT,
        "admission": OBJECT,
        "resume": OBJECT,
        "servers": OBJECT,
    }
)
LOGIN: Final = _object({"username": STRING, "secret": STRING}, closed=True)
DO: Final = _object(
    {"action": ACTION},
    {"timeout": {"type": "number", "minimum": 0.1, "maximum": 3600}},
    closed=True,
)

REFUSALS: Final = {
    "400": "The request is wrong.",
    "401": "No or wrong credentials.",
    "403": "Not permitted.",
    "429": "Too many at once.",
}


def document(version: str) -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "amp", "version": version, "description": "The manager proxy for VoIP fleets."},
        "paths": _paths(),
        "components": {
            "schemas": {"Error": _object({"error": ERROR})},
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "amp_session"},
            },
        },
        "security": [{"basic": []}, {"bearer": []}, {"cookie": []}],
    }


def _paths() -> Json:
    server = _place("server", "The name of a server.")
    missing = {"404": "There is no such thing, or not for this user."}
    failed = {
        "400": "The request is wrong, or is not JSON.", "404": "There is no such server.",
        "502": "Not done, or the answer is too large.", "504": "Whether it was done is not known.",
    }  # fmt: skip
    bad = {"400": "The request is wrong."}
    return {
        "/api/v1/servers": {"get": _read("Servers and sniffers", {"type": "array", "items": SERVER})},
        "/api/v1/servers/{server}": {"get": _read("One of them", SERVER, server, **missing)},
        "/api/v1/servers/{server}/commands/{command}": {
            "get": _command(server, {"name": "arguments", "in": "query", "schema": STRING}),
            "post": _command(server),
        },
        "/api/v1/sessions": {"get": _read("Connected clients", {"type": "array", "items": SESSION})},
        "/api/v1/events": {"get": _events()},
        "/api/v1/stats": {"get": _read("Everything that is counted", STATS)},
        "/api/v1/me": {"get": _read("Who is signed in", ME)},
        "/api/v1/actions": {"post": _write("Have an action done", DO, ANSWERS, **failed)},
        "/api/v1/login": {"post": {**_write("Sign in by cookie", LOGIN, ME, **bad), "security": []}},
        "/api/v1/logout": {"post": _log_out()},
        "/healthz": {"get": _open("Whether amp lives", _object({"alive": FLAG}))},
        "/readyz": {"get": _readyz()},
        "/metrics": {"get": _metrics()},
    }


def _place(name: str, about: str) -> Json:
    return {"name": name, "in": "path", "required": True, "description": about, "schema": STRING}


def _json(about: str, schema: Json) -> Json:
    return {"description": about, "content": {"application/json": {"schema": schema}}}


def _responses(schema: Json, refusals: dict[str, str]) -> Json:
    error: Json = {"$ref": "#/components/schemas/Error"}
    return {"200": _json("Done.", schema), **{status: _json(why, error) for status, why in refusals.items()}}


def _read(summary: str, schema: Json, *parameters: Json, **refusals: str) -> Json:
    responses = _responses(schema, {**REFUSALS, **refusals})
    return {"summary": summary, "parameters": list(parameters), "responses": responses}


def _write(summary: str, body: Json, schema: Json, **refusals: str) -> Json:
    sent = {"required": True, "content": {"application/json": {"schema": body}}}
    responses = _responses(schema, {**REFUSALS, **refusals})
    return {"summary": summary, "requestBody": sent, "responses": responses}


def _open(summary: str, schema: Json, **refusals: str) -> Json:
    return {"summary": summary, "security": [], "responses": _responses(schema, refusals)}


def _command(server: Json, *arguments: Json) -> Json:
    command = _place("command", "A command of the sniffer.")
    refusals = {
        "400": "The arguments are wrong.", "404": "There is no such sniffer or command.",
        "405": "The command changes something: use POST.", "502": "The sniffer did not do it.",
        "503": "The sniffer has too much to do.", "504": "The sniffer did not answer.",
    }  # fmt: skip
    found = _read("The reply of a sniffer, as it comes", STRING, server, command, *arguments, **refusals)
    responses = found["responses"]
    assert isinstance(responses, dict)
    responses["200"] = {"description": "The reply.", "content": {"*/*": {}}}
    if not arguments:
        form = _object({}, {"arguments": STRING}, closed=True)
        found["requestBody"] = {"content": {"application/x-www-form-urlencoded": {"schema": form}}}
    return found


def _events() -> Json:
    """The stream; each query field of globs may repeat, or hold several with commas between them."""
    fields = [
        ("servers", "query", "Globs of names of servers; all without it."),
        ("events", "query", "Globs of names of events; all without it."),
        ("where", "query", "Header:glob; the event has such a value."),
        ("since", "query", "Where the client stands: the id of the last event it got."),
        ("Last-Event-ID", "header", "The same, as browsers send it; it counts before since."),
    ]
    parameters: list[Json] = [
        {"name": name, "in": place, "description": about, "schema": STRING} for name, place, about in fields
    ]
    found = _read("Events as they come (server-sent events)", STRING, *parameters, **{"400": "What?"})
    responses = found["responses"]
    assert isinstance(responses, dict)
    responses["200"] = {"description": "Events.", "content": {"text/event-stream": {"schema": STRING}}}
    return found


def _log_out() -> Json:
    done: Json = {"204": {"description": "Done."}}
    return {"summary": "End the session of the cookie", "security": [], "responses": done}


def _readyz() -> Json:
    schema = _object({"ready": FLAG, "servers": COUNT, "up": COUNT})
    found = _open("Whether to send clients here", schema, **{"400": "What?", "503": "Not now."})
    servers = {"name": "servers", "in": "query", "schema": {"enum": ["one", "all"]}}
    return {**found, "parameters": [{**servers, "description": "How many servers have to be up."}]}


def _metrics() -> Json:
    found = _read("For Prometheus; from allow of [metrics] without signing in", STRING)
    responses = found["responses"]
    assert isinstance(responses, dict)
    responses["200"] = {"description": "Metrics.", "content": {"text/plain": {"schema": STRING}}}
    return found
