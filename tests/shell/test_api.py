"""The HTTP API: servers, sessions, actions, logins, health."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from typing import Any

import pytest
import trio

from amp.config.schema import Limits, Listen, User
from amp.config.secret import Secret
from amp.sim.sniffer.sniffer import SimSniffer
from shell.browsing import Browser, Page, basic
from shell.harness import ANNA, PATIENCE_S, Lab, lab
from shell.sniffing import configured, sniffer_lab
from shell.talking import talking

LISTEN = (Listen(port=0, protocols=("ami", "http")),)
ADMIN = User(name="root", secret=Secret("toor"), write=("all", "admin", "fanout"))
BOUND = User(name="bound", secret=Secret("b"), server="b", write=("all",))
READER = User(name="reader", secret=Secret("r"), read=("call",))
USERS = (ANNA, ADMIN, BOUND, READER)
AS_ADMIN = basic("root", "toor")
JSON_TYPE = ("Content-Type", "application/json")


async def get(one: Lab, path: str, *headers: tuple[str, str]) -> Page:
    browser = await Browser.open(one)
    await browser.send("GET", path, *headers)
    return await browser.page()


async def post(one: Lab, path: str, body: object, *headers: tuple[str, str]) -> Page:
    browser = await Browser.open(one)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    await browser.send("POST", path, *(headers or (AS_ADMIN,)), JSON_TYPE, body=data)
    return await browser.page("POST")


def said(page: Page) -> Any:
    assert page.headers["content-type"] == "application/json"
    return json.loads(page.body)


def code(page: Page) -> tuple[int, str]:
    error = said(page)["error"]
    assert error["message"]
    return page.status, error["code"]


async def test_servers_are_told_to_who_may_name_them() -> None:
    async with lab("a", "b", users=USERS, listen=LISTEN) as one:
        both = said(await get(one, "/api/v1/servers", AS_ADMIN))
        assert [(server["name"], server["kind"], server["state"]) for server in both] == [
            ("a", "asterisk", "up"),
            ("b", "asterisk", "up"),
        ]
        assert both[0]["bytes_in"] > 0
        assert both[0]["bytes_out"] > 0
        assert both[0]["frames_in"] > 0
        only = said(await get(one, "/api/v1/servers", basic("bound", "b")))
        assert [server["name"] for server in only] == ["b"]
        assert said(await get(one, "/api/v1/servers/a", AS_ADMIN))["name"] == "a"
        assert (both[0]["host"], both[0]["port"]) == ("127.0.0.1", one.app.config.asterisks[0].port)
        (unplaced,) = said(await get(one, "/api/v1/servers", basic("reader", "r")))[:1]
        assert (unplaced["host"], unplaced["port"], unplaced["state"]) == ("", 0, "up")
        assert code(await get(one, "/api/v1/servers/a", basic("bound", "b"))) == (404, "unknown_server")
        assert list(said(await get(one, "/api/v1/stats", basic("bound", "b")))["servers"]) == ["b"]


async def test_sessions_are_ones_own_but_for_administrators() -> None:
    async with lab("a", users=USERS, listen=LISTEN) as one:
        ami = await one.client()
        everybody = said(await get(one, "/api/v1/sessions", AS_ADMIN))
        assert {(each["user"], each["protocol"]) for each in everybody} == {("anna", "ami"), ("root", "http")}
        await ami.action("Command", ("Command", "x"), ("Server", "nowhere"))
        own = said(await get(one, "/api/v1/sessions", basic("reader", "r")))
        assert [each["user"] for each in own] == ["reader"]


async def test_a_websocket_is_a_session_with_bytes_of_its_own() -> None:
    """What it sends counts once, although an action passes through memory, too."""
    both = Listen(port=0, protocols=("http", "websocket"))
    async with lab("a", users=USERS, listen=(both,)) as one, talking(one) as talker:
        await talker.login()
        action = {"Action": "UserEvent", "UserEvent": "E", "Key": "x" * 900}
        answer = await talker.ask("action", action=action)
        assert answer["ok"]
        (mine,) = [
            each for each in said(await get(one, "/api/v1/sessions", AS_ADMIN)) if each["user"] == "anna"
        ]
        assert mine["protocol"] == "websocket"
        assert 900 < mine["bytes_in"] < 1800
        assert mine["bytes_out"] > 0
        clients = said(await get(one, "/api/v1/stats", AS_ADMIN))["clients"]
        assert clients["websocket"]["clients"] == 1


async def test_a_watched_sniffer_tells_its_version_and_its_trouble() -> None:
    """Until somebody watches nothing is known."""
    sniffer = SimSniffer()
    watch = {"calls": 0.1, "stat": 0.1}
    listen = (Listen(port=0, protocols=("ami", "http", "websocket")),)
    async with sniffer_lab(sniffer, users=USERS, listen=listen, watch=watch, answer_timeout_s=2) as one:

        async def seen() -> tuple[str, str, bool]:
            server = said(await get(one, "/api/v1/servers/s2", AS_ADMIN))
            assert (server["since"] is not None) is bool(server["version"])
            return server["state"], server["reason"], bool(server["version"])

        async def told_at_login() -> object:
            async with talking(one) as talker:
                servers = (await talker.login("root", "toor"))["servers"]
            return next(server["up"] for server in servers if server["name"] == "s2")

        assert await seen() == ("up", "", False)
        client = await one.client()
        await client.event("SnifferStat")
        assert await seen() == ("up", "", True)
        sniffer.faults.hang()
        await client.event("SnifferDown")
        state, reason, _ = await seen()
        assert state == "down"
        assert reason
        assert await told_at_login() is False
        sniffer.faults.resume()
        await client.event("SnifferUp")
        assert await seen() == ("up", "", True)
        assert await told_at_login() is True


async def test_trouble_is_forgotten_when_nobody_watches() -> None:
    """What was wrong then says nothing of now."""
    absent = configured("s2", 9, at=1, watch={"calls": 0.1, "stat": 0.1})
    async with lab(users=USERS, listen=LISTEN, extra=(absent,)) as one:

        async def reason() -> str:
            told = said(await get(one, "/api/v1/servers/s2", AS_ADMIN))["reason"]
            assert isinstance(told, str)
            return told

        client = await one.client()
        await client.event("SnifferDown")
        assert await reason() == "sniffer_stat: not connected"
        await client.stream.aclose()
        with trio.fail_after(PATIENCE_S):
            while await reason() == "sniffer_stat: not connected":  # noqa: ASYNC110 - amp is asked, it does not tell
                await trio.sleep(0.05)


async def test_a_proxy_action_looks_as_on_tcp() -> None:
    """By a WebSocket as by a request."""
    listen = (Listen(port=0, protocols=("http", "websocket")),)
    action = {"ProxyAction": "ListServers", "ActionID": "mine"}
    async with lab("a", users=USERS, listen=listen) as one, talking(one) as talker:
        (answer,) = said(await post(one, "/api/v1/actions", {"action": action}))["answers"]
        await talker.login("root", "toor")
        told = await talker.ask("action", action=action)
        for response in (answer["response"], told["response"]):
            assert (response["ProxyResponse"], response["ActionID"]) == ("Success", "mine")
            assert response["ProxyServerState N"].startswith("a K: asterisk S: up ")


async def test_an_action_is_answered_server_by_server() -> None:
    async with lab("a", "b", users=USERS, listen=LISTEN) as one:
        action = {"Action": "Ping", "Server": "a"}
        (answer,) = said(await post(one, "/api/v1/actions", {"action": action}))["answers"]
        assert answer["server"] == "a"
        assert answer["response"]["Response"] == "Success"
        action = {"Action": "CoreShowChannels", "Server": "*", "ActionID": "mine"}
        done = said(await post(one, "/api/v1/actions", {"action": action}))
        assert done["complete"]
        assert sorted(answer["server"] for answer in done["answers"]) == ["a", "b"]
        for answer in done["answers"]:
            assert answer["response"]["ActionID"] == "mine"
            assert answer["events"][-1]["EventList"] == "Complete"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"action": {"Action": "Ping", "Server": "c"}}, (404, "unknown_server")),
        ({"action": {"Action": "Nonsense"}}, (400, "bad_request")),
        ({"action": {"Server": "a"}}, (400, "bad_request")),
        ({"action": {"Action": "Login"}}, (400, "bad_request")),
        ({"action": {"Action": "Ping", "X": "a\r\nAction: Originate"}}, (400, "bad_request")),
        ({"action": {"Action": "Ping", "X": 1.5}}, (400, "bad_request")),
        ({"action": {"Action": "Ping", "X": [True]}}, (400, "bad_request")),
        ({"action": {"Action": "Ping"}, "timeout": 0}, (400, "bad_request")),
        ({"action": {"Action": "Ping"}, "timeout": True}, (400, "bad_request")),
        ({"action": {"Action": "Ping"}, "tiemout": 5}, (400, "bad_request")),
        ({"action": "Ping"}, (400, "bad_request")),
        (["Ping"], (400, "bad_request")),
        (b"{", (400, "bad_request")),
        ({"action": {"Action": "Command", "Command": "core show uptime"}}, (403, "not_permitted")),
    ],
)
async def test_a_bad_action_is_named(body: object, expected: tuple[int, str]) -> None:
    async with lab("a", users=USERS, listen=LISTEN) as one:
        assert code(await post(one, "/api/v1/actions", body)) == expected


async def test_the_timeout_ends_the_wait_with_what_came() -> None:
    async with lab("a", users=USERS, listen=LISTEN) as one:
        one.sims["a"].faults.stall()
        body = {"action": {"Action": "CoreShowChannels", "Server": "a"}, "timeout": 0.2}
        assert code(await post(one, "/api/v1/actions", body)) == (504, "timeout")


async def test_who_does_not_sign_in_gets_a_challenge_that_no_page_s_own_request_gets() -> None:
    async with lab("a", users=USERS, listen=LISTEN) as one:
        page = await get(one, "/api/v1/servers")
        assert code(page) == (401, "not_signed_in")
        assert "www-authenticate" in page.headers
        page = await get(one, "/api/v1/servers", ("Sec-Fetch-Mode", "cors"))
        assert (page.status, "www-authenticate" in page.headers) == (401, False)
        assert (await get(one, "/api/v1/servers", ("Authorization", "Bearer !"))).status == 401
        for encode in (b64encode, urlsafe_b64encode):
            token = encode(b"root:toor").decode().rstrip("=")
            assert (await get(one, "/api/v1/servers", ("Authorization", f"Bearer {token}"))).status == 200


async def test_what_is_not_there_is_told_as_json() -> None:
    async with lab("a", users=USERS, listen=LISTEN) as one:
        assert code(await get(one, "/api/v1/nothing")) == (404, "not_found")
        assert code(await post(one, "/api/v1/servers", {})) == (405, "method_not_allowed")
        foreign = await get(one, "/api/v1/servers", AS_ADMIN, ("Origin", "http://evil.example"))
        assert code(foreign) == (403, "not_permitted")


async def test_a_login_gives_a_cookie_that_counts_until_the_logout() -> None:
    async with lab("a", users=USERS, listen=LISTEN) as one:
        page = await post(one, "/api/v1/login", {"username": "root", "secret": "toor"}, ("X", "y"))
        assert said(page)["user"] == "root"
        cookie, _, rest = page.headers["set-cookie"].partition(";")
        assert rest == " Path=/; HttpOnly; SameSite=Strict"
        assert said(await get(one, "/api/v1/me", ("Cookie", cookie)))["write"] == ["admin", "all", "fanout"]
        body = {"action": {"Action": "Ping"}}
        assert (await post(one, "/api/v1/actions", body, ("Cookie", cookie))).status == 200
        gone = await post(one, "/api/v1/logout", {}, ("Cookie", cookie))
        assert (gone.status, gone.headers["set-cookie"].endswith("Max-Age=0")) == (204, True)
        assert code(await get(one, "/api/v1/me", ("Cookie", cookie))) == (401, "not_signed_in")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"username": "root", "secret": "wrong"}, (401, "not_signed_in")),
        ({"username": "root\r\nX: y", "secret": "toor"}, (400, "bad_request")),
        ({"username": "root"}, (400, "bad_request")),
        ({"username": "root", "secret": 5}, (400, "bad_request")),
        ({"username": "root", "secret": "toor", "more": 1}, (400, "bad_request")),
    ],
)
async def test_a_login_that_is_none(body: object, expected: tuple[int, str]) -> None:
    async with lab("a", users=USERS, listen=LISTEN) as one:
        page = await post(one, "/api/v1/login", body, ("X", "y"))
        assert code(page) == expected
        assert "set-cookie" not in page.headers


async def test_logins_are_bounded() -> None:
    async with lab("a", users=USERS, listen=LISTEN, limits=Limits(http_sessions=2)) as one:
        for name, secret, status in (("root", "toor", 200), ("anna", "anna's", 200), ("reader", "r", 429)):
            page = await post(one, "/api/v1/login", {"username": name, "secret": secret}, ("X", "y"))
            assert page.status == status
        assert code(page) == (429, "too_many")


async def test_one_user_has_a_share_of_the_logins() -> None:
    """The login that was unused for longest ends: who never logs out would lock out others."""
    async with lab("a", users=USERS, listen=LISTEN, limits=Limits(http_sessions=20)) as one:
        cookies = []
        for _ in range(3):
            page = await post(one, "/api/v1/login", {"username": "root", "secret": "toor"}, ("X", "y"))
            cookies.append(page.headers["set-cookie"].partition(";")[0])
            assert (await get(one, "/api/v1/me", ("Cookie", cookies[0]))).status == 200
        await one.logged("client_done", reason="too many logins of this user")
        found = [(await get(one, "/api/v1/me", ("Cookie", cookie))).status for cookie in cookies]
        assert found == [200, 401, 200]


async def test_a_form_cannot_do_what_json_does() -> None:
    async with lab("a", users=USERS, listen=LISTEN) as one:
        browser = await Browser.open(one)
        page = await browser.post("/api/v1/actions", {"action": "Ping"}, AS_ADMIN)
        assert code(page) == (400, "bad_request")


async def test_health_needs_no_login() -> None:
    async with lab("a", users=USERS, listen=LISTEN) as one:
        assert said(await get(one, "/healthz")) == {"alive": True}
        assert said(await get(one, "/readyz?servers=all")) == {"ready": True, "servers": 1, "up": 1}
        assert code(await get(one, "/readyz?servers=half")) == (400, "bad_request")
        one.sims["a"].faults.refuse_logins = True
        one.sims["a"].faults.drop()
        await one.logged("server_down", server="a")
        assert code(await get(one, "/readyz?servers=all")) == (503, "not_ready")
        assert code(await get(one, "/readyz?servers=one")) == (503, "not_ready")
        assert (await get(one, "/readyz")).status == 200
        (down,) = said(await get(one, "/api/v1/servers", AS_ADMIN))
        assert (down["state"], bool(down["reason"])) == ("down", True)
        body = {"action": {"Action": "Ping", "Server": "a"}}
        assert code(await post(one, "/api/v1/actions", body)) == (502, "server_down")
