"""What came of asking a sniffer for its ``sniffer_stat``, judged: reachability, key, version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from amp.core.doctor.finding import Finding, fail, ok, warn
from amp.core.voipmonitor.exchange_events import ExchangeFailed, Failure
from amp.core.voipmonitor.sniffer_stat import parse_sniffer_stat
from amp.core.voipmonitor.tables import is_count, parse_table
from amp.errors import RemoteProtocolError

__all__ = ["judge_failure", "judge_reply", "newest_packet"]

KEY_PLACES: Final = "compare the key with that of the GUI (amp key show)"
OVERLOADED: Final = "see whether the sniffer is overloaded or hangs"
SOMETHING_ELSE: Final = "see whether host and port are those of the sniffer's manager (managerport)"

ADVICE: Final = {
    Failure.NOT_CONNECTED: "start the sniffer, or correct host, port, socket or ssh",
    Failure.NO_ANSWER: "see whether the sniffer's own database answers: without it the sniffer hangs",
    Failure.STALLED: OVERLOADED,
    Failure.TOO_LONG: OVERLOADED,
    Failure.WRONG_KEY: KEY_PLACES,
    Failure.UNREADABLE: KEY_PLACES,
    Failure.NEED_KEY: 'it has a key: set encryption = "aes-128-cbc" and say where the key is',
    Failure.UNSENDABLE: "say where the key is: key and iv, key_conf, key_php or [database]",
}
"""What to do; others are `SOMETHING_ELSE`."""


def judge_failure(subject: str, failed: ExchangeFailed) -> Finding:
    """There was no reply."""
    about_key = failed.failure.doubts_key or failed.failure is Failure.UNSENDABLE
    return fail(
        "key" if about_key else "reach", subject, failed.message, ADVICE.get(failed.failure, SOMETHING_ELSE)
    )


def judge_reply(subject: str, reply: bytes, encryption: str) -> Iterator[Finding]:
    """There was one.

    Args:
        encryption: as configured; ``none`` for none.
    """
    if not reply:
        advice = "ask again in some seconds: that is how one looks that is just starting or stopping"
        yield warn("reach", subject, "it closed the connection without a reply", advice)
        return
    try:
        stat = parse_sniffer_stat(reply)
    except RemoteProtocolError:
        yield fail("reach", subject, "what answers there is no sniffer", SOMETHING_ELSE)
        return
    yield ok("reach", subject, f"sniffer {stat.version or 'of unknown version'} answers")
    if encryption != "none":
        yield ok("key", subject, f"the key is right ({encryption})")


def newest_packet(calls: bytes) -> int | None:
    """When the last packet of any call came, by the sniffer's clock, in whole Unix seconds.

    Args:
        calls: the reply to ``listcalls``.

    Returns:
        ``None`` if there is no call, or that is no table of calls.
    """
    try:
        rows = parse_table(calls).rows()
    except RemoteProtocolError:
        return None
    return max((time for row in rows if is_count(time := row.raw("lastpackettime"))), default=None)
