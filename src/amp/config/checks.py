"""What no single key can tell: names that clash, references to nothing, listeners in each other's way.

These look at the file's plain values rather than at the classes, so that they also run, and all
problems come at once, when some value elsewhere is wrong. A value of the wrong type is passed over:
`amp.config.structure` has told of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from amp.config.rules import suggestion
from amp.config.schema import Listen, Simulate

__all__ = ["cross_problems"]

Tables = list[tuple[int, Mapping[str, object]]]


def cross_problems(data: Mapping[str, object]) -> list[str]:
    """Every problem between the sections of a parsed file, each beginning with its path."""
    servers, users, listens = _tables(data, "server"), _tables(data, "user"), _tables(data, "listen")
    simulated = _simulated(data)
    known = [*_texts(servers, "name").values(), *simulated]
    return [
        *_duplicates("server", _texts(servers, "name"), simulated),
        *_hosts_like_names(servers),
        *_duplicates("user", _texts(users, "name"), ()),
        *_default_server(data, known),
        *_user_servers(users, known),
        *_named_users(data, list(_texts(users, "name").values())),
        *_narrowed_commands(users),
        *_same_address(listens),
        *_no_protocol(listens),
    ]


def _tables(data: Mapping[str, object], section: str) -> Tables:
    value = data.get(section)
    if not isinstance(value, list):
        return []
    return [(index, table) for index, table in enumerate(value) if isinstance(table, dict)]


def _texts(tables: Tables, key: str) -> dict[int, str]:
    return {index: value for index, table in tables if isinstance(value := table.get(key), str)}


def _simulated(data: Mapping[str, object]) -> tuple[str, ...]:
    table = data.get("simulate")
    if not isinstance(table, dict):
        return ()
    asterisks = table.get("asterisks", Simulate().asterisks)
    usable = type(asterisks) is int and 0 < asterisks <= 1000
    return Simulate(asterisks=asterisks).names if usable else ()


def _duplicates(section: str, names: Mapping[int, str], taken: tuple[str, ...]) -> Iterator[str]:
    """Case counts in a name, but two that differ in nothing else are one somebody mistyped."""
    seen = {name.lower(): (name, "the simulated fleet ([simulate])") for name in taken}
    for index, name in names.items():
        other, where = seen.setdefault(name.lower(), (name, f"{section}[{index}]"))
        if where == f"{section}[{index}]":
            continue
        but = "" if name == other else ", but for upper and lower case"
        yield f"{section}[{index}].name: the same name as {where}{but}"


def _hosts_like_names(servers: Tables) -> Iterator[str]:
    """``Server:`` matches a name or a host, and an action must not reach the wrong PBX."""
    hosts = _texts(servers, "host")
    for index, name in _texts(servers, "name").items():
        for other, host in hosts.items():
            if other != index and host.lower() == name.lower():
                yield f"server[{index}].name: it is the host of server[{other}]; 'Server:' could mean either"


def _default_server(data: Mapping[str, object], known: list[str]) -> Iterator[str]:
    proxy = data.get("proxy")
    name = proxy.get("default_server") if isinstance(proxy, dict) else None
    if isinstance(name, str) and name not in ("first", "none", *known):
        yield f"proxy.default_server: no server has this name{suggestion(name, ('first', 'none', *known))}"


def _user_servers(users: Tables, known: list[str]) -> Iterator[str]:
    for index, user in users:
        servers = user.get("servers")
        named: list[tuple[str, object]] = [(f"user[{index}].server", user.get("server"))]
        if isinstance(servers, list):
            if servers and "server" not in user:
                yield f"user[{index}].servers: expected server as well; without it every server may be named"
            named += [(f"user[{index}].servers[{place}]", name) for place, name in enumerate(servers)]
        for path, name in named:
            if isinstance(name, str) and name not in known:
                yield f"{path}: no server has this name{suggestion(name, known)}"


def _named_users(data: Mapping[str, object], known: list[str]) -> Iterator[str]:
    proxy = data.get("proxy")
    for key in ("proxy_key_user", "anonymous_user"):
        name = proxy.get(key) if isinstance(proxy, dict) else None
        if isinstance(name, str) and name not in known:
            yield f"proxy.{key}: no user has this name{suggestion(name, known)}"


def _narrowed_commands(users: Tables) -> Iterator[str]:
    """``commands`` narrows a door that only its own name opens; it opens none."""
    for index, user in users:
        write = user.get("write", [])
        if user.get("commands") and isinstance(write, list) and "command" not in write:
            yield f"user[{index}].commands: expected 'command' in write as well; without it no command runs"


def _same_address(listens: Tables) -> Iterator[str]:
    default = attrs.asdict(Listen())
    seen: dict[tuple[object, object], int] = {}
    for index, listen in listens:
        host, port = ({**default, **listen}[key] for key in ("address", "port"))
        if not isinstance(host, str) or not isinstance(port, int):
            continue
        address = (host, port)
        if address in seen and port != 0:
            yield f"listen[{index}]: the same address and port as listen[{seen[address]}]"
        seen.setdefault(address, index)


def _no_protocol(listens: Tables) -> Iterator[str]:
    for index, listen in listens:
        if listen.get("protocols") == []:
            yield f"listen[{index}].protocols: expected at least one"
