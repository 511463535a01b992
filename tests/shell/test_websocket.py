"""WebSocket through the whole proxy, with an independent client: logins, subscriptions, actions, ends."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import attrs
import orjson
import trio

from amp.config.schema import Limits, Listen, Proxy, User
from amp.config.secret import Secret
from shell.browsing import Browser, basic, query
from shell.harness import ANNA, PATIENCE_S, AmiClient, Lab, lab
from shell.talking import talking
from shell.test_websocket_wire import PONG, Raw, frame

WEB = (Listen(port=0, protocols=("websocket",)),)
ALL = (Listen(port=0, protocols=("ami", "http", "websocket")),)
TWO = (*ALL, Listen(port=0, protocols=("http", "websocket")))
RITA = User(name="rita", secret=Secret("rita's"), read=("user",), write=())
PING = 0x89
"""How a whole ping begins."""
FLEET = attrs.evolve(ANNA, write=("all", "fanout"))


async def say(client: AmiClient, name: str, *headers: tuple[str, str]) -> None:
    """Have the client's server tell a UserEvent."""
    await client.action("UserEvent", ("UserEvent", name), *headers)


async def test_login_subscribe_and_events() -> None:
    async with lab("a", listen=WEB) as one, talking(one) as talker:
        hello = await talker.login()
        assert (hello["ok"], hello["user"], hello["read"]) == (True, "anna", ["all"])
        assert hello["servers"] == [{"name": "a", "kind": "asterisk", "up": True}]
        told = await talker.ask("subscribe", events=["UserEvent"], servers=["*"])
        position = told["positions"]["a"]
        done = await talker.ask(
            "action", action={"Action": "UserEvent", "UserEvent": "One", "ActionID": "mine", "Key": "é"}
        )
        assert done["ok"]
        assert done["response"]["ActionID"] == "mine"
        event = await talker.event("UserEvent")
        assert (event["type"], event["server"], event["epoch"]) == ("event", "a", position["epoch"])
        assert event["seq"] > position["seq"]
        assert event["headers"]["Key"] == "é"
        assert event["headers"]["ActionID"] == "mine"
        assert "Server" not in event["headers"]
        assert (await talker.ask("ping"))["ok"]
        line = None
        await talker.socket.aclose()
        line = await one.logged("client_done", user="anna")
        assert (line["reason"], line["events"]) == ("closed by the client", 1)


async def test_rights_and_subscriptions_decide_what_is_seen() -> None:
    async with lab("a", "b", listen=ALL, users=(ANNA, RITA)) as one, talking(one) as talker:
        client = await one.client(events="off")
        assert (await talker.login("rita", "rita's"))["servers"] == [
            {"name": "a", "kind": "asterisk", "up": True},
            {"name": "b", "kind": "asterisk", "up": True},
        ]
        assert (await talker.ask("action", action={"Action": "CoreStatus"}))["error"][
            "code"
        ] == "not_permitted"
        await talker.ask("subscribe", sub="x", servers="b", events="UserEvent", where={"Key": "x*"})
        await talker.ask("subscribe", sub="y", servers=["a", "z"], where={"Key": ["y", "z?"]})
        for server, key in [("a", "x1"), ("b", "y"), ("b", "x2"), ("a", "y"), ("a", "z")]:
            await say(client, "E", ("Key", key), ("Server", server))
        await say(client, "Last", ("Key", "zz"), ("Server", "a"))
        seen = [await talker.event("UserEvent") for _ in range(3)]
        assert sorted((event["server"], event["headers"]["Key"]) for event in seen) == [
            ("a", "y"), ("a", "zz"), ("b", "x2"),
        ]  # fmt: skip
        assert (await talker.ask("unsubscribe", sub="x"))["positions"].keys() == {"a"}
        assert (await talker.ask("unsubscribe", sub="y"))["positions"] == {}
        await say(client, "Unseen", ("Key", "y"), ("Server", "a"))
        await client.action("Ping", ("Server", "a"), ("ActionID", "p"))
        await client.answer("p")
        await talker.ask("ping")
        assert not talker.kept


