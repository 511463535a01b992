"""Long answers hold nobody up."""

from __future__ import annotations

import trio

from amp.core.http.ajam import MXML
from amp.shell.http.rendering import MOST_AT_ONCE_BYTES, rendered


async def test_others_get_their_turn_while_a_long_answer_is_written() -> None:
    frame = b"Event: CoreShowChannel\r\nChannel: PJSIP/100-00000001\r\nContext: from-internal"
    frames = [frame] * (4 * MOST_AT_ONCE_BYTES // len(frame) + 4)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        body = await rendered(frames, MXML.piece, MXML.document)
        nursery.cancel_scope.cancel()
    assert turns >= 3
    assert body == MXML.write(frames)
