"""``[[listen]]`` from astmanproxy's listener, its encryption and its formats."""

from __future__ import annotations

from collections.abc import Callable

from amp.config.importing.astmanproxy_options import Options, clamped, whole
from amp.config.importing.table import Table, toml

__all__ = ["listener"]


def listener(options: Options, certificate_problem: Callable[[str], str]) -> Table:
    """astmanproxy's one listener."""
    table = Table("listen", array=True)
    encrypted, plain = (
        options.says_yes(name) for name in ("acceptencryptedconnection", "acceptunencryptedconnection")
    )
    problem = _tls_problem(options, certificate_problem) if encrypted else ""
    address = options.last("listenaddress")
    usable = plain or (encrypted and not problem)
    if not usable:
        table.note(_nobody(encrypted, address))
        address = "127.0.0.1"
    table.set("address", "0.0.0.0" if address in ("", "*") else address)  # noqa: S104  # as astmanproxy did
    table.set("port", clamped(whole(options.last("listenport")), 0, 65535))
    if encrypted:
        _tls(table, options.last("certfile"), problem, plain=plain)
    _formats(table, options)
    return table


def _nobody(encrypted: bool, address: str) -> str:
    if encrypted:
        return (
            "astmanproxy took only encrypted connections, and the certificate cannot be used (below). Until"
            f" it can, amp listens for this machine only instead of {address or '*'}."
        )
    return (
        "astmanproxy took neither encrypted nor unencrypted connections (both are off unless they say yes),"
        f" so nobody could use it. amp listens for this machine only instead of {address or '*'}."
    )


def _tls_problem(options: Options, certificate_problem: Callable[[str], str]) -> str:
    certfile = options.last("certfile")
    return certificate_problem(certfile) if certfile else "there is no certfile"


def _tls(table: Table, certfile: str, problem: str, *, plain: bool) -> None:
    mode = "optional" if plain else "required"
    if problem:
        table.leave_out(
            f"The certificate cannot be used: {problem}. When it can (amp cert will make one):",
            f'tls = "{mode}"',
            f"certificate = {toml(certfile or '/etc/amp/amp.pem')}",
        )
        return
    table.set("tls", mode, "The certificate and its key are in one file, as astmanproxy had them.")
    table.set("certificate", certfile)


def _formats(table: Table, options: Options) -> None:
    reads, writes = options.last("inputformat").lower(), options.last("outputformat").lower()
    if reads == "http":
        table.set("protocols", ["ami", "http"], "inputformat = http: amp speaks both on one port.")
    elif reads not in ("", "standard"):
        table.set("input_format", reads)
    if writes not in ("", "standard"):
        table.set("output_format", writes)
