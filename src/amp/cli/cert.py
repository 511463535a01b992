"""``amp cert``: a self-signed certificate, for a TLS listener whose clients are told to trust it."""

from __future__ import annotations

import errno
import os
import socket
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from amp.cli.reading import say

if TYPE_CHECKING:
    from cryptography import x509

__all__ = ["cert"]

LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")
LONGEST_COMMON_NAME: Final = 64


def cert(
    names: tuple[str, ...] = (),
    /,
    *,
    certificate: Path = Path("amp.pem"),
    private_key: Path = Path("amp.key"),
    days: Annotated[int, Parameter(validator=Number(gte=1, lte=36500))] = 365,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Make a self-signed certificate and its key.

    Clients have to be given the certificate as one that they trust (as "ca"). The key's file can be read by
    its owner only; make them as the user that amp runs as.

    Parameters
    ----------
    names
        The host names and addresses by which clients reach amp; by default this machine's name and localhost.
    certificate
        The file for the certificate (PEM).
    private_key
        The file for its key (PEM).
    days
        How long it is valid.
    force
        Overwrite files that are there already.
    """
    wanted = names or tuple(dict.fromkeys((socket.gethostname(), *LOCAL_NAMES)))
    try:
        make_files(wanted, days, certificate, private_key, force=force)
    except FileExistsError as error:
        sys.stderr.write(f"amp cert: {error.filename} is there already; --force overwrites it\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"amp cert: cannot write {error.filename}: {error.strerror}\n")
        return 1
    except ValueError as error:
        sys.stderr.write(f"amp cert: {error}\n")
        return 2
    say(
        f"# made for {', '.join(wanted)}; valid for {days} days",
        'tls = "required"',
        f'certificate = "{certificate}"',
        f'private_key = "{private_key}"',
    )
    return 0


def make_files(
    names: tuple[str, ...], days: int, certificate: Path, private_key: Path, *, force: bool
) -> None:
    """Make both files.

    Raises:
        ValueError: a name cannot stand in a certificate.
        OSError: see `write_new`.
    """
    from amp.config.rules import Host

    for name in names:
        Host().read(name)
    if certificate.absolute() == private_key.absolute():
        raise ValueError("expected two files, one for the certificate and one for the key")
    text, key = make(names, days)
    write_new({private_key: (key, 0o600), certificate: (text, 0o644)}, force=force)


def make(names: tuple[str, ...], days: int) -> tuple[bytes, bytes]:
    """A certificate for these names and its key, both PEM."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:LONGEST_COMMON_NAME])])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(
        issuer_name=subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - datetime.timedelta(minutes=5),  # a client's clock may be slow
        not_valid_after=now + datetime.timedelta(days=days),
    )
    for extension, critical in (
        (x509.SubjectAlternativeName([alternative(name) for name in names]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
    ):
        builder = builder.add_extension(extension, critical)
    signed = builder.sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def alternative(name: str) -> x509.GeneralName:
    """An address or a host name, as certificates keep them."""
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def write_new(files: dict[Path, tuple[bytes, int]], *, force: bool) -> None:
    """Write all of them or, if one is there already or cannot be written, none.

    Args:
        files: what goes where, and the permissions.
        force: take the place of what is there.

    Raises:
        FileExistsError: with its name.
        OSError: a file cannot be written.
    """
    for path in files:
        if path.is_dir():  # else the last step would fail, behind one that cannot be taken back
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not force and os.path.lexists(path):
            raise FileExistsError(0, "", str(path))
    fresh = {path: path.with_name(f".{path.name}.{os.getpid()}") for path in files}
    try:
        for path, (data, mode) in files.items():
            descriptor = os.open(fresh[path], os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
        for path, written in fresh.items():
            written.replace(path)
    finally:
        for written in fresh.values():
            written.unlink(missing_ok=True)
