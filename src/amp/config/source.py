"""A configuration file into plain TOML values, with line and column where it is no TOML."""

from __future__ import annotations

import codecs
import re
import tomllib
from pathlib import Path

__all__ = ["read_toml"]

MAX_FILE_BYTES = 4 << 20
PLACE = re.compile(r"(.*) \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)", re.DOTALL)
BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_toml(path: Path) -> tuple[dict[str, object], list[str]]:
    """The values of a file.

    Returns:
        The values and no problem, or an empty table and the one problem that kept us from reading.
        A problem repeats nothing of the file but a key or a single character.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return {}, [f"cannot read: {error.strerror}"]
    if len(data) > MAX_FILE_BYTES:
        return {}, [f"cannot read: larger than {MAX_FILE_BYTES >> 20} MB"]
    if data.startswith(BOMS):
        return {}, ["line 1, column 1: a byte order mark (BOM); save the file as UTF-8 without one"]
    return _parse(data)


def _parse(data: bytes) -> tuple[dict[str, object], list[str]]:
    try:
        return tomllib.loads(data.decode()), []
    except UnicodeDecodeError as error:
        return {}, [f"{_place(data[: error.start].decode())}: not UTF-8 text"]
    except tomllib.TOMLDecodeError as error:
        return {}, [_syntax_problem(str(error), data.decode())]
    except ValueError:  # int() refuses more than 4300 digits; tomllib lets its error through, without a place
        return {}, ["not TOML: a number with too many digits"]
    except RecursionError:
        return {}, ["not TOML: arrays or tables inside each other too deep"]


def _syntax_problem(message: str, text: str) -> str:
    match = PLACE.fullmatch(message)
    if match is None:
        return f"not TOML: {ascii(message)[1:-1]}"
    place = f"line {match[2]}, column {match[3]}" if match[2] else f"{_place(text)} (end of the file)"
    return f"{place}: {match[1][:1].lower()}{ascii(match[1])[2:-1]}"


def _place(before: str) -> str:
    """Where the text behind ``before`` stands; both count from 1."""
    line = before.count("\n") + 1
    return f"line {line}, column {len(before) - before.rfind(chr(10))}"
