"""Looks at one sniffer: ``sniffer_stat`` with the key that amp takes; without one also what needs a key.

Then at one call of those it has, for the time of its last packet: a sniffer tells its clock nowhere else.
"""

from __future__ import annotations

import time
from typing import Final

import trio

from amp.config.schema import VoipmonitorServer
from amp.config.sniffers import NO_CIPHER
from amp.core.doctor.clock import judge_newest
from amp.core.doctor.finding import fail
from amp.core.doctor.sniffer import judge_failure, judge_reply, newest_packet
from amp.core.voipmonitor.cipher import Cipher
from amp.core.voipmonitor.command import parse_command
from amp.core.voipmonitor.exchange import Exchange, ExchangeLimits
from amp.core.voipmonitor.exchange_events import ExchangeFailed
from amp.errors import ConfigError
from amp.shell.doctor.asterisks import Tell
from amp.shell.sniffer_keys import KeyRing, key_sources
from amp.shell.sniffer_setup import SnifferMaker
from amp.shell.sniffer_talk import talk

__all__ = ["look_at_sniffer"]

MOST_BYTES: Final = 1 << 20
STAT: Final = b"sniffer_stat"
KEYED: Final = b"totalregisters"
"""Costs as little, and is refused in clear by a sniffer that has a key, which answers `STAT` all the same."""
NEWEST: Final = b'listcalls {"limit":"1","sort_field":"lastpackettime","sort_dir":"desc"}'


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
    for command in (STAT,) if cipher is not None else (STAT, KEYED):
        failed, reply = await _ask(command, server, maker, cipher)
        if failed is not None:
            tell(judge_failure(subject, failed))
            return
        if command is STAT:
            for finding in judge_reply(subject, reply, server.encryption):
                tell(finding)
    failed, reply = await _ask(NEWEST, server, maker, cipher)
    if failed is None and (newest := newest_packet(reply)) is not None:
        tell(judge_newest(subject, newest, time.time()))


async def _ask(
    command: bytes, server: VoipmonitorServer, maker: SnifferMaker, cipher: Cipher | None
) -> tuple[ExchangeFailed | None, bytes]:
    """One command: what went wrong, and the reply."""
    exchange = Exchange(
        command=parse_command(command),
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
    return failed, b"".join(reply)
