"""``amp key`` with real databases: the key of a GUI, a new one, and the same for a second GUI."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from amp.cli import main
from amp.core.voipmonitor.cipher import SnifferKey
from amp.shell.gui_database import GuiDatabase
from real.mariadb import Gui, MariaDb

pytestmark = pytest.mark.mariadb

KEY = SnifferKey(b"sixteen bytes ok", b"an initial value")
KEYED = """
[[server]]
kind = "voipmonitor"
name = "s2"
host = "h"
key = "YW5vdGhlciBrZXkgaGVyZQ=="
iv = "YW4gaW5pdGlhbCB2YWx1ZQ=="
[[server]]
kind = "voipmonitor"
name = "s3"
host = "g"
"""


def config(gui: Gui, folder: Path, more: str = "") -> str:
    path = folder / f"{gui.name}.toml"
    path.write_text(more + gui.toml())
    return str(path)


def test_the_key_of_the_gui(gui: Gui, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(gui, tmp_path, KEYED)
    assert main(["key", "show", path]) == 1
    assert capsys.readouterr().err.endswith(f"/{gui.name}: there is none\n")
    GuiDatabase(gui.settings()).store_key(KEY, force=False)
    for arguments, start in (([], "c2l4"), (["--server", "s3"], "c2l4"), (["--server", "s2"], "YW5v")):
        assert main(["key", "show", path, *arguments]) == 0
        out, err = capsys.readouterr()
        assert orjson.loads(out)["key"].startswith(start)
        assert "from " in err
        assert "its password" not in err


def test_a_new_key_for_the_gui(gui: Gui, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(gui, tmp_path)
    assert main(["key", "generate", "--into", path]) == 0
    first = capsys.readouterr().out
    assert gui.run("SELECT content FROM `system` WHERE type = 'manager_key'") == ((first.strip(),),)
    assert main(["key", "generate", "--into", path]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert "there is another key already; --force replaces it" in err
    assert main(["key", "generate", "--into", path, "--force"]) == 0
    second = capsys.readouterr().out
    assert second != first
    assert gui.run("SELECT content FROM `system` WHERE type = 'manager_key'") == ((second.strip(),),)


def test_a_second_gui_gets_the_same(
    gui: Gui, mariadb: MariaDb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = mariadb.gui()
    source, target = config(gui, tmp_path), config(other, tmp_path)
    assert main(["key", "copy", source, target]) == 1  # there is nothing to copy
    GuiDatabase(gui.settings()).store_key(KEY, force=False)
    assert main(["key", "copy", source, target]) == 0
    assert GuiDatabase(other.settings()).key() == KEY
    assert main(["key", "copy", source, target]) == 0
    assert "has this key already" in capsys.readouterr().err
    GuiDatabase(other.settings()).store_key(SnifferKey(b"another key here", b"x" * 16), force=True)
    assert main(["key", "copy", source, target]) == 1
    assert GuiDatabase(other.settings()).key() != KEY
    assert main(["key", "copy", source, target, "--force"]) == 0
    assert GuiDatabase(other.settings()).key() == KEY
    out, err = capsys.readouterr()
    assert not out
    assert "c2l4" not in err


def test_a_database_that_is_down(gui: Gui, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "amp.toml"
    path.write_text(gui.toml(port=1))
    for command in (["show"], ["generate", "--into"]):
        assert main(["key", *command, str(path)]) == 1
        out, err = capsys.readouterr()
        assert not out
        assert "Connection refused" in err
        assert "its password" not in err