async def test_lists_streamed_and_gathered_and_several_servers() -> None:
    async with lab("a", "b", listen=WEB, users=(FLEET,)) as one, talking(one) as talker:
        await talker.login()
        whole = await talker.ask("action", action={"Action": "CoreShowChannels", "Server": "a"})
        assert whole["events"][-1]["Event"] == "CoreShowChannelsComplete"
        streamed = await talker.ask(
            "action", action={"Action": "CoreShowChannels", "Server": "a", "ActionID": "mine"}, stream=True
        )
        assert "events" not in streamed
        assert streamed["response"]["ActionID"] == "mine"
        item = await talker.message()
        assert (item["type"], item["headers"]["Event"]) == ("item", "CoreShowChannelsComplete")
        several = await talker.ask("action", action={"Action": "CoreShowChannels", "Server": "*"})
        assert several["events"][-1]["Event"] == "ProxyFanoutComplete"
        unknown = await talker.ask("action", action={"Action": "Ping", "Server": "nowhere"})
        assert unknown["error"]["code"] == "unknown_server"
        command = await talker.ask("command", server="s1", command="listcalls")
        assert command["error"]["code"] == "unknown_server"
        assert (await talker.ask("action", action={"Action": "Ping", "X": "\r\n"}))["error"][
            "code"
        ] == "bad_request"


async def test_the_asker_sees_its_own_actionid_and_nobody_elses() -> None:
    async with lab("a", listen=WEB, users=(ANNA, RITA)) as one, talking(one) as asker, talking(one) as other:
        await asker.login()
        await other.login("rita", "rita's")
        for talker in (asker, other):
            await talker.ask("subscribe", events="UserEvent")
        for action_id in ({"ActionID": "me"}, {}):
            await asker.ask("action", action={"Action": "UserEvent", "UserEvent": "E", **action_id})
            assert (await asker.event("UserEvent"))["headers"].get("ActionID") == action_id.get("ActionID")
            assert "ActionID" not in (await other.event("UserEvent"))["headers"]


async def test_who_comes_back_gets_what_was_missed_once_and_in_order() -> None:
    async with lab("a", listen=ALL) as one:
        client = await one.client(events="off")
        async with talking(one) as talker:
            await talker.login()
            await talker.ask("subscribe", events="UserEvent")
            await say(client, "E", ("N", "0"))
            first = await talker.event("UserEvent")
        for number in range(1, 40):
            await say(client, "E", ("N", str(number)))
        await client.action("Ping", ("Server", "a"), ("ActionID", "p"))
        await client.answer("p")
        since = {"a": {"epoch": first["epoch"], "seq": first["seq"]}}
        async with talking(one) as talker:
            await talker.login()
            made_up = {"a": {"epoch": first["epoch"], "seq": 1 << 40}}
            refused = await talker.ask("subscribe", events="UserEvent", since=made_up)
            assert refused["error"]["code"] == "bad_request"
            told = await talker.ask("subscribe", events="UserEvent", since=since, batch=True)
            assert told["ok"], told
            await say(client, "E", ("N", "40"))
            seen: list[str] = []
            while len(seen) < 40:
                message = await talker.message()
                seen += [event["headers"]["N"] for event in message.get("events", [])]
            assert seen == [str(number) for number in range(1, 41)]
        async with talking(one) as talker:
            await talker.login()
            other = {"a": {"epoch": "other", "seq": 3}, "gone": {"epoch": "e", "seq": 1}}
            await talker.ask("subscribe", events="UserEvent", since=other)
            gaps = [await talker.message() for _ in range(2)]
            assert {gap["reason"] for gap in gaps} == {"new epoch", "unknown server"}
            assert (await talker.event("UserEvent"))["headers"]["N"] == "0"


