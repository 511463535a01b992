"""Certificates and keys in files: do they exist, fit together, and are they still valid.

`server_context` and `client_context` are what amp runs with; ``amp check`` makes them as well and throws them
away, so what it accepts can be started. No error repeats a path, a name or anything else from a file.
"""

from __future__ import annotations

import datetime
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from amp.config.rules import Line

if TYPE_CHECKING:
    import ssl

    from cryptography import x509

__all__ = [
    "PATH",
    "certificate_problems",
    "client_context",
    "own_certificate_context",
    "server_context",
    "valid_until",
]

MAX_FILE_BYTES = 1 << 20
PATH = Line("a path", 4000)


def certificate_problems(data: Mapping[str, object], folder: Path) -> list[str]:
    """Every problem with the files that a parsed configuration names, each beginning with its path.

    Args:
        data: the file's plain values; what is of a wrong type is passed over (others tell of it).
        folder: what relative paths count from.
    """
    database = data.get("database")
    problems = [*_server_problems("database", database, folder)] if isinstance(database, dict) else []
    return problems + [
        problem
        for section, check in (("listen", _listen_problems), ("server", _server_problems))
        for index, table in enumerate(_tables(data.get(section)))
        for problem in check(f"{section}[{index}]", table, folder)
    ]


def server_context(certificate: Path, private_key: Path | None) -> ssl.SSLContext:
    """How amp presents itself to clients.

    Args:
        certificate: PEM, followed by those that lead to the CA.
        private_key: PEM, without a passphrase; ``None`` if it is in the same file.

    Raises:
        ValueError: with the key (``certificate`` or ``private_key``) at fault and why.
    """
    import ssl  # only who uses TLS pays for it

    _check_pair(certificate, private_key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _harden(context)
    try:
        context.load_cert_chain(certificate, private_key, password=_no_passphrase)
    except (OSError, ValueError) as error:
        raise ValueError(f"certificate: cannot be used: {_words(error)}") from None
    return context


def client_context(ca: Path | None, *, verify: bool) -> ssl.SSLContext:
    """How amp looks at the certificates of servers.

    Args:
        ca: PEM of the only certificates to trust, a server's own among them if need be; ``None`` for those
            of the system.
        verify: whether a certificate must be valid and of the right name at all.

    Raises:
        ValueError: with the key at fault (``ca``) and why.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca is None:
        context.load_default_certs()
    else:
        text = _read(ca, "ca")
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN  # one may trust just one server's
        try:
            context.load_verify_locations(cadata=text.decode("ascii"))
        except (OSError, ValueError):
            raise ValueError("ca: expected certificates in PEM") from None
    return context


def own_certificate_context(certificate: Path) -> ssl.SSLContext:
    """How a program of this machine looks at the certificate of a listener whose file it can read itself.

    Args:
        certificate: the listener's. Its first certificate is the only one to trust, and under any name.

    Raises:
        ValueError: with the key at fault (``certificate``) and why.
    """
    import ssl

    from cryptography.hazmat.primitives.serialization import Encoding

    own = _certificate(certificate).public_bytes(Encoding.DER)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _harden(context)
    context.check_hostname = False
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=own)
    return context


def valid_until(certificate: Path) -> datetime.datetime:
    """When the first certificate of a file ends to be valid, in UTC.

    Raises:
        ValueError: the file is not what it should be.
    """
    return _certificate(certificate).not_valid_after_utc


def _harden(context: ssl.SSLContext) -> None:
    import ssl

    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Renegotiation would let a peer make writing wait for reading, and is of no use.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION


def _tables(value: object) -> list[Mapping[str, object]]:
    return [item if isinstance(item, dict) else {} for item in value] if isinstance(value, list) else []


def _listen_problems(path: str, table: Mapping[str, object], folder: Path) -> Iterator[str]:
    certificate, private_key = (_path(table, key, folder) for key in ("certificate", "private_key"))
    if certificate is None or (private_key is None and "private_key" in table):
        return
    try:
        server_context(certificate, private_key)
    except ValueError as error:
        yield f"{path}.{error}"


def _server_problems(path: str, table: Mapping[str, object], folder: Path) -> Iterator[str]:
    ca = _path(table, "ca", folder)
    if ca is None:
        return
    try:
        client_context(ca, verify=True)
    except ValueError as error:
        yield f"{path}.{error}"


def _path(table: Mapping[str, object], key: str, folder: Path) -> Path | None:
    try:
        return folder / PATH.read(table.get(key))
    except ValueError:
        return None  # it is missing, or `amp.config.structure` tells what is wrong with it


def _check_pair(certificate: Path, private_key: Path | None) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    public = _certificate(certificate).public_key()
    data = _read(private_key, "private_key") if private_key else _read(certificate, "certificate")
    try:
        private = load_pem_private_key(data, None)
    except TypeError:
        raise ValueError("private_key: expected a key without a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        missing = "" if private_key else " (none is named, so it would have to be in the file of certificate)"
        raise ValueError(f"private_key: expected a private key in PEM{missing}") from None
    if private.public_key() != public:
        raise ValueError("private_key: it does not belong to the certificate")


def _certificate(path: Path) -> x509.Certificate:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(_read(path, "certificate"))
    except ValueError as error:
        if str(error).startswith("certificate: "):
            raise
        raise ValueError("certificate: expected a certificate in PEM") from None


def _read(path: Path, key: str) -> bytes:
    try:
        # Without O_NONBLOCK a named pipe would hold up the start for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ValueError(f"{key}: cannot read: not a regular file")
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{key}: cannot read: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"{key}: cannot read: larger than {MAX_FILE_BYTES >> 20} MB")
    return data


def _no_passphrase() -> str:
    """Instead of OpenSSL's own question on the terminal."""
    return ""


def _words(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None)
    return str(reason or "not understood").replace("_", " ").lower()
