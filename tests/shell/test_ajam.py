"""Asterisk's own HTTP interface through the whole proxy: cookies, digests, WaitEvent."""

from __future__ import annotations

import hashlib
import os
import re
import signal
from pathlib import Path
from urllib.parse import quote, urlencode

import attrs
import defusedxml.ElementTree
import pytest
import trio

from amp.config.schema import Limits, Listen, Proxy, User
from amp.config.secret import Secret
from shell.browsing import Browser, Page
from shell.harness import PATIENCE_S, Lab, lab

HTTP = (Listen(port=0, protocols=("http",)),)
COOKIE = re.compile(
    r'mansession_id="([0-9a-f]{32})"; Version=1; Max-Age=60; Path=/; HttpOnly; SameSite=Strict'
)


@attrs.define
class Ajam:
    """A client of that interface: it keeps the cookie that it gets."""

    browser: Browser
    cookie: str = ""

    async def ask(self, action: str, path: str = "/rawman", **fields: str) -> Page:
        await self.send(action, path, **fields)
        return await self.read()

    async def send(self, action: str, path: str = "/rawman", **fields: str) -> None:
        target = f"{path}?" + urlencode({"action": action, **fields}, quote_via=quote)
        headers = [("Cookie", f"other=1; mansession_id={self.cookie}")] if self.cookie else []
        await self.browser.send("GET", target, *headers)

    async def read(self) -> Page:
        page = await self.browser.page()
        found = COOKIE.fullmatch(page.headers["set-cookie"])
        assert found
        self.cookie = found[1]
        return page

    async def login(self, user: str = "anna", secret: str = "anna's", **more: str) -> Page:
        return await self.ask("login", username=user, secret=secret, **more)


async def ajam(one: Lab) -> Ajam:
    return Ajam(await Browser.open(one))


def shape(page: Page) -> list[list[str]]:
    """The headers' names of each frame."""
    return [[line.partition(":")[0] for line in frame.split("\r\n")] for frame in page.frames]


async def test_the_recorded_conversation() -> None:
    """As in the recording http-rawman: denied, refused, let in, answered, logged off, denied."""
    async with lab("a", listen=HTTP) as one:
        client = await ajam(one)
        page = await client.ask("ping")
        assert page.body == b"Response: Error\r\nMessage: Permission denied\r\n\r\n"
        assert page.headers["content-type"] == "text/plain"
        assert page.headers["cache-control"] == "no-cache, no-store"
        assert page.headers["pragma"] == "SuppressEvents"
        denied = client.cookie
        page = await client.login(secret="wrong")
        assert page.body == b"Response: Error\r\nMessage: Authentication failed\r\n\r\n"
        page = await client.login()
        assert page.body == b"Response: Success\r\nMessage: Authentication accepted\r\n\r\n"
        assert client.cookie != denied
        mine = client.cookie
        assert shape(await client.ask("ping", actionid="p 1")) == [
            ["Response", "ActionID", "Ping", "Timestamp"]
        ]
        assert client.cookie == mine
        page = await client.ask("coreshowchannels", actionid="l1")
        assert [frame[0] for frame in shape(page)] == ["Response", "Event"]
        assert (await client.ask("nosuch")).status == 200
        page = await client.ask("")
        assert page.body == b"Response: Error\r\nMessage: Missing action in request\r\n\r\n"
        assert client.cookie == mine
        page = await client.ask("logoff")
        assert page.body == b"Response: Goodbye\r\nMessage: Thanks for all the fish.\r\n\r\n"
        assert b"Permission denied" in (await client.ask("ping")).body


@pytest.mark.parametrize("prefix", ["", "/asterisk"])
async def test_mxml_and_the_page_share_the_session(prefix: str) -> None:
    async with lab("a", listen=HTTP) as one:
        client = await ajam(one)
        await client.login()
        page = await client.ask("coreshowchannels", f"{prefix}/mxml", actionid="l1")
        assert page.headers["content-type"] == "text/xml"
        names = [
            each.attrib["actionid"] for each in defusedxml.ElementTree.fromstring(page.body).iter("generic")
        ]
        assert names == ["l1", "l1"]
        page = await client.ask("ping", f"{prefix}/manager")
        assert "<tr><td>Ping</td><td>Pong</td></tr>" in page.text


async def test_events_gather_and_waitevent_fetches_them() -> None:
    async with lab("a", listen=HTTP) as one:
        client = await ajam(one)
        await client.login()
        one.sims["a"].user_event("First", ("N", "1"))
        page = await client.ask("waitevent", timeout="20", actionid="w1")
        assert page.frames[0] == "Response: Success\r\nActionID: w1\r\nMessage: Waiting for Event completed."
        assert "UserEvent: First\r\n" in page.frames[1]
        assert page.frames[2] == "Event: WaitEventComplete\r\nActionID: w1"
        await client.send("waitevent", timeout="20")
        other = Ajam(await Browser.open(one), client.cookie)
        assert (await other.ask("ping")).status == 200
        one.sims["a"].user_event("Second", ("N", "2"))
        assert "UserEvent: Second" in (await client.read()).text
        page = await client.ask("waitevent", timeout="0", actionid="w")
        assert len(page.frames) == 2
        assert (await client.ask("events", eventmask="off")).frames == ["Response: Success\r\nEvents: Off"]


