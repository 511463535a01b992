"""Keys of later work are recognised."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli_w

from amp.config.not_built import NOT_BUILT_KEYS, NOT_BUILT_VALUES
from amp.config.schema import Config, key_of
from config.describing import ARRAYS, CLASSES, SECTIONS
from config.loading import load_text, problems

REQUIRED = {
    "server": {"name": "a", "host": "h", "username": "u", "secret": "s"},
    "user": {"name": "n", "secret": "s"},
}


def file_with(section: str, key: str, value: object) -> str:
    table = {**REQUIRED.get(section, {}), key: value}
    return tomli_w.dumps({section: [table] if section in ARRAYS else table})


@pytest.mark.parametrize(("section", "key"), NOT_BUILT_KEYS)
def test_a_key_of_later_work_is_answered_clearly(tmp_path: Path, section: str, key: str) -> None:
    path = f"{section}[0].{key}" if section in ARRAYS else f"{section}.{key}"
    (problem,) = problems(tmp_path, file_with(section, key, ["something"]))
    assert problem.startswith(f"{path}: not built yet")


@pytest.mark.parametrize(
    ("section", "key"), [where for where, works in NOT_BUILT_KEYS.items() if works is not None]
)
def test_the_value_that_works_may_be_written_today(tmp_path: Path, section: str, key: str) -> None:
    load_text(tmp_path, file_with(section, key, NOT_BUILT_KEYS[section, key]))


def test_values_of_later_work(tmp_path: Path) -> None:
    assert problems(tmp_path, file_with("user", "read", ["call", "admin", "cal"]))[0] == (
        "user[0].read[1]: 'admin' is not built yet"
    )


def test_no_row_is_left_behind_when_its_key_is_built() -> None:
    """Who builds a key deletes its row; a row for a built key would shadow it."""
    built = {(section, key_of(name)) for section, cls in CLASSES for name in cls.__annotations__}
    assert not built & set(NOT_BUILT_KEYS)
    assert set(NOT_BUILT_VALUES) <= built
    assert set(Config.__annotations__) == set(SECTIONS)
