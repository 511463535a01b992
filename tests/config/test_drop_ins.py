"""``servers.d/``: what is read from there, and what AddServer writes there."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amp.config.checks import cross_problems
from amp.config.drop_ins import FOLDER, DropIns
from amp.config.load import load
from amp.config.rules import Name
from amp.config.schema import AsteriskServer
from amp.config.secret import EXPECTED
from config.loading import SERVER, USER, load_text, problems

TABLE = {"name": "pbx9", "host": "192.0.2.9", "username": "amp", "secret": 'a"\\b'}


def drop_in(folder: Path, name: str, text: str) -> Path:
    (folder / FOLDER).mkdir(exist_ok=True)
    path = folder / FOLDER / name
    path.write_text(text)
    return path


@pytest.fixture
def drop_ins(tmp_path: Path) -> DropIns:
    (tmp_path / "amp.toml").write_text(SERVER + USER)
    return DropIns(tmp_path / "amp.toml")


def test_they_follow_those_of_the_configuration_by_the_names_of_their_files(tmp_path: Path) -> None:
    drop_in(tmp_path, "b.toml", SERVER.replace("pbx1", "second") + SERVER.replace("pbx1", "third"))
    drop_in(tmp_path, "a.toml", SERVER.replace("pbx1", "first-of-a"))
    drop_in(tmp_path, "no.txt", "not read")
    drop_in(tmp_path, ".hidden.toml", "not read")
    names = [server.name for server in load_text(tmp_path, SERVER).server]
    assert names == ["pbx1", "first-of-a", "second", "third"]
    assert [server.name for server in load_text(tmp_path, "").server] == names[1:]


def test_their_problems_are_told_with_their_places(tmp_path: Path) -> None:
    """A clash names both places; a secret is never shown."""
    bad = SERVER.replace("pbx1", "x").replace('"s"', "17").replace("port", "prot") + "prot = 1\n"
    drop_in(tmp_path, "a.toml", SERVER + bad)
    drop_in(tmp_path, "b.toml", "port = 5038")
    drop_in(tmp_path, "c.toml", "not TOML")
    (tmp_path / FOLDER / "d.toml").mkdir()
    found = problems(tmp_path, SERVER)
    assert sorted(found) == [
        "servers.d/a.toml: server[0].name: the same name as server[0]",
        "servers.d/a.toml: server[1].prot: unknown key (did you mean 'port'?)",
        f"servers.d/a.toml: server[1].secret: {EXPECTED}",
        "servers.d/b.toml: expected [[server]] and nothing else",
        next(problem for problem in found if problem.startswith("servers.d/c.toml: line 1, column")),
        "servers.d/d.toml: cannot read: not a regular file",
    ]


def test_two_drop_ins_that_clash_are_both_named(tmp_path: Path) -> None:
    drop_in(tmp_path, "a.toml", SERVER)
    drop_in(tmp_path, "b.toml", SERVER)
    assert problems(tmp_path, "") == [
        "servers.d/b.toml: server[0].name: the same name as servers.d/a.toml: server[0]"
    ]


def test_what_is_saved_is_there_at_the_next_start(drop_ins: DropIns) -> None:
    assert drop_ins.save(TABLE, cross_problems) == ""
    path = drop_ins.config.parent / FOLDER / "pbx9.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["pbx9.toml"]
    _, server = load(drop_ins.config).server
    assert isinstance(server, AsteriskServer)
    assert (server.name, server.host, server.secret.reveal()) == ("pbx9", "192.0.2.9", 'a"\\b')
    assert drop_ins.save({**TABLE, "host": "192.0.2.10"}, cross_problems) == "", (
        "its own file is written anew"
    )
    assert load(drop_ins.config).asterisks[1].host == "192.0.2.10"
    assert drop_ins.remove("pbx9") == ""
    assert not path.exists()
    assert drop_ins.remove("pbx9") == "", "it is not there at the next start: that is all that was asked"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "PBX1"}, "it would clash at the next start: it.name: the same name as server[0], but for"),
        ({"name": "192.0.2.1"}, "it would clash at the next start: it.name: it is the host of server[0]"),
        (
            {"host": "other"},
            "next start: servers.d/old.toml: server[0].name: it is the host of it",
        ),
    ],
)
def test_what_the_next_start_would_refuse_is_not_saved(
    drop_ins: DropIns, change: dict[str, str], words: str
) -> None:
    """Dropped without Save it is gone from amp, and not from the files."""
    drop_in(drop_ins.config.parent, "old.toml", SERVER.replace("pbx1", "other").replace(".1", ".7"))
    assert words in drop_ins.save({**TABLE, **change}, cross_problems)
    assert len(load(drop_ins.config).server) == 2


def test_files_of_others_are_left_alone(drop_ins: DropIns) -> None:
    folder = drop_ins.config.parent
    two = "".join(SERVER.replace("pbx1", name).replace("2.1", "2.9") for name in ("pbx9", "x"))
    path = drop_in(folder, "pbx9.toml", two)
    assert (
        drop_ins.save(TABLE, cross_problems)
        == "servers.d/pbx9.toml is there already, and is not this server's"
    )
    assert drop_ins.remove("pbx9") == "servers.d/pbx9.toml holds something else; take it out there"
    assert drop_ins.remove("x") == "it stands in servers.d/pbx9.toml; take it out there"
    assert drop_ins.remove("pbx1") == "it stands in amp.toml; take it out there"
    assert path.read_text() == two
    path.write_text("broken")
    assert "is not this server's" in drop_ins.save(TABLE, cross_problems)
    assert "holds something else" in drop_ins.remove("pbx9")


def test_what_cannot_be_read_or_written_is_told(drop_ins: DropIns) -> None:
    folder = drop_ins.config.parent
    (folder / FOLDER).write_text("a file")
    assert drop_ins.save(TABLE, cross_problems) == "cannot write servers.d/pbx9.toml: File exists"
    (folder / FOLDER).unlink()
    broken = drop_in(folder, "z.toml", "broken")
    assert drop_ins.save(TABLE, cross_problems).startswith("servers.d/z.toml: line 1")
    broken.unlink()
    drop_ins.config.write_text("broken")
    assert drop_ins.save(TABLE, cross_problems).startswith("cannot read amp.toml: line 1")
    assert drop_ins.remove("pbx9").startswith("cannot read amp.toml: line 1")
    drop_ins.config.write_text("")
    long = "ü" * 64
    assert drop_ins.save({**TABLE, "name": long}, cross_problems).endswith("File name too long")


ODD = [
    "..",
    ".",
    "../../etc/cron.d/x",
    "/etc/passwd",
    "a/b",
    "%2e%2e",
    "a\\b",
    "-rf",
    " ",
    ".toml",
    "a b",
    "ü",
]


@pytest.mark.parametrize("name", ODD)
def test_no_name_leads_out_of_the_folder(drop_ins: DropIns, name: str) -> None:
    folder = drop_ins.config.parent
    before = set(folder.rglob("*"))
    table = {**TABLE, "name": name}
    assert drop_ins.save(table, cross_problems) == ""
    new = set(folder.rglob("*")) - before - {folder / FOLDER}
    assert [path.parent for path in new] == [folder / FOLDER]
    assert not next(iter(new)).name.startswith(".")
    assert drop_ins.remove(name) == ""
    assert not any((folder / FOLDER).iterdir())


@given(st.text(min_size=1, max_size=64))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_name_has_a_file_of_its_own(drop_ins: DropIns, name: str) -> None:
    try:
        Name("a server's name").read(name)
    except ValueError:
        return
    path = drop_ins.path_of(name)
    assert path.parent == drop_ins.config.parent / FOLDER
    assert path.name.isascii()
    assert not set(path.name) & set("/\\\0\r\n ")
    assert path != drop_ins.path_of(name + "x")


SECRETS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=60)


@given(SECRETS.filter(lambda text: text[0] not in " \t"))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_secret_is_it_comes_back(drop_ins: DropIns, secret: str) -> None:
    """Quotes, brackets, backslashes and comment signs are no TOML of their own."""
    assert drop_ins.save({**TABLE, "secret": secret}, cross_problems) == ""
    _, server = load(drop_ins.config).asterisks
    assert server.secret.reveal() == secret
