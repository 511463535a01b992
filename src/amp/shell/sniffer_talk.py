"""One exchange over its socket: what `amp.core.voipmonitor.exchange` decides, in connections and waiting."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import trio

from amp.core.ami.framing import NeedData
from amp.core.voipmonitor.exchange import Exchange
from amp.core.voipmonitor.exchange_events import ExchangeFailed, ReplyChunk
from amp.shell.sniffer_reach import SnifferReach
from amp.shell.wire import READ_BYTES, Wire

__all__ = ["GONE", "Take", "talk"]

GONE: Final = "the sniffer was taken out of the configuration"

PACKED_BYTES: Final = 4096
"""Of a packed reply at once."""

Take = Callable[[bytes], Awaitable[None] | None]
"""Gets the pieces of a reply; gives something to wait for if it wants no more for now."""


async def talk(
    exchange: Exchange, reach: SnifferReach, take: Take, patience: trio.CancelScope
) -> ExchangeFailed | None:
    """Connect, ask, and read to the end.

    One cancel scope serves for all its deadlines, and after a short read it is looked at once whether the
    sniffer has closed as well, which is how most replies end: a turn of the event loop costs as much as the
    sniffer's work.

    Args:
        patience: a new scope; who cancels it takes the sniffer away.

    Returns:
        What went wrong; ``None`` if the reply is complete, as far as that can be known.
    """
    patience.deadline = exchange.next_deadline()
    with patience:
        try:
            wire = await reach.connect()
            try:
                return await _converse(exchange, wire, take, patience)
            finally:
                wire.close()
        except OSError as error:
            exchange.connection_lost(error.strerror or str(error))
    if patience.cancelled_caught and trio.current_time() >= patience.deadline:
        exchange.handle_timeout(exchange.next_deadline())
    elif patience.cancelled_caught:
        exchange.connection_lost(GONE)
    return (await _deliver(exchange, take, patience))[1]


async def _converse(
    exchange: Exchange, wire: Wire, take: Take, patience: trio.CancelScope
) -> ExchangeFailed | None:
    """From the request to the end.

    Raises:
        OSError: the connection broke.
    """
    waited_s = 0.0  # for the asker: that is not the sniffer's time
    request = memoryview(exchange.connected(trio.current_time()))
    patience.deadline = exchange.next_deadline()
    while request := request[wire.write_now(request) :]:
        await trio.lowlevel.wait_writable(wire.sock)
    data: bytes | None = None
    while True:
        data = wire.receive_now() if data is not None and len(data) < READ_BYTES else None
        if data is None:
            data = await wire.receive()
        for part in _parts(exchange, data):
            exchange.receive_data(part, trio.current_time() - waited_s)
            begun = trio.current_time()
            over, failed = await _deliver(exchange, take, patience)
            if over:
                return failed
            if len(part) < len(data):
                await trio.lowlevel.checkpoint()
            waited_s += trio.current_time() - begun
            patience.deadline = exchange.next_deadline() + waited_s


def _parts(exchange: Exchange, data: bytes) -> Iterable[bytes]:
    """What came, in small parts where each byte can unpack to a thousand: others have their turn between."""
    if not exchange.command.asks_zip or len(data) <= PACKED_BYTES:
        return (data,)
    return (data[at : at + PACKED_BYTES] for at in range(0, len(data), PACKED_BYTES))


async def _deliver(
    exchange: Exchange, take: Take, patience: trio.CancelScope
) -> tuple[bool, ExchangeFailed | None]:
    """Pass on what came; says whether that was the end, and what went wrong."""
    while not isinstance(event := exchange.next_event(), NeedData):
        if not isinstance(event, ReplyChunk):
            return True, event if isinstance(event, ExchangeFailed) else None
        room = take(event.data)
        if room is not None:
            patience.deadline = math.inf
            await room
    return False, None
