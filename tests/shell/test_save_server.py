"""``Save: true``: servers that are there after the next start, or are not."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import trio

from amp.core.ami.frame import Frame
from amp.sim.asterisk import SimAsterisk
from shell.harness import AmiClient
from shell.process import CONFIG, Running, running_amp


async def ask(client: AmiClient, name: str, *headers: tuple[str, str]) -> Frame:
    await client.send(("ProxyAction", name), ("ActionID", "ask"), *headers)
    return await client.until(lambda frame: frame.headers[0][0] == b"ProxyResponse")


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def boss_of(running: Running) -> AmiClient:
    client = await running.client()
    await running.logged("server_up", server="a")
    return client


async def test_a_saved_server_is_there_after_a_restart_till_it_is_dropped_so(tmp_path: Path) -> None:
    """A reload in between has nothing to say about it, and the log never shows its secret."""
    first, second = SimAsterisk(name="a"), SimAsterisk(name="b", secret="hunter2")
    path, saved = tmp_path / "amp.toml", tmp_path / "servers.d" / "b.toml"
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(partial(first.serve, "127.0.0.1", 0))
        _, other = await nursery.start(partial(second.serve, "127.0.0.1", 0))
        text = CONFIG.format(port=port).replace('write = ["all"]', 'write = ["all", "admin"]')
        await trio.Path(path).write_text(text)
        async with running_amp(path) as running:
            boss = await boss_of(running)
            headers = {"Server": "b", "Host": "127.0.0.1", "Port": str(other), "Username": "amp"}
            answer = await ask(boss, "AddServer", *headers.items(), ("Secret", "hunter2"), ("Save", "true"))
            assert (answer.name, answer.get(b"Message")) == (b"Success", b"Added b")
            await running.logged("server_up", server="b")
            assert 'secret = "hunter2"' in saved.read_text()
            running.process.send_signal(1)
            await running.logged("reloaded")
            assert not running.count("restart_needed")
            assert "hunter2" not in str(running.lines)
        async with running_amp(path) as running:
            await running.logged("server_up", server="b")
            boss = await boss_of(running)
            refused = await ask(boss, "DropServer", ("Server", "a"), ("Save", "true"))
            told = b"Cannot Drop Server a, it stands in amp.toml; take it out there"
            assert (refused.name, refused.get(b"Message")) == (b"Failure", told)
            assert (await ask(boss, "DropServer", ("Server", "b"), ("Save", "true"))).name == b"Success"
            assert not saved.exists()
            running.process.send_signal(1)
            await running.logged("reloaded")
            assert not running.count("restart_needed")
        async with running_amp(path) as running:
            await running.logged("server_up", server="a")
            listed = await ask(await running.client(), "ListServers")
            assert not any(b"H: b" in value for _, value in listed.headers)
        nursery.cancel_scope.cancel()


async def test_what_cannot_be_saved_is_not_added(tmp_path: Path) -> None:
    path = tmp_path / "amp.toml"
    sim = SimAsterisk(name="a")
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(partial(sim.serve, "127.0.0.1", 0))
        text = CONFIG.format(port=port).replace('write = ["all"]', 'write = ["all", "admin"]')
        await trio.Path(path).write_text(text)
        async with running_amp(path) as running:
            boss = await boss_of(running)
            (tmp_path / "servers.d").write_text("in the way")
            account = (("Username", "u"), ("Secret", "hunter2"), ("Save", "true"))
            answer = await ask(boss, "AddServer", ("Server", "../x"), ("Host", "192.0.2.1"), *account)
            told = b"Could not add ../x: cannot write servers.d/..%2Fx.toml: File exists"
            assert (answer.name, answer.get(b"Message")) == (b"Failure", told.replace(b"/..", b"/%2E."))
            assert not any(b"../x" in value for _, value in (await ask(boss, "ListServers")).headers)
            assert sorted(path.name for path in files(tmp_path)) == ["amp.toml", "servers.d"]
        nursery.cancel_scope.cancel()
