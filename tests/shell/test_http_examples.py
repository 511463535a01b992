"""The examples of the pages about HTTP, run with the real curl; and one port for everything, with TLS."""

from __future__ import annotations

import re
import shlex
import ssl
from pathlib import Path

import pytest
import trio

from amp.config.schema import Listen, User
from amp.config.secret import Secret
from amp.sim.sniffer.sniffer import SimSniffer
from certificates import authority
from programs import program
from shell.browsing import Browser, basic, query
from shell.harness import PATIENCE_S, AmiClient, Lab, lab
from shell.sniffing import sniffer_lab

DOCS = Path(__file__).parents[2] / "docs"
GUI = User(name="gui", secret=Secret("secret"), sniffer_commands=("gui",))
OPERATOR = User(name="operator", secret=Secret("let-the-operator-in"), write=("all", "command"))
OUT_OF_TIME = 28
"""curl's exit code when it was told how long to listen (``-m``)."""


def examples(page: str) -> list[tuple[list[str], str]]:
    """Commands and what the page says they print."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", (DOCS / page).read_text(), re.DOTALL):
        for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = example.replace("\\\n", " ").partition("\n")
            found.append((shlex.split(command), output))
    return found


def without_numbers(text: str) -> str:
    return re.sub(r"[0-9.]*[0-9]", "N", text.replace("\r", "")).strip()


async def events(one: Lab, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Whoever listens soon hears one."""
    task_status.started()
    while True:
        one.sims["sim1"].user_event("Something", ("Key", "value"))
        await trio.sleep(0.1)


async def run(command: list[str], folder: Path, exit_code: int) -> str:
    with trio.fail_after(PATIENCE_S):
        done = await trio.run_process(command, capture_stdout=True, check=False, cwd=folder)
    assert done.returncode == exit_code, (command, done.stdout)
    return done.stdout.decode()


@pytest.mark.parametrize(("page", "least"), [("http.md", 9), ("http-api.md", 3)])
async def test_the_examples_of_the_page_do_what_it_says(page: str, least: int, tmp_path: Path) -> None:
    curl = program("curl", "curl")
    listen = (Listen(port=0, protocols=("ami", "http")),)
    sniffer = SimSniffer()
    sniffer.spool.put("2026-11-22/10/05/SIP/call.pcap", b"capture")
    async with sniffer_lab(sniffer, "sim1", users=(OPERATOR, GUI), listen=listen) as one:
        assert len(examples(page)) >= least
        for command, expected in examples(page):
            assert command.pop(0) == "curl"
            here = [word.replace(":5038", f":{one.port}").replace("=demo", "=x") for word in command]
            async with trio.open_nursery() as nursery:
                if any("waitevent" in word or "/events" in word for word in here):
                    await nursery.start(events, one)
                said = await run(
                    [curl, "-sS", "--fail-with-body", *here], tmp_path, OUT_OF_TIME if "-m" in here else 0
                )
                nursery.cancel_scope.cancel()
            pattern = re.escape(without_numbers(expected)).replace(r"\.\.\.", ".*")
            printed = without_numbers(said)
            assert re.fullmatch(f"{pattern}.*", re.sub(r"\n+", "\n", printed), re.DOTALL), (here, printed)
        if page == "http.md":
            assert await trio.Path(tmp_path / "call.pcap").read_bytes() == b"capture"


async def connect_tls(one: Lab) -> trio.SSLStream[trio.SocketStream]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority().text)
    raw = await trio.open_tcp_stream("127.0.0.1", one.port)
    stream = trio.SSLStream(raw, context, server_hostname="localhost")
    with trio.fail_after(PATIENCE_S):
        await stream.do_handshake()
    return stream


async def test_one_port_speaks_all_of_it(tmp_path: Path) -> None:
    """AMI and HTTP, each in plain text and by TLS."""
    certificate, key = authority().issue(tmp_path, "localhost", "127.0.0.1")
    listen = Listen(
        port=0, protocols=("ami", "http"), tls="optional", certificate=certificate, private_key=key,
        detect_timeout_s=1.0,
    )  # fmt: skip
    async with lab("a", listen=(listen,)) as one:
        plain = await Browser.open(one)
        assert (await plain.get(query("CoreStatus"), basic())).status == 200
        assert (await (await one.connect()).login()).name == b"Success"
        secure = AmiClient(await connect_tls(one))
        one.clients.append(secure)
        assert (await secure.login()).name == b"Success"
        https = Browser(await connect_tls(one), f"localhost:{one.port}")
        page = await https.get(query("CoreStatus"), basic(), ("Origin", f"https://localhost:{one.port}"))
        assert page.status == 200
        page = await https.get("/rawman?action=login&username=anna&secret=anna%27s")
        assert page.headers["set-cookie"].endswith("; Secure")
        await trio.aclose_forcefully(https.stream)
        assert (await one.logged("http_done", tls="TLSv1.3"))["requests"] == 2


async def test_curl_verifies_and_posts(tmp_path: Path) -> None:
    curl = program("curl", "curl")
    certificate, key = authority().issue(tmp_path, "localhost", "127.0.0.1")
    listen = Listen(port=0, protocols=("http",), tls="required", certificate=certificate, private_key=key)
    async with lab("a", listen=(listen,)) as one:
        ca = authority().write(tmp_path)
        fields = ["--data-urlencode", "ActionID=a&b=c\u00e9", "-d", "Action=Ping"]
        url = f"https://localhost:{one.port}/"
        with trio.fail_after(PATIENCE_S):
            done = await trio.run_process(
                [curl, "-sS", "--cacert", str(ca), "-u", "anna:anna's", *fields, url, url],
                capture_stdout=True,
            )
        assert done.stdout.decode().count("ActionID: a&b=cé\r\nPing: Pong\r\n") == 2