async def test_the_later_waitevent_gets_the_events() -> None:
    async with lab("a", listen=HTTP) as one:
        first = await ajam(one)
        await first.login()
        await first.send("waitevent", timeout="30")
        await trio.testing.wait_all_tasks_blocked(0.05)
        second = Ajam(await Browser.open(one), first.cookie)
        await second.send("waitevent", timeout="30")
        assert len((await first.read()).frames) == 2
        one.sims["a"].user_event("It", ("N", "1"))
        assert "UserEvent: It" in (await second.read()).text


async def test_own_action_ids_come_back_in_events() -> None:
    async with lab("a", listen=HTTP) as one:
        client, stranger = await ajam(one), await ajam(one)
        await client.login()
        await stranger.login()
        await client.ask("userevent", userevent="Mine", actionid="my-id")
        assert "ActionID: my-id\r\n" in (await client.ask("waitevent", timeout="20")).text
        assert "ActionID" not in (await stranger.ask("waitevent", timeout="20")).text


async def test_events_that_were_dropped_are_told() -> None:
    async with lab("a", listen=HTTP, limits=Limits(http_session_bytes=4096)) as one:
        client = await ajam(one)
        await client.login()
        watcher = await ajam(one)
        await watcher.login()
        for n in range(10):
            one.sims["a"].user_event("Big", ("N", str(n)), ("Text", "x" * 900))
            while f"N: {n}\r\n" not in (await watcher.ask("waitevent", timeout="20")).text:
                pass
        page = await client.ask("waitevent", timeout="20")
        assert page.frames[1].startswith("Event: ProxyGap\r\n")
        assert "Reason: session queue full\r\nServer: a" in page.frames[1]
        gap = dict(line.split(": ") for line in page.frames[1].split("\r\n"))
        seen = [frame for frame in page.frames if frame.startswith("Event: UserEvent")]
        assert int(gap["To"]) - int(gap["From"]) + 1 + len(seen) >= 10
        assert "N: 9\r\n" in seen[-1]


async def test_sessions_end_when_nobody_uses_them_and_are_bounded() -> None:
    limits = Limits(http_sessions=1, http_session_timeout_s=5.0)
    async with lab("a", listen=HTTP, limits=limits) as one:
        browser = await Browser.open(one)
        target = "/rawman?action=login&username=anna&secret=anna%27s"
        assert (await browser.get(target)).status == 200
        page = await browser.get(target)
        assert page.status == 429
        await one.logged("client_done", reason="session over")
        assert (await browser.get(target)).status == 200


async def test_who_has_not_signed_in_gives_way() -> None:
    async with lab("a", listen=HTTP, limits=Limits(http_sessions=2)) as one:
        strangers = [await ajam(one), await ajam(one)]
        for stranger in strangers:
            await stranger.ask("challenge", authtype="md5")
        client = await ajam(one)
        await client.login()
        await one.logged("client_done", reason="gave way to another session")
        assert (await client.ask("ping")).frames[0].startswith("Response: Success")


async def test_a_user_that_is_gone_is_out(tmp_path: Path) -> None:
    """A reload ends the sessions of users that it removes, as it does on TCP."""
    path = tmp_path / "amp.toml"
    path.write_text('[[user]]\nname = "other"\nsecret = "s"\n')
    async with lab("a", listen=HTTP, path=path) as one:
        client = await ajam(one)
        await client.login()
        os.kill(os.getpid(), signal.SIGHUP)
        await one.logged("reloaded")
        assert (await client.ask("ping")).frames == ["Response: Error\r\nMessage: Permission denied"]


async def test_login_by_challenge() -> None:
    async with lab("a", listen=HTTP) as one:
        client = await ajam(one)
        page = await client.ask("challenge", authtype="md5")
        challenge = page.text.partition("Challenge: ")[2].partition("\r\n")[0]
        key = hashlib.md5((challenge + "anna's").encode()).hexdigest()
        page = await client.ask("login", authtype="md5", username="anna", key=key)
        assert "Authentication accepted" in page.text
        assert "Pong" in (await client.ask("ping")).text


async def test_where_nobody_has_to_sign_in_sessions_begin_by_themselves() -> None:
    proxy = Proxy(name="lab", authentication="none", anonymous_user="anna")
    async with lab("a", listen=HTTP, proxy=proxy) as one:
        client = await ajam(one)
        assert "Response: Success" in (await client.ask("corestatus")).text


