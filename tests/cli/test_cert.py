"""``amp cert``: judged by openssl, and by amp's own listener."""

from __future__ import annotations

import ssl
import stat
import subprocess
from pathlib import Path

import pytest
import trio

from amp.cli import main
from amp.config.schema import Listen
from programs import program
from shell.harness import AmiClient, lab


def made(folder: Path, *arguments: str) -> int:
    files = ("--certificate", str(folder / "amp.pem"), "--private-key", str(folder / "amp.key"))
    return main(["cert", *files, *arguments])


def openssl(*arguments: object) -> str:
    done = subprocess.run(
        [program("openssl", "openssl"), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_openssl_takes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert made(tmp_path, "pbx.example.com", "192.0.2.7", "2001:db8::7", "--days", "30") == 0
    shown = capsys.readouterr().out
    assert f'certificate = "{tmp_path / "amp.pem"}"\nprivate_key = "{tmp_path / "amp.key"}"\n' in shown
    pem = tmp_path / "amp.pem"
    text = openssl("x509", "-in", pem, "-noout", "-text")
    names = "DNS:pbx.example.com, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7"
    assert names in text
    assert "CN = pbx.example.com" in text or "CN=pbx.example.com" in text
    openssl("verify", "-x509_strict", "-CAfile", pem, "-verify_hostname", "pbx.example.com", pem)
    openssl("x509", "-in", pem, "-noout", "-checkend", 29 * 86400)
    assert subprocess.run(
        ["openssl", "x509", "-in", pem, "-noout", "-checkend", str(31 * 86400)],
        capture_output=True,
        check=False,
    ).returncode
    assert openssl("pkey", "-in", tmp_path / "amp.key", "-pubout") == openssl(
        "x509", "-in", pem, "-noout", "-pubkey"
    )


def test_the_key_is_for_its_owner_only(tmp_path: Path) -> None:
    assert made(tmp_path) == 0
    assert stat.S_IMODE((tmp_path / "amp.key").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["amp.key", "amp.pem"]


@pytest.mark.parametrize("there", ["amp.pem", "amp.key"])
def test_what_is_there_is_overwritten_only_by_force(
    there: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither file is touched if one is there."""
    (tmp_path / there).write_text("precious")
    assert made(tmp_path) == 1
    assert "--force" in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]
    assert made(tmp_path, "--force") == 0
    assert (tmp_path / there).read_text() != "precious"
    assert stat.S_IMODE((tmp_path / "amp.key").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["a name"], 2, "expected a host name or an address"),
        (["pbx1:5039"], 2, "expected a host without a port"),
        (["bücher.example"], 2, "amp cert: "),
        (["x", "--days", "0"], 2, "days"),
        (["x", "--private-key", "FOLDER/amp.pem"], 2, "expected two files"),
        (["x", "--certificate", "FOLDER/no/amp.pem"], 1, "No such file or directory"),
        (["x", "--certificate", "FOLDER", "--force"], 1, "Is a directory"),
    ],
)
def test_what_cannot_be_done_is_told(
    arguments: list[str], code: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path)
    files = ["--certificate", f"{folder}/amp.pem", "--private-key", f"{folder}/amp.key"]
    given = [argument.replace("FOLDER", folder) for argument in arguments]
    kept = [text for at, text in enumerate(files) if files[at - at % 2] not in given]
    assert main(["cert", *given, *kept]) == code
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [], "no key without its certificate"


async def test_a_listener_with_it_is_trusted_by_who_has_the_certificate(tmp_path: Path) -> None:
    assert made(tmp_path, "localhost", "127.0.0.1") == 0
    pem, key = tmp_path / "amp.pem", tmp_path / "amp.key"
    async with lab(listen=(Listen(port=0, tls="required", certificate=pem, private_key=key),)) as one:
        stream = await trio.open_ssl_over_tcp_stream(
            "127.0.0.1", one.port, ssl_context=ssl.create_default_context(cafile=str(pem))
        )
        client = AmiClient(stream)
        assert (await client.login()).get(b"Message") == b"Authentication accepted"
        await trio.aclose_forcefully(stream)
