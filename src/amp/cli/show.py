"""``amp show``: how a running amp is, in tables."""

from __future__ import annotations

import json as json_module
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter

from amp.cli.control import Control, Where, do
from amp.cli.reading import say
from amp.cli.tables import Column, Row, in_bytes, in_seconds, table, text

__all__ = ["COLUMNS", "show", "state"]

Topic = Literal["servers", "clients", "sessions", "stats"]


def state(row: Row) -> str:
    """How a server is, in a word or two."""
    return f"{row['state']}, paused" if row.get("paused") else str(row["state"])


COLUMNS: Final[Mapping[str, Sequence[Column]]] = {
    "servers": (
        Column("NAME", text("name")),
        Column("KIND", text("kind")),
        Column("STATE", state),
        Column("HOST", text("host")),
        Column("SINCE", text("since")),
        Column("EVENTS", text("events"), right=True),
        Column("IN", in_bytes("bytes_in"), right=True),
        Column("PENDING", text("pending"), right=True),
        Column("OLDEST", in_seconds("oldest_pending_s"), right=True),
        Column("VERSION", text("version")),
        Column("REASON", text("reason")),
    ),
    "clients": (
        Column("CLIENT", text("number"), right=True),
        Column("USER", text("user")),
        Column("ADDRESS", text("address")),
        Column("PROTOCOL", text("protocol")),
        Column("SINCE", text("since")),
        Column("ACTIONS", text("actions"), right=True),
        Column("EVENTS", text("events"), right=True),
        Column("OUT", in_bytes("bytes_out"), right=True),
        Column("WAITING", in_bytes("waiting_bytes"), right=True),
        Column("PEAK", in_bytes("peak_bytes"), right=True),
        Column("GAPS", text("gaps"), right=True),
    ),
    "sessions": (
        Column("SERVER", text("server")),
        Column("LINK", text("link"), right=True),
        Column("ROLE", text("role")),
        Column("STATE", text("state")),
        Column("PENDING", text("pending"), right=True),
        Column("OLDEST", in_seconds("oldest_pending_s"), right=True),
    ),
    "stats": (Column("NAME", text("name")), Column("VALUE", text("value"), right=True)),
}


def show(
    what: Topic = "servers",
    /,
    *,
    json: Annotated[bool, Parameter(negative=())] = False,
    where: Where | None = None,
) -> int:
    """Show how a running amp is.

    Parameters
    ----------
    what
        servers: what amp is connected to; clients: who is connected to amp; sessions: amp's own logins at its
        servers; stats: everything that is counted.
    json
        All there is to know as JSON, instead of a table of the most important.
    """

    def work(control: Control) -> None:
        reply = control.ask("show", what=what)
        found = reply["stats"] if what == "stats" else reply["rows"]
        if json:
            say(json_module.dumps(found, indent=2))
        else:
            say(*table(COLUMNS[what], list(flat(found)) if what == "stats" else found))

    return do("show", where, work)


def flat(found: Mapping[str, Any], prefix: str = "") -> Iterator[Row]:
    """A row for each number or text in nested objects, with the path to it as its name."""
    for name, value in found.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield {"name": f"{prefix}{name}", "value": value}