def digest(
    page: Page, target: str, user: str = "anna", secret: str = "anna's", count: int = 1
) -> tuple[str, str]:
    """An answer to a challenge, made by hand."""
    nonce = page.headers["www-authenticate"].partition('nonce="')[2].partition('"')[0]
    who = md5(f"{user}:asterisk:{secret}")
    response = md5(f"{who}:{nonce}:{count:08x}:abc:auth:{md5(f'GET:{target}')}")
    fields = (
        f'username="{user}", realm="asterisk", nonce="{nonce}", uri="{target}", algorithm=MD5, qop=auth, '
    )
    return "Authorization", f'Digest {fields}nc={count:08x}, cnonce="abc", response="{response}"'


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


async def test_digests_as_recorded() -> None:
    """One nonce serves many requests with a higher count each, over every path; no cookie is set."""
    async with lab("a", listen=HTTP) as one:
        browser = await Browser.open(one)
        target = "/arawman?action=ping&actionid=d1"
        challenge = await browser.get(target)
        assert challenge.status == 401
        assert re.fullmatch(
            'Digest algorithm=MD5, realm="asterisk", nonce="[0-9a-f]+", qop="auth", opaque="[0-9a-f]+"',
            challenge.headers["www-authenticate"],
        )
        page = await browser.get(target, digest(challenge, target))
        assert page.status == 200
        assert shape(page) == [["Response", "ActionID", "Ping", "Timestamp"]]
        assert "set-cookie" not in page.headers
        other = "/asterisk/amxml?action=coreshowchannels"
        page = await browser.get(other, digest(challenge, other, count=2))
        assert page.headers["content-type"] == "text/xml"
        again = await browser.get(target, digest(challenge, target, count=2))
        assert again.status == 401
        assert again.headers["www-authenticate"].endswith(", stale=true")
        stolen = await browser.get("/arawman?action=logoff", digest(challenge, target, count=3))
        assert stolen.status == 400
        wrong = await browser.get(target, digest(challenge, target, secret="no", count=4))
        assert wrong.status == 401
        assert len([line for line in one.lines if line["event"] == "login_failed"]) == 1
        broken = await browser.get("/arawman?x=%0d%0a", digest(challenge, "/arawman?x=%0d%0a", count=5))
        assert "Failed to parse message" in broken.text
        forged = attrs.evolve(challenge, headers={"www-authenticate": f'nonce="{"0" * 56}"'})
        assert (
            (await browser.get(target, digest(forged, target))).headers["www-authenticate"].endswith("=true")
        )


async def test_a_cookie_never_finds_a_digests_session() -> None:
    """A nonce crosses the network in the open: who has read it there must not act with it."""
    async with lab("a", listen=HTTP) as one:
        browser = await Browser.open(one)
        target = "/arawman?action=ping"
        challenge = await browser.get(target)
        authorization = digest(challenge, target)
        assert (await browser.get(target, authorization)).status == 200
        nonce = authorization[1].partition('nonce="')[2].partition('"')[0]
        page = await browser.get("/rawman?action=ping", ("Cookie", f'mansession_id="digest {nonce}"'))
        assert "Permission denied" in page.text


async def test_a_recorded_digest_begins_no_second_session() -> None:
    """Not when its session is over either."""
    async with lab("a", listen=HTTP) as one:
        browser = await Browser.open(one)
        target, logoff = "/arawman?action=ping", "/arawman?action=logoff"
        challenge = await browser.get(target)
        recorded = digest(challenge, target)
        assert (await browser.get(target, recorded)).status == 200
        assert "Goodbye" in (await browser.get(logoff, digest(challenge, logoff, count=2))).text
        await one.logged("client_done")
        page = await browser.get(target, recorded)
        assert page.status == 401
        assert page.headers["www-authenticate"].endswith(", stale=true")


async def test_a_digests_user_is_bounded_and_pinned_like_any() -> None:
    rita = User(name="rita", secret=Secret("r"), server="b")
    listen = (attrs.evolve(HTTP[0], server="a"),)
    async with lab("a", "b", listen=listen, users=(rita,), limits=Limits(connections_per_user=1)) as one:
        browser = await Browser.open(one)
        target = "/arawman?action=ping"
        page = await browser.get(target, digest(await browser.get(target), target, "rita", "r"))
        assert page.status == 429
        await one.logged("user_of_other_servers")


async def test_foreign_pages_cannot_use_the_cookie() -> None:
    async with lab("a", listen=HTTP) as one:
        client = await ajam(one)
        await client.login()
        cookie = ("Cookie", f"mansession_id={client.cookie}")
        page = await client.browser.get("/rawman?action=ping", cookie, ("Origin", "http://evil.example"))
        assert page.status == 403


async def test_a_stop_ends_sessions_and_who_waits_in_them() -> None:
    async with lab("a", listen=HTTP) as one:
        client = await ajam(one)
        await client.login()
        await client.send("waitevent", timeout="40")
        await trio.testing.wait_all_tasks_blocked(0.05)
        one.stop()
        assert (await client.read()).frames[-1] == "Event: WaitEventComplete"
        with trio.fail_after(PATIENCE_S):
            await one.ended.wait()
