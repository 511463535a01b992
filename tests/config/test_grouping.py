"""A problem that several users have in the same words."""

from __future__ import annotations

from pathlib import Path

import pytest

from amp.config.grouping import grouped
from amp.config.load import load
from amp.errors import ConfigError

USER = '[[user]]\nname = "{name}"\nsecret = "s"\n{more}\n'


def problems(path: Path, text: str) -> tuple[str, ...]:
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    return caught.value.problems


def test_it_is_said_once_with_the_users_named(tmp_path: Path) -> None:
    users = [
        ("anna", 'read = ["cal"]'),
        ("bert", ""),
        ("cleo", 'read = ["all", "cal"]'),
        ("dora", 'write = ["x"]'),
    ]
    text = "".join(USER.format(name=name, more=more) for name, more in users)
    both, write = problems(tmp_path / "amp.toml", text)
    assert both.startswith("user[0].read[0] (anna), user[2].read[1] (cleo): expected all, system, call,")
    assert both.endswith(" (did you mean 'call'?)")
    assert write.startswith("user[3].write[0]: expected all, ")


def test_other_problems_stay_as_they_are() -> None:
    data = {"user": [{"name": "a"}, {"name": 3}, {"name": "x\n"}, "no table"]}
    several = ["listen[0].port: no", "user[0].read: no", "listen[1].port: no", "user: there is none"]
    assert grouped(several, data) == several
    assert grouped(["user[1].a: no", "user[2].a: no", "user[3].a: no", "user[9].a: no"], data) == [
        "user[1].a, user[2].a, user[3].a, user[9].a: no"
    ]
    assert grouped(["user[0]: no", "user[1]: no"], {}) == ["user[0], user[1]: no"]
