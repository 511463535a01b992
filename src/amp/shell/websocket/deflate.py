"""permessage-deflate as amp agrees to it: nothing kept between our messages, bounds for theirs."""

from __future__ import annotations

import zlib

from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol

from amp.core.ws.framing import WINDOW_BITS

__all__ = ["BoundedDeflate"]


class BoundedDeflate(PerMessageDeflate):
    """Takes clients' compressed messages, each up to a size; a bomb ends the connection before it unfolds.

    Args:
        most_bytes: of a message, unpacked.
    """

    def __init__(self, most_bytes: int) -> None:
        super().__init__(server_no_context_takeover=True)
        self._most_bytes = most_bytes

    def accept(self, offer: str) -> bool | str | None:
        """Agree to an offer if it can be met; see `Extension.accept`."""
        try:
            answer = super().accept(offer)
        except ValueError:  # a window of no number
            return None
        if self.server_max_window_bits < WINDOW_BITS:
            self._enabled = False
            return None
        return answer

    def frame_inbound_payload_data(
        self, proto: FrameDecoder | FrameProtocol, data: bytes
    ) -> bytes | CloseReason:
        """Unpack a piece; see `Extension.frame_inbound_payload_data`."""
        if not self._inbound_compressed or not self._inbound_is_compressible:
            return data
        assert self._decompressor is not None
        try:
            unpacked = self._decompressor.decompress(bytes(data), self._most_bytes + 1)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        return CloseReason.MESSAGE_TOO_BIG if self._decompressor.unconsumed_tail else unpacked
