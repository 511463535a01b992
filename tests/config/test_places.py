"""Files that amp would have to make, as the user who asks may make them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from amp.config.places import log_problem, unusable_files
from amp.config.schema import Config, Listen, Log


def problems(folder: Path, log: str | None = None, unix: str | None = None) -> list[str]:
    listen = (Listen(unix=Path(unix)),) if unix else ()
    return list(unusable_files(Config(log=Log(file=log), listen=listen), folder))


def test_what_can_be_made_or_appended_to_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "amp.log").write_text("old")
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(tmp_path / "old.sock"))
    assert problems(tmp_path, "amp.log", "new.sock") == []
    assert problems(tmp_path, "new.log", "old.sock") == []
    assert problems(tmp_path) == []


def test_folders_and_other_files_are_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert problems(tmp_path, ".", "file") == [
        f"log.file: {tmp_path} is a folder",
        f"listen[0].unix: {tmp_path / 'file'} is there already, and is no socket",
    ]


def test_rights_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the user who asks; root, who runs these tests at times, has all of them."""
    (tmp_path / "amp.log").write_text("")
    monkeypatch.setattr("os.access", lambda *_, **__: False)
    assert log_problem(tmp_path / "amp.log") == f"{tmp_path / 'amp.log'} cannot be written"
    assert problems(tmp_path, "new.log", "amp.sock") == [
        f"log.file: no file can be made in {tmp_path}",
        f"listen[0].unix: no file can be made in {tmp_path}",
    ]
