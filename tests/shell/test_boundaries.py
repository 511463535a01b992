"""A bug of ours ends the one connection that touched it off, with its traceback in the log."""

from __future__ import annotations

import pytest

from amp.core.ami.session import ClientSession
from amp.core.fanout.intake import Intake
from shell.harness import lab


async def test_a_bug_in_one_session_ends_that_client_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others and the servers' links go on."""
    async with lab("a") as one:
        anna, bert = await one.client(), await one.client(events="off")
        await anna.event("FullyBooted")
        healthy = ClientSession.receive_data

        def broken(self: ClientSession, data: bytes, now: float, wall: float) -> None:
            if b"touch it off" in data:
                raise RuntimeError("a bug")
            healthy(self, data, now, wall)

        monkeypatch.setattr(ClientSession, "receive_data", broken)
        await bert.action("Ping", ("Note", "touch it off"))
        assert await bert.rest() == b""
        await one.logged(
            "client_failed", address=(await one.logged("client_done", reason="internal error"))["address"]
        )
        one.sims["a"].user_event("StillHere")
        assert (await anna.event("UserEvent")).get(b"UserEvent") == b"StillHere"


async def test_a_bug_in_one_servers_stream_ends_its_link_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is lost, comes back, and the other server never noticed."""
    async with lab("a", "b") as one:
        anna = await one.client()
        await anna.event("FullyBooted")
        healthy = Intake.take

        def broken(self: Intake, frames: list[bytes]) -> object:
            if any(b"TouchItOff" in frame for frame in frames):
                raise RuntimeError("a bug")
            return healthy(self, frames)

        monkeypatch.setattr(Intake, "take", broken)
        one.sims["a"].user_event("TouchItOff")
        await one.logged("link_failed", server="a")
        assert (await anna.event("ServerDown")).get(b"Reason") == b"internal error"
        assert (await anna.event("ServerUp")).get(b"Server") == b"a"
        one.sims["b"].user_event("StillHere")
        assert (await anna.event("UserEvent")).get(b"Server") == b"b"
