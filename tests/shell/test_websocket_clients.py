"""Three independent WebSocket implementations, and the examples of docs/websocket.md as they stand there.

trio-websocket is the client of the other tests; here are websockets, which compresses, and Chromium.
"""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Any

import attrs
import orjson
import pytest
import trio

from amp.config.schema import Listen
from amp.sim.calls import Plan
from amp.sim.flows import busy_call
from browsers import browser_page
from certificates import authority
from ports import unused_port
from shell.harness import ANNA, PATIENCE_S, Lab, lab
from shell.talking import talking

PAGE = Path(__file__).parents[2] / "docs" / "websocket.md"
WEB = (Listen(port=0, protocols=("http", "websocket")),)


def example(language: str, number: int = 0) -> str:
    """An example in that language, the first if not told."""
    found = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)[number]
    assert isinstance(found, str)
    return found


async def ring(one: Lab) -> None:
    """Have calls ring until cancelled."""
    while True:
        one.sims["sim1"].start_call(Plan(flow=busy_call))
        await trio.sleep(0.1)


async def test_the_python_example(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(example("python"), str(PAGE), "exec"), names)
    async with lab("sim1", "pbx", listen=WEB) as one, trio.open_nursery() as nursery:
        nursery.start_soon(names["main"], f"ws://127.0.0.1:{one.port}/ws", ANNA.name, "anna's")
        nursery.start_soon(ring, one)
        shown = ""
        with trio.fail_after(PATIENCE_S):
            while shown.count("\n") < 5:
                await trio.sleep(0.05)
                shown += capsys.readouterr().out
        nursery.cancel_scope.cancel()
    assert {line.split()[0] for line in shown.splitlines()} == {"sim1"}
    assert {line.split()[1] for line in shown.splitlines()} <= {"Newchannel", "Hangup"}


async def test_the_example_of_resuming_misses_nothing_while_it_is_away(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(example("python", 1), str(PAGE), "exec"), names)
    positions: dict[str, Any] = {}
    shown = ""

    async def until(lines: int) -> None:
        nonlocal shown
        with trio.fail_after(PATIENCE_S):
            while not positions or shown.count("\n") < lines:
                await trio.sleep(0.05)
                shown += capsys.readouterr().out

    async with lab("sim1", listen=WEB) as one:
        address = (f"ws://127.0.0.1:{one.port}/ws", ANNA.name, "anna's")
        for count in (1, 4):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(names["follow"], positions, *address)
                await until(0)
                one.sims["sim1"].user_event("E", ("Key", "live"))
                await until(count)
                nursery.cancel_scope.cancel()
            for _ in range(2):
                one.sims["sim1"].user_event("E", ("Key", "while away"))
    numbers = [int(line.split()[1]) for line in shown.splitlines()]
    assert numbers == list(range(numbers[0], numbers[0] + 4))


def converse(port: int) -> list[dict[str, Any]]:
    """With websockets: what it is told, to the answer of a ping behind an event."""
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    with connect(f"ws://127.0.0.1:{port}/ws", subprotocols=[Subprotocol("amp.v1")]) as socket:
        assert "permessage-deflate" in (
            socket.response.headers["Sec-WebSocket-Extensions"] if socket.response else ""
        )

        def ask(**fields: object) -> None:
            socket.send(orjson.dumps(fields).decode())

        ask(id=1, type="login", username="anna", secret="anna's")
        ask(id=2, type="subscribe", events="UserEvent")
        action = {"Action": "UserEvent", "UserEvent": "E", "Key": "é" * 400}
        ask(id=3, type="action", action=action)
        told: list[dict[str, Any]] = []
        while not any(message.get("event") for message in told) or not any(
            message.get("id") == 3 for message in told
        ):
            told.append(orjson.loads(socket.recv(timeout=PATIENCE_S)))
        socket.ping().wait(PATIENCE_S)
        return told


