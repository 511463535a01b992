"""The rows of the GUI's table ``sensors`` as servers, held to the same rules as those of the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import attrs

from amp.config.checks import LOOPBACK
from amp.config.rules import Host, Name, Whole
from amp.config.schema import Listen
from amp.config.sniffers import VoipmonitorServer

__all__ = ["Fleet", "read_sensors"]

NAME: Final = Name("a server's name", reserved=("first", "none"))
HOST: Final = Host()
PORT: Final = Whole(1, 65535)
NUMBER: Final = Whole(0, (1 << 32) - 1)


class Fleet(NamedTuple):
    """What a table says.

    Attributes:
        servers: by name.
        problems: of the rows that cannot be used, one sentence each.
    """

    servers: dict[str, VoipmonitorServer]
    problems: tuple[str, ...]


def read_sensors(
    rows: Iterable[Mapping[str, object]],
    template: VoipmonitorServer,
    taken: Iterable[str],
    listens: Iterable[Listen] = (),
) -> Fleet:
    """Turn rows into servers.

    Args:
        rows: by column. Only ``id_sensor`` and ``host`` must be there; others came with later versions.
        template: what all of them have in common; its name is that of sensors without a usable one.
        taken: names that other servers have.
        listens: amp's own listeners, which are no sensors.
    """
    own = {
        (LOOPBACK.get(listen.address.lower(), listen.address.lower()), listen.port)
        for listen in listens
        if listen.unix is None and listen.activation is None
    }
    used = {name.lower() for name in taken}
    fleet: dict[str, VoipmonitorServer] = {}
    problems = []
    for row in rows:
        if not _wanted(row):
            continue
        try:
            server = _server(row, template, used, own)
        except ValueError as error:
            problems.append(f"sensor {_shown(row.get('id_sensor'))}: {error}")
            continue
        used.add(server.name.lower())
        fleet[server.name] = server
    return Fleet(fleet, tuple(problems))


def _wanted(row: Mapping[str, object]) -> bool:
    """Whether it has a place, and is not switched off in the GUI."""
    host = row.get("host")
    return not row.get("disable") and not (host is None or (isinstance(host, str) and not host.strip()))


def _server(
    row: Mapping[str, object], template: VoipmonitorServer, used: set[str], own: set[tuple[str, int]]
) -> VoipmonitorServer:
    number = NUMBER.read(row.get("id_sensor"))
    host = HOST.read(_text(row["host"]))
    port = PORT.read(row.get("port") or template.port)
    if (LOOPBACK.get(host.lower(), host.lower()), port) in own:
        raise ValueError("it is one of amp's own listeners")
    return attrs.evolve(
        template,
        name=_name(_text(row.get("name")), f"{template.name}{number}", used),
        sensor_id=number,
        host=host,
        port=port,
        sensors=None,
    )


def _name(text: object, otherwise: str, used: set[str]) -> str:
    """The GUI's name if it can be one, else the other one.

    Raises:
        ValueError: neither can.
    """
    try:
        name = NAME.read(text)
    except ValueError:
        name = otherwise
    if name.lower() in used:
        name = otherwise
    if name.lower() in used:
        raise ValueError(f"the name {NAME.read(otherwise)} is taken")
    return NAME.read(name)


def _text(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _shown(number: object) -> str:
    return str(number) if type(number) is int else "without a number"
