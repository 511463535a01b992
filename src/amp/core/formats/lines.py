"""A raw frame as text: its headers as names and values, whatever bytes it holds."""

from __future__ import annotations

from typing import Final

__all__ = ["UNPARSED", "has_server", "headers_of", "split_lines", "text_of", "users_server"]

UNPARSED: Final = "UnparsedText"
"""What a line that is no ``Name: Value`` is called where a name is needed; astmanproxy's word."""


def split_lines(frame: bytes) -> list[bytes]:
    """The lines of a frame without their ends and without blank ones, as `Frame.parse` finds them."""
    return [line for line in frame.replace(b"\r\n", b"\n").removesuffix(b"\r").split(b"\n") if line]


def text_of(frame: bytes) -> str:
    """A frame as text with a plain LF between lines; what is not UTF-8 becomes U+FFFD."""
    return frame.decode("utf-8", "replace").replace("\r\n", "\n").removesuffix("\r")


def headers_of(text: str) -> list[tuple[str, str]]:
    """Names and values as `Frame.parse` finds them; a line that is no header is ``("", line)``."""
    parts = [line.partition(":") for line in text.split("\n")]
    return [
        (name, value.lstrip(" \t")) if colon and name else ("", name + colon + value)
        for name, colon, value in parts
        if name or colon
    ]


def has_server(frame: bytes) -> bool:
    """Whether a frame may have a header ``Server`` of its own, in any case of letters."""
    return b"server:" in frame.lower()


def users_server(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers with each ``Server`` that a server itself sent (a UserEvent copies anything) renamed."""
    return [(f"User{name}" if name.lower() == "server" else name, value) for name, value in headers]
