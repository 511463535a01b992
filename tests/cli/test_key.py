"""``amp key``, as far as it needs no database; tests/real/test_key.py has the rest."""

from __future__ import annotations

import base64
from pathlib import Path

import orjson
import pytest

from amp.cli import main

KEY, IV = "c2l4dGVlbiBieXRlcyBvaw==", "YW4gaW5pdGlhbCB2YWx1ZQ=="
SNIFFER = '[[server]]\nkind = "voipmonitor"\nname = "{name}"\nhost = "{name}"\n{more}\n'
KEYED = SNIFFER.format(name="s2", more=f'key = "{KEY}"\niv = "{IV}"')


def config(folder: Path, text: str) -> str:
    path = folder / "amp.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("gui", f'{{"key":"{KEY}","iv":"{IV}"}}\n'),
        ("base64", f'key = "{KEY}"\niv = "{IV}"\n'),
        ("conf", f"manager_aes_key = {KEY}\nmanager_aes_iv = {IV}\n"),
        ("php", f"define('VPMANAGER_AES_KEY', '{KEY}');\ndefine('VPMANAGER_AES_IV', '{IV}');\n"),
    ],
)
def test_a_key_is_shown_in_every_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, shown: str
) -> None:
    assert main(["key", "show", config(tmp_path, KEYED), "--form", form]) == 0
    assert capsys.readouterr() == (shown, "amp key: from server s2\n")


@pytest.mark.parametrize(("form", "key"), [("conf", "key_conf"), ("php", "key_php")])
def test_what_was_shown_can_be_read_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, key: str
) -> None:
    main(["key", "show", config(tmp_path, KEYED), "--form", form])
    (tmp_path / "file").write_text(capsys.readouterr().out)
    text = KEYED.replace("s2", "s1") + SNIFFER.format(name="s3", more=f'{key} = "file"')
    assert main(["key", "show", config(tmp_path, text), "--server", "s3"]) == 0
    assert orjson.loads(capsys.readouterr().out) == {"key": KEY, "iv": IV}


@pytest.mark.parametrize("size", [16, 24, 32])
def test_a_new_key_is_another_one_each_time(capsys: pytest.CaptureFixture[str], size: int) -> None:
    keys = set()
    for _ in range(3):
        assert main(["key", "generate", "--bytes", str(size)]) == 0
        out, err = capsys.readouterr()
        made = orjson.loads(out)
        assert err == ""
        assert [len(base64.b64decode(made[part])) for part in ("key", "iv")] == [size, 16]
        keys.add(out)
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("text", "arguments", "code", "words"),
    [
        (KEYED, ["--server", "s3"], 2, "no sniffer 's3' (sniffers: s2)"),
        (
            KEYED + KEYED.replace("s2", "s1"),
            [],
            2,
            "there is no [database], so --server has to say whose key",
        ),
        ("", [], 2, "(sniffers: none)"),
        (SNIFFER.format(name="s2", more='encryption = "none"'), [], 2, "server s2 has no key, and no place"),
        (SNIFFER.format(name="s2", more='key_conf = "none.conf"'), [], 1, "No such file or directory"),
        ("[[", [], 2, "line 1"),
    ],
)
def test_why_there_is_none(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    assert main(["key", "show", config(tmp_path, text), *arguments]) == code
    out, err = capsys.readouterr()
    assert not out
    assert words in err
    assert KEY not in err


@pytest.mark.parametrize("what", [["generate", "--into"], ["copy", "SELF"]])
def test_without_a_database_there_is_nowhere_to_put_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: list[str]
) -> None:
    path = config(tmp_path, KEYED)
    assert main(["key", *(path if word == "SELF" else word for word in what), path]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "database: missing; the key is put into the database that it names" in err
