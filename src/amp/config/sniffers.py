"""``[[server]]`` of kind ``voipmonitor``: its class, and the rules that only it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

import attrs

from amp.config.rules import Host, Line, Name, Seconds, Whole, suggestion, toml_type
from amp.config.secret import Secret
from amp.errors import ConfigError, LocalProtocolError

__all__ = [
    "NO_CIPHER",
    "Durations",
    "Freshness",
    "SnifferCommands",
    "SshTarget",
    "VoipmonitorServer",
    "Watch",
    "key_problem",
]

NO_CIPHER: Final = "none"
SSH_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
SSH_HOST: Final = re.compile(
    r"[A-Za-z0-9_][A-Za-z0-9_.-]*|[0-9A-Fa-f.]*(:[0-9A-Fa-f.]*){2,}(%[A-Za-z0-9_.-]+)?"
)
SSH_PATH: Final = re.compile(r"/[A-Za-z0-9_./@+,=-]+")
"""What `ssh` takes as it is: no sign that its command line or its files give a meaning of its own."""

MAX_SOCKET_PATH: Final = 107
"""Bytes of ``sun_path`` on Linux, without its NUL."""
GUI: Final = "gui"
OFF: Final = "off"


@attrs.frozen
class Durations:
    """A table of durations with some known keys; keys that are left out keep their default."""

    keys: tuple[str, ...]
    default: tuple[tuple[str, float], ...] = ()
    low: float = 0.0

    def read(self, value: object) -> Mapping[str, float]:
        """Seconds by key."""
        if not isinstance(value, dict):
            raise ValueError(f"expected a table of durations, got {toml_type(value)}")
        for key in value:
            if key not in self.keys:
                raise ValueError(f"expected some of {', '.join(self.keys)}{suggestion(key, self.keys)}")
        rule = Seconds(self.low, 86400.0)
        return MappingProxyType(
            {**dict(self.default), **{key: rule.read(text) for key, text in value.items()}}
        )


WATCHED: Final = Durations(("calls", "stat"), (("calls", 2.0), ("stat", 10.0)), 0.1)


@attrs.frozen
class Watch:
    """How often a sniffer is asked while somebody watches it: a table of durations, ``"off"`` for never."""

    def read(self, value: object) -> Mapping[str, float]:
        """Seconds for ``calls`` and for ``stat``; 0 for never."""
        if value == OFF:
            value = dict.fromkeys(WATCHED.keys, OFF)
        if not isinstance(value, dict):
            raise ValueError(f'expected a table of durations, or "off", got {toml_type(value)}')
        off = {key: 0.0 for key, text in value.items() if text == OFF and key in WATCHED.keys}
        asked = {key: text for key, text in value.items() if key not in off}
        return MappingProxyType({**WATCHED.read(asked), **off})


@attrs.frozen
class Freshness:
    """A table of durations by sniffer command."""

    def read(self, value: object) -> Mapping[str, float]:
        """Seconds by command; only of those whose replies can be shared."""
        from amp.core.voipmonitor.commands import COMMANDS  # only who has sniffers pays for it

        return Durations(tuple(sorted(n for n, spec in COMMANDS.items() if spec.shareable))).read(value)


@attrs.frozen
class SnifferCommands:
    """The commands of a sniffer that a user has: names, patterns, or the preset ``gui``."""

    def read(self, value: object) -> tuple[str, ...]:
        """The words as they are."""
        words = [value] if value == GUI else value
        if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
            raise ValueError('expected an array of strings, or "gui"')
        from amp.core.voipmonitor.commands import COMMANDS
        from amp.core.voipmonitor.rights import word_problems

        for index, word in enumerate(words):
            if any(word_problems(word)):
                hint = suggestion(word, (*COMMANDS, GUI))
                what = "commands of a sniffer, or patterns of some that change nothing"
                raise ValueError(f"expected {what}, at {index}{hint}")
        return tuple(words)


@attrs.frozen
class SshTarget:
    """``user@host`` or ``host``, as `ssh` takes it; never what it could take for an option."""

    def read(self, value: object) -> str:
        """The target as it is."""
        text = Line("an SSH target", 253).read(value)
        user, at, host = text.rpartition("@")
        if (at and not SSH_USER.fullmatch(user)) or not SSH_HOST.fullmatch(host):
            raise ValueError('expected "user@host" or "host" as ssh takes it; ssh_port has its port')
        return text


@attrs.frozen(kw_only=True)
class VoipmonitorServer:
    """``[[server]]`` of kind ``voipmonitor``: one sniffer that amp asks; with ``sensors`` a fleet."""

    kind: Literal["voipmonitor"]
    name: Annotated[str, Name("a server's name", reserved=("first", "none"))]
    sensor_id: Annotated[int, Whole(0, 1_000_000)] | None = None
    host: Annotated[str, Host()] | None = None
    port: Annotated[int, Whole(1, 65535)] = 5029
    socket: Path | None = None
    ssh: Annotated[str, SshTarget()] | None = None
    ssh_port: Annotated[int, Whole(1, 65535)] | None = None
    ssh_identity: Path | None = None
    ssh_known_hosts: Path | None = None
    sensors: Literal["database"] | None = None
    encryption: Literal["aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "none"] = "aes-128-cbc"
    key: Secret | None = None
    iv: Secret | None = None
    key_conf: Path | None = None
    key_php: Path | None = None
    freshness: Annotated[Mapping[str, float], Freshness()] = MappingProxyType({})
    watch: Annotated[Mapping[str, float], Watch()] = MappingProxyType(dict(WATCHED.default))
    popup: Secret | None = None
    exchanges: Annotated[int, Whole(1, 64)] = 4
    waiting: Annotated[int, Whole(1, 10_000)] = 200
    wait_timeout_s: Annotated[float, Seconds(0.1)] = 10.0
    connect_timeout_s: Annotated[float, Seconds(0.1)] = 5.0
    answer_timeout_s: Annotated[float, Seconds(0.1)] = 15.0
    progress_timeout_s: Annotated[float, Seconds(0.1)] = 15.0
    whole_timeout_s: Annotated[float, Seconds(0.1)] = 60.0
    reply_bytes: Annotated[int, Whole(4096, 1 << 34, "bytes")] = 67_108_864

    def __attrs_post_init__(self) -> None:
        """Refuse a place or a key that cannot work."""
        if problem := next(self._place_problems(), ""):
            raise ValueError(problem)
        if (self.key is None) != (self.iv is None):
            raise ValueError("expected key and iv together")
        problem = key_problem(self.key, self.iv, self.encryption)
        if problem:
            raise ValueError(problem)
        if self.popup is not None and not _is_popup(self.popup.reveal()):
            raise ValueError("expected the words USER PASSWORD KEY in popup, the last may be left out")

    def _place_problems(self) -> Iterator[str]:
        if self.sensors is not None:
            for key in ("host", "socket", "ssh", "sensor_id"):
                if getattr(self, key) is not None:
                    yield f"expected no {key} beside sensors: the database tells where each sensor is"
        elif (self.host is None) == (self.socket is None):
            yield "expected either host or socket"
        for key in ("ssh_port", "ssh_identity", "ssh_known_hosts"):
            if getattr(self, key) is not None and self.ssh is None:
                yield f"expected ssh beside {key}"
        if self.ssh is not None:
            yield from self._ssh_problems()

    def _ssh_problems(self) -> Iterator[str]:
        for key in ("socket", "ssh_identity", "ssh_known_hosts"):
            path = getattr(self, key)
            if path is not None and not SSH_PATH.fullmatch(str(path)):
                yield f"expected in {key} a path without blanks and signs that mean something to ssh"
        if self.host is not None and not SSH_HOST.fullmatch(self.host):
            yield "expected in host a name or an address without signs that mean something to ssh"
        if self.socket is not None and len(str(self.socket)) > MAX_SOCKET_PATH:
            yield f"expected in socket a path of at most {MAX_SOCKET_PATH} bytes"

    @property
    def place(self) -> str:
        """Where it is, for people."""
        if self.sensors is not None:
            return "the sensors of the database"
        there = f"[{self.host}]:{self.port}" if ":" in str(self.host) else f"{self.host}:{self.port}"
        if self.socket is not None:
            there = str(self.socket)
        return f"{there} at {self.ssh}" if self.ssh is not None else there


def _is_popup(words: str) -> bool:
    """Whether they can stand behind ``login_screen_popup``."""
    from amp.core.voipmonitor.command import parse_command

    try:
        parse_command(b"login_screen_popup " + words.encode())
    except LocalProtocolError:
        return False
    return True


def key_problem(key: Secret | None, iv: Secret | None, encryption: str) -> str:
    """What is wrong with a key in base64; empty if nothing is."""
    if key is None or iv is None:
        return ""
    from amp.core.voipmonitor.cipher import Cipher
    from amp.core.voipmonitor.key_forms import from_base64

    try:
        found = from_base64(key.reveal(), iv.reveal(), source="key")
        if encryption != NO_CIPHER:
            Cipher(encryption, found)
    except ConfigError as error:
        return ", ".join(error.problems)
    except LocalProtocolError as error:
        return str(error)
    return ""
