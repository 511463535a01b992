"""No value becomes a header or an action, whatever format it comes in: judged by the bytes Asterisk gets."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import attrs
import pytest
import trio

from amp.config.schema import Listen, User
from amp.config.secret import Secret
from amp.sim.asterisk import SimAsterisk
from shell.harness import PATIENCE_S, AmiClient, Lab, lab, server

ANNA = User(name="anna", secret=Secret("anna's"), write=("all", "admin"))
LISTEN = (
    Listen(port=0, protocols=("ami", "http")),
    Listen(port=0, input_format="xml"),
)
LOGIN = b"Action: Login\r\nUsername: anna\r\nSecret: anna's\r\nEvents: off\r\n\r\n"
XML = b'<AsteriskManagerInput>\n<Action Value="%s"/>\n%s</AsteriskManagerInput>\n'
XML_LOGIN = XML % (
    b"Login",
    b'<Username Value="anna"/><Secret Value="anna&apos;s"/><Events Value="off"/>',
)
GET = b"GET /?%s&Username=anna&Secret=anna%%27s HTTP/1.0\r\nHost: 127.0.0.1\r\n%s\r\n"


@attrs.define
class Tee:
    """Everything that amp sends to its Asterisk."""

    sent: bytearray = attrs.field(factory=bytearray)

    async def carry(self, port: int, ours: trio.SocketStream) -> None:
        """One connection, in both directions."""
        async with (
            ours,
            await trio.open_tcp_stream("127.0.0.1", port) as theirs,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(self._copy, theirs, ours, bytearray())
            await self._copy(ours, theirs, self.sent)
            nursery.cancel_scope.cancel()

    async def _copy(self, source: trio.SocketStream, target: trio.SocketStream, kept: bytearray) -> None:
        try:
            async for data in source:
                kept += data
                await target.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    def actions(self) -> list[tuple[str, list[str]]]:
        """Each action with the names of its headers."""
        frames = bytes(self.sent).decode("latin-1").split("\r\n\r\n")[:-1]
        split = [[line.partition(":") for line in frame.split("\r\n")] for frame in frames]
        return [(lines[0][2].strip(), [name.lower() for name, _, _ in lines]) for lines in split]


@asynccontextmanager
async def watched() -> AsyncIterator[tuple[Lab, Tee]]:
    """amp in front of one Asterisk, with somebody who reads what it sends there."""
    tee, sim = Tee(), SimAsterisk(name="a")
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(partial(sim.serve, "127.0.0.1", 0))
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, partial(tee.carry, port), [listener])
        extra = server("a", listener.socket.getsockname()[1], sessions="single")
        async with lab(users=(ANNA,), listen=LISTEN, extra=(extra,)) as one:
            await one.logged("server_up", server="a")
            yield one, tee
        nursery.cancel_scope.cancel()


async def marker(one: Lab) -> None:
    """An action that arrives at the Asterisk after everything sent before."""
    client = AmiClient(await trio.open_tcp_stream("127.0.0.1", one.port))
    async with client.stream:
        await client.greeting()
        await client.stream.send_all(LOGIN + b"Action: CoreStatus\r\nActionID: end\r\n\r\n")
        assert (await client.answer("end")).name == b"Success"


STANDARD = [
    b"Action: UserEvent\r\nUserEvent: x\rAction: Hangup\rChannel: all\r\n\r\n",
    b"Action: UserEvent\r\nUserEvent: x\r\r\nAction: Hangup\r\n\r\n",
    b"Action: UserEvent\r\nUserEvent: x\0\r\nChannel\0: all\r\n\r\n",
    b"Action: UserEvent\rAction: Hangup\r\nUserEvent: x\r\n\r\n",
    b"Action: UserEvent\r\nActionID: 1\rAction: Hangup\r\nUserEvent: x\r\n\r\n",
    b"Action: UserEvent\r\nUserEvent: " + b"x" * 1010 + b"\rAction: Hangup\r\n\r\n",
]
IN_XML = [
    b'<UserEvent Value="x&#13;&#10;Action: Hangup&#13;&#10;Channel: all"/>',
    b'<UserEvent Value="x&#xD;&#xA;&#xD;&#xA;Action: Hangup"/>',
    b'<UserEvent Value="x\r\nAction: Hangup\r\nChannel: all"/>',
    b'<UserEvent Value="x\r\n\r\nAction: Hangup\r\n\r\n"/>',
    b'<UserEvent Value="x&#0;"/>',
    b'<UserEvent\nAction="Hangup" Value="x"/>',
    b'<User&#10;Event Value="x"/>',
    b'<UserEvent Value="x"><Action Value="Hangup"/></UserEvent>',
    b"<UserEvent Value='x'/><![CDATA[\r\n\r\nAction: Hangup\r\n\r\n]]>",
    b'<UserEvent Value="x"/></AsteriskManagerInput>\r\n\r\nAction: Hangup\r\n\r\n<AsteriskManagerInput>',
    b'<!DOCTYPE x [<!ENTITY e "&#10;Action: Hangup">]><UserEvent Value="&e;"/>',
]
IN_QUERY = [
    b"Action=UserEvent&UserEvent=x%0D%0AAction:%20Hangup%0D%0AChannel:%20all",
    b"Action=UserEvent&UserEvent=x%0AAction:%20Hangup",
    b"Action=UserEvent&UserEvent=x%0DAction:%20Hangup",
    b"Action=UserEvent&UserEvent=x%00",
    b"Action=UserEvent%0D%0AAction:%20Hangup&UserEvent=x",
    b"Action=UserEvent&UserEvent=x&x%0D%0AAction=Hangup",
    b"Action=UserEvent&UserEvent=x&Channel%3A%20all%0D%0AX=y",
    b"Action=UserEvent&UserEvent=x%0D%0A%0D%0AAction:%20Hangup%0D%0A%0D%0A",
    b"Action=UserEvent&UserEvent=x%u000d%u000aAction:%20Hangup",
    b"Action=UserEvent&ActionID=1%0D%0AAction:%20Hangup&UserEvent=x",
    b"Action=UserEvent&Server=a%0D%0AAction:%20Hangup&UserEvent=x",
]
PLAIN_QUERY = b"Action=UserEvent&UserEvent=control"
IN_HEADERS = [
    b"Authorization: Basic " + b64encode(b"anna\r\nAction: Hangup:anna's") + b"\r\n",
    b"Authorization: Basic " + b64encode(b"anna:anna's\r\n\r\nAction: Hangup\r\n\r\n") + b"\r\n",
    b"Cookie: mansession_id=x\rAction: Hangup\r\n",
    b"X-Maxtime: 1\nAction: Hangup\n",
    b"X-Until-Event: X\rAction: Hangup\r\n",
]


def post(body: bytes) -> bytes:
    head = b"POST / HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    body += b"&Username=anna&Secret=anna%27s"
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


HARMLESS = b"control"
"""Comes through in every format, so that what does not was refused for what it is."""

ATTEMPTS = {
    "standard": [
        (0, LOGIN + data) for data in (*STANDARD, b"Action: UserEvent\r\nUserEvent: %s\r\n\r\n" % HARMLESS)
    ],
    "xml": [
        (1, XML_LOGIN + XML % (b"UserEvent", data))
        for data in (*IN_XML, b'<UserEvent Value="%s"/>' % HARMLESS)
    ],
    "query": [(0, GET % (data, b"")) for data in (*IN_QUERY, PLAIN_QUERY)],
    "form": [(0, post(data)) for data in (*IN_QUERY, PLAIN_QUERY)],
    "http headers": [(0, GET % (PLAIN_QUERY, data)) for data in (*IN_HEADERS, b"")],
}


@pytest.mark.parametrize("format_name", ATTEMPTS)
async def test_no_value_becomes_a_header_or_an_action(format_name: str) -> None:
    """Each is refused, or comes as the one value that it is; and the next client is served."""
    async with watched() as (one, tee):
        for listener, data in ATTEMPTS[format_name]:
            stream = await trio.open_tcp_stream("127.0.0.1", one.port_of(listener))
            async with stream:
                await stream.send_all(data)
                await stream.send_eof()
                with trio.fail_after(PATIENCE_S):
                    async for _ in stream:
                        pass
        await marker(one)
        names = {name for name, _ in tee.actions()}
        assert names <= {"Challenge", "Login", "Ping", "UserEvent", "CoreStatus"}
        for name, headers in tee.actions():
            assert headers.count("action") == 1, tee.sent
            assert headers[0] == "action"
            assert name == "Login" or "channel" not in headers
        assert b"\r\nUserEvent: control\r\n" in tee.sent
        assert b"\0" not in tee.sent
        assert tee.sent.count(b"\n") == tee.sent.count(b"\r\n") == tee.sent.count(b"\r")


@pytest.mark.parametrize("what", ["\r", "\n", "\0", "\r\n"])
@pytest.mark.parametrize("where", ["Server", "Username", "Secret", "Host", "Events"])
async def test_a_new_server_brings_no_lines_of_its_own(what: str, where: str) -> None:
    """Through XML, where such a value can be written at all."""
    async with watched() as (one, _):
        client = AmiClient(await trio.open_tcp_stream("127.0.0.1", one.port_of(1)))
        async with client.stream:
            headers = {"Server": "new", "Host": "127.0.0.1", "Port": "9", "Username": "u", "Secret": "s"}
            headers[where] = f"x{what}Action: Hangup"
            written = "".join(
                f'<{name} Value="{"".join(f"&#{ord(char)};" for char in value)}"/>'
                for name, value in headers.items()
            )
            ask = f'<AsteriskManagerInput><ProxyAction Value="AddServer"/>{written}</AsteriskManagerInput>'
            await client.stream.send_all(XML_LOGIN + ask.encode())
            await client.stream.send_eof()
            answer = await client.rest()
        assert b"Response: Error" in answer
        assert b"Added" not in answer
        assert not [line for line in one.lines if line["event"] == "added_server"]
