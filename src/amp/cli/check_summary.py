"""What ``amp check`` says of a configuration that can be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from amp.config.advice import advice
from amp.config.schema import Config
from amp.config.secret_files import configuration_files, named_files
from amp.core.doctor.finding import State
from amp.core.doctor.machine import judge_mode

__all__ = ["open_files", "summary"]


def open_files(config: Config, path: Path) -> Iterator[str]:
    """Files whose permissions let others read a secret in them, or change them; what to do about it.

    Args:
        path: of the configuration. A listener's own key is passed over: `advice` tells of it.
    """
    told = {listen.private_key or listen.certificate for listen in config.listen}
    for file, secret in (*configuration_files(path), *((file, True) for file in named_files(path))):
        with suppress(OSError):  # who needs the file has told that it is not there
            finding = judge_mode(str(file), file.stat().st_mode, secret=secret)
            if finding.state is not State.OK and file not in told:
                yield f"{finding.subject}: {finding.found}: {finding.advice}"


def summary(config: Config) -> Iterator[str]:
    """A short description: listeners, servers, users, and what is doubtful. No secrets."""
    for listen in config.listen:
        tls = "" if listen.tls == "off" else f", TLS {listen.tls}"
        pin = f", only server {listen.server}" if listen.server else ""
        formats = ""
        if (listen.input_format, listen.output_format) != ("standard", "standard"):
            formats = f", reads {listen.input_format}, writes {listen.output_format}"
        yield f"listen    {listen.place}  {', '.join(listen.protocols)}{tls}{pin}{formats}"
    for server in config.asterisks:
        place = " or ".join(host_port(host, server.port) for host in server.addresses)
        tls = "" if server.tls == "off" else f", TLS {server.tls}"
        yield f"server    {server.name}  {place}  {server.kind}, sessions {server.sessions}{tls}"
    for sniffer in (*config.sniffers, *((config.fleet,) if config.fleet else ())):
        yield f"sniffer   {sniffer.name}  {sniffer.place}  encryption {sniffer.encryption}"
    if config.database is not None:
        yield f"database  {config.database.place}  as {config.database.user}"
    if config.simulate is not None:
        names = (*config.simulate.names, *config.simulate.sniffer_names)
        yield f"simulate  {', '.join(names)}"
    for user in config.user:
        read, write = (", ".join(rights) or "nothing" for rights in (user.read, user.write))
        yield f"user      {user.name}  reads {read}; writes {write}"
    for sentence in advice(config):
        yield f"warning   {sentence}"


def host_port(host: str, port: int) -> str:
    """``host:port``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