async def test_a_pings_answer_tells_where_a_client_stands() -> None:
    """Behind everything that it was sent, also what it does not see; not while something is still to come."""
    async with lab("a", "b", listen=ALL) as one, talking(one) as talker:
        client = await one.client(events="off")
        await talker.login()
        assert "positions" not in await talker.ask("ping")
        since = await talker.ask("subscribe", events="Rare", servers="a")
        assert (await talker.ask("ping"))["positions"] == since["positions"]
        await say(client, "E", ("Server", "a"))
        await client.action("Ping", ("Server", "a"), ("ActionID", "p"))
        await client.answer("p")
        moved = (await talker.ask("ping"))["positions"]
        assert moved["a"]["seq"] > since["positions"]["a"]["seq"]
        assert moved.keys() == {"a"}
        async with talking(one) as other:
            await other.login()
            await other.ask("subscribe", events="UserEvent", since=since["positions"])
            assert (await other.ask("ping"))["positions"] in ({}, one_place(one))
            assert (await other.event("UserEvent"))["seq"] == moved["a"]["seq"]
            assert (await other.ask("ping"))["positions"] == one_place(one)


def one_place(one: Lab) -> dict[str, dict[str, object]]:
    """Where who has everything stands."""
    places = one.app.hub.positions()
    return {name.decode(): {"epoch": epoch.decode(), "seq": seq} for name, (epoch, seq) in places.items()}


async def test_logins_by_handshake() -> None:
    async with lab("a", listen=TWO) as one:
        token = urlsafe_b64encode(b"anna:anna's").rstrip(b"=").decode()
        for header in (basic(), ("Authorization", f"Bearer {token}")):
            async with talking(one, extra_headers=[header]) as talker:
                assert (await talker.ask("subscribe"))["ok"]
        for header, status in (
            (basic(secret="wrong"), 401),
            (("Authorization", "Bearer %%%"), 400),
            (("Authorization", "Digest x"), 400),
            (("Origin", "http://evil.example"), 403),
        ):
            browser = await Browser.open(one, 1)
            await browser.raw(HANDSHAKE.replace(b"\r\n\r\n", "\r\n{}: {}\r\n\r\n".format(*header).encode()))
            head = await browser.stream.receive_some(1000)
            assert head.startswith(b"HTTP/1.1 %d " % status), head
        assert "anna's" not in str(one.lines)


async def test_a_cookie_signs_in_and_its_logout_ends_all() -> None:
    """A page of amp's own needs no secret again; what it says it is afterwards does not count."""
    async with lab("a", listen=TWO) as one:
        page = await Browser.open(one, 1)
        body = orjson.dumps({"username": "anna", "secret": "anna's"})
        kind = ("Content-Type", "application/json")
        await page.send("POST", "/api/v1/login", kind, body=body)
        login = await page.page("POST")
        cookie = ("Cookie", login.headers["set-cookie"].partition(";")[0])
        async with talking(one, listener=1, extra_headers=[cookie]) as talker:
            assert (await talker.ask("subscribe"))["ok"]
            assert (await talker.login("rita", "wrong"))["error"]["code"] == "bad_request"
            await page.send("POST", "/api/v1/logout", kind, cookie, body=b"{}")
            assert await talker.closed() == (1001, "logged off: session over")
        async with talking(one, listener=1, extra_headers=[cookie]) as talker:
            assert (await talker.ask("subscribe"))["error"]["code"] == "not_signed_in"


async def test_without_logins_everybody_is_signed_in() -> None:
    proxy = Proxy(name="lab", authentication="none")
    async with lab("a", listen=WEB, proxy=proxy) as one, talking(one) as talker:
        assert (await talker.ask("subscribe"))["ok"]


