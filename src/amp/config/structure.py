"""Plain TOML values into the classes of `amp.config.schema`, by a strict cattrs converter.

cattrs converts by default (``"5"`` becomes 5, ``"no"`` becomes True) and repeats values in its errors.
Every hook here is therefore our own: nothing is converted, and no error holds a value.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import attrs
from cattrs import BaseValidationError, Converter, IterableValidationError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, override

from amp.config.certificates import PATH
from amp.config.explain import explain
from amp.config.rules import Rule, check_choice, toml_type
from amp.config.schema import AsteriskServer, Config, VoipmonitorServer, key_of
from amp.config.secret import Secret, SecretReader

__all__ = ["structure"]

Hook = Callable[[Any, Any], Any]

_SECRETS: ContextVar[SecretReader] = ContextVar("secrets")
"""What reads the secrets of the file in hand: its folder and environment. Making a converter takes far longer
than using it, so one serves all files, and this is how its hooks learn which file it is."""


def structure(data: dict[str, object], secrets: SecretReader) -> tuple[Config | None, list[str]]:
    """A parsed file into a `Config`.

    Returns:
        The configuration and no problem, or None and every problem, each beginning with its path.
        What concerns several values at once is not looked at here (`amp.config.checks`).
    """
    problems: list[str] = []
    token = _SECRETS.set(secrets)
    try:
        return _converter().structure(data, Config), problems
    except BaseValidationError as error:
        problems.extend(explain(error))
    finally:
        _SECRETS.reset(token)
    return None, problems


@cache
def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_structure_hook_func(
        lambda cls: cls is Secret, lambda value, _: _SECRETS.get().read(value)
    )
    converter.register_structure_hook(Path, lambda value, _: _path(value))
    converter.register_structure_hook_func(_has_rule, lambda value, cls: _rule(cls).read(value))
    converter.register_structure_hook_func(
        lambda cls: _origin(cls) is Literal, lambda value, cls: check_choice(value, get_args(cls))
    )
    converter.register_structure_hook_factory(
        lambda cls: _origin(cls) is tuple, lambda cls: _array_hook(converter, cls)
    )
    converter.register_structure_hook_func(
        lambda cls: cls == AsteriskServer | VoipmonitorServer, lambda value, _: _server(converter, value)
    )
    converter.register_structure_hook_factory(attrs.has, lambda cls: _table_hook(converter, cls))
    return converter


def _path(value: object) -> Path:
    """A file's path; a relative one counts from the configuration file's folder, as those of secrets do."""
    return _SECRETS.get().folder / PATH.read(value)


def _server(converter: Converter, value: Any) -> AsteriskServer | VoipmonitorServer:
    """A ``[[server]]``: its ``kind`` says which other keys it takes."""
    sniffer = isinstance(value, dict) and value.get("kind") == "voipmonitor"
    if sniffer:
        return converter.structure(value, VoipmonitorServer)
    return converter.structure(value, AsteriskServer)


def _origin(cls: Any) -> Any:
    return get_origin(cls)


def _has_rule(cls: Any) -> bool:
    return _origin(cls) is Annotated and isinstance(cls.__metadata__[0], Rule)


def _rule(cls: Any) -> Rule:
    rule = cls.__metadata__[0]
    assert isinstance(rule, Rule)
    return rule


def _table_hook(converter: Converter, cls: type[attrs.AttrsInstance]) -> Hook:
    attrs.resolve_types(cls)
    renamed: dict[str, Any] = {field.name: override(rename=key_of(field.name)) for field in attrs.fields(cls)}
    inner: Hook = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, **renamed)

    def read_table(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"expected a table, got {toml_type(value)}")
        return inner(value, cls)

    return read_table


def _array_hook(converter: Converter, cls: Any) -> Hook:
    item = get_args(cls)[0]
    inner: Hook = converter.get_structure_hook(item)

    def read_array(value: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            hint = ": its head is written with two brackets" if isinstance(value, dict) else ""
            raise ValueError(f"expected an array, got {toml_type(value)}{hint}")
        items: list[Any] = []
        errors: list[Exception] = []
        for index, element in enumerate(value):
            try:
                items.append(inner(element, item))
            except (ValueError, BaseValidationError) as error:
                error.add_note(IterableValidationNote("", index, item))
                errors.append(error)
        if errors:
            raise IterableValidationError("", errors, cls)
        return tuple(items)

    return read_array
