"""``/metrics``: what a scrape gives, and to whom."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path

import attrs
import pytest

from amp.config.metrics import Metrics
from amp.config.schema import Listen
from amp.shell import collector
from amp.sim.sniffer.sniffer import SimSniffer
from shell.browsing import Browser, basic
from shell.harness import Lab, lab
from shell.sniffing import sniffer_lab
from shell.test_api import AS_ADMIN, BOUND, READER, USERS, get

LISTEN = (Listen(port=0, protocols=("ami", "http")),)
SAMPLE = re.compile(r'(amp_[a-z_]+)(\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? (-?[0-9.e+-]+)')
PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


async def scraped(one: Lab, *headers: tuple[str, str]) -> dict[str, float]:
    browser = await Browser.open(one)
    await browser.send("GET", "/metrics", *headers)
    page = await browser.page()
    assert page.status == 200, page.text
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    found: dict[str, float] = {}
    for line in page.text.splitlines():
        if not line.startswith("#"):
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] + (match[2] or "") not in found
            found[match[1] + (match[2] or "")] = float(match[3])
    return found


async def test_a_scrape_tells_of_servers_clients_and_answers() -> None:
    async with lab("a", "b", users=USERS, listen=LISTEN) as one:
        client = await one.client()
        await client.action("CoreShowChannels", ("ActionID", "1"), ("Server", "a"))
        await client.answer("1")
        await client.action("Command", ("ActionID", "2"), ("Command", "!x"))
        await client.answer("2")
        browser = await Browser.open(one)
        kind = ("Content-Type", "application/json")
        body = b'{"action":{"Action":"Originate"}}'
        await browser.send("POST", "/api/v1/actions", basic("reader", "r"), kind, body=body)
        assert (await browser.page("POST")).status == 403
        found = await scraped(one)
        assert found['amp_server_up{server="a"}'] == 1
        assert found['amp_server_actions_total{server="a"}'] >= 1
        assert found['amp_action_seconds_count{server="a"}'] >= 1
        assert found['amp_action_seconds_bucket{server="a",le="+Inf"}'] >= 1
        assert found['amp_server_bytes_total{server="b",direction="in"}'] > 0
        assert found['amp_server_event_lag{server="a"}'] == 0
        assert found['amp_clients{protocol="ami"}'] == 1
        assert found['amp_client_denials_total{protocol="http"}'] == 1
        assert found['amp_client_bytes_total{protocol="ami",direction="in"}'] > 0


async def test_denials_are_counted_wherever_a_right_is_missing() -> None:
    """Classes by the session, servers by the router, sniffers by their desk; what fails otherwise is none."""
    users = (attrs.evolve(READER, write=("call",)), attrs.evolve(BOUND, server="a", write=("call",)))
    async with sniffer_lab(SimSniffer(), "a", "b", users=(*USERS[:2], *users), listen=LISTEN) as one:

        async def denials(user: str, secret: str, *actions: tuple[str, dict[str, str]]) -> float:
            name = 'amp_client_denials_total{protocol="ami"}'
            before = (await scraped(one))[name]
            client = await one.connect()
            await client.login(user, secret)
            for number, (action, headers) in enumerate(actions):
                await client.action(action, ("ActionID", str(number)), *headers.items())
                assert (await client.answer(str(number))).name == b"Error"
                if user == "root":  # one for several
                    await client.event("ProxyFanoutComplete")
            return (await scraped(one))[name] - before

        file, to_s2, to_c = {"Command": "getfile x"}, {"Server": "s2"}, {"Server": "c"}
        assert await denials("reader", "r", ("Originate", {}), ("Ping", {"Server": "*"})) == 2
        assert await denials("reader", "r", ("SnifferCommand", {**to_s2, **file})) == 1
        assert await denials("reader", "r", ("SnifferCommand", {"Server": "*", **file})) == 1
        assert await denials("root", "toor", ("SnifferCommand", {"Server": "*", **file})) == 1
        assert await denials("bound", "b", ("Ping", {"Server": "b"}), ("SnifferCommand", to_s2)) == 2
        assert await denials("reader", "r", ("Ping", to_c), ("SnifferCommand", to_c)) == 0
        browser = await Browser.open(one)
        page = await browser.get("/api/v1/servers/s2/commands/getfile?arguments=x", basic("reader", "r"))
        assert page.status == 403
        assert (await scraped(one))['amp_client_denials_total{protocol="http"}'] == 1


async def test_what_clients_choose_makes_no_further_series() -> None:
    """Names of users, servers and commands that do not exist, calls, and how often anybody comes."""
    async with sniffer_lab(SimSniffer(), "a", users=USERS, listen=LISTEN) as one:
        before = set(await scraped(one))
        stranger = await one.connect()
        assert (await stranger.login("nobody", "x")).name == b"Error"
        for number in range(3):
            client = await one.client()
            for name, server in ((f"Odd{number}", "a"), ("Ping", f"odd{number}"), ("SnifferCommand", "s2")):
                await client.action(name, ("ActionID", "1"), ("Server", server), ("Command", f"odd{number}"))
                await client.answer("1")
            one.sims["a"].user_event(f"Odd{number}", ("Channel", f"SIP/odd-{number}"))
            await client.event("UserEvent")
            await get(one, f"/odd{number}", AS_ADMIN)
        assert set(await scraped(one)) == before


async def test_servers_beyond_the_most_are_counted_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "MOST_SERVERS", 2)
    async with lab("a", "b", "c", users=USERS, listen=LISTEN) as one:
        found = await scraped(one)
        assert found["amp_servers_left_out"] == 1
        assert not [name for name in found if 'server="c"' in name]
        assert 'amp_server_up{server="b"}' in found


def named_on_the_page() -> set[str]:
    """A name that begins with ``_`` goes on as the full one before it begins: ``amp_server``."""
    named: list[str] = []
    for name in re.findall(r"`((?:amp)?_[a-z_]+[a-z])`", PAGE):
        family = "_".join(named[-1].split("_")[:2]) if name.startswith("_") else ""
        named.append(family + name)
    return set(named)


async def test_the_page_names_what_there_is() -> None:
    async with sniffer_lab(SimSniffer(), "a", users=USERS, listen=LISTEN) as one:
        found = {re.sub(r"(_bucket|_sum|_count)?(\{.*)?$", "", name) for name in await scraped(one)}
        entrance = {name for name in found if name.startswith("amp_entrance_")}  # the page gives examples
        assert entrance
        assert named_on_the_page() == found - entrance


async def test_who_may_read_it() -> None:
    async with lab("a", users=USERS, listen=LISTEN, metrics=Metrics(allow=())) as one:
        browser = await Browser.open(one)
        await browser.send("GET", "/metrics")
        assert (await browser.page()).status == 401
        token = b64encode(f"{BOUND.name}:b".encode()).decode()
        browser = await Browser.open(one)
        await browser.send("GET", "/metrics", ("Authorization", f"Bearer {token}"))
        assert (await browser.page()).status == 403
        assert await scraped(one, basic("root", "toor"))
