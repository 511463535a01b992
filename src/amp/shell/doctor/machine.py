"""Looks at amp's own machine: files and their permissions, places of listeners, certificates, descriptors.

Blocking, without waiting for anybody. Where a port is tried it is bound for a moment, never listened on.
"""

from __future__ import annotations

import datetime
import os
import resource
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from cryptography import x509

from amp.config.descriptors import SPARE_DESCRIPTORS, descriptors_of, server_descriptors
from amp.config.places import unusable_files
from amp.config.schema import Config, Listen, VoipmonitorServer
from amp.config.secret_files import configuration_files, named_files
from amp.core.doctor.certificates import judge_certificate
from amp.core.doctor.finding import Finding, fail, ok
from amp.core.doctor.machine import judge_descriptors, judge_mode, judge_port
from amp.shell.doctor.certificate_names import names_of
from amp.shell.doctor.holder import port_holder

__all__ = ["look_at_machine"]


def look_at_machine(
    config: Config, path: Path, sensors: Iterable[VoipmonitorServer] = ()
) -> Iterator[Finding]:
    """Everything that needs no network.

    Args:
        path: of the configuration.
        sensors: those of the database, which are not in it.
    """
    yield from _files(config, path)
    for listen in config.listen:
        yield from _listener(listen)
    links = server_descriptors(config) + descriptors_of(sensors)
    wanted = config.limits.connections + links + SPARE_DESCRIPTORS
    yield judge_descriptors(resource.getrlimit(resource.RLIMIT_NOFILE)[1], wanted)


def _files(config: Config, path: Path) -> Iterator[Finding]:
    for problem in unusable_files(config, path.parent):
        yield fail(
            "file", problem.partition(": ")[0], problem.partition(": ")[2], "make it writable for amp's user"
        )
    for own, secret in configuration_files(path):
        yield from _mode(own, secret=secret)
    for other in named_files(path):
        yield from _mode(other, secret=True)


def _mode(path: Path, *, secret: bool) -> Iterator[Finding]:
    with suppress(OSError):  # one that is not there or cannot be read is told by who needs it
        yield judge_mode(str(path), path.stat().st_mode, secret=secret)


def _listener(listen: Listen) -> Iterator[Finding]:
    subject = f"listen {listen.place}"
    if listen.activation is not None:
        yield ok("port", subject, "systemd holds it")
    elif listen.unix is None:
        problem = _bind_problem(listen.address, listen.port)
        yield judge_port(subject, problem, port_holder(listen.port) if problem else "")
    if listen.certificate is not None and listen.tls != "off":
        yield _own_certificate(subject, listen.certificate)


def _bind_problem(address: str, port: int) -> str:
    """Why the place cannot be had; ``""`` if it can."""
    try:
        places = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, place in places:
            with socket.socket(family, kind, protocol) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the listener does
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind(place)
    except OSError as error:
        number = error.errno or 0
        return os.strerror(number) if number > 0 else str(error.strerror or error)
    return ""


def _own_certificate(subject: str, path: Path) -> Finding:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    now = datetime.datetime.now(datetime.UTC)
    return judge_certificate(
        subject,
        left_s=(certificate.not_valid_after_utc - now).total_seconds(),
        until_begin_s=(certificate.not_valid_before_utc - now).total_seconds(),
        names=names_of(certificate),
        own=True,
    )
