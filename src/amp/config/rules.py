"""What a single value must be. A rule stands in the type of a field: ``Annotated[int, Whole(1, 65535)]``.

Every rule has ``read(value)``, which gives the value for the class or raises ValueError. No error
repeats the value: what stands in the wrong place may be a secret.
"""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import attrs

from amp.config.units import format_duration, parse_duration
from amp.core.http.gatekeeper import read_origin
from amp.core.policy.filter_rule import BadFilter, parse_setting

__all__ = [
    "ClassOfEvents",
    "EventFilterText",
    "EventMaskText",
    "FileMode",
    "Host",
    "Line",
    "Name",
    "Network",
    "Number",
    "Rule",
    "Seconds",
    "ServerKind",
    "Whole",
    "check_choice",
    "check_line",
    "check_type",
    "suggestion",
]

TOML_TYPES = {
    str: "a string",
    int: "a whole number",
    float: "a number with a fraction",
    bool: "a boolean",
    list: "an array",
    dict: "a table",
}


@runtime_checkable
class Rule(Protocol):
    """Reads one TOML value."""

    def read(self, value: object) -> object:
        """The value for the class.

        Raises:
            ValueError: with what is expected, and without the value.
        """


@attrs.frozen
class Whole:
    """A whole number between two bounds, both included."""

    low: int
    high: int
    unit: str = ""

    def read(self, value: object) -> int:
        """The number as it is; nothing is converted, and true is not 1."""
        expected = f"a whole number{' of ' + self.unit if self.unit else ''} from {self.low} to {self.high}"
        if type(value) is not int:
            raise ValueError(f"expected {expected}, got {toml_type(value)}")
        if not self.low <= value <= self.high:
            raise ValueError(f"expected {expected}")
        return value


@attrs.frozen
class Number:
    """A number, whole or not, between two bounds; never NaN."""

    low: float
    high: float

    def read(self, value: object) -> float:
        """The number as a float."""
        expected = f"expected a number from {self.low:g} to {self.high:g}"
        if type(value) is not int and type(value) is not float:
            raise ValueError(f"{expected}, got {toml_type(value)}")
        if not self.low <= value <= self.high:  # compared before float(), which overflows; false for NaN
            raise ValueError(expected)
        return float(value)


@attrs.frozen
class Seconds:
    """A duration such as ``"30s"`` between two bounds, read as seconds."""

    low: float
    high: float = 7 * 86400.0

    def read(self, value: object) -> float:
        """The duration in seconds."""
        if type(value) is not str:
            raise ValueError(
                f'expected a duration in quotes such as "250ms" or "30s", got {toml_type(value)}'
            )
        seconds = parse_duration(value)
        if not self.low <= seconds <= self.high:
            raise ValueError(f"expected a duration from {_bound(self.low)} to {_bound(self.high)}")
        return seconds


@attrs.frozen
class Line:
    """A text that fits into one line of AMI: not empty, no CR, LF, NUL or other control byte."""

    what: str
    max_bytes: int = 200

    def read(self, value: object) -> str:
        """The text as it is, case kept."""
        text = check_type(value, str)
        if not text:
            raise ValueError(f"expected {self.what}, got an empty string")
        check_line(text, self.what)
        if not text.isprintable():
            raise ValueError(f"expected {self.what} without control characters")
        if text != text.strip():
            raise ValueError(f"expected {self.what} without blanks at its ends")
        if len(text.encode()) > self.max_bytes:
            raise ValueError(f"expected {self.what} of at most {self.max_bytes} bytes")
        return text


@attrs.frozen
class Name:
    """The name of a server: a line that is no list, no glob and no word with a meaning of its own."""

    what: str
    reserved: tuple[str, ...] = ()

    def read(self, value: object) -> str:
        """The name as it is, case kept."""
        text = Line(self.what, 64).read(value)
        if not set(text).isdisjoint(",*?[]"):
            raise ValueError(f"expected {self.what} without , * ? [ ] (lists and globs in 'Server:')")
        if text.lower() in self.reserved:
            raise ValueError(f"expected another name: {', '.join(self.reserved)} are words of default_server")
        return text


@attrs.frozen
class Host:
    """A host name or an address, without port and without brackets."""

    def read(self, value: object) -> str:
        """The host as it is."""
        text = Line("a host name or an address", 253).read(value)
        if any(char.isspace() for char in text) or "/" in text:
            raise ValueError("expected a host name or an address, without blanks or slashes")
        if text.startswith("["):
            raise ValueError("expected an IPv6 address without brackets")
        if text.count(":") == 1:
            raise ValueError("expected a host without a port: the port has its own key")
        if text == "*":
            raise ValueError('expected an address: all of them are "0.0.0.0" (IPv4) or "::" (IPv6)')
        return text


