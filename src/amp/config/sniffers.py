"""``[[server]]`` of kind ``voipmonitor``: its class, and the rules that only it needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

import attrs

from amp.config.rules import Host, Name, Seconds, Whole, suggestion, toml_type
from amp.config.secret import Secret
from amp.errors import ConfigError, LocalProtocolError

__all__ = ["Durations", "Freshness", "SnifferCommands", "VoipmonitorServer", "Watch", "key_problem"]

NO_CIPHER: Final = "none"
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


@attrs.frozen(kw_only=True)
class VoipmonitorServer:
    """``[[server]]`` of kind ``voipmonitor``: one sniffer that amp asks."""

    kind: Literal["voipmonitor"]
    name: Annotated[str, Name("a server's name", reserved=("first", "none"))]
    sensor_id: Annotated[int, Whole(0, 1_000_000)] | None = None
    host: Annotated[str, Host()] | None = None
    port: Annotated[int, Whole(1, 65535)] = 5029
    socket: Path | None = None
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
        if (self.host is None) == (self.socket is None):
            raise ValueError("expected either host or socket")
        if (self.key is None) != (self.iv is None):
            raise ValueError("expected key and iv together")
        if self.encryption != NO_CIPHER and not self.has_key:
            raise ValueError('expected a key (key and iv, key_conf or key_php), or encryption = "none"')
        problem = key_problem(self.key, self.iv, self.encryption)
        if problem:
            raise ValueError(problem)
        if self.popup is not None and not _is_popup(self.popup.reveal()):
            raise ValueError("expected the words USER PASSWORD KEY in popup, the last may be left out")

    @property
    def has_key(self) -> bool:
        """Whether it says where a key can be found."""
        return any(source is not None for source in (self.key, self.key_conf, self.key_php))

    @property
    def place(self) -> str:
        """Where it is, for people."""
        if self.socket is not None:
            return str(self.socket)
        return f"[{self.host}]:{self.port}" if ":" in str(self.host) else f"{self.host}:{self.port}"


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
