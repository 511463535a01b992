"""Whom a certificate is for."""

from __future__ import annotations

from cryptography import x509

__all__ = ["names_of"]


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The host names and addresses in its subjectAltName."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = (str(address) for address in found.get_values_for_type(x509.IPAddress))
    return (*found.get_values_for_type(x509.DNSName), *addresses)
