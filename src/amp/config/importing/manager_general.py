"""The section ``[general]`` of ``manager.conf``: where Asterisk listens, and what stays with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from amp.config.importing.asterisk_config import Section
from amp.config.importing.astmanproxy_options import clamped, whole
from amp.config.importing.table import Table, toml

__all__ = ["GENERAL", "listeners"]

STAYS: Final = "stays in Asterisk: it changes what Asterisk sends, to amp as well."
NEW_TLS: Final = "amp speaks TLS 1.2 and newer, with the system's choice of ciphers."

GENERAL: Final[Mapping[str, str]] = {
    # What has no place in amp, with the reason; "" for what becomes a setting elsewhere.
    "enabled": "must be yes in manager.conf, for amp.",
    "webenabled": "concerns Asterisk's own web interface; for amp's see protocols of [[listen]].",
    "port": "",
    "bindaddr": "",
    "tlsenable": "",
    "tlsbindaddr": "",
    "tlscertfile": "",
    "tlsprivatekey": "",
    "sslenable": "an old name; today's is tlsenable.",
    "sslbindaddr": "an old name; today's is tlsbindaddr.",
    "sslbindport": "an old name; today's is tlsbindaddr.",
    "sslcert": "an old name; today's is tlscertfile.",
    "tlscipher": NEW_TLS,
    "tlsdisablev1": NEW_TLS,
    "tlsdisablev11": NEW_TLS,
    "tlsdisablev12": NEW_TLS,
    "allowmultiplelogin": "amp lets a user in several times; its own account needs it, see [[server]].",
    "displayconnects": "concerns Asterisk's console; amp logs who comes and goes.",
    "displaysystemname": STAYS,
    "timestampevents": STAYS,
    "channelvars": STAYS,
    "disabledevents": STAYS,
    "brokeneventsaction": "amp answers Events itself, as Asterisk does without this option.",
    "debug": STAYS,
    "authtimeout": "",
    "authlimit": "",
    "httptimeout": "concerns Asterisk's own web interface.",
    "block-sockets": "amp waits for no client, so there is nothing to choose.",
}

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
BESIDE: Final = 10_000
"""So far from Asterisk's port is amp's, so that both can run while clients move."""


def listeners(general: Section, guarded: list[str], certificate_problem: Callable[[str], str]) -> list[Table]:
    """Where amp listens: beside Asterisk's port, and beside its TLS port if there is one."""
    tables = [_plain(general, guarded)]
    if general.last("tlsenable").lower() in ("yes", "true", "y", "t", "1", "on"):
        tables.append(_tls(general, guarded, certificate_problem))
    return tables


def _plain(general: Section, guarded: list[str]) -> Table:
    table = Table("listen", array=True)
    port = clamped(whole(general.last("port") or "5038"), 1, 65535)
    table.note(
        f"Beside Asterisk's port {port}, so that both can run while clients move. For clients to find amp"
        f" where Asterisk was, give Asterisk another port in manager.conf (and below), and write {port} here."
    )
    _place(table, general.last("bindaddr"), guarded)
    table.set("port", _beside(port))
    return table


def _tls(general: Section, guarded: list[str], certificate_problem: Callable[[str], str]) -> Table:
    table = Table("listen", array=True)
    address, colon, port = general.last("tlsbindaddr").rpartition(":")
    if not colon or not port.isdecimal():
        address, port = general.last("tlsbindaddr") or general.last("bindaddr"), "5039"
    certificate, key = general.last("tlscertfile"), general.last("tlsprivatekey")
    _place(table, address.strip("[]"), guarded)
    table.set("port", _beside(clamped(whole(port), 1, 65535)))
    problem = certificate_problem(certificate) if certificate else "manager.conf names none"
    if problem:
        table.void(f"the certificate cannot be used here: {problem}.")
        table.lines += ['#tls = "required"', f"#certificate = {toml(certificate or '/etc/amp/amp.pem')}"]
        return table
    table.set("tls", "required")
    table.set("certificate", certificate)
    if key:
        table.set("private_key", key)
    return table


def _place(table: Table, address: str, guarded: list[str]) -> None:
    """The address, but this machine only as long as nothing keeps out whom Asterisk kept out."""
    everywhere = "0.0.0.0"  # noqa: S104  # as Asterisk did
    wanted = address.strip("[]") or everywhere
    if not guarded or wanted in LOOPBACK:
        table.set("address", wanted)
        return
    names = ", ".join(guarded[:5]) + (" and others" if len(guarded) > 5 else "")
    table.leave_out(
        f"In Asterisk, permit, deny and acl say from where {names} may log in. amp has no such list yet, so"
        " it listens for this machine only. With a firewall before it, or if that is fine for you:",
        f"address = {toml(wanted)}",
    )
    table.set("address", "127.0.0.1")


def _beside(port: int) -> int:
    return port + BESIDE if port + BESIDE <= 65535 else port - BESIDE
