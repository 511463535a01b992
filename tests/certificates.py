"""Certificates for tests, made on the spot: an authority, and what it signs."""

from __future__ import annotations

import datetime
import ipaddress
from functools import cache
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
DAY = datetime.timedelta(days=1)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None = None) -> bytes:
    encryption: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, encryption
    )


@attrs.frozen
class Authority:
    """Signs certificates."""

    name: str = "Test CA"
    key: ec.EllipticCurvePrivateKey = attrs.field(factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    certificate: x509.Certificate = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "certificate", self._sign(self.name, self.key.public_key(), (), (-1, 100)))

    @property
    def text(self) -> str:
        """Its own certificate in PEM."""
        return pem(self.certificate).decode()

    def issue(
        self, folder: Path, *hosts: str, days: tuple[float, float] = (-1, 100), stem: str = "server"
    ) -> tuple[Path, Path]:
        """Certificate and key files for these hosts, valid between two days counted from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        paths = folder / f"{stem}.pem", folder / f"{stem}.key"
        paths[0].write_bytes(pem(self._sign(hosts[0], key.public_key(), hosts, days)))
        paths[1].write_bytes(key_pem(key))
        paths[1].chmod(0o600)
        return paths

    def issue_for(self, folder: Path, key: rsa.RSAPublicKey, *hosts: str, stem: str = "server") -> Path:
        """A certificate file for a key of another kind."""
        path = folder / f"{stem}.pem"
        path.write_bytes(pem(self._sign(hosts[0], key, hosts, (-1, 100))))
        return path

    def write(self, folder: Path, stem: str = "ca") -> Path:
        """The authority's own certificate as a file."""
        path = folder / f"{stem}.pem"
        path.write_bytes(pem(self.certificate))
        return path

    def _sign(
        self, common: str, key: PublicKey, hosts: tuple[str, ...], days: tuple[float, float]
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(common))
            .issuer_name(_name(self.name))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + days[0] * DAY)
            .not_valid_after(now + days[1] * DAY)
            .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), critical=True)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_alternative(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())


@cache
def authority() -> Authority:
    """The one that the tests trust; made once, since a key takes time."""
    return Authority()
