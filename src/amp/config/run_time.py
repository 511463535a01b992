"""One more server while amp runs, held to the same rules as those of the file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from amp.config.certificates import certificate_problems
from amp.config.checks import cross_problems
from amp.config.schema import AsteriskServer, Config, VoipmonitorServer
from amp.config.secret import SecretReader
from amp.config.structure import structure
from amp.errors import ConfigError

__all__ = ["read_server", "server_table"]

PLACE = re.compile(r"server\[([0-9]+)\]")
WHOLE_NUMBERS = ("port", "max_sessions")


def server_table(settings: Mapping[str, str]) -> dict[str, object]:
    """Texts by key into a ``[[server]]`` as it would stand in a file.

    What is to be a whole number becomes one, if it is; several hosts have commas between them; without a
    host the name is one.
    """
    table: dict[str, object] = dict(settings)
    for key in WHOLE_NUMBERS:
        text = settings.get(key, "")
        if text.isascii() and text.isdigit() and len(text) <= 9:
            table[key] = int(text)
        elif text:
            table[key] = -1  # its rule tells what was expected
    hosts = [host.strip() for host in settings.get("host", "").split(",")]
    if len(hosts) > 1:
        del table["host"]
        table["hosts"] = hosts
    elif "host" not in table and "name" in table:
        table["host"] = table["name"]
    return table


def read_server(
    table: Mapping[str, object], others: Sequence[AsteriskServer | VoipmonitorServer], folder: Path
) -> AsteriskServer:
    """A server that is to join the others.

    Args:
        table: as in a file; its texts may come from anybody.
        others: those that there are.
        folder: where relative paths of files count from.

    Raises:
        ConfigError: with every problem, each beginning with its key. None holds the secret.
    """
    config, problems = structure({"server": [dict(table)]}, SecretReader(folder=folder, environ=os.environ))
    problems += certificate_problems({"server": [table]}, folder)
    problems = [problem.removeprefix("server[0].").removeprefix("server[0]: ") for problem in problems]
    problems += _clashes(table, others)
    if config is None or problems:
        raise ConfigError("server", problems)
    return _only(config)


def _only(config: Config) -> AsteriskServer:
    (server,) = config.asterisks
    return server


def _clashes(table: Mapping[str, object], others: Sequence[AsteriskServer | VoipmonitorServer]) -> list[str]:
    """What the name or the host has against those of others, which are told by their names."""
    own = f"server[{len(others)}]"
    names = [other.name for other in others]
    problems = []
    for problem in cross_problems({"server": [*map(_table, others), dict(table)]}):
        if own not in problem:
            continue
        if not problem.startswith(own):
            problem = f"{own}.host: it is the name of {problem.partition('.')[0]}"
        text = problem.removeprefix(own).removeprefix(".").removeprefix(": ")
        problems.append(PLACE.sub(lambda match: f"server {names[int(match[1])]}", text))
    return problems


def _table(server: AsteriskServer | VoipmonitorServer) -> dict[str, object]:
    if isinstance(server, VoipmonitorServer):
        return {"kind": server.kind, "name": server.name, "host": server.host}
    return {"name": server.name, "hosts": list(server.addresses)}
