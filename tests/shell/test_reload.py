"""SIGHUP: what changes while amp runs, what does not, and that a bad file changes nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import pytest
import structlog
import trio

from amp.config.load import load
from amp.config.schema import (
    AsteriskServer,
    Config,
    Database,
    Limits,
    Listen,
    Log,
    Metrics,
    Proxy,
    Simulate,
    User,
)
from amp.config.secret import Secret
from amp.shell.reload import Reloader, needs_restart, running_with
from shell.harness import ANNA, PATIENCE_S, Lab, lab

ANNA_READS_ALL = '[[user]]\nname = "anna"\nsecret = "anna\'s"\nread = ["all"]\nwrite = ["all"]\n'
ANNA_READS_CALLS = ANNA_READS_ALL.replace('["all"]\nwrite', '["call"]\nwrite').replace(
    'write = ["all"]', "write = []"
)
BERT_USER = User(name="bert", secret=Secret("bert's"))
BERT = '[[user]]\nname = "bert"\nsecret = "bert\'s"\n'


async def hang_up(one: Lab, path: Path, text: str, outcome: str = "reloaded") -> None:
    """Write the file, tell amp, and wait for what comes of it."""
    await trio.Path(path).write_text(text)
    one.lines.clear()
    os.kill(os.getpid(), signal.SIGHUP)
    await one.logged(outcome)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "amp.toml"


async def test_rights_of_live_sessions_follow_the_file(path: Path) -> None:
    """What anna asked to see stays asked for; what she may see and do is what the file says now."""
    async with lab("a", path=path) as one:
        anna, witness = await one.client(), await one.client()
        await anna.event("FullyBooted")
        await witness.event("FullyBooted")
        await hang_up(one, path, ANNA_READS_CALLS)
        one.sims["a"].user_event("Unseen")
        await anna.action("Command", ("Command", "core show version"), ("ActionID", "1"))
        frame = await anna.frame()
        assert (frame.name, frame.get(b"Message")) == (b"Error", b"Permission denied")
        await hang_up(one, path, ANNA_READS_ALL)
        one.sims["a"].user_event("Seen")
        assert (await anna.event("UserEvent")).get(b"UserEvent") == b"Seen"


async def test_who_is_removed_is_logged_off_and_who_is_new_gets_in(path: Path) -> None:
    """The one that goes is told why; so is the log."""
    async with lab("a", path=path) as one:
        anna = await one.client(events="off")
        waiting = await one.connect()
        await hang_up(one, path, BERT)
        assert await anna.raw() == b"ProxyMessage: Logged off: user removed"
        assert await anna.raw() == b""
        await one.logged("client_done", user="anna", reason="logged off: user removed")
        assert (await waiting.login()).name == b"Error"
        await one.client("bert", "bert's")


async def test_who_is_logged_off_does_and_sees_nothing_more(path: Path) -> None:
    """Even if it had sent something, or an event came, before its connection was closed."""
    async with lab("a", path=path, users=(ANNA, BERT_USER)) as one:
        anna, bert = await one.client(), await one.client("bert", "bert's")
        await anna.event("FullyBooted")
        await hang_up(one, path, BERT)
        one.sims["a"].user_event("TooLate")
        await bert.event("UserEvent")
        with suppress(trio.BrokenResourceError):
            await anna.action("UserEvent", ("UserEvent", "Unwanted"), ("Server", "a"))
        assert await anna.rest() == b"ProxyMessage: Logged off: user removed\r\n\r\n"
        one.sims["a"].user_event("Next")
        assert (await bert.event("UserEvent")).get(b"UserEvent") == b"Next"


async def test_a_changed_secret_ends_the_sessions_of_the_old_one(path: Path) -> None:
    """It is changed because somebody knew it."""
    async with lab("a", path=path) as one:
        anna = await one.client(events="off")
        await hang_up(one, path, ANNA_READS_ALL.replace("anna's", "new"))
        assert await anna.raw() == b"ProxyMessage: Logged off: secret changed"
        await one.client(secret="new")


async def test_a_bad_file_changes_nothing_and_all_its_problems_are_logged(path: Path) -> None:
    """Whoever is in stays in with the rights that it had."""
    async with lab("a", path=path) as one:
        anna = await one.client()
        await anna.event("FullyBooted")
        await hang_up(one, path, BERT + "[limits]\nstrangers = 0\nfoo = 1\n", "reload_refused")
        problems = [line["problem"] for line in one.lines if line["event"] == "reload_problem"]
        assert len(problems) == 2
        assert problems[0].startswith("limits.strangers: expected a whole number from 1")
        assert problems[1].startswith("limits.foo: unknown key")
        await trio.Path(path).unlink()
        os.kill(os.getpid(), signal.SIGHUP)
        await one.logged("reload_problem", problem="cannot read: No such file or directory")
        one.sims["a"].user_event("StillHers")
        await anna.event("UserEvent")


async def test_limits_follow_the_file(path: Path) -> None:
    """For everybody who comes; who is in stays in."""
    async with lab("a", path=path) as one:
        anna = await one.client(events="off")
        await hang_up(one, path, ANNA_READS_ALL + "[limits]\nconnections = 1\n")
        assert b"Too many connections" in await (await one.connect()).rest()
        await anna.action("Ping", ("ActionID", "1"))
        await anna.answer("1")
        await hang_up(one, path, ANNA_READS_ALL)
        await one.client()


async def test_what_needs_a_restart_is_told_and_stays(path: Path) -> None:
    """The server of the lab is not in the file: it is told, and goes on."""
    async with lab("a", path=path) as one:
        anna = await one.client(events="off")
        await hang_up(one, path, ANNA_READS_ALL + "[limits]\njournal_bytes = 5000\n")
        line = await one.logged("restart_needed")
        assert line["changed"] == ["proxy.name", "listen", "server", "limits.journal_bytes"]
        await anna.action("Ping", ("Server", "a"), ("ActionID", "1"))
        assert (await anna.answer("1")).get(b"Ping") == b"Pong"


async def test_without_a_file_there_is_nothing_to_reload() -> None:
    """Said so, and amp goes on."""
    async with lab("a") as one:
        os.kill(os.getpid(), signal.SIGHUP)
        await one.logged("reload_problem", problem="was started without a configuration file")
        await one.client()


# -- the two steps -------------------------------------------------------------------------------------------


async def test_a_file_that_keeps_its_reader_is_refused_and_the_next_reload_works(path: Path) -> None:
    """A FIFO without a writer: reading would never end."""
    os.mkfifo(path)
    with structlog.testing.capture_logs() as lines:
        reloader = Reloader(path, Config(user=(ANNA,)), read_timeout_s=0.2)
        with trio.fail_after(PATIENCE_S):
            assert (await reloader.reload()).problems
        assert lines[0]["problem"] == "could not be read within 0.2 s"
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))  # lets the thread that was left behind end
        await trio.Path(path).unlink()
        await trio.Path(path).write_text(ANNA_READS_CALLS)
        with trio.fail_after(PATIENCE_S):
            reloader.read_timeout_s = 10.0
            assert not (await reloader.reload()).problems


async def test_nobody_follows_if_one_cannot(path: Path) -> None:
    """All that cannot are named; what was prepared is thrown away."""
    await trio.Path(path).write_text(ANNA_READS_CALLS)
    done: list[str] = []

    def follows(_: Config) -> Callable[[], None]:
        return lambda: done.append("followed")

    def cannot(_: Config) -> Callable[[], None]:
        raise OSError("no such certificate")

    def will_not(_: Config) -> Callable[[], None]:
        raise ValueError("too old")

    reloader = Reloader(path, Config(), [follows, cannot, will_not])
    assert (await reloader.reload()).problems
    assert (done, reloader.config) == ([], Config())
    reloader.parts = [follows, follows]
    assert not (await reloader.reload()).problems
    assert done == ["followed"] * 2
    assert reloader.config.user == load(path).user


def test_a_limit_is_either_followed_or_needs_a_restart() -> None:
    """A changed one that is neither would be silently ignored."""
    for field in attrs.fields(Limits):
        default: Any = field.default
        other: Any = ("192.0.2.0/24",) if field.name == "exempt" else default * 2
        changed = attrs.evolve(Limits(), **{field.name: other})
        wanted = Config(limits=changed)
        after = running_with(Config(), wanted).limits
        followed, told = after == changed, list(needs_restart(Config(), wanted)) != []
        assert followed != told, field.name
        assert followed or after == Limits(), field.name


def test_so_is_a_section() -> None:
    others: dict[str, Any] = {
        "listen": (Listen(port=1),),
        "server": (AsteriskServer(name="x", host="x", username="u", secret=Secret("s")),),
        "user": (ANNA,),
        "proxy": Proxy(greeting="x"),
        "limits": Limits(order_hold_s=1.0),
        "log": Log(level="debug"),
        "metrics": Metrics(allow=()),
        "database": Database(),
        "simulate": Simulate(),
    }
    for field in attrs.fields(Config):
        wanted = attrs.evolve(Config(), **{field.name: others[field.name]})
        followed, told = running_with(Config(), wanted) == wanted, list(needs_restart(Config(), wanted)) != []
        assert followed != told, field.name


def test_nothing_changed_needs_no_restart() -> None:
    config = Config(user=(ANNA,))
    assert list(needs_restart(config, config)) == []
    assert running_with(config, config) == config
