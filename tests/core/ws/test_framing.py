"""Frames, as an independent implementation reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.extensions import PerMessageDeflate

from amp.core.ws.framing import (
    close_frame,
    deflated_frame,
    message_frame,
    ping_frame,
    text_frame,
    text_frames,
)


def read(*frames: bytes, deflate: bool = False) -> list[Event]:
    """What a client of wsproto finds in them."""
    extension = PerMessageDeflate(server_no_context_takeover=True)
    extension.finalize("permessage-deflate; server_no_context_takeover")
    client = Connection(ConnectionType.CLIENT, extensions=[extension] if deflate else [])
    client.receive_data(b"".join(frames))
    return list(client.events())


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65535, 65536, 70000])
def test_messages_of_every_length(size: int) -> None:
    text = ("é" * size).encode()[: size // 2 * 2]
    assert read(text_frame(text)) == [TextMessage(text.decode())]
    (found,) = read(message_frame(b"\xff" * size, binary=True))
    assert isinstance(found, BytesMessage)
    assert bytes(found.data) == b"\xff" * size
    assert read(message_frame(text, binary=False)) == [TextMessage(text.decode())]


@given(st.lists(st.text(max_size=300), max_size=4))
def test_compressed_messages_stand_for_themselves(texts: list[str]) -> None:
    """In any order, also the same frame twice: nothing is kept from one to the next."""
    frames = [deflated_frame(text.encode()) for text in texts]
    found = read(*frames, *reversed(frames), deflate=True)
    whole: list[str] = [""]
    for event in found:
        assert isinstance(event, TextMessage)
        whole[-1] += event.data
        if event.message_finished:
            whole.append("")
    assert whole[:-1] == [*texts, *reversed(texts)]


def test_only_what_is_worth_it_is_compressed() -> None:
    assert deflated_frame(b"x" * 127) == text_frame(b"x" * 127)
    assert len(deflated_frame(b"x" * 4096)) < 100


def test_control_frames() -> None:
    assert read(ping_frame()) == [Ping(b"")]
    assert read(close_frame(1008, "sorry")) == [CloseConnection(1008, "sorry")]
    (found,) = read(close_frame(4000, "é" * 100))
    assert isinstance(found, CloseConnection)
    assert found.reason == "é" * 61


def test_several_texts_are_as_one_by_one() -> None:
    """Also the second time, when the heads of the small ones are known."""
    texts = [b"x" * size for size in (0, 125, 126, 4095, 4096, 65535, 65536)] * 2
    assert text_frames(texts) == b"".join(map(text_frame, texts))
    assert text_frames([]) == b""
