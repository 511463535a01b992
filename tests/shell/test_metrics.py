"""``/metrics``: what a scrape gives, and to whom."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path

from amp.config.metrics import Metrics
from amp.config.schema import Listen
from shell.browsing import Browser, basic
from shell.harness import Lab, lab
from shell.test_api import BOUND, USERS

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


async def test_the_page_names_only_what_there_is() -> None:
    async with lab("a", users=USERS, listen=LISTEN) as one:
        found = {re.sub(r"(_bucket|_sum|_count)?(\{.*)?$", "", name) for name in await scraped(one)}
        named = set(re.findall(r"`(amp_[a-z_]+[a-z])`", PAGE))
        sniffers = {name for name in named if name.startswith("amp_sniffer_")}
        assert named - sniffers <= found


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
