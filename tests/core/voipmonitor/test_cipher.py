"""AES as the sniffers use it: keys cut and refused, streams in any pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from amp.core.voipmonitor.cipher import CIPHERS, Cipher, SnifferKey
from amp.errors import LocalProtocolError, RemoteProtocolError
from independent_aes import seal, unseal
from replay import chunks

KEY = SnifferKey(bytes(range(32)), bytes(range(100, 116)))
names = st.sampled_from(sorted(CIPHERS))


@given(names, st.binary(max_size=200), strategies.cuts)
def test_any_chunking_encrypts_the_same(name: str, text: bytes, cuts: list[int]) -> None:
    """A message is one CBC stream with one padding, however it is cut."""
    message = Cipher(name, KEY).encryption()
    out = b"".join(message.feed(piece) for piece in chunks(text, cuts)) + message.finish()
    assert out == seal(name, KEY.key, KEY.iv, text) == Cipher(name, KEY).encrypt(text)


@given(names, st.binary(max_size=200), strategies.cuts)
def test_any_chunking_decrypts_the_same(name: str, text: bytes, cuts: list[int]) -> None:
    """What comes back is the text, and never a byte of padding."""
    message = Cipher(name, KEY).decryption()
    pieces = list(chunks(seal(name, KEY.key, KEY.iv, text), cuts))
    assert b"".join(message.feed(piece) for piece in pieces) + message.finish() == text
    assert Cipher(name, KEY).decrypt(seal(name, KEY.key, KEY.iv, text)) == text


@given(names, st.binary(max_size=200))
def test_garbage_is_an_error_or_text(name: str, garbage: bytes) -> None:
    """Only what an independent reading unpads is taken."""
    try:
        expected: bytes | None = unseal(name, KEY.key, KEY.iv, garbage)
    except ValueError:
        expected = None
    try:
        assert Cipher(name, KEY).decrypt(garbage) == expected
    except RemoteProtocolError:
        assert expected is None


def test_an_empty_message_has_no_padding_and_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="padding"):
        Cipher("aes-128-cbc", KEY).decrypt(b"")


def test_half_a_block_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="whole block"):
        Cipher("aes-128-cbc", KEY).decrypt(bytes(17))


def test_a_long_key_is_cut_and_a_short_one_refused() -> None:
    """Recordings aes256-key-as-aes128 and aes128-key-as-aes256."""
    assert Cipher("aes-128-cbc", KEY).encrypt(b"x") == seal("aes-128-cbc", KEY.key[:16], KEY.iv, b"x")
    with pytest.raises(LocalProtocolError, match="aes-256-cbc needs a key of 32 bytes, the given one has 16"):
        Cipher("aes-256-cbc", SnifferKey(bytes(16), bytes(16)))


def test_other_modes_are_refused() -> None:
    with pytest.raises(LocalProtocolError, match="unknown cipher 'aes-128-ecb', expected one of aes-128-cbc"):
        Cipher("aes-128-ecb", KEY)


def test_short_keys_and_ivs_are_refused_and_long_ivs_cut() -> None:
    with pytest.raises(LocalProtocolError, match="key has 15 bytes"):
        SnifferKey(bytes(15), bytes(16))
    with pytest.raises(LocalProtocolError, match="iv has 3 bytes"):
        SnifferKey(bytes(16), bytes(3))
    assert SnifferKey(bytes(16), bytes(20)).iv == bytes(16)


def test_keys_are_never_shown() -> None:
    assert "x00" not in repr(KEY)
    assert "x00" not in repr(Cipher("aes-128-cbc", KEY))
