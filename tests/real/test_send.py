"""``amp send`` where key and sensors are in the GUI's database, or behind SSH."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from amp.cli import main
from amp.core.voipmonitor.cipher import SnifferKey
from amp.shell.gui_database import GuiDatabase
from cli.processes import sniffer
from real.mariadb import Gui

pytestmark = pytest.mark.mariadb

KEY, IV = "c2l4dGVlbiBieXRlcyBvaw==", "YW4gaW5pdGlhbCB2YWx1ZQ=="
FLEET = '[[server]]\nkind = "voipmonitor"\nname = "sensor"\nsensors = "database"\n'

Send = Callable[..., tuple[int, str, str]]


@pytest.fixture
def send(gui: Gui, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Send:
    """``amp send`` with a configuration that has this database and a fleet of its sensors."""
    path = tmp_path / "amp.toml"
    path.write_text(FLEET + gui.toml())

    def run(*arguments: str) -> tuple[int, str, str]:
        return main(["send", "--config", str(path), *arguments]), *capfd.readouterr()

    return run


def test_sensors_of_the_database_are_asked_with_its_key(gui: Gui, send: Send) -> None:
    GuiDatabase(gui.settings()).store_key(SnifferKey(b"sixteen bytes ok", b"an initial value"), force=False)
    with sniffer("--key", KEY, "--iv", IV, "--registers", "7") as port:
        gui.sensor(2, "127.0.0.1", port, "Praha")
        gui.sensor(3, "127.0.0.1", port)
        for whom in (("-s", "2"), ("--server", "Praha"), ("-h", "127.0.0.1", "-p", str(port), "-a")):
            assert send(*whom, "-c", "totalregisters") == (0, "7", "")
        code, out, _ = send("--all", "-c", "totalregisters")
        assert code == 0
        assert "Praha" in out
        assert "sensor3" in out
    code, _, err = send("-s", "9", "-c", "getversion")
    assert code == 2
    assert "no sniffer has sensor_id = 9 in the configuration, which has Praha (2), sensor3 (3)" in err


def test_a_database_that_cannot_be_read_is_told(gui: Gui, send: Send) -> None:
    gui.run("DROP TABLE sensors")
    code, out, err = send("-s", "2", "-c", "getversion")
    assert (code, out) == (2, "")
    assert f"Table '{gui.name}.sensors' doesn't exist" in err


def test_who_is_behind_ssh_is_asked_through_amp(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "amp.toml"
    path.write_text(
        '[[server]]\nkind = "voipmonitor"\nname = "s1"\nssh = "h"\nsocket = "/s"\nencryption = "none"\n'
    )
    assert main(["send", "--config", str(path), "--server", "s1", "-c", "getversion"]) == 2
    assert "s1 is reached over SSH, which a running amp does: give --via" in capfd.readouterr().err
