"""A plain HTTP client for tests: it sends what it is told, byte for byte, and reads answers with h11."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote, urlencode

import attrs
import h11
import trio

from shell.harness import PATIENCE_S, Lab

__all__ = ["Browser", "Page", "basic", "query"]


@attrs.frozen
class Page:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def frames(self) -> list[str]:
        """The body as frames of the manager protocol."""
        return [frame for frame in self.text.split("\r\n\r\n") if frame]


def basic(user: str = "anna", secret: str = "anna's") -> tuple[str, str]:
    """A header with credentials."""
    return "Authorization", "Basic " + b64encode(f"{user}:{secret}".encode()).decode()


def query(action: str, **fields: str) -> str:
    """The target of an action."""
    return "/?" + urlencode({"Action": action, **fields}, quote_via=quote)


@attrs.define(eq=False)
class Browser:
    """One connection."""

    stream: trio.SocketStream | trio.SSLStream[trio.SocketStream]
    host: str
    _http: h11.Connection = attrs.field(factory=lambda: h11.Connection(h11.CLIENT))
    _left: bytes = b""

    @classmethod
    async def open(cls, one: Lab, listener: int = 0) -> Browser:
        """A new connection to amp."""
        client = await one.connect(listener)
        return cls(client.stream, f"127.0.0.1:{one.port_of(listener)}")

    async def raw(self, data: bytes) -> None:
        """Send any bytes."""
        with trio.fail_after(PATIENCE_S):
            await self.stream.send_all(data)

    async def send(
        self, method: str, target: str, *headers: tuple[str, str], body: bytes = b"", host: str = ""
    ) -> None:
        """Send a request, and wait for nothing."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host or self.host}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        await self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def get(self, target: str, *headers: tuple[str, str], method: str = "GET", host: str = "") -> Page:
        """Ask and read the answer."""
        await self.send(method, target, *headers, host=host)
        return await self.page(method)

    async def post(self, target: str, form: dict[str, str], *headers: tuple[str, str]) -> Page:
        """Post a form as a browser does."""
        kind = ("Content-Type", "application/x-www-form-urlencoded")
        await self.send("POST", target, kind, *headers, body=urlencode(form).encode())
        return await self.page("POST")

    async def page(self, method: str = "GET") -> Page:
        """Read the next answer."""
        http = h11.Connection(h11.CLIENT)
        http.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
        http.send(h11.EndOfMessage())
        if self._left:
            http.receive_data(self._left)
        with trio.fail_after(PATIENCE_S):
            event = await self._event(http)
            while isinstance(event, h11.InformationalResponse):
                event = await self._event(http)
            assert isinstance(event, h11.Response), event
            body = b""
            while isinstance(data := await self._event(http), h11.Data):
                body += data.data
        self._left = http.trailing_data[0]
        headers = {name.decode(): value.decode() for name, value in event.headers}
        return Page(event.status_code, headers, body)

    async def is_closed(self) -> bool:
        """Whether nothing more comes; waits for the end."""
        with trio.fail_after(PATIENCE_S):
            try:
                return not self._left and not await self.stream.receive_some(1000)
            except trio.BrokenResourceError:
                return True

    async def _event(self, http: h11.Connection) -> object:
        while (event := http.next_event()) is h11.NEED_DATA:
            http.receive_data(bytes(await self.stream.receive_some(65536)))
        return event