@attrs.frozen
class PageOrigin:
    """Where pages of the web are from: a scheme, a host and perhaps a port."""

    def read(self, value: object) -> str:
        """The origin as it is."""
        text = check_type(value, str)
        if read_origin(text) is None:
            raise ValueError('expected an origin such as "https://app.example.com", without a path')
        return text


@attrs.frozen
class Network:
    """An IP address or a network of them, such as ``192.0.2.0/24``."""

    def read(self, value: object) -> str:
        """The network in its shortest spelling; a single address is a network of one."""
        text = check_type(value, str)
        try:
            return str(ipaddress.ip_network(text))
        except ValueError:
            problem = 'expected an address or a network such as "192.0.2.7" or "2001:db8::/32"'
        if "/" in text:
            problem += ", with no bits set behind the prefix"
        raise ValueError(problem)


@attrs.frozen
class FileMode:
    """The permissions of a file as ``chmod`` takes them, in octal digits."""

    def read(self, value: object) -> str:
        """The digits as they are."""
        text = check_type(value, str)
        if not 3 <= len(text) <= 4 or not set(text) <= set("01234567") or int(text, 8) > 0o777:
            raise ValueError('expected the permissions of a file in octal digits, such as "0600"')
        return text


@attrs.frozen
class EventMaskText:
    """The header ``Events`` of a login: on, off, a number of bits, or classes with commas between."""

    classes: tuple[str, ...]

    def read(self, value: object) -> str:
        """The mask without blanks, in small letters."""
        text = check_type(value, str).replace(" ", "").lower()
        if text in ("on", "off") or (text.isascii() and text.isdigit() and len(text) <= 10):
            return text
        for word in text.split(","):
            if word not in self.classes:
                hint = suggestion(word, ("on", "off", *self.classes))
                raise ValueError(f'expected "on", "off" or classes such as "call,agent"{hint}')
        return text


@attrs.frozen
class ServerKind:
    """The kind of a server; which one it is decides before this is read what other keys it may have."""

    kinds: tuple[str, ...] = ("asterisk", "voipmonitor")

    def read(self, value: object) -> str:
        """The kind as it is."""
        return check_choice(value, self.kinds)


@attrs.frozen
class ClassOfEvents:
    """A class that may be read; of rights to act it is told where they stand."""

    classes: tuple[str, ...]
    acting: tuple[str, ...]

    def read(self, value: object) -> str:
        """The class as it is."""
        if value in self.acting:
            raise ValueError(f"expected a class of events; {value!r} is a right to act: see write")
        return check_choice(value, self.classes)


@attrs.frozen
class EventFilterText:
    """An event filter as it stands in manager.conf, old or new style, or only its right side."""

    def read(self, value: object) -> str:
        """The text as it is."""
        text = check_type(value, str)
        check_line(text, "an event filter")
        rule = parse_setting(text)
        if isinstance(rule, BadFilter):  # its detail would repeat the value
            raise ValueError(f"expected an event filter as in manager.conf: {rule.message.decode()}")
        return text


def toml_type(value: object) -> str:
    """What TOML calls the type of a value, with its article; the value itself is not shown."""
    return TOML_TYPES.get(type(value), "a date or time")


def check_type(value: object, wanted: type[str]) -> str:
    """The value, if it is exactly of this type.

    Raises:
        ValueError: it is of another one.
    """
    if type(value) is not wanted:
        raise ValueError(f"expected {TOML_TYPES[wanted]}, got {toml_type(value)}")
    return value


def check_line(text: str, what: str) -> None:
    """Refuse CR, LF and NUL: with them a value becomes a second header or a second frame.

    Raises:
        ValueError: the text holds one; it is not shown.
    """
    if not {"\r", "\n", "\0"}.isdisjoint(text):
        raise ValueError(f"expected no CR, LF or NUL in {what}")


def check_choice(value: object, choices: Sequence[str]) -> str:
    """The value, if it is one of the words.

    Raises:
        ValueError: it is not; names the choices and, where one is close, which was probably meant.
    """
    text = check_type(value, str)
    if text not in choices:
        listed = " or ".join(f'"{choice}"' for choice in choices) if len(choices) < 5 else ", ".join(choices)
        raise ValueError(f"expected {listed}{suggestion(text, choices)}")
    return text


def suggestion(word: str, known: Sequence[str]) -> str:
    """`` (did you mean 'port'?)`` for something close to a known word, else nothing."""
    close = difflib.get_close_matches(word[:80].lower(), known, 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _bound(seconds: float) -> str:
    return format_duration(seconds) if seconds else "0s"
