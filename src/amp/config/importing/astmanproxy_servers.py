"""``[[server]]`` from astmanproxy's lines ``host = address, port, user, secret, events, use_ssl``."""

from __future__ import annotations

from collections import Counter
from typing import Final

import attrs

from amp.config.importing.astmanproxy_files import Line
from amp.config.importing.astmanproxy_options import Options, clamped, milliseconds, whole
from amp.config.importing.table import Table

__all__ = ["HostLine", "named_servers", "server_tables"]

FIELDS: Final = ("host", "port", "username", "secret", "events", "use_ssl")
DEFAULT_MAX_S: Final = 30


@attrs.frozen
class HostLine:
    """One server, and how amp calls it: as clients named it in ``Server:``, by its host if that is clear."""

    line: Line
    name: str
    fields: dict[str, str]


def named_servers(options: Options) -> list[HostLine]:
    """The servers in the order of the file, the first being the one that actions go to by default."""
    lines = options.all("host")
    split = [dict(zip(FIELDS, [*line.value.split(","), *[""] * 6], strict=False)) for line in lines]
    hosts = Counter(fields["host"].lower() for fields in split)
    found: list[HostLine] = []
    for line, fields in zip(lines, split, strict=True):
        host = fields["host"]
        alone = hosts[host.lower()] == 1
        base = name = host if alone else f"{host}-{fields['port']}"
        taken = {server.name.lower() for server in found} | set(hosts) - ({host.lower()} if alone else set())
        number = 2
        while name.lower() in taken:
            name, number = f"{base}-{number}", number + 1
        found.append(HostLine(line, name, fields))
    return found


def server_tables(options: Options, servers: list[HostLine]) -> list[Table]:
    """A table for each."""
    return [_table(server, options) for server in servers]


def _table(server: HostLine, options: Options) -> Table:
    table = Table("server", array=True)
    fields = server.fields
    missing = [name for name in FIELDS if not fields[name]]
    if missing:
        table.void(f"astmanproxy did not start with such a line, {', '.join(missing)} missing.")
    if server.name != fields["host"]:
        table.note(
            f"Several servers have the host {fields['host']}. Clients see the name in Server:, and"
            " name it there to choose this one."
        )
    table.set("name", server.name)
    table.set("host", fields["host"])
    table.set("port", clamped(whole(fields["port"]), 1, 65535))
    table.set("username", fields["username"])
    table.set("secret", fields["secret"], *_secret_notes(server))
    table.set("events", fields["events"].lower())
    if fields["use_ssl"].lower() == "on":
        table.set(
            "tls",
            "insecure",
            'Was open: astmanproxy took any certificate. With tls = "verify" (and ca = "...") amp does not.',
        )
    _retries(table, options.last("retryinterval"))
    return table


def _secret_notes(server: HostLine) -> list[str]:
    secret, notes = server.fields["secret"] + server.fields["username"], []
    if server.line.cut:
        notes.append("astmanproxy read this line only up to a ; or #, and without =.")
    if secret != secret.lower():
        notes.append(
            "Most versions of astmanproxy sent name and secret in small letters, whatever stood in the file."
            " If Asterisk refuses this login, write them so."
        )
    return notes


def _retries(table: Table, interval: str) -> None:
    if not interval:
        return
    seconds = clamped(whole(interval), 0, 604_800)
    if seconds > DEFAULT_MAX_S:
        table.set("reconnect_max", milliseconds(seconds * 1000))
    table.set(
        "reconnect_first",
        milliseconds(seconds * 1000 or 100),
        "From here the wait doubles with each failure up to reconnect_max; astmanproxy's stayed the same.",
    )
