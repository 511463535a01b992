"""How many descriptors a configuration takes for its servers."""

from __future__ import annotations

from pathlib import Path

from amp.config.descriptors import descriptors_of, server_descriptors
from amp.config.schema import AsteriskServer, Config, Simulate
from amp.config.secret import Secret
from amp.config.sniffers import VoipmonitorServer

SENSOR = VoipmonitorServer(kind="voipmonitor", name="s", host="h", exchanges=5)


def test_links_exchanges_popups_and_ssh_count() -> None:
    asterisk = AsteriskServer(name="a", host="h", username="u", secret=Secret("s"), max_sessions=8)
    popup = VoipmonitorServer(
        kind="voipmonitor", name="p", socket=Path("/s"), ssh="h", popup=Secret("a b"), exchanges=2
    )
    fleet = VoipmonitorServer(kind="voipmonitor", name="f", sensors="database")
    assert descriptors_of((asterisk,)) == 9
    assert descriptors_of((SENSOR, SENSOR)) == 10
    assert descriptors_of((popup,)) == 2 + 1 + 3
    config = Config(server=(asterisk, SENSOR, popup, fleet))
    assert server_descriptors(config) == 9 + 5 + 6, "the fleet's own are not known to the file"


def test_simulated_ones_have_both_ends_here() -> None:
    assert server_descriptors(Config(simulate=Simulate(asterisks=2, sniffers=3))) == 2 * 18 + 3 * 8
