"""``amp doctor`` at a GUI's database."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from amp.cli import main
from amp.core.voipmonitor.cipher import SnifferKey
from amp.shell.gui_database import GuiDatabase
from real.mariadb import Gui

pytestmark = pytest.mark.mariadb


def found(
    capsys: pytest.CaptureFixture[str], folder: Path, text: str, check: str = "database"
) -> dict[str, str]:
    """The row of a check of the database; its exit code as ``code``."""
    path = folder / "config.toml"
    path.write_text(f"[[listen]]\nport = 0\n{text}")
    code = main(["doctor", str(path), "--json"])
    (row,) = (row for row in orjson.loads(capsys.readouterr().out) if row["check"] == check)
    return {**row, "code": str(code)}


def test_a_database_with_and_without_the_key(
    gui: Gui, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = found(capsys, tmp_path, gui.toml())
    assert (row["code"], row["state"]) == ("0", "ok")
    assert "has no key" in row["found"]
    GuiDatabase(gui.settings()).store_key(SnifferKey(b"sixteen bytes ok", b"an initial value"), force=False)
    assert "has the sniffers' key" in found(capsys, tmp_path, gui.toml())["found"]


def test_a_wrong_password_is_told_and_not_shown(
    gui: Gui, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = found(capsys, tmp_path, gui.toml(password="hunter2"))
    assert (row["code"], row["state"]) == ("1", "fail")
    assert "Access denied" in row["found"]
    assert "hunter2" not in str(row)


def test_its_clock(gui: Gui, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that is wrong is made by the session's own, which the server sets for all but administrators."""
    assert found(capsys, tmp_path, gui.toml(), "clock")["state"] == "ok"
    with gui.server.root() as cursor:
        cursor.execute("SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() - 600'")
        try:
            row = found(capsys, tmp_path, gui.toml(), "clock")
        finally:
            cursor.execute("SET GLOBAL init_connect = ''")
    assert (row["code"], row["state"]) == ("0", "warn")
    assert row["found"].startswith(("599", "600", "601"))
    assert "behind this machine's" in row["found"]
