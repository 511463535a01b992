"""HTTP through the whole proxy: actions, logins, formats, who is refused."""

from __future__ import annotations

import json

import attrs
import pytest
import trio

from amp.config.schema import Limits, Listen, Proxy, User
from amp.config.secret import Secret
from shell.browsing import Browser, basic, query
from shell.harness import ANNA, PATIENCE_S, lab

HTTP = (Listen(port=0, protocols=("http",)),)
BOTH = (Listen(port=0, protocols=("ami", "http")),)
FLEET = attrs.evolve(ANNA, write=("all", "fanout"))
RITA = User(name="rita", secret=Secret("rita's"), read=("all",), write=(), output_format="xml")


async def test_an_action_is_answered_as_on_tcp() -> None:
    async with lab("a", listen=BOTH) as one:
        browser = await Browser.open(one)
        page = await browser.get(query("CoreStatus", ActionID="Foo"), basic())
        assert page.status == 200
        assert page.headers["content-type"] == "text/plain; charset=utf-8"
        client = await one.client(events="off")
        await client.action("CoreStatus", ("ActionID", "Foo"))
        assert page.text == (await client.raw()).decode() + "\r\n\r\n"


async def test_lists_are_gathered_whole_from_one_server_and_from_several() -> None:
    async with lab("a", "b", listen=HTTP, users=(FLEET,)) as one:
        browser = await Browser.open(one)
        page = await browser.get(query("CoreShowChannels", ActionID="1"), basic())
        assert [frame.partition("\r\n")[0] for frame in page.frames] == [
            "Response: Success",
            "Event: CoreShowChannelsComplete",
        ]
        assert all("ActionID: 1" in frame for frame in page.frames)
        page = await browser.get(query("CoreShowChannels", Server="*"), basic())
        assert page.frames[-1].startswith("Event: ProxyFanoutComplete")
        assert {"Server: a", "Server: b"} <= {frame.splitlines()[-1] for frame in page.frames}
        assert "ActionID" not in page.text


async def test_who_signs_in_by_parameters_by_basic_and_by_key() -> None:
    """A login costs once a connection, and without credentials nobody is signed in."""
    proxy = Proxy(name="lab", proxy_key=Secret("the-key"), proxy_key_user="anna")
    async with lab("a", listen=HTTP, proxy=proxy) as one:
        browser = await Browser.open(one)
        for target, header in [
            (query("CoreStatus", Username="anna", Secret="anna's"), ()),
            (query("CoreStatus"), (basic(),)),
            (query("CoreStatus"), (basic(),)),
            (query("CoreStatus", ProxyKey="the-key"), ()),
        ]:
            assert (await browser.get(target, *header)).status == 200
        assert [line["user"] for line in one.lines if line["event"] == "login"] == ["anna", "anna"]
        page = await browser.get(query("CoreStatus"))
        assert page.status == 401
        assert page.headers["www-authenticate"] == 'Basic realm="amp", charset="UTF-8"'
        await browser.stream.aclose()
        line = await one.logged("http_done", user="anna")
        assert line["requests"] == 5
        assert "anna's" not in str(one.lines)
        assert "the-key" not in str(one.lines)


async def test_a_posted_form_and_an_explicit_login() -> None:
    async with lab("a", listen=HTTP) as one:
        browser = await Browser.open(one)
        page = await browser.post("/", {"Action": "Ping", "ActionID": "a b&c=d+é"}, basic())
        assert "ActionID: a b&c=d+é\r\n" in page.text
        page = await browser.post("/", {"Action": "Login", "Username": "anna", "Secret": "anna's"})
        assert page.text == "Response: Success\r\nMessage: Authentication accepted\r\n\r\n"
        page = await browser.get(query("Logoff"), basic())
        assert page.text.startswith("Response: Goodbye\r\n")
        page = await browser.get(query("CoreStatus"), basic())
        assert page.status == 200