async def test_how_connections_end() -> None:
    limits = Limits(websocket_message_bytes=4096, websocket_subscriptions=1)
    async with lab("a", listen=WEB, limits=limits) as one:
        async with talking(one) as talker:
            assert (await talker.login(secret="wrong"))["error"]["code"] == "login_failed"
            assert (await talker.closed())[0] == 1008
        async with talking(one) as talker:
            await talker.socket.send_message(b"binary")
            assert (await talker.closed())[0] == 1003
        async with talking(one) as talker:
            await talker.socket.send_message("x" * 4097)
            assert (await talker.closed())[0] == 1009
        async with talking(one) as talker:
            await talker.login()
            assert (await talker.ask("subscribe", sub="one"))["ok"]
            assert (await talker.ask("subscribe", sub="two"))["error"]["code"] == "too_many"
            await talker.ask("action", action={"Action": "Logoff"})
            assert await talker.closed() == (1000, "logoff")


async def test_who_does_not_sign_in_is_sent_away() -> None:
    limits = Limits(login_timeout_s=0.5)
    async with lab("a", listen=WEB, limits=limits) as one, talking(one) as talker:
        assert await talker.closed() == (1008, "login timeout")


async def test_stopping_and_losing_servers() -> None:
    pinned = attrs.evolve(RITA, server="a")
    async with lab("a", listen=WEB, users=(ANNA, pinned)) as one, talking(one) as talker:
        await talker.login()
        async with talking(one) as bound:
            await bound.login("rita", "rita's")
            await bound.ask("subscribe")
            one.sims["a"].faults.drop()
            assert await bound.closed() == (4001, "server a lost")
        one.stop()
        assert await talker.closed() == (1001, "proxy shutting down")
        with trio.fail_after(PATIENCE_S):
            await one.ended.wait()


async def test_a_silent_peer_is_pinged_and_then_cut() -> None:
    async with lab("a", listen=WEB, limits=Limits(websocket_ping_interval_s=0.5)) as one:
        raw = await Raw.open(one)
        for _ in range(3):
            assert (await raw.frame())[0] == PING
            await raw.send(frame(PONG, b""))
        assert (await raw.frame())[0] == PING
        assert await raw.frame() == (0, b"")
        line = await one.logged("client_done", protocol="websocket")
        assert line["reason"] == "did not answer a ping"


HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


async def test_what_is_no_handshake() -> None:
    async with lab("a", listen=WEB) as one:
        for old, new, status in (
            (b"Upgrade: websocket", b"Upgrade: h2c", 426),
            (b"Version: 13", b"Version: 8", 426),
            (b"dGhlIHNhbXBsZSBub25jZQ==", b"x", 400),
            (b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n", 400),
            (b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: \xff\r\n\r\n", 400),
            (b"GET /ws", b"GET /", 404),
        ):
            browser = await Browser.open(one)
            await browser.raw(HANDSHAKE.replace(old, new))
            head = await browser.stream.receive_some(1000)
            assert head.startswith(b"HTTP/1.1 %d " % status), head
        browser = await Browser.open(one)
        assert (await browser.get(query("Ping"))).status == 404  # nothing but /ws is offered here


async def test_the_manager_protocol_in_messages() -> None:
    async with lab("a", listen=WEB) as one, talking(one, subprotocols=["ami"]) as talker:
        socket = talker.socket
        assert socket.subprotocol == "ami"
        with trio.fail_after(PATIENCE_S):
            assert str(await socket.get_message()).startswith("Asterisk Call Manager/")
            await socket.send_message("Action: Login\r\nUsername: anna\r\nSec")
            await socket.send_message("ret: anna's\r\n\r\n")
            assert str(await socket.get_message()).startswith("Response: Success\r\n")
            event = b"Action: UserEvent\r\nUserEvent: E\r\nRaw: \xff\r\n\r\n"
            await socket.send_message(event)
            while b"Raw: \xff" not in (message := await socket.get_message()):
                assert message if isinstance(message, str) else message.endswith(b"\r\n\r\n")
            await socket.send_message("Action: UserEvent\r\nUserEvent: F\r\nRaw: é\r\n\r\n")
            while "Raw: é" not in (message := await socket.get_message()):
                assert isinstance(message, str)
            await socket.send_message("Action: Logoff\r\n\r\n")
        assert (await talker.closed())[0] == 1000
