"""The line under a key's heading in docs/configuration.md, made from the class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from amp.config.rules import ClassOfEvents, Number, Seconds, ServerKind, Whole
from amp.config.schema import (
    AsteriskServer,
    Database,
    Limits,
    Listen,
    Log,
    Metrics,
    Proxy,
    Simulate,
    User,
    VoipmonitorServer,
    key_of,
)
from amp.config.secret import Secret
from amp.config.sniffers import Durations, Freshness, SnifferCommands, Watch
from amp.config.units import format_duration

SECTIONS: dict[str, type[attrs.AttrsInstance]] = {
    "proxy": Proxy,
    "listen": Listen,
    "server": AsteriskServer,
    "user": User,
    "limits": Limits,
    "log": Log,
    "metrics": Metrics,
    "database": Database,
    "simulate": Simulate,
}
CLASSES: list[tuple[str, type[attrs.AttrsInstance]]] = [*SECTIONS.items(), ("server", VoipmonitorServer)]
"""Every class with its section: a server is one of two kinds."""
ARRAYS = {"listen", "server", "user"}


def described_keys() -> Iterator[tuple[str, str, str]]:
    """Section, key and line of every key."""
    for section, cls in CLASSES:
        hints = get_type_hints(cls, include_extras=True)
        for field in attrs.fields(cls):
            key = key_of(field.name)
            yield section, key, f"*{kind(hints[field.name])}. {default(field)}.*"


def kind(hint: Any) -> str:
    """What a value must be, in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Secret:
        return "Secret"
    if hint is bool:
        return "`true` or `false`"
    if hint is Path:
        return "Path"
    if origin is Literal:
        return "One of " + ", ".join(f"`{toml(word)}`" for word in arguments)
    if origin is tuple:
        return "Array of strings" + (f": {kind(arguments[0]).lower()}" if words(hint) else "")
    if origin in (Union, UnionType):
        return kind(arguments[0])
    assert origin is Annotated, hint
    return bounds(hint.__metadata__[0])


def words(hint: Any) -> bool:
    """Whether an array takes only a few words."""
    item = get_args(hint)[0]
    return get_origin(item) is Literal or isinstance(getattr(item, "__metadata__", [None])[0], ClassOfEvents)


def bounds(rule: Any) -> str:
    """A rule's type, bounds and unit."""
    if isinstance(rule, Whole):
        return f"Whole number{' of ' + rule.unit if rule.unit else ''}, {rule.low} to {rule.high}"
    if isinstance(rule, Number):
        return f"Number, {rule.low:g} to {rule.high:g}"
    if isinstance(rule, Seconds):
        return f"Duration, {format_duration(rule.low)} to {format_duration(rule.high)}"
    if isinstance(rule, ClassOfEvents):
        return "One of " + ", ".join(f"`{toml(word)}`" for word in rule.classes)
    if isinstance(rule, ServerKind):
        return "One of " + ", ".join(f"`{toml(word)}`" for word in rule.kinds)
    if isinstance(rule, Watch):
        return 'Table of durations, or `"off"`'
    if isinstance(rule, Durations | Freshness):
        return "Table of durations"
    if isinstance(rule, SnifferCommands):
        return 'Array of strings, or `"gui"`'
    return "String"


def default(field: attrs.Attribute[Any]) -> str:
    """A field's default as TOML writes it."""
    if field.default is attrs.NOTHING:
        return "Required"
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # a class, whatever the stub says
        return "Default: the host name"
    if field.default is None:
        return "Default: none"
    value = format_duration(field.default) if field.name.endswith("_s") else field.default
    return f"Default: `{toml(value)}`"


def toml(value: object) -> str:
    """A plain value in TOML."""
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict | MappingProxyType):
        pairs = (f"{key} = {toml(text(each))}" for key, each in value.items())
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def text(value: object) -> object:
    """A duration as it is written, anything else as it is."""
    return format_duration(value) if isinstance(value, float) else value