async def test_wrong_logins_are_delayed_counted_and_banned() -> None:
    limits = Limits(login_failures=2, exempt=())
    async with lab("a", listen=HTTP, limits=limits) as one:
        browser = await Browser.open(one)
        began = trio.current_time()
        assert (await browser.get(query("Ping"), basic(secret="wrong"))).status == 401
        assert trio.current_time() - began > 0.9
        assert (await browser.get(query("Ping"), basic("nobody"))).status == 401
        await one.logged("address_banned")
        refused = await Browser.open(one)
        page = await refused.page()
        assert page.status == 429
        assert "banned" in page.text


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("text/xml", "text/xml; charset=utf-8"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("*/*", "text/plain; charset=utf-8"),
    ],
)
async def test_the_format_is_what_accept_says(accept: str, kind: str) -> None:
    async with lab("a", listen=HTTP) as one:
        browser = await Browser.open(one)
        page = await browser.get(query("CoreShowChannels"), basic(), ("Accept", accept))
        assert page.headers["content-type"] == kind
        if accept == "application/json":
            assert [frame["Server"] for frame in json.loads(page.body)] == ["a", "a"]


async def test_else_it_is_the_sessions_the_users_or_the_listeners() -> None:
    listen = (attrs.evolve(HTTP[0], output_format="csv"),)
    async with lab("a", listen=listen, users=(ANNA, RITA)) as one:
        browser = await Browser.open(one)
        page = await browser.get(query("Ping"), basic("rita", "rita's"))
        assert page.headers["content-type"].startswith("text/xml")
        assert (await browser.get(query("Ping"), basic())).text.startswith('"Response: Success"')
        target = "/?ProxyAction=SetOutputFormat&OutputFormat=json"
        await browser.get(target, basic())
        assert json.loads((await browser.get(query("Ping"), basic())).body)[0]["Ping"] == "Pong"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (query("Nonsense"), 404),
        (query("CoreStatus", Server="nowhere"), 404),
        (query("Originate", Channel="Local/1@x", Application="System", Data="x"), 403),
        ("/?ActionID=1", 400),
        ("/", 400),
        ("/?Action=Ping&ActionID=x%0d%0aAction:%20Logoff", 400),
        ("/?Action=Ping&X%0d%0aY=1", 400),
        ("/?Action=Ping&X=%00", 400),
        ("/?Action=Ping&ActionID=" + "x" * 950, 400),
        ("/?Action=Ping&X=" + "x" * 1100, 400),
        ("/nothing", 404),
        ("/%2e%2e/etc", 400),
    ],
)
async def test_what_is_refused_says_why(target: str, status: int) -> None:
    async with lab("a", listen=HTTP) as one:
        browser = await Browser.open(one)
        page = await browser.get(target, basic())
        assert page.status == status
        assert len(page.text) > 20
        assert (await browser.get(query("Ping"), basic())).status == 200


async def test_a_server_that_is_down_is_502_and_an_unanswered_action_504() -> None:
    limits = Limits(action_timeout_s=0.3)
    async with lab("a", listen=HTTP, limits=limits) as one:
        browser = await Browser.open(one)
        one.sims["a"].faults.stall()
        page = await browser.get(query("CoreStatus"), basic())
        assert page.status == 504
        assert "Outcome unknown" in page.text
        one.sims["a"].faults.resume()
        one.sims["a"].faults.refuse_logins = True  # or it may be back already
        one.sims["a"].faults.drop()
        await one.logged("server_down")
        assert (await browser.get(query("CoreStatus"), basic())).status == 502


async def test_methods() -> None:
    async with lab("a", listen=HTTP) as one:
        browser = await Browser.open(one)
        page = await browser.get(query("Ping"), basic(), method="HEAD")
        assert (page.status, page.body) == (200, b"")
        assert int(page.headers["content-length"]) > 50
        allowed = "GET, HEAD, OPTIONS, POST"
        assert (await browser.get("*", method="OPTIONS")).headers["allow"] == allowed
        page = await browser.get("/", basic(), method="DELETE")
        assert (page.status, page.headers["allow"]) == (405, allowed)
        assert (await browser.get("/", method="BREW")).status == 501
        await browser.send("POST", "/", ("Content-Type", "application/json"), basic(), body=b"{}")
        assert (await browser.page()).status == 415


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("evil.example", ()),
        ("", (("Origin", "http://evil.example"),)),
        ("", (("Sec-Fetch-Site", "cross-site"),)),
    ],
)
async def test_foreign_pages_cannot_act(host: str, headers: tuple[tuple[str, str], ...]) -> None:
    async with lab("a", listen=HTTP) as one:
        browser = await Browser.open(one)
        page = await browser.get(query("CoreStatus"), basic(), *headers, host=host)
        assert page.status == 403
        assert not [line for line in one.lines if line["event"] == "login"]


