"""The programs of the scenarios ``sniffers-...``: they notice what is wrong, and count what is asked."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from bench.fetcher import opened, sealed, talk
from bench.scenario import Settings
from bench.sniffer_rig import ask, asked_so_far, simulated


def files(folder: Path, request: bytes, reply: bytes) -> tuple[Path, Path]:
    (folder / "request").write_bytes(request)
    (folder / "reply").write_bytes(reply)
    return folder / "request", folder / "reply"


def test_commands_are_asked_and_counted(settings: Settings) -> None:
    with ExitStack() as stack:
        sniffers, ports = simulated(stack, settings, count=2, calls=3)
        both = files(settings.folder, b"totalcalls\r\n\r\n", b"3")
        rounds = [ask(settings, port, 2, both, each=4) for port in ports]
        assert asked_so_far(sniffers) == {"totalcalls": 16, "": 16}
    assert [(one.answers, one.faults) for one in rounds] == [(8, ()), (8, ())]


@pytest.mark.parametrize("reply", [b"30", b"", b"4"])
def test_another_reply_is_noticed(settings: Settings, reply: bytes) -> None:
    with ExitStack() as stack:
        _, (port,) = simulated(stack, settings, calls=3)
        found = ask(settings, port, 1, files(settings.folder, b"totalcalls\r\n\r\n", reply), each=2)
    assert (found.answers, found.faults) == (0, ("2 wrong",))


def test_the_fetchers_own_encryption_is_the_sniffers(settings: Settings) -> None:
    with ExitStack() as stack:
        _, (port,) = simulated(stack, settings, keyed="yes", bytes=300)
        assert opened(talk(port, sealed(b"file_exists big"))) == b"300"
