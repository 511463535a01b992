"""Shared by the tests of importing."""

from __future__ import annotations

from amp.config.schema import AsteriskServer, Config


def asterisks(config: Config) -> list[AsteriskServer]:
    """The servers, which are all Asterisks."""
    found = [server for server in config.server if isinstance(server, AsteriskServer)]
    assert len(found) == len(config.server)
    return found
