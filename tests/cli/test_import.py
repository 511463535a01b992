"""``amp import``: which file is which, where texts go, and that ``amp check`` takes what comes out."""

from __future__ import annotations

import os
import re
import shutil
import sys
import threading
from pathlib import Path

import bcrypt
import pytest
import trio

from amp.cli import main
from certificates import authority
from shell.process import running_amp

FILES = Path(__file__).parents[1] / "config" / "importing" / "files"


LEFT_OUT = re.compile(r"amp import: left out [0-9 a-z]+; comments in it say why\n")


def imported(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["import", *map(str, arguments)]) == 0
    shown = capsys.readouterr()
    assert not shown.err or LEFT_OUT.fullmatch(shown.err)
    return shown.out


def passes(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> str:
    path = folder / "amp.toml"
    path.write_text(text)
    assert main(["check", str(path)]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("names", [["original.conf"], ["fork.conf", "fork.users"], ["manager.conf"]])
def test_the_result_passes_amp_check(
    names: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = imported(capsys, *(FILES / name for name in names))
    assert "ok\n" in passes(tmp_path, text, capsys)


def test_the_users_are_found_beside_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(FILES / "fork.conf", tmp_path / "astmanproxy.conf")
    shutil.copy(FILES / "fork.users", tmp_path / "astmanproxy.users")
    assert 'name = "bill"' in imported(capsys, tmp_path / "astmanproxy.conf")
    assert 'name = "bill"' not in imported(capsys, FILES / "fork.conf")


def test_what_is_only_a_comment_is_counted_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = tmp_path / "a.conf"
    whole = "host = h, 5038, u, s, on, off\nauthrequired = yes\nacceptunencryptedconnection = yes\n"
    for more, said in (
        ("", ""),
        ("maxretries = 3\n", "left out 1 setting;"),
        ("host = h2\n", "left out 1 section;"),
        ("host = h2\nmaxretries = 3\ncolour = blue\n", "left out 1 section and 2 settings;"),
    ):
        conf.write_text(whole + more)
        assert main(["import", str(conf)]) == 0
        assert capsys.readouterr().err == (f"amp import: {said} comments in it say why\n" if said else "")


def test_a_pipe_is_read_as_a_file_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``amp import <(sed ... astmanproxy.conf)``: nothing is read twice or looked for beside it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=((FILES / "fork.conf").read_bytes(),))
    writer.start()
    text = imported(capsys, pipe, FILES / "fork.users")
    writer.join()
    assert 'name = "bill"' in text


def test_a_certificate_that_works_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate, key = authority().issue(tmp_path, "127.0.0.1")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    both.chmod(0o600)
    conf = tmp_path / "astmanproxy.conf"
    conf.write_text((FILES / "fork.conf").read_text().replace("CERTIFICATE", str(both)))
    text = imported(capsys, conf)
    assert f'certificate = "{both}"' in text
    assert "TLS optional" in passes(tmp_path, text, capsys)


def test_secrets_are_drawn_anew(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = (imported(capsys, FILES / "original.conf") for _ in range(2))
    assert first != second


def test_latin_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf = tmp_path / "a.conf"
    conf.write_bytes("host = h, 5038, u, geheimnö, on, off\n".encode("latin-1"))
    assert "geheimnö" in imported(capsys, conf)


def test_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(tmp_path / "none")]) == 2
    assert "cannot read" in capsys.readouterr().err
    large = tmp_path / "large"
    large.write_bytes(b"#" * (4 << 20) + b"x")
    assert main(["import", str(large)]) == 2
    assert "larger than 4 MB" in capsys.readouterr().err
    assert main(["import", str(FILES / "manager.conf"), str(FILES / "fork.users")]) == 2
    assert "users in itself" in capsys.readouterr().err
    binary = tmp_path / "binary"
    binary.write_bytes("host = h, 5038, u, s3cret, on, off\n".encode("utf-16"))
    assert main(["import", str(binary)]) == 2
    error = capsys.readouterr().err
    assert "expected text" in error
    assert "s3cret" not in error


def test_templates_that_double_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sixty short lines would be 2^60."""
    conf = tmp_path / "manager.conf"
    doubling = "".join(f"[t{n}](!,t{n - 1},t{n - 1})\n" for n in range(1, 60))
    conf.write_text(f"[general]\nenabled = yes\n[t0](!)\nsecret = s3cret\n{doubling}[user](t59)\n")
    assert main(["import", str(conf)]) == 2
    error = capsys.readouterr().err
    assert "100000 lines from templates" in error
    assert "s3cret" not in error


async def test_an_imported_user_of_the_fork_logs_in_with_the_secret_behind_its_hash(tmp_path: Path) -> None:
    """astmanproxy.users as 1.30 keeps it, ``amp import``, ``amp run``, a login."""
    hashed = bcrypt.hashpw(b"let hanna in", bcrypt.gensalt(5, prefix=b"2a")).decode().replace("$2a$", "$2y$")
    (tmp_path / "astmanproxy.conf").write_text(
        "host = 127.0.0.1, 9, amp, secret, on, off\nlistenport = 0\nlistenaddress = 127.0.0.1\n"
        "authrequired = yes\nacceptunencryptedconnection = yes\n"
    )
    (tmp_path / "astmanproxy.users").write_text(f"hanna={hashed}\n")
    amp = [sys.executable, "-m", "amp"]
    printed = await trio.run_process(
        [*amp, "import", str(tmp_path / "astmanproxy.conf")], capture_stdout=True
    )
    text = printed.stdout.decode().replace("port = 5038", "port = 0")
    await trio.Path(tmp_path / "amp.toml").write_text(text + '\n[log]\nformat = "json"\n')
    async with running_amp(tmp_path / "amp.toml") as running:
        wrong = await running.connect()
        assert (await wrong.login("hanna", "let anna in")).get(b"Message") == b"Authentication failed"
        right = await running.connect()
        assert (await right.login("hanna", "let hanna in")).get(b"Message") == b"Authentication accepted"
