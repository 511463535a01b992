"""``amp doctor`` at a sniffer behind a real sshd."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from amp.config.schema import Config, VoipmonitorServer
from amp.core.doctor.finding import Finding, State
from amp.shell.doctor.everything import examine
from amp.sim.sniffer.sniffer import SimSniffer
from real.sshd import Sshd
from shell.harness import PATIENCE_S

pytestmark = pytest.mark.sshd


async def look(**settings: Any) -> dict[str, Finding]:
    """Findings about a sniffer over there, by check."""
    async with trio.open_nursery() as nursery:
        _, port = await nursery.start(partial(SimSniffer().serve, "127.0.0.1", 0))
        server = VoipmonitorServer(
            kind="voipmonitor", name="s", host="127.0.0.1", port=port, encryption="none", **settings
        )
        config = Config(server=(server,), listen=())
        with trio.fail_after(PATIENCE_S):
            findings = await examine(
                config, Path("no-such-folder/config.toml"), 10.0, lambda done, total: None
            )
        nursery.cancel_scope.cancel()
    return {one.check: one for one in findings}


async def test_a_sniffer_behind_ssh(sshd: Sshd) -> None:
    found = await look(**sshd.settings)
    assert (found["ssh"].state, found["reach"].state) == (State.OK, State.OK)


async def test_a_host_that_is_not_known(sshd: Sshd, tmp_path: Path) -> None:
    nobody = tmp_path / "nobody"
    nobody.touch()
    found = await look(**{**sshd.settings, "ssh_known_hosts": nobody})
    assert (found["ssh"].state, found["reach"].state) == (State.FAIL, State.FAIL)
    assert "host key" in found["ssh"].found
