"""Certificates and keys that a configuration names: what is refused, and what is only doubtful."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from amp.config.advice import advice
from amp.config.certificates import client_context, server_context, valid_until
from amp.config.schema import AsteriskServer
from certificates import authority, key_pem
from config.loading import SERVER, USER, load_text, problems

LISTEN = '[[listen]]\ntls = "required"\ncertificate = "server.pem"\n'
WITH_KEY = LISTEN + 'private_key = "server.key"\n'
REST = SERVER + USER


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    authority().issue(tmp_path, "localhost")
    return tmp_path


def test_a_pair_that_fits_is_right_and_makes_a_context(folder: Path) -> None:
    """Relative paths count from the file's folder."""
    (listen,) = load_text(folder, WITH_KEY + REST).listen
    assert listen.certificate == folder / "server.pem"
    context = server_context(folder / "server.pem", folder / "server.key")
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION


def test_the_key_may_be_in_the_same_file(folder: Path) -> None:
    both = (folder / "server.pem").read_bytes() + (folder / "server.key").read_bytes()
    (folder / "server.pem").write_bytes(both)
    (folder / "server.pem").chmod(0o600)
    assert advice(load_text(folder, LISTEN + REST)) == ()


def test_a_pair_that_does_not_fit_is_refused(folder: Path) -> None:
    (folder / "server.key").write_bytes(key_pem(ec.generate_private_key(ec.SECP256R1())))
    assert problems(folder, WITH_KEY + REST) == [
        "listen[0].private_key: it does not belong to the certificate"
    ]


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(folder: Path) -> None:
    (folder / "server.key").write_bytes(key_pem(ec.generate_private_key(ec.SECP256R1()), b"secret"))
    assert problems(folder, WITH_KEY + REST) == ["listen[0].private_key: expected a key without a passphrase"]


def test_what_openssl_would_not_use_is_refused(folder: Path) -> None:
    """It has its own idea of what is too weak; the start would fail with it."""
    key = rsa.generate_private_key(65537, 1024)
    authority().issue_for(folder, key.public_key(), "localhost")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (folder / "server.key").write_bytes(pem)
    assert problems(folder, WITH_KEY + REST) == ["listen[0].certificate: cannot be used: ee key too small"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("server.pem", b"nonsense", "certificate: expected a certificate in PEM"),
        ("server.pem", None, "certificate: cannot read: No such file or directory"),
        ("server.pem", b"x" * (1 << 20 | 1), "certificate: cannot read: larger than 1 MB"),
        ("server.key", b"nonsense", "private_key: expected a private key in PEM"),
        ("server.key", None, "private_key: cannot read: No such file or directory"),
    ],
)
def test_files_that_are_not_what_they_should_be(
    folder: Path, name: str, content: bytes | None, expected: str
) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    assert problems(folder, WITH_KEY + REST) == [f"listen[0].{expected}"]


def test_a_certificate_alone_says_where_the_key_was_looked_for(folder: Path) -> None:
    (problem,) = problems(folder, LISTEN + REST)
    assert problem.startswith("listen[0].private_key: expected a private key in PEM (none is named")


def test_a_named_pipe_does_not_hold_up_the_start(folder: Path) -> None:
    (folder / "server.key").unlink()
    os.mkfifo(folder / "server.key")
    assert problems(folder, WITH_KEY + REST) == ["listen[0].private_key: cannot read: not a regular file"]


def test_certificates_of_servers(folder: Path) -> None:
    """``ca`` may be a CA or the server's own certificate; nothing else."""
    verified = SERVER + 'tls = "verify"\nca = "ca.pem"\nserver_name = "pbx.example"\n' + USER
    assert problems(folder, verified) == ["server[0].ca: cannot read: No such file or directory"]
    (folder / "ca.pem").write_bytes(b"nonsense")
    assert problems(folder, verified) == ["server[0].ca: expected certificates in PEM"]
    authority().write(folder)
    (pbx,) = load_text(folder, verified).server
    assert isinstance(pbx, AsteriskServer)
    assert pbx.ca == folder / "ca.pem"
    assert client_context(folder / "ca.pem", verify=True).check_hostname
    assert client_context(None, verify=True).verify_mode is ssl.CERT_REQUIRED
    assert client_context(None, verify=False).verify_mode is ssl.CERT_NONE


def test_what_is_doubtful_about_certificates(folder: Path) -> None:
    """It has expired or soon will, everybody may read the key, it is not used at all."""
    for days, sentence in (
        ((-9, -1), "it has expired, so clients will refuse it"),
        ((-9, 3), "it expires within 14 days"),
    ):
        authority().issue(folder, "localhost", days=days)
        assert advice(load_text(folder, WITH_KEY + REST)) == (f"listen[0].certificate: {sentence}",)
    authority().issue(folder, "localhost")
    (folder / "server.key").chmod(0o644)
    assert advice(load_text(folder, WITH_KEY + REST)) == (
        "listen[0].private_key: every user of this machine may read it",
    )
    assert advice(load_text(folder, WITH_KEY.replace("required", "off") + REST)) == (
        "listen[0].certificate: it has no effect, since tls is off",
    )


def test_what_is_doubtful_about_open_listeners_and_servers(folder: Path) -> None:
    everywhere = WITH_KEY + 'address = "0.0.0.0"\n' + SERVER + 'tls = "insecure"\n' + USER
    insecure = (
        "server pbx1: with tls = 'insecure', who stands between amp and it can read and change everything"
    )
    assert advice(load_text(folder, everywhere)) == (insecure,)
    assert advice(load_text(folder, everywhere.replace("required", "optional"))) == (
        "listen[0]: clients of 0.0.0.0 may still send secrets in clear text",
        insecure,
    )


def test_the_end_of_the_certificate_that_comes_first_counts(folder: Path) -> None:
    later = valid_until(folder / "server.pem")
    authority().issue(folder, "localhost", days=(-1, 2), stem="first")
    chain = (folder / "first.pem").read_bytes() + (folder / "server.pem").read_bytes()
    (folder / "chain.pem").write_bytes(chain)
    assert valid_until(folder / "chain.pem") < later