async def test_configured_names_are_ours() -> None:
    listen = (attrs.evolve(HTTP[0], hosts=("pbx.example.com",)),)
    async with lab("a", listen=listen) as one:
        browser = await Browser.open(one)
        assert (await browser.get(query("Ping"), basic(), host="pbx.example.com:8080")).status == 200


async def test_until_event_waits_for_the_event_of_this_very_action() -> None:
    async with lab("a", listen=HTTP) as one:
        browser = await Browser.open(one)
        originate = query(
            "Originate",
            Channel="Local/1@x",
            Context="x",
            Exten="1",
            Priority="1",
            Async="true",
            ActionID="77",
        )
        page = await browser.get(originate, basic(), ("X-Until-Event", "OriginateResponse"))
        assert page.status == 200
        assert page.frames[0].startswith("Response: Success\r\nActionID: 77\r\n")
        assert page.frames[-1].startswith("Event: OriginateResponse\r\n")
        assert "ActionID: 77\r\n" in page.frames[-1]
        assert [frame for frame in page.frames if frame.startswith("Event: Newchannel")]
        late = query("Ping")
        page = await browser.get(late, basic(), ("X-Until-Event", "NeverComes"), ("X-Maxtime", "50"))
        assert page.status == 504
        assert "Ping: Pong" in page.text
        assert "X-Maxtime" in page.frames[-1]
        assert (await browser.get(late, basic(), ("X-Maxtime", "soon"))).status == 400
        page = await browser.get(late, basic(), ("X-Maxtime", "3600001"))  # days of it would keep connections
        assert (page.status, "at most 3600000" in page.text) == (400, True)


async def test_ami_shares_the_port() -> None:
    """Who waits gets the greeting, who speaks first is understood, and HTTP waits for nothing."""
    async with lab("a", listen=BOTH) as one:
        patient, hasty = await one.connect(), await one.connect()
        await hasty.action("Login", ("Username", "anna"), ("Secret", "anna's"), ("Events", "off"))
        assert (await hasty.greeting()).startswith(b"Asterisk Call Manager")
        assert (await hasty.frame()).name == b"Success"
        assert (await patient.login()).name == b"Success"
        slow = await Browser.open(one)
        for byte in b"\r\nGET /?Action=Ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n":
            await slow.raw(bytes((byte,)))
        assert (await slow.page()).status == 401


async def test_everybody_may_act_where_no_login_is_required() -> None:
    proxy = Proxy(name="lab", authentication="none", anonymous_user="anna")
    async with lab("a", listen=HTTP, proxy=proxy) as one:
        browser = await Browser.open(one)
        assert (await browser.get(query("CoreStatus"))).status == 200
        assert (await browser.get(query("CoreStatus"), basic(secret="wrong"))).status == 401


async def test_a_users_sessions_are_bounded() -> None:
    async with lab("a", listen=HTTP, limits=Limits(connections_per_user=1)) as one:
        first, second = await Browser.open(one), await Browser.open(one)
        assert (await first.get(query("Ping"), basic())).status == 200
        assert (await second.get(query("Ping"), basic())).status == 429


async def test_a_stop_answers_what_is_owed_and_ends_all() -> None:
    async with lab("a", listen=HTTP) as one:
        idle, busy = await Browser.open(one), await Browser.open(one)
        assert (await idle.get(query("Ping"), basic())).status == 200
        one.sims["a"].faults.stall()
        await busy.send("GET", query("CoreStatus"), basic())
        await one.logged("login", address=f"127.0.0.1:{busy.stream.socket.getsockname()[1]}")
        await trio.testing.wait_all_tasks_blocked(0.05)
        one.stop()
        page = await busy.page()
        assert page.status in (502, 504)
        assert page.headers["connection"] == "close"
        assert await idle.is_closed()
        with trio.fail_after(PATIENCE_S):
            await one.ended.wait()
