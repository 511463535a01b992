"""What no single key can tell: names that clash, references to nothing, listeners in each other's way.

These look at the file's plain values rather than at the classes, so that they also run, and all
problems come at once, when some value elsewhere is wrong. A value of the wrong type is passed over:
`amp.config.structure` has told of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from amp.config.places import clashing_listeners
from amp.config.rules import suggestion
from amp.config.schema import AsteriskServer, Listen, Simulate
from amp.config.sniffers import NO_CIPHER, VoipmonitorServer

__all__ = ["cross_problems"]

LOOPBACK: Final = dict.fromkeys(
    ("127.0.0.1", "localhost", "::1", "0.0.0.0", "::"),  # noqa: S104  # names to compare, not to bind
    "loopback",
)
"""Addresses of a listener, and hosts of a server, that are the same place on one machine."""

ASTERISK_PORT: Final = attrs.fields(AsteriskServer).port.default
SNIFFER_PORT: Final = attrs.fields(VoipmonitorServer).port.default

Tables = list[tuple[int, Mapping[str, object]]]


def cross_problems(data: Mapping[str, object]) -> list[str]:
    """Every problem between the sections of a parsed file, each beginning with its path."""
    servers, users, listens = _tables(data, "server"), _tables(data, "user"), _tables(data, "listen")
    simulated = _simulated(data)
    simulated_sniffers = _simulated_sniffers(data)
    simulated = (*simulated, *simulated_sniffers)
    named = [(index, table) for index, table in servers if "sensors" not in table]
    known = [*_texts(named, "name").values(), *simulated]
    sniffers = {str(table.get("name")) for _, table in named if table.get("kind") == "voipmonitor"}
    sniffers.update(simulated_sniffers)
    fleet = len(named) < len(servers)
    return [
        *_duplicates("server", _texts(servers, "name"), simulated),
        *_no_host(servers),
        *_sniffers_by_database(data, servers),
        *_remote_sockets(servers),
        *_hosts_like_names(servers),
        *_duplicates("user", _texts(users, "name"), ()),
        *_default_server(data, known),
        *_user_servers(users, known, fleet=fleet),
        *_named_users(data, list(_texts(users, "name").values())),
        *_narrowed_commands(users),
        *_local_channels(users),
        *_listen_servers(listens, known, fleet=fleet),
        *_sniffers_named(data, users, listens, sniffers),
        *_sensor_ids(servers),
        *_sniffer_listeners(listens, set(known) - sniffers, list(_texts(users, "name").values())),
        *clashing_listeners(listens),
        *_own_listeners(listens, servers),
        *_several_places(listens),
        *_tls(listens, servers),
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


def _simulated_sniffers(data: Mapping[str, object]) -> tuple[str, ...]:
    table = data.get("simulate")
    sniffers = table.get("sniffers", 0) if isinstance(table, dict) else 0
    usable = type(sniffers) is int and 0 <= sniffers <= 1000
    return Simulate(sniffers=sniffers).sniffer_names if usable else ()


def _duplicates(section: str, names: Mapping[int, str], taken: tuple[str, ...]) -> Iterator[str]:
    """Case counts in a name, but two that differ in nothing else are one somebody mistyped."""
    seen = {name.lower(): (name, "the simulated fleet ([simulate])") for name in taken}
    for index, name in names.items():
        other, where = seen.setdefault(name.lower(), (name, f"{section}[{index}]"))
        if where == f"{section}[{index}]":
            continue
        but = "" if name == other else ", but for upper and lower case"
        yield f"{section}[{index}].name: the same name as {where}{but}"


def _no_host(servers: Tables) -> Iterator[str]:
    for index, server in servers:
        if server.get("kind") == "voipmonitor":
            continue
        if "host" not in server and not server.get("hosts"):
            yield f"server[{index}].host: missing"
        elif "host" in server and server.get("hosts"):
            yield f"server[{index}]: expected either host or hosts"


def _sniffers_by_database(data: Mapping[str, object], servers: Tables) -> Iterator[str]:
    """What the database gives, there must be one for: the sensors, and a key that stands nowhere else."""
    database = data.get("database")
    if isinstance(database, dict):
        if "host" in database and "socket" in database:
            yield "database: expected either host or socket"
        if "ca" in database and database.get("tls", "off") != "verify":
            yield "database.ca: expected tls = 'verify' as well"
    fleets = [index for index, server in servers if "sensors" in server]
    for index in fleets[1:]:
        yield f"server[{index}].sensors: server[{fleets[0]}] takes them already"
    for index, server in servers:
        if server.get("kind") != "voipmonitor" or database is not None:
            continue
        if "sensors" in server:
            yield f"server[{index}].sensors: expected a section [database]"
        elif server.get("encryption") != NO_CIPHER and not {"key", "iv", "key_conf", "key_php"} & set(server):
            yield (
                f"server[{index}]: expected a key (key and iv, key_conf, key_php, or a section [database]), "
                'or encryption = "none"'
            )


def _remote_sockets(servers: Tables) -> Iterator[str]:
    """The folder of the configuration says nothing about paths on another host."""
    for index, server in servers:
        path = server.get("socket")
        if "ssh" in server and isinstance(path, str) and not path.startswith("/"):
            yield f"server[{index}].socket: expected an absolute path, since it is one on the other host"


def _hosts_like_names(servers: Tables) -> Iterator[str]:
    """``Server:`` matches a name or a host, and an action must not reach the wrong PBX."""
    hosts = [(index, host) for index, table in servers for host in _hosts(table)]
    for index, name in _texts(servers, "name").items():
        for other, host in hosts:
            if other != index and host.lower() == name.lower():
                yield f"server[{index}].name: it is the host of server[{other}]; 'Server:' could mean either"


def _sensor_ids(servers: Tables) -> Iterator[str]:
    """``Server: 2`` means one sniffer."""
    seen: dict[int, int] = {}
    named = {name: index for index, name in _texts(servers, "name").items()}
    for index, server in servers:
        sensor = server.get("sensor_id")
        if type(sensor) is int and seen.setdefault(sensor, index) != index:
            yield f"server[{index}].sensor_id: the same as that of server[{seen[sensor]}]"
        elif type(sensor) is int and named.get(str(sensor), index) != index:
            yield f"server[{index}].sensor_id: server[{named[str(sensor)]}] has it for its name"


def _hosts(server: Mapping[str, object]) -> Iterator[str]:
    several = server.get("hosts")
    for host in (server.get("host"), *(several if isinstance(several, list) else ())):
        if isinstance(host, str):
            yield host


def _default_server(data: Mapping[str, object], known: list[str]) -> Iterator[str]:
    proxy = data.get("proxy")
    name = proxy.get("default_server") if isinstance(proxy, dict) else None
    if isinstance(name, str) and name not in ("first", "none", *known):
        yield f"proxy.default_server: no server has this name{suggestion(name, ('first', 'none', *known))}"


def _user_servers(users: Tables, known: list[str], *, fleet: bool) -> Iterator[str]:
    """With a fleet a further server may be a sensor that only the database knows; `advice` tells of it."""
    for index, user in users:
        servers = user.get("servers")
        named: list[tuple[str, object]] = [(f"user[{index}].server", user.get("server"))]
        if isinstance(servers, list):
            if servers and "server" not in user:
                yield f"user[{index}].servers: expected server as well; without it every server may be named"
            further = enumerate(() if fleet else servers)
            named += [(f"user[{index}].servers[{place}]", name) for place, name in further]
        for path, name in named:
            if isinstance(name, str) and name not in known:
                yield f"{path}: no server has this name{suggestion(name, known)}"


def _named_users(data: Mapping[str, object], known: list[str]) -> Iterator[str]:
    proxy = data.get("proxy")
    for key in ("proxy_key_user", "anonymous_user"):
        name = proxy.get(key) if isinstance(proxy, dict) else None
        if isinstance(name, str) and name not in known:
            yield f"proxy.{key}: no user has this name{suggestion(name, known)}"


def _local_channels(users: Tables) -> Iterator[str]:
    """``filter_local`` leads where ``out_context`` says, or makes an exception from ``channel``."""
    for index, user in users:
        local, path = user.get("filter_local", "off"), f"user[{index}].filter_local"
        if local in ("allowwith", "enforce") and "out_context" not in user:
            yield f"{path}: expected out_context as well; {local!r} is about the Local channels into it"
        elif local == "allow" and "out_context" not in user and "channel" not in user:
            yield f"{path}: expected channel or out_context as well; without them every channel is allowed"


def _narrowed_commands(users: Tables) -> Iterator[str]:
    """``commands`` narrows a door that only its own name opens; it opens none."""
    for index, user in users:
        write = user.get("write", [])
        if user.get("commands") and isinstance(write, list) and "command" not in write:
            yield f"user[{index}].commands: expected 'command' in write as well; without it no command runs"


def _listen_servers(listens: Tables, known: list[str], *, fleet: bool) -> Iterator[str]:
    of_file = [(index, table) for index, table in listens if not (fleet and _speaks_voipmonitor(table))]
    for index, name in _texts(of_file, "server").items():
        if name not in known:
            yield f"listen[{index}].server: no server has this name{suggestion(name, known)}"


def _sniffers_named(
    data: Mapping[str, object], users: Tables, listens: Tables, sniffers: set[str]
) -> Iterator[str]:
    """Actions and events have their home at an Asterisk; a sniffer takes commands besides."""
    proxy = data.get("proxy")
    named = [("proxy.default_server", proxy.get("default_server") if isinstance(proxy, dict) else None)]
    named += [(f"user[{index}].server", user.get("server")) for index, user in users]
    named += [
        (f"listen[{index}].server", listen.get("server"))
        for index, listen in listens
        if not _speaks_voipmonitor(listen)
    ]
    for path, name in named:
        if isinstance(name, str) and name in sniffers:
            yield f"{path}: expected an Asterisk, and {name} is a sniffer"


def _speaks_voipmonitor(listen: Mapping[str, object]) -> bool:
    protocols = listen.get("protocols")
    return isinstance(protocols, list) and "voipmonitor" in protocols


def _sniffer_listeners(listens: Tables, others: set[str], users: list[str]) -> Iterator[str]:
    """A listener in a sniffer's place needs to know which, and whose rights its clients have.

    Args:
        others: the names of servers that are no sniffers.
    """
    for index, listen in listens:
        path = f"listen[{index}]"
        if not _speaks_voipmonitor(listen):
            yield from (
                f"{path}.{key}: expected protocols = ['voipmonitor'] as well"
                for key in ("user", "key", "iv")
                if key in listen
            )
            continue
        for key in ("input_format", "output_format"):
            if key in listen:
                yield f"{path}.{key}: a sniffer's protocol has no formats"
        if listen.get("protocols") != ["voipmonitor"]:
            yield f"{path}.protocols: 'voipmonitor' stands alone: nothing tells it from other protocols"
        server, user = listen.get("server"), listen.get("user")
        if server is None or (isinstance(server, str) and server in others):
            yield f"{path}.server: expected the sniffer in whose place it stands"
        if user is None:
            yield f"{path}.user: missing; the protocol has no login, so its clients have a user's rights"
        elif isinstance(user, str) and user not in users:
            yield f"{path}.user: no user has this name{suggestion(user, users)}"


def _own_listeners(listens: Tables, servers: Tables) -> Iterator[str]:
    """amp as its own server would be told its own events again, without end."""
    own = {
        _place(listen.get("address", Listen().address), listen.get("port", Listen().port)): index
        for index, listen in listens or [(0, {})]
        if "unix" not in listen and "activation" not in listen
    }
    for index, server in servers:
        port = server.get("port", SNIFFER_PORT if server.get("kind") == "voipmonitor" else ASTERISK_PORT)
        hosts = server.get("hosts", [server.get("host")]) if "ssh" not in server else []
        for host in hosts if isinstance(hosts, list) else []:
            place = _place(host, port)
            if place is not None and place in own:
                which = f"listen[{own[place]}]" if listens else "listener, there without any [[listen]]"
                yield f"server[{index}]: is amp's own {which} (give one of them another port)"


def _place(host: object, port: object) -> tuple[str, int] | None:
    if not isinstance(host, str) or not isinstance(port, int) or port == 0:
        return None
    return LOOPBACK.get(host.lower(), host.lower()), port


def _several_places(listens: Tables) -> Iterator[str]:
    for index, listen in listens:
        named = [key for key in ("address", "unix", "activation") if key in listen]
        if len(named) > 1 or ("port" in listen and named not in ([], ["address"])):
            yield f"listen[{index}]: expected address and port, or unix, or activation"
        elif "unix_mode" in listen and named != ["unix"]:
            yield f"listen[{index}].unix_mode: expected unix as well"


def _tls(listens: Tables, servers: Tables) -> Iterator[str]:
    for index, listen in listens:
        if listen.get("tls", "off") in ("optional", "required") and "certificate" not in listen:
            yield f"listen[{index}].certificate: missing; tls needs one"
        if "private_key" in listen and "certificate" not in listen:
            yield f"listen[{index}].private_key: expected certificate as well"
    for index, server in servers:
        for key in ("ca", "server_name"):
            if key in server and server.get("tls", "off") != "verify":
                yield f"server[{index}].{key}: expected tls = 'verify' as well"


def _no_protocol(listens: Tables) -> Iterator[str]:
    for index, listen in listens:
        if listen.get("protocols") == []:
            yield f"listen[{index}].protocols: expected at least one"
