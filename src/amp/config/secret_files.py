"""Which files of a configuration hold secrets, so that it can be told who else may read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from amp.config.drop_ins import FOLDER, merged
from amp.config.source import read_toml

__all__ = ["SECRET_KEYS", "configuration_files", "named_files"]

SECRET_KEYS: Final = frozenset(("secret", "secret_hash", "proxy_key", "key", "iv", "popup", "password"))
"""Keys whose value may be a secret in the file itself, or ``{ file = ... }``."""
SECRET_PATHS: Final = ("key_conf", "key_php", "private_key", "ssh_identity")


def configuration_files(path: Path) -> Iterator[tuple[Path, bool]]:
    """The configuration and its drop-ins, each with whether a secret stands in it.

    A pipe is passed over: it cannot be read a second time.
    """
    for file in (path, *sorted((path.parent / FOLDER).glob("*.toml"))):
        if file.is_file():
            yield file, _has_inline_secret(read_toml(file)[0])


def named_files(path: Path) -> list[Path]:
    """The files that a configuration names and that hold secrets; they need not be there."""
    data = read_toml(path)[0] if path.is_file() else {}
    return sorted(set(_named(merged(data, path.parent).data, path.parent)))


def _has_inline_secret(data: object) -> bool:
    if isinstance(data, Mapping):
        return any(
            (key in SECRET_KEYS and isinstance(value, str)) or _has_inline_secret(value)
            for key, value in data.items()
        )
    return isinstance(data, list) and any(map(_has_inline_secret, data))


def _named(data: object, folder: Path) -> Iterator[Path]:
    if isinstance(data, list):
        for item in data:
            yield from _named(item, folder)
    elif isinstance(data, Mapping):
        for key, value in data.items():
            if key in SECRET_KEYS and isinstance(value, Mapping) and isinstance(value.get("file"), str):
                yield folder / value["file"]
            elif key in SECRET_PATHS and isinstance(value, str):
                yield folder / value
            else:
                yield from _named(value, folder)
