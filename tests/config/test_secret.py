"""Secrets come from three places and leave through one door."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path

import attrs
import pytest

from amp.config.schema import User
from amp.config.secret import EXPECTED, Secret, SecretReader

CANARY = "canary-7f3a"


@pytest.fixture
def reader(tmp_path: Path) -> SecretReader:
    return SecretReader(
        folder=tmp_path, environ={"GOOD": CANARY, "EMPTY": "", "BROKEN": "caf\udce9", "LINES": "a\nb"}
    )


def refusal(reader: SecretReader, value: object) -> str:
    with pytest.raises(ValueError) as caught:
        reader.read(value)
    assert CANARY not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "shown",
    [
        repr,
        str,
        "{}".format,
        "%s".__mod__,
        lambda s: f"{s!r:>40}",
        lambda s: repr([s]),
        lambda s: repr(User(name="u", secret=s)),
        lambda s: repr(attrs.asdict(User(name="u", secret=s))),
        lambda s: repr(dir(s)),
    ],
)
def test_a_secret_is_never_shown(shown: object) -> None:
    assert callable(shown)
    assert CANARY not in shown(Secret(CANARY))


def test_only_reveal_gives_the_text() -> None:
    assert Secret(CANARY).reveal() == CANARY
    assert not hasattr(Secret(CANARY), "__dict__")


@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_is_not_pickled_or_copied(leave: object) -> None:
    assert callable(leave)
    with pytest.raises(TypeError, match="not pickled"):
        leave(Secret(CANARY))


def test_secrets_compare_by_text_and_with_nothing_else() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_a_string_is_the_secret_with_its_case_and_inner_blanks(reader: SecretReader) -> None:
    assert reader.read("Pass Wörd ").reveal() == "Pass Wörd "


def test_from_the_environment(reader: SecretReader) -> None:
    assert reader.read({"env": "GOOD"}).reveal() == CANARY


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("MISSING", "the environment variable MISSING is not set"),
        ("EMPTY", "the environment variable EMPTY is empty"),
        ("BROKEN", "the environment variable BROKEN is not UTF-8 text"),
        ("LINES", "expected no CR, LF or NUL in the environment variable LINES"),
        (CANARY, "the environment variable in env is not set"),
        ("", "env: expected a string that is not empty"),
        (5, "env: expected a string that is not empty"),
    ],
)
def test_a_variable_that_is_no_good(reader: SecretReader, name: object, problem: str) -> None:
    assert refusal(reader, {"env": name}) == problem


@pytest.mark.parametrize(
    ("content", "secret"), [(b"s3", "s3"), (b"s3\n", "s3"), (b"s3\r\n", "s3"), (b"s3 \n", "s3 ")]
)
def test_from_a_file_without_its_line_end(
    reader: SecretReader, tmp_path: Path, content: bytes, secret: str
) -> None:
    (tmp_path / "file").write_bytes(content)
    assert reader.read({"file": "file"}).reveal() == secret
    assert reader.read({"file": str(tmp_path / "file")}).reveal() == secret


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file in file is empty"),
        (b"\n", "the file in file is empty"),
        (b"canary-7f3a\n\n", "expected no CR, LF or NUL in the file in file"),
        (b"canary-7f3a\0", "expected no CR, LF or NUL in the file in file"),
        (b"canary-7f3a\xff", "the file in file is not UTF-8 text"),
        (b" canary-7f3a", "the file in file begins with a blank: AMI drops it, so a login would never match"),
        (
            b"canary-7f3a" * 100_000,
            "the file in file is too long: at most 1000 bytes fit into a line of a login",
        ),
    ],
)
def test_a_file_that_is_no_good(reader: SecretReader, tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "file").write_bytes(content)
    assert refusal(reader, {"file": "file"}) == problem


def test_a_file_that_cannot_be_read_is_named_if_its_name_is_surely_a_path(
    reader: SecretReader, tmp_path: Path
) -> None:
    missing = f"{tmp_path}/missing"
    assert refusal(reader, {"file": missing}) == f"cannot read the file {missing}: No such file or directory"
    assert refusal(reader, {"file": CANARY}) == "cannot read the file in file: No such file or directory"
    assert (
        refusal(reader, {"file": f"/{CANARY}/x"}) == "cannot read the file in file: No such file or directory"
    )
    assert refusal(reader, {"file": "x" * 5000}) == "cannot read the file in file: File name too long"
    assert refusal(reader, {"file": "x" * 5000 + "/y"}) == "cannot read the file in file: File name too long"
    assert refusal(reader, {"file": "a\0b"}) == "expected no CR, LF or NUL in the path in file"


def test_a_folder_or_a_pipe_is_no_secret_and_holds_nothing_up(reader: SecretReader, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(reader, {"file": "pipe"}) == "cannot read the file in file: not a regular file"
    assert refusal(reader, {"file": "."}) == "cannot read the file in file: not a regular file"


@pytest.mark.parametrize(
    "value",
    [
        123,
        1.5,
        True,
        [CANARY],
        {},
        {CANARY: "x"},
        {"env": "GOOD", "file": "x"},
        {"ENVIRONMENT": CANARY},
        None,
    ],
)
def test_other_shapes_are_told_what_is_expected(reader: SecretReader, value: object) -> None:
    assert refusal(reader, value) == EXPECTED


def test_a_misspelt_source_gets_a_suggestion(reader: SecretReader) -> None:
    assert refusal(reader, {"fil": CANARY}).endswith("(did you mean 'file'?)")


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{CANARY}\r",
        f"{CANARY}\nAction: Originate",
        f"{CANARY}\0",
        f" {CANARY}",
        f"\t{CANARY}",
        CANARY * 100,
    ],
)
def test_a_secret_that_no_login_can_carry(reader: SecretReader, text: str) -> None:
    refusal(reader, text)


def test_a_secret_in_a_file_can_be_read_anew(tmp_path: Path) -> None:
    reader = SecretReader(folder=tmp_path, environ={"X": "v"})
    (tmp_path / "s").write_text("one\n")
    secret = reader.read({"file": "s"})
    (tmp_path / "s").write_text("two\n")
    assert secret.reveal() == "one"
    assert secret.fresh().reveal() == secret.fresh().fresh().reveal() == "two"
    (tmp_path / "s").unlink()
    with pytest.raises(ValueError, match="No such file"):
        secret.fresh()
    for other in (reader.read("text"), reader.read({"env": "X"})):
        assert other.fresh() is other


def test_a_credential_stands_in_the_folder_that_systemd_names(tmp_path: Path) -> None:
    (tmp_path / "pbx1").write_text(f"{CANARY}\n")
    reader = SecretReader(folder=Path("elsewhere"), environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    secret = reader.read({"credential": "pbx1"})
    assert secret.reveal() == CANARY
    (tmp_path / "pbx1").write_text("new")
    assert secret.fresh().reveal() == "new"
    assert refusal(reader, {"credential": "pbx2"}) == "cannot read the credential: No such file or directory"


@pytest.mark.parametrize("name", ["../pbx1", "a/b", ".", "..", "a\nb", CANARY + "/", "a" * 256])
def test_a_credential_s_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    reader = SecretReader(folder=tmp_path, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert "expected a name of letters" in refusal(reader, {"credential": name})


def test_a_credential_without_systemd_says_what_passes_one(reader: SecretReader) -> None:
    assert "CREDENTIALS_DIRECTORY is not set" in refusal(reader, {"credential": "pbx1"})
