"""Files that are no TOML, or no files."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amp.config.load import load
from amp.config.source import MAX_FILE_BYTES
from amp.errors import ConfigError
from config.loading import load_text, problems

BOM = "line 1, column 1: a byte order mark (BOM); save the file as UTF-8 without one"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"[proxy]\nname = ", "line 2, column 8 (end of the file): invalid value"),
        (b"[proxy]\nname = x", "line 2, column 8: invalid value"),
        (
            b"[proxy]\nname = 'x' y",
            "line 2, column 12: expected newline or end of document after a statement",
        ),
        (b"[proxy]\n[proxy]", "line 2, column 7: cannot declare ('proxy',) twice"),
        (b'a = "\x00"', "line 1, column 6: illegal character '\\\\x00'"),
        (b"[proxy]\nname = 'caf\xe9'", "line 2, column 12: not UTF-8 text"),
        (b"\xef\xbb\xbf[proxy]", BOM),
        ("[proxy]".encode("utf-16"), BOM),
        (b"a = " + b"9" * 5000, "not TOML: a number with too many digits"),
        (b"a = 2023-02-30", "line 1, column 5: invalid date or datetime"),
        (b"a = " + b"[" * 100_000, "not TOML: arrays or tables inside each other too deep"),
        (b"#" * (MAX_FILE_BYTES + 1), "cannot read: larger than 4 MB"),
    ],
)
def test_a_syntax_error_tells_line_and_column(tmp_path: Path, text: bytes, problem: str) -> None:
    assert problems(tmp_path, text) == [problem]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.toml: cannot read: No such file or directory"):
        load(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="cannot read: Is a directory"):
        load(str(tmp_path))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(), st.text(alphabet="[]{}=\"#\n .,019aTe-_\\'").map(str.encode)))
def test_garbage_gives_problems_or_a_configuration(tmp_path: Path, garbage: bytes) -> None:
    with contextlib.suppress(ConfigError):
        load_text(tmp_path, garbage)
