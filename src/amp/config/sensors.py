"""The rows of the GUI's table ``sensors`` as servers, held to the same rules as those of the file."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import attrs

from amp.config.checks import LOOPBACK
from amp.config.rules import Host, Name, Whole
from amp.config.schema import AsteriskServer, Listen
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
        renamed: of those that are not called as in the GUI, likewise.
    """

    servers: dict[str, VoipmonitorServer]
    problems: tuple[str, ...]
    renamed: tuple[str, ...]


def read_sensors(
    rows: Iterable[Mapping[str, object]],
    template: VoipmonitorServer,
    others: Iterable[AsteriskServer | VoipmonitorServer],
    listens: Iterable[Listen] = (),
) -> Fleet:
    """Turn rows into servers.

    Args:
        rows: by column. Only ``id_sensor`` and ``host`` must be there; others came with later versions.
        template: what all of them have in common; its name is that of sensors without a usable one.
        others: all other servers; the template may be among them.
        listens: amp's own listeners, which are no sensors.
    """
    wanted = [row for row in rows if _wanted(row)]
    reader = _Reader(template, tuple(one for one in others if one is not template), tuple(listens), wanted)
    fleet: dict[str, VoipmonitorServer] = {}
    problems = []
    for row in wanted:
        try:
            server = reader.server(row)
        except ValueError as error:
            problems.append(f"sensor {_shown(row.get('id_sensor'))}: {error}")
        else:
            fleet[server.name] = server
    return Fleet(fleet, tuple(problems), tuple(reader.renamed))


class _Reader:
    """Reads rows one by one; what was taken by one is not for the next."""

    def __init__(
        self,
        template: VoipmonitorServer,
        others: tuple[AsteriskServer | VoipmonitorServer, ...],
        listens: tuple[Listen, ...],
        rows: Iterable[Mapping[str, object]],
    ) -> None:
        self.renamed: list[str] = []
        self._template = template
        self._own = {
            (LOOPBACK.get(listen.address.lower(), listen.address.lower()), listen.port)
            for listen in listens
            if listen.unix is None and listen.activation is None
        }
        self._names = {one.name.lower() for one in others}
        self._numbers = {
            one.sensor_id: one.name
            for one in others
            if isinstance(one, VoipmonitorServer) and one.sensor_id is not None
        }
        self._hosts = {host.lower() for one in others for host in _hosts(one)}
        self._rows_with = Counter(_key(row.get("host")) for row in rows)

    def server(self, row: Mapping[str, object]) -> VoipmonitorServer:
        """One row.

        Raises:
            ValueError: it cannot be used; says why.
        """
        number = NUMBER.read(row.get("id_sensor"))
        if (other := self._numbers.get(number)) is not None:
            raise ValueError(f"{other} has this sensor_id")
        host = HOST.read(_text(row["host"]))
        port = PORT.read(row.get("port") or self._template.port)
        if (LOOPBACK.get(host.lower(), host.lower()), port) in self._own:
            raise ValueError("it is one of amp's own listeners")
        name = self._name(_text(row.get("name")), number, host)
        self._names.add(name.lower())
        self._numbers[number] = name
        return attrs.evolve(self._template, name=name, sensor_id=number, host=host, port=port, sensors=None)

    def _name(self, text: object, number: int, host: str) -> str:
        """The GUI's name if it can be one, else that of the template with the number.

        Raises:
            ValueError: neither can.
        """
        otherwise = f"{self._template.name}{number}"
        given = text if isinstance(text, str) and text else None
        problem = self._name_problem(text, number, host) if given is not None else "there is none"
        if not problem:
            assert given is not None
            return given
        if other := self._name_problem(otherwise, number, host):
            raise ValueError(f"the name {otherwise}: {other}")
        if given is not None and given.lower() != otherwise.lower():
            self.renamed.append(f"sensor {number} is called {otherwise}: its name in the GUI: {problem}")
        return otherwise

    def _name_problem(self, text: object, number: int, host: str) -> str:
        """Why that cannot be its name; ``""`` if it can. ``Server:`` must mean one server."""
        try:
            name = NAME.read(text).lower()
        except ValueError as error:
            return str(error)
        if name in self._names:
            return "taken"
        if name.isdecimal() and name != str(number):
            return "it is a number, which means the sensor of that number"
        hosts_alike = self._rows_with[name] > (name == host.lower())
        if name in self._hosts or hosts_alike or (name != host.lower() and _is_address(name)):
            return "it is the host of another server"
        return ""


def _wanted(row: Mapping[str, object]) -> bool:
    """Whether it has a place, and is not switched off in the GUI."""
    host = row.get("host")
    return not row.get("disable") and not (host is None or (isinstance(host, str) and not host.strip()))


def _hosts(server: AsteriskServer | VoipmonitorServer) -> Iterable[str]:
    """What ``Server:`` may say in place of its name."""
    if isinstance(server, AsteriskServer):
        return server.addresses
    return () if server.host is None else (server.host,)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _key(host: object) -> str:
    return host.strip().lower() if isinstance(host, str) else ""


def _text(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _shown(number: object) -> str:
    return str(number) if type(number) is int else "without a number"
