"""Looks at one sniffer: one ``sniffer_stat``, with the key that amp would take."""

from __future__ import annotations

from typing import Final

import trio

from amp.config.schema import VoipmonitorServer
from amp.config.sniffers import NO_CIPHER
from amp.core.doctor.finding import fail
from amp.core.doctor.sniffer import judge_failure, judge_reply
from amp.core.voipmonitor.cipher import Cipher
from amp.core.voipmonitor.command import parse_command
from amp.core.voipmonitor.exchange import Exchange, ExchangeLimits
from amp.errors import ConfigError
from amp.shell.doctor.asterisks import Tell
from amp.shell.sniffer_keys import KeyRing, key_sources
from amp.shell.sniffer_setup import SnifferMaker
from amp.shell.sniffer_talk import talk

__all__ = ["look_at_sniffer"]

MOST_BYTES: Final = 1 << 20


async def look_at_sniffer(server: VoipmonitorServer, maker: SnifferMaker, tell: Tell) -> None:
    """Tell about one sniffer.

    Args:
        maker: knows the way to it; the tunnels must be running if it is behind SSH.
    """
    subject = f"sniffer {server.name} ({server.place})"
    cipher = None
    if server.encryption != NO_CIPHER:
        try:
            cipher = Cipher(server.encryption, await KeyRing(list(key_sources(server, maker.database))).key())
        except ConfigError as error:
            advice = "say where the key is: key and iv, key_conf, key_php or [database]"
            tell(fail("key", subject, "; ".join(error.problems), advice))
            return
    exchange = Exchange(
        command=parse_command(b"sniffer_stat"),
        cipher=cipher,
        limits=ExchangeLimits(
            connect_s=server.connect_timeout_s,
            first_byte_s=server.answer_timeout_s,
            progress_s=server.progress_timeout_s,
            whole_s=server.whole_timeout_s,
            reply_bytes=MOST_BYTES,
        ),
        unpack=False,
        now=trio.current_time(),
    )
    reply: list[bytes] = []
    failed = await talk(exchange, maker.reach(server), reply.append, trio.CancelScope())
    if failed is not None:
        tell(judge_failure(subject, failed))
        return
    for finding in judge_reply(subject, b"".join(reply), server.encryption):
        tell(finding)