async def test_websockets_with_compression() -> None:
    pytest.importorskip("websockets")
    async with lab("a", listen=WEB) as one:
        told = await trio.to_thread.run_sync(converse, one.port)
    assert [message["ok"] for message in told if message["type"] == "response"] == [True, True, True]
    (event,) = [message for message in told if message["type"] == "event"]
    assert event["headers"]["Key"] == "é" * 400


def browse(origin: str, code: str, *options: str) -> list[str]:
    """Run the example in a page of that origin: what it shows."""
    with browser_page(*options) as page:
        page.goto(f"{origin}/healthz")
        page.evaluate(
            """([code, url]) => {
                window.shown = [];
                const watch = new Function(code.replace("export ", "") + "; return watch;")();
                window.socket = watch(url, "anna", "anna's", (line) => window.shown.push(line));
            }""",
            [code, origin.replace("http", "ws") + "/ws"],
        )
        page.wait_for_function("window.shown.length >= 5", timeout=PATIENCE_S * 1000)
        page.evaluate("window.socket.close(1000)")
        page.wait_for_function("window.shown.at(-1).startsWith('closed: 1000')", timeout=PATIENCE_S * 1000)
        shown = page.evaluate("window.shown")
        assert page.evaluate("window.socket.extensions").startswith("permessage-deflate")
        return list(shown)


async def test_the_javascript_example_in_chromium() -> None:
    async with lab("sim1", "pbx", listen=WEB) as one, trio.open_nursery() as nursery:
        nursery.start_soon(ring, one)
        origin = f"http://127.0.0.1:{one.port}"
        shown = await trio.to_thread.run_sync(browse, origin, example("javascript"))
        nursery.cancel_scope.cancel()
    assert {line.split()[0] for line in shown[:-1]} == {"sim1"}


@pytest.mark.parametrize("named", [False, True])
async def test_a_page_of_another_origin_is_refused_unless_it_is_named(named: bool) -> None:
    port = unused_port()
    origins = (f"http://127.0.0.1:{port}",) if named else ()
    async with lab(
        "a", listen=(attrs.evolve(WEB[0], port=port), attrs.evolve(WEB[0], origins=origins))
    ) as one:
        here, there = (f"http://127.0.0.1:{one.port_of(at)}" for at in range(2))

        def look() -> object:
            with browser_page() as page:
                page.goto(f"{here}/healthz")
                script = """(url) => new Promise((done) => {
                    const socket = new WebSocket(url, "amp.v1");
                    socket.onopen = () => done("open");
                    socket.onclose = ({ code }) => done(code);
                })"""
                return page.evaluate(script, there.replace("http", "ws") + "/ws")

        assert await trio.to_thread.run_sync(look) == ("open" if named else 1006)


@pytest.fixture
def secure(tmp_path: Path) -> Listen:
    """A listener with TLS, whose certificate the test's own authority has signed."""
    certificate, key = authority().issue(tmp_path, "localhost", "127.0.0.1")
    return attrs.evolve(WEB[0], tls="required", certificate=certificate, private_key=key)


async def test_tls_with_the_authority_that_signed(secure: Listen) -> None:
    context = ssl.create_default_context(cadata=authority().text)
    async with lab("a", listen=(secure,)) as one:
        async with talking(one, tls=context) as talker:
            await talker.login()
            whole = await talker.ask("action", action={"Action": "ListCommands", "Server": "a"})
            assert len(whole["response"]) > 30
        line = await one.logged("client_done", protocol="websocket")
        assert line["tls"].startswith("TLSv1.")


async def test_tls_in_chromium(secure: Listen) -> None:
    async with lab("sim1", "pbx", listen=(secure,)) as one, trio.open_nursery() as nursery:
        nursery.start_soon(ring, one)
        options = (f"https://127.0.0.1:{one.port}", example("javascript"), "--ignore-certificate-errors")
        shown = await trio.to_thread.run_sync(browse, *options)
        nursery.cancel_scope.cancel()
    assert {line.split()[0] for line in shown[:-1]} == {"sim1"}
