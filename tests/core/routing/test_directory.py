"""Which server an action is for."""

from __future__ import annotations

import pytest

from amp.core.routing.directory import Choice, Directory, Selection
from amp.core.routing.settings import LinksConfig

FLEET = {
    name: LinksConfig(name=name, hosts=(host,))
    for name, host in [
        ("pbx1", "192.0.2.1"),
        ("pbx2", "PBX2.example"),
        ("twin1", "192.0.2.9"),
        ("twin2", "192.0.2.9"),
    ]
}


def choose(
    named: bytes = b"", pin: str | None = None, also: tuple[str, ...] = (), default: str = "first"
) -> Choice:
    return Directory(FLEET, default).choose(named, pin, also)


@pytest.mark.parametrize(
    ("named", "server"),
    [(b"pbx1", "pbx1"), (b"pbx2", "pbx2"), (b"192.0.2.1", "pbx1"), (b"pbx2.EXAMPLE", "pbx2"), (b"", "pbx1")],
)
def test_a_server_goes_by_name_or_host(named: bytes, server: str) -> None:
    """Hosts are compared without case; without a header it is the default."""
    assert choose(named) == Choice(server, "")


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (b"pbx3", "unknown server pbx3"),
        (b"PBX1", "unknown server PBX1"),
        (b"192.0.2.9", "several servers: twin1, twin2"),
    ],
)
def test_no_other_server_is_used_instead(named: bytes, words: str) -> None:
    """A named server is the only one that is used; a misrouted Originate rings the wrong phone."""
    choice = choose(named)
    assert choice.server == ""
    assert choice.refusal.startswith("Not sent: ")
    assert words in choice.refusal


def test_a_bound_client_uses_its_server() -> None:
    """The user's server wins over the default."""
    assert choose(pin="pbx2").server == "pbx2"
    assert choose(b"pbx2", pin="pbx2").server == "pbx2"


def test_a_bound_client_may_name_what_its_user_lists() -> None:
    """By host as well, and a host of two servers is the one that is open to it."""
    assert choose(b"pbx1", pin="pbx2", also=("pbx1",)).server == "pbx1"
    assert choose(b"192.0.2.9", pin="pbx2", also=("twin2",)).server == "twin2"


@pytest.mark.parametrize("named", [b"pbx1", b"pbx9"])
def test_a_bound_client_learns_nothing_of_other_servers(named: bytes) -> None:
    """Whether it exists or not, the answer is the same."""
    refusal = f"Not sent: Server: {named.decode()} is not open to this user"
    assert choose(named, pin="pbx2") == Choice("", refusal, denied=True)


def test_a_binding_to_a_server_that_is_not_there_is_an_error() -> None:
    """After a reload, for instance."""
    assert choose(pin="gone") == Choice("", "Not sent: unknown server gone")


def test_the_default_may_be_a_name_or_none() -> None:
    """``first`` is the first configured."""
    assert choose(default="pbx2").server == "pbx2"
    assert "no default server" in choose(default="none").refusal
    assert choose(default="nix").refusal == "Not sent: unknown server nix"
    assert Directory({}, "first").choose(b"", None, ()).refusal == "Not sent: no server is configured"


def test_a_long_or_odd_name_is_shown_in_part() -> None:
    """No foreign text is repeated at any length."""
    assert len(choose(b"x" * 1000).refusal) < 100
    assert choose(b"\xff").server == ""


def select(named: bytes, pin: str | None = None, also: tuple[str, ...] = ()) -> Selection:
    directory = Directory(FLEET, "first")
    assert directory.choose(named, pin, also) == Choice("", "")
    return directory.select(named, pin, also)


@pytest.mark.parametrize(
    ("named", "found"),
    [
        (b"*", ("pbx1", "pbx2", "twin1", "twin2")),
        (b"pbx2, pbx1", ("pbx2", "pbx1")),
        (b"pbx1,,pbx1 ,", ("pbx1",)),
        (b"twin2,pbx?", ("twin2", "pbx1", "pbx2")),
        (b"*[12]", ("pbx1", "pbx2", "twin1", "twin2")),
        (b"[!p]*", ("twin1", "twin2")),
        (b"192.0.2.9, pbx2.EXAMPLE", ("twin1", "twin2", "pbx2")),
        (b" , ", ()),
    ],
)
def test_several_servers_by_list_and_glob(named: bytes, found: tuple[str, ...]) -> None:
    """Names and hosts, globs of names; each server once, as listed and then as configured."""
    assert select(named) == Selection(found, {})


def test_what_is_listed_and_not_there_is_missing() -> None:
    """It does not keep the others from being asked."""
    missing = {"pbx9": "unknown server pbx9"} | {
        glob: f"no server matches {glob}" for glob in ("PBX*", "192.0.2.*")
    }
    assert select(b"pbx9,pbx1,PBX*,192.0.2.*") == Selection(("pbx1",), missing)


def test_a_bound_client_reaches_only_its_servers() -> None:
    """A glob gives what is open to it; of the rest it learns nothing."""
    assert select(b"*", "pbx2", ("twin1",)) == Selection(("pbx2", "twin1"), {})
    closed = {name: f"Server: {name} is not open to this user" for name in ("pbx1", "nix")}
    assert select(b"pbx1,nix,pbx2", "pbx2") == Selection(("pbx2",), closed)
    assert select(b"twin*", "pbx2").missing == {"twin*": "no server matches twin*"}


def test_a_costly_glob_costs_nothing() -> None:
    """Stars without end are matched without trying all ways."""
    assert select(b"*p*" * 300 + b"!").found == ()


def test_long_and_odd_items_are_shown_in_part() -> None:
    """As elsewhere."""
    assert select(b"\xff" * 200 + b",").missing.keys() == {"?" * 64}


def test_a_list_is_bounded() -> None:
    """A line of 1022 bytes holds 500 items, and globs are compiled."""
    assert select(b"," + b"pbx1," * 32).found == ("pbx1",)
    assert select(b"nix," * 33) == Selection((), {}, "Server: lists 33 items, at most 32")
    assert select(b"*," * 4 + b"pbx1").refusal == ""
    assert select(b"*," * 5) == Selection((), {}, "Server: lists 5 globs, at most 4")


def test_a_glob_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    directory = Directory(FLEET, "first")
    first = directory.select(b"pbx*", None, ())
    monkeypatch.setattr("amp.core.routing.directory.fnmatch", None)
    assert directory.select(b"pbx*", None, ()) == first
