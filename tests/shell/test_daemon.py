"""``amp run`` as a daemon: early signals, and what ``-d``, ``-dd`` and ``-ddd`` tell."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import structlog
import trio

from amp.shell.tracing import WIRE, Tracing
from amp.shell.wire import PlainWire
from amp.sim.asterisk import SimAsterisk
from shell.harness import PATIENCE_S
from shell.process import CONFIG, running_amp

CATCHES_SIGHUP = 1 << (signal.SIGHUP - 1)


async def test_a_hangup_while_amp_starts_is_a_reload_and_not_its_end(tmp_path: Path) -> None:
    """As soon as its own code runs; before that Python itself is starting."""
    path = tmp_path / "amp.toml"
    await trio.Path(path).write_text('[log]\nformat = "json"\n[[listen]]\nport = 0\n')
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "amp", "run", str(path)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        with trio.fail_after(PATIENCE_S):
            while True:
                status = await trio.Path(f"/proc/{process.pid}/status").read_text()
                if int(status.partition("SigCgt:")[2].split()[0], 16) & CATCHES_SIGHUP:
                    break
            process.send_signal(signal.SIGHUP)
            log = b""
            while b'"reloaded"' not in log or b'"ready"' not in log:
                data = await process.stderr.receive_some()
                assert data, log.decode()
                log += data
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        if process.poll() is None:
            process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            assert process.stderr is not None
            await process.stderr.aclose()


@pytest.mark.parametrize("flag", ["-d", "-dd", "-ddd"])
async def test_what_is_traced(flag: str, tmp_path: Path) -> None:
    """Nothing of it holds a secret: neither the clients' nor the one for the server."""
    sim = SimAsterisk(name="a")
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(partial(sim.serve, "127.0.0.1", 0))
        path = tmp_path / "amp.toml"
        await trio.Path(path).write_text(CONFIG.format(port=port))
        async with running_amp(path, (flag,), sim=sim) as running:
            await running.logged("server_up")
            client = await running.client()
            await client.action("Setvar", ("Variable", "PIN"), ("Value", "1234"), ("ActionID", "7"))
            await client.answer("7")
            os.kill(running.process.pid, signal.SIGHUP)
            await running.logged("reloaded")
            await client.action("Ping", ("ActionID", "8"))
            await client.answer("8")
        nursery.cancel_scope.cancel()
    passed = [line for line in running.lines if line["event"] in ("sent", "received")]
    lines = [text for line in passed for text in line["lines"]]
    everything = str(running.lines)
    assert "anna's" not in everything
    assert not any(text.startswith(("Secret: ", "Key: ")) and "<hidden>" not in text for text in lines)
    assert ("Action: Setvar" in lines) == (flag != "-d")
    assert ("ActionID: 8" in lines) == (flag != "-d"), "also after a reload"
    assert ("Variable: <hidden>" in lines) == (flag == "-ddd")
    assert ("Event: FullyBooted" in lines) == (flag == "-ddd")
    assert {line.get("server") or line["client"] for line in passed} == (set() if flag == "-d" else {"a", 1})


async def test_a_traced_wire_is_a_wire() -> None:
    """Nothing is lost or told twice: pieces, several buffers at once, bytes put back."""
    ours, theirs = trio.socket.socketpair()
    with structlog.testing.capture_logs() as lines:
        wire = Tracing(WIRE).wrap(PlainWire(ours), client=1)
        assert wire.write_many_now([b"A: 1\r\n", b"B: ", b"2\r\n"]) == 12
        assert wire.write_now(memoryview(b"C: 3\r\n")) == 6
        assert await theirs.recv(100) == b"A: 1\r\nB: 2\r\nC: 3\r\n"
        await theirs.send(b"D: 4\r\nE")
        assert await wire.receive() == b"D: 4\r\nE"
        wire.push_back(b"4\r\nE")
        assert await wire.receive() == b"4\r\nE"
        assert wire.receive_now() is None
        await theirs.send(b": 5\r\n")
        assert await wire.receive() == b": 5\r\n"
        assert (wire.tls, wire.blocked, wire.sock) == ("", False, ours)
        wire.end_output()
        assert await theirs.recv(1) == b""
        wire.close()
    theirs.close()
    told = [(line["event"], text) for line in lines for text in line["lines"]]
    sent, received = ["A: 1", "B: 2", "C: 3"], ["D: 4", "E: 5"]
    assert told == [("sent", text) for text in sent] + [("received", text) for text in received]
