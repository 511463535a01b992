"""Where the control socket is made and looked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from amp.config import control
from amp.config.control import candidates, folder_problem, place_to_make

FOLDER = Path("/etc/amp")
OWN = Path(f"/tmp/amp-{os.geteuid()}/control.sock")


@pytest.fixture(autouse=True)
def _no_system_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SYSTEM", tmp_path / "no")


@pytest.mark.parametrize(
    ("setting", "environ", "expected"),
    [
        ("/run/x.sock", {"AMP_CONTROL": "/y"}, (Path("/run/x.sock"), True)),
        ("x.sock", {}, (Path("/etc/amp/x.sock"), True)),
        ("off", {"AMP_CONTROL": "/y"}, (None, True)),
        ("auto", {"AMP_CONTROL": "/y"}, (Path("/y"), True)),
        ("auto", {"AMP_CONTROL": "y"}, (Path("y"), True)),
        ("auto", {"AMP_CONTROL": "off"}, (None, True)),
        ("auto", {"AMP_CONTROL": ""}, (OWN, False)),
        ("auto", {"RUNTIME_DIRECTORY": "/a:/b", "XDG_RUNTIME_DIR": "/x"}, (Path("/a/control.sock"), False)),
        ("auto", {"XDG_RUNTIME_DIR": "/run/user/7"}, (Path("/run/user/7/amp/control.sock"), False)),
    ],
)  # fmt: skip
def test_who_is_asked_first(
    setting: str, environ: dict[str, str], expected: tuple[Path | None, bool]
) -> None:
    assert place_to_make(setting, FOLDER, environ) == expected


def test_the_systems_folder_is_taken_by_who_may_write_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "SYSTEM", tmp_path)
    environ = {"XDG_RUNTIME_DIR": "/run/user/7"}
    assert place_to_make("auto", FOLDER, environ) == (tmp_path / "control.sock", False)
    assert list(candidates(environ)) == [
        tmp_path / "control.sock",
        Path("/run/user/7/amp/control.sock"),
        OWN,
    ]
    assert list(candidates({})) == [tmp_path / "control.sock", OWN]


def test_a_folder_in_tmp_must_be_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else could have made it, and listen there in amp's place."""
    own = tmp_path / "own"
    monkeypatch.setattr(control, "_own", lambda: own)
    assert folder_problem(own) == ""
    own.mkdir(mode=0o700)
    assert folder_problem(own) == ""
    own.chmod(0o750)
    assert folder_problem(own) == f"{own} is not a folder of yours alone"
    own.rmdir()
    own.symlink_to(tmp_path)
    assert folder_problem(own) == f"{own} is not a folder of yours alone"
    assert folder_problem(tmp_path) == ""
