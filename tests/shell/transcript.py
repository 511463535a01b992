"""Transcripts: what clients and amp say to each other, as text, played against a running amp.

Blocks have blank lines between them; each is one frame, or one thing done:

``A= steve``          A connects and signs in as steve with his secret ``pw``, without events
``A= steve events``   the same, with events
``A=``                A connects and reads the greeting
``A> Name: value``    A sends a frame of these lines; ``{key}`` is the MD5 key for ``pw``
``A< Name: value``    A's next frame has these lines among its own, in this order; ``*`` is any text
``A~ Name: value``    a frame with these lines comes; others may come before it
``A! Name``           within such a block: the frame has no header of that name
``A.``                amp closes A's connection, and nothing comes before
``a: Name``           server a sends a UserEvent of that name, with further lines as its headers
``a- ``               server a is gone
"""

from __future__ import annotations

import re

import attrs

from amp.core.ami.auth import md5_key
from amp.core.ami.frame import Frame
from shell.harness import AmiClient, Lab

__all__ = ["play"]

SECRET = "pw"


@attrs.define
class _Play:
    lab: Lab
    clients: dict[str, AmiClient] = attrs.field(factory=dict)
    challenge: bytes = b""

    async def step(self, block: list[str]) -> None:
        who, what = block[0][0], block[0][1]
        words = [line[2:].removeprefix(" ") for line in block]
        match what:
            case "=":
                await self._connect(who, words[0].split())
            case ">":
                await self._send(self.clients[who], words)
            case "<":
                self._compare(await self.clients[who].raw(), block)
            case "~":
                await self._find(self.clients[who], block)
            case ".":
                assert await self.clients[who].rest() == b""
            case ":":
                headers = [tuple(word.split(": ", 1)) for word in words[1:]]
                self.lab.sims[who].user_event(words[0], *((name, value) for name, value in headers))
            case "-":
                await self._lose(who)
            case _:
                raise AssertionError(f"no step: {block[0]}")

    async def _connect(self, who: str, words: list[str]) -> None:
        self.clients[who] = client = await self.lab.connect()
        if words:
            answer = await client.login(words[0], SECRET, "on" if "events" in words else "off")
            assert answer.name == b"Success", words
        else:
            await client.greeting()

    async def _send(self, client: AmiClient, lines: list[str]) -> None:
        key = md5_key(self.challenge, SECRET.encode()).decode()
        text = "".join(line.replace("{key}", key) + "\r\n" for line in lines if line)
        await client.stream.send_all(text.encode() + b"\r\n")

    async def _find(self, client: AmiClient, block: list[str]) -> None:
        while True:
            raw = await client.raw()
            assert raw, f"the stream ended before {block}"
            if _difference(raw, block) is None:
                return

    def _compare(self, raw: bytes, block: list[str]) -> None:
        assert _difference(raw, block) is None, (_difference(raw, block), raw.decode(errors="replace"))
        self.challenge = Frame.parse(raw).get(b"Challenge") or self.challenge

    async def _lose(self, name: str) -> None:
        self.lab.sims[name].faults.refuse_logins = True
        self.lab.sims[name].faults.drop()
        await self.lab.logged("server_down", server=name)


def _difference(raw: bytes, block: list[str]) -> str | None:
    """The first line of a block that the frame does not fulfil."""
    lines = raw.decode("latin-1").split("\r\n")
    for wanted in block:
        text = wanted[2:].removeprefix(" ")
        if wanted[1] == "!":
            if any(line.lower().startswith(f"{text.lower()}:") for line in lines):
                return wanted
            continue
        pattern = re.compile(".*".join(map(re.escape, text.split("*"))))
        at = next((at for at, line in enumerate(lines) if pattern.fullmatch(line)), None)
        if at is None:
            return wanted
        lines = lines[at + 1 :] if wanted[1] in "<~" else lines
    return None


async def play(lab: Lab, text: str) -> None:
    """Play a transcript; fails at the first difference."""
    one = _Play(lab)
    for block in re.split(r"\n\s*\n", text.strip()):
        await one.step([line.strip() for line in block.split("\n")])
